//! One metadata file as a stream that checks itself: it is hashed while it is read, and judged at its end.
//!
//! So a checksum costs no second pass. What does not match is told and not judged: a wrong `open-size` is a slip
//! of some tools, a wrong checksum a broken repo. It must not follow symlinks or wait for a FIFO.

use super::checksum::{Checksum, Hasher};
use super::compression::{Inflated, Limit};
use super::error::Problem;
use super::repomd::Data;
use super::{Compression, Watch};
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// How much is read from the disk at a time.
const CHUNK: usize = 64 << 10;

/// What is hashed while a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// Nothing; sizes are compared all the same.
    Sizes,
    /// The bytes on disk.
    Packed,
    /// The bytes on disk and, where `repomd.xml` has a checksum of them, the inflated bytes.
    Both,
}

/// What does not match between a file and `repomd.xml`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The size on disk.
    #[error("has {actual} bytes, and repomd.xml says {claimed}")]
    Size {
        /// What `repomd.xml` says.
        claimed: u64,
        /// What the file has.
        actual: u64,
    },
    /// The checksum of the bytes on disk.
    #[error("has the checksum {actual}, and repomd.xml says {claimed}")]
    Checksum {
        /// What `repomd.xml` says.
        claimed: Checksum,
        /// What the file has.
        actual: Checksum,
    },
    /// The inflated size; some tools write it wrongly.
    #[error("has {actual} bytes inflated, and repomd.xml says {claimed}")]
    OpenSize {
        /// What `repomd.xml` says.
        claimed: u64,
        /// What the file has.
        actual: u64,
    },
    /// The checksum of the inflated bytes.
    #[error("has the checksum {actual} inflated, and repomd.xml says {claimed}")]
    OpenChecksum {
        /// What `repomd.xml` says.
        claimed: Checksum,
        /// What the file has.
        actual: Checksum,
    },
}

/// What a file came to, read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What it is compressed with.
    pub compression: Compression,
    /// Bytes on disk.
    pub size: u64,
    /// Bytes inflated.
    pub open_size: u64,
    /// What does not match.
    pub mismatches: Vec<Mismatch>,
}

/// The bytes on disk, hashed and counted.
struct Tap<'w> {
    file: File,
    hasher: Option<Hasher>,
    bytes: u64,
    watch: &'w dyn Watch,
}

impl Read for Tap<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.watch.is_cancelled() {
            return Err(Problem::Cancelled.into());
        }
        let read = self.file.read(buffer)?;
        self.bytes += read as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..read]);
        }
        self.watch.read(read as u64);
        Ok(read)
    }
}

/// The inflated bytes of one metadata file.
pub struct DataStream<'w> {
    inflated: Inflated<BufReader<Tap<'w>>>,
    open_hasher: Option<Hasher>,
    data: Data,
}

impl std::fmt::Debug for DataStream<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DataStream({}, {:?})", self.data.href, self.inflated)
    }
}

impl<'w> DataStream<'w> {
    /// Opens the file of `data` in the repo at `folder`; no more than `ceiling` bytes are inflated.
    pub fn open(
        folder: &Path,
        data: &Data,
        ceiling: u64,
        verify: Verify,
        watch: &'w dyn Watch,
    ) -> Result<Self, Problem> {
        if let Some(base) = &data.base {
            return Err(Problem::Elsewhere(super::error::cut(base)));
        }
        let file = plain_file(&folder.join(data.href.as_path()))?;
        let hasher =
            (verify != Verify::Sizes).then(|| data.checksum.as_ref().map(|sum| Hasher::new(sum.kind)));
        let tap = Tap { file, hasher: hasher.flatten(), bytes: 0, watch };
        let limit = Limit::new(ceiling).claimed(data.open_size);
        let inflated = Inflated::new(BufReader::with_capacity(CHUNK, tap), limit)?;
        // What is not compressed has been hashed already.
        let open = data.open_checksum.as_ref().filter(|_| verify == Verify::Both);
        let open_hasher = open.map(|sum| Hasher::new(sum.kind));
        Ok(Self { inflated, open_hasher, data: data.clone() })
    }

    /// Returns what the file is compressed with.
    pub fn compression(&self) -> Compression {
        self.inflated.compression()
    }

    /// Reads what is left and says what does not match.
    pub fn finish(mut self) -> Result<Checked, Problem> {
        drain(&mut self)?;
        let compression = self.inflated.compression();
        let open_size = self.inflated.inflated();
        let mut inner = self.inflated.into_inner();
        drain(&mut inner)?;
        let tap = inner.into_inner();
        let data = self.data;
        let mut mismatches = Vec::new();
        if let Some(claimed) = data.size.filter(|claimed| *claimed != tap.bytes) {
            mismatches.push(Mismatch::Size { claimed, actual: tap.bytes });
        }
        if let Some((claimed, actual)) = differing(data.checksum, tap.hasher) {
            mismatches.push(Mismatch::Checksum { claimed, actual });
        }
        if let Some(claimed) = data.open_size.filter(|claimed| *claimed != open_size) {
            mismatches.push(Mismatch::OpenSize { claimed, actual: open_size });
        }
        if let Some((claimed, actual)) = differing(data.open_checksum, self.open_hasher) {
            mismatches.push(Mismatch::OpenChecksum { claimed, actual });
        }
        Ok(Checked { compression, size: tap.bytes, open_size, mismatches })
    }
}

/// Reads to the end, in blocks as large as the readers': in those of `io::copy`, of 8 KiB, inflating takes half as
/// long again.
fn drain(input: &mut impl Read) -> io::Result<()> {
    let mut block = vec![0; 2 * CHUNK];
    loop {
        match input.read(&mut block) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
    }
}

fn differing(claimed: Option<Checksum>, hasher: Option<Hasher>) -> Option<(Checksum, Checksum)> {
    Some((claimed?, hasher?.finish())).filter(|(claimed, actual)| claimed != actual)
}

impl Read for DataStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inflated.read(buffer)?;
        if let Some(hasher) = &mut self.open_hasher {
            hasher.update(&buffer[..read]);
        }
        Ok(read)
    }
}

/// Opens the plain file at `path`; never a symlink, and without waiting for the writer of a FIFO.
pub(super) fn plain_file(path: &Path) -> Result<File, Problem> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
    let fd = open(path, flags, Mode::empty()).map_err(|errno| match errno {
        rustix::io::Errno::LOOP | rustix::io::Errno::NXIO => Problem::NotAFile,
        other => Problem::from(io::Error::from(other)),
    })?;
    let stat = fstat(&fd).map_err(|errno| Problem::from(io::Error::from(errno)))?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
        Ok(File::from(fd))
    } else {
        Err(Problem::NotAFile)
    }
}
