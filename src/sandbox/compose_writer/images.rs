//! The images of a full compose: boot and dvd1 in `BaseOS`, minimal in a variant of its own.
//!
//! Names and places are those that minor-release-sync-to-staging.sh and gen-torrents.sh look for; each image has a
//! manifest, and each folder one CHECKSUM.

use super::{ComposeError, Composer, Site, at, productmd, trees};
use crate::sandbox::{content::ARCHES, iso};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{fs, path::PathBuf};

/// The kinds of image: the variant that holds it and its word in the name.
const KINDS: [(&str, &str); 3] = [("BaseOS", "boot"), ("BaseOS", "dvd1"), ("Minimal", "minimal")];

/// Returns variant, architecture and file name of every image of a compose.
pub(super) fn wanted(site: &Site<'_>) -> Vec<(&'static str, &'static str, String)> {
    let name =
        |arch: &str, kind: &str| format!("{}-{}-{arch}-{kind}.iso", site.repo.name, site.identity.version);
    ARCHES
        .into_iter()
        .flat_map(|arch| KINDS.map(|(variant, kind)| (variant, arch, name(arch, kind))))
        .collect()
}

fn folder(site: &Site<'_>, variant: &str, arch: &str) -> PathBuf {
    site.dir.join("compose").join(variant).join(arch).join("iso")
}

fn volume_id(site: &Site<'_>, name: &str, arch: &str) -> String {
    let kind = name.rsplit('-').next().and_then(|end| end.strip_suffix(".iso")).unwrap_or("dvd1");
    format!("{}-{}-{arch}-{kind}", site.repo.name, site.identity.version.replace('.', "-"))
}

/// Writes one image and its manifest.
pub(super) fn write(
    composer: &Composer<'_>,
    site: &Site<'_>,
    variant: &str,
    arch: &str,
    name: &str,
    time: u32,
) -> Result<(), ComposeError> {
    let folder = folder(site, variant, arch);
    fs::create_dir_all(&folder).map_err(at(&folder))?;
    let text = format!("{} {} for {arch}, made for practice\n", site.repo.title, site.identity.version);
    let filler = vec![0x5a; 64 * 1024];
    let files: [(&str, &[u8]); 2] = [("README.TXT", text.as_bytes()), ("FILLER.BIN", &filler)];
    let path = folder.join(name);
    fs::write(&path, iso::image(&volume_id(site, name, arch), &files, time)).map_err(at(&path))?;
    let mut manifest: Vec<String> = files.iter().map(|(name, _)| format!("/{name}")).collect();
    if name.ends_with("-dvd1.iso") {
        let count = trees::package_count(composer, site);
        manifest.push(format!("# {count} packages stand in the repositories beside it"));
    }
    let path = folder.join(format!("{name}.manifest"));
    fs::write(&path, manifest.join("\n") + "\n").map_err(at(&path))
}

/// Writes the CHECKSUM of each folder and images.json.
pub(super) fn write_checksums(site: &Site<'_>) -> Result<(), ComposeError> {
    let mut described = Vec::new();
    let mut lists: std::collections::BTreeMap<PathBuf, String> = std::collections::BTreeMap::new();
    for (variant, arch, name) in wanted(site) {
        let folder = folder(site, variant, arch);
        let path = folder.join(&name);
        let bytes = fs::read(&path).map_err(at(&path))?;
        let checksum = hex::encode(Sha256::digest(&bytes));
        let entry = format!("# {name}: {} bytes\nSHA256 ({name}) = {checksum}\n", bytes.len());
        lists.entry(folder.join("CHECKSUM")).or_default().push_str(&entry);
        let kind = if name.ends_with("-boot.iso") { "boot" } else { "dvd" };
        let image = json!({
            "arch": arch,
            "bootable": false,
            "checksums": { "sha256": checksum },
            "disc_count": 1,
            "disc_number": 1,
            "format": "iso",
            "implant_md5": null,
            "mtime": site_time(&path)?,
            "path": format!("{variant}/{arch}/iso/{name}"),
            "size": bytes.len(),
            "subvariant": variant,
            "type": kind,
            "volume_id": volume_id(site, &name, arch),
        });
        described.push((variant.to_owned(), arch.to_owned(), image));
    }
    for (path, list) in lists {
        fs::write(&path, list).map_err(at(&path))?;
    }
    trees::write_metadata(site, "images.json", &productmd::images(site, described))?;
    Ok(())
}

fn site_time(path: &std::path::Path) -> Result<u64, ComposeError> {
    let time = fs::metadata(path).and_then(|metadata| metadata.modified()).map_err(at(path))?;
    Ok(time.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}
