//! RPM repository metadata, read: repomd, primary, filelists, other, updateinfo, modules, comps, and what two
//! repos differ in.
//!
//! Everything here is foreign text, often of hundreds of megabytes: it is read as a stream, in bounded memory,
//! and whatever is wrong with it is an error value that names the file. Nothing is judged here: that a checksum
//! is weak or a module is gone is for `vet` to say. It must not write, print, or know of releases and positions.
//! The formats are those of `createrepo_c`, of libmodulemd and of dnf's comps.

pub mod checksum;
pub mod compression;
pub mod comps;
pub mod diff;
pub mod error;
mod fast;
pub mod href;
pub mod list;
pub mod listed;
pub mod modules;
pub mod nevra;
pub mod package;
pub mod primary;
mod records;
pub mod repo;
pub mod repomd;
pub mod signature;
pub mod stream;
pub mod updateinfo;
mod xml;

pub use checksum::{Checksum, ChecksumKind};
pub use compression::{Compression, Limit};
pub use error::{Problem, RepodataError};
pub use list::PackageList;
pub use nevra::Nevra;
pub use package::{Package, Want};
pub use records::{Counted, Way};
pub use repo::Repo;
pub use repomd::{Data, Repomd};
pub use stream::{Checked, DataStream, Mismatch, Verify};

/// What whoever waits for a read wants to know and to say: how far it is, and that it is to end.
///
/// It is asked at every 64 KiB that come from the disk.
pub trait Watch: Sync {
    /// Returns whether the read is to end as soon as it can.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// Is told of bytes that came from the disk.
    fn read(&self, bytes: u64) {
        let _ = bytes;
    }
}

/// Nobody waits.
impl Watch for () {}
