//! Metadata files inflated as a stream, whatever they are compressed with, and never beyond a limit.
//!
//! What a file is compressed with is told by its first bytes (RFC 1952, the xz format 1.2, RFC 8878, bzip2), not
//! by its name: names lie. A small file can claim to inflate to any size, so every stream has a hard limit. It
//! must not keep what it inflates.

use super::error::Problem;
use std::io::{self, BufRead, Chain, Cursor, Read};

/// The longest magic, that of xz.
const MAGIC: u64 = 6;
/// The most memory that an xz decoder may take: `xz -9` needs 65 MiB.
const XZ_MEMORY: u64 = 128 << 20;
/// The longest window of a zstd frame, as a power of two: what `zstd` itself takes without `--long`.
const ZSTD_WINDOW: u32 = 27;

/// How a metadata file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    Plain,
    /// gzip, of any number of members.
    Gzip,
    /// xz, of any number of streams.
    Xz,
    /// Zstandard, of any number of frames.
    Zstd,
    /// bzip2, of any number of streams.
    Bzip2,
}

impl Compression {
    /// Returns what `head`, the first bytes of a file, say.
    pub fn detect(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            // A skippable frame may come first (RFC 8878, 3.1.2).
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [b'B', b'Z', b'h', ..] => Self::Bzip2,
            _ => Self::Plain,
        }
    }

    /// Returns its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
        }
    }
}

/// The most bytes that a file may inflate to.
///
/// What `repomd.xml` claims is believed as far as [`Limit::SLACK`] goes and no further: some tools write the packed
/// size there, or none at all, and that is no reason not to read the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    ceiling: u64,
    claimed: Option<u64>,
}

impl Limit {
    /// How many times longer than claimed a file may be, if it is longer than [`Limit::SMALL`].
    pub const SLACK: u64 = 32;
    /// What a file may inflate to whatever it claims.
    pub const SMALL: u64 = 16 << 20;

    /// Makes a limit of `ceiling` bytes.
    pub const fn new(ceiling: u64) -> Self {
        Self { ceiling, claimed: None }
    }

    /// Returns the limit of a file that claims to inflate to `claimed` bytes.
    #[must_use]
    pub const fn claimed(self, claimed: Option<u64>) -> Self {
        Self { ceiling: self.ceiling, claimed }
    }

    /// Returns the limit in bytes, or an error if more is claimed than is ever read.
    pub fn bytes(self) -> Result<u64, Problem> {
        match self.claimed {
            None => Ok(self.ceiling),
            Some(claimed) if claimed > self.ceiling => {
                Err(Problem::ClaimsTooMuch { claimed, limit: self.ceiling })
            }
            Some(claimed) => Ok(self.ceiling.min(claimed.saturating_mul(Self::SLACK).max(Self::SMALL))),
        }
    }
}

/// The bytes of a file, after its first ones were looked at.
type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

enum Decoder<R: BufRead> {
    Plain(Whole<R>),
    Gzip(flate2::bufread::MultiGzDecoder<Whole<R>>),
    Xz(liblzma::bufread::XzDecoder<Whole<R>>),
    Zstd(zstd::Decoder<'static, Whole<R>>),
    Bzip2(bzip2::bufread::MultiBzDecoder<Whole<R>>),
}

/// A stream of inflated bytes; an error of it carries a [`Problem`].
pub struct Inflated<R: BufRead> {
    decoder: Decoder<R>,
    compression: Compression,
    limit: u64,
    bytes: u64,
}

impl<R: BufRead> std::fmt::Debug for Inflated<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inflated({}, {} of at most {} bytes)", self.compression.word(), self.bytes, self.limit)
    }
}

impl<R: BufRead> Inflated<R> {
    /// Looks at the first bytes of `input` and begins to inflate it.
    pub fn new(mut input: R, limit: Limit) -> Result<Self, Problem> {
        let limit = limit.bytes()?;
        let mut head = Vec::new();
        input.by_ref().take(MAGIC).read_to_end(&mut head)?;
        let compression = Compression::detect(&head);
        if head.starts_with(b"\0ZCK1") {
            return Err(Problem::Zchunk);
        }
        let whole = Cursor::new(head).chain(input);
        let damaged =
            |error: &dyn std::error::Error| Problem::Damaged { compression, message: error.to_string() };
        let decoder = match compression {
            Compression::Plain => Decoder::Plain(whole),
            Compression::Gzip => Decoder::Gzip(flate2::bufread::MultiGzDecoder::new(whole)),
            Compression::Xz => {
                let stream =
                    liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED)
                        .map_err(|error| damaged(&error))?;
                Decoder::Xz(liblzma::bufread::XzDecoder::new_stream(whole, stream))
            }
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(whole).map_err(|error| damaged(&error))?;
                decoder.window_log_max(ZSTD_WINDOW).map_err(|error| damaged(&error))?;
                Decoder::Zstd(decoder)
            }
            Compression::Bzip2 => Decoder::Bzip2(bzip2::bufread::MultiBzDecoder::new(whole)),
        };
        Ok(Self { decoder, compression, limit, bytes: 0 })
    }

    /// Returns what the file is compressed with.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Returns how many bytes were inflated.
    pub fn inflated(&self) -> u64 {
        self.bytes
    }

    /// Returns what it reads from, after the end.
    pub fn into_inner(self) -> R {
        match self.decoder {
            Decoder::Plain(whole) => whole,
            Decoder::Gzip(decoder) => decoder.into_inner(),
            Decoder::Xz(decoder) => decoder.into_inner(),
            Decoder::Zstd(decoder) => decoder.finish(),
            Decoder::Bzip2(decoder) => decoder.into_inner(),
        }
        .into_inner()
        .1
    }
}

impl<R: BufRead> Read for Inflated<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // One byte more than the limit is asked for: it tells a file that ends there from one that does not.
        let left = (self.limit - self.bytes.min(self.limit)).saturating_add(1);
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let buffer = &mut buffer[..most];
        let read = match &mut self.decoder {
            Decoder::Plain(decoder) => decoder.read(buffer),
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Xz(decoder) => decoder.read(buffer),
            Decoder::Zstd(decoder) => decoder.read(buffer),
            Decoder::Bzip2(decoder) => decoder.read(buffer),
        };
        let read = read.map_err(|error| self.explain(error))?;
        self.bytes += read as u64;
        if self.bytes > self.limit {
            return Err(Problem::TooLong { limit: self.limit }.into());
        }
        Ok(read)
    }
}

impl<R: BufRead> Inflated<R> {
    /// Tells what the decoder found from what the disk or the caller said.
    fn explain(&self, error: io::Error) -> io::Error {
        let foreign = error.raw_os_error().is_some()
            || error.kind() == io::ErrorKind::Interrupted
            || matches!(error.get_ref(), Some(inner) if inner.is::<Problem>());
        if foreign || self.compression == Compression::Plain {
            return error;
        }
        Problem::Damaged { compression: self.compression, message: error.to_string() }.into()
    }
}

#[cfg(test)]
mod tests;
