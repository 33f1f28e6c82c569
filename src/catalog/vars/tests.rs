//! Tests of reading vars files: shaped like the toolkit's of 2021, with everything that can be wrong in them.

use super::*;
use std::fs;
use tempfile::TempDir;

/// Like the 2021 toolkit's: it finds its sibling through `$0` and falls back on release 8 without RLVER.
const COMMON: &str = r#"
if [ -z "$RLVER" ]; then
  export RLVER=8
fi
STAGING_ROOT="/mnt/repos-staging"
PRODUCTION_ROOT="/mnt/repos-production"
CATEGORY_STUB="mirror/pub/rocky"
ARCHES=(x86_64 aarch64)
test -f "$(dirname "$0")/common_${RLVER}" && source "$(dirname "$0")/common_${RLVER}"
if [ "$?" -ne 0 ]; then
  echo "Could not source common_${RLVER}"
  exit 1
fi
REV="${REVISION}${APPEND_TO_DIR}"
MODS=(
  AppStream
  PowerTools
)
"#;

const COMMON_8: &str = r#"
REVISION=8.10
APPEND_TO_DIR="-RC1"
RELEASE_DIR="${CATEGORY_STUB}/${REVISION}${APPEND_TO_DIR}"
NONMODS_REPOS=(Extras Devel)
MODS_REPOS=(BaseOS AppStream)
ALL_REPOS=("${NONMODS_REPOS[@]}" "${MODS_REPOS[@]}")
NONSIG_COMPOSE=(Rocky Extras)
declare -A SIG_COMPOSE
function treeinfoFixer() { echo "${1}"; }
export -f treeinfoFixer
"#;

fn toolkit(common: &str, common_8: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("common"), common).unwrap();
    fs::write(folder.path().join("common_8"), common_8).unwrap();
    folder
}

fn read_in(folder: &Path, release: &str, limit: Duration) -> Result<Answer, VarsError> {
    let release = ReleaseId::new(release).unwrap();
    let (files, arrays) = (["common".to_owned()], ["MODS_REPOS".to_owned()]);
    read(Request { folder, files: &files, release: &release, arrays: &arrays, limit })
}

fn read_8(common: &str, common_8: &str) -> Result<Answer, VarsError> {
    let folder = toolkit(common, common_8);
    read_in(folder.path(), "8", Duration::from_mins(1))
}

fn problem(line: &str) -> String {
    read_8(COMMON, &format!("{COMMON_8}\n{line}\n")).unwrap_err().to_string()
}

#[test]
fn reads_the_toolkit_as_its_scripts_do() {
    let answer = read_8(COMMON, COMMON_8).unwrap();
    let vars = &answer.vars;
    assert_eq!((vars.revision.as_str(), vars.append.as_str()), ("8.10", "-RC1"));
    assert_eq!(vars.staging_root, Path::new("/mnt/repos-staging"));
    assert_eq!(vars.production_root, Path::new("/mnt/repos-production"));
    assert_eq!(vars.category, "mirror/pub/rocky");
    assert_eq!(vars.release_dir, "mirror/pub/rocky/8.10-RC1");
    assert_eq!(vars.arches, ["x86_64", "aarch64"]);
    assert_eq!(vars.variants, ["Extras", "Devel", "BaseOS", "AppStream"]);
    assert_eq!(vars.module_variants, ["AppStream", "PowerTools"]);
    assert_eq!(vars.nonsig_composes, ["Rocky", "Extras"]);
    assert_eq!(answer.arrays["MODS_REPOS"], ["BaseOS", "AppStream"]);
}

#[test]
fn an_append_that_is_commented_out_is_empty() {
    let without = COMMON_8.replace("APPEND_TO_DIR=", "#APPEND_TO_DIR=");
    let vars = read_8(COMMON, &without).unwrap().vars;
    assert_eq!((vars.append.as_str(), vars.release_dir.as_str()), ("", "mirror/pub/rocky/8.10"));
}

#[test]
fn an_empty_associative_array_is_an_empty_list() {
    let common = COMMON.replace("MODS=(\n  AppStream\n  PowerTools\n)", "unset MODS; declare -A MODS=()");
    assert_ne!(common, COMMON);
    assert_eq!(read_8(&common, COMMON_8).unwrap().vars.module_variants, Vec::<String>::new());
    assert!(problem("unset ARCHES; declare -A ARCHES=([a]=b)").contains("ARCHES"));
}

#[test]
fn the_environment_of_the_caller_is_not_seen_and_output_is_not_taken_for_an_answer() {
    let common =
        format!("{COMMON}\necho 'declare -- REVISION=\"8.66\"'\necho \"[$HOME][$CARGO_MANIFEST_DIR]\" >&2\n");
    let common_8 = format!("{COMMON_8}\nAPPEND_TO_DIR=\"${{CARGO_MANIFEST_DIR:+-seen}}\"\n");
    let vars = read_8(&common, &common_8).unwrap().vars;
    assert_eq!((vars.revision.as_str(), vars.append.as_str()), ("8.10", ""));
}

#[test]
fn a_vars_file_sees_no_arguments_of_ours() {
    let common_8 = format!("{COMMON_8}\nAPPEND_TO_DIR=\"-$#\"\n");
    assert_eq!(read_8(COMMON, &common_8).unwrap().vars.append, "-0");
}

#[test]
fn another_release_says_which_file_is_missing() {
    let folder = toolkit(COMMON, COMMON_8);
    let error = read_in(folder.path(), "9", Duration::from_mins(1)).unwrap_err().to_string();
    assert!(error.contains("common: sourcing ended early"), "{error}");
    assert!(error.contains("Could not source common_9"), "{error}");
    assert!(error.contains("run `RLVER=9 bash"), "{error}");
}

#[test]
fn a_missing_file_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let error = read_in(folder.path(), "8", Duration::from_mins(1)).unwrap_err();
    assert!(matches!(&error, VarsError::Missing { path } if path.ends_with("common")), "{error}");
    assert!(error.to_string().contains("check the toolkit's `folder`"), "{error}");
}

#[test]
fn a_toolkit_that_ignores_rlver_is_found_out() {
    let error = read_8("source ./common_8\n", &COMMON_8.replace("8.10", "9.6")).unwrap_err().to_string();
    assert!(error.contains("REVISION is `9.6`, which is not a revision of 8"), "{error}");
    let error = problem("REVISION=80.1");
    assert!(error.contains("not a revision of 8"), "{error}");
}

#[test]
fn a_hanging_vars_file_is_killed_and_said() {
    let folder = toolkit(&format!("{COMMON}\nread -r _ < <(sleep 600)\n"), COMMON_8);
    let error = read_in(folder.path(), "8", Duration::from_millis(400)).unwrap_err().to_string();
    assert!(error.contains("did not answer within 0.4 s and was killed"), "{error}");
    assert!(error.contains("look for a command in them that waits"), "{error}");
}

#[test]
fn an_exit_without_an_answer_is_not_taken_for_one() {
    let error = problem("echo $'\\e[31mgone wrong' >&2; exit 0");
    assert!(error.contains("sourcing ended early (exit status: 0), saying `[31mgone wrong`"), "{error}");
}

#[test]
fn every_value_that_would_lead_astray_is_refused() {
    for (line, expected) in [
        ("REVISION=", "REVISION is empty"),
        ("unset REVISION", "REVISION is not set"),
        ("REVISION=(8.10)", "REVISION is an array"),
        ("REVISION=8.10/../..", "not a revision of 8"),
        ("STAGING_ROOT=", "STAGING_ROOT is empty"),
        ("STAGING_ROOT=/", "an absolute path below `/` is expected"),
        ("STAGING_ROOT=mnt", "an absolute path below `/` is expected"),
        ("STAGING_ROOT=/mnt/../etc", "an absolute path below `/` is expected"),
        ("PRODUCTION_ROOT=/mnt/repos-staging", "PRODUCTION_ROOT is the same as STAGING_ROOT"),
        ("RELEASE_DIR=", "RELEASE_DIR is empty"),
        ("unset RELEASE_DIR", "RELEASE_DIR is not set"),
        ("RELEASE_DIR=/mirror", "a path below the roots is expected"),
        ("RELEASE_DIR=mirror/../..", "a path below the roots is expected"),
        ("RELEASE_DIR=.", "a path below the roots is expected"),
        ("CATEGORY_STUB=/", "a path below the roots is expected"),
        ("ARCHES=()", "ARCHES is empty"),
        ("ALL_REPOS=(Base/OS)", "holds `Base/OS`, which is not a name"),
        ("ALL_REPOS=('-rf')", "holds `-rf`, which is not a name"),
        ("unset MODS_REPOS", "MODS_REPOS is not set"),
        ("APPEND_TO_DIR='-RC 1'", "APPEND_TO_DIR is `-RC 1`"),
    ] {
        let error = problem(line);
        assert!(error.contains(expected), "{line}: {error}");
    }
}

#[test]
fn nothing_of_a_name_is_read_as_shell() {
    let folder = toolkit(COMMON, COMMON_8);
    let release = ReleaseId::new("8").unwrap();
    let trap = folder.path().join("common; touch pwned");
    fs::write(&trap, "source ./common\n").unwrap();
    let files = ["common; touch pwned".to_owned()];
    let arrays = ["$(touch pwned)".to_owned()];
    let limit = Duration::from_mins(1);
    let request = Request { folder: folder.path(), files: &files, release: &release, arrays: &arrays, limit };
    assert!(matches!(read(request), Err(VarsError::Value { .. })));
    assert!(!folder.path().join("pwned").exists());
}
