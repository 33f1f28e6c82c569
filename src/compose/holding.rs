//! What staging or production holds of a release's repos: names of files, and the bytes of each repo's
//! `repomd.xml`.
//!
//! Names come from directory listings alone, without a call for each file; that is enough to place a
//! repo. Whether the bytes are right is for the checks of `vet`.

use super::content::is_payload;
use super::pool::{self, Width};
use super::pulse::Pulse;
use super::read::small_file;
use super::tree::{Directory, Entry, Options, Root, Tree, WalkError, compare_paths, join, walk_all};
use std::cmp::Ordering as Order;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

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

/// Reads what each of `roots` holds in the folders that it names; a root that is not there holds nothing.
pub fn holdings(roots: &[Root], pulse: &Pulse) -> Vec<Result<Holding, WalkError>> {
    // A root without folders would be walked as a whole; here it is asked about nothing.
    let asked: Vec<Root> = roots.iter().filter(|root| !root.within.is_empty()).cloned().collect();
    let mut trees = walk_all(&asked, Options::names(pulse)).into_iter();
    let mut holdings: Vec<Result<Holding, WalkError>> = Vec::new();
    let mut repos = Vec::new();
    for root in roots {
        let walked = if root.within.is_empty() { Some(Ok(Tree::default())) } else { trees.next() };
        let tree = match walked {
            Some(Ok(tree)) => Ok(tree),
            Some(Err(WalkError::Root { missing: true, .. })) => Ok(Tree::default()),
            Some(Err(error)) => Err(error),
            None => Err(WalkError::Cancelled),
        };
        let found = tree.iter().flat_map(|tree| tree.directories.iter().filter_map(repository));
        repos.extend(found.map(|repo| (holdings.len(), root.path.join(&repo), repo)));
        holdings.push(tree.map(|tree| Holding { tree, heads: BTreeMap::new() }));
    }
    let heads = pool::map(repos, Width::default(), pulse, |(at, path, repo)| {
        let file = small_file(&path.join("repodata/repomd.xml"), REPOMD_LIMIT);
        (at, repo, file.map(|file| file.bytes).map_err(|error| error.to_string()))
    });
    for head in heads {
        let Some((at, repo, head)) = head else {
            return roots.iter().map(|_| Err(WalkError::Cancelled)).collect();
        };
        if let Some(Ok(holding)) = holdings.get_mut(at) {
            holding.heads.insert(repo, head);
        }
    }
    holdings
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
