//! `hardlink [-x PATTERN] DIR…`: makes equal files one file, as util-linux's hardlink 2.38 does after a push.
//!
//! Equal means the same content, size, mode, owner and time. The pattern keeps files out of it; of regular
//! expressions only `.*TEXT.*` is understood, which is what the scripts use.

use super::{Call, complain};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::Metadata;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;
use walkdir::WalkDir;

/// Runs the tool.
pub(super) fn run(call: &Call<'_>) -> io::Result<u8> {
    let (mut folders, mut exclude) = (Vec::new(), None);
    let mut words = call.args.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-x" => match words.next().and_then(|pattern| plain_text(pattern)) {
                Some(text) => exclude = Some(text),
                None => return complain(1, "hardlink: only patterns of the form .*TEXT.* are understood"),
            },
            option if option.starts_with('-') => {
                return complain(1, &format!("hardlink: unrecognized option '{option}'"));
            }
            folder => folders.push(folder),
        }
    }
    if folders.is_empty() {
        return complain(1, "hardlink: no directory or file specified");
    }
    let began = Instant::now();
    let mut tally = Tally::default();
    for folder in folders {
        tally.link_below(Path::new(folder), exclude.as_deref())?;
    }
    tally.print(began)?;
    Ok(0)
}

/// Returns the text that `.*TEXT.*` looks for.
fn plain_text(pattern: &str) -> Option<String> {
    let inner = pattern.strip_prefix(".*")?.strip_suffix(".*")?;
    let mut text = String::new();
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => text.push(letters.next()?),
            '.' | '*' | '[' | '(' | '|' | '+' | '?' | '^' | '$' => return None,
            plain => text.push(plain),
        }
    }
    Some(text)
}

#[derive(Debug, Default)]
struct Tally {
    files: usize,
    linked: usize,
    compared: usize,
    saved: u64,
    /// The first file of each content: path and inode.
    first: HashMap<Key, (PathBuf, u64)>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    size: u64,
    mode: u32,
    owner: (u32, u32),
    mtime: i64,
    content: [u8; 32],
}

impl Tally {
    fn link_below(&mut self, folder: &Path, exclude: Option<&str>) -> io::Result<()> {
        let mut candidates: HashMap<(u64, i64), Vec<(PathBuf, Metadata)>> = HashMap::new();
        for item in WalkDir::new(folder).sort_by_file_name() {
            let item = item?;
            let meta = item.metadata()?;
            let left_out = exclude.is_some_and(|text| item.path().to_string_lossy().contains(text));
            if meta.is_file() && !left_out {
                self.files += 1;
                if meta.len() > 0 {
                    candidates.entry((meta.len(), meta.mtime())).or_default().push((item.into_path(), meta));
                }
            }
        }
        for (path, meta) in candidates.into_values().filter(|same| same.len() > 1).flatten() {
            self.compare(path, &meta)?;
        }
        Ok(())
    }

    fn compare(&mut self, path: PathBuf, meta: &Metadata) -> io::Result<()> {
        self.compared += 1;
        let content = Sha256::digest(std::fs::read(&path)?).into();
        let (size, mode, owner) = (meta.len(), meta.mode(), (meta.uid(), meta.gid()));
        let key = Key { size, mode, owner, mtime: meta.mtime(), content };
        match self.first.get(&key) {
            None => drop(self.first.insert(key, (path, meta.ino()))),
            Some((_, inode)) if *inode == meta.ino() => {}
            Some((first, _)) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let beside = path.with_file_name(format!(".{name}.hardlink-temporary"));
                std::fs::hard_link(first, &beside)?;
                std::fs::rename(&beside, &path)?;
                self.linked += 1;
                self.saved += size;
            }
        }
        Ok(())
    }

    fn print(&self, began: Instant) -> io::Result<()> {
        let saved = match self.saved {
            bytes if bytes >= 1024 * 1024 => format!("{:.1} MiB", bytes as f64 / 1024.0 / 1024.0),
            bytes if bytes >= 1024 => format!("{:.1} KiB", bytes as f64 / 1024.0),
            bytes => format!("{bytes} B"),
        };
        let mut out = io::stdout().lock();
        writeln!(out, "Mode:                     real")?;
        writeln!(out, "Method:                   sha256")?;
        writeln!(out, "Files:                    {}", self.files)?;
        writeln!(out, "Linked:                   {} files", self.linked)?;
        writeln!(out, "Compared:                 0 xattrs")?;
        writeln!(out, "Compared:                 {} files", self.compared)?;
        writeln!(out, "Saved:                    {saved}")?;
        writeln!(out, "Duration:                 {:.6} seconds", began.elapsed().as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_patterns_of_the_scripts_are_understood() {
        assert_eq!(plain_text(r".*\.xml.*"), Some(".xml".to_owned()));
        assert_eq!(plain_text(".*a+b.*"), None);
        assert_eq!(plain_text("repomd"), None);
    }

    #[test]
    fn equal_files_become_one_and_excluded_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
        for name in ["a.rpm", "b.rpm", "a.xml", "b.xml"] {
            std::fs::write(dir.path().join(name), "same").unwrap();
            std::fs::File::open(dir.path().join(name)).unwrap().set_modified(time).unwrap();
        }
        let mut tally = Tally::default();
        tally.link_below(dir.path(), Some(".xml")).unwrap();
        let inode = |name: &str| dir.path().join(name).metadata().unwrap().ino();
        assert_eq!(inode("a.rpm"), inode("b.rpm"));
        assert_ne!(inode("a.xml"), inode("b.xml"));
        assert_eq!((tally.files, tally.linked, tally.saved), (2, 1, 4));
    }
}
