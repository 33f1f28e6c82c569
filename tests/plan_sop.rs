//! The SOP's exact sequence, from the built-in catalog to the commands.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use stagegate::catalog::{self, Source};
use stagegate::domain::catalog::Catalog;
use stagegate::domain::plan::{Plan, make::make, script::script};
use stagegate::domain::selection::{ReleaseSelection, Selection};
use stagegate::domain::status::{
    ComposeStatus, ComposeSummary, LatestLink, Position, PositionState, ReleaseStatus, RepoStatus,
};
use std::collections::BTreeMap;
use std::fs;

const VARS: &str = r#"
REVISION=8.10
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

/// Returns the built-in catalog over vars files of release 8 alone.
fn built_in() -> Catalog {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("common"), VARS).unwrap();
    let text = catalog::default_text();
    let text =
        text.replace("folder = \"/root/toolkit/sync\"", &format!("folder = \"{}\"", folder.path().display()));
    // The other releases would go to the same place with these vars.
    let (head, tail) = text.split_once("[releases.9]").unwrap();
    let (_, rest) = tail.split_once("# ---").unwrap();
    let file = folder.path().join("catalog.toml");
    fs::write(&file, format!("{head}# ---{rest}")).unwrap();
    let mut catalog =
        catalog::load(&Source::File(file), &BTreeMap::new()).unwrap_or_else(|errors| panic!("{errors}"));
    catalog.releases[0].toolkit.folder = "/root/toolkit/sync".into();
    catalog
}

fn status(catalog: &Catalog) -> Vec<ReleaseStatus> {
    let release = &catalog.releases[0];
    let there = || Position { state: PositionState::Behind, reason: String::new() };
    let repo = |name: &str| RepoStatus {
        name: name.parse().unwrap(),
        sig: None,
        synced: true,
        latest: LatestLink::Compose {
            compose: ComposeSummary {
                id: format!("{name}-8-updates-20210721.1").parse().unwrap(),
                status: ComposeStatus::Finished,
                created: jiff::Timestamp::UNIX_EPOCH,
                age_s: 0,
                label: None,
            },
        },
        history: Vec::new(),
        newer_unfinished: None,
        staging: there(),
        staging_holds: None,
        production: there(),
    };
    vec![ReleaseStatus {
        major: release.id.clone(),
        revision: "8.10".to_owned(),
        silent: None,
        problem: None,
        repos: release.repos.iter().map(|one| repo(one.name.as_str())).collect(),
    }]
}

/// Returns the plan of release 8 with everything ticked.
fn everything(flow: &str) -> Plan {
    let catalog = built_in();
    let release = &catalog.releases[0];
    let ticked = ReleaseSelection {
        release: release.id.clone(),
        compose: release.repos.iter().map(|repo| repo.name.clone()).collect(),
        sync: release.sync_order.iter().cloned().collect(),
    };
    let selection = Selection { flow: flow.parse().unwrap(), releases: vec![ticked] };
    make(&catalog, &selection, &status(&catalog), &[]).unwrap()
}

fn lines(plan: &Plan) -> Vec<String> {
    let line = |step: &stagegate::domain::plan::Step| {
        let release = step.env.get("RLVER").map(|release| format!("RLVER={release} ")).unwrap_or_default();
        let host = step.host.as_ref().map(|host| format!("@{host} ")).unwrap_or_default();
        format!("{}: {host}{release}{}", step.id, step.argv.join(" "))
    };
    plan.steps.iter().map(|step| line(step).trim_end().to_owned()).collect()
}

#[test]
fn an_update_of_release_8() {
    let expected = [
        "8/compose/Rocky: bash updates-8.sh",
        "8/compose/Rocky-devel: bash updates-8-devel.sh",
        "8/compose/Extras: bash updates-8-extras.sh",
        "8/compose/Plus: bash updates-8-plus.sh",
        "8/compose/NFV: bash updates-8-nfv.sh",
        "8/compose/gluster9: bash updates-8-gluster9.sh",
        "8/compose/advanced-virt: bash updates-8-advanced-virt.sh",
        "8/sync/Rocky: RLVER=8 bash sync-to-staging.sh Rocky",
        "8/sync/Rocky-devel: RLVER=8 bash sync-to-staging.sh Rocky-devel",
        "8/sync/Extras: RLVER=8 bash sync-to-staging.sh Extras",
        "8/sync/NFV: RLVER=8 bash sync-to-staging.sh NFV",
        "8/sync/Plus: RLVER=8 bash sync-to-staging.sh Plus",
        "8/sync/gluster9: RLVER=8 bash sync-to-staging-sig.sh gluster9 storage",
        "8/prep: RLVER=8 bash prep-staging-8.sh",
        "8/errata: @errata01 ansible-playbook -i inventories/hosts.ini playbooks/secparse001-publish.yml",
        "8/sign: RLVER=8 bash sign-repos-only.sh",
        "8/gate:",
        "8/publish: RLVER=8 bash sync-to-prod.sh",
        "shared/filelists:",
    ];
    assert_eq!(lines(&everything("update")), expected);
}

#[test]
fn a_minor_release_of_8() {
    let expected = [
        "8/compose/Rocky: bash produce-8.sh",
        "8/compose/Rocky-devel: bash updates-8-devel.sh",
        "8/compose/Extras: bash updates-8-extras.sh",
        "8/compose/Plus: bash updates-8-plus.sh",
        "8/compose/NFV: bash updates-8-nfv.sh",
        "8/compose/gluster9: bash updates-8-gluster9.sh",
        "8/compose/advanced-virt: bash updates-8-advanced-virt.sh",
        "8/minor-sync: RLVER=8 bash minor-release-sync-to-staging.sh",
        "8/torrents: RLVER=8 bash gen-torrents.sh /mnt/repos-staging/mirror/pub/rocky/8.10-RC1/isos",
        "8/sign: RLVER=8 bash sign-repos-only.sh",
        "8/gate:",
        "8/publish: RLVER=8 bash sync-to-prod.sh",
        "shared/filelists:",
    ];
    assert_eq!(lines(&everything("minor")), expected);
}

#[test]
fn the_script_of_an_update_stops_at_the_gate() {
    let text = script(&everything("update"));
    let stop = text.find("\nexit 3\n").unwrap();
    assert!(text.find("sync-to-prod.sh").unwrap() > stop);
    assert!(text.find("sign-repos-only.sh").unwrap() < stop);
}
