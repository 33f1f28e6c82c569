//! At the gate and in `verify`: every package is whole and signed by a key that counts.
//!
//! One package that nobody signed stops the update of everybody who has it (incidents.md, 4). What one package comes to is
//! said by [`super::package`]; here all of a position are read, each file once however many names it has, and what was found
//! sound before is not read again. Without a key nobody can tell a foreign signature from the right one: then only packages
//! that are unsigned or damaged are found, and that is said. Without `--deep` payloads are not read: other bytes in one it
//! cannot see as long as it is as long as it should be.

mod vouched;

pub use vouched::Vouched;

use super::found::Found;
use super::metadata_signed::keys;
use super::opened::{open, open_paced};
use super::package::{Keys, PackageFlaw, Sound, judge_file};
use super::places::{places, shown};
use super::repos::each_file;
use super::seal::is_settled;
use super::trees::{inside, or_found, walk};
use super::{Reading, VetContext};
use crate::compose::tree::{Depth, EntryKind, Facts, Root, Tree, join};
use crate::domain::finding::{Finding, Severity};
use crate::domain::flow::CheckName;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use vouched::Key;

const CHECK: CheckName = CheckName::PackagesSigned;

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(places) = cx.release.and_then(|release| places(cx, release)) else { return };
    let keys = Keys::new(&keys(cx.keys, found));
    let what = "packages in staging";
    let walked = walk(cx, what, &[Root::whole(&places.staging)], Depth::Facts).pop();
    let Some(tree) = walked.and_then(|walked| or_found(walked, &places.staging, found)) else { return };
    let files = files(&places.staging, &tree);
    if keys.is_empty() && !files.is_empty() {
        let message = "no public key is known: packages that are signed by a foreign key are not found";
        found.warning("no-keys", "keys", message, "name the key with --key, or in the catalog's `keys`");
    }
    let ids: Vec<Key> = files.iter().map(|file| Key::of(file.facts)).collect();
    // What was vouched for by its headers alone is no answer to whoever wants all of it read.
    let vouched = cx.vouched.filter(|_| cx.reading == Reading::Headers);
    let known = vouched.map_or_else(|| vec![false; ids.len()], |vouched| vouched.of(&keys, &ids));
    // Asked before they are read: what changes while it is read must not be remembered.
    let settled: Vec<bool> = files.iter().map(|file| is_settled(file.facts)).collect();
    let items: Vec<(&File, bool)> = files.iter().zip(known).collect();
    let judge = |file: io::Result<fs::File>| judge_file(file, &keys, cx.reading, cx.pulse);
    let judged = each_file(cx.pulse, what, items, found, |(file, is_known), pace| {
        let judged = if is_known { Ok(None) } else { judge(open_paced(&file.real, pace)).map(Some) };
        judged.map_err(|flaw| {
            let finding = |path: &PathBuf| {
                let before = judge(open(&places.production.join(path)));
                finding(path, &flaw, before.is_err_and(|before| before.kind() == flaw.kind()))
            };
            file.paths.iter().map(finding).collect::<Vec<Finding>>()
        })
    });
    let Some(judged) = judged else { return };
    let mut sound = HashSet::new();
    let mut unread = 0_u64;
    for ((settled, judged), id) in settled.into_iter().zip(judged).zip(ids) {
        match judged {
            Ok(Some(Sound { is_unread: true, .. })) => unread += 1,
            Ok(Some(_)) if !settled => {}
            Ok(_) => {
                sound.insert(id);
            }
            Err(findings) => {
                for finding in findings {
                    found.add(finding);
                }
            }
        }
    }
    if unread > 0 {
        let message = format!(
            "{unread} packages have only a signature over their payload, of which only the key was looked at"
        );
        found.warning("unread", "packages", message, "run `stagegate verify --deep` to verify them");
    }
    if let Some(vouched) = vouched {
        vouched.keep(&keys, sound);
    }
}

fn finding(path: &Path, flaw: &PackageFlaw, inherited: bool) -> Finding {
    let message = shown(flaw.to_string());
    let finding = Finding::new(CHECK, Severity::Blocking, flaw.kind(), shown(path), message, flaw.advice());
    Finding { inherited, ..finding }
}

/// A package on disk and every path at which it stands.
struct File {
    paths: Vec<PathBuf>,
    /// Where it is opened.
    real: PathBuf,
    facts: Facts,
}

/// Returns the packages of a position; what hard links and symlinks name is one file.
fn files(root: &Path, tree: &Tree) -> Vec<File> {
    let mut places: HashMap<(u64, u64), usize> = HashMap::new();
    let mut files: Vec<File> = Vec::new();
    for (folder, entry) in tree.entries().filter(|(_, entry)| is_package(&entry.name)) {
        let path = PathBuf::from(join(folder, &entry.name));
        let standing = match (entry.kind, entry.facts) {
            (EntryKind::File, Some(facts)) => Some((root.join(&path), facts)),
            // One that leads astray is for metadata-consistent to say; there is nothing here to be signed.
            (EntryKind::Symlink, _) => inside(root, &path),
            _ => None,
        };
        let Some((real, facts)) = standing else { continue };
        let place = *places.entry((facts.device, facts.inode)).or_insert_with(|| {
            files.push(File { paths: Vec::new(), real, facts });
            files.len() - 1
        });
        if let Some(file) = files.get_mut(place) {
            file.paths.push(path);
        }
    }
    files
}

fn is_package(name: &OsStr) -> bool {
    name.as_bytes().ends_with(b".rpm")
}

#[cfg(test)]
mod tests;
