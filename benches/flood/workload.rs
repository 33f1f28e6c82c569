//! The five noisy children of the flood, each a bash script that waits for a word and takes its own time.
//!
//! The script's own clock is the only one that means the same for every contender: a child whose terminal
//! is drained slowly is a slow child. What is not yet drained when it ends is a few KiB at most. Then it
//! waits for another word before it goes, so that whoever drained it is still there to be measured.

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How much of everything there is at scale 1.
const LINES: u64 = 2_000_000;
const LONG_LINES: u64 = 250_000;
const PROGRESS: u64 = 1_250_000;
/// Updates of a progress display for each line end.
const UPDATES: u64 = 100;

/// What a child prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    /// A bash loop of `echo`s.
    Echo,
    /// `seq`.
    Seq,
    /// `cat` of lines of 45 bytes.
    Cat,
    /// `cat` of lines of 2,000 bytes.
    Long,
    /// `cat` of a progress display: carriage returns and colours.
    Progress,
}

impl Workload {
    /// All of them, in the order of the tables.
    pub(crate) const ALL: [Self; 5] = [Self::Echo, Self::Seq, Self::Cat, Self::Long, Self::Progress];

    /// Returns the short name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Seq => "seq",
            Self::Cat => "cat",
            Self::Long => "long",
            Self::Progress => "progress",
        }
    }

    /// Returns the heading of its column at `scale`.
    pub(crate) fn title(self, scale: f64) -> String {
        let (lines, long, progress) =
            (scaled(LINES, scale), scaled(LONG_LINES, scale), scaled(PROGRESS, scale));
        match self {
            Self::Echo => format!("{lines} x `echo`"),
            Self::Seq => format!("`seq {lines}`"),
            Self::Cat => format!("cat {lines} lines"),
            Self::Long => format!("{} MB of 2,000-byte lines", long * 2000 / 1_000_000),
            Self::Progress => format!("{} MB progress (CR, colour)", progress * 80 / 1_000_000),
        }
    }

    /// Writes one update or line of what is `cat`ed.
    fn line(self, number: u64, out: &mut impl io::Write) -> io::Result<()> {
        match self {
            Self::Echo | Self::Seq => Ok(()),
            Self::Cat => writeln!(out, "{number:>9} x86_64 9f86d081884c7d659a2f 0123456"),
            Self::Long => writeln!(out, "{number:>12} {:0>1986}", number.wrapping_mul(0x9e37_79b9)),
            Self::Progress => {
                let end = if number.is_multiple_of(UPDATES) { '\n' } else { '\r' };
                let percent = number % 100;
                write!(
                    out,
                    "\x1b[32m{number:>12}\x1b[0m {percent:>3}% \x1b[1;34m{:<41}\x1b[0m{end}",
                    "=".repeat(percent as usize * 41 / 100)
                )
            }
        }
    }

    fn lines(self, scale: f64) -> u64 {
        match self {
            Self::Echo | Self::Seq | Self::Cat => scaled(LINES, scale),
            Self::Long => scaled(LONG_LINES, scale),
            Self::Progress => scaled(PROGRESS, scale),
        }
    }
}

fn scaled(count: u64, scale: f64) -> u64 {
    ((count as f64 * scale) as u64).max(100)
}

/// The folder of the scripts, what they print, and the pipes by which they are spoken with.
#[derive(Debug)]
pub(crate) struct Stage {
    folder: PathBuf,
    scale: f64,
    go: File,
    told: File,
}

/// What a script says when it is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    /// By its own clock.
    pub(crate) wall: Duration,
}

impl Stage {
    /// Prepares everything in `folder`.
    pub(crate) fn new(folder: &Path, scale: f64) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        for workload in Workload::ALL {
            prepare(folder, workload, scale)
                .with_context(|| format!("cannot prepare {}", workload.name()))?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            scale,
            go: pipe(&folder.join("go"))?,
            told: pipe(&folder.join("told"))?,
        })
    }

    /// Returns the script of a workload.
    pub(crate) fn script(&self, workload: Workload) -> PathBuf {
        script_path(&self.folder, workload)
    }

    /// Returns how many bytes it prints, before a terminal changes any.
    pub(crate) fn bytes(&self, workload: Workload) -> anyhow::Result<u64> {
        let digits = |upto: u64| {
            (1..=20_u32)
                .map(|n| upto.saturating_sub(10_u64.pow(n - 1) - 1))
                .take_while(|count| *count > 0)
                .sum::<u64>()
        };
        let lines = workload.lines(self.scale);
        Ok(match workload {
            Workload::Echo => (digits(lines) + lines) + lines * ECHO.len() as u64,
            Workload::Seq => digits(lines) + lines,
            _ => fs::metadata(data_path(&self.folder, workload))?.len(),
        })
    }

    /// Waits until the script of whoever was started last is ready. Returns its process.
    pub(crate) fn ready(&mut self, patience: Duration) -> anyhow::Result<i32> {
        self.line(patience)?.trim().parse().context("the script does not say who it is")
    }

    /// Returns how many line ends it prints.
    pub(crate) fn line_ends(&self, workload: Workload) -> u64 {
        let lines = workload.lines(self.scale);
        if workload == Workload::Progress { lines.div_ceil(UPDATES) } else { lines }
    }

    /// Lets it begin; once it is done, lets it go.
    pub(crate) fn word(&mut self) -> anyhow::Result<()> {
        Ok(self.go.write_all(b"go\n")?)
    }

    /// Forgets every word that nobody has heard.
    pub(crate) fn forget(&mut self) -> anyhow::Result<()> {
        for pipe in [&mut self.go, &mut self.told] {
            while poll(&mut [PollFd::new(&*pipe, PollFlags::IN)], Some(&Timespec::default()))? > 0 {
                let _forgotten = pipe.read(&mut [0; 256])?;
            }
        }
        Ok(())
    }

    /// Waits until it is done.
    pub(crate) fn done(&mut self, patience: Duration) -> anyhow::Result<Took> {
        let line = self.line(patience)?;
        let micros: Vec<u64> =
            line.split_ascii_whitespace().filter_map(|word| word.replace('.', "").parse().ok()).collect();
        let [from, to] = micros[..] else { anyhow::bail!("the script says `{line}`") };
        Ok(Took { wall: Duration::from_micros(to.saturating_sub(from)) })
    }

    fn line(&mut self, patience: Duration) -> anyhow::Result<String> {
        let ends = Instant::now() + patience;
        let mut line = String::new();
        while !line.ends_with('\n') {
            let left = Timespec::try_from(ends.saturating_duration_since(Instant::now()))?;
            let ready = poll(&mut [PollFd::new(&self.told, PollFlags::IN)], Some(&left))?;
            anyhow::ensure!(ready > 0, "the script says nothing for {} s", patience.as_secs());
            let mut piece = [0; 256];
            let count = self.told.read(&mut piece)?;
            line.push_str(std::str::from_utf8(&piece[..count])?);
        }
        Ok(line)
    }
}

/// What every `echo` prints behind its number.
const ECHO: &str = " x86_64 9f86d081884c7d659a2f 0123456789";

fn script_path(folder: &Path, workload: Workload) -> PathBuf {
    folder.join(format!("{}.sh", workload.name()))
}

fn data_path(folder: &Path, workload: Workload) -> PathBuf {
    folder.join(format!("{}.data", workload.name()))
}

fn prepare(folder: &Path, workload: Workload, scale: f64) -> io::Result<()> {
    let lines = workload.lines(scale);
    let data = data_path(folder, workload);
    let work = match workload {
        Workload::Echo => format!("for ((i = 1; i <= {lines}; i++)); do echo \"$i{ECHO}\"; done"),
        Workload::Seq => format!("seq {lines}"),
        _ => format!("cat '{}'", data.display()),
    };
    if matches!(workload, Workload::Cat | Workload::Long | Workload::Progress) {
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&data)?);
        (0..lines).try_for_each(|number| workload.line(number, &mut out))?;
        out.into_inner()?.sync_all()?;
    }
    let (told, go) = (folder.join("told"), folder.join("go"));
    let (told, go) = (told.display(), go.display());
    let text = format!(
        "#!/usr/bin/env bash\necho $$ > '{told}'\nread -r _ < '{go}'\nfrom=$EPOCHREALTIME\n{work}\n\
         to=$EPOCHREALTIME\necho \"$from $to\" > '{told}'\nread -r _ < '{go}'\n"
    );
    let script = script_path(folder, workload);
    fs::write(&script, text)?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
}

/// Makes a named pipe that is open at both ends, so that opening it never waits.
fn pipe(path: &Path) -> anyhow::Result<File> {
    let _absent = fs::remove_file(path);
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)?;
    Ok(OpenOptions::new().read(true).write(true).open(path)?)
}
