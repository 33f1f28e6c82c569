//! After every push: the lists that mirrors poll are whole, and tell of what was pushed.
//!
//! A stale list hides the update from the mirrors, a short one makes them delete; both come with exit code 0 (reality.md
//! 3.3). Whoever copies a list after it was given to its owner leaves one of root's (3.4). The timed list's form is
//! quick-fedora-mirror's (reality.md 7): sections in brackets, tab-separated lines of time, type, size and path, and `[End]`
//! when it is whole. It cannot see whether a mirror has read them.

mod list;

use super::VetContext;
use super::found::Found;
use super::places::{Places, is_rsync_temporary, parts, places, shown};
use super::trees::{or_found, walk};
use crate::compose::content::is_payload;
use crate::compose::tree::{Depth, EntryKind, Facts, Root, Tree, join};
use crate::domain::catalog::FileLists;
use crate::domain::flow::Role;
use crate::domain::release::Release;
use list::{Expected, Listed};
use std::collections::HashMap;
use std::path::Path;

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(lists) = &cx.catalog.lists else {
        found.info("none", "lists", "the catalog names no file lists", "name them if mirrors poll some");
        return;
    };
    let mut content = Content::default();
    for release in published(cx) {
        let Some(places) = places(cx, release) else { continue };
        content.add(cx, lists, release, &places, found);
    }
    if content.expected.is_empty() {
        let message = "production holds nothing that the lists could be compared with";
        found.blocking("nothing", shown(&lists.folder), message, "see what became of production");
        return;
    }
    for (name, timed) in
        lists.timed.iter().map(|name| (name, true)).chain(lists.plain.iter().map(|name| (name, false)))
    {
        cx.pulse.begin(name, None);
        one(lists, name, timed, &content, found);
    }
}

/// Returns the releases whose content the lists must hold: those that the plan publishes.
fn published<'a>(cx: &VetContext<'a>) -> Vec<&'a Release> {
    let lanes = cx.plan.steps.iter().filter(|step| step.role == Role::Publish);
    let mine = lanes.filter_map(|step| cx.catalog.release(step.release.as_ref()?));
    let all: Vec<&Release> = mine.collect();
    if all.is_empty() { cx.release.into_iter().collect() } else { all }
}

/// What production holds and a list must tell of.
#[derive(Default)]
struct Content {
    /// Packages, images and repomd.xml by their path in the list.
    expected: HashMap<Vec<u8>, Expected>,
    /// How many files there are in all.
    files: usize,
    /// When the newest repomd.xml came to its place.
    newest_head: (i64, u32),
    /// The releases' folders as they stand in the list, each with a slash at its end.
    roots: Vec<Vec<u8>>,
}

impl Content {
    fn add(
        &mut self,
        cx: &VetContext<'_>,
        lists: &FileLists,
        release: &Release,
        places: &Places,
        found: &mut Found<'_>,
    ) {
        let Ok(root) = places.production.strip_prefix(&lists.folder) else {
            let message = format!("is not below {}, so the lists cannot tell of it", lists.folder.display());
            found.blocking("outside", shown(&places.production), message, "correct `lists` in the catalog");
            return;
        };
        let roots = [Root::whole(&places.production)];
        let walked = walk(cx, "published content", &roots, Depth::Facts).pop();
        let Some(tree) = walked.and_then(|walked| or_found(walked, &places.production, found)) else {
            return;
        };
        let mut prefix = root.as_os_str().as_encoded_bytes().to_vec();
        prefix.push(b'/');
        self.take(&tree, root, usize::from(release.toolkit.depth));
        self.roots.push(prefix);
    }

    fn take(&mut self, tree: &Tree, root: &Path, depth: usize) {
        for (folder, entry) in tree.entries().filter(|(folder, _)| parts(folder) >= depth) {
            let Some(facts) = entry.facts.filter(|_| entry.kind == EntryKind::File) else { continue };
            // Whether a list names these depends on their mode; they are told of one by one.
            if is_rsync_temporary(&entry.name) {
                continue;
            }
            self.files += 1;
            let is_head = entry.name.as_encoded_bytes() == b"repomd.xml";
            if is_head {
                self.newest_head = self.newest_head.max(newest(facts));
            }
            if is_head || is_payload(folder, entry) {
                let path = root.join(join(folder, &entry.name));
                let time = newest(facts).0;
                let path = path.as_os_str().as_encoded_bytes().to_vec();
                self.expected.insert(path, Expected { size: facts.size, time, is_head });
            }
        }
    }
}

/// The time that create-filelist writes: the later of content and inode.
fn newest(facts: Facts) -> (i64, u32) {
    facts.mtime.max(facts.ctime)
}

fn one(lists: &FileLists, name: &str, timed: bool, content: &Content, found: &mut Found<'_>) {
    let advice = "make the lists again; mirrors go by them";
    let path = lists.folder.join(name);
    let read = if timed {
        list::timed(&path, content_view(content))
    } else {
        list::plain(&path, content_view(content))
    };
    let listed = match read {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            found.blocking("missing", name, "the list is not there", advice);
            return;
        }
        Err(error) => {
            found.blocking("unreadable", name, format!("could not be read: {}", error.kind()), advice);
            return;
        }
    };
    if timed && !listed.ended {
        found.blocking(
            "truncated",
            name,
            "does not end with [End]: it is cut short or still being written",
            advice,
        );
    }
    if let Some(owner) = lists.owner.filter(|owner| *owner != listed.owner) {
        let message = format!("belongs to {}, and the catalog wants {owner}", listed.owner);
        found.warning("owner", name, message, format!("chown {owner} it"));
    }
    if listed.modified < content.newest_head {
        found.blocking("stale", name, "is older than the metadata that was pushed", advice);
    }
    compare(name, content, &listed, found);
}

fn content_view(content: &Content) -> list::View<'_> {
    list::View { expected: &content.expected, roots: &content.roots }
}

fn compare(name: &str, content: &Content, listed: &Listed, found: &mut Found<'_>) {
    let advice = "make the lists again; mirrors go by them";
    if listed.files < content.files {
        let message = format!("names {} of the {} files that were published", listed.files, content.files);
        found.blocking("short", name, message, advice);
    }
    for path in &listed.absent {
        let path = format!("{name}: {}", String::from_utf8_lossy(path));
        found.blocking("not-listed", shown(path), "is in production and not in the list", advice);
    }
    for path in &listed.wrong {
        let path = format!("{name}: {}", String::from_utf8_lossy(path));
        found.blocking("old-entry", shown(path), "stands in the list as it was before the push", advice);
    }
    for path in &listed.temporary {
        let path = format!("{name}: {}", String::from_utf8_lossy(path));
        let message = "is an unfinished copy of rsync, and mirrors will fetch it";
        found.warning(
            "temporary",
            shown(path),
            message,
            "remove it from production and make the lists again",
        );
    }
}
