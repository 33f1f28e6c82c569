//! Two trees of 200,000 files, staging and production: compared, sealed, and looked at again.
//!
//! ```text
//! cargo bench --bench trees                    everything; makes and removes two trees, some 2 GB
//! cargo bench --bench trees -- local seal      these parts alone: local, seal, slow, slow-seal
//! cargo test --bench trees                     a smoke run on 400 files: asserts what is found and no time
//! ```
//!
//! - **local**: on a local disk, everything in the page cache. The limit is a raw walk of both trees on two threads:
//!   `getdents` and `stat` and nothing else. `changes` reads all metadata of both sides as well, and so does its limit.
//! - **seal**: the limit of the first seal is the raw walk that reads and hashes what it finds, of a later one the raw walk.
//!   A later one is what the supervisor does just before production: the cache loaded, the tree sealed, the digest made, the cache
//!   saved. The packages are small, so what is told here is what a file costs and not what a byte costs.
//! - **slow**: the same files on a mount (FUSE) on which every call takes a millisecond, 64 at a time, mounted anew for every
//!   act, so that nothing is known yet. The limit is the raw walk on 64 threads. `rsync -an` goes once: it takes many minutes.
//! - **slow-seal**: the seal and its recheck on that mount.
//!
//! Acts take turns, ratios are taken within a round; see `shared/turns.rs`.

#![expect(clippy::print_stdout, reason = "a bench prints its results")]

#[path = "shared/data.rs"]
mod data;
#[path = "trees/limit.rs"]
mod limit;
#[path = "trees/make.rs"]
mod make;
#[path = "shared/processes.rs"]
#[expect(dead_code, reason = "what processes cost is looked at elsewhere")]
mod processes;
#[path = "../tests/support/slow_mount.rs"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "the tests make mounts hang and fail, and stop at the first surprise"
)]
mod slow_mount;
#[path = "shared/subject.rs"]
mod subject;
#[path = "shared/turns.rs"]
mod turns;

use anyhow::Context as _;
use clap::Parser;
use limit::{Sum, Work};
use make::{REPOS, Trees, place};
use slow_mount::SlowMount;
use stagegate::compose::pulse::Pulse;
use stagegate::compose::tree::{Options, Root, walk_all};
use stagegate::domain::flow::CheckName;
use stagegate::domain::seal::Seal;
use stagegate::vet::{SealCache, changes, seal};
use std::cell::RefCell;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use subject::Subject;
use turns::{Act, Took, rounds, table, timed};

#[derive(Debug, Parser)]
struct Args {
    /// Given by `cargo bench`; without it, this is a smoke run.
    #[arg(long)]
    bench: bool,
    /// How many rounds are made.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many files each side has.
    #[arg(long, default_value_t = 200_000)]
    files: usize,
    /// Which parts; all of them if none is named.
    parts: Vec<String>,
}

const DEPTH: u8 = 2;
/// How long a network mount takes names and attributes for granted, at the least (nfs(5), `acregmin`).
const TTL: Duration = Duration::from_secs(3);
const COMPARE: CheckName = CheckName::ProductionMatchesStaging;

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let (files, made) = if args.bench { (args.files, args.rounds.max(1)) } else { (400, 1) };
    let wanted = |part: &str| args.parts.is_empty() || args.parts.iter().any(|one| one == part);
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    if wanted("local") || wanted("seal") {
        let trees = Trees::make(&scratch.path().join("local"), files)?;
        settle(args.bench);
        if wanted("local") {
            println!("\n{} files on each side, local, {made} rounds\n", trees.files);
            println!("{}", table(&rounds(local(&trees)?, made, args.bench)?));
            expect_a_difference(&trees)?;
        }
        if wanted("seal") {
            println!("\n{} files, sealed, {made} rounds\n", trees.files);
            println!("{}", sealed(&trees, scratch.path(), made, args.bench)?);
        }
        std::fs::remove_dir_all(scratch.path().join("local"))?;
    }
    if wanted("slow") || wanted("slow-seal") {
        let folder = scratch.path().join("slow").join("mnt");
        let trees = Trees::make(&folder, files)?;
        settle(args.bench);
        // FUSE cannot be used everywhere; that is said, and the rows are missing.
        if SlowMount::wide(&folder, 64, TTL).is_none() {
            return Ok(());
        }
        let made = made.min(3);
        if wanted("slow") {
            println!("\n{} files on each side, 1 ms a call, {made} rounds\n", trees.files);
            on_slow_mount(&folder, &trees, made, args.bench)?;
        }
        if wanted("slow-seal") {
            println!("\n{} files, sealed, 1 ms a call, {made} rounds\n", trees.files);
            let rows = rounds(sealed_on_slow_mount(&folder, &trees), made, args.bench)?;
            println!("{}\n{SERVER}", table(&rows));
        }
    }
    Ok(())
}

/// Has everything written that waits to be, or it would be written while something is measured.
fn settle(measured: bool) {
    if measured {
        rustix::fs::sync();
    }
}

/// Walks, and says whether it has found what is there.
fn raw(roots: &[&Path], threads: usize, work: Work, files: usize) -> anyhow::Result<()> {
    let Sum { files: found, bytes } = limit::walk(roots, threads, work)?;
    anyhow::ensure!(found == files && bytes > 0, "{found} files instead of {files}");
    Ok(())
}

fn walk_both(trees: &Trees) -> anyhow::Result<()> {
    let pulse = Pulse::new();
    let roots = [Root::whole(&trees.staging), Root::whole(&trees.production)];
    for tree in walk_all(&roots, Options::facts(&pulse)) {
        let tree = tree?;
        anyhow::ensure!(tree.len() == trees.files && tree.problems.is_empty(), "{:?}", tree.problems);
    }
    Ok(())
}

/// Compares as the gate's evidence does; both sides have the same packages.
fn same(trees: &Trees) -> anyhow::Result<()> {
    let changes = changes(&trees.staging, &trees.production, DEPTH, false, &Pulse::new())?;
    anyhow::ensure!(changes.packages.is_empty() && changes.bytes == 0, "{:?}", changes.packages.first());
    Ok(())
}

fn rsync(trees: &Trees) -> anyhow::Result<()> {
    let mut command = Command::new("rsync");
    command.args(["-an", "--out-format=%n"]);
    for side in [&trees.staging, &trees.production] {
        command.arg(format!("{}/", side.display()));
    }
    let status = command.stdout(Stdio::null()).status().context("rsync: install it")?;
    anyhow::ensure!(status.success(), "rsync failed");
    Ok(())
}

/// Inflates every primary.xml of a tree.
fn inflate(root: &Path) -> anyhow::Result<()> {
    let mut buffer = vec![0; 128 << 10];
    for repo in 0..REPOS {
        let file = std::fs::File::open(root.join(place(repo)).join("repodata/primary.xml.gz"))?;
        let file = std::io::BufReader::with_capacity(64 << 10, file);
        let mut input = flate2::bufread::GzDecoder::new(file);
        while input.read(&mut buffer)? > 0 {}
    }
    Ok(())
}

fn inflate_both(trees: &Trees) -> anyhow::Result<()> {
    std::thread::scope(|scope| {
        let other = scope.spawn(|| inflate(&trees.production));
        inflate(&trees.staging)?;
        other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn local(trees: &Trees) -> anyhow::Result<Vec<Act<'_>>> {
    const RAW: &str = "raw walk of both, 2 threads";
    const RAW_INFLATED: &str = "the same, and inflating all metadata of both";
    let both = [trees.staging.as_path(), trees.production.as_path()];
    let subject = Subject::new(&trees.staging, &trees.production, DEPTH)?;
    Ok(vec![
        Act::new(RAW, RAW, move || raw(&both, 2, Work::Stat, trees.files * 2)),
        Act::new("Stagegate: walk of both", RAW, move || walk_both(trees)),
        Act::new("Stagegate: production-matches-staging", RAW, move || subject.passes(COMPARE)),
        Act::new(RAW_INFLATED, RAW_INFLATED, move || {
            raw(&both, 2, Work::Stat, trees.files * 2)?;
            inflate_both(trees)
        }),
        Act::new("Stagegate: changes", RAW_INFLATED, move || same(trees)),
        Act::new("rsync -an", RAW, move || rsync(trees)),
    ])
}

/// One file that is gone from production is found, and nothing else.
fn expect_a_difference(trees: &Trees) -> anyhow::Result<()> {
    let folder = trees.production.join(place(3)).join("Packages/a");
    let file = std::fs::read_dir(&folder)?.next().context("no package")??.path();
    std::fs::remove_file(&file)?;
    let found = Subject::new(&trees.staging, &trees.production, DEPTH)?.check(COMPARE);
    let name = file.strip_prefix(&trees.production)?.to_string_lossy();
    anyhow::ensure!(found.len() == 2 && found.iter().any(|one| one.path == name), "{name}: {found:?}");
    Ok(())
}

fn sealed(trees: &Trees, scratch: &Path, made: usize, patient: bool) -> anyhow::Result<String> {
    const RAW: &str = "raw walk, 2 threads";
    const RAW_HASHED: &str = "raw walk that reads and hashes, 2 threads";
    let root = trees.staging.as_path();
    let (stored, pulse) = (scratch.join("seal.cache"), Pulse::new());
    let mut cache = SealCache::new();
    let first = seal(root, Some(&mut cache), &pulse)?;
    anyhow::ensure!(first.paths.len() == trees.files, "{} paths", first.paths.len());
    // Files that have only just changed are not remembered; those of a smoke run all have.
    anyhow::ensure!(!patient || cache.len() == trees.files, "{} of {} known", cache.len(), trees.files);
    cache.save(&stored)?;
    let digest = first.digest();
    let look = || -> anyhow::Result<Seal> {
        let mut cache = SealCache::load(&stored);
        let seal = seal(root, Some(&mut cache), &Pulse::new())?;
        cache.save(&stored)?;
        Ok(seal)
    };
    // The repo of a kickstart tree, which is edited after it was signed (incidents R8).
    let head = format!("{}/repodata/repomd.xml", place(1));
    let before = RefCell::new(first);
    let changed = || -> anyhow::Result<Took> {
        std::fs::File::options().append(true).open(root.join(&head))?.write_all(b"\n")?;
        let mut now = Seal::default();
        let took = timed(|| {
            now = look()?;
            anyhow::ensure!(now.digest() != before.borrow().digest(), "the digest is the same");
            Ok(())
        })?;
        let differing: Vec<_> = before.borrow().differences(&now).collect();
        anyhow::ensure!(differing == [(head.clone(), "changed")], "{differing:?}");
        before.replace(now);
        Ok(took)
    };
    let acts = vec![
        Act::new(RAW, RAW, || raw(&[root], 2, Work::Stat, trees.files)),
        Act::new(RAW_HASHED, RAW_HASHED, || raw(&[root], 2, Work::Hash, trees.files)),
        Act::new("seal, nothing known", RAW_HASHED, || {
            anyhow::ensure!(seal(root, None, &pulse)?.paths.len() == trees.files, "a path is missing");
            Ok(())
        }),
        Act::new("seal again, unchanged, the cache in memory", RAW, || {
            anyhow::ensure!(
                seal(root, Some(&mut cache), &pulse)?.paths.len() == trees.files,
                "a path is missing"
            );
            Ok(())
        }),
        Act::new("seal again, unchanged: cache, seal, digest", RAW, || {
            let now = look()?;
            anyhow::ensure!(now.digest() == before.borrow().digest(), "it has changed");
            Ok(())
        }),
        Act {
            name: "seal again, one kickstart repomd.xml changed: named",
            limit: RAW,
            work: Box::new(changed),
        },
    ];
    let rows = rounds(acts, made, patient)?;
    let last = before.borrow().digest();
    anyhow::ensure!(last != digest, "a changed repomd.xml left the digest as it was");
    Ok(table(&rows))
}

const RAW_64: &str = "raw walk of both, 64 threads";
const SERVER: &str = "The CPU time is that of the mount's own server as well.\n";

/// Does some work on a mount of which nothing is known yet.
fn mounted(folder: &Path, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Took> {
    let mount = SlowMount::wide(folder, 64, TTL).context("the mount")?;
    mount.slow(Duration::from_millis(1));
    timed(work)
}

fn slowly<'a>(name: &'static str, folder: &'a Path, work: impl Fn() -> anyhow::Result<()> + 'a) -> Act<'a> {
    slowly_against(RAW_64, name, folder, work)
}

fn slowly_against<'a>(
    limit: &'static str,
    name: &'static str,
    folder: &'a Path,
    work: impl Fn() -> anyhow::Result<()> + 'a,
) -> Act<'a> {
    Act { name, limit, work: Box::new(move || mounted(folder, &work)) }
}

fn on_slow_mount(folder: &Path, trees: &Trees, made: usize, patient: bool) -> anyhow::Result<()> {
    let both = [trees.staging.as_path(), trees.production.as_path()];
    let subject = Subject::new(&trees.staging, &trees.production, DEPTH)?;
    let acts = vec![
        slowly(RAW_64, folder, || raw(&both, 64, Work::Stat, trees.files * 2)),
        slowly("Stagegate: walk of both", folder, || walk_both(trees)),
        slowly("Stagegate: production-matches-staging", folder, || subject.passes(COMPARE)),
        slowly("Stagegate: changes", folder, || same(trees)),
    ];
    let rows = rounds(acts, made, patient)?;
    println!("{}\n{SERVER}", table(&rows));
    if !patient {
        return Ok(());
    }
    let peer = mounted(folder, || rsync(trees))?;
    let limit = rows.iter().find(|row| row.name() == RAW_64).map_or(f64::NAN, turns::Row::wall_ms);
    let ms = peer.wall.as_secs_f64() * 1000.0;
    println!("| rsync -an, once | {RAW_64} | {ms:.0} | {:.1} |", ms / limit);
    Ok(())
}

fn sealed_on_slow_mount<'a>(folder: &'a Path, trees: &'a Trees) -> Vec<Act<'a>> {
    const RAW: &str = "raw walk, 64 threads";
    const RAW_HASHED: &str = "raw walk that reads and hashes, 64 threads";
    let root = trees.staging.as_path();
    let whole = |sealed: &Seal| -> anyhow::Result<()> {
        anyhow::ensure!(sealed.paths.len() == trees.files, "{} paths", sealed.paths.len());
        Ok(())
    };
    vec![
        slowly_against(RAW, RAW, folder, move || raw(&[root], 64, Work::Stat, trees.files)),
        slowly_against(RAW_HASHED, RAW_HASHED, folder, move || raw(&[root], 64, Work::Hash, trees.files)),
        slowly_against(RAW_HASHED, "seal, nothing known", folder, move || {
            whole(&seal(root, None, &Pulse::new())?)
        }),
        Act {
            name: "seal again, unchanged",
            limit: RAW,
            work: Box::new(move || {
                let mount = SlowMount::wide(folder, 64, TTL).context("the mount")?;
                let mut cache = SealCache::new();
                whole(&seal(root, Some(&mut cache), &Pulse::new())?)?;
                // What the kernel took for granted of the mount is asked anew.
                std::thread::sleep(TTL + Duration::from_millis(200));
                mount.slow(Duration::from_millis(1));
                timed(|| whole(&seal(root, Some(&mut cache), &Pulse::new())?))
            }),
        },
    ]
}
