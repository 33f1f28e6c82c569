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
use crate::domain::fixture::{approval, at, catalog, person, release_id, seal, selection, status, ticked};
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
mod outcomes;
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

/// Returns a house that stands before the publish of 8 with an approval that holds for an empty staging.
fn before_publish() -> House {
    let mut house = House::new();
    for event in until_step("8", "8/publish") {
        house.supervisor.record(&event).unwrap();
    }
    std::fs::write(house.dir().file("gates/8-1.seal.json"), serde_json::to_vec(&Seal::default()).unwrap())
        .unwrap();
    let plan = house.supervisor.state.plan.clone();
    let valid = {
        let mut one = approval(&plan, "8", person("lena", 1001), &Seal::default());
        one.expires = Timestamp::MAX;
        one
    };
    let gate = id("8/gate");
    let opened = Event::GateOpened {
        step: gate.clone(),
        evidence: "gates/8-1.json".to_owned(),
        seal: Seal::default().digest(),
        demand: Demand::default(),
        digest: None,
    };
    for event in
        [opened, Event::Approved { step: gate.clone(), approval: valid }, Event::GatePassed { step: gate }]
    {
        house.supervisor.record(&event).unwrap();
    }
    house.supervisor.busy.insert(id("8/publish"), Busy::Sealing);
    house
}

fn sealed(now: Seal) -> Happening {
    Happening::Sealed {
        release: release_id("8"),
        purpose: SealPurpose::Publish(id("8/publish")),
        result: Ok(Box::new(now)),
    }
}

#[test]
fn production_starts_with_an_approval_that_holds() {
    let mut house = before_publish();
    house.supervisor.handle(sealed(Seal::default())).unwrap();
    assert_eq!(house.started("8/publish"), 1, "{:?}", house.words());
}

#[test]
fn production_does_not_start_in_a_run_that_was_cancelled_meanwhile() {
    let mut house = before_publish();
    house.done(Request::Cancel { step: None });
    house.supervisor.handle(sealed(Seal::default())).unwrap();
    assert_eq!(house.started("8/publish"), 0);
    assert!(!house.supervisor.busy.contains_key(&id("8/publish")));
    house.until("the other lane's checks are over", Supervisor::is_settled);
    assert_eq!(house.started("8/publish"), 0);
}

#[test]
fn production_does_not_start_over_a_changed_staging() {
    let mut house = before_publish();
    house.supervisor.handle(sealed(seal(&[("BaseOS/stray", "x")]))).unwrap();
    assert_eq!((house.started("8/publish"), house.word("8/gate")), (0, "void"));
    assert!(house.journal().iter().any(|event| matches!(
        event,
        Event::ApprovalVoided { refusal: Refusal::SealBroken { path, .. }, .. } if path == "BaseOS/stray"
    )));
    assert!(!house.supervisor.busy.contains_key(&id("8/publish")));
}

#[test]
fn production_does_not_start_over_a_staging_that_cannot_be_read() {
    let mut house = before_publish();
    let unread = Happening::Sealed {
        release: release_id("8"),
        purpose: SealPurpose::Publish(id("8/publish")),
        result: Err(VetError::NotAnswering { place: "staging".to_owned(), for_s: 20 }),
    };
    house.supervisor.handle(unread).unwrap();
    assert_eq!((house.started("8/publish"), house.word("8/gate")), (0, "void"));
    assert!(house.journal().iter().any(|event| matches!(
        event,
        Event::ApprovalVoided { refusal, .. } if refusal.to_string()
            == "the seal cannot be taken: staging: not answering for 20 s; see what became of it, then look again"
    )));
}

// ------------------------------------------------------------------------------------------------ gate

#[test]
fn evidence_of_a_lane_that_went_back_opens_no_gate() {
    let mut house = House::new();
    for event in until_step("8", "8/gate") {
        house.supervisor.record(&event).unwrap();
    }
    house.supervisor.looking.insert(release_id("8"));
    house.done(retry("8/sync/Rocky"));
    let late = Happening::Gathered { release: release_id("8"), result: Err(VetError::Cancelled) };
    house.supervisor.handle(late).unwrap();
    assert_eq!(house.word("8/gate"), "pending");
    assert!(!house.journal().iter().any(|event| matches!(event, Event::StepRefused { .. })));
}

#[test]
fn a_gate_without_evidence_waits_for_a_retry() {
    let mut house = House::new();
    for event in until_step("8", "8/gate") {
        house.supervisor.record(&event).unwrap();
    }
    house.supervisor.looking.insert(release_id("8"));
    let none = Happening::Gathered { release: release_id("8"), result: Err(VetError::Cancelled) };
    house.supervisor.handle(none).unwrap();
    assert_eq!(house.word("8/gate"), "failed");
    house.done(retry("8/gate"));
    assert!(house.supervisor.looking.contains(&release_id("8")));
}

#[test]
fn nobody_approves_what_does_not_wait_or_was_cancelled() {
    let approve = |house: &mut House| {
        let request = Request::Approve {
            release: release_id("8"),
            phrase: "8.10 vetted".to_owned(),
            seal: None,
            then: AfterApproval::Proceed,
            reason: None,
            solo: false,
            signed: None,
        };
        match house.ask(7, request) {
            Some(Response::Refused { refusal: Refusal::NotWaiting { state, .. } }) => state,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(approve(&mut House::new()), "pending");
    let mut house = House::new();
    house.done(Request::Cancel { step: None });
    assert!(approve(&mut house).contains("cancelled"));
    // The seal was being looked at when somebody cancelled.
    let mut house = before_publish();
    house.done(Request::Cancel { step: None });
    let pending = PendingApproval {
        client: ClientId(1),
        by: person("lena", 1001),
        phrase: "8.10 vetted".to_owned(),
        then: AfterApproval::Proceed,
        reason: None,
        solo: false,
        signed: None,
    };
    let before = house.journal().len();
    let looked = Happening::Sealed {
        release: release_id("8"),
        purpose: SealPurpose::Approval(Box::new(pending)),
        result: Ok(Box::default()),
    };
    house.supervisor.handle(looked).unwrap();
    assert_eq!(house.journal().len(), before, "nothing is recorded");
}

// ------------------------------------------------------------------------------------ skip, retry, stop

#[test]
fn what_may_be_skipped() {
    let mut house = House::found(&[concluded("8/compose/Rocky", Outcome::Failed)]);
    for step in ["8/gate", "8/publish", "9/publish", "shared/lists"] {
        assert!(house.failed(skip(step)).contains("cannot be skipped"), "{step}");
    }
    let silent = Request::Skip { step: id("8/prep"), reason: "  ".to_owned() };
    assert!(house.failed(silent).contains("reason"));
    assert!(house.failed(skip("7/prep")).contains("no step"));
    assert_eq!(house.ask(1, skip("8/compose/Rocky")), None);
    house.until("it is skipped", |it| it.state.record(&id("8/compose/Rocky")).unwrap().word() == "skipped");
    assert!(matches!(house.answers.get_mut(&1).unwrap().try_recv(), Ok(Response::Done { .. })));
    assert!(house.failed(skip("8/compose/Rocky")).contains("done"), "once is enough");
    assert!(house.failed(skip("8/compose/Extras")).contains("running"), "its checks are at work");
}

#[test]
fn what_may_be_retried() {
    let mut house = House::running(&["sleep", "600"]);
    assert!(house.failed(retry("7/prep")).contains("no step"));
    assert!(house.failed(retry("8/prep")).contains("has not run yet"));
    house.until("it runs", |it| matches!(it.busy.get(&id("8/compose/Rocky")), Some(Busy::Unit(_))));
    assert!(house.failed(retry("8/compose/Rocky")).contains("at work"));
    house.done(Request::Cancel { step: None });
    house.until("all is stopped", Supervisor::is_settled);
}

/// The first process of an interrupted step may have outlived its supervisor; here it is this test itself.
#[test]
fn nothing_runs_twice_at_once() {
    let own = super::identity::own_pid();
    let start_time = super::identity::start_time(own).unwrap();
    let starting = Event::StepStarting {
        step: id("8/sync/Rocky"),
        attempt: 1,
        log: String::new(),
        argv: Vec::new(),
        added_env: BTreeMap::new(),
        composes: BTreeMap::new(),
        findings: Vec::new(),
        scripts: BTreeMap::new(),
    };
    let lives = |start_time| {
        let mut events = until_step("8", "8/sync/Rocky");
        events.push(starting.clone());
        events.push(Event::StepStarted { step: id("8/sync/Rocky"), pid: own, start_time, contained: None });
        events.push(Event::SupervisorStarted { pid: 1, start_time: 1, place: Place::default() });
        House::found(&events)
    };
    let resume = || Request::Resume { release: Some(release_id("8")) };
    for request in [retry("8/sync/Rocky"), retry("8/compose/Rocky"), skip("8/sync/Rocky")] {
        let mut house = lives(start_time);
        assert!(house.failed(request.clone()).contains("still alive"), "{request:?}");
        assert_eq!(house.word("8/sync/Rocky"), "interrupted");
    }
    let mut house = lives(start_time);
    assert!(house.done(resume()).contains("waits until its first life is over"));
    house.supervisor.advance().unwrap();
    assert_eq!((house.word("8/sync/Rocky"), house.started("8/sync/Rocky")), ("interrupted", 1));
    assert!(
        !house.supervisor.is_settled() && house.supervisor.busy.is_empty(),
        "it watches, and starts nothing"
    );
    let mut house = lives(start_time + 1);
    house.done(resume());
    assert!(house.supervisor.busy.contains_key(&id("8/sync/Rocky")), "another process of the same id");
}

/// A pid and a start time say nothing in another pid namespace: there they are of another process.
#[test]
fn a_shell_of_another_pid_namespace_is_not_looked_for_here() {
    let own = super::identity::own_pid();
    let start_time = super::identity::start_time(own).unwrap();
    let sync = id("8/sync/Rocky");
    let here = super::identity::place();
    for (namespace, seen) in [(here.pid_namespace, 1), (0, 1), (here.pid_namespace + 1, 0)] {
        let mut house = House::new();
        let place = Place { pid_namespace: namespace, ..here.clone() };
        let process = Some((own, start_time));
        let cut = Cut { since: at(0), process, stopping: None, end: None, place };
        house.supervisor.state.steps.get_mut(&sync).unwrap().state = StepState::Interrupted { cut };
        let truths = house.supervisor.truths();
        let is_own = |one: &&crate::domain::run::recovery::Survivor| one.pid == own;
        assert_eq!(truths[&sync].survivors().iter().filter(is_own).count(), seen, "{namespace}");
    }
}

#[test]
fn a_step_that_is_not_repeatable_is_not_resumed_by_itself() {
    let mut house = House::new();
    let step = id("8/compose/Rocky");
    let place = house.supervisor.state.plan.steps.iter().position(|one| one.id == step).unwrap();
    house.supervisor.state.plan.steps[place].repeatable = false;
    house.supervisor.state.steps.get_mut(&step).unwrap().attempts = 1;
    let here = super::identity::place();
    let cut = Cut { since: at(0), process: Some((1, 1)), stopping: None, end: None, place: here };
    house.supervisor.state.steps.get_mut(&step).unwrap().state = StepState::Interrupted { cut };
    let resume = || Request::Resume { release: Some(release_id("8")) };
    assert!(house.failed(resume()).contains("not safe to repeat"));
    assert!(house.failed(retry("8/compose/Rocky")).contains("--reason"), "by name, but without a reason");
    let reason = "looked at the compose folder".to_owned();
    house.done(Request::Retry { step, reason });
}

#[test]
fn what_cannot_be_waived() {
    let mut house = House::new();
    let waive = |reason: &str| Request::Waive {
        release: release_id("8"),
        finding: crate::domain::finding::FindingId("abc".to_owned()),
        reason: reason.to_owned(),
    };
    assert!(house.failed(waive(" ")).contains("reason"));
    assert!(house.failed(waive("known")).contains("not waiting"));
}

// ------------------------------------------------------------------------------------------------ helm

#[test]
fn one_client_has_the_helm() {
    let mut house = House::new();
    house.connect(1, person("lena", 1001));
    house.connect(2, person("omar", 1002));
    assert_eq!(house.ask(1, Request::TakeHelm { reason: None }), Some(Response::HelmGiven { turn: 1 }));
    let stop = || Request::Cancel { step: Some(id("8/prep")) };
    for request in [stop(), retry("8/prep"), skip("8/prep"), Request::Resume { release: None }] {
        let answer = house.ask(2, request.clone());
        assert_eq!(answer, Some(Response::HelmBusy { by: person("lena", 1001) }), "{request:?}");
    }
    let silent = house.ask(2, Request::TakeHelm { reason: Some("  ".to_owned()) });
    assert_eq!(silent, Some(Response::HelmBusy { by: person("lena", 1001) }), "blanks are no reason");
    let given = house.ask(2, Request::TakeHelm { reason: Some("lena went home".to_owned()) });
    assert_eq!(given, Some(Response::HelmGiven { turn: 2 }));
    house.supervisor.broadcast();
    let live = &house.supervisor.live;
    assert_eq!((live.helm_turn, live.helm_reason.as_deref()), (2, Some("lena went home")));
    let taken = Event::HelmTaken {
        by: person("omar", 1002),
        from: person("lena", 1001),
        reason: "lena went home".to_owned(),
    };
    assert!(house.journal().contains(&taken));
    assert!(matches!(house.ask(1, stop()), Some(Response::HelmBusy { .. })));
    house.supervisor.handle(Happening::Gone { client: ClientId(2) }).unwrap();
    assert!(
        matches!(house.ask(1, stop()), Some(Response::Failed { .. })),
        "it is free, and prep has no process"
    );
    house.ask(1, Request::TakeHelm { reason: None });
    house.ask(1, Request::ReleaseHelm);
    house.connect(3, person("omar", 1002));
    assert!(matches!(house.ask(3, stop()), Some(Response::Failed { .. })));
}

#[test]
fn a_request_of_a_client_that_is_gone_is_nobodys() {
    let mut house = House::new();
    let asked = Happening::Asked { client: ClientId(99), request: Request::Cancel { step: None } };
    house.supervisor.handle(asked).unwrap();
    assert_eq!(house.supervisor.state.cancelled, None);
}

#[test]
fn what_a_check_found_before_a_step_refuses_it() {
    let mut house = House::new();
    house.supervisor.advance().unwrap();
    let finding =
        crate::domain::finding::Finding::blocking(CheckName::Mounts, "gone", "/mnt", "not there", "mount");
    let found = Happening::CheckedBefore {
        step: id("8/compose/Rocky"),
        findings: vec![finding],
        scripts: BTreeMap::new(),
    };
    house.supervisor.handle(found).unwrap();
    assert_eq!((house.word("8/compose/Rocky"), house.started("8/compose/Rocky")), ("failed", 0));
}
