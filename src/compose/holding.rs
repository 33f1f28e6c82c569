//! What staging or production holds of a release's repos: names of files, and the bytes of each repo's
//! `repomd.xml`.
//!
//! Names come from directory listings alone, without a call for each file; that is enough to place a
//! repo. Whether the bytes are right is for the checks of `vet`.

use super::content::is_payload;
use super::pool::{self, Width};
use super::read::small_file;
use super::tree::{Directory, Entry, Options, Root, Tree, WalkError, compare_paths, join, walk_all};
use std::cmp::Ordering as Order;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// A repomd.xml of some kilobytes is usual; one longer than this is not one.
const REPOMD_LIMIT: u64 = 4 << 20;

/// What staging or production holds of one release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holding {
    /// Its files by name, below the release's folder; only the folders that were asked for.
    pub tree: Tree,
    /// Each repository's `repomd.xml` by the repository's path (`BaseOS/x86_64/os`), or why it could not be read.
    pub heads: BTreeMap<OsString, Result<Vec<u8>, String>>,
}

impl Holding {
    /// Returns the packages and images below `path`, with the paths of their folders.
    pub fn payload(&self, path: &OsStr) -> impl Iterator<Item = (&OsStr, &Entry)> {
        let dirs = self.tree.below(path).iter();
        let entries = dirs.flat_map(|dir| dir.entries.iter().map(|entry| (&*dir.path, entry)));
        entries.filter(|(path, entry)| is_payload(path, entry))
    }

    /// Returns what could not be read at or below `path`, as one sentence fragment.
    pub fn problem(&self, path: &OsStr) -> Option<String> {
        let inside = |other: &Path| other.starts_with(path);
        let unread = self.tree.problems.iter().find(|problem| inside(&problem.path));
        let unread = unread.map(|found| format!("{}: {}", found.path.display(), found.problem));
        unread.or_else(|| {
            self.heads.iter().filter(|(repo, _)| inside(Path::new(repo))).find_map(|(repo, head)| {
                let problem = head.as_ref().err()?;
                Some(format!("{}/repodata/repomd.xml: {problem}", Path::new(repo).display()))
            })
        })
    }
}

/// Reads what the folders `within` of `root` hold; a root that is not there holds nothing.
pub fn holding(root: &Path, within: Vec<PathBuf>, cancel: &AtomicBool) -> Result<Holding, WalkError> {
    if within.is_empty() {
        return Ok(Holding::default());
    }
    let roots = [Root { path: root.to_owned(), within }];
    let tree = match walk_all(&roots, Options::names(cancel)).pop() {
        Some(Ok(tree)) => tree,
        Some(Err(WalkError::Root { missing: true, .. })) => Tree::default(),
        Some(Err(error)) => return Err(error),
        None => return Err(WalkError::Cancelled),
    };
    let repos: Vec<OsString> = tree.directories.iter().filter_map(repository).collect();
    let read = |repo: OsString| {
        let file = small_file(&root.join(&repo).join("repodata/repomd.xml"), REPOMD_LIMIT);
        (repo, file.map(|file| file.bytes).map_err(|error| error.to_string()))
    };
    let heads = pool::map(repos, Width::default(), cancel, read);
    let heads: Option<BTreeMap<_, _>> = heads.into_iter().collect();
    Ok(Holding { tree, heads: heads.ok_or(WalkError::Cancelled)? })
}

/// Returns the path of the repository whose `repodata` this directory is.
fn repository(dir: &Directory) -> Option<OsString> {
    let path = Path::new(&dir.path);
    let named = path.file_name()? == "repodata" && dir.entry(OsStr::new("repomd.xml")).is_some();
    named.then(|| path.parent().map(|parent| parent.as_os_str().to_owned())).flatten()
}

/// Returns the newest time that a `repomd.xml` names, in seconds since 1970: its revision or a `timestamp`.
///
/// createrepo_c writes the time of its run as revision unless it is told another, and the time of each
/// metadata file as its timestamp.
pub fn newest_time(repomd: &[u8]) -> Option<u64> {
    let tags: [(&[u8], &[u8]); 2] = [(b"<revision>", b"</"), (b"<timestamp>", b"</")];
    tags.iter().flat_map(|(open, close)| numbers(repomd, open, close)).max()
}

fn numbers<'a>(text: &'a [u8], open: &'a [u8], close: &'a [u8]) -> impl Iterator<Item = u64> + 'a {
    memchr::memmem::find_iter(text, open).filter_map(move |at| {
        let rest = text.get(at + open.len()..)?;
        let value = rest.get(..memchr::memmem::find(rest, close)?)?.trim_ascii();
        // A timestamp may carry a fraction.
        let whole = value.split(|byte| *byte == b'.').next()?;
        std::str::from_utf8(whole).ok()?.parse().ok()
    })
}

/// What two positions of one folder do not have in common, packages and images only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Those that only the first has.
    pub(crate) lacking: Vec<(OsString, OsString)>,
    /// Those that only the second has.
    pub(crate) surplus: Vec<(OsString, OsString)>,
    /// How many the first has.
    pub(crate) expected: usize,
}

/// Compares what `first` and `second` hold below `path`.
pub(crate) fn difference(first: &Holding, second: &Holding, path: &OsStr) -> Difference {
    let mut found = Difference::default();
    let mut a = first.payload(path).peekable();
    let mut b = second.payload(path).peekable();
    let owned = |(path, entry): (&OsStr, &Entry)| (path.to_owned(), entry.name.to_os_string());
    loop {
        let order = match (a.peek(), b.peek()) {
            (None, None) => return found,
            (Some(_), None) => Order::Less,
            (None, Some(_)) => Order::Greater,
            (Some((dir_a, a)), Some((dir_b, b))) => {
                if dir_a == dir_b {
                    a.name.cmp(&b.name)
                } else {
                    compare_paths(dir_a, dir_b)
                }
            }
        };
        if order != Order::Greater {
            found.expected += 1;
        }
        match order {
            Order::Less => found.lacking.extend(a.next().map(owned)),
            Order::Greater => found.surplus.extend(b.next().map(owned)),
            Order::Equal => {
                a.next();
                b.next();
            }
        }
    }
}

/// Returns `path` in a SIG's folder where there is one.
pub(crate) fn placed(sig: Option<&str>, path: &OsStr) -> OsString {
    sig.map_or_else(|| path.to_owned(), |sig| join(OsStr::new(sig), path))
}
