//! Images and torrents: large files that come and go one by one.

use super::{Push, pushed};
use crate::compose::content::{ContentKind, kind_of};
use crate::compose::tree::{Entry, EntryKind, Facts, Tree};
use crate::domain::evidence::{Change, ChangeKind};
use crate::vet::places::shown;
use std::collections::BTreeMap;
use std::ffi::OsStr;

/// Where a file stands, and its name.
type Place = (String, String);

/// Compares the images and torrents of two trees.
pub(super) fn compare(trees: [&Tree; 2], push: Push) -> Vec<Change> {
    let [staged, published] = trees.map(|tree| files(tree, push.depth));
    let mut changes = Vec::new();
    let mut add = |kind, (place, name): &Place, from: Option<u64>, to: Option<u64>| {
        let bytes = |size: Option<u64>| size.map(|size| format!("{size} bytes"));
        let (place, name, size) = (place.clone(), name.clone(), to.or(from).unwrap_or_default());
        changes.push(Change { kind, place, name, from: bytes(from), to: bytes(to), size });
    };
    for (key, facts) in &staged {
        match published.get(key) {
            None => add(ChangeKind::Added, key, None, Some(facts.size)),
            Some(other) if (other.device, other.inode) == (facts.device, facts.inode) => {}
            Some(other) if (other.size, other.mtime.0) != (facts.size, facts.mtime.0) => {
                add(ChangeKind::Rebuilt, key, Some(other.size), Some(facts.size));
            }
            Some(_) => {}
        }
    }
    for (key, facts) in published.iter().filter(|(key, _)| push.deletes && !staged.contains_key(*key)) {
        add(ChangeKind::Removed, key, Some(facts.size), None);
    }
    changes.sort_by(|a, b| (&a.place, &a.name).cmp(&(&b.place, &b.name)));
    changes
}

fn files(tree: &Tree, depth: u8) -> BTreeMap<Place, Facts> {
    let is_mine = |folder: &OsStr, entry: &Entry| {
        let torrent = entry.name.as_encoded_bytes().ends_with(b".torrent");
        entry.kind == EntryKind::File && (torrent || kind_of(folder, &entry.name) == ContentKind::Image)
    };
    let mut files = BTreeMap::new();
    for dir in pushed(tree, depth) {
        for entry in dir.entries.iter().filter(|entry| is_mine(&dir.path, entry)) {
            files.extend(entry.facts.map(|facts| ((shown(&*dir.path), shown(&*entry.name)), facts)));
        }
    }
    files
}
