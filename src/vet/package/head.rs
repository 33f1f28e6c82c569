//! What stands before the payload of an RPM: the lead, the signature header, and the header that is signed.
//!
//! The form is that of rpm's `docs/manual/format_v4.md`, the limits are rpm's own (`lib/header.c`). The `rpm` crate
//! reads headers too, but a hostile offset makes it panic and a hostile length makes it allocate at once; a file that
//! nobody has vetted yet must do neither.

mod index;

use std::io::{self, Read};

/// The size of the lead.
const LEAD: u64 = 96;
const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];
/// The magic of a header, its version, and four reserved bytes: they are hashed too.
const HEADER_MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0];
/// The size of an entry of a header's index.
const ENTRY: usize = 16;

/// What rpm allows a header to have.
#[derive(Debug, Clone, Copy)]
struct Limits {
    entries: u32,
    data: u32,
    /// The tag of the region that everything signed lies in.
    region: u32,
}

const SIGNATURE: Limits = Limits { entries: 32, data: 64 << 20, region: 62 };
const HEADER: Limits = Limits { entries: 0xffff, data: 256 << 20, region: 63 };

/// Why the head of a package cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeadError {
    /// The system refused.
    #[error("could not be read: {}", crate::compose::read::explain(.0))]
    Io(io::Error),
    /// It ends before its payload begins.
    #[error("is no whole package: it ends within its headers")]
    Short,
    /// It is none.
    #[error("is no package: {0}")]
    NotAnRpm(&'static str),
}

impl From<io::Error> for HeadError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Short } else { Self::Io(error) }
    }
}

/// The head of a package.
#[derive(Debug)]
pub(super) struct Head {
    /// The signature header.
    pub(super) signature: Header,
    /// The header that is signed.
    pub(super) header: Header,
    /// How many bytes stand before that header.
    pub(super) before: u64,
}

/// One header: an index and the data that it leads to.
#[derive(Debug)]
pub(super) struct Header {
    /// The index and the data as they stand in the file, behind the two counts.
    bytes: Vec<u8>,
    entries: usize,
    /// How much of the index and of the data is the region.
    region: (usize, usize),
}

/// Reads the head of a package.
pub(super) fn read(input: &mut impl Read) -> Result<Head, HeadError> {
    let mut lead = [0; LEAD as usize];
    input.read_exact(&mut lead)?;
    if lead[..4] != LEAD_MAGIC {
        return Err(HeadError::NotAnRpm("it has no lead"));
    }
    let signature = Header::read(input, SIGNATURE)?;
    let length = signature.length();
    let padding = (8 - length % 8) % 8;
    input.read_exact(&mut [0; 8][..padding as usize])?;
    let header = Header::read(input, HEADER)?;
    Ok(Head { signature, header, before: LEAD + length + padding })
}

impl Header {
    fn read(input: &mut impl Read, limits: Limits) -> Result<Self, HeadError> {
        let mut intro = [0; 16];
        input.read_exact(&mut intro)?;
        if intro[..8] != HEADER_MAGIC {
            return Err(HeadError::NotAnRpm("a header has no magic"));
        }
        let (entries, data) = (number(&intro, 8).unwrap_or(0), number(&intro, 12).unwrap_or(0));
        if entries == 0 || entries > limits.entries || data > limits.data {
            return Err(HeadError::NotAnRpm("a header is longer than rpm allows"));
        }
        let length = u64::from(entries) * ENTRY as u64 + u64::from(data);
        // It grows with what is there, not with what is claimed.
        let mut bytes = Vec::new();
        input.take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(HeadError::Short);
        }
        let mut header = Self { bytes, entries: entries as usize, region: (0, 0) };
        let region = header.entry(0).and_then(|first| index::region(first, limits.region, header.data()));
        header.region = region
            .filter(|(index, _)| index / ENTRY <= header.entries)
            .ok_or(HeadError::NotAnRpm("it cannot be said what of a header is signed: it has no region"))?;
        let behind = (1..header.entries).map(|at| header.entry(at));
        if !index::is_sound(behind, header.data()) {
            return Err(HeadError::NotAnRpm("the index of a header leads astray"));
        }
        Ok(header)
    }

    /// Returns how many bytes it has in the file, its two counts and its magic included.
    pub(super) fn length(&self) -> u64 {
        self.bytes.len() as u64 + 16
    }

    fn data(&self) -> &[u8] {
        self.bytes.get(self.entries * ENTRY..).unwrap_or_default()
    }

    /// Returns what digests and signatures are over: the region, with a magic and counts of its own.
    pub(super) fn signed(&self) -> Vec<u8> {
        let (index, data) = self.region;
        let mut bytes = Vec::with_capacity(16 + index + data);
        bytes.extend_from_slice(&HEADER_MAGIC);
        bytes.extend_from_slice(&((index / ENTRY) as u32).to_be_bytes());
        bytes.extend_from_slice(&(data as u32).to_be_bytes());
        bytes.extend_from_slice(self.bytes.get(..index).unwrap_or_default());
        bytes.extend_from_slice(self.data().get(..data).unwrap_or_default());
        bytes
    }

    /// Returns the bytes of the whole header as they stand in the file.
    pub(super) fn whole(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16 + self.bytes.len());
        bytes.extend_from_slice(&HEADER_MAGIC);
        bytes.extend_from_slice(&(self.entries as u32).to_be_bytes());
        bytes.extend_from_slice(&(self.data().len() as u32).to_be_bytes());
        bytes.extend_from_slice(&self.bytes);
        bytes
    }

    fn entry(&self, at: usize) -> Option<Entry> {
        let entry = self.bytes.get(at * ENTRY..(at + 1) * ENTRY)?;
        Some(Entry {
            tag: number(entry, 0)?,
            kind: number(entry, 4)?,
            offset: usize::try_from(number(entry, 8)?).ok()?,
            count: number(entry, 12)?,
        })
    }

    fn find(&self, tag: u32, kind: Kind) -> Option<Entry> {
        let entries = (0..self.entries).filter_map(|at| self.entry(at));
        entries.into_iter().find(|entry| entry.tag == tag && entry.kind == kind as u32)
    }

    /// Returns whether there is anything under `tag`.
    pub(super) fn has(&self, tag: u32) -> bool {
        (0..self.entries).filter_map(|at| self.entry(at)).any(|entry| entry.tag == tag)
    }

    /// Returns the bytes under `tag`; empty where it leads out of the header.
    pub(super) fn binary(&self, tag: u32) -> Option<&[u8]> {
        let entry = self.find(tag, Kind::Binary)?;
        let end = entry.offset.checked_add(entry.count as usize);
        Some(end.and_then(|end| self.data().get(entry.offset..end)).unwrap_or_default())
    }

    /// Returns the text under `tag`; empty where it leads out of the header.
    pub(super) fn text(&self, tag: u32) -> Option<&[u8]> {
        let entry = self.find(tag, Kind::Text)?;
        Some(self.texts_from(entry.offset).next().unwrap_or_default())
    }

    /// Returns the texts under `tag`; fewer than it says where it leads out of the header.
    pub(super) fn texts(&self, tag: u32) -> Option<Vec<&[u8]>> {
        let entry = self.find(tag, Kind::Texts)?;
        Some(self.texts_from(entry.offset).take(entry.count as usize).collect())
    }

    fn texts_from(&self, offset: usize) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.data().get(offset..).unwrap_or_default();
        std::iter::from_fn(move || {
            let end = memchr::memchr(0, rest)?;
            let (text, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            Some(text)
        })
    }

    /// Returns the first number under `tag`.
    pub(super) fn number(&self, tag: u32) -> Option<u64> {
        if let Some(entry) = self.find(tag, Kind::Long) {
            let bytes = self.data().get(entry.offset..entry.offset.checked_add(8)?)?;
            return Some(u64::from_be_bytes(bytes.try_into().ok()?));
        }
        let entry = self.find(tag, Kind::Number)?;
        number(self.data(), entry.offset).map(u64::from)
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    tag: u32,
    kind: u32,
    offset: usize,
    count: u32,
}

/// The kinds of data that are read here, by rpm's numbers.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Number = 4,
    Long = 5,
    Text = 6,
    Binary = 7,
    Texts = 8,
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
