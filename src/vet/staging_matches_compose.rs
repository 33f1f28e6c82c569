//! After a sync and at the gate: staging holds what the pinned compose holds.
//!
//! A sync that copied half, or nothing, exits 0 (reality.md 3.1), and afterwards the repos may well be consistent in
//! themselves: only the comparison with the compose finds it. Right after a sync every file must be there with its size. At
//! the gate, prep has made metadata and `.treeinfo` anew, so packages and images count, by size and, for packages, by header
//! digest. Older packages are history and no finding. It cannot see what the compose itself lacks, nor other content of the
//! same size in what is no package.

mod differences;
mod links;
mod wrong_place;

use super::VetContext;
use super::found::Found;
use super::header::header_digest;
use super::held::held;
use super::places::{Places, compose_folder, places, repo_prefix, shown};
use super::trees::{or_found, walk};
use crate::compose::content::{Content, ContentKind, is_payload, kind_of};
use crate::compose::tree::{Depth, Directory, Entry, EntryKind, Root, Tree};
use crate::domain::compose::ComposeId;
use crate::domain::flow::Role;
use crate::domain::name::RepoName;
use crate::domain::release::Release;
use differences::Differences;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(release) = cx.release else { return };
    let Some(places) = places(cx, release) else {
        let advice = "correct the vars files";
        found.blocking("no-place", release.id.as_str(), "nobody says where its staging is", advice);
        return;
    };
    let mode = mode(cx.step.role);
    wrong_place::misspelt(release, &places, found);
    let mut differences = Differences::default();
    let mut one = |repo: &RepoName, id: Option<&ComposeId>, found: &mut Found<'_>| {
        if let Some(id) = id {
            Comparison { cx, release, places: &places, repo, id, mode }.run(&mut differences, found);
        } else {
            let message = format!("no compose of {repo} is pinned, so nothing can be compared");
            found.blocking("not-pinned", repo.as_str(), message, "run its compose step first");
        }
    };
    if mode != Mode::Gate {
        for repo in repos(cx) {
            one(repo, cx.composes.get(repo), found);
            wrong_place::check(cx, release, &places, repo, found);
        }
        return differences.add_to(found);
    }
    links::check(&places.staging, release.toolkit.depth, found);
    for held in held(cx, release) {
        if let Some(reason) = &held.partial {
            let message = format!("goes out too, and is not whole: {reason}");
            found.blocking(
                "partial",
                held.repo.as_str(),
                message,
                "sync the repo again, in this run or another",
            );
        } else if held.touched || held.compose.is_some() {
            one(&held.repo, held.compose.as_ref(), found);
        } else if held.present {
            let message = "goes out too, and fits no compose that is there, so nothing can be compared";
            let advice = "find out where it came from; sync the repo again if that is not known";
            found.warning("no-compose", held.repo.as_str(), message, advice);
        }
        wrong_place::check(cx, release, &places, &held.repo, found);
    }
    differences.add_to(found);
}

/// What must be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Every file: one repo was just copied.
    Copied,
    /// Every file but those that the minor release's script changes after copying.
    CopiedAndAmended,
    /// Packages and images: prep made the rest anew.
    Gate,
}

fn mode(role: Role) -> Mode {
    match role {
        Role::Sync => Mode::Copied,
        Role::SyncAll => Mode::CopiedAndAmended,
        _ => Mode::Gate,
    }
}

/// Returns the repos that the step copies.
fn repos<'a>(cx: &VetContext<'a>) -> Vec<&'a RepoName> {
    let pinned: Vec<&RepoName> = cx.step.pins.iter().map(|pin| &pin.repo).collect();
    if pinned.is_empty() { cx.step.repo.iter().collect() } else { pinned }
}

struct Comparison<'a> {
    cx: &'a VetContext<'a>,
    release: &'a Release,
    places: &'a Places,
    repo: &'a RepoName,
    id: &'a ComposeId,
    mode: Mode,
}

impl Comparison<'_> {
    fn run(&self, differences: &mut Differences, found: &mut Found<'_>) {
        let depth = self.release.toolkit.depth;
        let source = compose_folder(self.release, self.id).join("compose");
        let what = format!("{} against staging", self.id);
        let walked = walk(self.cx, &what, &[Root::whole(&source)], Depth::Facts).pop();
        let Some(tree) = walked.and_then(|walked| or_found(walked, &source, found)) else { return };
        let content = Content::of(tree, depth);
        if content.payload().next().is_none() {
            found.blocking(
                "empty-compose",
                shown(&source),
                "holds no package and no image at the depth that the toolkit copies",
                "see the compose's log, compose again",
            );
            return;
        }
        let prefix = repo_prefix(self.release, self.repo);
        let trees = tops(&content, depth);
        let within = trees.iter().map(|top| prefix.join(top)).collect();
        let root = Root { path: self.places.staging.clone(), within };
        let walked = walk(self.cx, &what, &[root], Depth::Facts).pop();
        let Some(staging) = walked.and_then(|walked| or_found(walked, &self.places.staging, found)) else {
            return;
        };
        for top in &trees {
            if self.cx.pulse.is_cancelled() {
                return super::trees::cancelled(found);
            }
            self.compare(&source, &content, &staging, (&prefix, top), differences);
        }
    }

    /// Compares one of the folders that are copied as a whole: `BaseOS/x86_64`.
    fn compare(
        &self,
        source: &Path,
        content: &Content,
        staging: &Tree,
        (prefix, top): (&Path, &OsStr),
        differences: &mut Differences,
    ) {
        let dirs = content.tree.below(top);
        let target = prefix.join(top);
        if staging.missing.contains(&target) {
            let count: usize = dirs.iter().map(|dir| self.wanted(dir).count()).sum();
            if count > 0 {
                differences.missing_tree(self.id, &target, count);
            }
            return;
        }
        for dir in dirs {
            let place = prefix.join(&*dir.path);
            let there = staging.directory(place.as_os_str());
            for entry in self.wanted(dir) {
                let path = place.join(&*entry.name);
                let Some(other) = there.and_then(|there| there.entry(&entry.name)) else {
                    differences.missing(self.id, &path, kind_of(&dir.path, &entry.name));
                    continue;
                };
                let original = source.join(&*dir.path).join(&*entry.name);
                if let Some(difference) = self.differs(&dir.path, (&original, entry), (&path, other)) {
                    differences.differs(self.id, &path, kind_of(&dir.path, &entry.name), &difference);
                }
            }
        }
    }

    fn wanted<'d>(&self, dir: &'d Directory) -> impl Iterator<Item = &'d Entry> {
        let mode = self.mode;
        dir.entries.iter().filter(move |entry| match mode {
            Mode::Copied => entry.kind != EntryKind::Other,
            Mode::CopiedAndAmended => {
                entry.kind != EntryKind::Other && &*entry.name != ".treeinfo" && &*entry.name != "CHECKSUM"
            }
            Mode::Gate => is_payload(&dir.path, entry),
        })
    }

    /// Says in what a file in staging differs from the one in the compose, if it does.
    fn differs(&self, folder: &OsStr, original: (&Path, &Entry), copy: (&Path, &Entry)) -> Option<String> {
        let ((original_path, original), (copy_path, copy)) = (original, copy);
        if original.kind != copy.kind {
            return Some("a link on one side, a file on the other".to_owned());
        }
        let target = self.places.staging.join(copy_path);
        if original.kind == EntryKind::Symlink {
            let same = std::fs::read_link(original_path).ok() == std::fs::read_link(&target).ok();
            return (!same).then(|| "the link leads elsewhere".to_owned());
        }
        let (a, b) = (original.facts?, copy.facts?);
        if (a.device, a.inode) == (b.device, b.inode) {
            return None;
        }
        if a.size != b.size {
            return Some(format!("{} bytes instead of {}", b.size, a.size));
        }
        if self.mode == Mode::Gate && kind_of(folder, &original.name) == ContentKind::Package {
            return other_header(original_path, &target);
        }
        if original.name.as_encoded_bytes() == b"repomd.xml" && self.mode == Mode::Copied {
            let same = std::fs::read(original_path).ok() == std::fs::read(&target).ok();
            return (!same).then(|| "other content of the same size".to_owned());
        }
        None
    }
}

/// Says whether two packages of the same size have other headers.
fn other_header(original: &Path, copy: &Path) -> Option<String> {
    match (header_digest(original), header_digest(copy)) {
        (Ok(a), Ok(b)) if a == b => None,
        (Ok(_), Ok(_)) => Some("another package of the same size".to_owned()),
        (Err(error), _) => Some(format!("the compose's package cannot be read: {error}")),
        (_, Err(error)) => Some(error.to_string()),
    }
}

/// Returns the folders that are copied as a whole.
fn tops(content: &Content, depth: u8) -> BTreeSet<OsString> {
    let depth = usize::from(depth);
    content
        .tree
        .directories
        .iter()
        .map(|dir| Path::new(&dir.path).components().take(depth).collect::<PathBuf>().into_os_string())
        .collect()
}
