//! Reads one file list line by line: a list of a whole mirror has millions of lines and is never held.

use crate::domain::catalog::FileOwner;
use crate::vet::places::is_rsync_temporary;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// No line of a list is longer: a path has 4,096 bytes at most.
const LINE_LIMIT: usize = 64 << 10;

/// What a list should say of one file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    /// Its size in bytes.
    pub(super) size: u64,
    /// The later of its two times, in seconds since 1970.
    pub(super) time: i64,
    /// Whether it is a repomd.xml, which no hard link touches and whose time must agree.
    pub(super) is_head: bool,
}

/// What a list is compared with.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// The files that it must name.
    pub(super) expected: &'a HashMap<Vec<u8>, Expected>,
    /// The folders that it must tell of.
    pub(super) roots: &'a [Vec<u8>],
}

/// What a list says.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// When it was written.
    pub(super) modified: (i64, u32),
    /// Whom it belongs to.
    pub(super) owner: FileOwner,
    /// Whether it ends as it should.
    pub(super) ended: bool,
    /// How many files it names in the published folders.
    pub(super) files: usize,
    /// What it should name and does not, in order.
    pub(super) absent: Vec<Vec<u8>>,
    /// What it names with an old size or time.
    pub(super) wrong: Vec<Vec<u8>>,
    /// Unfinished copies that it names.
    pub(super) temporary: Vec<Vec<u8>>,
}

/// Reads a timed list.
pub(super) fn timed(path: &Path, view: View<'_>) -> io::Result<Listed> {
    let mut section = Vec::new();
    read(path, view, |line, sink| {
        if let Some(name) = line.strip_prefix(b"[").and_then(|line| line.strip_suffix(b"]")) {
            name.clone_into(&mut section);
            sink.listed.ended = name == b"End";
        } else if !line.is_empty() {
            // Anything after the end mark makes it no end mark.
            sink.listed.ended = false;
            if section == b"Files" {
                sink.timed_line(line);
            }
        }
    })
}

/// Reads a plain list, in which every line is a path.
pub(super) fn plain(path: &Path, view: View<'_>) -> io::Result<Listed> {
    read(path, view, |line, sink| sink.path(line.strip_prefix(b"./").unwrap_or(line), None))
}

struct Sink<'a> {
    view: View<'a>,
    seen: HashSet<&'a [u8]>,
    listed: Listed,
}

impl Sink<'_> {
    fn timed_line(&mut self, line: &[u8]) {
        let mut fields = line.splitn(4, |byte| *byte == b'\t');
        let (Some(time), Some(kind), Some(size), Some(path)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return;
        };
        if !kind.starts_with(b"d") {
            let number =
                |field: &[u8]| std::str::from_utf8(field).ok().and_then(|text| text.parse::<i64>().ok());
            self.path(path, Some((number(time).unwrap_or(0), number(size).unwrap_or(-1))));
        }
    }

    fn path(&mut self, path: &[u8], facts: Option<(i64, i64)>) {
        if !self.view.roots.iter().any(|root| path.starts_with(root)) {
            return;
        }
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        if is_rsync_temporary(OsStr::from_bytes(name)) {
            self.listed.temporary.push(path.to_vec());
            return;
        }
        self.listed.files += 1;
        let Some((key, expected)) = self.view.expected.get_key_value(path) else { return };
        self.seen.insert(key);
        let old = facts.is_some_and(|(time, size)| {
            u64::try_from(size) != Ok(expected.size) || (expected.is_head && time < expected.time)
        });
        if old {
            self.listed.wrong.push(path.to_vec());
        }
    }
}

fn read(path: &Path, view: View<'_>, mut line_read: impl FnMut(&[u8], &mut Sink<'_>)) -> io::Result<Listed> {
    let file = File::open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    let listed = Listed {
        modified: (meta.mtime(), u32::try_from(meta.mtime_nsec()).unwrap_or(0)),
        owner: FileOwner { user: meta.uid(), group: meta.gid() },
        ..Listed::default()
    };
    let mut sink = Sink { view, seen: HashSet::new(), listed };
    let mut reader = BufReader::with_capacity(256 << 10, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = LINE_LIMIT as u64;
        if io::Read::take(&mut reader, limit).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        line_read(line.trim_ascii_end(), &mut sink);
    }
    let mut absent: Vec<Vec<u8>> =
        view.expected.keys().filter(|path| !sink.seen.contains(path.as_slice())).cloned().collect();
    absent.sort_unstable();
    sink.listed.absent = absent;
    Ok(sink.listed)
}
