//! A whole release by keys alone, at 80x24.

use crate::host::Host;

/// Ticks compose and sync of Rocky, Extras and gluster9 of 8, from the first cell of Status.
const TICK_THREE: &str = "c space down down c space down down down c space";

#[test]
fn an_update_of_8_is_ticked_planned_run_vetted_and_published_by_keys() {
    let host = Host::new(&[]);
    let mut console = host.console();
    let repos = ["Rocky", "Rocky-devel", "Extras", "Plus", "NFV", "gluster9", "advanced-virt"];
    console.wait_for(&["8 · 8.10", "9 · 9.", "10 · 10."]);
    console.wait_for(&repos);
    let at_first = console.screen();
    assert_eq!(at_first.matches("composed only").count(), 3, "{at_first}");
    assert_eq!(
        at_first.matches("S ✓current").count() + at_first.matches("S ▼behind").count(),
        18,
        "{at_first}"
    );

    console.keys(TICK_THREE);
    console.wait_until("three repos with both ticks", |screen| screen.matches("CS 2").count() == 3);
    console.keys("p");
    console.wait_for(&[
        "$ RLVER=8 bash sync-to-staging.sh Rocky",
        "$ RLVER=8 bash sync-to-staging-sig.sh gluster9",
    ]);
    console.keys("r");
    console.wait_for(&["Run 12 steps of flow update?", "y run"]);
    console.keys("y");
    console.wait_for(&["◆ gate               waiting", "gluster9", "✓ sign             succeeded"]);

    // What comes in the first half second is not heard, whatever it is.
    console.types("ga8.10 vetted\r");
    console.wait_for(&["Checklist 0/4", "► [ Cancel ]", "press a to type it"]);
    console.press_until("a", "enter accept");
    assert!(!console.screen().contains("8.10 vetted  8"), "{}", console.screen());
    console.paste("8.10 vetted\r");
    console.wait_for(&["pasted text is ignored here"]);
    console.types("8.1 vetted\r");
    console.wait_for(&["Type \"8.10 vetted\"  8.1 vetted"]);
    console.keys(&"backspace ".repeat(10));
    // The right phrase without the checklist does nothing either.
    console.types("8.10 vetted\r");
    console.wait_for(&["Type \"8.10 vetted\"  8.10 vetted", "4 points of the checklist not ticked"]);
    assert!(host.facts("approved").is_empty());

    console.keys("tab tab tab tab space down space down space down space");
    console.wait_for(&["Checklist 4/4", "✓ nothing is in the way"]);
    console.keys("a");
    console.wait_for(&["enter accept"]);
    console.keys(&"backspace ".repeat(11));
    console.types("8.10 vette\r");
    console.wait_for(&["Type \"8.10 vetted\"  8.10 vette "]);
    assert!(host.facts("approved").is_empty(), "{}", host.journal());
    console.types("d\r");
    console.wait_until("the answer to the approval", |screen| !screen.contains("enter accept"));
    console.keys("3");
    console.wait_for(&["✓  PRODUCTION      succeeded", "✓ filelists        succeeded", "✓ finished"]);
    assert_eq!(host.facts("approved").len(), 1, "{}", host.journal());

    console.keys("1");
    console.wait_for(&["finished", "production ✓ current"]);
    console.wait_until("the three repos current everywhere", three_are_current);
    console.keys("q");
    assert!(console.left().success());
    console.is_given_back();
}

/// A gate that asks for a signature: the console signs through the agent, and says so where no key of it may.
#[test]
fn the_console_signs_through_the_agent() {
    let host = Host::new(&[]);
    let keys = tempfile::tempdir().unwrap();
    let agent = Agent::start(keys.path());
    let signers = keys.path().join("allowed_signers");
    let key = std::fs::read_to_string(keys.path().join("key.pub")).unwrap();
    std::fs::write(&signers, format!("lena@example.org {key}")).unwrap();
    let catalog = host.at("stagegate.toml");
    let rules = format!("people = 1\nallowed_signers = \"{}\"", signers.display());
    let text = std::fs::read_to_string(&catalog).unwrap().replacen("people = 1", &rules, 1);
    std::fs::write(&catalog, text).unwrap();
    let ran = host.ask(&["run", "--release", "8", "--flow", "publish"]);
    assert_eq!(ran.status.code(), Some(3), "{ran:?}");

    let mut console =
        host.open_with(&["attach", "latest"], &[("SSH_AUTH_SOCK", agent.socket.to_str().unwrap())]);
    console.wait_for(&["◆ gate               waiting"]);
    console.keys("g");
    console.wait_for(&["Checklist 0/4", "► [ Cancel ]"]);
    // Until the first half second is over, no key counts.
    console.press_until("a", "enter accept");
    console.keys("tab tab tab tab space down space down space down space");
    console.wait_for(&["Checklist 4/4", "✓ nothing is in the way"]);
    console.keys("a");
    console.wait_for(&["enter accept"]);
    console.types("8.10 vetted");
    console.wait_for(&["✓ enter signs with your agent and publishes 8.10 to PRODUCTION now"]);
    console.types("\r");
    console.wait_for(&["no key of the SSH agent is in", "► [ Cancel ]"]);
    assert!(host.facts("approved").is_empty(), "{}", host.journal());
    agent.add("key");
    console.press_until("a", "enter accept");
    console.types("8.10 vetted");
    console.wait_for(&["✓ enter signs with your agent and publishes 8.10 to PRODUCTION now"]);
    console.types("\r");
    console.wait_for(&["✓ finished"]);
    let approved = host.facts("approved");
    assert_eq!(approved.len(), 1);
    assert_eq!(approved[0]["approval"]["signed"]["principal"], "lena@example.org");
    console.keys("q");
    assert!(console.left().success());
    console.is_given_back();
}

/// A real agent; it ends with the test.
struct Agent {
    child: std::process::Child,
    folder: std::path::PathBuf,
    socket: std::path::PathBuf,
}

impl Agent {
    /// Starts one without keys beside a key called `key`.
    fn start(folder: &std::path::Path) -> Self {
        use std::io::BufRead as _;
        use std::process::{Command, Stdio};
        let key = folder.join("key");
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
        assert!(made.unwrap().success());
        let socket = folder.join("agent");
        let agent = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::piped()).spawn();
        let mut child = agent.unwrap();
        // It says where it listens once it does.
        let mut line = String::new();
        std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, folder: folder.to_owned(), socket }
    }

    fn add(&self, key: &str) {
        let mut add = std::process::Command::new("ssh-add");
        add.arg("-q").arg(self.folder.join(key)).env("SSH_AUTH_SOCK", &self.socket);
        assert!(add.status().unwrap().success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // One that has ended needs no end.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Returns whether Rocky, Extras and gluster9 of 8 stand everywhere where they should.
fn three_are_current(screen: &str) -> bool {
    let lines: Vec<&str> = screen.lines().collect();
    ["Rocky ", "Extras ", "gluster9 "].iter().all(|repo| {
        lines.windows(2).any(|pair| {
            pair[0].trim_start().starts_with(repo)
                && pair[1].trim_start_matches([' ', '▌']).starts_with("S ✓current P ✓current")
        })
    })
}
