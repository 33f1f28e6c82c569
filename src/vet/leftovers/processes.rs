//! Finds processes of an earlier attempt that still work on the release's folders.
//!
//! A script that was killed leaves parallel, sudo and rsync behind, in sessions of their own, and they run
//! to the end (reality.md 4). They are told apart from other lanes by the folders in their arguments.

use crate::domain::release::Release;
use crate::vet::VetContext;
use crate::vet::found::Found;
use crate::vet::places::{Places, shown};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

pub(super) fn check(cx: &VetContext<'_>, places: &Places, found: &mut Found<'_>) {
    let Some(release) = cx.release else { return };
    let Ok(entries) = std::fs::read_dir("/proc") else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if pid == std::process::id() {
            continue;
        }
        // A process that ended meanwhile has no command line, and neither has a kernel thread.
        let Ok(line) = std::fs::read(entry.path().join("cmdline")) else { continue };
        let arguments: Vec<&OsStr> = line.split(|byte| *byte == 0).map(OsStr::from_bytes).collect();
        if works_on(&arguments, release, places) {
            let program = arguments.first().map(shown).unwrap_or_default();
            found.blocking(
                "survivor",
                format!("process {pid}"),
                format!("{program} still works on the folders of release {}", release.id),
                "wait until it ends, or end it, then check again",
            );
        }
    }
}

/// Returns whether a command line is that of one of the toolkit's tools on one of the release's folders.
fn works_on(arguments: &[&OsStr], release: &Release, places: &Places) -> bool {
    let names: Vec<&OsStr> =
        release.toolkit.tools.iter().filter_map(|tool| Path::new(tool).file_name()).collect();
    // `sudo rsync …` and `perl /usr/bin/parallel …` have the tool as their second word.
    let mut words = arguments.iter().take(2).filter_map(|word| Path::new(word).file_name());
    let is_tool = words.any(|word| names.iter().any(|name| same_tool(word, name)));
    is_tool
        && arguments.iter().skip(1).any(|argument| {
            let path = Path::new(argument);
            path.starts_with(&places.staging) || path.starts_with(&places.production)
        })
}

/// `createrepo` is a link to `createrepo_c` nowadays, and shows as that.
fn same_tool(word: &OsStr, tool: &OsStr) -> bool {
    word == tool || word.as_bytes().strip_suffix(b"_c") == Some(tool.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vet::fixture::Fixture;
    use std::path::PathBuf;

    #[test]
    fn only_the_toolkits_tools_on_the_releases_folders_count() {
        let fixture = Fixture::new();
        let places = Places { staging: "/s/8.10-RC1".into(), production: PathBuf::from("/p/8.10") };
        let works = |line: &str| {
            let arguments: Vec<&OsStr> = line.split(' ').map(OsStr::new).collect();
            works_on(&arguments, fixture.release(), &places)
        };
        assert!(works("rsync -av BaseOS/x86_64 /s/8.10-RC1"));
        assert!(works("sudo rsync -av BaseOS/x86_64 /s/8.10-RC1/"));
        assert!(works("/usr/bin/rsync --server . /p/8.10/BaseOS"));
        assert!(works("createrepo_c --update /s/8.10-RC1/BaseOS/x86_64/os"));
        assert!(!works("rsync -av BaseOS/x86_64 /s/9.4-RC1"));
        assert!(!works("rsync -av BaseOS/x86_64 /s/8.10-RC10"));
        assert!(!works("less /s/8.10-RC1/BaseOS/x86_64/os/.treeinfo"));
    }
}
