//! Trees of real packages, and the two programs that judge them.

use rpm::{BuildConfig, CompressionType, Dependency, FileOptions, PackageBuilder};
use serde_json::Value;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

/// Numbers that are the same in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn roll(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }

    pub(crate) fn of<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.roll(these.len())]
    }
}

/// A package to be built.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spec {
    pub(crate) name: String,
    pub(crate) epoch: u32,
    pub(crate) version: String,
    pub(crate) release: String,
    pub(crate) arch: &'static str,
    pub(crate) requires: Vec<String>,
    pub(crate) provides: Vec<String>,
    pub(crate) files: Vec<String>,
    /// What it holds: another build of the same version holds something else.
    pub(crate) content: &'static str,
}

fn dependency(text: &str) -> Dependency {
    if text.starts_with('(') {
        return Dependency::any(text);
    }
    let words: Vec<&str> = text.split(' ').collect();
    match words.as_slice() {
        [name, "=", version] => Dependency::eq(*name, *version),
        [name, "<", version] => Dependency::less(*name, *version),
        [name, "<=", version] => Dependency::less_eq(*name, *version),
        [name, ">", version] => Dependency::greater(*name, *version),
        [name, ">=", version] => Dependency::greater_eq(*name, *version),
        _ => Dependency::any(text),
    }
}

/// Builds packages into a folder and lets `createrepo_c` index it.
pub(crate) fn repo(folder: &Path, specs: &[Spec]) {
    std::fs::create_dir_all(folder.join("Packages")).unwrap();
    for spec in specs {
        let config = BuildConfig::v4()
            .source_date(1_700_000_000)
            .compression(CompressionType::None)
            .reserved_space(None);
        let mut builder = PackageBuilder::new(&spec.name, &spec.version, "MIT", spec.arch, "made for a test");
        builder.using_config(config).release(&*spec.release).epoch(spec.epoch);
        for text in &spec.requires {
            builder.requires(dependency(text));
        }
        for text in &spec.provides {
            builder.provides(dependency(text));
        }
        for path in &spec.files {
            builder.with_file_contents(spec.content, FileOptions::new(path)).unwrap();
        }
        let name = format!("{}-{}-{}.{}.rpm", spec.name, spec.version, spec.release, spec.arch);
        builder.build().unwrap().write_file(folder.join("Packages").join(name)).unwrap();
    }
    let output = run("createrepo_c", [OsStr::new("--quiet"), folder.as_os_str()]);
    assert!(output.status.success(), "{}", text(&output));
}

/// Adds module data to a repo: streams with their packages, and the one that is its module's default.
pub(crate) fn modules(folder: &Path, streams: &[(&str, &[&str])], default: &str) {
    let mut text = String::new();
    for (name, artifacts) in streams {
        let (module, stream) = name.split_once(':').unwrap();
        let artifacts: String = artifacts.iter().flat_map(|one| ["    - ", *one, "\n"]).collect();
        write!(
            text,
            "---\ndocument: modulemd\nversion: 2\ndata:\n  name: {module}\n  stream: \"{stream}\"\n  version: 1\n  context: c0\n  arch: x86_64\n  \
             summary: s\n  description: d\n  license:\n    module: [MIT]\n  dependencies:\n  - requires:\n      platform: [el8]\n  \
             artifacts:\n    rpms:\n{artifacts}...\n"
        )
        .unwrap();
    }
    let (module, stream) = default.split_once(':').unwrap();
    write!(
        text,
        "---\ndocument: modulemd-defaults\nversion: 1\ndata:\n  module: {module}\n  stream: \"{stream}\"\n...\n"
    )
    .unwrap();
    let file = folder.join("modules.yaml");
    std::fs::write(&file, text).unwrap();
    let repodata = folder.join("repodata");
    let output =
        run("modifyrepo_c", [OsStr::new("--mdtype=modules"), file.as_os_str(), repodata.as_os_str()]);
    assert!(output.status.success(), "{}", self::text(&output));
}

fn run<S: AsRef<OsStr>>(tool: &str, args: impl IntoIterator<Item = S>) -> Output {
    let output = Command::new(tool).args(args).env("LC_ALL", "C.UTF-8").output();
    output.unwrap_or_else(|why| {
        panic!("`{tool}` does not run ({why}): install createrepo_c, dnf and dnf-plugins-core")
    })
}

pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a command of dnf on those repos, by name; returns what it says, whatever its exit code.
pub(crate) fn dnf(scratch: &Path, repos: &[(&str, &Path)], words: &[&str]) -> String {
    let config = scratch.join("dnf.conf");
    std::fs::write(&config, "[main]\n").unwrap();
    let mut args: Vec<String> =
        ["--quiet", "--assumeno", "--releasever=8", "--forcearch=x86_64"].map(str::to_owned).to_vec();
    args.push(format!("--config={}", config.display()));
    args.push(format!("--installroot={}", scratch.join("root").display()));
    for (option, folder) in [("cachedir", "cache"), ("persistdir", "persist"), ("logdir", "log")] {
        std::fs::create_dir_all(scratch.join(folder)).unwrap();
        args.push(format!("--setopt={option}={}", scratch.join(folder).display()));
    }
    args.extend(
        [
            "--setopt=reposdir=/dev/null",
            "--setopt=varsdir=/dev/null",
            "--setopt=module_platform_id=platform:el8",
        ]
        .map(str::to_owned),
    );
    for (name, folder) in repos {
        args.push(format!("--repofrompath={name},file://{}", folder.display()));
        args.push(format!("--repo={name}"));
    }
    args.extend(words.iter().map(|word| (*word).to_owned()));
    let output = run("dnf", args);
    let said = text(&output);
    assert!(!said.contains("No such command"), "install dnf-plugins-core: {said}");
    let broken = ["Traceback", "Failed to", "Unable to"].iter().any(|word| said.contains(word));
    assert!(!broken && (output.status.success() || said.contains("Repoclosure ended")), "{said}");
    said
}

/// Runs `stagegate` in a folder and returns the JSON that it prints.
pub(crate) fn stagegate(folder: &Path, words: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_stagegate"))
        .args(words)
        .args(["--format", "json"])
        .current_dir(folder)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&output)))
}
