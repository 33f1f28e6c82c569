//! Where the content of a release and of its repos stands, as a plan saw it.
//!
//! The plan's lane decides, because that is what was shown; the release is asked only for a plan that
//! has no lane of it. Every path in a finding about content is relative to the release's folder.

use super::VetContext;
use crate::domain::compose::ComposeId;
use crate::domain::name::RepoName;
use crate::domain::release::Release;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The two folders of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places {
    /// Its staging directory.
    pub(super) staging: PathBuf,
    /// Its production directory.
    pub(super) production: PathBuf,
}

/// Returns the folders of `release` as the plan or, without a lane, the vars files name them.
pub(super) fn places(cx: &VetContext<'_>, release: &Release) -> Option<Places> {
    if let Some(lane) = cx.plan.lane(&release.id) {
        return Some(Places { staging: lane.staging.clone(), production: lane.production.clone() });
    }
    Some(Places { staging: release.staging()?, production: release.production()? })
}

/// Returns the folder of a compose.
pub(super) fn compose_folder(release: &Release, id: &ComposeId) -> PathBuf {
    release.compose_dir.join(id.to_string())
}

/// Returns the folder, relative to the release's, in which the variants of `repo` stand: its SIG's, or none.
pub(super) fn repo_prefix(release: &Release, repo: &RepoName) -> PathBuf {
    let sig = release.repo(repo).and_then(|repo| repo.sig.as_ref());
    sig.map_or_else(PathBuf::new, |sig| PathBuf::from(sig.as_str()))
}

/// Returns how many parts a relative path has.
pub(super) fn parts(path: &OsStr) -> usize {
    Path::new(path).components().count()
}

/// Returns a path as it is shown in a finding: no control characters, whatever the name holds.
pub(super) fn shown(path: impl AsRef<Path>) -> String {
    let text = path.as_ref().to_string_lossy();
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Returns whether `name` is what rsync calls a file that it has not finished: `.NAME.XXXXXX`.
pub(super) fn is_rsync_temporary(name: &OsStr) -> bool {
    let Some(rest) = name.as_bytes().strip_prefix(b".") else { return false };
    let Some(dot) = rest.iter().rposition(|byte| *byte == b'.') else { return false };
    let (stem, suffix) = (&rest[..dot], &rest[dot + 1..]);
    // A hidden file of six letters after a dot is not enough: what rsync was copying has an ending of its own.
    stem.contains(&b'.') && suffix.len() == 6 && suffix.iter().all(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rsync_temporary_files_are_known_by_their_names() {
        for (name, temporary) in [
            (".bash-5.0-1.x86_64.rpm.AbCd12", true),
            (".repomd.xml.Zz0Yy1", true),
            (".treeinfo", false),
            (".treeinfo-pristine", false),
            (".a.rpm", false),
            ("bash-5.0-1.x86_64.rpm", false),
            (".hidden.config", false),
            ("", false),
        ] {
            assert_eq!(is_rsync_temporary(OsStr::new(name)), temporary, "{name}");
        }
    }

    #[test]
    fn names_from_disk_cannot_speak_to_a_terminal() {
        assert_eq!(shown("a/\u{1b}[31mb\n"), "a/\u{fffd}[31mb\u{fffd}");
        assert_eq!((parts(OsStr::new("")), parts(OsStr::new("a")), parts(OsStr::new("a/b"))), (0, 1, 2));
    }
}
