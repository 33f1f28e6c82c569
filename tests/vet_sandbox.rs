//! Every check along a whole update on a practice host: a good run has no blocking finding.

#![expect(clippy::unwrap_used, reason = "helpers of tests are outside of test functions")]

use stagegate::catalog::{self, Source};
use stagegate::compose::probe::Prober;
use stagegate::compose::pulse::Pulse;
use stagegate::compose::status::StatusReader;
use stagegate::domain::catalog::Catalog;
use stagegate::domain::compose::ComposeId;
use stagegate::domain::finding::Finding;
use stagegate::domain::flow::{CheckName, Role};
use stagegate::domain::name::{FlowName, ReleaseId, RepoName};
use stagegate::domain::plan::{Plan, Step, make::make};
use stagegate::domain::selection::{ReleaseSelection, Selection};
use stagegate::sandbox::host::{self, BuildOptions, BuiltHost, Speed};
use stagegate::vet::{Reading, SealCache, VetContext, changes, evidence, run_check};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

struct Host {
    _folder: tempfile::TempDir,
    built: BuiltHost,
    catalog: Catalog,
    plan: Plan,
    composes: BTreeMap<RepoName, ComposeId>,
}

impl Host {
    fn new(compose: &[&str], sync: &[&str], faults: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = BuildOptions {
            dir: folder.path().join("practice"),
            binary: PathBuf::from(env!("CARGO_BIN_EXE_stagegate")),
            speed: Speed::Instant,
            faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
            fresh: false,
            now: jiff::Timestamp::now(),
        };
        let built = host::build(&options, &mut |_| {}).unwrap();
        let catalog = Source::File(built.paths.root().join("stagegate.toml"));
        let catalog = catalog::load(&catalog, &BTreeMap::new()).unwrap();
        let names = |names: &[&str]| names.iter().map(|name| RepoName::new(*name).unwrap()).collect();
        let status = StatusReader::new().read(&catalog, Duration::from_mins(1), |_| {});
        let selection = Selection {
            flow: FlowName::new("update").unwrap(),
            releases: vec![ReleaseSelection {
                release: ReleaseId::new("8").unwrap(),
                compose: names(compose),
                sync: names(sync),
            }],
        };
        let plan = make(&catalog, &selection, &status.releases, &[]).unwrap();
        let composes = latest(&catalog);
        Self { _folder: folder, built, catalog, plan, composes }
    }

    fn run(&mut self, step: &Step) -> Vec<Finding> {
        let mut found = self.check(step, &step.before, None, None);
        let started = jiff::Timestamp::now();
        let joblog = self.built.paths.root().join(format!("tmp/{}.jobs", step.id.as_str().replace('/', "-")));
        let log = joblog.with_extension("log");
        std::fs::write(&joblog, "").unwrap();
        if !step.argv.is_empty() {
            self.execute(step, &joblog, &log);
        }
        self.composes = latest(&self.catalog);
        found.extend(self.check(step, &step.after, Some((&joblog, &log)), Some(started)));
        found
    }

    fn execute(&self, step: &Step, joblog: &Path, log: &Path) {
        let mut argv = step.argv.clone();
        if let Some(host) = &step.host {
            let words: Vec<String> =
                argv.iter().map(|word| stagegate::domain::plan::script::quote(word)).collect();
            let remote = format!(
                "cd -- {} && exec {}",
                stagegate::domain::plan::script::quote(&step.cwd.to_string_lossy()),
                words.join(" ")
            );
            argv = vec!["ssh".into(), "-T".into(), "--".into(), host.clone(), remote];
        }
        let file = std::fs::File::create(log).unwrap();
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]).env_clear().envs(&self.plan.environment).envs(&step.env);
        command.env("PARALLEL", format!("--line-buffer --tag --joblog +{}", joblog.display()));
        let cwd = if step.host.is_some() { self.built.paths.root() } else { &step.cwd };
        command.current_dir(cwd).stdin(Stdio::null()).stderr(file.try_clone().unwrap()).stdout(file);
        command.status().unwrap();
    }

    fn with_context<T>(
        &self,
        step: &Step,
        files: Option<(&Path, &Path)>,
        started: Option<jiff::Timestamp>,
        work: impl FnOnce(&VetContext<'_>) -> T,
    ) -> T {
        let mut environment = self.plan.environment.clone();
        environment.extend(step.env.clone());
        work(&VetContext {
            catalog: &self.catalog,
            release: step.release.as_ref().and_then(|release| self.catalog.release(release)),
            plan: &self.plan,
            step,
            composes: &self.composes,
            skipped: &BTreeMap::new(),
            environment: &environment,
            joblog: files.map(|(joblog, _)| joblog),
            log: files.map(|(_, log)| log),
            started,
            keys: &[self.built.paths.public_key()],
            sealed: None,
            seals: None,
            reading: Reading::Headers,
            vouched: None,
            pulse: &Pulse::new(),
            prober: &Prober::new(),
        })
    }

    fn check(
        &self,
        step: &Step,
        checks: &[CheckName],
        files: Option<(&Path, &Path)>,
        started: Option<jiff::Timestamp>,
    ) -> Vec<Finding> {
        self.with_context(step, files, started, |cx| {
            checks.iter().flat_map(|check| run_check(*check, cx)).collect()
        })
    }
}

fn latest(catalog: &Catalog) -> BTreeMap<RepoName, ComposeId> {
    let release = catalog.release(&ReleaseId::new("8").unwrap()).unwrap();
    let link = |repo: &RepoName| std::fs::read_link(release.latest_link(repo)).ok()?.to_str()?.parse().ok();
    release.repos.iter().filter_map(|repo| Some((repo.name.clone(), link(&repo.name)?))).collect()
}

fn shown(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|f| format!("{:?} {} {}: {}", f.severity, f.check, f.path, f.message)).collect()
}

#[test]
fn a_good_update_has_no_blocking_finding_from_compose_to_lists() {
    let mut host = Host::new(&["Rocky", "Extras"], &["Rocky", "Extras", "gluster9"], &[]);
    for step in host.plan.steps.clone() {
        let found = host.run(&step);
        assert!(found.iter().all(|finding| !finding.blocks()), "{}: {:#?}", step.id, shown(&found));
        if step.role == Role::Gate {
            let (gate, seal) =
                host.with_context(&step, None, None, |cx| evidence(cx, Some(&mut SealCache::new()))).unwrap();
            let blocking: Vec<&Finding> = gate.blocking(&[]).collect();
            assert!(blocking.is_empty(), "{:#?}", shown(&gate.findings));
            assert!(!gate.changes.packages.is_empty() && gate.changes.bytes > 0);
            assert_eq!(gate.seal, seal.digest());
            assert!(gate.repos.iter().any(|out| !out.touched), "{:?}", gate.repos);
        }
    }
    let lane = &host.plan.lanes[0];
    let left = changes(&lane.staging, &lane.production, 2, false, &Pulse::new()).unwrap();
    assert_eq!(left.packages, [], "production has what staging has");
}

/// Runs the update up to the first step with a blocking finding, gate included, and names it.
fn first_blocked(fault: &str) -> (String, Vec<String>) {
    let mut host = Host::new(&["Rocky"], &["Rocky"], &[fault]);
    for step in host.plan.steps.clone() {
        let mut found = host.run(&step);
        if step.role == Role::Gate {
            found.extend(host.with_context(&step, None, None, |cx| evidence(cx, None)).unwrap().0.findings);
        }
        found.retain(Finding::blocks);
        if !found.is_empty() {
            return (step.id.to_string(), shown(&found));
        }
    }
    (String::new(), Vec::new())
}

#[test]
fn each_planted_failure_is_found_at_its_step() {
    for (fault, step, check) in [
        ("compose-doomed", "8/compose/Rocky", "compose-finished"),
        ("sync-exits-0-without-files", "8/sync/Rocky", "staging-matches-compose"),
        ("partial-push@8/sync/Rocky", "8/sync/Rocky", "job-log"),
        ("modules-lost", "8/prep", "modules-present"),
        ("errata-skipped", "8/errata", "ansible-recap"),
        ("unsigned", "8/sign", "metadata-signed"),
        ("partial-push", "8/publish", "production-matches-staging"),
    ] {
        let (blocked, found) = first_blocked(fault);
        assert_eq!(blocked, step, "{fault}: {found:#?}");
        assert!(found.iter().any(|line| line.contains(check)), "{fault}: {found:#?}");
    }
}
