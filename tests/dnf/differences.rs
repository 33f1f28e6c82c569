//! What differs between two repos, by `dnf repodiff` and by `stagegate diff`, on random trees that keep old versions.

use super::tree::{Dice, Spec, dnf, repo, stagegate};
use std::collections::{BTreeMap, BTreeSet};

const TREES: u64 = 8;
const PLACE: &str = "BaseOS/x86_64/os";

fn specs(dice: &mut Dice, before: &[Spec]) -> Vec<Spec> {
    let mut all = Vec::new();
    for at in 0..16 {
        let name = format!("p{at}");
        let arch = if at % 5 == 0 { "noarch" } else { "x86_64" };
        // Some stay as they are; some are in two versions, and some for i686 too.
        let same: Vec<Spec> = before.iter().filter(|spec| spec.name == name).cloned().collect();
        match dice.roll(4) {
            0 => all.extend(same),
            1 if dice.roll(2) == 0 => {}
            _ => {
                for arch in
                    if dice.roll(4) == 0 && arch == "x86_64" { vec![arch, "i686"] } else { vec![arch] }
                {
                    for _ in 0..=dice.roll(2) {
                        all.push(Spec {
                            name: name.clone(),
                            epoch: dice.of(&[0, 0, 0, 1]),
                            version: dice.of(&["1", "1.1", "1.10", "2", "2~rc1", "2^a"]).to_owned(),
                            release: dice.of(&["1", "2", "10"]).to_owned(),
                            arch,
                            content: "content",
                            ..Spec::default()
                        });
                    }
                }
            }
        }
    }
    let mut files = BTreeSet::new();
    all.retain(|spec| {
        files.insert((spec.name.clone(), spec.version.clone(), spec.release.clone(), spec.arch))
    });
    all
}

/// Returns kind and `package-evr.arch` of everything that dnf tells.
fn theirs(said: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut kind = "";
    for line in said.lines() {
        if let Some(package) = line.strip_prefix("Added package  : ") {
            found.insert(format!("added {package}"));
        } else if let Some(package) = line.strip_prefix("Removed package: ") {
            found.insert(format!("removed {package}"));
        } else if line == "Upgraded packages" {
            kind = "updated";
        } else if line == "Downgraded packages" {
            kind = "downgraded";
        } else if line.contains(" -> ") {
            found.insert(format!("{kind} {line}"));
        }
    }
    found
}

#[test]
fn packages_come_and_go_as_dnf_says() {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..TREES {
        let folder = tempfile::tempdir().unwrap();
        let mut dice = Dice::new(1000 + seed);
        let before = specs(&mut dice, &[]);
        let after = specs(&mut dice, &before);
        let place = |side: &str| folder.path().join(side).join(PLACE);
        repo(&place("old"), &before);
        repo(&place("new"), &after);
        let words = [
            "repodiff",
            "--repo-old=old",
            "--repo-new=new",
            "--compare-arch",
            "--simple",
            "--downgrade",
            "--arch=*",
        ];
        let theirs = theirs(&dnf(folder.path(), &[("old", &place("old")), ("new", &place("new"))], &words));
        let arches: BTreeMap<&str, &str> = before
            .iter()
            .chain(&after)
            .filter(|spec| spec.arch != "i686")
            .map(|spec| (spec.name.as_str(), spec.arch))
            .collect();
        let report = stagegate(folder.path(), &["diff", "./old", "./new"]);
        let changes = report["changes"]["packages"].as_array().unwrap();
        let ours: BTreeSet<String> = changes
            .iter()
            .map(|change| {
                let name = change["name"].as_str().unwrap();
                let (name, arch) =
                    name.split_once('.').unwrap_or((name, arches.get(name).copied().unwrap_or_default()));
                let package = |version: &str| format!("{name}-{}.{arch}", change[version].as_str().unwrap());
                let kind = change["kind"].as_str().unwrap();
                *kinds.entry(kind.to_owned()).or_default() += 1;
                match kind {
                    "added" => format!("added {}", package("to")),
                    "removed" => format!("removed {}", package("from")),
                    _ => format!("{kind} {} -> {}", package("from"), package("to")),
                }
            })
            .collect();
        assert_eq!(ours, theirs, "tree {seed}: {before:#?} {after:#?}");
    }
    assert!(
        ["added", "removed", "updated", "downgraded"].iter().all(|kind| kinds.get(*kind) > Some(&5)),
        "{kinds:?}"
    );
}
