//! The small files at the head of a tree: `.treeinfo`, `.discinfo`, `media.repo`.
//!
//! productmd's treeinfo 1.2. The checksum of repomd.xml in it goes stale when the metadata is made anew, so it can
//! be renewed by itself: prep does that in reality.

use super::{ComposeError, Site, at};
use crate::sandbox::metadata::set_mtime;
use sha2::{Digest, Sha256};
use std::{fmt::Write, fs, path::Path};

const CHECKSUM: &str = "repodata/repomd.xml = sha256:";

/// Writes the three files of a tree; a source tree has the first only.
pub(super) fn write(
    dir: &Path,
    site: &Site<'_>,
    variant: &str,
    arch: &str,
    time: u32,
) -> Result<(), ComposeError> {
    let version = &site.identity.version;
    let (title, short) = (&site.repo.title, &site.repo.name);
    let mut out = String::new();
    let _ = write!(
        out,
        "[checksums]\n{CHECKSUM}{}\n\n[general]\narch = {arch}\nfamily = {title}\nname = {title} {version}\npackagedir = Packages\nplatforms = {arch}\nrepository = .\ntimestamp = {time}\nvariant = {variant}\nvariants = {variant}\nversion = {version}\n\n[header]\ntype = productmd.treeinfo\nversion = 1.2\n\n[release]\nname = {title}\nshort = {short}\nversion = {version}\n\n[tree]\narch = {arch}\nbuild_timestamp = {time}\nplatforms = {arch}\nvariants = {variant}\n\n[variant-{variant}]\nid = {variant}\nname = {variant}\npackages = Packages\nrepository = .\ntype = variant\nuid = {variant}\n",
        repomd_checksum(dir)?
    );
    let path = dir.join(".treeinfo");
    fs::write(&path, out).map_err(at(&path))?;
    if arch != "src" {
        let path = dir.join(".discinfo");
        fs::write(&path, format!("{time}.000000\n{title} {version}\n{arch}\nALL\n")).map_err(at(&path))?;
        let path = dir.join("media.repo");
        let text = format!(
            "[InstallMedia]\nname={title} {version}\nmediaid={time}.000000\nmetadata_expire=-1\ngpgcheck=0\ncost=500\n"
        );
        fs::write(&path, text).map_err(at(&path))?;
    }
    Ok(())
}

/// Writes the checksum of the tree's present repomd.xml into its `.treeinfo`; a tree without one is left alone.
///
/// `time` is the file's new modification time in Unix seconds, else the clock's.
pub fn renew(dir: &Path, time: Option<u32>) -> Result<(), ComposeError> {
    let path = dir.join(".treeinfo");
    let Ok(old) = fs::read_to_string(&path) else { return Ok(()) };
    let checksum = repomd_checksum(dir)?;
    let mut new = String::with_capacity(old.len());
    for line in old.lines() {
        let line = if line.starts_with(CHECKSUM) { format!("{CHECKSUM}{checksum}") } else { line.to_owned() };
        new.push_str(&line);
        new.push('\n');
    }
    fs::write(&path, new).map_err(at(&path))?;
    time.map_or(Ok(()), |time| set_mtime(&path, time)).map_err(at(&path))
}

fn repomd_checksum(dir: &Path) -> Result<String, ComposeError> {
    let path = dir.join("repodata/repomd.xml");
    Ok(hex::encode(Sha256::digest(fs::read(&path).map_err(at(&path))?)))
}
