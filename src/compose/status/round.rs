//! One reading of the status: which question follows from which answer.
//!
//! ```text
//! mount ─ ready ─► composes ─► latest ─┬─► content of staging    ─┬─► older composes ─► judged
//!                                      └─► content of production ─┘
//! ```
//! Every answer is judged with what is there so far and told at once.

use super::reading::{self, Bases, Content, Held, Reading, Scans, Side};
use super::{Status, StatusPart, StatusReader};
use crate::compose::mounts::{self, MountPoint};
use crate::compose::position::{Facts, judge};
use crate::compose::probe::Answer;
use crate::compose::pulse::Pulse;
use crate::compose::scan::Scan;
use crate::domain::catalog::Catalog;
use crate::domain::name::ReleaseId;
use crate::domain::release::Release;
use crate::domain::status::{MountState, MountStatus, ReleaseStatus};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::thread::Scope;
use std::time::Duration;

/// What came back from one question.
pub(super) enum News {
    Mount(String, Answer<MountState>),
    Scans(String, Answer<Scans>),
    Bases(String, Answer<Bases>),
    Content(String, Answer<Content>),
    Older(String, Answer<Held>),
}

/// Puts questions on threads of their own, which end once the answer is there or is waited for no longer.
pub(super) struct Asker<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    reader: &'env StatusReader,
    tell: Sender<News>,
    patience: Duration,
}

impl<'scope, 'env> Asker<'scope, 'env> {
    pub(super) fn new(
        scope: &'scope Scope<'scope, 'env>,
        reader: &'env StatusReader,
        tell: Sender<News>,
        patience: Duration,
    ) -> Self {
        Self { scope, reader, tell, patience }
    }

    fn ask<T, F, N>(&self, place: &str, patience: Duration, read: F, news: N)
    where
        T: Send + 'static,
        F: FnOnce(Reading, &Pulse) -> T + Send + 'static,
        N: FnOnce(String, Answer<T>) -> News + Send + 'static,
    {
        let (prober, reading) = (self.reader.prober.clone(), self.reader.reading.clone());
        let (tell, place, patience) = (self.tell.clone(), place.to_owned(), patience.min(self.patience));
        self.scope.spawn(move || {
            let answer = prober.ask(&place, patience, move |pulse| read(reading, pulse));
            // Nobody listens only if the listener is gone, and it waits for every answer.
            let _ = tell.send(news(place, answer));
        });
    }
}

/// One release while it is being read.
struct Lane<'a> {
    release: &'a Release,
    facts: Facts,
    /// Which mount of it does not answer.
    silent: Option<String>,
    /// Whether its composes are read, or never will be: then its folders are known.
    based: bool,
    /// Whether something became known since it was judged last: judging compares whole trees.
    dirty: bool,
    told: ReleaseStatus,
}

pub(super) struct Round<'a, 'scope, 'env> {
    catalog: &'a Catalog,
    mounted: Vec<MountPoint>,
    asker: Asker<'scope, 'env>,
    on_part: &'a mut dyn FnMut(StatusPart),
    lanes: Vec<Lane<'a>>,
    mounts: Vec<MountStatus>,
    /// What is ready to be read.
    ready: BTreeSet<String>,
    /// Whose content was asked for already.
    asked: BTreeSet<String>,
    /// How many answers are still to come.
    open: usize,
}

const NOT_YET: &str = "not read yet";
/// How long a place that the catalog does not name may be silent.
const DEADLINE: Duration = Duration::from_secs(20);

impl<'a, 'scope, 'env> Round<'a, 'scope, 'env> {
    pub(super) fn new(
        catalog: &'a Catalog,
        asker: Asker<'scope, 'env>,
        on_part: &'a mut dyn FnMut(StatusPart),
    ) -> Self {
        let lanes = catalog.releases.iter().map(lane).collect();
        let mounts = catalog.mounts.iter().map(|mount| MountStatus {
            name: mount.name.clone(),
            path: mount.path.clone(),
            state: MountState::Asking,
        });
        let mounts = mounts.collect();
        Self {
            catalog,
            mounted: mounts::mounted(),
            asker,
            on_part,
            lanes,
            mounts,
            ready: BTreeSet::new(),
            asked: BTreeSet::new(),
            open: 0,
        }
    }

    /// How long a place may be silent.
    fn deadline(&self, place: &str) -> Duration {
        self.catalog.mount(place).map_or(DEADLINE, |mount| Duration::from_secs(mount.deadline_s))
    }

    /// The mount that `path` is on, by its name in the catalog or else by its mount point.
    fn place(&self, path: &Path) -> String {
        mounts::place_of(&self.catalog.mounts, &self.mounted, path)
    }

    pub(super) fn begin(&mut self) {
        for mount in &self.catalog.mounts {
            let asked = mount.clone();
            self.open += 1;
            // Whether it is there at all is known soon; the rest of its time is for what stands on it.
            let patience = self.deadline(&mount.name) / 4;
            self.asker.ask(&mount.name, patience, move |_, _| mounts::look(&asked), News::Mount);
        }
        let mut loose = BTreeSet::new();
        for lane in &self.lanes {
            loose.insert(self.place(&lane.release.compose_dir));
            loose.extend(Side::BOTH.iter().filter_map(|side| Some(self.place(&side.root(lane.release)?))));
        }
        for place in loose.into_iter().filter(|place| self.catalog.mount(place).is_none()) {
            self.opened(place);
        }
        for lane in &self.lanes {
            (self.on_part)(StatusPart::Release(lane.told.clone()));
        }
    }

    pub(super) fn listen(&mut self, told: &Receiver<News>) {
        while self.open > 0 {
            let Ok(news) = told.recv() else { return };
            self.open -= 1;
            match news {
                News::Mount(place, answer) => self.mount(place, answer),
                News::Scans(place, answer) => self.scans(&place, answer),
                News::Bases(place, answer) => self.bases(&place, answer),
                News::Content(place, answer) => self.content(&place, answer),
                News::Older(place, answer) => self.older(&place, answer),
            }
            self.ask_content();
            self.tell();
        }
    }

    pub(super) fn finish(self) -> Status {
        let releases = self.lanes.into_iter().map(|lane| lane.told).collect();
        Status { releases, mounts: self.mounts }
    }

    /// Tells what changed about the releases.
    fn tell(&mut self) {
        for lane in self.lanes.iter_mut().filter(|lane| lane.dirty) {
            lane.dirty = false;
            let now = status(lane.release, &lane.facts, lane.silent.clone());
            if lane.told != now {
                (self.on_part)(StatusPart::Release(now.clone()));
                lane.told = now;
            }
        }
    }

    fn mount(&mut self, place: String, answer: Answer<MountState>) {
        let state = match answer {
            Answer::Ready(state) => state,
            Answer::Late { since } => MountState::NotAnswering { for_s: since.elapsed().as_secs() },
            Answer::Cancelled | Answer::Broken { .. } => MountState::NotAnswering { for_s: 0 },
        };
        if let Some(mount) = self.mounts.iter_mut().find(|mount| mount.name == place) {
            mount.state = state.clone();
            (self.on_part)(StatusPart::Mount(mount.clone()));
        }
        match closed(&place, &state) {
            None => self.opened(place),
            Some(reason) => {
                if matches!(state, MountState::NotAnswering { .. }) {
                    self.silent(&place, &reason);
                }
                self.shut(&place, &reason);
            }
        }
    }

    /// A place can be read: its composes are, its content is as soon as it is known which.
    fn opened(&mut self, place: String) {
        let releases = self.on_place(&place, |release| Some(release.compose_dir.clone()));
        if !releases.is_empty() {
            self.open += 1;
            let read = move |reading: Reading, pulse: &Pulse| reading.scans(&releases, pulse);
            self.asker.ask(&place, self.deadline(&place), read, News::Scans);
        }
        self.ready.insert(place);
    }

    /// Notes of everything on a place that it does not answer.
    fn silent(&mut self, place: &str, reason: &str) {
        let composes = self.on_place(place, |release| Some(release.compose_dir.clone()));
        let sides = Side::BOTH.iter().flat_map(|side| self.on_place(place, |release| side.root(release)));
        let all: BTreeSet<ReleaseId> = composes.into_iter().chain(sides).map(|release| release.id).collect();
        for id in all {
            if let Some(lane) = self.lane(&id) {
                lane.silent.get_or_insert_with(|| reason.to_owned());
            }
        }
    }

    /// Takes an answer, or the reason why there is none; a place that fell silent is noted.
    fn taken<T>(&mut self, place: &str, answer: Answer<T>) -> Result<T, String> {
        let late = matches!(answer, Answer::Late { .. });
        let taken = taken(place, answer);
        if late && let Err(reason) = &taken {
            self.silent(place, reason);
        }
        taken
    }

    /// Nothing on a place can be read.
    fn shut(&mut self, place: &str, reason: &str) {
        self.no_composes(place, reason);
        self.no_content(place, reason);
    }

    fn on_place(&self, place: &str, path: impl Fn(&Release) -> Option<PathBuf>) -> Vec<Release> {
        let lanes = self.lanes.iter().map(|lane| lane.release);
        lanes
            .filter(|release| path(release).is_some_and(|path| self.place(&path) == place))
            .cloned()
            .collect()
    }

    /// The lane of a release, about to be changed.
    fn lane(&mut self, id: &ReleaseId) -> Option<&mut Lane<'a>> {
        let lane = self.lanes.iter_mut().find(|lane| lane.release.id == *id)?;
        lane.dirty = true;
        Some(lane)
    }

    fn no_composes(&mut self, place: &str, reason: &str) {
        for release in self.on_place(place, |release| Some(release.compose_dir.clone())) {
            if let Some(lane) = self.lane(&release.id) {
                lane.based = true;
                if lane.facts.scan.is_err() {
                    lane.facts.scan = Err(reason.to_owned());
                }
            }
        }
    }

    fn no_content(&mut self, place: &str, reason: &str) {
        for side in Side::BOTH {
            for release in self.on_place(place, |release| side.root(release)) {
                if let Some(lane) = self.lane(&release.id) {
                    *side.of(&mut lane.facts) = Err(reason.to_owned());
                }
            }
        }
    }

    fn scans(&mut self, place: &str, answer: Answer<Scans>) {
        let scans = match self.taken(place, answer) {
            Ok(scans) => scans,
            Err(reason) => return self.no_composes(place, &reason),
        };
        let mut to_read: Vec<(Release, Arc<Scan>)> = Vec::new();
        for (id, scan) in scans {
            let Some(lane) = self.lane(&id) else { continue };
            lane.based = scan.is_err();
            to_read.extend(scan.as_ref().ok().map(|scan| (lane.release.clone(), Arc::clone(scan))));
            lane.facts.scan = scan;
        }
        self.open += 1;
        let read = move |reading: Reading, pulse: &Pulse| reading.bases(&to_read, pulse);
        self.asker.ask(place, self.deadline(place), read, News::Bases);
    }

    fn bases(&mut self, place: &str, answer: Answer<Bases>) {
        match self.taken(place, answer) {
            Ok(bases) => {
                for (id, bases) in bases {
                    if let Some(lane) = self.lane(&id) {
                        lane.facts.bases = bases;
                    }
                }
            }
            // The links stay known; what the composes hold does not.
            Err(reason) => {
                for release in self.on_place(place, |release| Some(release.compose_dir.clone())) {
                    if let Some(lane) = self.lane(&release.id) {
                        reading::unread(&mut lane.facts, &reason);
                    }
                }
            }
        }
        for release in self.on_place(place, |release| Some(release.compose_dir.clone())) {
            if let Some(lane) = self.lane(&release.id) {
                lane.based = true;
            }
        }
    }

    /// Asks for the content of each place that is ready and whose releases' folders are known.
    fn ask_content(&mut self) {
        for place in self.ready.clone() {
            let wanted = self.wanted(&place);
            let known = wanted
                .iter()
                .all(|(release, _)| self.lanes.iter().any(|lane| lane.based && lane.release.id == *release));
            if wanted.is_empty() || !known || !self.asked.insert(place.clone()) {
                continue;
            }
            let mut questions = Vec::new();
            for (id, side) in wanted {
                let Some(lane) = self.lanes.iter().find(|lane| lane.release.id == id) else { continue };
                questions.extend(reading::content_question(lane.release, &lane.facts, side));
            }
            self.open += 1;
            let read = move |_: Reading, pulse: &Pulse| reading::content(questions, pulse);
            self.asker.ask(&place, self.deadline(&place), read, News::Content);
        }
    }

    fn wanted(&self, place: &str) -> Vec<(ReleaseId, Side)> {
        let of_side = |side: Side| {
            let releases = self.on_place(place, |release| side.root(release));
            releases.into_iter().map(move |release| (release.id, side))
        };
        Side::BOTH.into_iter().flat_map(of_side).collect()
    }

    fn content(&mut self, place: &str, answer: Answer<Content>) {
        let content = match self.taken(place, answer) {
            Ok(content) => content,
            Err(reason) => return self.no_content(place, &reason),
        };
        for (id, side, holding) in content {
            let Some(lane) = self.lane(&id) else { continue };
            *side.of(&mut lane.facts) = holding;
        }
        self.ask_older(place);
    }

    /// Asks for the older composes of the releases whose staging is known, now that `place` was read.
    fn ask_older(&mut self, place: &str) {
        let here: Vec<ReleaseId> = self.wanted(place).into_iter().map(|(id, _)| id).collect();
        let mut by_place: BTreeMap<String, Vec<(Release, Facts)>> = BTreeMap::new();
        for lane in &self.lanes {
            let composes = self.place(&lane.release.compose_dir);
            if here.contains(&lane.release.id) && lane.facts.staging.is_ok() && self.ready.contains(&composes)
            {
                by_place.entry(composes).or_default().push((lane.release.clone(), lane.facts.clone()));
            }
        }
        for (composes, lanes) in by_place {
            self.open += 1;
            let read = move |reading: Reading, pulse: &Pulse| reading.older(lanes, pulse);
            self.asker.ask(&composes, self.deadline(&composes), read, News::Older);
        }
    }

    fn older(&mut self, place: &str, answer: Answer<Held>) {
        // Without them the positions are told less exactly, but not wrongly.
        let Ok(found) = self.taken(place, answer) else { return };
        for (id, held, before) in found {
            if let Some(lane) = self.lane(&id) {
                lane.facts.held.extend(held);
                lane.facts.before.extend(before);
            }
        }
    }
}

fn lane(release: &Release) -> Lane<'_> {
    let side = match &release.vars {
        Ok(_) => NOT_YET.to_owned(),
        Err(problem) => problem.clone(),
    };
    let facts = Facts {
        scan: Err(NOT_YET.to_owned()),
        bases: BTreeMap::new(),
        staging: Err(side.clone()),
        production: Err(side),
        held: BTreeMap::new(),
        before: BTreeMap::new(),
    };
    let told = status(release, &facts, None);
    Lane { release, facts, silent: None, based: false, dirty: false, told }
}

fn status(release: &Release, facts: &Facts, silent: Option<String>) -> ReleaseStatus {
    ReleaseStatus {
        major: release.id.clone(),
        revision: release.vars.as_ref().map(|vars| vars.revision.clone()).unwrap_or_default(),
        silent,
        problem: release.vars.as_ref().err().cloned(),
        repos: judge(release, facts),
    }
}

/// Why nothing on a mount in this state can be read; none where it can.
fn closed(name: &str, state: &MountState) -> Option<String> {
    match state {
        MountState::Ready { .. } => None,
        MountState::NotMounted => Some(format!("{name} is not mounted")),
        MountState::Missing => Some(format!("{name}: there is no such folder")),
        MountState::NotAnswering { for_s } => Some(mounts::silence(name, *for_s)),
        MountState::Failing { problem } => Some(format!("{name}: {problem}")),
        MountState::Asking => Some(format!("{name} has not answered yet")),
    }
}

fn taken<T>(place: &str, answer: Answer<T>) -> Result<T, String> {
    match answer {
        Answer::Ready(answer) => Ok(answer),
        Answer::Late { since } => Err(mounts::silence(place, since.elapsed().as_secs())),
        Answer::Cancelled => Err(format!("{place}: the look at it was cancelled")),
        Answer::Broken { problem } => Err(format!("{place}: {problem}")),
    }
}
