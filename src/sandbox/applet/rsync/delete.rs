//! The `--delete` of the practice rsync: what only the destination has is removed, each name said.
//!
//! Only folders whose whole content is transferred are looked into, never the mere parents of a source.

use super::Transfer;
use super::ending::Broken;
use super::list::{Entry, List};
use super::options::{Mode, Names};
use std::io::Write;
use std::path::Path;

impl Transfer<'_> {
    /// Removes what the source's folder does not have, each folder's content before itself.
    pub(super) fn delete_extraneous(
        &mut self,
        entry: &Entry,
        target: &Path,
        list: &List,
    ) -> Result<(), Broken> {
        let Ok(items) = target.read_dir() else { return Ok(()) };
        let mut names: Vec<_> = items.flatten().map(|item| item.file_name()).collect();
        names.sort_by(|a, b| b.cmp(a));
        for name in names {
            let below = entry.name.join(&name);
            if !list.entries.iter().any(|known| known.name == below) {
                self.delete(&below)?;
            }
        }
        Ok(())
    }

    fn delete(&mut self, name: &Path) -> Result<(), Broken> {
        let path = self.destination.join(name);
        let folder = path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
        if folder {
            let mut inside: Vec<_> = path.read_dir()?.flatten().map(|item| item.file_name()).collect();
            inside.sort_by(|a, b| b.cmp(a));
            for child in inside {
                self.delete(&name.join(child))?;
            }
        }
        let slash = if folder { "/" } else { "" };
        match self.options.names {
            Names::Itemized => writeln!(self.out, "*deleting   {}{slash}", name.display())?,
            Names::Plain => writeln!(self.out, "deleting {}{slash}", name.display())?,
            Names::Silent => {}
        }
        if self.options.mode == Mode::DryRun {
            return Ok(());
        }
        let removed = if folder { std::fs::remove_dir(&path) } else { std::fs::remove_file(&path) };
        removed.map_err(|error| Broken::Full(path, error))
    }
}
