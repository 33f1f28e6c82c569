//! A small catalog and what goes with it, for the tests of the pure heart and of what stands on it.
//!
//! Made by hand, because the domain reads no file. [`Dice`] turns random numbers into catalogs, statuses and
//! selections that vary in everything a plan depends on.

mod bare;
mod dice;

pub(crate) use bare::{bare_plan, bare_step, evidence, starting};
pub(crate) use dice::Dice;

use super::approval::{AfterApproval, Approval, Identity, Signed, VerifiedSigner};
use super::catalog::{Catalog, GateRules};
use super::compose::ComposeId;
use super::flow::{Flow, ProgressSource, Role, StepTemplate};
use super::name::{FlowName, ReleaseId, RepoName, ResourceName, RunId, SigName, TemplateName};
use super::plan::{Plan, make::make};
use super::release::{Release, Repo, Toolkit, ToolkitVars};
use super::seal::{Seal, SealedPath};
use super::selection::{ReleaseSelection, Selection};
use super::status::{
    CheckoutStatus, ComposeStatus, ComposeSummary, LatestLink, Position, PositionState, ReleaseStatus,
    RepoStatus,
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The repos of every release here, with their SIG.
pub(crate) const REPOS: [(&str, Option<&str>); 7] = [
    ("Rocky", None),
    ("Rocky-devel", None),
    ("Extras", None),
    ("Plus", None),
    ("NFV", None),
    ("gluster9", Some("storage")),
    ("advanced-virt", Some("virt")),
];

/// The SOP's sync order.
pub(crate) const SYNC_ORDER: [&str; 6] = ["Rocky", "Rocky-devel", "Extras", "NFV", "Plus", "gluster9"];

/// The name of the command that publishes, and nothing else is called so.
pub(crate) const PUSH: &str = "push-to-production.sh";

/// Returns the time `s` seconds after the epoch.
pub(crate) fn at(s: i64) -> Timestamp {
    Timestamp::from_second(s).unwrap()
}

/// Returns a person.
pub(crate) fn person(name: &str, uid: u32) -> Identity {
    Identity {
        uid: 0,
        user: "root".to_owned(),
        login_uid: Some(uid),
        login: Some(name.to_owned()),
        host: "compose01".to_owned(),
        terminal: None,
    }
}

pub(crate) fn repo_name(text: &str) -> RepoName {
    text.parse().unwrap()
}

pub(crate) fn release_id(text: &str) -> ReleaseId {
    text.parse().unwrap()
}

/// Returns a template that runs `command` and asks for nothing.
pub(crate) fn template(name: &str, role: Role, command: &[&str]) -> StepTemplate {
    StepTemplate {
        name: name.parse().unwrap(),
        role,
        title: format!("{name} {{release}}"),
        command: command.iter().map(|part| (*part).to_owned()).collect(),
        sig_command: Vec::new(),
        cwd: "{sync_folder}".to_owned(),
        host: None,
        env: BTreeMap::from([("RLVER".to_owned(), "{release}".to_owned())]),
        resources: Vec::new(),
        tools: Vec::new(),
        leftovers: Vec::new(),
        before: Vec::new(),
        after: Vec::new(),
        failure_phrases: Vec::new(),
        repeatable: !matches!(role, Role::SyncAll),
        timeout_s: None,
        progress: ProgressSource::History,
    }
}

/// Returns every template, by name.
pub(crate) fn templates() -> BTreeMap<TemplateName, StepTemplate> {
    let mut sync = template("sync", Role::Sync, &["bash", "sync-to-staging.sh", "{repo}"]);
    sync.sig_command = ["bash", "sync-to-staging-sig.sh", "{repo}", "{sig}"].map(str::to_owned).to_vec();
    let mut publish = template("publish", Role::Publish, &["bash", PUSH]);
    publish.resources = vec!["production-lists".parse::<ResourceName>().unwrap()];
    let mut errata = template("errata", Role::Stage, &["ansible-playbook", "errata.yml"]);
    errata.host = Some("errata01".to_owned());
    let all = [
        template("compose", Role::Compose, &["bash", "{script}"]),
        sync,
        template("sync-all", Role::SyncAll, &["bash", "sync-all.sh"]),
        template("prep", Role::Stage, &["bash", "prep-{release}.sh"]),
        errata,
        template("sign", Role::Stage, &["bash", "sign.sh"]),
        template("gate", Role::Gate, &[]),
        publish,
        template("lists", Role::Lists, &[]),
    ];
    all.into_iter().map(|template| (template.name.clone(), template)).collect()
}

fn flow(name: &str, steps: &[&str]) -> Flow {
    Flow {
        name: name.parse().unwrap(),
        about: "a flow".to_owned(),
        steps: steps.iter().map(|step| step.parse().unwrap()).collect(),
    }
}

/// Returns a release with `repos` and `sync_order`.
pub(crate) fn release(id: &str, repos: &[(&str, Option<&str>)], sync_order: &[&str]) -> Release {
    let script = |name: &str| {
        let scripts = [("update", format!("updates-{id}-{name}.sh")), ("minor", format!("produce-{id}.sh"))];
        scripts.into_iter().map(|(flow, script)| (flow.parse::<FlowName>().unwrap(), script)).collect()
    };
    let root = |name: &str| PathBuf::from(format!("/mnt/{name}"));
    Release {
        id: release_id(id),
        compose_dir: PathBuf::from(format!("/mnt/compose/{id}")),
        production_dir: PathBuf::from(format!("/mnt/production/pub/{id}.10")),
        toolkit: Toolkit {
            folder: PathBuf::from("/toolkit/sync"),
            compose_folder: PathBuf::from("/pungi/scripts"),
            depth: 2,
            deletes: false,
            signer: None,
            keys: Vec::new(),
            tools: Vec::new(),
        },
        vars: Ok(ToolkitVars {
            revision: format!("{id}.10"),
            append: "-RC1".to_owned(),
            staging_root: root("staging"),
            production_root: root("production"),
            category: "pub".to_owned(),
            release_dir: format!("pub/{id}.10-RC1"),
            arches: vec!["x86_64".to_owned()],
            variants: vec!["BaseOS".to_owned()],
            module_variants: Vec::new(),
            nonsig_composes: Vec::new(),
        }),
        repos: repos
            .iter()
            .map(|(name, sig)| Repo {
                name: repo_name(name),
                sig: sig.map(|sig| sig.parse::<SigName>().unwrap()),
                scripts: script(name),
            })
            .collect(),
        sync_order: sync_order.iter().map(|name| repo_name(name)).collect(),
        needs: Vec::new(),
    }
}

/// Returns the catalog of the releases 8 and 9.
pub(crate) fn catalog() -> Catalog {
    Catalog {
        name: "Larch Linux".to_owned(),
        source: "a test".to_owned(),
        mounts: Vec::new(),
        checkouts: Vec::new(),
        environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        secrets: crate::domain::redact::Secrets::default(),
        releases: vec![release("8", &REPOS, &SYNC_ORDER), release("9", &REPOS, &SYNC_ORDER)],
        flows: vec![
            flow("update", &["compose", "sync", "prep", "errata", "sign", "gate", "publish", "lists"]),
            flow("minor", &["compose", "sync-all", "sign", "gate", "publish", "lists"]),
            flow("sign", &["sign"]),
            flow("publish", &["gate", "publish", "lists"]),
        ],
        templates: templates(),
        gate: GateRules {
            name: "staging-vetted".to_owned(),
            phrase: "{revision} vetted".to_owned(),
            expires_s: 3600,
            people: 1,
            allowed_signers: None,
            solo: false,
            checklist: Vec::new(),
        },
        severities: Vec::new(),
        lists: None,
        torrents: None,
        notices: Vec::new(),
    }
}

/// Returns a compose id of `repo`.
pub(crate) fn compose_id(repo: &str, release: &str, respin: u32) -> ComposeId {
    format!("{repo}-{release}-updates-20210721.{respin}").parse().unwrap()
}

/// Returns a compose in `status`.
pub(crate) fn compose(repo: &str, release: &str, respin: u32, status: ComposeStatus) -> ComposeSummary {
    ComposeSummary { id: compose_id(repo, release, respin), status, created: at(0), age_s: 60, label: None }
}

fn position(state: PositionState) -> Position {
    Position { state, reason: "12 of 40 packages missing".to_owned() }
}

/// Returns a status in which every repo has a finished compose that staging lacks and production has.
pub(crate) fn status(catalog: &Catalog) -> Vec<ReleaseStatus> {
    let repo = |release: &Release, repo: &Repo| RepoStatus {
        name: repo.name.clone(),
        sig: repo.sig.clone(),
        synced: release.sync_order.contains(&repo.name),
        latest: LatestLink::Compose {
            compose: compose(repo.name.as_str(), release.id.as_str(), 1, ComposeStatus::Finished),
        },
        history: Vec::new(),
        newer_unfinished: None,
        staging: position(PositionState::Behind),
        staging_holds: None,
        production: position(PositionState::Current),
    };
    catalog
        .releases
        .iter()
        .map(|release| ReleaseStatus {
            major: release.id.clone(),
            revision: release.revision().to_owned(),
            silent: None,
            problem: None,
            repos: release.repos.iter().map(|one| repo(release, one)).collect(),
        })
        .collect()
}

/// Returns what is ticked of one release.
pub(crate) fn ticked(release: &str, compose: &[&str], sync: &[&str]) -> ReleaseSelection {
    ReleaseSelection {
        release: release_id(release),
        compose: compose.iter().map(|name| repo_name(name)).collect(),
        sync: sync.iter().map(|name| repo_name(name)).collect(),
    }
}

/// Returns a selection.
pub(crate) fn selection(flow: &str, releases: Vec<ReleaseSelection>) -> Selection {
    Selection { flow: flow.parse().unwrap(), releases }
}

/// Returns the plan of two lanes in which Rocky and Extras are composed and synced.
pub(crate) fn plan() -> Plan {
    let catalog = catalog();
    let both = &["Rocky", "Extras"][..];
    let selection = selection("update", vec![ticked("8", both, both), ticked("9", both, both)]);
    make(&catalog, &selection, &status(&catalog), &[]).unwrap()
}

/// Returns a seal over `paths`, each with its content's hash.
pub(crate) fn seal(paths: &[(&str, &str)]) -> Seal {
    let file = |hash: &str| SealedPath::File { size: 1, sha256: hash.to_owned() };
    Seal { paths: paths.iter().map(|(path, hash)| ((*path).to_owned(), file(hash))).collect() }
}

/// Returns an approval of `release` under `plan` that holds until 1000.
pub(crate) fn approval(plan: &Plan, release: &str, by: Identity, seal: &Seal) -> Approval {
    Approval {
        release: release_id(release),
        by,
        at: at(0),
        expires: at(1000),
        plan: plan.digest.clone(),
        seal: seal.digest(),
        phrase: format!("{release}.10 vetted"),
        then: AfterApproval::Proceed,
        reason: None,
        solo: false,
        signed: None,
    }
}

/// Returns the run that approvals are given in.
pub(crate) fn run() -> RunId {
    "20261122T184500Z-8-update".parse().unwrap()
}

/// Returns `approval` as `principal` would have it signed with `key`; the signature itself is for `signing` to look at.
pub(crate) fn signed(approval: Approval, principal: &str, key: &str) -> Approval {
    let (principal, key) = (principal.to_owned(), key.to_owned());
    Approval { signed: Some(Signed { principal, key, signature: "armour".to_owned() }), ..approval }
}

/// Returns who signed `approval` of `plan` in [`run`], as if that had been verified.
pub(crate) fn verified(plan: &Plan, approval: &Approval) -> VerifiedSigner {
    let revision = plan.lane(&approval.release).map_or("", |lane| lane.revision.as_str());
    let signed = approval.signed.as_ref().unwrap();
    let text = crate::domain::approval::text::of(&run(), revision, approval).unwrap();
    VerifiedSigner::vouch(&signed.principal, signed.key.clone(), &text)
}

/// Returns a checkout with changes.
pub(crate) fn changed_checkout() -> CheckoutStatus {
    CheckoutStatus {
        name: "toolkit".to_owned(),
        revision: Some("abc1234".to_owned()),
        dirty: Some(true),
        problem: None,
    }
}
