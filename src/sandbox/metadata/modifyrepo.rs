//! `modifyrepo_c`: adds one metadata file (modules, updateinfo) to a repository, or replaces it.
//!
//! It rewrites repomd.xml in place, so a signature beside it is stale afterwards; signing is another step.

use super::repomd::{Record, Repomd};
use super::{Compression, MetadataError, at, createrepo::write_file, unix_now};
use std::{fs, path::Path};

/// The options of `modifyrepo_c` that the release scripts use.
#[derive(Debug, Clone, Default)]
pub struct ModifyrepoOptions {
    /// `--mdtype`; without it the file's name up to the first dot.
    pub mdtype: Option<String>,
    /// `--compress-type`; none for `--no-compress`. The tool's own default is gzip.
    pub compression: Option<Compression>,
    /// The time to write (Unix seconds) instead of the clock's.
    pub time: Option<u32>,
}

/// Adds `file` to the repository whose metadata lies in `repodata`; returns the warnings to print.
pub fn modifyrepo(
    file: &Path,
    repodata: &Path,
    options: &ModifyrepoOptions,
) -> Result<Vec<String>, MetadataError> {
    let path = repodata.join("repomd.xml");
    let text = fs::read_to_string(&path).map_err(|_| MetadataError::NoRepomd(path.clone()))?;
    let content = fs::read(file).map_err(|_| MetadataError::NoInput(file.to_owned()))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let kind =
        options.mdtype.clone().unwrap_or_else(|| name.split('.').next().unwrap_or_default().to_owned());
    let mut repomd = Repomd::parse(&text)?;
    let time = options.time.unwrap_or_else(unix_now);
    let (record, bytes) =
        Record::pack(&kind, &name, &content, options.compression, time).map_err(at(file))?;
    write_file(&repodata.join(record.file_name()), &bytes, options.time)?;
    let mut warnings = Vec::new();
    let (replaced, rest): (Vec<Record>, Vec<Record>) =
        repomd.records.into_iter().partition(|old| old.kind == kind);
    for old in replaced {
        warnings.push(format!(
            "C_CREATEREPOLIB: Warning: Record with type \"{kind}\" already exists in repomd.xml"
        ));
        if old.file_name() != record.file_name() {
            // an old file that is gone already is what we want
            let _ = fs::remove_file(repodata.join(old.file_name()));
        }
    }
    repomd.records = rest;
    repomd.records.push(record);
    write_file(&path, repomd.to_xml().as_bytes(), options.time)?;
    Ok(warnings)
}
