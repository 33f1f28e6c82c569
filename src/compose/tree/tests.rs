//! Tests of the walker.

use super::*;
use crate::compose::fixture::{put, write};
use crate::compose::pulse::Pulse;
use rustix::fs::{FileType, Mode};
use std::os::unix::fs::symlink;

fn paths(tree: &Tree) -> Vec<String> {
    tree.entries().map(|(path, entry)| join(path, &entry.name).into_string().unwrap()).collect()
}

#[test]
fn a_walk_finds_every_file_in_a_fixed_order() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &["b/x", "b-c/y", "b/c/z", "a", "b/c-d/q"]);
    std::fs::create_dir(dir.path().join("empty")).unwrap();
    let pulse = Pulse::new();
    let options = Options::names(&pulse);
    let tree = walk(dir.path(), options).unwrap();
    // What is below `b` follows `b` directly, although `-` sorts before `/`.
    assert_eq!(paths(&tree), ["a", "b/x", "b/c/z", "b/c-d/q", "b-c/y"]);
    assert_eq!(pulse.looking().done, 5);
    assert_eq!(tree.len(), 5);
    assert!(tree.directory(OsStr::new("empty")).unwrap().entries.is_empty());
    let below: Vec<&OsStr> = tree.below(OsStr::new("b")).iter().map(|dir| &*dir.path).collect();
    assert_eq!(below, ["b", "b/c", "b/c-d"]);
    assert_eq!(tree.below(OsStr::new("")).len(), tree.directories.len());
    assert!(tree.below(OsStr::new("nothing")).is_empty());
    assert!(tree.entry(OsStr::new("b/c"), OsStr::new("z")).is_some());
    assert!(tree.entry(OsStr::new("b/c"), OsStr::new("x")).is_none());
}

#[test]
fn facts_tell_the_same_file_from_a_copy() {
    let dir = tempfile::tempdir().unwrap();
    for at in 0..700 {
        write(dir.path(), &format!("big/{at:04}"), &"x".repeat(at));
    }
    std::fs::hard_link(dir.path().join("big/0007"), dir.path().join("linked")).unwrap();
    write(dir.path(), "copied", &"x".repeat(7));
    let pulse = Pulse::new();
    let tree = walk(dir.path(), Options::facts(&pulse)).unwrap();
    let big = tree.directory(OsStr::new("big")).unwrap();
    assert_eq!(big.entries.len(), 700);
    assert!(big.entries.iter().enumerate().all(|(at, entry)| entry.facts.unwrap().size == at as u64));
    let facts =
        |path: &str, name: &str| tree.entry(OsStr::new(path), OsStr::new(name)).unwrap().facts.unwrap();
    assert_eq!(facts("big", "0007").inode, facts("", "linked").inode);
    assert_ne!(facts("", "copied").inode, facts("", "linked").inode);
    assert_eq!(tree, walk(dir.path(), Options::facts(&pulse)).unwrap());
}

#[test]
fn entries_are_paired_by_their_names() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &["a/b", "a/c", "a/e", "a/g", "z/a", "z/c", "z/d", "z/e", "z/f"]);
    let pulse = Pulse::new();
    let tree = walk(dir.path(), Options::names(&pulse)).unwrap();
    let (ours, theirs) = (tree.directory(OsStr::new("a")).unwrap(), tree.directory(OsStr::new("z")));
    let pairs = |other| -> Vec<(String, bool)> {
        ours.beside(other)
            .map(|(entry, other)| {
                assert!(other.is_none_or(|other| other.name == entry.name));
                (entry.name.to_str().unwrap().to_owned(), other.is_some())
            })
            .collect()
    };
    let expected = |there: &str| ["b", "c", "e", "g"].map(|name| (name.to_owned(), there.contains(name)));
    assert_eq!(pairs(theirs), expected("ce"));
    assert_eq!(pairs(None), expected(""));
    assert_eq!(pairs(Some(ours)), expected("bceg"));
}

#[test]
fn symlinks_are_told_and_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &["outside/secret", "root/a/file"]);
    symlink("../outside", dir.path().join("root/away")).unwrap();
    symlink(".", dir.path().join("root/a/loop")).unwrap();
    symlink("root", dir.path().join("alias")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, dir.path().join("root/fifo"), FileType::Fifo, Mode::RUSR, 0)
        .unwrap();
    let pulse = Pulse::new();
    for options in [Options::names(&pulse), Options::facts(&pulse)] {
        let tree = walk(&dir.path().join("alias"), options).unwrap();
        assert_eq!(paths(&tree), ["away", "fifo", "a/file", "a/loop"]);
        let kinds: Vec<EntryKind> = tree.entries().map(|(_, entry)| entry.kind).collect();
        assert_eq!(kinds, [EntryKind::Symlink, EntryKind::Other, EntryKind::File, EntryKind::Symlink]);
    }
    // Nor where the walk is told to begin at one.
    let root = Root { path: dir.path().join("root"), within: vec!["away".into(), "a".into(), "gone".into()] };
    let tree = walk_all(&[root], Options::names(&pulse)).pop().unwrap().unwrap();
    assert_eq!(paths(&tree), ["a/file", "a/loop"]);
    assert_eq!(tree.missing, [PathBuf::from("gone")]);
    assert_eq!(tree.problems.len(), 1, "{:?}", tree.problems);
}

#[test]
fn several_roots_have_several_answers() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &["one/a", "two/b"]);
    let pulse = Pulse::new();
    let root = |name: &str| Root::whole(dir.path().join(name));
    let trees = walk_all(&[root("one"), root("none"), root("two")], Options::names(&pulse));
    assert_eq!(paths(trees[0].as_ref().unwrap()), ["a"]);
    assert!(matches!(trees[1], Err(WalkError::Root { missing: true, .. })));
    assert_eq!(paths(trees[2].as_ref().unwrap()), ["b"]);
    let file = walk(&dir.path().join("one/a"), Options::names(&pulse));
    assert!(matches!(file, Err(WalkError::Root { missing: false, .. })));
}

#[test]
fn a_cancelled_walk_says_so() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &["a/b/c"]);
    let pulse = Pulse::new();
    pulse.cancel();
    assert!(matches!(walk(dir.path(), Options::names(&pulse)), Err(WalkError::Cancelled)));
}

#[test]
fn names_that_are_no_text_survive() {
    let dir = tempfile::tempdir().unwrap();
    let name = OsStr::from_bytes(b"\xff\xfe\n.rpm");
    std::fs::write(dir.path().join(name), "").unwrap();
    let pulse = Pulse::new();
    let tree = walk(dir.path(), Options::names(&pulse)).unwrap();
    assert!(tree.entry(OsStr::new(""), name).is_some());
}
