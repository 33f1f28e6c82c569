//! The practice rsync: copies local trees and prints exactly what rsync prints.
//!
//! It is the subset of rsync that release scripts use, with its file list order, its quick check, its
//! temporary names, its exit codes and its wording, because the console's parsers and checks must not
//! be able to tell it from the real one. It never talks to another host.

mod copy;
mod delete;
mod ending;
mod list;
mod numbers;
mod options;

use super::{Call, practice};
use copy::{CopyError, Go};
use ending::Broken;
use list::{Contents, Entry, Kind, List};
use numbers::Progress;
use options::{Extraneous, Mode, Names, Options, Owner, QuickCheck};
use std::fs::{File, FileTimes, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const VERSION: &str = "3.5.0";

/// Runs rsync's command line `call` and returns rsync's exit code.
pub(super) fn run(call: &Call<'_>) -> io::Result<u8> {
    let options = match Options::parse(&call.args) {
        Ok(options) => options,
        Err(complaint) => {
            writeln!(io::stderr(), "rsync: {complaint}")?;
            writeln!(
                io::stderr(),
                "rsync error: syntax or usage error (code 1) at main.c(1795) [client={VERSION}]"
            )?;
            return Ok(1);
        }
    };
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let list = List::of(&options, &std::env::current_dir()?);
    let mut transfer = Transfer::new(&options, &list, stop, call)?;
    let ended = transfer.everything(&list);
    transfer.finish(ended)
}

struct Transfer<'a> {
    options: &'a Options,
    out: io::StdoutLock<'static>,
    destination: PathBuf,
    stop: Arc<AtomicBool>,
    /// The time that each file takes at watch speed.
    per_file: Duration,
    /// Which planted failure strikes, after how many files.
    fault: Option<(practice::TransferFault, usize)>,
    total: usize,
    transferred: usize,
    sent: u64,
    received: u64,
    failed: bool,
    vanished: bool,
    started: Instant,
}

impl<'a> Transfer<'a> {
    fn new(options: &'a Options, list: &List, stop: Arc<AtomicBool>, call: &Call<'_>) -> io::Result<Self> {
        let destination = std::env::current_dir()?.join(&options.destination);
        let files = list.entries.iter().filter(|entry| matches!(entry.kind, Kind::File(_)));
        let due = files.filter(|entry| is_due(entry, &destination.join(&entry.name), options.check)).count();
        Ok(Self {
            options,
            out: io::stdout().lock(),
            destination,
            stop,
            per_file: call.pace(due, Duration::from_millis(60), Duration::from_millis(1500)),
            fault: practice::transfer_fault().map(|fault| (fault, due / 2)),
            total: list.entries.len(),
            transferred: 0,
            sent: 0,
            received: 35,
            failed: false,
            vanished: false,
            started: Instant::now(),
        })
    }

    fn everything(&mut self, list: &List) -> Result<(), Broken> {
        if self.options.verbose {
            writeln!(self.out, "sending incremental file list")?;
        }
        for complaint in &list.complaints {
            self.failed = true;
            writeln!(io::stderr(), "{complaint}")?;
        }
        self.make_destination()?;
        for (index, entry) in list.entries.iter().enumerate() {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Broken::Signal);
            }
            self.sent += 40 + entry.name.as_os_str().len() as u64;
            self.one(entry, index, list)?;
        }
        if self.options.mode == Mode::Copy {
            let folders = list.entries.iter().rev().filter(|entry| matches!(entry.kind, Kind::Folder(_)));
            for entry in folders {
                let times = FileTimes::new().set_modified(copy::time_of(entry.mtime));
                drop(
                    File::open(self.destination.join(&entry.name)).and_then(|folder| folder.set_times(times)),
                );
            }
        }
        self.say_totals(list)
    }

    fn make_destination(&mut self) -> Result<(), Broken> {
        if self.destination.is_dir() || self.options.mode == Mode::DryRun {
            return Ok(());
        }
        std::fs::create_dir(&self.destination).map_err(|e| Broken::Full(self.destination.clone(), e))?;
        if self.options.verbose {
            writeln!(self.out, "created directory {}", self.options.destination)?;
        }
        Ok(())
    }

    fn one(&mut self, entry: &Entry, index: usize, list: &List) -> Result<(), Broken> {
        let target = self.destination.join(&entry.name);
        match &entry.kind {
            Kind::Folder(contents) => self.folder(entry, &target, *contents, list),
            Kind::Link(to) => self.link(entry, &target, to),
            Kind::File(size) if is_due(entry, &target, self.options.check) => {
                self.file(entry, &target, *size, index)
            }
            Kind::File(_) => self.adopt_mode(entry, &target),
        }
    }

    fn folder(
        &mut self,
        entry: &Entry,
        target: &Path,
        contents: Contents,
        list: &List,
    ) -> Result<(), Broken> {
        let before = target.symlink_metadata().ok().filter(std::fs::Metadata::is_dir);
        if self.options.extraneous == Extraneous::Delete && contents == Contents::Whole && before.is_some() {
            self.delete_extraneous(entry, target, list)?;
        }
        let shown = if entry.name.as_os_str().is_empty() { Path::new(".") } else { &entry.name };
        let name = format!("{}/", shown.display());
        match before {
            Some(meta) if (meta.mtime(), meta.mtime_nsec()) == entry.mtime => {}
            Some(_) => self.say(".d..t......", &name)?,
            None => self.say("cd+++++++++", &name)?,
        }
        if self.options.mode == Mode::DryRun {
            return Ok(());
        }
        let made = std::fs::create_dir(target).or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists if target.is_dir() => Ok(()),
            io::ErrorKind::AlreadyExists => {
                std::fs::remove_file(target).and_then(|()| std::fs::create_dir(target))
            }
            _ => Err(error),
        });
        made.and_then(|()| copy::own(target, self.owner_of(entry)))
            .and_then(|()| std::fs::set_permissions(target, Permissions::from_mode(entry.mode | 0o700)))
            .map_err(|error| Broken::Full(target.to_owned(), error))
    }

    fn link(&mut self, entry: &Entry, target: &Path, to: &Path) -> Result<(), Broken> {
        let before = target.read_link().ok();
        if before.as_deref() == Some(to) {
            return Ok(());
        }
        let changes = if before.is_some() { "cLc.t......" } else { "cL+++++++++" };
        self.say(changes, &format!("{} -> {}", entry.name.display(), to.display()))?;
        if self.options.mode == Mode::DryRun {
            return Ok(());
        }
        if target.symlink_metadata().is_ok() {
            std::fs::remove_file(target).map_err(|error| Broken::Full(target.to_owned(), error))?;
        }
        std::os::unix::fs::symlink(to, target)
            .and_then(|()| copy::own(target, self.owner_of(entry)))
            .map_err(|error| Broken::Full(target.to_owned(), error))
    }

    fn adopt_mode(&mut self, entry: &Entry, target: &Path) -> Result<(), Broken> {
        let same = target.metadata().is_ok_and(|meta| meta.mode() & 0o7777 == entry.mode);
        if same {
            return Ok(());
        }
        if self.options.names == Names::Itemized {
            self.say(".f...p.....", &entry.name.display().to_string())?;
        }
        if self.options.mode == Mode::Copy {
            std::fs::set_permissions(target, Permissions::from_mode(entry.mode))
                .map_err(|error| Broken::Full(target.to_owned(), error))?;
        }
        Ok(())
    }

    fn file(&mut self, entry: &Entry, target: &Path, size: u64, index: usize) -> Result<(), Broken> {
        self.say(changes_of(entry, size, target), &entry.name.display().to_string())?;
        if self.options.mode == Mode::DryRun {
            return Ok(());
        }
        let began = Instant::now();
        let copied = self.copy_blocks(entry, target, size, began);
        let done = match copied {
            Ok(done) => done,
            Err(CopyError::Vanished) => {
                self.vanished = true;
                writeln!(io::stderr(), "file has vanished: \"{}\"", entry.source.display())?;
                return Ok(());
            }
            Err(CopyError::Unreadable(error)) => {
                self.failed = true;
                let reason = list::reason(&error);
                let path = entry.source.display();
                writeln!(io::stderr(), "rsync: [sender] send_files failed to open \"{path}\": {reason}")?;
                return Ok(());
            }
            Err(CopyError::Unwritable(error)) => return Err(Broken::Full(target.to_owned(), error)),
            Err(CopyError::Stopped) if self.stop.load(Ordering::Relaxed) => return Err(Broken::Signal),
            Err(CopyError::Stopped) => return Err(Broken::Peer),
        };
        self.transferred += 1;
        self.sent += done + 20;
        self.received += 19;
        if self.options.progress {
            let line = Progress { done, size: done, elapsed_ms: began.elapsed().as_millis() as u64 };
            let end = numbers::finished(self.transferred, self.total - index - 1, self.total);
            writeln!(self.out, "{}{end}", line.line(self.options.style))?;
        }
        Ok(())
    }

    fn copy_blocks(
        &mut self,
        entry: &Entry,
        target: &Path,
        size: u64,
        began: Instant,
    ) -> Result<u64, CopyError> {
        let blocks = size.div_ceil(copy::BLOCK as u64).max(1);
        // A big file is shown growing in at most eight steps.
        let stride = (blocks / 8).max(1);
        let nap = self.per_file / (blocks / stride).max(1) as u32;
        let strikes = self.fault.filter(|(_, after)| self.transferred >= *after).map(|(fault, _)| fault);
        let (mut block, stop) = (0, Arc::clone(&self.stop));
        let (show, style) = (self.options.progress, self.options.style);
        let owner = self.owner_of(entry);
        let out = &mut self.out;
        copy::copy(entry, target, owner, |done| {
            if show && (block == 0 || (!nap.is_zero() && block % stride == 0)) {
                let elapsed_ms = began.elapsed().as_millis() as u64;
                // A reader that has gone is noticed at the next name.
                drop(write!(out, "{}  ", Progress { done, size, elapsed_ms }.line(style)));
                drop(out.flush());
            }
            if block % stride == 0 {
                std::thread::sleep(nap);
            }
            block += 1;
            match strikes {
                _ if stop.load(Ordering::Relaxed) => Go::Stop,
                Some(practice::TransferFault::DiskFull) => Go::DiskFull,
                Some(practice::TransferFault::PeerKilled) => Go::Die,
                None => Go::On,
            }
        })
    }

    fn owner_of(&self, entry: &Entry) -> Owner {
        self.options.owner.unwrap_or(entry.owner)
    }

    fn say(&mut self, changes: &str, name: &str) -> Result<(), Broken> {
        match self.options.names {
            Names::Silent => Ok(()),
            Names::Plain => Ok(writeln!(self.out, "{name}")?),
            Names::Itemized => Ok(writeln!(self.out, "{changes} {name}")?),
        }
    }

    fn say_totals(&mut self, list: &List) -> Result<(), Broken> {
        if !self.options.verbose {
            return Ok(());
        }
        let sizes = list.entries.iter().map(|entry| match entry.kind {
            Kind::File(size) => size,
            Kind::Link(ref to) => to.as_os_str().len() as u64,
            Kind::Folder(_) => 0,
        });
        let (total, moved) = (sizes.sum::<u64>(), (self.sent + self.received) as f64);
        let style = self.options.style;
        let rate = style.rate(moved / (0.5 + self.started.elapsed().as_secs() as f64));
        let dry = if self.options.mode == Mode::DryRun { " (DRY RUN)" } else { "" };
        let (sent, received) = (style.size(self.sent), style.size(self.received));
        writeln!(self.out, "\nsent {sent} bytes  received {received} bytes  {rate} bytes/sec")?;
        let speedup = numbers::ratio(total as f64 / moved);
        writeln!(self.out, "total size is {}  speedup is {speedup}{dry}", style.size(total))?;
        Ok(())
    }
}

fn is_due(entry: &Entry, target: &Path, check: QuickCheck) -> bool {
    let (Kind::File(size), Ok(meta)) = (&entry.kind, target.symlink_metadata()) else { return true };
    let same_time = check == QuickCheck::Size || (meta.mtime(), meta.mtime_nsec()) == entry.mtime;
    !(meta.is_file() && meta.len() == *size && same_time)
}

fn changes_of(entry: &Entry, size: u64, target: &Path) -> &'static str {
    match target.symlink_metadata() {
        Ok(meta) if meta.len() != size => ">f.st......",
        Ok(meta) if (meta.mtime(), meta.mtime_nsec()) != entry.mtime => ">f..t......",
        Ok(_) => ">f.........",
        Err(_) => ">f+++++++++",
    }
}

#[cfg(test)]
mod tests;
