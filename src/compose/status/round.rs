//! One reading of the status: which question follows from which answer.
//!
//! ```text
//! mount ─ ready ─► composes ─► latest ─┬─► content of staging    ─┬─► older composes ─► judged
//!                                      └─► content of production ─┘
//! ```
//! Every answer is judged with what is there so far and told at once.

use super::reading::{self, Bases, Content, Held, Reading, Scans, Side};
use super::{Status, StatusPart, StatusReader};
use crate::compose::mounts;
use crate::compose::position::{Facts, judge};
use crate::compose::probe::Answer;
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
use std::time::Instant;

/// What came back from one question.
pub(super) enum News {
    Mount(String, Answer<MountState>),
    Scans(String, Answer<Scans>),
    Bases(String, Answer<Bases>),
    Content(String, Answer<Content>),
    Older(String, Answer<Held>),
}

/// Puts questions on threads of their own, which end by the deadline.
pub(super) struct Asker<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    reader: &'env StatusReader,
    tell: Sender<News>,
    until: Instant,
    /// Until when a mount is to say that it is there, and what its composes are: what waits for these answers
    /// needs time too, and must not be blamed for them.
    shares: (Instant, Instant),
}

impl<'scope, 'env> Asker<'scope, 'env> {
    pub(super) fn new(
        scope: &'scope Scope<'scope, 'env>,
        reader: &'env StatusReader,
        tell: Sender<News>,
        until: Instant,
    ) -> Self {
        let now = Instant::now();
        let left = until.saturating_duration_since(now);
        Self { scope, reader, tell, until, shares: (now + left / 4, now + left / 4 * 3) }
    }

    fn ask<T, F, N>(&self, place: &str, what: String, read: F, news: N)
    where
        T: Clone + Send + 'static,
        F: FnOnce(Reading) -> T + Send + 'static,
        N: FnOnce(String, Answer<T>) -> News + Send + 'static,
    {
        let (prober, reading) = (self.reader.prober.clone(), self.reader.reading.clone());
        let until = match what.as_str() {
            "state" => self.shares.0,
            "composes" | "latest" => self.shares.1,
            _ => self.until,
        };
        let (tell, place) = (self.tell.clone(), place.to_owned());
        self.scope.spawn(move || {
            let answer = prober.ask_until(&place, &what, until, move || read(reading));
            // Nobody listens only if the listener is gone, and it waits for every answer.
            let _ = tell.send(news(place, answer));
        });
    }
}

/// One release while it is being read.
struct Lane<'a> {
    release: &'a Release,
    facts: Facts,
    /// Whether its composes are read, or never will be: then its folders are known.
    based: bool,
    /// Whether something became known since it was judged last: judging compares whole trees.
    dirty: bool,
    told: ReleaseStatus,
}

pub(super) struct Round<'a, 'scope, 'env> {
    catalog: &'a Catalog,
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
            asker,
            on_part,
            lanes,
            mounts,
            ready: BTreeSet::new(),
            asked: BTreeSet::new(),
            open: 0,
        }
    }

    /// The mount that `path` is on, or the path itself where the catalog names none.
    fn place(&self, path: &Path) -> String {
        let over = self.catalog.mounts.iter().filter(|mount| path.starts_with(&mount.path));
        let nearest = over.max_by_key(|mount| mount.path.components().count());
        nearest.map_or_else(|| path.display().to_string(), |mount| mount.name.clone())
    }

    pub(super) fn begin(&mut self) {
        for mount in &self.catalog.mounts {
            let asked = mount.clone();
            self.open += 1;
            self.asker.ask(&mount.name, "state".to_owned(), move |_| mounts::look(&asked), News::Mount);
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
            let now = status(lane.release, &lane.facts);
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
            Answer::Broken { .. } => MountState::NotAnswering { for_s: 0 },
        };
        if let Some(mount) = self.mounts.iter_mut().find(|mount| mount.name == place) {
            mount.state = state.clone();
            (self.on_part)(StatusPart::Mount(mount.clone()));
        }
        match closed(&place, &state) {
            None => self.opened(place),
            Some(reason) => self.shut(&place, &reason),
        }
    }

    /// A place can be read: its composes are, its content is as soon as it is known which.
    fn opened(&mut self, place: String) {
        let releases = self.on_place(&place, |release| Some(release.compose_dir.clone()));
        if !releases.is_empty() {
            self.open += 1;
            self.asker.ask(&place, "composes".to_owned(), move |_| reading::scans(&releases), News::Scans);
        }
        self.ready.insert(place);
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
        let scans = match taken(place, answer) {
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
        let read = move |reading: Reading| reading.bases(&to_read);
        self.asker.ask(place, "latest".to_owned(), read, News::Bases);
    }

    fn bases(&mut self, place: &str, answer: Answer<Bases>) {
        match taken(place, answer) {
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
            self.asker.ask(
                &place,
                "content".to_owned(),
                move |_| reading::content(&questions),
                News::Content,
            );
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
        let content = match taken(place, answer) {
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
            // Each of these is about facts of this very round: an older answer would not fit.
            let what = format!("older {:?} {place}", self.asker.until);
            self.asker.ask(&composes, what, move |reading: Reading| reading.older(lanes), News::Older);
        }
    }

    fn older(&mut self, place: &str, answer: Answer<Held>) {
        // Without them the positions are told less exactly, but not wrongly.
        let Ok(found) = taken(place, answer) else { return };
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
    let told = status(release, &facts);
    Lane { release, facts, based: false, dirty: false, told }
}

fn status(release: &Release, facts: &Facts) -> ReleaseStatus {
    ReleaseStatus {
        major: release.id.clone(),
        revision: release.vars.as_ref().map(|vars| vars.revision.clone()).unwrap_or_default(),
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
        MountState::NotAnswering { for_s } => Some(format!("{name} has not been answering for {for_s} s")),
        MountState::Asking => Some(format!("{name} has not answered yet")),
    }
}

fn taken<T>(place: &str, answer: Answer<T>) -> Result<T, String> {
    match answer {
        Answer::Ready(answer) => Ok(answer),
        Answer::Late { since } => {
            Err(format!("{place} has not been answering for {} s", since.elapsed().as_secs()))
        }
        Answer::Broken { problem } => Err(format!("{place}: {problem}")),
    }
}
