//! The header digest of an RPM: SHA-256 over everything before the payload.
//!
//! Lead (96 bytes), signature header, padding to eight bytes, header: so the reading of a kernel costs
//! some hundred kilobytes and not the whole file, and a package that was signed anew counts as another.
//! The form is that of the RPM v3/v4 file format (rpm's `docs/manual/format_v4.md`).

use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The size of the lead.
const LEAD: usize = 96;
/// The magic of the lead.
const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];
/// The magic of a header, with its version.
const HEADER_MAGIC: [u8; 4] = [0x8e, 0xad, 0xe8, 0x01];
/// rpm's own limits: 64 Ki index entries, 256 MiB of data.
const MAX_ENTRIES: u64 = 0xffff;
const MAX_DATA: u64 = 256 << 20;

/// Why an RPM has no header digest.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// It could not be read.
    #[error("could not be read: {}", .0.kind())]
    Io(#[from] io::Error),
    /// It ends before its header does.
    #[error("is no whole package: it ends within its headers")]
    Short,
    /// It is none.
    #[error("is no package: {0}")]
    NotAnRpm(&'static str),
}

/// Returns the header digest of the RPM at `path`, in hexadecimal.
pub fn header_digest(path: &Path) -> Result<String, HeaderError> {
    digest(File::open(path)?)
}

/// Returns that of an RPM whose first byte is read next.
pub(super) fn digest(file: impl Read) -> Result<String, HeaderError> {
    let mut reader = Hashing { inner: io::BufReader::with_capacity(64 << 10, file), hash: Sha256::new() };
    let mut lead = [0; LEAD];
    reader.take_exact(&mut lead)?;
    if lead[..4] != LEAD_MAGIC {
        return Err(HeaderError::NotAnRpm("it has no lead"));
    }
    let signature = header(&mut reader)?;
    let padding = (8 - signature % 8) % 8;
    reader.skip(padding)?;
    header(&mut reader)?;
    Ok(hex::encode(reader.hash.finalize()))
}

/// Reads one header structure and returns the size of its data.
fn header(reader: &mut Hashing<impl Read>) -> Result<u64, HeaderError> {
    let mut intro = [0; 16];
    reader.take_exact(&mut intro)?;
    if intro[..4] != HEADER_MAGIC {
        return Err(HeaderError::NotAnRpm("a header has no magic"));
    }
    let number = |at: usize| {
        let bytes: [u8; 4] = [intro[at], intro[at + 1], intro[at + 2], intro[at + 3]];
        u64::from(u32::from_be_bytes(bytes))
    };
    let (entries, data) = (number(8), number(12));
    if entries > MAX_ENTRIES || data > MAX_DATA {
        return Err(HeaderError::NotAnRpm("a header is longer than rpm allows"));
    }
    reader.skip(entries * 16 + data)?;
    Ok(data)
}

/// Hashes what is read through it.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Hashing<R> {
    fn take_exact(&mut self, buffer: &mut [u8]) -> Result<(), HeaderError> {
        self.inner.read_exact(buffer).map_err(short)?;
        self.hash.update(&*buffer);
        Ok(())
    }

    fn skip(&mut self, mut bytes: u64) -> Result<(), HeaderError> {
        let mut buffer = [0; 16 << 10];
        while bytes > 0 {
            let part = usize::try_from(bytes).unwrap_or(usize::MAX).min(buffer.len());
            self.take_exact(&mut buffer[..part])?;
            bytes -= part as u64;
        }
        Ok(())
    }
}

fn short(error: io::Error) -> HeaderError {
    if error.kind() == io::ErrorKind::UnexpectedEof { HeaderError::Short } else { HeaderError::Io(error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vet::fixture::package;

    #[test]
    fn the_payload_does_not_count_and_the_headers_do() {
        let bytes = package("bash", "5.1-1.el8", b"content");
        let meta = rpm::PackageMetadata::parse(&mut io::Cursor::new(&bytes)).unwrap();
        let payload = usize::try_from(meta.get_package_segment_offsets().payload).unwrap();
        let good = digest(&*bytes).unwrap();
        let mut changed = bytes.clone();
        changed[payload] ^= 1;
        assert_eq!(digest(&*changed).unwrap(), good, "the payload is not part of it");
        for at in [20, LEAD + 30, payload - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_ne!(digest(&*changed).ok(), Some(good.clone()), "byte {at}");
        }
        assert_eq!(
            hex::encode(Sha256::digest(&bytes[..payload])),
            good,
            "it is everything before the payload"
        );
        assert!(matches!(digest(&bytes[..payload - 1]), Err(HeaderError::Short)));
        assert!(matches!(digest(&b""[..]), Err(HeaderError::Short)));
        assert!(matches!(digest(&[7_u8; 4096][..]), Err(HeaderError::NotAnRpm(_))));
    }
}
