//! What is not closed, by `dnf repoclosure` and by ours, on random trees; and rich dependencies, by the real rpm.
//!
//! libsolv takes `(a and b)` for `(a or b)` and looks for the a of `(a if b)` alone, so in random trees both parts of an `and` share
//! their fate and the b of an `if` is always there; what the others mean is asked of rpm itself.

use super::tree::{Dice, Spec, dnf, modules, repo, stagegate, text};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const TREES: u64 = 48;
const BASE: &str = "BaseOS/x86_64/os";
const APPS: &str = "AppStream/x86_64/os";

/// What a random tree is made of.
struct Maker {
    dice: Dice,
    /// Packages that are there.
    packages: Vec<String>,
}

impl Maker {
    fn version(&mut self) -> String {
        let epoch = self.dice.of(&["", "", "", "1:", "0:"]);
        let version = self.dice.of(&["1", "1.0", "1.1", "2", "2~rc1", "2^git", "10"]);
        let release = self.dice.of(&["", "", "-1", "-2", "-1.el8"]);
        format!("{epoch}{version}{release}")
    }

    fn capability(&mut self) -> String {
        let name = match self.dice.roll(5) {
            0 => self.package(),
            _ => format!("cap{}", self.dice.roll(9)),
        };
        match self.dice.roll(2) {
            0 => name,
            _ => format!("{name} {} {}", self.dice.of(&["=", "<", "<=", ">", ">="]), self.version()),
        }
    }

    fn package(&mut self) -> String {
        let at = self.dice.roll(self.packages.len());
        self.packages[at].clone()
    }

    fn requirement(&mut self) -> String {
        match self.dice.roll(16) {
            0 => format!("/usr/bin/tool{}", self.dice.roll(6)),
            1 => format!("/usr/share/data{}", self.dice.roll(6)),
            2 => format!("({} or {})", self.capability(), self.capability()),
            3 => format!("({} or {} or {})", self.capability(), self.capability(), self.capability()),
            4 => format!("({} with {})", self.capability(), self.capability()),
            5 => format!("({} without {})", self.capability(), self.capability()),
            6 => format!("({} if {})", self.capability(), self.package()),
            7 => match self.dice.roll(2) {
                0 => format!("({} and {})", self.package(), self.package()),
                _ => "(nothing and nobody)".to_owned(),
            },
            8 => format!("(({} with {}) or {})", self.capability(), self.capability(), self.capability()),
            _ => self.capability(),
        }
    }

    fn spec(&mut self, name: String) -> Spec {
        let (requires, provides, files) = (self.dice.roll(4), self.dice.roll(3), self.dice.roll(2));
        Spec {
            name,
            epoch: self.dice.of(&[0, 0, 1]),
            version: self.dice.of(&["1", "1.1", "2", "2~rc1"]).to_owned(),
            release: self.dice.of(&["1", "2", "1.el8"]).to_owned(),
            arch: self.dice.of(&["x86_64", "x86_64", "noarch", "i686"]),
            requires: (0..requires).map(|_| self.requirement()).collect(),
            provides: (0..provides)
                .map(|_| {
                    let name = format!("cap{}", self.dice.roll(7));
                    if self.dice.roll(3) == 0 { name } else { format!("{name} = {}", self.version()) }
                })
                .collect(),
            files: (0..files)
                .map(|_| format!("/usr/{}{}", self.dice.of(&["bin/tool", "share/data"]), self.dice.roll(5)))
                .collect(),
            content: "content",
        }
    }
}

/// Takes the brackets and spaces off that libsolv writes otherwise than rpm.
fn plain(requirement: &str) -> String {
    requirement.chars().filter(|c| !matches!(c, '(' | ')' | ' ')).collect::<String>().replace("0:", "")
}

/// Returns `package requirement` of everything that dnf finds unresolved.
fn theirs(said: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut package = "";
    for line in said.lines() {
        if let Some(rest) = line.strip_prefix("package: ") {
            package = rest.split(" from ").next().unwrap();
        } else if let Some(requirement) = line.strip_prefix("    ") {
            found.insert(format!("{package} {}", plain(requirement)));
        }
    }
    found
}

/// Returns the same of ours.
fn ours(tree: &Path) -> BTreeSet<String> {
    let report = stagegate(tree, &["verify", "."]);
    let findings = report["findings"].as_array().unwrap();
    let mine = findings.iter().filter(|finding| finding["check"] == "dependencies-closed");
    mine.map(|finding| {
        let message = finding["message"].as_str().unwrap();
        let (said, _) = message.rsplit_once(": nothing ").unwrap_or_else(|| panic!("{message}"));
        let (package, requirement) = said.split_once(" requires ").unwrap();
        format!("{package} {}", plain(requirement))
    })
    .collect()
}

#[test]
fn random_trees_are_closed_where_dnf_says_so() {
    let (mut missing, mut rich, mut files, mut versioned) = (0, 0, 0, 0);
    for seed in 0..TREES {
        let folder = tempfile::tempdir().unwrap();
        let mut maker =
            Maker { dice: Dice::new(seed), packages: (0..14).map(|at| format!("p{at}")).collect() };
        let specs: Vec<Spec> = maker.packages.clone().into_iter().map(|name| maker.spec(name)).collect();
        let tree = folder.path().join("tree");
        let (base, apps) = specs.split_at(7);
        repo(&tree.join(BASE), base);
        repo(&tree.join(APPS), apps);
        let repos = [("base", tree.join(BASE)), ("apps", tree.join(APPS))];
        let repos = repos.each_ref().map(|(name, path)| (*name, path.as_path()));
        let theirs = theirs(&dnf(folder.path(), &repos, &["repoclosure"]));
        assert_eq!(ours(&tree), theirs, "tree {seed}: {specs:#?}");
        let of =
            |mark: fn(&&String) -> bool| specs.iter().flat_map(|spec| &spec.requires).filter(mark).count();
        missing += theirs.len();
        rich += of(|text| text.starts_with('('));
        files += of(|text| text.starts_with('/'));
        versioned += of(|text| !text.starts_with('(') && text.contains(' '));
    }
    println!("{TREES} trees: {rich} rich, {files} files, {versioned} versioned; {missing} missing");
    assert!(missing > 100 && rich > 100 && files > 30 && versioned > 100);
}

/// Returns a package of one version that nothing is required of.
fn spec(name: &str, version: &str, release: &str, requires: &[&str], provides: &[&str]) -> Spec {
    Spec {
        name: name.to_owned(),
        version: version.to_owned(),
        release: release.to_owned(),
        arch: "noarch",
        requires: requires.iter().map(|text| (*text).to_owned()).collect(),
        provides: provides.iter().map(|text| (*text).to_owned()).collect(),
        ..Spec::default()
    }
}

#[test]
fn dnf_sees_the_same_of_default_streams_and_looks_into_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("tree").join(BASE);
    let module = "1.module+el8";
    repo(
        &place,
        &[
            spec("httpd", "2", module, &[], &["web"]),
            spec("httpd", "3", "1.el8", &["gone"], &["web-server"]),
            spec("httpd-doc", "3", "1.el8", &["httpd = 3"], &[]),
            spec("mod-x", "1", module, &["httpd = 2", "lost"], &[]),
            spec("site", "1", "1.el8", &["web-server", "web"], &[]),
            spec("like", "1", "1.el8", &["nothing"], &["httpd = 9"]),
            spec("node", "18", module, &[], &[]),
            spec("node", "20", module, &[], &["node-api = 20"]),
            spec("npm", "20", module, &["node = 18"], &[]),
            spec("tool", "1", "1.el8", &["node-api"], &[]),
        ],
    );
    modules(
        &place,
        &[
            ("web:2", &["httpd-0:2-1.module+el8.noarch", "mod-x-0:1-1.module+el8.noarch"]),
            ("node:18", &["node-0:18-1.module+el8.noarch"]),
            ("node:20", &["node-0:20-1.module+el8.noarch", "npm-0:20-1.module+el8.noarch"]),
        ],
        "web:2",
    );
    let theirs = theirs(&dnf(folder.path(), &[("base", &place)], &["repoclosure"]));
    let wanted = [
        "httpd-doc-3-1.el8.noarch httpd=3",
        "mod-x-1-1.module+el8.noarch lost",
        "site-1-1.el8.noarch web-server",
        "tool-1-1.el8.noarch node-api",
    ];
    assert_eq!(theirs.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
    let mut ours = ours(&folder.path().join("tree"));
    assert!(
        ours.remove("npm-20-1.module+el8.noarch node=18"),
        "a stream that dnf does not look into: {ours:?}"
    );
    assert_eq!(ours, theirs);
}

/// Says whether rpm would install `asking` with each of those packages there.
fn rpm_accepts(folder: &Path, packages: &[&str]) -> bool {
    let mut command = Command::new("rpm");
    command
        .args(["-i", "--test", "--nosignature", "--nodigest", "--ignorearch", "--ignoreos", "--dbpath"])
        .arg(folder.join("db"));
    command.args(packages.iter().map(|name| folder.join(format!("{BASE}/Packages/{name}-1-1.noarch.rpm"))));
    let output = command
        .env("LC_ALL", "C")
        .output()
        .unwrap_or_else(|why| panic!("rpm does not run ({why}): install it"));
    let said = text(&output);
    assert!(output.status.success() || said.contains("is needed by"), "{packages:?}: {said}");
    output.status.success()
}

#[test]
fn rich_dependencies_mean_what_rpm_takes_them_for() {
    for rich in [
        "(a or x)",
        "(x or y)",
        "(a and b)",
        "(a and x)",
        "(x and y)",
        "(a with both)",
        "(a with b)",
        "(both without a)",
        "(a without both)",
        "(x if y)",
        "(x if y else a)",
        "(x if y else z)",
        "(a if b else x)",
        "((a and b) or x)",
        "(a and (x or b))",
        "(both >= 2 with both < 3)",
        "(both >= 3)",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let specs = [
            spec("a", "1", "1", &[], &["both = 2"]),
            spec("b", "1", "1", &[], &["both = 1"]),
            spec("asking", "1", "1", &[rich], &[]),
        ];
        repo(&folder.path().join(BASE), &specs);
        // A repo is closed if there is something to install with which rpm is content.
        let sets: [&[&str]; 4] = [&["asking"], &["asking", "a"], &["asking", "b"], &["asking", "a", "b"]];
        let content = sets.iter().any(|set| rpm_accepts(folder.path(), set));
        assert_eq!(ours(folder.path()).is_empty(), content, "{rich}");
    }
}
