//! Versions in rpm's own order: ten thousand pairs, compared by our reader of names and by the real rpm.
//!
//! rpm is part of the set-up of the tests (`bash .ci/test` installs it), so a missing one fails, never skips. All pairs go through
//! one process: rpm's embedded Lua reads them from a file.

use stagegate::repodata::nevra::compare;
use std::cmp::Ordering;
use std::fmt::Write as _;
use std::process::Command;

const PAIRS: usize = 10_000;
/// What versions are made of, so that neighbours are close: `1.0`, `1.0~rc1`, `01.a`, `1_0`, `1.0^git`.
const PIECES: [&str; 22] = [
    "0", "1", "2", "9", "10", "01", "00", "a", "b", "Z", "rc", "el8", ".", ".", "_", "+", "~", "~", "^", "^",
    "..", "1.0",
];

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }

    fn piece(&mut self) -> String {
        let count = 1 + self.roll(5);
        (0..count).map(|_| PIECES[self.roll(PIECES.len())]).collect()
    }

    fn evr(&mut self) -> (u32, String, String) {
        let epoch = [0, 0, 0, 1, 2, 10][self.roll(6)];
        (epoch, self.piece(), self.piece())
    }

    /// Makes another one that mostly differs in little.
    fn near(&mut self, (epoch, version, release): &(u32, String, String)) -> (u32, String, String) {
        let mut near = (*epoch, version.clone(), release.clone());
        match self.roll(8) {
            0 => return self.evr(),
            1 => near.0 = self.roll(3) as u32,
            2 | 3 => near.1 += PIECES[self.roll(PIECES.len())],
            4 => near.2 += PIECES[self.roll(PIECES.len())],
            5 => near.1 = self.piece(),
            6 => near.2 = self.piece(),
            _ => {}
        }
        near
    }
}

fn text((epoch, version, release): &(u32, String, String)) -> String {
    format!("{epoch}:{version}-{release}")
}

#[test]
fn versions_are_ordered_as_rpm_orders_them() {
    let mut dice = Dice(0x51a6_e9a7_e000_0001);
    let pairs: Vec<_> = (0..PAIRS)
        .map(|_| {
            let one = dice.evr();
            let other = dice.near(&one);
            (one, other)
        })
        .collect();
    let mut lines = String::new();
    for (one, other) in &pairs {
        writeln!(lines, "{} {}", text(one), text(other)).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pairs");
    std::fs::write(&file, lines).unwrap();
    let script = "%{lua: for line in io.lines(os.getenv('PAIRS')) do \
                  local a, b = line:match('^(%S+) (%S+)$'); print(rpm.vercmp(a, b) .. '\\n') end}";
    let output = Command::new("rpm").args(["--eval", script]).env("PAIRS", &file).output();
    let output = output.unwrap_or_else(|why| panic!("rpm does not run ({why}): install it"));
    let said = String::from_utf8(output.stdout).unwrap();
    let theirs: Vec<&str> = said.split_whitespace().collect();
    assert_eq!(theirs.len(), PAIRS, "{}", String::from_utf8_lossy(&output.stderr));
    let mut seen = [0; 3];
    for ((one, other), theirs) in pairs.iter().zip(theirs) {
        let ours = compare((one.0, &one.1, &one.2), (other.0, &other.1, &other.2));
        let theirs = theirs.parse::<i32>().unwrap().cmp(&0);
        assert_eq!(ours, theirs, "{} and {}", text(one), text(other));
        seen[match ours {
            Ordering::Less => 0,
            Ordering::Equal => 1,
            Ordering::Greater => 2,
        }] += 1;
    }
    assert!(seen.iter().all(|count| *count > PAIRS / 20), "all three come often: {seen:?}");
}
