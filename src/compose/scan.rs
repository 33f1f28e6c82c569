//! What pungi left to read in a release's compose folder: composes, their `STATUS`, the latest links.
//!
//! One directory listing names every compose; only the newest few of each repo, and the one its link
//! names, are opened. A name that is no compose id, a `STATUS` nobody knows and a folder where a link
//! should be are facts to report, not errors. The names are pungi's (`pungi/compose.py`): the link is
//! moved at the very end of a compose that finished, and a `STATUS` of `STARTED` may be left for ever
//! by a pungi that was killed.

use super::info::{compose_info, status_word};
use super::pool::{self, Width};
use super::read::{ReadError, small_file};
use crate::domain::compose::ComposeId;
use crate::domain::name::RepoName;
use crate::domain::release::Release;
use crate::domain::status::{ComposeStatus, ComposeSummary, LatestLink};
use jiff::Timestamp;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

/// How many composes of each repo are opened, counted from the newest.
pub const HISTORY: usize = 10;
/// Of how many the label is read too.
const LABELLED: usize = 2;
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
    let names = list(&release.compose_dir)?;
    let all: Vec<Vec<ComposeId>> =
        release.repos.iter().map(|repo| of_repo(release, &repo.name, &names)).collect();
    let mut questions = Vec::new();
    for (repo, ids) in release.repos.iter().zip(&all) {
        questions.push(Question::Link(&repo.name));
        let newest = ids.iter().take(HISTORY).enumerate();
        questions.extend(newest.map(|(at, id)| Question::Compose(id, at < LABELLED)));
    }
    let reader = Reader { release, now };
    let width = Width { first: 2, most: 32 };
    let answers = pool::map(questions, width, &AtomicBool::new(false), |question| reader.answer(&question));
    let mut answers = answers.into_iter().flatten();
    let repos = release.repos.iter().zip(all).map(|(repo, all)| {
        let mine = answers.by_ref().take(1 + all.len().min(HISTORY));
        gather(repo.name.clone(), all, mine)
    });
    Ok(Scan { taken: now, repos: repos.collect() })
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
    let fail =
        |error: &std::io::Error| ScanError { path: folder.to_owned(), problem: error.kind().to_string() };
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

struct Reader<'a> {
    release: &'a Release,
    now: Timestamp,
}

impl Reader<'_> {
    fn answer(&self, question: &Question<'_>) -> Answer {
        match question {
            Question::Link(repo) => Answer::Link(self.link(repo)),
            Question::Compose(id, label) => {
                let label = if *label { self.label(id).ok().flatten() } else { None };
                Answer::Compose(self.summary(id, label, None))
            }
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
        let mut place = folder.join(target);
        // `./X` and `X/` name the same folder.
        place = place.components().collect();
        match std::fs::symlink_metadata(&place) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return LatestLink::Dangling { target: shown };
            }
            Err(error) => return foreign(format!("it could not be read: {}", error.kind())),
            Ok(meta) if !meta.is_dir() => return foreign("it is not a folder".to_owned()),
            Ok(_) => {}
        }
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

    /// Reads the compose that a link names, and whether its files agree that it is that compose.
    fn compose(&self, id: &ComposeId) -> Result<LatestLink, String> {
        let file = small_file(&self.folder(id).join("COMPOSE_ID"), ID_LIMIT)
            .map_err(|error| format!("its COMPOSE_ID could not be read: {error}"))?;
        let said = file.bytes.trim_ascii();
        if said != id.to_string().as_bytes() {
            return Err(format!("its COMPOSE_ID says {}", printable(OsStr::from_bytes(said))));
        }
        let label = self.label(id)?;
        let summary = self.summary(id, label, Some(file.mtime)).ok_or("it is not a folder")?;
        Ok(LatestLink::Compose { compose: summary })
    }

    fn label(&self, id: &ComposeId) -> Result<Option<String>, String> {
        match compose_info(&self.folder(id))? {
            Some(info) if info.id != id.to_string() => {
                Err(format!("its composeinfo.json says {}", printable(OsStr::new(&info.id))))
            }
            info => Ok(info.and_then(|info| info.label).map(|label| printable(OsStr::new(&label)))),
        }
    }

    /// Reads `STATUS` and the time of the compose; none where its folder is not a real one.
    fn summary(
        &self,
        id: &ComposeId,
        label: Option<String>,
        made: Option<(i64, u32)>,
    ) -> Option<ComposeSummary> {
        let folder = self.folder(id);
        let meta = std::fs::symlink_metadata(&folder).ok().filter(std::fs::Metadata::is_dir)?;
        let (status, ended) = match small_file(&folder.join("STATUS"), STATUS_LIMIT) {
            Ok(file) => (status_word(&file.bytes), Some(file.mtime)),
            Err(ReadError::Missing) => (ComposeStatus::None, None),
            Err(_) => (ComposeStatus::Unknown, None),
        };
        let created = created(id, meta.created().ok(), [made, ended]);
        let age_s = self.now.as_second() - created.as_second();
        Some(ComposeSummary { id: id.clone(), status, created, age_s, label })
    }
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
