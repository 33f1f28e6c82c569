//! Every repo of a position, opened once and paired with production's at the same place.
//!
//! A repo is a folder with a `repodata` folder in it: os, debug, source and kickstart alike. Symlinks are seen and
//! never followed. It says nothing about what the repos hold; what cannot be read of one is said by the check that
//! needed it, and the other repos are looked at all the same.

use super::VetContext;
use super::found::Found;
use super::places::{Places, places, shown};
use super::trees::{cancelled, or_found, repositories, walk};
use crate::compose::pool::{self, Pace, Width};
use crate::compose::pulse::Pulse;
use crate::compose::read::explain;
use crate::compose::tree::{Depth, Root, Tree};
use crate::domain::finding::{Finding, Severity};
use crate::domain::flow::CheckName;
use crate::repodata::{Problem, Repo, RepodataError};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Threads that read metadata: they inflate and hash, and more would only take the processor from the steps of other lanes.
const WIDTH: Width = Width { first: 2, most: 4 };

/// What to do where no repo is found at all.
pub(super) const NO_REPO: &str = "sync the composes first, or name the folder that holds repos";

/// A repo that was opened, or why not.
pub(super) type Opened = Result<Repo, RepodataError>;

/// One place in the tree and what stands there.
#[derive(Debug)]
pub(super) struct Pair {
    /// The place, relative to the release's folder: `BaseOS/x86_64/os`; empty where the folder itself is the repo.
    pub(super) path: PathBuf,
    /// The repo in staging; none where only production has one.
    pub(super) staged: Option<Opened>,
    /// The repo in production; none where only staging has one.
    pub(super) published: Option<Opened>,
}

impl Pair {
    /// Returns the repo in staging, if it could be opened.
    pub(super) fn staged(&self) -> Option<&Repo> {
        self.staged.as_ref()?.as_ref().ok()
    }

    /// Returns the repo in production, if it could be opened.
    pub(super) fn published(&self) -> Option<&Repo> {
        self.published.as_ref()?.as_ref().ok()
    }

    /// Returns the path of a file of the repo as findings name it.
    pub(super) fn file(&self, file: &str) -> String {
        shown(self.path.join(file))
    }
}

/// All repos of a release.
#[derive(Debug)]
pub(super) struct Repos {
    /// The two folders of the release.
    pub(super) places: Places,
    /// Staging, as deep as it was asked for.
    pub(super) tree: Tree,
    /// The repos, by path.
    pub(super) pairs: Vec<Pair>,
}

/// Which repos are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Those of staging, each with production's at the same place if there is one.
    Staged,
    /// Those of production that staging has not, too.
    Both,
}

/// Finds and opens the repos of the release that `cx` is about.
///
/// `what` is what the pulse says is looked at. None is returned, and said why, where staging as a whole could not be
/// read; also where there is no release, which is no finding.
pub(super) fn repos(
    cx: &VetContext<'_>,
    what: &str,
    depth: Depth,
    wanted: Wanted,
    found: &mut Found<'_>,
) -> Option<Repos> {
    let places = places(cx, cx.release?)?;
    let walked = walk(cx, what, &[Root::whole(&places.staging)], depth).pop();
    let tree = walked.and_then(|walked| or_found(walked, &places.staging, found))?;
    let mut paths: BTreeSet<PathBuf> = repositories(&tree).into_iter().collect();
    if wanted == Wanted::Both {
        paths.extend(of_production(cx, what, &places, found)?);
    }
    cx.pulse.begin(what, Some(paths.len() as u64));
    let opened = pool::map(paths.into_iter().collect(), WIDTH, cx.pulse, |path: PathBuf| {
        cx.pulse.count(1);
        let staged = open(&places.staging.join(&path));
        let published = open(&places.production.join(&path));
        Pair { path, staged, published }
    });
    let Some(pairs) = opened.into_iter().collect::<Option<Vec<Pair>>>() else {
        cancelled(found);
        return None;
    };
    Some(Repos { places, tree, pairs })
}

/// Returns where production has repos; a release that it does not have at all has none.
fn of_production(
    cx: &VetContext<'_>,
    what: &str,
    places: &Places,
    found: &mut Found<'_>,
) -> Option<Vec<PathBuf>> {
    match std::fs::metadata(&places.production) {
        Ok(meta) if !meta.is_dir() => return Some(Vec::new()),
        Err(error) if is_not_there(&error) => return Some(Vec::new()),
        // Where it cannot be looked at, that is said.
        _ => {}
    }
    let walked = walk(cx, what, &[Root::whole(&places.production)], Depth::Names).pop();
    walked.and_then(|walked| or_found(walked, &places.production, found)).map(|tree| repositories(&tree))
}

fn open(folder: &Path) -> Option<Opened> {
    match std::fs::symlink_metadata(folder.join("repodata")) {
        // A `repodata` that is a symlink is none: it leads to what another repo is signed for.
        Ok(meta) => meta.is_dir().then(|| Repo::open(folder)),
        Err(error) if is_not_there(&error) => None,
        // What cannot be looked at is not what is not there.
        Err(error) => Some(Err(Problem::Io(explain(&error)).of("repodata"))),
    }
}

fn is_not_there(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Applies `look` to every item on a few threads and returns the answers in order.
///
/// The pulse counts the items under `what`. None is returned, and said why, where it was cancelled.
pub(super) fn each<I: Send, O: Send>(
    pulse: &Pulse,
    what: &str,
    items: Vec<I>,
    found: &mut Found<'_>,
    look: impl Fn(I) -> O + Sync,
) -> Option<Vec<O>> {
    pulse.begin(what, Some(items.len() as u64));
    let answers = pool::map(items, WIDTH, pulse, |item| {
        let answer = look(item);
        pulse.count(1);
        answer
    });
    all(answers, pulse, found)
}

/// The same for many small files: on many threads where `look` says that the mount is slow to open them.
pub(super) fn each_file<I: Send, O: Send>(
    pulse: &Pulse,
    what: &str,
    items: Vec<I>,
    found: &mut Found<'_>,
    look: impl Fn(I, &mut Pace) -> O + Sync,
) -> Option<Vec<O>> {
    pulse.begin(what, Some(items.len() as u64));
    let answers = pool::map_paced(items, Width::default(), pulse, |item, pace| {
        let answer = look(item, pace);
        pulse.count(1);
        answer
    });
    all(answers, pulse, found)
}

fn all<O>(answers: Vec<Option<O>>, pulse: &Pulse, found: &mut Found<'_>) -> Option<Vec<O>> {
    let answers: Option<Vec<O>> = answers.into_iter().collect();
    // What a cancelled look answered may be half of the truth.
    if answers.is_none() || pulse.is_cancelled() {
        cancelled(found);
        return None;
    }
    answers
}

/// Makes the one finding of a file that could not be read, at the repo at `place`.
pub(super) fn unreadable(check: CheckName, place: &Path, error: &RepodataError) -> Finding {
    let path = shown(place.join(&error.file));
    let message = shown(error.problem.to_string());
    Finding::new(check, Severity::Blocking, word(&error.problem), path, message, error.problem.advice())
}

/// Returns the word by which findings know a problem.
pub(super) fn word(problem: &Problem) -> &'static str {
    match problem {
        Problem::Missing => "missing",
        Problem::NotNamed(_) => "not-named",
        Problem::NotAFile => "no-file",
        Problem::Io(_) => "unreadable",
        Problem::Cancelled => "cancelled",
        Problem::Elsewhere(_) | Problem::Href { .. } => "outside",
        Problem::TooLong { .. }
        | Problem::ClaimsTooMuch { .. }
        | Problem::RecordTooLong { .. }
        | Problem::TooMany { .. }
        | Problem::TooDeep(_) => "too-much",
        Problem::Count { .. } => "count",
        _ => "malformed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vet::fixture::Fixture;

    fn with(fixture: &Fixture, wanted: Wanted, look: impl FnOnce(Option<Repos>, Vec<Finding>)) {
        fixture.with_context("8/gate", |cx| {
            let mut found = Found::new(CheckName::MetadataConsistent, &[]);
            let repos = repos(cx, "repos", Depth::Names, wanted, &mut found);
            look(repos, found.into_findings());
        });
    }

    fn paths(repos: &Repos) -> Vec<String> {
        repos.pairs.iter().map(|pair| pair.path.display().to_string()).collect()
    }

    #[test]
    fn every_repo_is_paired_with_productions() {
        let fixture = Fixture::new();
        fixture.copy(
            "staging/pub/8.10-RC1/BaseOS/x86_64/os/repodata",
            "staging/pub/8.10-RC1/BaseOS/x86_64/debug/tree/repodata",
        );
        fixture.copy(
            "production/pub/8.10/BaseOS/x86_64/os/repodata",
            "production/pub/8.10/Gone/x86_64/os/repodata",
        );
        let link = fixture.staging("BaseOS/x86_64/linked");
        std::os::unix::fs::symlink("os", link).unwrap();
        with(&fixture, Wanted::Staged, |repos, findings| {
            let repos = repos.unwrap();
            assert_eq!(findings, []);
            assert_eq!(
                paths(&repos),
                ["BaseOS/x86_64/debug/tree", "BaseOS/x86_64/os", "storage/gluster9/x86_64/os"]
            );
            let published: Vec<bool> = repos.pairs.iter().map(|pair| pair.published().is_some()).collect();
            assert_eq!(published, [false, true, true]);
            assert!(repos.pairs.iter().all(|pair| pair.staged().is_some()));
        });
        with(&fixture, Wanted::Both, |repos, _| {
            let repos = repos.unwrap();
            let gone = repos.pairs.iter().find(|pair| pair.path.starts_with("Gone")).unwrap();
            assert!(gone.staged.is_none() && gone.published().is_some());
        });
    }

    #[test]
    fn a_repo_that_cannot_be_opened_does_not_hide_the_others() {
        let fixture = Fixture::new();
        std::fs::write(fixture.staging("BaseOS/x86_64/os/repodata/repomd.xml"), "<repomd").unwrap();
        with(&fixture, Wanted::Staged, |repos, findings| {
            let repos = repos.unwrap();
            assert_eq!(findings, []);
            let error = repos.pairs[0].staged.as_ref().unwrap().as_ref().unwrap_err();
            let finding = unreadable(CheckName::MetadataConsistent, &repos.pairs[0].path, error);
            assert_eq!(finding.path, "BaseOS/x86_64/os/repodata/repomd.xml");
            assert!(finding.message.contains("XML"), "{}", finding.message);
            assert!(repos.pairs[1].staged().is_some());
        });
    }

    #[test]
    fn no_staging_and_a_cancelled_look_are_findings() {
        let fixture = Fixture::new();
        fixture.with_context("8/gate", |cx| {
            cx.pulse.cancel();
            let mut found = Found::new(CheckName::MetadataConsistent, &[]);
            assert!(repos(cx, "repos", Depth::Names, Wanted::Both, &mut found).is_none());
            assert!(each(cx.pulse, "repos", vec![1, 2], &mut found, |one| one).is_none());
            let findings = found.into_findings();
            assert!(!findings.is_empty() && findings.iter().all(|one| one.message.contains("cancelled")));
        });
        std::fs::remove_dir_all(fixture.staging("")).unwrap();
        with(&fixture, Wanted::Staged, |repos, findings| {
            assert!(repos.is_none() && findings.len() == 1 && findings[0].blocks());
        });
    }
}
