//! A clean release gives no finding; each defect gives its own, with its path.

mod after;
mod before;
mod composes;
mod gate;
mod lists;
mod signatures;

use super::fixture::Fixture;
use crate::domain::finding::Finding;
use crate::domain::flow::CheckName;

/// Every check with the step that it is usually run for.
const ALL: [(CheckName, &str); 15] = [
    (CheckName::Mounts, "8/sync/Rocky"),
    (CheckName::Scripts, "8/sync/Rocky"),
    (CheckName::Inputs, "8/prep"),
    (CheckName::Leftovers, "8/prep"),
    (CheckName::Target, "8/publish"),
    (CheckName::Deletions, "8/publish"),
    (CheckName::ComposeFinished, "8/compose/Rocky"),
    (CheckName::ComposeFinished, "8/sync/gluster9"),
    (CheckName::StagingMatchesCompose, "8/sync/Rocky"),
    (CheckName::StagingMatchesCompose, "8/sync/gluster9"),
    (CheckName::StagingMatchesCompose, "8/gate"),
    (CheckName::ProductionMatchesStaging, "8/publish"),
    (CheckName::ModulesPresent, "8/gate"),
    (CheckName::Phrases, "8/publish"),
    (CheckName::Skipped, "8/gate"),
];

/// Makes a host on which the step's script exists.
pub(super) fn host() -> Fixture {
    let fixture = Fixture::new();
    fixture.script("toolkit/run.sh", "#!/bin/bash\nsource $(dirname $0)/common\nexit 0\n");
    fixture
        .write("toolkit/common", "RLVER=${RLVER:-8}\nREV=${REVISION}${APPEND_TO_DIR}\nTARGET=${REV/-*/}\n");
    fixture
}

#[test]
fn a_clean_release_gives_no_finding() {
    let mut fixture = host();
    fixture.release_mut().toolkit.deletes = true;
    for (check, step) in ALL {
        assert_eq!(fixture.lines(check, step), Vec::<String>::new(), "{check} {step}");
    }
}

#[test]
fn a_check_that_cannot_look_says_so() {
    let fixture = host();
    std::fs::remove_dir_all(fixture.path("staging")).unwrap();
    std::fs::remove_dir_all(fixture.path("compose")).unwrap();
    for (check, step) in [
        (CheckName::ComposeFinished, "8/sync/Rocky"),
        (CheckName::StagingMatchesCompose, "8/gate"),
        (CheckName::ProductionMatchesStaging, "8/publish"),
        (CheckName::MetadataSigned, "8/gate"),
        (CheckName::ModulesPresent, "8/gate"),
        (CheckName::Target, "8/publish"),
        (CheckName::FileListsFresh, "shared/filelists"),
    ] {
        assert!(fixture.run(check, step).iter().any(Finding::blocks), "{check}");
    }
}
