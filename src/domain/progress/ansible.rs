//! ansible-playbook: which task it is at. How many there will be is not in its output.

use super::Progress;
use crate::domain::log_line;

#[derive(Debug, Default)]
pub(super) struct Ansible {
    tasks: u32,
    at: String,
    recap: Option<Recap>,
}

#[derive(Debug, Default)]
struct Recap {
    hosts: u32,
    bad: u32,
}

impl Ansible {
    pub(super) fn take(&mut self, segment: &str) {
        let text = log_line::plain(segment.as_bytes());
        if let Some(recap) = &mut self.recap {
            recap.take(&text);
        }
        if let Some(name) = heading(&text, "TASK [").or_else(|| heading(&text, "RUNNING HANDLER [")) {
            self.tasks += 1;
            name.clone_into(&mut self.at);
        } else if self.tasks == 0
            && let Some(play) = heading(&text, "PLAY [")
        {
            play.clone_into(&mut self.at);
        } else if text.starts_with("PLAY RECAP *") {
            self.recap = Some(Recap::default());
        }
    }

    pub(super) fn progress(&self) -> Option<Progress> {
        let label = match &self.recap {
            Some(Recap { hosts: 0, .. }) => "recap: no host took part".to_owned(),
            Some(Recap { hosts, bad: 0 }) => format!("recap: {hosts} hosts, all well"),
            Some(Recap { hosts, bad }) => format!("recap: {bad} of {hosts} hosts failed"),
            None if self.tasks > 0 => format!("task {}: {}", self.tasks, self.at),
            None if self.at.is_empty() => return None,
            None => format!("play: {}", self.at),
        };
        Some(Progress::new(None, &label))
    }
}

impl Recap {
    fn take(&mut self, text: &str) {
        let Some((_, counts)) = text.split_once(" : ok=") else { return };
        self.hosts += 1;
        let count = |name: &str| counts.split_ascii_whitespace().find_map(|word| word.strip_prefix(name));
        let none = |name: &str| count(name).is_none_or(|number| number == "0");
        if !none("failed=") || !none("unreachable=") {
            self.bad += 1;
        }
    }
}

fn heading<'a>(text: &'a str, kind: &str) -> Option<&'a str> {
    let (name, stars) = text.strip_prefix(kind)?.rsplit_once(']')?;
    stars.trim().bytes().all(|byte| byte == b'*').then_some(name)
}
