//! The two compressions that the metadata tools write here: gzip (their default) and xz.
//!
//! It must not know what it compresses. Times are left out of the gzip header, so that equal content makes
//! equal files, as `createrepo_c` does.

use std::io::{self, Read, Write};

/// How a metadata file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// `.gz`
    Gzip,
    /// `.xz`
    Xz,
}

impl Compression {
    /// Returns the end of the file name, without a dot.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Xz => "xz",
        }
    }

    /// Returns the compression that a command line names: `gz`, `gzip` or `xz`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "gz" | "gzip" => Some(Self::Gzip),
            "xz" => Some(Self::Xz),
            _ => None,
        }
    }

    /// Returns `bytes` compressed.
    pub fn compress(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip => {
                let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                out.write_all(bytes)?;
                out.finish()
            }
            Self::Xz => {
                let mut out = liblzma::write::XzEncoder::new(Vec::new(), 2);
                out.write_all(bytes)?;
                out.finish()
            }
        }
    }
}

/// Returns the content of a metadata file called `name`, which says how it is compressed.
pub fn decompress(name: &str, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    match name.rsplit('.').next().and_then(Compression::from_name) {
        Some(Compression::Gzip) => flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain)?,
        Some(Compression::Xz) => liblzma::read::XzDecoder::new(bytes).read_to_end(&mut plain)?,
        None => return Ok(bytes.to_vec()),
    };
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_comes_back() {
        for (kind, name) in [(Compression::Gzip, "a.xml.gz"), (Compression::Xz, "a.yaml.xz")] {
            let packed = kind.compress(b"content").unwrap();
            assert_ne!(packed, b"content");
            assert_eq!(decompress(name, &packed).unwrap(), b"content");
        }
    }
}
