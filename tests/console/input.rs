//! A step that waits for input: said on every screen, answered by keys, and nothing of a secret is kept anywhere.

use crate::driver::Console;
use crate::host::Host;
use std::path::Path;

/// What is typed; it must be nowhere on the disk afterwards.
const SECRET: &str = "open-sesame-4711";

/// Begins a run of the one step `8/sync/Rocky` and waits until it asks.
fn asked(host: &Host, question: &str) -> Console {
    let mut console = host.console();
    console.keys("space p");
    console.wait_for(&["1 sync Rocky to staging"]);
    console.keys("r");
    console.wait_for(&["y run"]);
    console.keys("y");
    console.wait_for(&["8/sync/Rocky waits for input", question]);
    console
}

/// Puts `commands` where the sync script begins its work.
fn before_the_sync(host: &Host, commands: &str) {
    let script = host.at("toolkit/sync/sync-to-staging.sh");
    let text = std::fs::read_to_string(&script).unwrap();
    let asks = text.replacen("begin_step ", &format!("{commands}\nbegin_step "), 1);
    assert_ne!(asks, text);
    std::fs::write(&script, asks).unwrap();
}

/// Types the secret, which must not be seen while it is typed, and sends it.
fn answer(console: &mut Console) {
    // Once: a second key would be the first letter of the answer.
    console.keys("i");
    let ready = |screen: &str| screen.contains("enter send it") && !screen.contains("its terminal shows");
    console.wait_until("a dialogue whose terminal shows nothing", ready);
    console.types(SECRET);
    console.wait_for(&[&"•".repeat(SECRET.len())]);
    console.keys("enter");
}

/// Asserts that no file below the state folder holds the secret: journal, logs of steps, console and supervisor,
/// reports, locks.
fn is_kept_nowhere(host: &Host, console: &Console) {
    let mut files = 0;
    for entry in walkdir::WalkDir::new(host.at("state")).into_iter().map(Result::unwrap) {
        if entry.file_type().is_file() {
            files += 1;
            assert!(!holds(&std::fs::read(entry.path()).unwrap()), "{}", entry.path().display());
        }
    }
    assert!(files >= 5, "{files} files were looked at");
    assert!(host.at("state/console.log").exists() && host.run().join("supervisor.log").exists());
    assert!(!holds(console.bytes()), "it reached the engineer's terminal");
    let answers = host.facts("input-given");
    assert!(!answers.is_empty() && answers.iter().all(|fact| fact["by"]["user"].is_string()), "{answers:?}");
}

fn holds(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, SECRET.as_bytes()).is_some()
}

/// Goes through every screen, and back to the run.
fn is_said_on_every_screen(console: &mut Console) {
    let signs = [
        ("1", "composed only"),
        ("2", "flow update"),
        ("4", "not reached yet"),
        ("5", "━ Runs ━"),
        ("6", "━ Console log ━"),
        ("3", "━ Steps ━"),
    ];
    for (key, sign) in signs {
        // A gate does not hear what comes in its first half second.
        console.press_until(key, sign);
        console.wait_for(&[sign, "! 8/sync/Rocky waits for input"]);
    }
}

#[test]
fn the_password_of_sudo_is_asked_on_every_screen_and_kept_nowhere() {
    let host = Host::new(&["prompt"]);
    let mut console = asked(&host, "[sudo] password for");
    is_said_on_every_screen(&mut console);
    answer(&mut console);
    console.wait_for(&["◆ gate               waiting"]);
    console.press_until("6", "━ Console log ━");
    is_kept_nowhere(&host, &console);
}

/// Its wording says nothing of a secret; that its terminal does not show it does.
#[test]
fn what_a_terminal_does_not_show_is_hidden_whatever_it_is_called() {
    let host = Host::new(&[]);
    let answered =
        "stty -echo; printf 'Six digits: '; IFS= read -r x; stty echo; echo; printf 'length %s\\n' ${#x}";
    before_the_sync(&host, answered);
    let mut console = asked(&host, "Six digits:");
    answer(&mut console);
    console.wait_for(&["◆ gate               waiting"]);
    let log = String::from_utf8(host.log("8/sync/Rocky")).unwrap();
    assert!(log.contains(&format!("length {}", SECRET.len())), "the script has it: {log}");
    is_kept_nowhere(&host, &console);
}

/// The dialogue of gpg: curses on the alternate screen, keys one by one, its own stars.
#[test]
fn a_pinentry_is_answered_and_kept_nowhere() {
    let host = Host::new(&[]);
    let real = Path::new("/usr/bin/pinentry-curses").exists();
    let dialogue = if real {
        "own=$(tty); got=$(printf 'SETDESC The key\\nSETPROMPT Passphrase:\\nGETPIN\\nBYE\\n' | pinentry-curses --ttyname \"$own\" --ttytype xterm | sed -n 's/^D //p')"
    } else {
        std::io::Write::write_all(
            &mut std::io::stderr(),
            b"NOT TESTED HERE: pinentry-curses is not installed; a dialogue on the alternate screen stands in\n",
        )
        .unwrap();
        "stty raw -echo; printf '\\e[?1049h\\e[2J\\e[5;5HPassphrase: '; got=; while IFS= read -r -n1 -d '' c && [[ $c != $'\\n' && $c != $'\\r' ]]; do got+=$c; printf '*'; done; stty sane; printf '\\e[?1049l'"
    };
    before_the_sync(&host, &format!("{dialogue}; printf 'length %s\\n' ${{#got}}"));
    let mut console = asked(&host, "full-screen dialogue");
    answer(&mut console);
    console.wait_for(&["◆ gate               waiting"]);
    let log = String::from_utf8_lossy(&host.log("8/sync/Rocky")).into_owned();
    assert!(log.contains(&format!("length {}", SECRET.len())), "the dialogue has it: {log}");
    is_kept_nowhere(&host, &console);
}

/// A run that a command or cron follows asks there too: nobody may be at a console.
#[test]
fn a_follower_without_a_terminal_says_what_is_asked() {
    let host = Host::new(&["prompt"]);
    let mut follower = std::process::Command::new(env!("CARGO_BIN_EXE_stagegate"))
        .args(host.args(&["run", "--release", "8", "--compose", "none", "--sync", "Rocky"]))
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let output = std::io::BufReader::new(follower.stdout.take().unwrap());
    let asks =
        std::io::BufRead::lines(output).map(Result::unwrap).find(|line| line.contains("waits for input"));
    let line = asks.expect("the follower ended without a word");
    assert!(line.starts_with("8/sync/Rocky ") && line.contains("[sudo] password for"), "{line}");
    assert!(line.contains("(answer it in the console: stagegate --state "), "{line}");
    follower.kill().unwrap();
    follower.wait().unwrap();
}
