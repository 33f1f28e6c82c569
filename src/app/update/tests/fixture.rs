//! A small distribution, a run and a console on it, all in memory.

use crate::app::model::{Mode, Model, Moment, Screen, Setup, Size};
use crate::app::msg::Connection;
use crate::app::{Effect, Msg, update};
use crate::domain::approval::{Demand, Identity};
use crate::domain::catalog::{Catalog, GateRules};
use crate::domain::evidence::Evidence;
use crate::domain::finding::Finding;
use crate::domain::fixture as domain;
use crate::domain::flow::{CheckName, Flow, Role, StepTemplate};
use crate::domain::name::{FlowName, ReleaseId, RepoName, RunId, SigName, StepId, TemplateName};
use crate::domain::outcome::Outcome;
use crate::domain::plan::Plan;
use crate::domain::release::{Release, Repo, Toolkit, ToolkitVars};
use crate::domain::run::{Event, RunState};
use crate::domain::seal::SealDigest;
use crate::domain::status::{
    ComposeStatus, ComposeSummary, LatestLink, Position, PositionState, ReleaseStatus, RepoStatus,
};
use crate::keys::{Action, Key, Keymap};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn release_id(text: &str) -> ReleaseId {
    ReleaseId::new(text).unwrap()
}

pub(super) fn step_id(text: &str) -> StepId {
    text.parse().unwrap()
}

pub(super) fn repo(text: &str) -> RepoName {
    RepoName::new(text).unwrap()
}

pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_795_373_100).unwrap()
}

pub(super) fn person(name: &str) -> Identity {
    Identity {
        uid: 0,
        user: "root".to_owned(),
        login_uid: Some(1000),
        login: Some(name.to_owned()),
        host: "compose01".to_owned(),
        terminal: Some(format!("/dev/pts/{}", name.len())),
    }
}

fn template(name: &str, role: Role) -> (TemplateName, StepTemplate) {
    let command: &[&str] = if role == Role::Gate { &[] } else { &["bash", "script.sh", "{release}"] };
    let template = StepTemplate {
        cwd: "/toolkit".to_owned(),
        env: BTreeMap::new(),
        repeatable: true,
        ..domain::template(name, role, command)
    };
    (template.name.clone(), template)
}

fn flow(name: &str, steps: &[&str]) -> Flow {
    Flow {
        name: FlowName::new(name).unwrap(),
        about: name.to_owned(),
        steps: steps.iter().map(|step| TemplateName::new(*step).unwrap()).collect(),
    }
}

fn release(id: &str) -> Release {
    let scripts = BTreeMap::from([(FlowName::new("update").unwrap(), "updates.sh".to_owned())]);
    let one = |name: &str, sig: Option<&str>| Repo {
        name: repo(name),
        sig: sig.map(|sig| SigName::new(sig).unwrap()),
        scripts: scripts.clone(),
    };
    Release {
        id: release_id(id),
        compose_dir: format!("/compose/{id}").into(),
        production_dir: format!("/production/{id}.10").into(),
        toolkit: Toolkit {
            folder: "/toolkit".into(),
            compose_folder: "/pungi".into(),
            depth: 2,
            deletes: false,
            signer: None,
            tools: Vec::new(),
            keys: Vec::new(),
        },
        vars: Ok(ToolkitVars {
            revision: format!("{id}.10"),
            append: String::new(),
            staging_root: "/staging".into(),
            production_root: "/production".into(),
            category: "pub".to_owned(),
            release_dir: format!("pub/{id}.10"),
            arches: Vec::new(),
            variants: Vec::new(),
            module_variants: Vec::new(),
            nonsig_composes: Vec::new(),
        }),
        repos: vec![one("Rocky", None), one("gluster9", Some("storage")), one("virt", Some("virt"))],
        sync_order: vec![repo("Rocky"), repo("gluster9")],
        needs: Vec::new(),
    }
}

pub(super) fn catalog() -> Arc<Catalog> {
    let templates = [
        template("compose", Role::Compose),
        template("sync", Role::Sync),
        template("minor-sync", Role::SyncAll),
        template("sign", Role::Stage),
        template("gate", Role::Gate),
        template("publish", Role::Publish),
    ];
    Arc::new(Catalog {
        name: "Rocky Linux".to_owned(),
        source: "test".to_owned(),
        mounts: Vec::new(),
        checkouts: Vec::new(),
        environment: BTreeMap::new(),
        secrets: crate::domain::redact::Secrets::default(),
        releases: vec![release("8"), release("9")],
        flows: vec![
            flow("update", &["compose", "sync", "sign", "gate", "publish"]),
            flow("minor", &["compose", "minor-sync", "gate", "publish"]),
            flow("publish", &["gate", "publish"]),
        ],
        templates: templates.into_iter().collect(),
        gate: GateRules {
            name: "staging-vetted".to_owned(),
            phrase: "{revision} vetted".to_owned(),
            expires_s: 600,
            people: 1,
            allowed_signers: None,
            solo: false,
            checklist: vec!["errata read".to_owned()],
        },
        severities: Vec::new(),
        lists: None,
        torrents: None,
        notices: Vec::new(),
    })
}

pub(super) fn status(id: &str) -> Arc<ReleaseStatus> {
    let position = |state| Position { state, reason: String::new() };
    let one = |name: &str, staging| RepoStatus {
        name: repo(name),
        sig: None,
        synced: name != "virt",
        latest: LatestLink::Compose {
            compose: ComposeSummary {
                id: format!("{name}-{id}-20260721.1").parse().unwrap(),
                status: ComposeStatus::Finished,
                created: now(),
                age_s: 60,
                label: None,
            },
        },
        history: Vec::new(),
        newer_unfinished: None,
        staging: position(staging),
        staging_holds: None,
        production: position(PositionState::Behind),
    };
    Arc::new(ReleaseStatus {
        major: release_id(id),
        revision: format!("{id}.10"),
        silent: None,
        problem: None,
        repos: vec![
            one("Rocky", PositionState::Behind),
            one("gluster9", PositionState::Current),
            one("virt", PositionState::Absent),
        ],
    })
}

/// A console in a terminal that does nothing by itself.
pub(super) struct Bench {
    pub(super) model: Model,
}

impl Bench {
    pub(super) fn new(mode: Mode) -> Self {
        let model = Model::new(Setup {
            catalog: catalog(),
            keymap: Arc::new(Keymap::default()),
            host: "compose01".to_owned(),
            clock: Moment { wall: now(), uptime_ms: 0 },
            size: Size { columns: 80, rows: 24 },
            theme: "dark".to_owned(),
            themes: vec!["dark".to_owned(), "light".to_owned()],
            mode,
            screen: Screen::Status,
            banners: Vec::new(),
        });
        let mut bench = Self { model };
        for id in ["8", "9"] {
            assert_eq!(bench.tell(Msg::ReleaseAnswered(status(id))), Vec::new());
        }
        bench
    }

    pub(super) fn tell(&mut self, msg: Msg) -> Vec<Effect> {
        update(&mut self.model, msg)
    }

    pub(super) fn later(&mut self, ms: u64) -> Vec<Effect> {
        let uptime_ms = self.model.clock.uptime_ms + ms;
        self.tell(Msg::ClockRead(Moment { wall: self.model.clock.wall, uptime_ms }))
    }

    pub(super) fn press(&mut self, key: &str) -> Vec<Effect> {
        self.tell(Msg::KeyPressed(key.parse().unwrap()))
    }

    pub(super) fn type_text(&mut self, text: &str) {
        for character in text.chars() {
            assert_eq!(self.tell(Msg::KeyPressed(Key::char(character))), Vec::new());
        }
    }

    pub(super) fn act(&mut self, action: Action) -> Vec<Effect> {
        self.tell(Msg::ActionChosen(action))
    }

    /// Ticks Rocky of 8 and returns the plan.
    pub(super) fn plan(&mut self) -> Arc<Plan> {
        self.press("s");
        Arc::clone(self.model.plan.plan().expect("a plan"))
    }

    /// Opens a run of that plan, with these events behind it and a supervisor that answers.
    pub(super) fn open_run(&mut self, events: &[Event]) -> Vec<Effect> {
        let plan = self.plan();
        let effects = self.tell(Msg::RunStarted { run: run_id() });
        assert_eq!(effects, [Effect::OpenRun { run: run_id() }, Effect::ListRuns]);
        self.go_on(&plan, events);
        self.tell(Msg::ConnectionChanged { run: run_id(), connection: Connection::Open })
    }

    pub(super) fn go_on(&mut self, plan: &Plan, events: &[Event]) -> Vec<Effect> {
        let mut state = RunState::new(plan.clone());
        for event in events {
            state.apply(now(), event);
        }
        self.tell(Msg::RunRead {
            run: run_id(),
            state: Arc::new(state),
            redactor: crate::domain::redact::Redactor::default(),
            alive: true,
            truths: BTreeMap::new(),
        })
    }
}

pub(super) fn run_id() -> RunId {
    RunId::new("20261122T184500Z-8-update").unwrap()
}

pub(super) fn starting(step: &str, attempt: u32) -> Event {
    domain::starting(step, attempt, &format!("steps/{}-{attempt}.log", step.replace('/', "-")))
}

pub(super) fn concluded(step: &str, outcome: Outcome) -> Event {
    Event::StepConcluded { step: step_id(step), outcome, reason: String::new(), findings: Vec::new() }
}

/// The events of a run of release 8 that has come to its gate.
pub(super) fn at_gate() -> Vec<Event> {
    vec![
        starting("8/sync/Rocky", 1),
        concluded("8/sync/Rocky", Outcome::Succeeded),
        starting("8/sign", 1),
        concluded("8/sign", Outcome::Succeeded),
        Event::GateOpened {
            step: step_id("8/gate"),
            evidence: "gates/8-1.json".to_owned(),
            seal: SealDigest("5ea1".to_owned()),
            demand: Demand::default(),
            digest: None,
        },
    ]
}

pub(super) fn blocking() -> Finding {
    Finding::blocking(CheckName::MetadataSigned, "unsigned", "BaseOS/x86_64/os", "not signed", "sign it")
}

pub(super) fn evidence(findings: Vec<Finding>) -> Arc<Evidence> {
    Arc::new(Evidence {
        staging: "/staging/pub/8.10".into(),
        production: "/production/8.10".into(),
        at: now(),
        checklist: vec!["errata read".to_owned()],
        seal: SealDigest("5ea1".to_owned()),
        sealed_paths: 12,
        production_now: "8.10 of yesterday".to_owned(),
        ..domain::evidence(findings)
    })
}
