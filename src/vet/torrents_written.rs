//! After the torrents step: there is a torrent for each image that it was pointed at.
//!
//! gen-torrents exits 0 where it found no image, and where another one holds its lock (reality.md 3.4). It asks for names
//! and sizes. It cannot see whether a torrent is of the image as it is, nor whether anybody seeds it.

use super::VetContext;
use super::found::Found;
use super::places::{places, shown};
use super::trees::{or_found, walk};
use crate::compose::tree::{Depth, Root};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(release) = cx.release else { return };
    let Some(folder) = &cx.catalog.torrents else {
        found.warning(
            "no-folder",
            "torrents",
            "the catalog does not say where torrents go",
            "name the folder",
        );
        return;
    };
    let Some(images) = images_folder(cx).or_else(|| Some(places(cx, release)?.staging.join("isos"))) else {
        return;
    };
    let roots = [Root::whole(&images), Root::whole(folder)];
    let mut walked = walk(cx, "images and torrents", &roots, Depth::Facts).into_iter();
    let (Some(isos), Some(torrents)) = (walked.next(), walked.next()) else { return };
    let (Some(isos), Some(torrents)) = (or_found(isos, &images, found), or_found(torrents, folder, found))
    else {
        return;
    };
    let written: BTreeSet<&OsStr> = torrents
        .entries()
        .filter(|(_, entry)| entry.facts.is_some_and(|facts| facts.size > 0))
        .filter_map(|(_, entry)| stem(&entry.name, "torrent"))
        .collect();
    let names: BTreeSet<&OsStr> = isos.entries().filter_map(|(_, entry)| stem(&entry.name, "iso")).collect();
    if names.is_empty() {
        found.blocking(
            "no-images",
            shown(&images),
            "holds no image",
            "sync the minor release to staging first",
        );
    }
    for name in names.iter().filter(|name| !written.contains(*name)) {
        let name = format!("{}.torrent", shown(name));
        let message = format!("was not written to {}", folder.display());
        found.blocking(
            "missing",
            name,
            message,
            "see the step's log; remove what it left before running it again",
        );
    }
}

/// Returns the folder of images that the command names.
fn images_folder(cx: &VetContext<'_>) -> Option<PathBuf> {
    let last = Path::new(cx.step.argv.last()?);
    (last.is_absolute() && last.is_dir()).then(|| last.to_owned())
}

fn stem<'a>(name: &'a OsStr, ending: &str) -> Option<&'a OsStr> {
    let path = Path::new(name);
    (path.extension()? == ending).then(|| path.file_stem()).flatten()
}
