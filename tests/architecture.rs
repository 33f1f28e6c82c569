//! Holds the shape of the house: the dependency rule, the size of files, their openings, and the rules
//! that a compiler does not know.

use stagegate::vet::Occasion;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Which modules a module may use (itself and `domain` are always allowed).
fn allowed() -> BTreeMap<&'static str, &'static [&'static str]> {
    BTreeMap::from([
        ("domain", &[][..]),
        ("catalog", &[]),
        ("compose", &[]),
        ("repodata", &[]),
        ("journal", &[]),
        ("exec", &[]),
        ("keys", &[]),
        ("notify", &[]),
        ("signing", &[]),
        ("vet", &["repodata", "compose"]),
        ("supervisor", &["exec", "journal", "vet", "catalog", "compose", "signing"]),
        ("app", &["keys"]),
        ("ui", &["app", "keys"]),
        ("sandbox", &["repodata", "compose"]),
        (
            "runtime",
            &["app", "catalog", "compose", "exec", "journal", "keys", "notify", "supervisor", "ui", "vet"],
        ),
        (
            "cli",
            &[
                "app",
                "catalog",
                "compose",
                "exec",
                "journal",
                "keys",
                "notify",
                "repodata",
                "runtime",
                "sandbox",
                "signing",
                "supervisor",
                "ui",
                "vet",
            ],
        ),
    ])
}

fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("src can be read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("below the package").to_string_lossy().into_owned()
}

/// Returns the module of `src/` that a file belongs to: `supervisor` for `src/supervisor/gate.rs`.
fn module(path: &Path) -> String {
    let relative = relative(path);
    let first = relative.trim_start_matches("src/").split('/').next().expect("a first part").to_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// Returns the modules that a source names through `crate::`, comments left out.
fn used(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.match_indices("crate::").map(move |(at, found)| &line[at + found.len()..]))
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect())
        .collect()
}

/// Returns the text before its `#[cfg(test)]` module.
fn without_tests(text: &str) -> &str {
    text.find("#[cfg(test)]\nmod tests {").map_or(text, |at| &text[..at])
}

fn is_test_file(path: &Path) -> bool {
    let name = relative(path);
    name.ends_with("/tests.rs") || name.contains("/tests/") || name.contains("fixture")
}

#[test]
fn dependencies_point_one_way() {
    let allowed = allowed();
    let mut wrong = Vec::new();
    for path in sources() {
        let module = module(&path);
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        let may =
            allowed.get(module.as_str()).unwrap_or_else(|| panic!("{module} is not in the dependency rule"));
        let text = fs::read_to_string(&path).expect("a source can be read");
        for other in used(&text) {
            let is_module = allowed.contains_key(other.as_str());
            if is_module && other != module && other != "domain" && !may.contains(&other.as_str()) {
                wrong.push(format!("{} uses {other}", relative(&path)));
            }
        }
    }
    assert!(wrong.is_empty(), "against the dependency rule:\n{}", wrong.join("\n"));
}

#[test]
fn the_pure_modules_touch_nothing_outside() {
    let forbidden = [
        "std::fs",
        "std::net",
        "std::process",
        "std::thread",
        "tokio",
        "ratatui",
        "crossterm",
        "SystemTime::now",
        "Timestamp::now",
        "Instant::now",
        "Zoned::now",
    ];
    let mut wrong = Vec::new();
    for path in
        sources().into_iter().filter(|path| ["domain", "app", "keys"].contains(&module(path).as_str()))
    {
        let text = fs::read_to_string(&path).expect("a source can be read");
        for line in without_tests(&text).lines().filter(|line| !line.trim_start().starts_with("//")) {
            wrong.extend(
                forbidden
                    .iter()
                    .filter(|word| line.contains(*word))
                    .map(|word| format!("{}: {word}", relative(&path))),
            );
        }
    }
    assert!(wrong.is_empty(), "pure modules reach outside:\n{}", wrong.join("\n"));
}

#[test]
fn colours_come_from_the_theme() {
    for path in sources() {
        let text = fs::read_to_string(&path).expect("a source can be read");
        let name = relative(&path);
        if name.starts_with("src/ui/theme") {
            continue;
        }
        let bad = text.lines().any(|line| line.contains("Color::") && !line.trim_start().starts_with("//"));
        assert!(!bad, "{name} names a colour; take a role of the theme");
    }
}

#[test]
fn files_are_about_one_thing() {
    let mut wrong = Vec::new();
    for path in sources().into_iter().filter(|path| !is_test_file(path)) {
        let text = fs::read_to_string(&path).expect("a source can be read");
        let lines = without_tests(&text).lines().count();
        if lines > 600 {
            wrong.push(format!("{}: {lines} lines", relative(&path)));
        }
    }
    assert!(wrong.is_empty(), "longer than 600 lines:\n{}", wrong.join("\n"));
    let main =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/main.rs")).expect("main.rs");
    assert!(main.lines().count() < 80, "main.rs has grown beyond 80 lines");
}

#[test]
fn every_file_says_what_it_is_for() {
    for path in sources() {
        let text = fs::read_to_string(&path).expect("a source can be read");
        let opening = text.lines().next().unwrap_or_default();
        assert!(
            opening.starts_with("//! ") && opening.len() > 12,
            "{} opens without its purpose",
            relative(&path)
        );
        assert!(!path.ends_with("mod.rs"), "{}: use foo.rs beside foo/", relative(&path));
    }
}

#[test]
fn words_of_the_glossary_only() {
    let banned = ["manager", "helper", "util", "misc"];
    for path in sources() {
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(!banned.iter().any(|word| stem.contains(word)), "{}: name what it is about", relative(&path));
    }
}

/// The one way to production: only `domain/launch.rs` makes a `ProductionLaunch`, and only after every
/// check of `authorize`; only the supervisor's `start` makes a unit, and it takes nothing but a `Launch`.
#[test]
fn one_way_leads_to_production() {
    let mut makers = Vec::new();
    let mut starters = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(&path).expect("a source can be read");
        let text = without_tests(&text);
        let name = relative(&path);
        if is_test_file(&path) {
            continue;
        }
        if text.contains("ProductionLaunch {") || text.contains("ProductionLaunch::authorize") {
            makers.push(name.clone());
        }
        if text.contains("Unit::start(") {
            starters.push(name);
        }
    }
    assert_eq!(makers, ["src/domain/launch.rs", "src/supervisor/gate.rs"]);
    assert_eq!(starters, ["src/supervisor/launch.rs"]);
    let launch = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/supervisor/launch.rs"))
        .expect("launch.rs");
    let before = &launch[..launch.find("Unit::start(").expect("the start")];
    let function = &before[before.rfind("fn ").expect("a function")..];
    assert!(
        function.starts_with("fn start(&mut self, launch: &Launch)"),
        "a unit starts from a Launch alone"
    );
}

/// Returns the sources that hold `text` outside comments and tests.
fn holding(text: &str) -> Vec<String> {
    let holds = |path: &PathBuf| {
        let source = fs::read_to_string(path).expect("a source can be read");
        without_tests(&source).lines().any(|line| !line.trim_start().starts_with("//") && line.contains(text))
    };
    let sources = sources().into_iter().filter(|path| !is_test_file(path));
    sources.filter(holds).map(|path| relative(&path)).collect()
}

/// What a launch is made of stays behind its door: no public field, no other maker, no way in from a file.
#[test]
fn a_launch_cannot_be_made_up() {
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain/launch.rs"))
        .expect("launch.rs");
    let code: String =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    for name in ["OrdinaryLaunch", "ProductionLaunch"] {
        let at = code.find(&format!("pub struct {name} {{\n    step: Step,\n}}")).expect("one private field");
        let derives = code[..at].lines().last().expect("its derives");
        assert_eq!(
            derives, "#[derive(Debug, Clone, PartialEq, Eq)]",
            "{name} comes from no file and no default"
        );
        assert!(!code.contains(&format!("for {name}")), "{name} is made from nothing else");
        assert_eq!(code.matches(&format!("impl {name} {{")).count(), 1);
    }
    assert_eq!(code.matches("Self { step: step.clone() }").count(), 2, "one maker each");
    assert_eq!(code.matches("-> Result<Self, Refusal>").count(), 1, "one door");
    assert_eq!(code.matches("-> Option<Self>").count(), 1);
    let door = &code[code.find("pub fn authorize").expect("the door")..];
    let checks = &door[..door.find("Ok(Self { step").expect("its end")];
    for check in [
        "is_production()",
        "plan.step(&step.id)",
        "is_empty()",
        "approval.release",
        "is_intact()",
        "approval.expires",
        "Self::check_signatures(&release, authority)?;",
        "Self::check_people(&release, authority)?;",
        "Self::check_seal(authority)?;",
    ] {
        assert!(checks.contains(check), "authorize no longer looks at {check}");
    }
}

/// Who counts as somebody who signed is made by a verification alone: no public field, no other maker, no way in from a
/// file; and the supervisor verifies just before it asks for the launch.
#[test]
fn a_verified_signer_cannot_be_made_up() {
    assert_eq!(holding("VerifiedSigner::vouch("), ["src/signing/verify.rs"]);
    let read =
        |name: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("a file");
    let code = read("src/domain/approval/verified.rs");
    let fields =
        "pub struct VerifiedSigner {\n    principal: String,\n    key: String,\n    text: String,\n}";
    let at = code.find(fields).expect("private fields");
    assert_eq!(code[..at].lines().last(), Some("#[derive(Debug, Clone, PartialEq, Eq)]"));
    assert_eq!(code.matches("-> Self {").count(), 1, "one maker");
    assert_eq!(code.matches("Self { principal").count(), 1);
    assert_eq!(code.matches("impl VerifiedSigner {").count(), 1);
    assert!(!code.contains("for VerifiedSigner"), "it is made from nothing else");
    let verify = read("src/signing/verify.rs");
    let before = &verify[..verify.find("VerifiedSigner::vouch(").expect("the maker")];
    let function = &before[before.rfind("\npub fn ").expect("a function")..];
    for check in ["text::of(run, revision, approval)?", "key_of(&signed.signature, &text)", "allowed.check("]
    {
        assert!(function.contains(check), "it vouches without {check}");
    }
    let gate = read("src/supervisor/gate.rs");
    assert!(gate.contains(
        "self.verify(&demand, &approvals).and_then(|signers| {\n                ProductionLaunch::authorize("
    ));
}

/// Nothing but `start` reaches the executor, and the processes that others start are known by name: the
/// supervisor itself, a clean bash over vars files, git over checkouts, and the programs that checks ask.
#[test]
fn who_starts_processes_is_known() {
    assert_eq!(holding("OrdinaryLaunch::new("), ["src/supervisor/launch.rs"]);
    assert_eq!(holding("ProductionLaunch::authorize("), ["src/supervisor/gate.rs"]);
    assert_eq!(holding("Launch::Production("), ["src/supervisor/gate.rs"]);
    assert_eq!(holding("UnitSpec::new("), ["src/supervisor/launch.rs"]);
    assert_eq!(holding("birth::born("), ["src/exec/unit.rs"]);
    assert_eq!(holding("pty::spawn("), ["src/exec/unit/birth.rs"]);
    let known = [
        "src/catalog/checkouts.rs",
        "src/catalog/vars.rs",
        "src/exec/pty.rs",
        "src/supervisor/client.rs",
        "src/vet/program.rs",
    ];
    let starting: Vec<String> =
        holding("Command::new(").into_iter().filter(|name| !name.starts_with("src/sandbox")).collect();
    let strangers: Vec<&String> = starting.iter().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(strangers.is_empty(), "start processes of their own: {strangers:?}");
}

/// Whatever is printed goes through `cli/context.rs`, which takes out secrets and what a terminal obeys; who prints
/// otherwise is known: the console's terminal, progress lines, logs, and what a supervisor says to who started it.
#[test]
fn who_prints_is_known() {
    let outside = |text: &str| -> Vec<String> {
        holding(text).into_iter().filter(|name| !name.starts_with("src/sandbox")).collect()
    };
    assert_eq!(
        outside("stdout()"),
        [
            "src/cli/context.rs",
            "src/cli/log.rs",
            "src/cli/plan.rs",
            "src/cli/progress.rs",
            "src/cli/status.rs",
            "src/runtime/console.rs",
            "src/runtime/terminal.rs",
            "src/supervisor/serve.rs"
        ]
    );
    assert_eq!(outside("io::stderr()"), ["src/cli/context.rs", "src/cli/progress.rs"]);
    let own =
        ["src/cli/plan.rs", "src/cli/print.rs", "src/cli/report.rs", "src/cli/run.rs", "src/cli/status.rs"];
    assert_eq!(outside("context::own("), own, "print something as it is that may not be their own");
}

#[test]
fn every_dependency_has_its_reason() {
    let read =
        |name: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("a file");
    let (manifest, architecture) = (read("Cargo.toml"), read("ARCHITECTURE.md"));
    let table = architecture.split("## Dependencies").nth(1).expect("the table of dependencies");
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| inside) {
            let named =
                table.lines().any(|row| row.split('|').nth(1).is_some_and(|names| names.contains(name)));
            assert!(named, "{name} has no line in ARCHITECTURE.md that says why it is there");
        }
    }
}

/// Returns the rows of the tables of a section of ARCHITECTURE.md, but for those that begin with `head`.
fn rows(section: &str, head: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md"));
    let text = text.expect("a file");
    let section = text.split(&format!("\n## {section}")).nth(1).expect("the section");
    let section = section.split("\n## ").next().expect("a section");
    let lines = section.lines().filter(|line| line.starts_with("| ") && !line.starts_with(head));
    lines
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// Asserts that a cell names tests, and that each is there.
fn tests_are_there(row: &[String], tests: &str) {
    let named: Vec<(&str, &str)> = tests.split('`').filter_map(|piece| piece.split_once(".rs::")).collect();
    assert!(!named.is_empty(), "{row:?} names no test");
    for (file, test) in named {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("{file}.rs"));
        let code = fs::read_to_string(path).unwrap_or_default();
        assert!(!code.is_empty(), "{row:?}: there is no {file}.rs");
        assert!(code.contains(&format!("fn {test}(")), "{row:?}: there is no {test} in {file}.rs");
    }
}

/// A row of the table of failures that names no test, or one that is gone, would be a claim.
#[test]
fn every_failure_of_the_table_has_its_test() {
    let rows = rows("What goes wrong", "| provoked ");
    assert!(rows.len() >= 60, "{} rows", rows.len());
    for row in rows {
        let [_, said, tests] = row.as_slice() else { panic!("three cells, not {row:?}") };
        assert!(!said.is_empty(), "{row:?} says nothing");
        tests_are_there(&row, tests);
    }
}

/// Every incident of the list and every habit of the scripts (R) has something that finds it, and a test that shows it.
#[test]
fn every_incident_has_its_check_and_its_test() {
    let rows = rows("Incidents, and what finds them", "| nr ");
    let numbers: Vec<&str> = rows.iter().flat_map(|row| row[0].split(", ")).collect();
    let incidents = (1..=15).map(|number| number.to_string());
    for number in incidents.chain((1..=18).map(|number| format!("R{number}"))) {
        assert!(numbers.contains(&number.as_str()), "nothing is said of incident {number}");
    }
    for row in &rows {
        let [_, incident, checks, tests] = row.as_slice() else { panic!("four cells, not {row:?}") };
        assert!(!incident.is_empty() && !checks.is_empty(), "{row:?} says nothing");
        // Some are found by no check: a lock or a journal keeps them out.
        for check in checks.split('`').skip(1).step_by(2) {
            let file = format!("src/vet/{}.rs", check.replace('-', "_"));
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&file);
            assert!(path.is_file(), "{row:?}: there is no {file}");
        }
        tests_are_there(row, tests);
    }
}

/// Every check says in its own head what it cannot see: a silent one must not be taken for more than it is.
#[test]
fn every_check_says_what_it_cannot_see() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let flow = fs::read_to_string(root.join("src/domain/flow.rs")).expect("a file");
    let list = flow.split("pub enum CheckName {").nth(1).and_then(|rest| rest.split("\n}").next());
    let names = list.expect("the list of checks").lines().filter_map(|line| line.trim().strip_suffix(','));
    let mut checks = 0;
    // Phrases are looked for while a step prints, and have no file here.
    for name in names.filter(|name| !name.starts_with("//") && *name != "Phrases") {
        let mut file = String::new();
        for letter in name.chars() {
            if letter.is_ascii_uppercase() && !file.is_empty() {
                file.push('_');
            }
            file.push(letter.to_ascii_lowercase());
        }
        let code = fs::read_to_string(root.join(format!("src/vet/{file}.rs"))).expect(name);
        let head: String = code.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(head.contains(" cannot"), "src/vet/{file}.rs does not say what it cannot see");
        checks += 1;
    }
    assert!(checks >= 25, "{checks} checks");
}

/// Every check of `stagegate verify` finds a defect of the corpus.
#[test]
fn every_check_of_verify_finds_a_defect_of_the_corpus() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &Path| fs::read_to_string(path).expect("a file");
    let corpus = fs::read_dir(root.join("tests/corpus")).expect("the corpus");
    let corpus: String = corpus.map(|entry| read(&entry.expect("an entry").path())).collect();
    let found: String =
        corpus.split(".finds(").skip(1).map(|call| call.split(')').next().unwrap_or(call)).collect();
    let occasions = [Occasion::Composes, Occasion::Staging, Occasion::Production, Occasion::Folder];
    let checks: BTreeSet<String> =
        occasions.iter().flat_map(|occasion| occasion.checks()).map(|check| check.to_string()).collect();
    for check in &checks {
        assert!(found.contains(&format!("\"{check}\"")), "no defect of the corpus is for {check} to find");
    }
    assert!(checks.len() >= 12, "{} checks", checks.len());
}
