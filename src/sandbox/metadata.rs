//! Repository metadata as `createrepo_c` and `modifyrepo_c` write it, from the headers of the RPMs on disk.
//!
//! The behaviour copied is that of `createrepo_c` 0.17: `--update` keeps nothing of groups, modules or updateinfo, a
//! stale `.repodata/` stops it for ever, and a file that it does not know (`repomd.xml.asc`) survives and goes
//! stale. No sqlite databases: the result is that of `--no-database`. What is printed belongs to the caller.

pub mod compression;
pub mod createrepo;
pub mod modifyrepo;
pub mod package_record;
pub mod repomd;

pub use compression::Compression;
pub use createrepo::{CreaterepoOptions, Outcome, createrepo};
pub use modifyrepo::{ModifyrepoOptions, modifyrepo};
pub use package_record::{PackageCache, PackageRecord};

use std::path::{Path, PathBuf};

/// What stops the metadata tools; the texts are those of `createrepo_c` and `modifyrepo_c`.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// The directory to index is not there.
    #[error("Directory {}/ must exist", .0.display())]
    NoDirectory(PathBuf),
    /// Another run holds the directory, or one was killed in it.
    #[error("Temporary repodata directory {}/.repodata/ already exists! (Another createrepo process is running?)", .0.display())]
    Locked(PathBuf),
    /// The comps file is not there.
    #[error("groupfile {} doesn't exists", .0.display())]
    NoGroupFile(PathBuf),
    /// The file to add is not there.
    #[error("File \"{}\" is not regular file or doesn't exists", .0.display())]
    NoInput(PathBuf),
    /// There is no repomd.xml to modify.
    #[error("Regular file \"{}\" doesn't exists", .0.display())]
    NoRepomd(PathBuf),
    /// repomd.xml cannot be understood.
    #[error("Error while parsing repomd.xml: {0}")]
    BadRepomd(String),
    /// A file or folder refused.
    #[error("Critical: Cannot write {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Names the path in an I/O error.
pub(crate) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> MetadataError + '_ {
    move |source| MetadataError::Io { path: path.to_owned(), source }
}

/// Returns the seconds since 1970.
pub(crate) fn unix_now() -> u32 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| u32::try_from(since.as_secs()).unwrap_or(u32::MAX))
}

/// Sets the modification time of `path`, in Unix seconds.
pub(crate) fn set_mtime(path: &Path, seconds: u32) -> std::io::Result<()> {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds.into());
    std::fs::File::open(path)?.set_modified(time)
}
