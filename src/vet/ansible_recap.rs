//! After an ansible step: its recap shows a host that went through, and none that did not.
//!
//! ansible-playbook exits 0 where no host matched (reality.md 6). It reads the step's log. It cannot see what the playbook
//! did to the repos: errata-present does.

use super::VetContext;
use super::found::Found;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// How much of the end of the log is read; a recap is the last thing that is printed.
const TAIL: u64 = 256 << 10;

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let step = cx.step.id.as_str();
    let advice = "see the step's log, correct the inventory or the playbook, run it again";
    let Some(text) = cx.log.and_then(|log| tail(log).ok()) else {
        found.blocking("no-log", step, "the step's log could not be read", "run the step again");
        return;
    };
    let text = plain(&text);
    // An attempt that was repeated on the box prints a recap each time; the last one counts.
    let Some(at) = text.rfind("PLAY RECAP") else {
        found.blocking("no-recap", step, "ansible printed no recap, so nobody knows what it did", advice);
        return;
    };
    let (before, recap) = text.split_at(at);
    if before.contains("no hosts matched") {
        found.blocking("no-hosts", step, "ansible matched no host; nothing was published", advice);
    }
    let mut done = false;
    for host in recap.lines().filter_map(Host::parse) {
        if host.failed > 0 || host.unreachable > 0 {
            let message = format!("{} failed, {} unreachable", host.failed, host.unreachable);
            found.blocking("host-failed", host.name, message, advice);
        }
        done |= host.ok > 0;
    }
    if !done {
        found.blocking("nothing-done", step, "ansible's recap shows no host that went through", advice);
    }
}

struct Host<'a> {
    name: &'a str,
    ok: u32,
    unreachable: u32,
    failed: u32,
}

impl<'a> Host<'a> {
    /// Reads `host : ok=4 changed=2 unreachable=0 failed=0 …`.
    fn parse(line: &'a str) -> Option<Self> {
        let (name, counts) = line.split_once(" : ").or_else(|| line.split_once(':'))?;
        let count = |key: &str| {
            let words = counts.split_whitespace().filter_map(|word| word.split_once('='));
            words.filter(|(name, _)| *name == key).find_map(|(_, number)| number.parse::<u32>().ok())
        };
        Some(Self {
            name: name.trim(),
            ok: count("ok")?,
            unreachable: count("unreachable")?,
            failed: count("failed")?,
        })
    }
}

fn tail(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns the text without escape sequences and carriage returns.
fn plain(bytes: &[u8]) -> String {
    struct Text(String);
    impl vte::Perform for Text {
        fn print(&mut self, c: char) {
            self.0.push(c);
        }
        fn execute(&mut self, byte: u8) {
            if byte == b'\n' {
                self.0.push('\n');
            }
        }
    }
    let mut text = Text(String::new());
    vte::Parser::new().advance(&mut text, bytes);
    text.0
}
