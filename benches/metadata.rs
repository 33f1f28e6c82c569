//! Metadata of 30,000 packages: read, verified, compared; against inflating it alone, and against the peers.
//!
//! ```text
//! cargo bench --bench metadata              two repos of 30,000 packages, 131 MB of primary.xml each; prints a table
//! cargo test --bench metadata               a smoke run on 300 packages: asserts what is found and no time
//! ```
//!
//! The unit is one pass of zlib-rs over the same file in blocks of 128 KiB, which is what every reader must do at
//! least; for what verifies it hashes the packed and the inflated bytes as well. `metadata-consistent` and `dependencies-closed` are
//! run as the gate runs them, with the packages on disk. CPU seconds are counted too: on a busy host two threads are worth
//! no more than one, and wall time says more about the neighbours than about the reader. Acts take turns
//! (`shared/turns.rs`). Peak memory is a matter of a whole process: the bench starts itself once more for each act. dnf goes once,
//! and `repodiff` a second time with its caches filled.

#![expect(clippy::print_stdout, reason = "a bench prints its results")]

#[path = "shared/data.rs"]
mod data;
#[path = "metadata/peers.rs"]
mod peers;
#[path = "shared/processes.rs"]
#[expect(dead_code, reason = "trees are looked at elsewhere")]
mod processes;
#[path = "metadata/repo.rs"]
mod repo;
#[path = "shared/subject.rs"]
mod subject;
#[path = "shared/turns.rs"]
mod turns;

use anyhow::Context as _;
use clap::Parser;
use processes::Cost;
use repo::write_repo;
use sha2::{Digest as _, Sha256};
use stagegate::domain::flow::CheckName;
use stagegate::repodata::diff::{self, Fate, Side};
use stagegate::repodata::{Repo, Verify, Want};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use subject::Subject;
use turns::{Act, Row, Took, rounds, table};

#[derive(Debug, Parser)]
struct Args {
    /// Given by `cargo bench`; without it, this is a smoke run.
    #[arg(long)]
    bench: bool,
    /// How many rounds are made.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Does one act on the repos in this folder and says what memory it took: how the bench calls itself.
    #[arg(long)]
    act: Option<String>,
    /// Where the repos are.
    #[arg(long)]
    folder: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let (Some(act), Some(folder)) = (&args.act, &args.folder) {
        let act = ACTS.iter().find(|(name, ..)| name == act).ok_or_else(|| anyhow::anyhow!("no such act"))?;
        act.2(folder)?;
        println!("{}", Cost::of(&[std::process::id().cast_signed()]).peak_kib);
        return Ok(());
    }
    let (packages, made) = if args.bench { (30_000, args.rounds.max(1)) } else { (300, 1) };
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let folder = scratch.path();
    let (size, all) = write_repo(&place(folder, "old"), packages, 0)?;
    write_repo(&place(folder, "new"), packages, 1)?;
    if args.bench {
        // What still waits to be written would be written while something is measured.
        rustix::fs::sync();
    }
    expect(folder, packages)?;
    let mut acts: Vec<Act<'_>> =
        ACTS.iter().map(|(name, limit, act)| Act::new(name, limit, move || act(folder))).collect();
    if peers::has_bindings() {
        let (old, new) = (place(folder, "old"), place(folder, "new"));
        let one = [old.clone()];
        acts.push(Act {
            name: "createrepo_c's bindings, one",
            limit: INFLATE,
            work: Box::new(move || peers::bindings(&one)),
        });
        let both = [old, new];
        acts.push(Act {
            name: "createrepo_c's bindings, both",
            limit: INFLATE_BOTH,
            work: Box::new(move || peers::bindings(&both)),
        });
    }
    let rows = rounds(acts, made, args.bench)?;
    let mb = |bytes: usize| bytes / 1_000_000;
    println!("{packages} packages, primary.xml {} MB, all three {} MB, {made} rounds\n", mb(size), mb(all));
    println!("{}", table(&rows));
    println!("| peak memory | MiB |\n|---|---|");
    for (name, ..) in ACTS {
        let own = std::env::current_exe()?;
        let said = Command::new(own).args(["--act", name, "--folder"]).arg(folder).output()?;
        let kib: u64 = String::from_utf8_lossy(&said.stdout).trim().parse()?;
        println!("| {name} | {} |", kib / 1024);
    }
    if args.bench { dnf(folder, &rows) } else { Ok(()) }
}

/// Runs dnf's commands once and prints how many times the limit they take.
fn dnf(folder: &Path, rows: &[Row]) -> anyhow::Result<()> {
    let repos = [("old", place(folder, "old")), ("new", place(folder, "new"))];
    let diff = ["repodiff", "--repo-old=old", "--repo-new=new", "--simple"];
    let mut took: Vec<(&str, &str, Took)> = Vec::new();
    if peers::has_dnf("repodiff") {
        took.push(("dnf repodiff, cold", INFLATE_BOTH, peers::dnf(folder, &repos, &diff)?));
        took.push(("dnf repodiff, hot", INFLATE_BOTH, peers::dnf(folder, &repos, &diff)?));
    }
    if peers::has_dnf("repoclosure") {
        took.push(("dnf repoclosure, hot", INFLATE, peers::dnf(folder, &repos[..1], &["repoclosure"])?));
    }
    println!("\n| once | limit | ms | x limit |\n|---|---|---|---|");
    for (name, limit, took) in took {
        let ms = took.wall.as_secs_f64() * 1000.0;
        let least = rows.iter().find(|row| row.name() == limit).map_or(f64::NAN, Row::wall_ms);
        println!("| {name} | {limit} | {ms:.0} | {:.1} |", ms / least);
    }
    Ok(())
}

/// Returns where a repo is: at the place in a release that its checks go by.
fn place(folder: &Path, side: &str) -> PathBuf {
    folder.join(side).join("BaseOS/x86_64/os")
}

type Work = fn(&Path) -> anyhow::Result<()>;

const INFLATE: &str = "inflate one";
const INFLATE_BOTH: &str = "inflate both, one after the other";
const INFLATE_ALL: &str = "inflate and hash primary, filelists and other";
const PRIMARY: [&str; 1] = ["primary"];
/// What is measured, what it is compared with, and the work.
const ACTS: [(&str, &str, Work); 12] = [
    (INFLATE, INFLATE, |folder| inflate(&place(folder, "old"), &PRIMARY, false)),
    (INFLATE_BOTH, INFLATE_BOTH, |folder| {
        inflate(&place(folder, "old"), &PRIMARY, false)
            .and_then(|()| inflate(&place(folder, "new"), &PRIMARY, false))
    }),
    ("inflate one and hash both forms", INFLATE, |folder| inflate(&place(folder, "old"), &PRIMARY, true)),
    ("identity of one", INFLATE, |folder| primary(folder, Want::IDENTITY, Verify::Sizes)),
    ("identity of one, checksum of the file", INFLATE, |folder| {
        primary(folder, Want::IDENTITY, Verify::Packed)
    }),
    ("everything of one", INFLATE, |folder| primary(folder, Want::ALL, Verify::Sizes)),
    ("identity of one, both checksums", INFLATE, |folder| primary(folder, Want::IDENTITY, Verify::Both)),
    (INFLATE_ALL, INFLATE_ALL, |folder| {
        inflate(&place(folder, "old"), &["primary", "filelists", "other"], true)
    }),
    ("verified in full: metadata-consistent", INFLATE_ALL, |folder| {
        passes(folder, CheckName::MetadataConsistent)
    }),
    ("dependencies-closed", INFLATE, |folder| passes(folder, CheckName::DependenciesClosed)),
    ("diff on one thread", INFLATE_BOTH, |folder| {
        let read = |name| Side::read(&place(folder, name), Verify::Packed, &());
        let (old, new) = (read("old")?, read("new")?);
        anyhow::ensure!(!diff::diff(&old, &new).packages.is_empty(), "nothing differs");
        Ok(())
    }),
    ("diff on two threads", INFLATE_BOTH, |folder| {
        let (old, new) = Side::read_both(&place(folder, "old"), &place(folder, "new"), Verify::Packed, &())?;
        anyhow::ensure!(!diff::diff(&old, &new).packages.is_empty(), "nothing differs");
        Ok(())
    }),
];

/// Runs a check of the gate, which finds nothing.
fn passes(folder: &Path, check: CheckName) -> anyhow::Result<()> {
    Subject::new(&folder.join("old"), &folder.join("none"), 2)?.passes(check)
}

/// Inflates files of a repo's metadata, and no more; or hashes them as well, packed and inflated.
fn inflate(repo: &Path, kinds: &[&str], hashed: bool) -> anyhow::Result<()> {
    let mut buffer = vec![0; 128 << 10];
    for kind in kinds {
        let path = repo.join(format!("repodata/{kind}.xml.gz"));
        let mut input =
            flate2::bufread::GzDecoder::new(BufReader::with_capacity(64 << 10, File::open(&path)?));
        let mut hash = Sha256::new();
        loop {
            let read = input.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            if hashed {
                hash.update(&buffer[..read]);
            }
        }
        if hashed {
            hash.update(std::fs::read(&path)?);
            anyhow::ensure!(hash.finalize()[..] != [0; 32], "a checksum");
        }
    }
    Ok(())
}

fn primary(folder: &Path, want: Want, verify: Verify) -> anyhow::Result<()> {
    let repo = Repo::open(&place(folder, "old"))?;
    let mut bytes = 0;
    let read = repo.primary(want, verify, &(), |package| {
        bytes += package.sizes.package;
        ControlFlow::Continue(())
    })?;
    anyhow::ensure!(read.value.fast == read.value.read && bytes > 0, "not the fast way");
    anyhow::ensure!(read.checked.mismatches.is_empty(), "{:?}", read.checked.mismatches);
    Ok(())
}

/// Looks whether the diff is what was made.
fn expect(folder: &Path, packages: usize) -> anyhow::Result<()> {
    let (old, new) = Side::read_both(&place(folder, "old"), &place(folder, "new"), Verify::Both, &())?;
    let mut fates: BTreeMap<Fate, usize> = BTreeMap::new();
    for change in diff::diff(&old, &new).packages {
        *fates.entry(change.fate()).or_default() += 1;
    }
    let share = |part: usize| packages.div_ceil(part);
    let updated = share(10);
    anyhow::ensure!(fates.get(&Fate::Updated) == Some(&updated), "{fates:?}");
    anyhow::ensure!(fates.get(&Fate::Rebuilt).is_some_and(|rebuilt| *rebuilt > 0), "{fates:?}");
    anyhow::ensure!(fates.contains_key(&Fate::Added) && fates.contains_key(&Fate::Removed), "{fates:?}");
    // A package that is gone is found.
    let repo = place(folder, "new");
    let broken = |check| -> anyhow::Result<usize> {
        Ok(Subject::new(&folder.join("new"), &folder.join("none"), 2)?.check(check).len())
    };
    anyhow::ensure!(broken(CheckName::MetadataConsistent)? == 0, "the new repo is not sound");
    let package = std::fs::read_dir(repo.join("Packages/l"))?.next().context("no package")??.path();
    std::fs::remove_file(package)?;
    anyhow::ensure!(broken(CheckName::MetadataConsistent)? == 1, "a package is gone, and nobody says so");
    Ok(())
}
