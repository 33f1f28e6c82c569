//! What a supervisor decides, with a catalog made by hand and steps that are no more than `true` and `false`.
//!
//! The house here is a real one: a run's folder, a journal, locks, units with real processes, a socket. Only the
//! catalog comes from no file.

use super::control::{Request, Response};
use super::happening::{ClientId, Happening, PendingApproval, SealPurpose};
use super::locks::Locks;
use super::run_loop::{Busy, Supervisor};
use crate::compose::probe::Prober;
use crate::domain::approval::{AfterApproval, Demand, Identity, Refusal};
use crate::domain::catalog::Catalog;
use crate::domain::fixture::{
    approval, at, catalog, evidence, person, release_id, seal, selection, starting, status, ticked,
};
use crate::domain::flow::CheckName;
use crate::domain::live::Live;
use crate::domain::name::StepId;
use crate::domain::outcome::Outcome;
use crate::domain::plan::{Plan, make::make};
use crate::domain::run::{Cut, Event, Place, RunState, RunVerdict, StepState};
use crate::domain::seal::Seal;
use crate::exec::cgroup::Ground;
use crate::journal::lock::{Elsewhere, Holder};
use crate::journal::store::{RunDir, Store};
use crate::journal::writer::Writer;
use crate::vet::VetError;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(30);

static NEXT_RUN: AtomicI64 = AtomicI64::new(0);

mod fail_closed;
mod gate;
mod outcomes;
mod requests;
mod scope;
mod skipping;
mod socket;
mod starting;
mod survivors;
mod weigh;

/// A supervisor in a folder of its own.
struct House {
    folder: TempDir,
    supervisor: Supervisor,
    happenings: UnboundedReceiver<Happening>,
    answers: BTreeMap<u64, UnboundedReceiver<Response>>,
}

fn id(text: &str) -> StepId {
    text.parse().unwrap()
}

/// Returns a plan of two lanes whose steps all run `command`.
pub(super) fn plan_of(catalog: &Catalog, command: &[&str]) -> Plan {
    let both = &["Rocky", "Extras"][..];
    let selection = selection("update", vec![ticked("8", both, both), ticked("9", both, both)]);
    let mut plan = make(catalog, &selection, &status(catalog), &[]).unwrap();
    for step in &mut plan.steps {
        step.host = None;
        step.cwd = "/".into();
        if !step.argv.is_empty() {
            step.argv = command.iter().map(|part| (*part).to_owned()).collect();
        }
    }
    plan.digest = plan.compute_digest();
    plan
}

/// Gives every release of `catalog` a compose folder with the composes and links that the status tells of.
fn make_composes(catalog: &mut Catalog, folder: &std::path::Path) {
    let told = status(catalog);
    for release in &mut catalog.releases {
        release.compose_dir = folder.join("composes").join(release.id.as_str());
        let told = told.iter().find(|told| told.major == release.id).unwrap();
        for repo in &told.repos {
            let Some(compose) = repo.latest.compose() else { continue };
            let place = release.compose_dir.join(compose.id.to_string());
            std::fs::create_dir_all(&place).unwrap();
            std::fs::write(place.join("COMPOSE_ID"), compose.id.to_string()).unwrap();
            std::os::unix::fs::symlink(compose.id.to_string(), release.latest_link(&repo.name)).unwrap();
        }
    }
}

impl House {
    fn new() -> Self {
        Self::running(&["true"])
    }

    fn running(command: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut catalog = catalog();
        make_composes(&mut catalog, folder.path());
        let plan = plan_of(&catalog, command);
        // A run's name marks its processes, and tests run side by side, in other processes too.
        let process = i64::from(std::process::id());
        let second = 1_800_000_000 + process * 1000 + NEXT_RUN.fetch_add(1, Ordering::Relaxed);
        let dir = store.create(&plan, "", at(second)).unwrap();
        let holder =
            Holder { run: dir.id().clone(), by: person("lena", 1001), since: at(0), pid: 1, step: None };
        let mut locks = Locks::take_run(&store, &dir, holder, Elsewhere::Respect).unwrap();
        for lane in &plan.lanes {
            locks.take_lane(&lane.release).unwrap();
        }
        let (sender, happenings) = unbounded_channel();
        let released = plan.lanes.iter().map(|lane| lane.release.clone()).collect();
        let supervisor = Supervisor {
            journal: Writer::open(&dir.journal()).unwrap(),
            state: RunState::new(plan),
            dir,
            catalog: Arc::new(catalog),
            locks,
            happenings: sender,
            busy: BTreeMap::new(),
            looking: BTreeSet::new(),
            released,
            phrases: BTreeMap::new(),
            checked: BTreeMap::new(),
            vigils: BTreeMap::new(),
            live: Live::default(),
            live_changed: false,
            clients: BTreeMap::new(),
            helm: None,
            looks: BTreeMap::new(),
            prober: Prober::new(),
            ground: Ground::None { why: "this test wants none".to_owned() },
            helm_turn: (0, None),
            broken: None,
            asked: true,
            begun: Instant::now(),
        };
        Self { folder, supervisor, happenings, answers: BTreeMap::new() }
    }

    /// Makes it one that was started anew for a run that it finds as `events` left it.
    fn found(events: &[Event]) -> Self {
        let mut house = Self::new();
        for event in events {
            house.supervisor.record(event).unwrap();
        }
        house.supervisor.released.clear();
        house.supervisor.asked = false;
        house
    }

    fn dir(&self) -> RunDir {
        self.supervisor.dir.clone()
    }

    fn connect(&mut self, client: u64, identity: Identity) {
        let (answers, heard) = unbounded_channel();
        let (live, _) = watch::channel(None);
        self.answers.insert(client, heard);
        let connected = Happening::Connected { client: ClientId(client), identity, answers, live };
        self.supervisor.handle(connected).unwrap();
    }

    /// Asks as `client` and returns the answer, if there is one at once.
    fn ask(&mut self, client: u64, request: Request) -> Option<Response> {
        if !self.answers.contains_key(&client) {
            self.connect(client, person("lena", 1001));
        }
        self.supervisor.handle(Happening::Asked { client: ClientId(client), request }).unwrap();
        self.answers.get_mut(&client).unwrap().try_recv().ok()
    }

    fn done(&mut self, request: Request) -> String {
        self.done_by(1, request)
    }

    fn done_by(&mut self, client: u64, request: Request) -> String {
        match self.ask(client, request) {
            Some(Response::Done { message }) => message,
            other => panic!("{other:?}"),
        }
    }

    fn failed(&mut self, request: Request) -> String {
        match self.ask(1, request) {
            Some(Response::Failed { message }) => message,
            other => panic!("{other:?}"),
        }
    }

    /// Takes happenings in until `done`.
    fn until(&mut self, what: &str, done: impl Fn(&Supervisor) -> bool) {
        let begun = Instant::now();
        while !done(&self.supervisor) {
            assert!(begun.elapsed() < PATIENCE, "{what} did not happen: {:#?}", self.words());
            match self.happenings.try_recv() {
                Ok(happening) => self.supervisor.handle(happening).unwrap(),
                Err(_) => std::thread::yield_now(),
            }
        }
    }

    fn word(&self, step: &str) -> &'static str {
        self.supervisor.state.record(&id(step)).unwrap().word()
    }

    fn words(&self) -> Vec<(String, &'static str)> {
        self.supervisor.state.steps.iter().map(|(id, record)| (id.to_string(), record.word())).collect()
    }

    /// Returns the journal's facts as they are on disk.
    fn journal(&self) -> Vec<Event> {
        let read = crate::journal::reader::read(&self.dir().journal()).unwrap();
        assert_eq!(read.problem, None);
        read.records.into_iter().filter_map(|record| record.fact).collect()
    }

    fn started(&self, step: &str) -> usize {
        self.journal()
            .iter()
            .filter(|event| matches!(event, Event::StepStarting { step: starting, .. } if starting.as_str() == step))
            .count()
    }
}

fn retry(step: &str) -> Request {
    Request::Retry { step: id(step), reason: String::new() }
}

fn skip(step: &str) -> Request {
    Request::Skip { step: id(step), reason: "known".to_owned() }
}

fn concluded(step: &str, outcome: Outcome) -> Event {
    Event::StepConcluded { step: id(step), outcome, reason: String::new(), findings: Vec::new() }
}

/// Returns the events after which the lane of `release` stands at `step`.
fn until_step(release: &str, step: &str) -> Vec<Event> {
    let catalog = catalog();
    let plan = plan_of(&catalog, &["true"]);
    let lane = plan.lane(&release_id(release)).unwrap();
    let mut events = Vec::new();
    for one in lane.steps.iter().take_while(|one| one.as_str() != step) {
        if plan.step(one).unwrap().is_gate() {
            let shown = Seal::default();
            events.push(Event::GateOpened {
                step: one.clone(),
                evidence: format!("gates/{release}-1.json"),
                seal: shown.digest(),
                demand: Demand::default(),
                digest: None,
            });
            let approval = approval(&plan, release, person("lena", 1001), &shown);
            events.push(Event::Approved { step: one.clone(), approval });
            events.push(Event::GatePassed { step: one.clone() });
        } else {
            events.push(concluded(one.as_str(), Outcome::Succeeded));
        }
    }
    events
}

// ----------------------------------------------------------------------------------------------- lanes

#[test]
fn lanes_run_side_by_side_to_their_gates() {
    let mut house = House::new();
    house.supervisor.advance().unwrap();
    house.until("both gates are reached", |it| {
        it.state.plan.lanes.iter().all(|lane| {
            it.state.lane_at(lane).is_some_and(crate::domain::plan::Step::is_gate) && it.looking.is_empty()
        })
    });
    assert_eq!(house.started("8/sign"), 1);
    assert_eq!(house.started("8/publish") + house.started("9/publish"), 0);
    assert!(house.supervisor.busy.is_empty(), "{:?}", house.supervisor.busy);
}

#[test]
fn a_failed_step_stops_its_lane_and_a_retry_moves_it() {
    let mut house = House::running(&["false"]);
    house.supervisor.advance().unwrap();
    house.until("both lanes stop", Supervisor::is_settled);
    assert_eq!((house.word("8/compose/Rocky"), house.word("8/compose/Extras")), ("failed", "pending"));
    assert_eq!(house.supervisor.state.verdict(true), RunVerdict::Failed);
    house.done(retry("8/compose/Rocky"));
    assert!(!house.supervisor.is_settled());
    house.until("it failed again", Supervisor::is_settled);
    assert_eq!(house.started("8/compose/Rocky"), 2);
    assert_eq!(house.started("9/compose/Rocky"), 1);
}

#[test]
fn a_run_that_was_found_moves_only_when_asked() {
    let mut house = House::found(&until_step("8", "8/prep"));
    house.supervisor.advance().unwrap();
    assert!(house.supervisor.busy.is_empty());
    assert!(!house.supervisor.is_settled(), "it waits for the request it was started for");
    house.done(Request::Resume { release: Some(release_id("8")) });
    assert_eq!(house.supervisor.busy.keys().map(StepId::as_str).collect::<Vec<_>>(), ["8/prep"]);
    house.supervisor.begun = Instant::now().checked_sub(PATIENCE).unwrap();
    assert!(!house.supervisor.is_settled(), "a lane moves");
}

#[test]
fn nothing_shared_runs_in_a_found_run_before_somebody_asks() {
    let mut events = until_step("8", "none");
    events.extend(until_step("9", "none"));
    let mut house = House::found(&events);
    house.supervisor.advance().unwrap();
    assert!(house.supervisor.busy.is_empty());
    house.supervisor.begun = Instant::now().checked_sub(PATIENCE).unwrap();
    assert!(house.supervisor.is_settled(), "nobody asked");
    house.done(Request::Resume { release: None });
    house.until("it is finished", |it| it.state.verdict(true) == RunVerdict::Finished);
    assert!(house.supervisor.is_settled());
}

#[test]
fn a_supervisor_rests_where_nothing_can_move() {
    let rests = |event: Event, asked: bool| {
        let mut house = House::found(&[event]);
        house.supervisor.asked = asked;
        house.supervisor.begun = Instant::now().checked_sub(PATIENCE).unwrap();
        house.supervisor.is_settled()
    };
    for outcome in [Outcome::Failed, Outcome::Suspect, Outcome::Cancelled] {
        assert!(rests(concluded("8/compose/Rocky", outcome), true), "{outcome:?}");
    }
    let mut house = House::new();
    assert!(!house.supervisor.is_settled(), "lanes that may move");
    for event in until_step("8", "8/gate").iter().chain(&until_step("9", "9/gate")) {
        house.supervisor.record(event).unwrap();
    }
    for release in ["8", "9"] {
        let step = id(&format!("{release}/gate"));
        let opened = Event::GateOpened {
            step,
            evidence: String::new(),
            seal: Seal::default().digest(),
            demand: Demand::default(),
            digest: None,
        };
        house.supervisor.record(&opened).unwrap();
    }
    assert!(!house.supervisor.is_settled(), "a gate is waited for");
    house.supervisor.busy.insert(id("8/prep"), Busy::After);
    house.supervisor.record(&Event::RunCancelled { by: person("lena", 1), signal: None }).unwrap();
    assert!(!house.supervisor.is_settled(), "something is at work");
    house.supervisor.busy.clear();
    assert!(house.supervisor.is_settled());
}

// ---------------------------------------------------------------------------------------------- cancel

#[test]
fn a_cancelled_run_stops_and_a_retry_moves_one_lane_only() {
    let mut house = House::running(&["sleep", "600"]);
    house.supervisor.advance().unwrap();
    let runs = |it: &Supervisor, step: &str| matches!(it.busy.get(&id(step)), Some(Busy::Unit(_)));
    house.until("both run", |it| runs(it, "8/compose/Rocky") && runs(it, "9/compose/Rocky"));
    house.done(Request::Cancel { step: None });
    house.until("both are stopped", Supervisor::is_settled);
    assert_eq!((house.word("8/compose/Rocky"), house.word("9/compose/Rocky")), ("cancelled", "cancelled"));
    house.done(retry("9/compose/Rocky"));
    assert_eq!(house.supervisor.state.cancelled, None);
    house.until("lane 9 runs", |it| runs(it, "9/compose/Rocky"));
    assert_eq!(house.word("8/compose/Rocky"), "cancelled");
    house.done(Request::Cancel { step: Some(id("9/compose/Rocky")) });
    house.until("it is stopped", Supervisor::is_settled);
    assert_eq!((house.started("8/compose/Rocky"), house.started("9/compose/Rocky")), (1, 2));
}

#[test]
fn a_supervisor_that_is_started_for_a_cancelled_run_hears_its_request() {
    let mut events = until_step("8", "8/prep");
    events.push(Event::RunCancelled { by: person("lena", 1), signal: None });
    let mut house = House::found(&events);
    assert!(!house.supervisor.is_settled(), "the request is on its way");
    assert!(house.failed(Request::Resume { release: Some(release_id("8")) }).contains("cancelled; retry"));
    assert!(house.supervisor.busy.is_empty());
    let mut house = House::found(&events);
    house.done(retry("8/prep"));
    assert!(
        house.supervisor.busy.contains_key(&id("8/prep")),
        "it has not run, but the run was cancelled before it"
    );
    assert!(!house.supervisor.busy.contains_key(&id("9/compose/Rocky")), "nobody asked for lane 9");
}

#[test]
fn a_step_whose_checks_were_under_way_does_not_start_after_a_cancel() {
    let mut house = House::new();
    house.supervisor.advance().unwrap();
    assert!(matches!(house.supervisor.busy[&id("8/compose/Rocky")], Busy::Before));
    house.done(Request::Cancel { step: None });
    house.until("the checks are over", Supervisor::is_settled);
    assert_eq!(house.started("8/compose/Rocky"), 0);
    assert_eq!(house.supervisor.state.verdict(false), RunVerdict::Cancelled);
    // The other lane is retried while this one's checks are still on their way: this one stays.
    house.done(retry("9/compose/Rocky"));
    let checked = Happening::CheckedBefore {
        step: id("8/compose/Rocky"),
        findings: Vec::new(),
        scripts: BTreeMap::new(),
    };
    house.supervisor.handle(checked).unwrap();
    assert_eq!(house.started("8/compose/Rocky"), 0);
}
