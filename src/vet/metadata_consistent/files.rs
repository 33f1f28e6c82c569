//! One repo: each file that its `repomd.xml` names, and whether those that list packages list the same ones.
//!
//! Each file is read once, and hashed while it is read. A file that cannot be read is one finding; the others are read
//! all the same.

use super::packages::{self, Unread};
use super::shelf::Shelf;
use super::twice::{Twice, twice};
use super::{CHECK, Flaw};
use crate::compose::pulse::Pulse;
use crate::domain::finding::{Finding, Severity};
use crate::repodata::listed::Listed;
use crate::repodata::{Checked, Data, Mismatch, PackageList, Problem, Repo, RepodataError, Verify, Want};
use crate::vet::places::shown;
use crate::vet::repos::{Opened, unreadable};
use crate::vet::{Reading, VetContext};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

const ADVICE: &str = "run createrepo on the repo again, then sign it again";

/// What was found of one repo.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Where it is.
    pub(super) repo: PathBuf,
    /// Whether it is known which packages it names.
    pub(super) is_known: bool,
    /// What is wrong.
    pub(super) flaws: Vec<Flaw>,
    /// The packages that are there with the right size, if they are to be read.
    pub(super) unread: Vec<Unread>,
}

/// Returns how many bytes of metadata a repo says that it has.
pub(super) fn bytes(repo: &Opened) -> u64 {
    let data = repo.as_ref().map(|repo| repo.repomd().data.as_slice()).unwrap_or_default();
    data.iter().filter_map(|data| data.size).fold(0, u64::saturating_add)
}

/// Looks at the repo at `path`.
pub(super) fn look(path: &Path, repo: &Repo, shelf: &Shelf<'_>, cx: &VetContext<'_>) -> Looked {
    let pulse = cx.pulse;
    let begin = || Look {
        path,
        repo,
        pulse,
        reading: cx.reading,
        looked: Looked { repo: path.to_owned(), ..Looked::default() },
    };
    let mut look = begin();
    let list = look.primary(shelf);
    // Both need the list and not each other; they are as long as primary.xml, and whoever checks one large repo waits for them.
    std::thread::scope(|scope| {
        let beside = scope.spawn(|| {
            let mut look = begin();
            look.compared("other", list.as_ref());
            look.looked.flaws
        });
        look.compared("filelists", list.as_ref());
        // A panic there is a defect of ours, and goes on here.
        look.looked.flaws.extend(beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
    });
    let mut read = Vec::new();
    for data in &repo.repomd().data {
        let lists = ["primary", "filelists", "other"].contains(&data.kind.as_str());
        if lists && !read.contains(&data.kind) {
            read.push(data.kind.clone());
        } else {
            let checked = repo.check(data, pulse);
            look.file(data, checked);
        }
        if data.checksum.is_none() {
            let message = "has no checksum in repomd.xml, so that nothing vouches for it";
            look.warning("no-checksum", data.href.as_str(), message);
        }
    }
    look.looked
}

struct Look<'a> {
    path: &'a Path,
    repo: &'a Repo,
    pulse: &'a Pulse,
    reading: Reading,
    looked: Looked,
}

impl Look<'_> {
    fn shown(&self, file: &str) -> String {
        shown(self.path.join(file))
    }

    fn warning(&mut self, kind: &str, file: &str, message: impl Into<String>) {
        let finding = Finding::new(CHECK, Severity::Warning, kind, self.shown(file), message, ADVICE);
        self.looked.flaws.push(Flaw { repo: self.path.to_owned(), unlisted: None, finding });
    }

    fn error(&mut self, error: &RepodataError) {
        // That the whole check was cancelled is said once, by whoever waits for all repos.
        if error.problem != Problem::Cancelled {
            let finding = unreadable(CHECK, self.path, error);
            self.looked.flaws.push(Flaw { repo: self.path.to_owned(), unlisted: None, finding });
        }
    }

    /// Takes what a file came to: one finding, whatever does not match.
    fn file(&mut self, data: &Data, checked: Result<Checked, RepodataError>) {
        let checked = match checked {
            Ok(checked) => checked,
            Err(error) => return self.error(&error),
        };
        // Some tools write a wrong open-size, and nobody reads it; everything else says that the file is another.
        let worst = checked.mismatches.iter().find(|one| !matches!(one, Mismatch::OpenSize { .. }));
        let Some(first) = worst.or(checked.mismatches.first()) else { return };
        let kind = match first {
            Mismatch::Size { .. } => "size",
            Mismatch::Checksum { .. } => "checksum",
            Mismatch::OpenSize { .. } => "open-size",
            Mismatch::OpenChecksum { .. } => "open-checksum",
        };
        let said: Vec<String> = checked.mismatches.iter().map(ToString::to_string).collect();
        let message = said.join("; ");
        if worst.is_some() {
            let path = self.shown(data.href.as_str());
            self.looked.flaws.push(Flaw::blocking(self.path, kind, path, message, ADVICE));
        } else {
            self.warning(kind, data.href.as_str(), message);
        }
    }

    /// Reads primary.xml and looks for each package; none where it cannot be read.
    fn primary(&mut self, shelf: &Shelf<'_>) -> Option<PackageList> {
        let mut list = PackageList::new();
        let mut full = Ok(());
        let (path, reading, mut flaws, mut unread) = (self.path, self.reading, Vec::new(), Vec::new());
        let read = self.repo.primary(Want::IDENTITY, Verify::Both, self.pulse, |package| {
            match packages::named(path, package, shelf) {
                Ok(there) if reading == Reading::Whole => unread.push(there),
                Ok(_) => {}
                Err(flaw) => flaws.push(*flaw),
            }
            full = list.push(package);
            if full.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        self.looked.flaws.append(&mut flaws);
        self.looked.unread = unread;
        let counts = matches!(&read, Err(error) if matches!(error.problem, Problem::Count { .. }));
        let known = (read.is_ok() || counts) && full.is_ok();
        match (read, full) {
            (Ok(outcome), Ok(())) => {
                if let Some(data) = self.repo.repomd().get("primary") {
                    self.file(data, Ok(outcome.checked));
                }
            }
            (Ok(_), Err(problem)) => self.error(&problem.of("repodata/primary.xml")),
            (Err(error), _) => self.error(&error),
        }
        self.looked.is_known = known;
        if known {
            self.twice(twice(&list));
        }
        known.then_some(list)
    }

    /// Tells what primary.xml names more than once.
    fn twice(&mut self, twice: Twice) {
        let Some(data) = self.repo.repomd().get("primary") else { return };
        let file = data.href.as_str();
        if let Some((first, more)) = twice.different {
            let message = format!(
                "names packages under one name with different checksums: {more} entries too many, the first of {first}"
            );
            let (path, message) = (self.shown(file), shown(message));
            self.looked.flaws.push(Flaw::blocking(self.path, "different", path, message, ADVICE));
        }
        if let Some((first, more)) = twice.alike {
            let message =
                format!("names packages more than once: {more} entries too many, the first of {first}");
            self.warning("twice", file, shown(message));
        }
    }

    /// Reads filelists.xml or other.xml and compares its packages with those of primary.xml.
    fn compared(&mut self, kind: &str, list: Option<&PackageList>) {
        let Some(data) = self.repo.repomd().get(kind) else {
            if self.repo.repomd().get("primary").is_none() {
                return;
            }
            // createrepo_c always writes both; nobody is broken by their absence alone.
            let message = format!("names no data of type `{kind}`");
            return self.warning(kind, crate::repodata::repo::REPOMD, message);
        };
        let Some(list) = list else {
            let checked = self.repo.check(data, self.pulse);
            return self.file(data, checked);
        };
        let mut comparison = Comparison::new(list);
        let take = |listed: &Listed| {
            comparison.take(listed);
            ControlFlow::Continue(())
        };
        let read = if kind == "filelists" {
            self.repo.filelists(Want::IDENTITY, Verify::Both, self.pulse, take)
        } else {
            self.repo.other(Verify::Both, self.pulse, take)
        };
        let counts = matches!(&read, Err(error) if matches!(error.problem, Problem::Count { .. }));
        let is_whole = read.is_ok() || counts;
        self.file(data, read.map(|outcome| outcome.checked));
        if let Some(message) = comparison.verdict().filter(|_| is_whole) {
            let path = self.shown(data.href.as_str());
            self.looked.flaws.push(Flaw::blocking(self.path, "disagrees", path, message, ADVICE));
        }
    }
}

/// Compares the packages of another list with those of primary.xml, by their checksums.
struct Comparison<'a> {
    list: &'a PackageList,
    /// Mostly both lists have the same order, and then no table is needed.
    next: usize,
    places: Option<HashMap<&'a str, usize>>,
    seen: Vec<bool>,
    read: usize,
    foreign: usize,
    first_foreign: Option<String>,
}

impl<'a> Comparison<'a> {
    fn new(list: &'a PackageList) -> Self {
        Self {
            list,
            next: 0,
            places: None,
            seen: vec![false; list.len()],
            read: 0,
            foreign: 0,
            first_foreign: None,
        }
    }

    fn places(&mut self) -> &HashMap<&'a str, usize> {
        let list = self.list;
        self.places.get_or_insert_with(|| {
            let mut places = HashMap::with_capacity(list.len());
            for (at, package) in list.iter().enumerate() {
                places.entry(package.pkgid().1).or_insert(at);
            }
            places
        })
    }

    fn take(&mut self, listed: &Listed) {
        self.read += 1;
        let expected = self.list.get(self.next).filter(|package| package.pkgid().1 == listed.pkgid);
        let at = if expected.is_some() {
            Some(self.next)
        } else {
            self.places().get(listed.pkgid.as_str()).copied()
        };
        if let Some(at) = at {
            if let Some(seen) = self.seen.get_mut(at) {
                *seen = true;
            }
            self.next = at + 1;
        } else {
            self.foreign += 1;
            self.first_foreign.get_or_insert_with(|| {
                format!("{}-{}-{}.{}", listed.name, listed.version, listed.release, listed.arch)
            });
        }
    }

    /// Says in what they differ.
    fn verdict(mut self) -> Option<String> {
        let mut lacking = 0;
        let mut first_lacking = None;
        if self.seen.iter().any(|seen| !seen) {
            self.places();
            let places = self.places.take().unwrap_or_default();
            // The same package may be named at two places; once is then enough.
            let seen = |at: usize| self.seen.get(at).copied().unwrap_or_default();
            for (at, package) in self.list.iter().enumerate().filter(|(at, _)| !seen(*at)) {
                if !places.get(package.pkgid().1).is_some_and(|first| *first != at && seen(*first)) {
                    lacking += 1;
                    first_lacking.get_or_insert_with(|| package.nevra().to_string());
                }
            }
        }
        let mut parts = Vec::new();
        if let Some(first) = first_lacking {
            parts.push(format!("lacks {lacking} packages that primary.xml has, the first is {first}"));
        }
        if let Some(first) = self.first_foreign {
            let foreign = self.foreign;
            parts.push(format!("has {foreign} packages that primary.xml has not, the first is {first}"));
        }
        if parts.is_empty() && self.read != self.list.len() {
            parts.push(format!("lists {} packages, and primary.xml {}", self.read, self.list.len()));
        }
        (!parts.is_empty()).then(|| shown(parts.join("; ")))
    }
}
