//! What pungi left to read in a release's compose folder: composes, their `STATUS`, the latest links.
//!
//! One directory listing names every compose; only the newest few of each repo, and the one its link
//! names, are opened. A name that is no compose id, a `STATUS` nobody knows and a folder where a link
//! should be are facts to report, not errors. The names are pungi's (`pungi/compose.py`): the link is
//! moved at the very end of a compose that finished, and a `STATUS` of `STARTED` may be left for ever
//! by a pungi that was killed.

mod summaries;

pub use summaries::SummaryCache;

use super::info::{compose_info, status_word};
use super::pool::{self, Width};
use super::pulse::Pulse;
use super::read::{ReadError, explain, small_file};
use crate::domain::compose::ComposeId;
use crate::domain::name::RepoName;
use crate::domain::release::Release;
use crate::domain::status::{ComposeStatus, ComposeSummary, LatestLink};
use jiff::Timestamp;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use summaries::{Stamp, Trust};

/// How many composes of each repo are opened, counted from the newest.
pub const HISTORY: usize = 10;
/// Of how many the label is read too.
const LABELLED: usize = 2;
/// How many links may lead from one to the next before a compose.
const LONGEST_CHAIN: usize = 8;
/// A `STATUS` is one word.
const STATUS_LIMIT: u64 = 64;
/// A `COMPOSE_ID` is the name of a directory.
const ID_LIMIT: u64 = 256;

/// Why a compose folder could not be scanned at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the compose folder {} could not be read: {problem}", path.display())]
pub struct ScanError {
    path: PathBuf,
    problem: String,
}

/// The composes of one repo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoScan {
    /// Which repo.
    pub name: RepoName,
    /// Where its latest link leads.
    pub latest: LatestLink,
    /// Its newest composes, newest first, at most [`HISTORY`] and the one that the link names.
    pub history: Vec<ComposeSummary>,
    /// Every compose of it by name alone, newest first.
    pub all: Vec<ComposeId>,
}

impl RepoScan {
    /// Returns the newest compose that is newer than the latest and did not finish (or not yet).
    pub fn newer_unfinished(&self) -> Option<&ComposeSummary> {
        let latest = self.latest.compose().map(|compose| &compose.id);
        let newest = self.history.first()?;
        let newer = latest.is_none_or(|latest| newest.id > *latest);
        (newer && !newest.status.is_finished()).then_some(newest)
    }

    /// Returns the finished composes that are older than `than`, newest first.
    pub fn finished_before<'a>(&'a self, than: &'a ComposeId) -> impl Iterator<Item = &'a ComposeId> {
        let older = self.history.iter().filter(move |compose| compose.id < *than);
        older.filter(|compose| compose.status.is_finished()).map(|compose| &compose.id)
    }
}

/// The composes of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// When they were looked at; ages count from here.
    pub taken: Timestamp,
    /// Its repos, in the catalog's order.
    pub repos: Vec<RepoScan>,
}

impl Scan {
    /// Returns the composes of the repo called `name`.
    pub fn repo(&self, name: &RepoName) -> Option<&RepoScan> {
        self.repos.iter().find(|repo| repo.name == *name)
    }
}

/// Reads the compose folder of `release`; ages are counted to `now`.
pub fn scan(release: &Release, now: Timestamp) -> Result<Scan, ScanError> {
    let unread = || Err(ScanError { path: release.compose_dir.clone(), problem: "cancelled".to_owned() });
    scan_all(&[release], now, &SummaryCache::default(), &Pulse::new()).pop().unwrap_or_else(unread)
}

/// Reads the compose folders of several releases at once, and only what `cache` does not know for good.
pub fn scan_all(
    releases: &[&Release],
    now: Timestamp,
    cache: &SummaryCache,
    pulse: &Pulse,
) -> Vec<Result<Scan, ScanError>> {
    let cancelled = |release: &&Release| ScanError {
        path: release.compose_dir.clone(),
        problem: "the look at it was cancelled".to_owned(),
    };
    let listed = pool::map(releases.to_vec(), Width::default(), pulse, |release| {
        let names = list(&release.compose_dir)?;
        cache.forget_all_but(&release.compose_dir, &names);
        let mine = release.repos.iter().map(|repo| of_repo(release, &repo.name, &names));
        Ok::<_, ScanError>(mine.collect::<Vec<_>>())
    });
    let mut questions = Vec::new();
    for (release, all) in releases.iter().zip(&listed) {
        let Some(Ok(all)) = all else { continue };
        let reader = Reader { release, now, cache };
        for (repo, ids) in release.repos.iter().zip(all) {
            questions.push((reader, Question::Link(&repo.name)));
            let newest = ids.iter().take(HISTORY).enumerate();
            questions.extend(newest.map(|(at, id)| (reader, Question::Compose(id, at < LABELLED))));
        }
    }
    let answers =
        pool::map(questions, Width::default(), pulse, |(reader, question)| reader.answer(&question));
    if pulse.is_cancelled() {
        return releases.iter().map(|release| Err(cancelled(release))).collect();
    }
    let mut answers = answers.into_iter().flatten();
    let mut of_release = |release: &&Release, all: Vec<Vec<ComposeId>>| {
        let repos = release.repos.iter().zip(all).map(|(repo, all)| {
            let mine = answers.by_ref().take(1 + all.len().min(HISTORY));
            gather(repo.name.clone(), all, mine)
        });
        Scan { taken: now, repos: repos.collect() }
    };
    let scanned = releases.iter().zip(listed);
    scanned
        .map(|(release, all)| {
            all.unwrap_or_else(|| Err(cancelled(release))).map(|all| of_release(release, all))
        })
        .collect()
}

/// Reads where the latest link of one repo leads now, and nothing else.
pub fn latest(release: &Release, repo: &RepoName) -> LatestLink {
    Reader { release, now: Timestamp::now(), cache: &SummaryCache::default() }.link(repo)
}

fn gather(name: RepoName, all: Vec<ComposeId>, answers: impl Iterator<Item = Answer>) -> RepoScan {
    let mut latest = LatestLink::Missing;
    let mut history = Vec::new();
    for answer in answers {
        match answer {
            Answer::Link(link) => latest = link,
            Answer::Compose(compose) => history.extend(compose),
        }
    }
    if let Some(compose) = latest.compose() {
        // The link's own reading knows more (its `COMPOSE_ID`).
        history.retain(|other: &ComposeSummary| other.id != compose.id);
        history.push(compose.clone());
        history.sort_by(|a, b| b.id.cmp(&a.id));
    }
    RepoScan { name, latest, history, all }
}

fn list(folder: &Path) -> Result<Vec<ComposeId>, ScanError> {
    let fail = |error: &std::io::Error| ScanError { path: folder.to_owned(), problem: explain(error) };
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| fail(&error))? {
        let entry = entry.map_err(|error| fail(&error))?;
        ids.extend(entry.file_name().to_str().and_then(|name| name.parse::<ComposeId>().ok()));
    }
    Ok(ids)
}

fn of_repo(release: &Release, repo: &RepoName, ids: &[ComposeId]) -> Vec<ComposeId> {
    let mine = ids.iter().filter(|id| id.belongs_to(repo.as_str(), release.id.as_str()));
    let mut mine: Vec<ComposeId> = mine.cloned().collect();
    mine.sort_by(|a, b| b.cmp(a));
    mine
}

enum Question<'a> {
    Link(&'a RepoName),
    Compose(&'a ComposeId, bool),
}

enum Answer {
    Link(LatestLink),
    Compose(Option<ComposeSummary>),
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    release: &'a Release,
    now: Timestamp,
    cache: &'a SummaryCache,
}

impl Reader<'_> {
    fn answer(&self, question: &Question<'_>) -> Answer {
        match question {
            Question::Link(repo) => Answer::Link(self.link(repo)),
            Question::Compose(id, label) => Answer::Compose(self.listed(id, *label)),
        }
    }

    fn folder(&self, id: &ComposeId) -> PathBuf {
        self.release.compose_dir.join(id.to_string())
    }

    fn link(&self, repo: &RepoName) -> LatestLink {
        let path = self.release.latest_link(repo);
        match std::fs::read_link(&path) {
            Ok(target) => self.target(repo, &target),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => LatestLink::Missing,
            // readlink says EINVAL of everything that is no link.
            Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {
                if std::fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir()) {
                    return LatestLink::RealDirectory;
                }
                let target = path.file_name().map(printable).unwrap_or_default();
                LatestLink::Foreign { target, problem: "it is a file, not a link".to_owned() }
            }
            Err(error) => LatestLink::Unreadable { reason: format!("{}: {}", path.display(), error.kind()) },
        }
    }

    fn target(&self, repo: &RepoName, target: &Path) -> LatestLink {
        let shown = printable(target.as_os_str());
        let foreign = |problem: String| LatestLink::Foreign { target: shown.clone(), problem };
        let folder = &self.release.compose_dir;
        let place = match end_of_chain(folder, target) {
            Ok(place) => place,
            Err(None) => return LatestLink::Dangling { target: shown },
            Err(Some(problem)) => return foreign(problem),
        };
        if place.parent() != Some(folder) {
            return foreign(format!("it is outside {}", folder.display()));
        }
        let Some(id) =
            place.file_name().and_then(OsStr::to_str).and_then(|name| name.parse::<ComposeId>().ok())
        else {
            return foreign("its name is no compose id".to_owned());
        };
        if !id.belongs_to(repo.as_str(), self.release.id.as_str()) {
            return foreign(format!(
                "it is a compose of {} {}, not of {repo} {}",
                id.short(),
                id.version(),
                self.release.id
            ));
        }
        self.compose(&id).unwrap_or_else(foreign)
    }

    /// Reads a compose that the folder lists; none where its folder is not a real one.
    fn listed(&self, id: &ComposeId, label: bool) -> Option<ComposeSummary> {
        let stamp = self.stamp(id)?;
        let wanted = if label { Trust::Labelled } else { Trust::Listed };
        if let Some(known) = self.cache.get(&self.folder(id), &stamp, wanted) {
            return Some(self.aged(known));
        }
        let label = if label { self.label(id).ok().flatten() } else { None };
        let summary = self.summary(id, &stamp, label, None);
        self.cache.keep(&self.folder(id), stamp, wanted, &summary);
        Some(summary)
    }

    /// Reads the compose that a link names, and whether its files agree that it is that compose.
    fn compose(&self, id: &ComposeId) -> Result<LatestLink, String> {
        let stamp = self.stamp(id).ok_or("it is not a folder")?;
        if let Some(known) = self.cache.get(&self.folder(id), &stamp, Trust::Named) {
            return Ok(LatestLink::Compose { compose: self.aged(known) });
        }
        let file = small_file(&self.folder(id).join("COMPOSE_ID"), ID_LIMIT)
            .map_err(|error| format!("its COMPOSE_ID could not be read: {error}"))?;
        let said = file.bytes.trim_ascii();
        if said != id.to_string().as_bytes() {
            return Err(format!("its COMPOSE_ID says {}", printable(OsStr::from_bytes(said))));
        }
        let label = self.label(id)?;
        let summary = self.summary(id, &stamp, label, Some(file.mtime));
        self.cache.keep(&self.folder(id), stamp, Trust::Named, &summary);
        Ok(LatestLink::Compose { compose: summary })
    }

    fn stamp(&self, id: &ComposeId) -> Option<Stamp> {
        std::fs::symlink_metadata(self.folder(id)).ok().filter(Metadata::is_dir).map(|meta| Stamp::of(&meta))
    }

    fn aged(&self, summary: ComposeSummary) -> ComposeSummary {
        ComposeSummary { age_s: self.now.as_second() - summary.created.as_second(), ..summary }
    }

    fn label(&self, id: &ComposeId) -> Result<Option<String>, String> {
        match compose_info(&self.folder(id))? {
            Some(info) if info.id != id.to_string() => {
                Err(format!("its composeinfo.json says {}", printable(OsStr::new(&info.id))))
            }
            info => Ok(info.and_then(|info| info.label).map(|label| printable(OsStr::new(&label)))),
        }
    }

    /// Reads `STATUS` and the time of the compose.
    fn summary(
        &self,
        id: &ComposeId,
        stamp: &Stamp,
        label: Option<String>,
        made: Option<(i64, u32)>,
    ) -> ComposeSummary {
        let (status, ended) = match small_file(&self.folder(id).join("STATUS"), STATUS_LIMIT) {
            Ok(file) => (status_word(&file.bytes), Some(file.mtime)),
            Err(ReadError::Missing) => (ComposeStatus::None, None),
            Err(_) => (ComposeStatus::Unknown, None),
        };
        let created = created(id, stamp.born, [made, ended]);
        let age_s = self.now.as_second() - created.as_second();
        ComposeSummary { id: id.clone(), status, created, age_s, label }
    }
}

/// Follows the links that begin with `target` in `folder` to a real folder, as a script's `cd` does.
///
/// None as the error says that a link of the chain dangles.
fn end_of_chain(folder: &Path, target: &Path) -> Result<PathBuf, Option<String>> {
    let mut at = folder.to_owned();
    let mut target = target.to_owned();
    for _ in 0..LONGEST_CHAIN {
        // `./X` and `X/` name the same folder.
        let place: PathBuf = at.join(&target).components().collect();
        match std::fs::symlink_metadata(&place) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(None),
            Err(error) => return Err(Some(format!("it could not be read: {}", error.kind()))),
            Ok(meta) if meta.is_dir() => return Ok(place),
            Ok(meta) if meta.is_symlink() => {
                target = std::fs::read_link(&place)
                    .map_err(|error| Some(format!("it could not be read: {}", error.kind())))?;
                place.parent().unwrap_or(folder).clone_into(&mut at);
            }
            Ok(_) => return Err(Some("it is not a folder".to_owned())),
        }
    }
    Err(Some(format!("it is the first of more than {LONGEST_CHAIN} links, or of a circle")))
}

/// Says when a compose was made: when its folder was, or the time of a file in it where that is earlier,
/// as in a tree that was copied here; else the day in its name.
fn created(id: &ComposeId, birth: Option<SystemTime>, files: [Option<(i64, u32)>; 2]) -> Timestamp {
    let day = day_of(id);
    let birth = birth.and_then(|time| Timestamp::try_from(time).ok());
    let files =
        files.into_iter().flatten().filter_map(|(s, ns)| Timestamp::new(s, i32::try_from(ns).ok()?).ok());
    // Dates in ids are local: one that is more than a day before its own name is a reset clock.
    let sane = |time: &Timestamp| day.is_none_or(|day| time.as_second() >= day.as_second() - 86_400);
    birth.into_iter().chain(files).filter(sane).min().or(day).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn day_of(id: &ComposeId) -> Option<Timestamp> {
    let (year, month, day) = (id.date() / 10_000, id.date() / 100 % 100, id.date() % 100);
    let date =
        jiff::civil::Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    Some(date.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

/// Makes a name from disk fit to be shown: no control characters, whatever it held.
pub(crate) fn printable(name: &OsStr) -> String {
    let text = String::from_utf8_lossy(name.as_bytes());
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests;
