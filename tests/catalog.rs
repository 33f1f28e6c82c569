//! The built-in catalog, the corpus of invalid ones, plain edits, and phrases against recordings.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its fixtures too")]

use proptest::prelude::*;
use stagegate::catalog::{self, CatalogErrors, Source};
use stagegate::domain::catalog::Catalog;
use stagegate::domain::finding::Severity;
use stagegate::domain::flow::{CheckName, Role};
use stagegate::domain::name::{FlowName, ReleaseId, RepoName, TemplateName};
use stagegate::domain::release::Need;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A vars file like the 2021 toolkit's, for every release.
const COMMON: &str = r#"
case "$RLVER" in 8) REVISION=8.10 ;; 9) REVISION=9.6 ;; 10) REVISION=10.0 ;; *) exit 1 ;; esac
APPEND_TO_DIR="-RC1"
STAGING_ROOT="/mnt/repos-staging"
PRODUCTION_ROOT="/mnt/repos-production"
CATEGORY_STUB="mirror/pub/rocky"
RELEASE_DIR="${CATEGORY_STUB}/${REVISION}${APPEND_TO_DIR}"
ARCHES=(x86_64 aarch64)
MODS_REPOS=(BaseOS AppStream)
ALL_REPOS=(Extras "${MODS_REPOS[@]}")
MODS=(AppStream)
NONSIG_COMPOSE=(Rocky Extras Rocky-devel NFV Plus)
"#;

/// The built-in catalog over a toolkit of our own.
struct Host {
    folder: TempDir,
    text: String,
}

impl Host {
    fn new(common: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("common"), common).unwrap();
        let text =
            catalog::default_text().replace("/root/toolkit/sync", &folder.path().display().to_string());
        Self { folder, text }
    }

    fn edit(mut self, from: &str, to: &str) -> Self {
        assert_eq!(self.text.matches(from).count(), 1, "`{from}` stands once in the catalog");
        self.text = self.text.replace(from, to);
        self
    }

    fn load(&self) -> Result<Catalog, CatalogErrors> {
        let file = self.folder.path().join("catalog.toml");
        fs::write(&file, &self.text).unwrap();
        catalog::load(&Source::File(file), &BTreeMap::new())
    }

    fn catalog(&self) -> Catalog {
        self.load().unwrap_or_else(|errors| panic!("{errors}"))
    }
}

fn release(text: &str) -> ReleaseId {
    ReleaseId::new(text).unwrap()
}

fn names<'a>(list: impl IntoIterator<Item = &'a RepoName>) -> Vec<&'a str> {
    list.into_iter().map(RepoName::as_str).collect()
}

/// What a script of the toolkit calls without looking whether it is there: without one it goes on and exits 0.
#[test]
fn every_program_that_the_scripts_go_on_without_is_asked_for_first() {
    let catalog = Host::new(COMMON).catalog();
    let tools = &catalog.releases[0].toolkit.tools;
    for tool in ["rsync", "parallel", "sudo", "createrepo", "modifyrepo", "hardlink", "gpg"] {
        assert!(tools.iter().any(|one| one == tool), "{tool}: {tools:?}");
    }
    let template = |name: &str| &catalog.templates[&TemplateName::new(name).unwrap()];
    assert_eq!(template("publish").tools, ["/usr/local/bin/create-filelist"]);
    for name in ["sync", "prep", "sign", "minor-sync", "torrents", "publish"] {
        assert!(template(name).before.contains(&CheckName::Tools), "{name}");
    }
}

#[test]
fn the_built_in_catalog_is_the_procedure_of_the_sop() {
    let catalog = Host::new(COMMON).catalog();
    let eight = catalog.release(&release("8")).unwrap();
    let composes = ["Rocky", "Rocky-devel", "Extras", "Plus", "NFV", "gluster9", "advanced-virt"];
    assert_eq!(names(eight.repos.iter().map(|repo| &repo.name)), composes);
    assert_eq!(names(&eight.sync_order), ["Rocky", "Rocky-devel", "Extras", "NFV", "Plus", "gluster9"]);
    let (update, minor) = (FlowName::new("update").unwrap(), FlowName::new("minor").unwrap());
    let scripts = |flow: &FlowName| {
        eight.repos.iter().map(|repo| repo.script(flow).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let sop = ["devel", "extras", "plus", "nfv", "gluster9", "advanced-virt"]
        .map(|name| format!("updates-8-{name}.sh"));
    assert_eq!(scripts(&update), [&["updates-8.sh".to_owned()], sop.as_slice()].concat());
    assert_eq!(scripts(&minor), [&["produce-8.sh".to_owned()], sop.as_slice()].concat());
    let steps = |flow: &FlowName| -> Vec<String> {
        catalog.flow(flow).unwrap().steps.iter().map(TemplateName::to_string).collect()
    };
    assert_eq!(steps(&update), ["compose", "sync", "prep", "errata", "sign", "gate", "publish", "filelists"]);
    assert_eq!(steps(&minor), ["compose", "minor-sync", "torrents", "sign", "gate", "publish", "filelists"]);
    assert_eq!(eight.staging().unwrap(), Path::new("/mnt/repos-staging/mirror/pub/rocky/8.10-RC1"));
    assert_eq!(eight.production().unwrap(), Path::new("/mnt/repos-production/mirror/pub/rocky/8.10"));
    assert_eq!(eight.latest_link(&eight.repos[0].name), Path::new("/mnt/compose/8/latest-Rocky-8"));
    let modules = PathBuf::from("/mnt/compose/8_metadata/aarch64/AppStream-modules.yaml");
    assert!(eight.needs.contains(&Need { path: modules, only_where: None }));
    let comps = "/mnt/compose/8/latest-Rocky-8/work/x86_64/comps/comps-BaseOS.x86_64.xml";
    let only_where = Some(PathBuf::from("BaseOS/x86_64/os"));
    assert!(eight.needs.contains(&Need { path: PathBuf::from(comps), only_where }));
    assert_eq!(eight.needs.len(), 2 + 4);
    assert_eq!(catalog.phrase(eight), "8.10 vetted");
    assert_eq!(catalog.release(&release("10")).unwrap().revision(), "10.0");
    assert_eq!(catalog.notices, Vec::<String>::new());
}

#[test]
fn every_step_of_the_built_in_catalog_has_the_checks_that_its_script_needs() {
    use CheckName::*;
    let catalog = Host::new(COMMON).catalog();
    let before = |name: &str| &catalog.templates[&TemplateName::new(name).unwrap()].before;
    for step in ["sync", "minor-sync", "publish"] {
        assert!(before(step).contains(&Sudo), "{step} calls sudo -l");
    }
    for step in ["prep", "sign"] {
        assert!(before(step).contains(&Signer), "{step} skips signing in silence");
    }
    assert!(before("prep").contains(&Inputs) && before("publish").contains(&Deletions));
    for template in catalog.templates.values() {
        let (runs, local) = (!template.command.is_empty(), template.host.is_none());
        assert_eq!(template.after.contains(&Phrases), runs, "{}", template.name);
        if runs && local {
            assert!(
                template.before.contains(&Mounts) && template.before.contains(&Scripts),
                "{}",
                template.name
            );
        }
        if matches!(template.role, Role::Sync | Role::SyncAll | Role::Publish) {
            assert!(template.after.contains(&JobLog), "{}", template.name);
        }
        if runs && local && template.role != Role::Compose && template.name.as_str() != "prep" {
            assert_eq!(template.env["RLVER"], "{release}", "{}", template.name);
        }
    }
    let unsigned = catalog.severities.iter().filter(|rule| rule.check == MetadataSigned);
    assert!(unsigned.clone().all(|rule| rule.severity == Severity::Warning));
    let paths: BTreeSet<&str> = unsigned.filter_map(|rule| rule.path.as_deref()).collect();
    let sigs = catalog.releases[0].repos.iter().filter_map(|repo| repo.sig.as_ref());
    assert!(sigs.map(|sig| format!("{sig}/**")).all(|path| paths.contains(path.as_str())));
    assert!(paths.contains("**/kickstart/**"));
}

#[test]
fn every_invalid_catalog_is_refused_with_what_its_first_line_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalog_invalid");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let expected = text.lines().next().and_then(|line| line.strip_prefix("# expect: "));
        let expected: Vec<&str> =
            expected.unwrap_or_else(|| panic!("{name} expects nothing")).split(" ;; ").collect();
        let errors = catalog::parse(&name, text.clone()).expect_err(&name);
        let shown = errors.to_string();
        let found: Vec<String> = errors
            .problems
            .iter()
            .map(|problem| {
                let advice = problem.advice.as_ref().map(|advice| format!(" = {advice}")).unwrap_or_default();
                assert!(
                    shown.contains(&format!(
                        "{name}:{}:{}: {}",
                        problem.line, problem.column, problem.message
                    ))
                );
                assert!(shown.contains(&problem.source_line) && shown.contains(&"^".repeat(problem.width)));
                format!("{}:{}: {}{advice}", problem.line, problem.column, problem.message)
            })
            .collect();
        assert_eq!(found, expected, "{name}");
        count += 1;
    }
    assert!(count >= 70, "only {count} invalid catalogs were found");
}

/// Returns each recording below `kind` with the step of the catalog that it is of.
fn recordings(catalog: &Catalog, kind: &str) -> Vec<(String, Vec<String>, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(kind);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let of = |template: &&TemplateName| name.starts_with(&format!("{template}-"));
        let template = catalog.templates.keys().filter(of).max_by_key(|template| template.as_str().len());
        let template = template.unwrap_or_else(|| panic!("{name} is of no step"));
        let text = fs::read_to_string(&path).unwrap();
        let phrases = &catalog.templates[template].failure_phrases;
        let hits = phrases.iter().filter(|phrase| text.lines().any(|line| line.contains(phrase.as_str())));
        found.push((name.clone(), hits.cloned().collect(), text));
    }
    found
}

#[test]
fn no_failure_phrase_stands_in_a_good_run() {
    let catalog = Host::new(COMMON).catalog();
    let good = recordings(&catalog, "good");
    assert!(good.len() >= 12);
    for (name, hits, _) in good {
        // The host of this recording had no module files: it is good in everything else, and was found out.
        let expected: &[&str] = match name.as_str() {
            "prep-gen1" => {
                &["-modules.yaml': No such file or directory", "is not regular file or doesn't exists"]
            }
            _ => &[],
        };
        assert_eq!(hits, expected, "{name}");
    }
}

#[test]
fn every_recorded_failure_hits_a_phrase() {
    let catalog = Host::new(COMMON).catalog();
    let failed = recordings(&catalog, "failed");
    assert!(failed.len() >= 20);
    for (name, hits, text) in failed {
        assert!(!hits.is_empty(), "{name} hits nothing:\n{text}");
    }
}

#[test]
fn a_plain_edit_adds_a_release() {
    let common = COMMON.replace("*) exit", "11) REVISION=11.0 ;; *) exit");
    let added = "[releases.11]\ntoolkit = \"sync-2021\"\ncompose_dir = \"/mnt/compose/11\"\ncompose = [\"Rocky\"]\nsync = [\"Rocky\"]\n";
    let mut host = Host::new(&common);
    host.text.push_str(added);
    let catalog = host.catalog();
    let eleven = catalog.release(&release("11")).unwrap();
    assert_eq!((eleven.revision(), names(&eleven.sync_order)), ("11.0", vec!["Rocky"]));
    assert_eq!(eleven.repos[0].script(&FlowName::new("minor").unwrap()), Some("produce-11.sh"));
}

#[test]
fn a_plain_edit_adds_a_repo_to_one_release() {
    let host = Host::new(COMMON).edit(
        "compose_dir = \"/mnt/compose/9\"\ncompose = [",
        "compose_dir = \"/mnt/compose/9\"\ncompose = [\"CRB\", ",
    );
    let mut host = host;
    host.text.push_str("[releases.9.repos.CRB]\ncompose = \"crb.sh\"\n");
    let catalog = host.catalog();
    let crb = RepoName::new("CRB").unwrap();
    assert!(catalog.release(&release("9")).unwrap().repo(&crb).is_some());
    assert!(catalog.release(&release("8")).unwrap().repo(&crb).is_none());
}

#[test]
fn a_release_overrides_a_repo_and_its_production() {
    let mut host = Host::new(COMMON).edit(
        "compose_dir = \"/mnt/compose/9\"",
        "compose_dir = \"/mnt/compose/9\"\nproduction = \"vault/{revision}\"",
    );
    host.text.push_str(
        "[releases.9.repos.NFV]\ncompose = \"nine-nfv.sh\"\n[releases.9.repos.Plus]\nsig = \"plus\"\n",
    );
    let catalog = host.catalog();
    let (nfv, update) = (RepoName::new("NFV").unwrap(), FlowName::new("update").unwrap());
    let script = |id: &str| {
        catalog.release(&release(id)).unwrap().repo(&nfv).unwrap().script(&update).unwrap().to_owned()
    };
    assert_eq!((script("8"), script("9")), ("updates-8-nfv.sh".into(), "nine-nfv.sh".into()));
    let plus = catalog.release(&release("9")).unwrap().repo(&RepoName::new("Plus").unwrap()).unwrap();
    assert_eq!(plus.sig.as_ref().unwrap().as_str(), "plus");
    assert_eq!(plus.script(&update), Some("updates-9-plus.sh"), "the rest is as in all releases");
    assert_eq!(
        catalog.release(&release("9")).unwrap().production().unwrap(),
        Path::new("/mnt/repos-production/vault/9.6")
    );
}

#[test]
fn a_plain_edit_adds_a_flow() {
    let mut host = Host::new(COMMON);
    host.text.push_str("[flows.quick]\nabout = \"Extras alone\"\nsteps = [\"compose\", \"sync\"]\n");
    let catalog = host.catalog();
    let quick = FlowName::new("quick").unwrap();
    assert_eq!(catalog.flow(&quick).unwrap().about, "Extras alone");
    assert_eq!(catalog.releases[0].repos[0].script(&quick), Some("updates-8.sh"));
    assert_eq!(catalog.flows.last().unwrap().name, quick, "flows stand in the order of the file");
}

#[test]
fn another_distribution_needs_another_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let vars = "REVISION=$RLVER.1\nSTAGING_ROOT=/srv/stage\nPRODUCTION_ROOT=/srv/public\nRELEASE_DIR=$RLVER\nARCHES=riscv64\nALL_REPOS='base desktop'\n";
    fs::write(folder.path().join("settings.sh"), vars).unwrap();
    let text =
        include_str!("catalog_other/larch.toml").replace("LARCHKIT", &folder.path().display().to_string());
    let catalog = catalog::parse("larch", text).unwrap().resolve(&BTreeMap::new()).unwrap();
    assert_eq!(catalog.name, "Larch");
    let twig = &catalog.releases[0];
    assert_eq!(twig.revision(), "twig.1");
    assert_eq!(twig.compose_dir, Path::new("/srv/work/twig"));
    assert_eq!(twig.staging().unwrap(), Path::new("/srv/stage/twig"));
    assert_eq!(twig.production().unwrap(), Path::new("/srv/public/larch-twig"));
    assert_eq!(twig.needs.len(), 1);
    assert_eq!(twig.needs[0].path, Path::new("/srv/work/keys/riscv64.pub"));
    assert_eq!(names(twig.repos.iter().map(|repo| &repo.name)), ["desktop", "base"]);
    let scripts: Vec<_> =
        ["point", "push"].map(|flow| twig.repos[0].script(&FlowName::new(flow).unwrap())).into();
    assert_eq!(scripts, [Some("desktop-twig-full.sh"), Some("desktop.sh")]);
    assert_eq!((catalog.gate.people, catalog.gate.expires_s, catalog.gate.solo), (2, 1800, true));
    assert_eq!(catalog.gate.allowed_signers.as_deref(), Some(Path::new("/etc/larch/allowed_signers")));
    let make = &catalog.templates[&TemplateName::new("make").unwrap()];
    assert_eq!((make.timeout_s, make.command[3].as_str()), (Some(28_800), "{release}; echo $(not a shell)"));
    assert_eq!(catalog.notices, Vec::<String>::new());
    let public =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalog_other/larch.toml"))
            .unwrap();
    assert_eq!(public.to_lowercase().matches("rocky").count(), 1, "only the comment names Rocky");
}

#[test]
fn releases_that_go_to_one_place_are_refused_once_the_vars_are_known() {
    let errors =
        Host::new(&COMMON.replace("${CATEGORY_STUB}/${REVISION}${APPEND_TO_DIR}", "all")).load().unwrap_err();
    assert!(
        errors
            .to_string()
            .contains("the staging folder of release 9, /mnt/repos-staging/all, overlaps with that of 8"),
        "{errors}"
    );
    let host = Host::new(COMMON).edit(
        "compose_dir = \"/mnt/compose/9\"",
        "compose_dir = \"/mnt/compose/9\"\nproduction = \"mirror/pub/rocky/8.10/{release}\"",
    );
    let errors = host.load().unwrap_err();
    assert!(errors.to_string().contains("the production folder of release 9"), "{errors}");
    assert!(errors.problems.iter().all(|problem| problem.source_line.contains("[releases.")), "{errors}");
}

#[test]
fn a_release_whose_vars_cannot_be_read_is_there_and_says_so() {
    let catalog = Host::new(&COMMON.replace("9) REVISION=9.6", "9) REVISION=8.10")).catalog();
    let nine = catalog.release(&release("9")).unwrap();
    let problem = nine.vars.as_ref().unwrap_err();
    assert!(problem.contains("REVISION is `8.10`, which is not a revision of 9"), "{problem}");
    assert_eq!((nine.staging(), nine.production(), nine.revision()), (None, None, "9"));
    assert!(catalog.release(&release("8")).unwrap().vars.is_ok());
    assert!(catalog.notices.iter().any(|notice| notice.starts_with("release 9: ")));
}

#[test]
fn what_is_odd_without_being_wrong_is_a_notice() {
    let common =
        COMMON.replace("NFV Plus)", "NFV Plus rockyrpi)").replace("/mnt/repos-staging", "/mnt/elsewhere");
    let notices = Host::new(&common).catalog().notices;
    assert!(
        notices.iter().any(|notice| notice.starts_with("release 8: NONSIG_COMPOSE names rockyrpi")),
        "{notices:?}"
    );
    assert!(
        notices.iter().any(|notice| notice.contains("/mnt/elsewhere") && notice.contains("on no mount")),
        "{notices:?}"
    );
}

#[test]
fn steps_get_what_is_set_and_what_is_let_through_and_nothing_else() {
    let environment = [("HOME", "/root"), ("PATH", "/tmp/evil"), ("SECRET", "x")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let resolved = catalog::load(&Source::BuiltIn, &environment).unwrap().environment;
    assert_eq!(resolved["HOME"], "/root");
    assert!(resolved["PATH"].starts_with("/usr/local/sbin:"));
    assert_eq!(resolved.keys().collect::<Vec<_>>(), ["HOME", "LANG", "PATH", "TERM"]);
}

#[test]
fn a_file_that_is_not_there_is_said() {
    let errors = catalog::read(&Source::File("/nonexistent/catalog.toml".into())).unwrap_err();
    assert!(
        errors.to_string().starts_with("/nonexistent/catalog.toml:1:1: the catalog could not be read"),
        "{errors}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn whatever_is_done_to_the_catalog_is_accepted_or_explained(
        line in 0usize..400, other in 0usize..400, how in 0u8..4, noise in "[\\[\\]{}\"'=,.a-z0-9 \u{fc}-]{0,8}",
    ) {
        let mut lines: Vec<String> = catalog::default_text().lines().map(str::to_owned).collect();
        let (line, other) = (line % lines.len(), other % lines.len());
        match how {
            0 => drop(lines.remove(line)),
            1 => lines.swap(line, other),
            2 => lines[line].push_str(&noise),
            _ => lines[line] = lines[other].clone(),
        }
        if let Err(errors) = catalog::parse("edited", lines.join("\n")) {
            prop_assert!(!errors.problems.is_empty());
            prop_assert!(errors.to_string().starts_with("edited:"));
        }
    }
}
