//! A release in a temporary folder for the tests of the checks: a catalog, a plan of the update flow,
//! composes, staging and production of real files.

pub(crate) mod metadata;
pub(crate) mod signing;
pub(crate) mod text;

use super::{Reading, VetContext, run_check};
use crate::compose::probe::Prober;
use crate::compose::pulse::Pulse;
use crate::domain::catalog::{Catalog, FileLists, GateRules};
use crate::domain::compose::ComposeId;
use crate::domain::finding::Finding;
use crate::domain::fixture::{self, bare_plan, bare_step};
use crate::domain::flow::{CheckName, Role};
use crate::domain::name::{ReleaseId, RepoName, SigName, StepId};
use crate::domain::plan::{Lane, Pin, PinnedRepo, Plan, Step};
use crate::domain::release::{Release, Repo, Toolkit, ToolkitVars};
use crate::domain::seal::Seal;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The compose of Rocky that everything begins with.
pub(crate) const ROCKY: &str = "Rocky-8-updates-20210721.1";
/// The compose of the SIG repo.
pub(crate) const GLUSTER: &str = "gluster9-8-updates-20210721.0";

/// One release host in a folder.
pub(crate) struct Fixture {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) catalog: Catalog,
    pub(crate) plan: Plan,
    pub(crate) composes: BTreeMap<RepoName, ComposeId>,
    pub(crate) skipped: BTreeMap<StepId, String>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) joblog: Option<PathBuf>,
    pub(crate) log: Option<PathBuf>,
    pub(crate) started: Option<Timestamp>,
    pub(crate) keys: Vec<PathBuf>,
    pub(crate) sealed: Option<Seal>,
    pub(crate) reading: Reading,
}

impl Fixture {
    /// Makes a host whose staging holds both composes and whose production holds staging.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["compose/8", "staging/pub/8.10-RC1", "production/pub/8.10", "toolkit", "pungi"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let release = release(dir.path());
        let lane = Lane {
            release: release.id.clone(),
            revision: "8.10".to_owned(),
            staging: dir.path().join("staging/pub/8.10-RC1"),
            production: dir.path().join("production/pub/8.10"),
            phrase: "8.10 vetted".to_owned(),
            steps: ["8/compose/Rocky", "8/sync/Rocky", "8/prep", "8/gate", "8/publish"]
                .map(|id| id.parse().unwrap())
                .to_vec(),
        };
        let steps = vec![
            step(dir.path(), "8/compose/Rocky", Role::Compose, Some("Rocky")),
            step(dir.path(), "8/sync/Rocky", Role::Sync, Some("Rocky")),
            step(dir.path(), "8/sync/gluster9", Role::Sync, Some("gluster9")),
            step(dir.path(), "8/minor-sync", Role::SyncAll, None),
            step(dir.path(), "8/prep", Role::Stage, None),
            step(dir.path(), "8/gate", Role::Gate, None),
            step(dir.path(), "8/publish", Role::Publish, None),
            step(dir.path(), "shared/filelists", Role::Lists, None),
        ];
        let fixture = Self {
            catalog: catalog(dir.path(), release),
            plan: bare_plan(lane, steps),
            composes: [("Rocky", ROCKY), ("gluster9", GLUSTER)]
                .into_iter()
                .map(|(repo, id)| (RepoName::new(repo).unwrap(), id.parse().unwrap()))
                .collect(),
            skipped: BTreeMap::new(),
            environment: BTreeMap::from([
                ("PATH".to_owned(), format!("{}:/usr/bin:/bin", dir.path().join("bin").display())),
                ("RLVER".to_owned(), "8".to_owned()),
            ]),
            joblog: None,
            log: None,
            started: None,
            keys: Vec::new(),
            sealed: None,
            reading: Reading::Headers,
            dir,
        };
        fixture.fill();
        fixture
    }

    fn fill(&self) {
        for (id, variant) in [(ROCKY, "BaseOS"), (GLUSTER, "gluster9")] {
            let folder = format!("compose/8/{id}");
            self.write(&format!("{folder}/COMPOSE_ID"), id);
            self.write(&format!("{folder}/STATUS"), "FINISHED\n");
            self.write(&format!("{folder}/compose/metadata/rpms.json"), "{}");
            let os = format!("{folder}/compose/{variant}/x86_64/os");
            self.write(&format!("{os}/.treeinfo"), "[header]\n");
            for name in ["bash", "zsh"] {
                let bytes = package(name, "5.1-1.el8", b"content");
                self.put(&format!("{os}/Packages/{name}-5.1-1.el8.x86_64.rpm"), &bytes);
            }
            metadata::createrepo(&self.path(&os), "");
            let repo = id.split('-').next().unwrap();
            std::os::unix::fs::symlink(id, self.path(&format!("compose/8/latest-{repo}-8"))).unwrap();
        }
        self.copy(&format!("compose/8/{ROCKY}/compose/BaseOS"), "staging/pub/8.10-RC1/BaseOS");
        self.copy(&format!("compose/8/{GLUSTER}/compose/gluster9"), "staging/pub/8.10-RC1/storage/gluster9");
        self.copy("staging/pub/8.10-RC1", "production/pub/8.10");
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub(crate) fn staging(&self, path: &str) -> PathBuf {
        self.path("staging/pub/8.10-RC1").join(path)
    }

    pub(crate) fn production(&self, path: &str) -> PathBuf {
        self.path("production/pub/8.10").join(path)
    }

    pub(crate) fn release(&self) -> &Release {
        &self.catalog.releases[0]
    }

    pub(crate) fn release_mut(&mut self) -> &mut Release {
        &mut self.catalog.releases[0]
    }

    pub(crate) fn vars_mut(&mut self) -> &mut ToolkitVars {
        self.release_mut().vars.as_mut().unwrap()
    }

    pub(crate) fn step_mut(&mut self, id: &str) -> &mut Step {
        self.plan.steps.iter_mut().find(|step| step.id.as_str() == id).unwrap()
    }

    pub(crate) fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        self.put(path, text.as_bytes());
    }

    /// Writes an executable script to `path`.
    pub(crate) fn script(&self, path: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        self.write(path, text);
        std::fs::set_permissions(self.path(path), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Copies a tree with its times, as `rsync -a` does.
    pub(crate) fn copy(&self, from: &str, to: &str) {
        copy(&self.path(from), &self.path(to));
    }

    /// Runs `check` for the step called `id`.
    pub(crate) fn run(&self, check: CheckName, id: &str) -> Vec<Finding> {
        self.with_context(id, |cx| run_check(check, cx))
    }

    /// Calls `work` with the context of the step called `id`.
    pub(crate) fn with_context<T>(&self, id: &str, work: impl FnOnce(&VetContext<'_>) -> T) -> T {
        let step = self.plan.step(&id.parse().unwrap()).unwrap();
        let release = step.release.as_ref().and_then(|release| self.catalog.release(release));
        let cx = VetContext {
            catalog: &self.catalog,
            release,
            plan: &self.plan,
            step,
            composes: &self.composes,
            skipped: &self.skipped,
            environment: &self.environment,
            joblog: self.joblog.as_deref(),
            log: self.log.as_deref(),
            started: self.started,
            keys: &self.keys,
            sealed: self.sealed.as_ref(),
            seals: None,
            reading: self.reading,
            vouched: None,
            pulse: &Pulse::new(),
            prober: &Prober::new(),
        };
        work(&cx)
    }

    /// Runs `check` and returns each finding's weight, path and message as one line.
    pub(crate) fn lines(&self, check: CheckName, id: &str) -> Vec<String> {
        let findings = self.run(check, id);
        let root = self.dir.path().display().to_string();
        findings
            .iter()
            .map(|f| format!("{:?} {} {}", f.severity, f.path, f.message).replace(&root, "DIR"))
            .collect()
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        std::fs::copy(from, to).unwrap();
        let time = std::fs::metadata(from).unwrap().modified().unwrap();
        std::fs::File::options().write(true).open(to).unwrap().set_modified(time).unwrap();
    }
}

/// Builds a real package.
pub(crate) fn package(name: &str, version_release: &str, content: &[u8]) -> Vec<u8> {
    let (version, release) = version_release.split_once('-').unwrap();
    let config = rpm::BuildConfig::default().compression(rpm::CompressionType::None).source_date(0);
    let mut builder = rpm::PackageBuilder::new(name, version, "MIT", "x86_64", name);
    builder
        .using_config(config)
        .release(release)
        .with_file_contents(content, rpm::FileOptions::new(format!("/usr/share/{name}")))
        .unwrap();
    let mut bytes = Vec::new();
    builder.build().unwrap().write(&mut bytes).unwrap();
    bytes
}

/// Writes metadata, with a `modules` record or without.
pub(crate) fn repomd(modules: bool) -> String {
    let record = "<data type=\"modules\"><location href=\"repodata/modules.yaml.gz\"/></data>";
    format!(
        "<?xml version=\"1.0\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><revision>1</revision>{}</repomd>\n",
        if modules { record } else { "" }
    )
}

fn step(dir: &Path, id: &str, role: Role, repo: Option<&str>) -> Step {
    let repo = repo.map(|repo| RepoName::new(repo).unwrap());
    let pin = |repo: &str, id: &str| PinnedRepo {
        repo: RepoName::new(repo).unwrap(),
        pin: Pin::Existing { id: id.parse().unwrap() },
    };
    let pins = match (role, repo.as_ref().map(RepoName::as_str)) {
        (Role::Sync, Some("gluster9")) => vec![pin("gluster9", GLUSTER)],
        (Role::Sync | Role::SyncAll, _) => vec![pin("Rocky", ROCKY)],
        _ => Vec::new(),
    };
    Step {
        release: (role != Role::Lists).then(|| ReleaseId::new("8").unwrap()),
        repo,
        argv: vec!["bash".to_owned(), "run.sh".to_owned()],
        cwd: dir.join("toolkit"),
        pins,
        ..bare_step(id, role)
    }
}

fn catalog(dir: &Path, release: Release) -> Catalog {
    let bare = fixture::catalog();
    Catalog {
        environment: BTreeMap::new(),
        releases: vec![release],
        flows: Vec::new(),
        templates: BTreeMap::new(),
        gate: GateRules { checklist: vec!["installed".to_owned()], ..bare.gate },
        lists: Some(FileLists {
            folder: dir.join("production/pub"),
            plain: vec!["fullfilelist".to_owned()],
            timed: vec!["fullfiletimelist-rocky".to_owned()],
            owner: None,
        }),
        torrents: Some(dir.join("torrents")),
        ..bare
    }
}

fn release(dir: &Path) -> Release {
    let name = |name: &str| RepoName::new(name).unwrap();
    Release {
        id: ReleaseId::new("8").unwrap(),
        compose_dir: dir.join("compose/8"),
        production_dir: dir.join("production/pub/8.10"),
        toolkit: Toolkit {
            folder: dir.join("toolkit"),
            compose_folder: dir.join("pungi"),
            depth: 2,
            deletes: false,
            signer: None,
            keys: Vec::new(),
            tools: ["rsync", "createrepo", "sudo"].map(str::to_owned).to_vec(),
        },
        vars: Ok(ToolkitVars {
            revision: "8.10".to_owned(),
            append: "-RC1".to_owned(),
            staging_root: dir.join("staging"),
            production_root: dir.join("production"),
            category: "pub".to_owned(),
            release_dir: "pub/8.10-RC1".to_owned(),
            arches: vec!["x86_64".to_owned()],
            variants: vec!["BaseOS".to_owned()],
            module_variants: Vec::new(),
            nonsig_composes: vec!["Rocky".to_owned()],
        }),
        repos: ["Rocky", "gluster9"]
            .into_iter()
            .map(|repo| Repo {
                name: name(repo),
                sig: (repo == "gluster9").then(|| SigName::new("storage").unwrap()),
                scripts: BTreeMap::new(),
            })
            .collect(),
        sync_order: vec![name("Rocky"), name("gluster9")],
        needs: Vec::new(),
    }
}
