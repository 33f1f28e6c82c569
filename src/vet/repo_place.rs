//! What a repo is, told by where it stands: `BaseOS/x86_64/os`, `storage/gluster9/x86_64/debug/tree`.
//!
//! The layout is pungi's, which the toolkit copies as it is (reality.md 5.2). A folder that is laid out otherwise is
//! taken for packages to install. It must not look into the repo.

use std::path::{Path, PathBuf};

/// What the packages of a repo are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RepoKind {
    /// Packages to install: `os`.
    Os,
    /// `debug/tree`
    Debug,
    /// `source/tree`
    Source,
    /// What installers are started with: a copy of `os` that stays as it was at the release.
    Kickstart,
}

/// Where a repo stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RepoPlace {
    /// What stands before the variant: empty, or the SIG.
    pub(super) prefix: PathBuf,
    /// The architecture; empty where the path names none.
    pub(super) arch: String,
    /// What it is for.
    pub(super) kind: RepoKind,
}

/// The architectures that composes are made for.
const ARCHES: [&str; 10] =
    ["x86_64", "x86_64_v2", "aarch64", "ppc64le", "s390x", "riscv64", "i386", "i686", "armhfp", "noarch"];

impl RepoPlace {
    /// Reads the path of a repo, relative to the release's folder.
    pub(super) fn of(path: &Path) -> Self {
        let parts: Vec<&str> = path.components().filter_map(|part| part.as_os_str().to_str()).collect();
        let is = |name: &str| parts.iter().any(|part| part.eq_ignore_ascii_case(name));
        let kind = if is("debug") || is("debuginfo") {
            RepoKind::Debug
        } else if is("source") || is("SRPMS") {
            RepoKind::Source
        } else if is("kickstart") {
            RepoKind::Kickstart
        } else {
            RepoKind::Os
        };
        let before_os = parts.iter().position(|part| *part == "os").and_then(|at| at.checked_sub(1));
        let arch = parts.iter().position(|part| ARCHES.contains(part)).or(before_os);
        let variant = arch.or_else(|| parts.iter().position(|part| *part == "source")).unwrap_or(1);
        Self {
            prefix: parts.iter().take(variant.saturating_sub(1)).collect(),
            arch: arch.and_then(|at| parts.get(at)).map(|arch| (*arch).to_owned()).unwrap_or_default(),
            kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_what_a_repo_is() {
        for (path, prefix, arch, kind) in [
            ("BaseOS/x86_64/os", "", "x86_64", RepoKind::Os),
            ("BaseOS/aarch64/debug/tree", "", "aarch64", RepoKind::Debug),
            ("BaseOS/source/tree", "", "", RepoKind::Source),
            ("BaseOS/x86_64/kickstart", "", "x86_64", RepoKind::Kickstart),
            ("storage/gluster9/x86_64/os", "storage", "x86_64", RepoKind::Os),
            ("storage/gluster9/source/tree", "storage", "", RepoKind::Source),
            ("pub/8.10/storage/gluster9/x86_64/os", "pub/8.10/storage", "x86_64", RepoKind::Os),
            ("Extras/loongarch64/os", "", "loongarch64", RepoKind::Os),
            ("", "", "", RepoKind::Os),
            ("mine", "", "", RepoKind::Os),
        ] {
            let wanted = RepoPlace { prefix: prefix.into(), arch: arch.to_owned(), kind };
            assert_eq!(RepoPlace::of(Path::new(path)), wanted, "{path}");
        }
    }
}
