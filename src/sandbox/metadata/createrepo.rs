//! `createrepo_c`: makes a repository of a folder of RPMs.
//!
//! Works in `.repodata/` beside the old metadata and renames at the end. A run that is killed leaves `.repodata/`,
//! which stops every later run, as in reality: do not clean it up here.

use super::repomd::{DistroTag, Record, Repomd};
use super::{
    Compression, MetadataError, PackageCache, PackageRecord, at, compression::decompress, set_mtime,
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use walkdir::WalkDir;

/// The records that createrepo makes itself; all others are additional metadata.
const OWN: [&str; 6] = ["primary", "filelists", "other", "primary_db", "filelists_db", "other_db"];

/// The options of `createrepo_c` that the release scripts use.
#[derive(Debug, Clone, Default)]
pub struct CreaterepoOptions {
    /// `--update`: reads the old metadata first. What it prints depends on it, the result hardly does.
    pub update: bool,
    /// `--keep-all-metadata`: keeps groups, modules and updateinfo of the old metadata.
    pub keep_all_metadata: bool,
    /// `--groupfile`
    pub groupfile: Option<PathBuf>,
    /// `--general-compress-type`; gzip without it.
    pub compression: Option<Compression>,
    /// `--revision`; the time without it.
    pub revision: Option<String>,
    /// `--distro`
    pub distro: Vec<DistroTag>,
    /// The time to write (Unix seconds) instead of the clock's, on the files as well.
    pub time: Option<u32>,
}

/// What a run of createrepo came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Packages in the new metadata.
    pub packages: usize,
    /// Files named `.rpm` that cannot be read, left out with a warning.
    pub unreadable: usize,
}

/// Makes the metadata of `dir`; `progress` gets the lines that `createrepo_c` prints.
pub fn createrepo(
    dir: &Path,
    options: &CreaterepoOptions,
    cache: &PackageCache,
    progress: &mut dyn FnMut(&str),
) -> Result<Outcome, MetadataError> {
    if !dir.is_dir() {
        return Err(MetadataError::NoDirectory(dir.to_owned()));
    }
    let group = options.groupfile.as_deref().map(read_group).transpose()?;
    let work = WorkDir::make(dir)?;
    progress("Directory walk started");
    let files = packages_below(dir);
    progress(&format!("Directory walk done - {} packages", files.len()));
    let old = OldMetadata::read(dir, options, progress)?;
    progress(&format!("Temporary output repo path: {}/.repodata/", dir.display()));
    progress("Pool started (with 1 workers)");
    let (listed, outcome) = read_packages(dir, &files, cache, progress);
    progress(if outcome.unreadable > 0 { "Pool finished with errors" } else { "Pool finished" });
    let repomd = Writer { work: &work.path, options, records: Vec::new() }.write(&listed, group, &old)?;
    old.carry_over(dir, &work.path, &repomd)?;
    work.publish(dir)?;
    Ok(outcome)
}

fn read_group(path: &Path) -> Result<(String, Vec<u8>), MetadataError> {
    let content = fs::read(path).map_err(|_| MetadataError::NoGroupFile(path.to_owned()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, content))
}

fn packages_below(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = WalkDir::new(dir)
        .follow_links(true)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| {
            entry.file_type().is_file() && entry.path().extension().is_some_and(|end| end == "rpm")
        })
        .map(walkdir::DirEntry::into_path)
        .collect();
    files.sort();
    files
}

/// A package with its place in the repository and its file time.
type Listed = (Arc<PackageRecord>, String, i64);

fn read_packages(
    dir: &Path,
    files: &[PathBuf],
    cache: &PackageCache,
    progress: &mut dyn FnMut(&str),
) -> (Vec<Listed>, Outcome) {
    let mut listed = Vec::with_capacity(files.len());
    let mut outcome = Outcome::default();
    for path in files {
        match cache.read(path) {
            Ok((record, time)) => {
                let href = path.strip_prefix(dir).unwrap_or(path).to_string_lossy().into_owned();
                listed.push((record, href, time));
            }
            Err(why) => {
                outcome.unreadable += 1;
                progress(&format!(
                    "C_CREATEREPOLIB: Warning: Cannot read package: {}: {why}",
                    path.display()
                ));
            }
        }
    }
    outcome.packages = listed.len();
    (listed, outcome)
}

/// `.repodata/`, removed again unless it becomes `repodata/`.
struct WorkDir {
    path: PathBuf,
    published: bool,
}

impl WorkDir {
    fn make(dir: &Path) -> Result<Self, MetadataError> {
        let path = dir.join(".repodata");
        match fs::create_dir(&path) {
            Ok(()) => Ok(Self { path, published: false }),
            Err(why) if why.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(MetadataError::Locked(dir.to_owned()))
            }
            Err(source) => Err(MetadataError::Io { path, source }),
        }
    }

    fn publish(mut self, dir: &Path) -> Result<(), MetadataError> {
        let place = dir.join("repodata");
        let aside = dir.join(format!("repodata.old.{}", std::process::id()));
        let had_old = place.exists();
        if had_old {
            fs::rename(&place, &aside).map_err(at(&place))?;
        }
        fs::rename(&self.path, &place).map_err(at(&place))?;
        self.published = true;
        if had_old {
            fs::remove_dir_all(&aside).map_err(at(&aside))?;
        }
        Ok(())
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        if !self.published {
            // the error that brought us here is the one to report
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// What was in `repodata/` before.
#[derive(Default)]
struct OldMetadata {
    repomd: Repomd,
    kept: Vec<Record>,
}

impl OldMetadata {
    fn read(
        dir: &Path,
        options: &CreaterepoOptions,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Self, MetadataError> {
        let Ok(text) = fs::read_to_string(dir.join("repodata/repomd.xml")) else {
            return Ok(Self::default());
        };
        let Ok(repomd) = Repomd::parse(&text) else {
            return Ok(Self::default()); // createrepo_c goes on without the old metadata as well
        };
        if !options.update {
            return Ok(Self { repomd, kept: Vec::new() });
        }
        let mut kept = Vec::new();
        for record in repomd.records.iter().filter(|record| !OWN.contains(&&*record.kind)) {
            let path = dir.join(&record.href);
            progress(&format!("type {} added to list from path: {} ", record.kind, path.display()));
            let replaced = options.groupfile.is_some() && record.kind.starts_with("group");
            if options.keep_all_metadata && !replaced {
                kept.push(record.clone());
            }
        }
        if let Some(count) = old_package_count(dir, &repomd).filter(|count| *count > 0) {
            progress(&format!("Loaded information about {count} packages"));
        }
        if let Some(group) = &options.groupfile {
            let name = group.file_name().unwrap_or_default().to_string_lossy();
            progress(&format!("Using {name} from target repo"));
        }
        for record in &kept {
            progress(&format!("Using {} from target repo", record.file_name()));
            if !dir.join(&record.href).is_file() {
                return Err(MetadataError::NoInput(dir.join(&record.href)));
            }
        }
        Ok(Self { repomd, kept })
    }

    /// Copies what the old repomd.xml did not name (its signature above all) and the additional metadata kept.
    fn carry_over(&self, dir: &Path, work: &Path, new: &Repomd) -> Result<(), MetadataError> {
        let place = dir.join("repodata");
        let Ok(entries) = fs::read_dir(&place) else { return Ok(()) };
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let named = |repomd: &Repomd| repomd.records.iter().any(|record| record.file_name() == name);
            let unknown = name != "repomd.xml" && !named(&self.repomd);
            if unknown || self.kept.iter().any(|record| record.file_name() == name) && named(new) {
                let target = work.join(&name);
                if entry.file_type().is_ok_and(|kind| kind.is_file()) && !target.exists() {
                    let time = entry.metadata().and_then(|metadata| metadata.modified());
                    fs::copy(entry.path(), &target).map_err(at(&target))?;
                    if let Ok(time) = time {
                        fs::File::open(&target)
                            .and_then(|file| file.set_modified(time))
                            .map_err(at(&target))?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Reads how many packages the old primary.xml says it has.
fn old_package_count(dir: &Path, repomd: &Repomd) -> Option<usize> {
    let record = repomd.records.iter().find(|record| record.kind == "primary")?;
    let plain = decompress(&record.href, &fs::read(dir.join(&record.href)).ok()?).ok()?;
    let start = memchr::memmem::find(&plain, b"packages=\"")? + b"packages=\"".len();
    let end = start + memchr::memchr(b'"', &plain[start..])?;
    std::str::from_utf8(&plain[start..end]).ok()?.parse().ok()
}

struct Writer<'a> {
    work: &'a Path,
    options: &'a CreaterepoOptions,
    records: Vec<Record>,
}

impl Writer<'_> {
    fn write(
        mut self,
        listed: &[Listed],
        group: Option<(String, Vec<u8>)>,
        old: &OldMetadata,
    ) -> Result<Repomd, MetadataError> {
        let general = self.options.compression.unwrap_or(Compression::Gzip);
        let count = listed.len();
        let [mut primary, mut filelists, mut other] = openings(count);
        for (record, href, time) in listed {
            record.write_primary(&mut primary, href, *time);
            filelists.push_str(record.filelists());
            other.push_str(record.other());
        }
        primary.push_str("</metadata>");
        filelists.push_str("</filelists>");
        other.push_str("</otherdata>");
        self.add("primary", "primary.xml", primary.as_bytes(), Some(general))?;
        self.add("filelists", "filelists.xml", filelists.as_bytes(), Some(general))?;
        self.add("other", "other.xml", other.as_bytes(), Some(general))?;
        if let Some((name, content)) = group {
            self.add("group", &name, &content, None)?;
            self.add(&format!("group_{}", general.suffix()), &name, &content, Some(general))?;
        }
        self.records.extend(old.kept.iter().cloned());
        let now = self.time();
        let repomd = Repomd {
            revision: self.options.revision.clone().unwrap_or_else(|| now.to_string()),
            distro: self.options.distro.clone(),
            records: self.records,
        };
        let path = self.work.join("repomd.xml");
        write_file(&path, repomd.to_xml().as_bytes(), self.options.time)?;
        Ok(repomd)
    }

    fn time(&self) -> u32 {
        self.options.time.unwrap_or_else(super::unix_now)
    }

    fn add(
        &mut self,
        kind: &str,
        name: &str,
        content: &[u8],
        compression: Option<Compression>,
    ) -> Result<(), MetadataError> {
        let (record, file) =
            Record::pack(kind, name, content, compression, self.time()).map_err(at(self.work))?;
        write_file(&self.work.join(record.file_name()), &file, self.options.time)?;
        self.records.push(record);
        Ok(())
    }
}

fn openings(count: usize) -> [String; 3] {
    const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    const DUKE: &str = "http://linux.duke.edu/metadata";
    [
        format!(
            "{DECLARATION}<metadata xmlns=\"{DUKE}/common\" xmlns:rpm=\"{DUKE}/rpm\" packages=\"{count}\">\n"
        ),
        format!("{DECLARATION}<filelists xmlns=\"{DUKE}/filelists\" packages=\"{count}\">\n"),
        format!("{DECLARATION}<otherdata xmlns=\"{DUKE}/other\" packages=\"{count}\">\n"),
    ]
}

/// Writes a file, with its modification time if one is given.
pub(super) fn write_file(path: &Path, bytes: &[u8], time: Option<u32>) -> Result<(), MetadataError> {
    fs::write(path, bytes).map_err(at(path))?;
    time.map_or(Ok(()), |time| set_mtime(path, time)).map_err(at(path))
}

#[cfg(test)]
mod tests;
