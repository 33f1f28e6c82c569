//! Logs of lanes side by side, and what scripts cannot do to the engineer's terminal.

use crate::host::Host;

/// What a script may print to take over a terminal: the clipboard, the title, the screen, the cursor.
const ATTACK: &str = r"printf 'lane \033]52;c;c3RvbGVu\007\033]0;stolen title\007\033[?1049l\033[2J\033[1;1Hplanted\033[?25h words\n'";

#[test]
fn two_lanes_show_their_logs_at_once_and_no_sequence_of_theirs_reaches_the_terminal() {
    let host = Host::new(&["step-hangs@8/sync/Rocky", "step-hangs@9/sync/Rocky"]);
    let script = host.at("toolkit/sync/sync-to-staging.sh");
    let text = std::fs::read_to_string(&script).unwrap();
    let attacked = text.replacen("begin_step ", &format!("{ATTACK}\nbegin_step "), 1);
    assert_ne!(attacked, text);
    std::fs::write(&script, attacked).unwrap();

    let mut console = host.console();
    console.keys("space right space p");
    console.wait_for(&["plan ", "1 sync Rocky to staging"]);
    console.keys("r");
    console.wait_for(&["y run"]);
    console.keys("y");
    console.wait_for(&["you have the helm", "Still waiting..."]);
    console.keys("v");
    let both = |screen: &str| {
        screen.lines().any(|line| line.matches("Still waiting...").count() == 2)
            && ["━ 8/sync/Rocky ━", "─ 9/sync/Rocky ─"].iter().all(|title| screen.contains(title))
    };
    console.wait_until("the logs of both lanes", both);
    let screen = console.screen();
    let planted = screen.lines().find(|line| line.contains("lane ")).unwrap();
    assert_eq!(planted.matches("planted words").count(), 2, "what the script said is there: {screen}");
    assert!(screen.lines().next().unwrap().contains("Rocky Linux (practice)"), "{screen}");
    for log in ["8/sync/Rocky", "9/sync/Rocky"] {
        let log = String::from_utf8(host.log(log)).unwrap();
        assert!(log.contains("\x1b]52;c;c3RvbGVu\x07"), "the log keeps what was printed: {log:?}");
    }
    let wrote = String::from_utf8_lossy(console.bytes()).into_owned();
    for sequence in ["\x1b]", "c3RvbGVu", "stolen", "\x1b[?1049l", "\x1b[?25h", "\x07"] {
        assert!(!wrote.contains(sequence), "{sequence:?} reached the terminal");
    }
    console.keys("v");
    console.wait_for(&["━ Steps ━"]);
}
