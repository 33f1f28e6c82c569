//! Metadata of 30,000 packages: read, verified, compared; against inflating it alone and `createrepo_c`'s bindings.
//!
//! ```text
//! cargo bench --bench metadata              two repos of 30,000 packages, 160 MB of primary.xml each; prints a table
//! cargo test --bench metadata               a smoke run on 300 packages: asserts what is found and no time
//! ```
//!
//! The unit is one pass of zlib-rs over the same file in blocks of 128 KiB, which is what every reader must do at
//! least. CPU seconds are counted too: on a busy host two threads are worth no more than one, and wall time says
//! more about the neighbours than about the reader. Everything takes turns within a round, ratios are taken within a round, and their medians printed; rounds
//! with more than 5 % stolen time are made again. It has a loop of its own because of that, and because peak memory is
//! a matter of a whole process: the bench starts itself once more for each act whose memory counts.

#![expect(clippy::print_stdout, reason = "a bench prints its results")]

#[path = "shared/processes.rs"]
#[expect(dead_code, reason = "trees are looked at elsewhere")]
mod processes;

use clap::Parser;
use processes::{Cost, MachineTime};
use sha2::{Digest as _, Sha256};
use stagegate::repodata::diff::{self, Fate, Side};
use stagegate::repodata::{Repo, Verify, Want};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, Read as _, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

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
        let act = ACTS.iter().find(|(name, _)| name == act).ok_or_else(|| anyhow::anyhow!("no such act"))?;
        act.1(folder)?;
        println!("{}", Cost::of(&[std::process::id().cast_signed()]).peak_kib);
        return Ok(());
    }
    let (packages, rounds) = if args.bench { (30_000, args.rounds.max(1)) } else { (300, 1) };
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let folder = scratch.path();
    let size = write_repo(&folder.join("old"), packages, 0)?;
    write_repo(&folder.join("new"), packages, 1)?;
    expect(folder, packages)?;
    let rows = measure(folder, rounds, args.bench)?;
    println!("{packages} packages, primary.xml {} MB; medians of {rounds} rounds\n", size / 1_000_000);
    println!(
        "| | ms | x inflating one | x inflating both | CPU ms | x one | x both |\n|---|---|---|---|---|---|---|"
    );
    for (name, times) in &rows {
        let of = |unit: &str, part: Part| {
            let shares = times.iter().zip(&rows[unit]);
            median(shares.map(|(took, unit)| part(took).as_secs_f64() / part(unit).as_secs_f64()).collect())
        };
        let ms = |part: Part| median(times.iter().map(|took| part(took).as_secs_f64() * 1000.0).collect());
        let (wall, cpu): (Part, Part) = (|took| took.wall, |took| took.cpu);
        let wall = format!("{:.0} | {:.2} | {:.2}", ms(wall), of(INFLATE, wall), of(INFLATE_BOTH, wall));
        println!(
            "| {name} | {wall} | {:.0} | {:.2} | {:.2} |",
            ms(cpu),
            of(INFLATE, cpu),
            of(INFLATE_BOTH, cpu)
        );
    }
    println!("\n| peak memory | MiB |\n|---|---|");
    for (name, _) in ACTS {
        let own = std::env::current_exe()?;
        let said = Command::new(own).args(["--act", name, "--folder"]).arg(folder).output()?;
        let kib: u64 = String::from_utf8_lossy(&said.stdout).trim().parse()?;
        println!("| {name} | {} |", kib / 1024);
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// What an act took.
#[derive(Debug, Clone, Copy)]
struct Took {
    wall: Duration,
    cpu: Duration,
}

/// One of the two.
type Part = fn(&Took) -> Duration;

/// Returns the CPU time of all threads of this process up to now.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

type Act = fn(&Path) -> anyhow::Result<()>;

const INFLATE: &str = "inflate one";
const INFLATE_BOTH: &str = "inflate both, one after the other";
const ACTS: [(&str, Act); 9] = [
    (INFLATE, |folder| inflate(&folder.join("old"), false)),
    (INFLATE_BOTH, |folder| {
        inflate(&folder.join("old"), false).and_then(|()| inflate(&folder.join("new"), false))
    }),
    ("inflate one and hash both forms", |folder| inflate(&folder.join("old"), true)),
    ("identity of one", |folder| primary(folder, Want::IDENTITY, Verify::Sizes)),
    ("identity of one, checksum of the file", |folder| primary(folder, Want::IDENTITY, Verify::Packed)),
    ("everything of one", |folder| primary(folder, Want::ALL, Verify::Sizes)),
    ("identity of one, both checksums", |folder| primary(folder, Want::IDENTITY, Verify::Both)),
    ("diff on one thread", |folder| {
        let read = |name| Side::read(&folder.join(name), Verify::Packed, &());
        let (old, new) = (read("old")?, read("new")?);
        anyhow::ensure!(!diff::diff(&old, &new).packages.is_empty(), "nothing differs");
        Ok(())
    }),
    ("diff on two threads", |folder| {
        let (old, new) = Side::read_both(&folder.join("old"), &folder.join("new"), Verify::Packed, &())?;
        anyhow::ensure!(!diff::diff(&old, &new).packages.is_empty(), "nothing differs");
        Ok(())
    }),
];

/// Inflates the primary.xml of a repo, and no more; or hashes it as well.
fn inflate(repo: &Path, hashed: bool) -> anyhow::Result<()> {
    let file = File::open(repo.join("repodata/primary.xml.gz"))?;
    let mut input = flate2::bufread::GzDecoder::new(BufReader::with_capacity(64 << 10, file));
    let (mut buffer, mut hash) = (vec![0; 128 << 10], Sha256::new());
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
        hash.update(std::fs::read(repo.join("repodata/primary.xml.gz"))?);
        anyhow::ensure!(hash.finalize()[..] != [0; 32], "a checksum");
    }
    Ok(())
}

fn primary(folder: &Path, want: Want, verify: Verify) -> anyhow::Result<()> {
    let repo = Repo::open(&folder.join("old"))?;
    let mut bytes = 0;
    let read = repo.primary(want, verify, &(), |package| {
        bytes += package.sizes.package;
        ControlFlow::Continue(())
    })?;
    anyhow::ensure!(read.value.fast == read.value.read && bytes > 0, "not the fast way");
    anyhow::ensure!(read.checked.mismatches.is_empty(), "{:?}", read.checked.mismatches);
    Ok(())
}

/// Makes everything in turn, once a round.
fn measure(folder: &Path, rounds: usize, patient: bool) -> anyhow::Result<BTreeMap<&'static str, Vec<Took>>> {
    let mut rows: BTreeMap<&'static str, Vec<Took>> = BTreeMap::new();
    let (mut made, mut tries) = (0, 0);
    while made < rounds {
        tries += 1;
        let machine = MachineTime::now();
        let mut round = Vec::new();
        for (name, act) in ACTS {
            let (begun, before) = (Instant::now(), cpu_time());
            act(folder)?;
            round.push((name, Took { wall: begun.elapsed(), cpu: cpu_time().saturating_sub(before) }));
        }
        round.extend(bindings(&folder.join("old")).map(|took| ("createrepo_c's bindings, one", took)));
        if patient && tries < rounds * 3 && machine.stolen() > 0.05 {
            continue;
        }
        made += 1;
        for (name, took) in round {
            rows.entry(name).or_default().push(took);
        }
    }
    Ok(rows)
}

/// Reads a primary.xml with the Python bindings of `createrepo_c`; `None` where there are none.
fn bindings(repo: &Path) -> Option<Took> {
    const SCRIPT: &str = "import sys, time, createrepo_c as cr\n\
        begun, before = time.monotonic(), time.process_time()\n\
        count = [0]\n\
        def each(package): count[0] += 1\n\
        cr.xml_parse_primary(sys.argv[1], lambda *_: cr.Package(), each, None, False)\n\
        print(time.monotonic() - begun, time.process_time() - before)";
    let file = repo.join("repodata/primary.xml.gz");
    let said = Command::new("/usr/bin/python3").args(["-c", SCRIPT]).arg(file).output().ok()?;
    let text = String::from_utf8_lossy(&said.stdout);
    let mut numbers = text.split_whitespace().map(|number| number.parse().map(Duration::from_secs_f64));
    Some(Took { wall: numbers.next()?.ok()?, cpu: numbers.next()?.ok()? })
}

/// Looks whether the diff is what was made.
fn expect(folder: &Path, packages: usize) -> anyhow::Result<()> {
    let (old, new) = Side::read_both(&folder.join("old"), &folder.join("new"), Verify::Both, &())?;
    let mut fates: BTreeMap<Fate, usize> = BTreeMap::new();
    for change in diff::diff(&old, &new).packages {
        *fates.entry(change.fate()).or_default() += 1;
    }
    let share = |part: usize| packages.div_ceil(part);
    let updated = share(10);
    anyhow::ensure!(fates.get(&Fate::Updated) == Some(&updated), "{fates:?}");
    anyhow::ensure!(fates.get(&Fate::Rebuilt).is_some_and(|rebuilt| *rebuilt > 0), "{fates:?}");
    anyhow::ensure!(fates.contains_key(&Fate::Added) && fates.contains_key(&Fate::Removed), "{fates:?}");
    Ok(())
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn word(&mut self) -> String {
        const PARTS: [&str; 16] = [
            "lib", "gno", "perl", "python", "core", "util", "devel", "sys", "net", "gtk", "java", "ora",
            "mod", "tex", "qt", "ssl",
        ];
        let mut word = String::new();
        for _ in 0..=self.roll(3) {
            word.push_str(PARTS[self.roll(16) as usize]);
        }
        word
    }
}

/// Writes a repo in the layout of `createrepo_c` and returns the bytes of its primary.xml.
///
/// In generation 1 every tenth package is newer, every 97th rebuilt, every 1000th another.
fn write_repo(folder: &Path, packages: usize, generation: usize) -> anyhow::Result<usize> {
    std::fs::create_dir_all(folder.join("repodata"))?;
    let file = File::create(folder.join("repodata/primary.xml.gz"))?;
    let mut out = flate2::write::GzEncoder::new(file, flate2::Compression::default());
    let (mut hash, mut size) = (Sha256::new(), 0);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xmlns=\"http://linux.duke.edu/metadata/common\" \
         xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"{packages}\">\n"
    );
    for number in 0..packages {
        write_package(&mut text, number, generation)?;
        if number + 1 == packages {
            text.push_str("</metadata>");
        }
        out.write_all(text.as_bytes())?;
        hash.update(&text);
        size += text.len();
        text.clear();
    }
    out.finish()?.sync_all()?;
    let packed = std::fs::read(folder.join("repodata/primary.xml.gz"))?;
    let repomd = format!(
        "<repomd><data type=\"primary\"><checksum type=\"sha256\">{}</checksum><open-checksum type=\"sha256\">{}</open-checksum>\
         <location href=\"repodata/primary.xml.gz\"/><size>{}</size><open-size>{size}</open-size></data></repomd>",
        hex::encode(Sha256::digest(&packed)),
        hex::encode(hash.finalize()),
        packed.len()
    );
    std::fs::write(folder.join("repodata/repomd.xml"), repomd)?;
    Ok(size)
}

fn write_package(out: &mut String, number: usize, generation: usize) -> anyhow::Result<()> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (number as u64 + 1).wrapping_mul(0x2545_f491_4f6c_dd1d));
    let replaced = number % 1000 == 3 && generation == 1;
    let name = format!("{}-{number}{}", dice.word(), if replaced { "-other" } else { "" });
    let release = if number.is_multiple_of(10) { 1 + generation } else { 1 };
    let rebuilt = number % 97 == 5 && generation == 1;
    let id = hex::encode(Sha256::digest(format!("{name} {release} {rebuilt}")));
    let (version, time) = (
        format!("{}.{}.{}", dice.roll(9), dice.roll(30), dice.roll(9)),
        1_700_000_000 + dice.roll(90_000_000),
    );
    let summary: Vec<String> = (0..6).map(|_| dice.word()).collect();
    let description: Vec<String> = (0..40 + dice.roll(40)).map(|_| dice.word()).collect();
    write!(
        out,
        "<package type=\"rpm\">\n  <name>{name}</name>\n  <arch>x86_64</arch>\n  <version epoch=\"0\" ver=\"{version}\" rel=\"{release}.el8\"/>\n  \
         <checksum type=\"sha256\" pkgid=\"YES\">{id}</checksum>\n  <summary>{}</summary>\n  <description>{} &amp; more!</description>\n  \
         <packager>Release Engineering &lt;releng@example.invalid&gt;</packager>\n  <url>https://{name}.invalid/?a=1</url>\n  \
         <time file=\"{time}\" build=\"{time}\"/>\n  <size package=\"{}\" installed=\"{}\" archive=\"{}\"/>\n  \
         <location href=\"Packages/{}/{name}-{version}-{release}.el8.x86_64.rpm\"/>\n  <format>\n    <rpm:license>GPLv2+</rpm:license>\n    \
         <rpm:vendor>Example</rpm:vendor>\n    <rpm:group>Unspecified</rpm:group>\n    <rpm:buildhost>builder-{}.invalid</rpm:buildhost>\n    \
         <rpm:sourcerpm>{name}-{version}-{release}.el8.src.rpm</rpm:sourcerpm>\n    <rpm:header-range start=\"4504\" end=\"{}\"/>\n",
        summary.join(" "),
        description.join(" "),
        1 + dice.roll(9_000_000),
        dice.roll(90_000_000),
        dice.roll(90_000_000),
        name.chars().next().unwrap_or('x'),
        dice.roll(99),
        5000 + dice.roll(90_000),
    )?;
    for (relation, count) in [("provides", 3 + dice.roll(22)), ("requires", 8 + dice.roll(34))] {
        writeln!(out, "    <rpm:{relation}>")?;
        for _ in 0..count {
            let word = dice.word();
            match dice.roll(3) {
                0 => writeln!(
                    out,
                    "      <rpm:entry name=\"{word}\" flags=\"GE\" epoch=\"0\" ver=\"{version}\" rel=\"{release}.el8\"/>"
                )?,
                1 => writeln!(out, "      <rpm:entry name=\"lib{word}.so.{}()(64bit)\"/>", dice.roll(99))?,
                _ => writeln!(out, "      <rpm:entry name=\"{word}({})\" pre=\"1\"/>", dice.word())?,
            }
        }
        writeln!(out, "    </rpm:{relation}>")?;
    }
    for _ in 0..dice.roll(6) {
        writeln!(out, "    <file>/usr/bin/{}-{}</file>", dice.word(), dice.roll(1000))?;
    }
    out.push_str("  </format>\n</package>\n");
    Ok(())
}
