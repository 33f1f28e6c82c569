//! `createrepo_c`, and the scripts that run it repo after repo: it says which repo it writes, no percentages.

use super::{Progress, part};

const OUTPUT: &str = "Temporary output repo path: ";

#[derive(Debug)]
pub(super) struct Createrepo {
    expected: Option<u32>,
    begun: u32,
    finished: u32,
    /// Whether the last thing seen was a heading.
    between: bool,
    repo: String,
    heading: String,
}

impl Createrepo {
    pub(super) fn new(expected: Option<u32>) -> Self {
        Self { expected, begun: 0, finished: 0, between: false, repo: String::new(), heading: String::new() }
    }

    pub(super) fn take(&mut self, segment: &str) {
        if let Some((_, path)) = segment.split_once(OUTPUT) {
            self.begun += 1;
            self.between = false;
            self.repo = short(path.trim().trim_end_matches(".repodata/"));
        } else if segment.starts_with("Pool finished") {
            self.finished += 1;
        } else if segment.contains("Interrupt caught: Terminating") {
            // Said even after the pool has finished; the repo was not updated then.
            self.finished = self.finished.saturating_sub(1);
        } else if let Some(heading) = segment.strip_prefix("** ") {
            // What the toolkit's prep scripts print between their parts.
            self.between = true;
            heading.trim().trim_end_matches(['*', ' ']).clone_into(&mut self.heading);
        }
    }

    pub(super) fn progress(&self) -> Option<Progress> {
        if self.begun == 0 {
            return (!self.heading.is_empty()).then(|| Progress::new(None, &self.heading));
        }
        let fraction = self.expected.and_then(|expected| part(self.finished, expected.max(self.begun)));
        let label = match self.expected {
            _ if self.between => format!("{} repos, {}", self.finished, self.heading),
            Some(expected) => format!("repo {} of {expected}: {}", self.begun, self.repo),
            None => format!("repo {}: {}", self.begun, self.repo),
        };
        Some(Progress::new(fraction, &label))
    }
}

/// Returns the last three folders of a path, which tell a variant's repos apart.
fn short(path: &str) -> String {
    let folders: Vec<&str> = path.split('/').filter(|folder| !folder.is_empty()).collect();
    folders[folders.len().saturating_sub(3)..].join("/")
}
