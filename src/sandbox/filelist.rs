//! The lists that tell mirrors what a tree holds: `fullfiletimelist` in the format of quick-fedora-mirror's
//! `create-filelist`, and `fullfilelist`, the plain names.
//!
//! Only read and print: who publishes a list writes it beside its place and renames it. The format, with
//! its `-` (not world readable) and `*` (inside of such a folder), was measured on the real tool.

use std::fs::Metadata;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Writes the time list of the tree below `root`: folders after their content, no trailing checksums.
pub fn write_times(root: &Path, out: &mut impl Write) -> io::Result<()> {
    write!(out, "[Version]\n2\n\n[Files]\n")?;
    times_below(root, Path::new(""), Readable::ByAll, out)?;
    write!(out, "\n[Checksums SHA1]\n\n[End]\n")
}

/// Writes the names below `root` as `find .` does: `.` first, each with `./` before it.
pub fn write_names(root: &Path, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, ".")?;
    names_below(root, Path::new("."), out)
}

fn names_below(root: &Path, below: &Path, out: &mut impl Write) -> io::Result<()> {
    for item in root.join(below).read_dir()? {
        let item = item?;
        let path = below.join(item.file_name());
        writeln!(out, "{}", path.display())?;
        if item.file_type()?.is_dir() {
            names_below(root, &path, out)?;
        }
    }
    Ok(())
}

/// Who may read what is in a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Readable {
    ByAll,
    ByFew,
}

fn times_below(root: &Path, below: &Path, folder: Readable, out: &mut impl Write) -> io::Result<()> {
    for item in root.join(below).read_dir()? {
        let item = item?;
        let name = item.file_name();
        let text = name.to_string_lossy();
        let meta = item.metadata()?;
        let hidden = text.starts_with(".nfs") || text == ".~tmp~" || meta.mode() & 0o040 == 0;
        let path = below.join(&name);
        if hidden {
            continue;
        }
        if meta.is_symlink() && !item.path().exists() {
            writeln!(io::stderr(), "Could not stat {}.  Dangling symlink?", path.display())?;
            continue;
        }
        if meta.is_dir() {
            let inner = if meta.mode() & 0o005 == 0o005 { folder } else { Readable::ByFew };
            times_below(root, &path, inner, out)?;
        }
        let time = meta.mtime().max(meta.ctime());
        writeln!(out, "{time}\t{}{}\t{}\t{}", kind(&meta), flag(&meta, folder), meta.len(), path.display())?;
    }
    Ok(())
}

fn kind(meta: &Metadata) -> char {
    match meta {
        meta if meta.is_dir() => 'd',
        meta if meta.is_symlink() => 'l',
        _ => 'f',
    }
}

fn flag(meta: &Metadata, folder: Readable) -> &'static str {
    match folder {
        Readable::ByFew => "*",
        Readable::ByAll if meta.mode() & 0o004 == 0 => "-",
        Readable::ByAll => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(at("pub/a")).unwrap();
        std::fs::create_dir_all(at("pub/priv")).unwrap();
        std::fs::write(at("pub/a/x.rpm"), "abc").unwrap();
        std::fs::write(at("pub/a/.nfs0001"), "abc").unwrap();
        std::fs::write(at("pub/priv/s"), "ab").unwrap();
        symlink("x.rpm", at("pub/a/link.rpm")).unwrap();
        symlink("gone", at("pub/a/dangling")).unwrap();
        set_permissions(at("pub/a/x.rpm"), Permissions::from_mode(0o640)).unwrap();
        set_permissions(at("pub/priv"), Permissions::from_mode(0o750)).unwrap();
        dir
    }

    #[test]
    fn the_time_list_has_the_measured_format() {
        let dir = tree();
        let mut out = Vec::new();
        write_times(dir.path(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("[Version]\n2\n\n[Files]\n"));
        assert!(text.ends_with("\n\n[Checksums SHA1]\n\n[End]\n"));
        let lines: Vec<Vec<&str>> = text.lines().map(|l| l.split('\t').skip(1).collect()).collect();
        for wanted in [["f-", "3", "pub/a/x.rpm"], ["l", "5", "pub/a/link.rpm"], ["f*", "2", "pub/priv/s"]] {
            assert!(lines.iter().any(|line| line == &wanted), "{wanted:?} in {text}");
        }
        assert!(!text.contains(".nfs") && !text.contains("dangling"));
        let place = |name| text.find(name).unwrap();
        assert!(place("pub/a/x.rpm") < place("\tpub/a\n"), "a folder comes after its content");
    }

    #[test]
    fn the_plain_list_is_that_of_find() {
        let dir = tree();
        let mut out = Vec::new();
        write_names(dir.path(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with(".\n./pub\n"));
        assert!(text.contains("\n./pub/a/dangling\n"));
        assert_eq!(text.lines().count(), 9);
    }
}
