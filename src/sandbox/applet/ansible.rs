//! `sandbox-ansible`, behind `ansible-playbook`: publishes the errata of the practice host, printing what ansible-core 2.14 prints.
//!
//! It knows one thing to do, `peridot_updateinfo`, and does it for real: the advisories of what is in staging go
//! into the metadata of each repository, which leaves every signature there stale. Like the real one it exits
//! 0 where no host matches.

mod playbook;

use super::{Call, practice};
use crate::sandbox::content::Content;
use crate::sandbox::layout::HostPaths;
use crate::sandbox::metadata::compression::decompress;
use crate::sandbox::metadata::repomd::Repomd;
use crate::sandbox::metadata::{Compression, ModifyrepoOptions, PackageCache, modifyrepo};
use crate::sandbox::{advisories, content};
use playbook::{Inventory, Playbook, Task};
use std::io::{self, StdoutLock, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

const GREEN: &str = "0;32";
const YELLOW: &str = "0;33";
const CYAN: &str = "0;36";
const RED: &str = "0;31";
const MAGENTA: &str = "1;35";

/// Runs the tool.
pub(super) fn run(call: &Call<'_>) -> io::Result<u8> {
    let arguments = Arguments::parse(&call.args);
    let mut screen = Screen(io::stdout().lock());
    let Some(text) = arguments.playbook.as_ref().and_then(|path| std::fs::read_to_string(path).ok()) else {
        let name = arguments.playbook.unwrap_or_default();
        screen.colour(RED, &format!("ERROR! the playbook: {} could not be found", name.display()))?;
        return Ok(1);
    };
    let Some(host) = call.host else {
        screen.colour(RED, "ERROR! this ansible-playbook belongs to a practice host")?;
        return Ok(1);
    };
    let playbook = Playbook::parse(&text);
    let inventory = arguments.inventory.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
    let mut hosts = match inventory {
        Some(text) => Inventory::parse(&text).hosts(&playbook.hosts),
        None => screen.no_inventory(arguments.inventory.as_deref())?,
    };
    let content = Content::embedded().map_err(io::Error::other)?;
    let releases = arguments.releases(&content);
    if practice::planted().as_deref() == Some("errata-skipped") {
        hosts.clear();
    }
    if hosts.is_empty() {
        return screen.no_hosts(&playbook);
    }
    Play { call, host, content: &content, releases, screen, counts: Counts::default() }.run(&playbook, &hosts)
}

/// What the command line says.
#[derive(Debug, Default)]
struct Arguments {
    playbook: Option<PathBuf>,
    inventory: Option<PathBuf>,
    /// `-e rlver=8`
    release: Option<String>,
}

impl Arguments {
    fn parse(args: &[String]) -> Self {
        let mut parsed = Self::default();
        let mut words = args.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "-i" | "--inventory" => parsed.inventory = words.next().map(PathBuf::from),
                "-e" | "--extra-vars" => {
                    let value = words.next().and_then(|text| text.strip_prefix("rlver="));
                    parsed.release = value.map(str::to_owned);
                }
                option if option.starts_with('-') => {}
                playbook => parsed.playbook = Some(PathBuf::from(playbook)),
            }
        }
        parsed
    }

    /// Returns the releases to publish for: the one that is named here or in RLVER, else all.
    fn releases(&self, content: &Content) -> Vec<String> {
        let named = self.release.clone().or_else(|| std::env::var("RLVER").ok());
        match named {
            Some(major) => content.releases.keys().filter(|known| **known == major).cloned().collect(),
            None => content.releases.keys().cloned().collect(),
        }
    }
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    ok: usize,
    changed: usize,
    failed: usize,
}

struct Play<'a> {
    call: &'a Call<'a>,
    host: &'a HostPaths,
    content: &'a Content,
    releases: Vec<String>,
    screen: Screen,
    counts: Counts,
}

impl Play<'_> {
    fn run(mut self, playbook: &Playbook, hosts: &[String]) -> io::Result<u8> {
        self.screen.banner(&format!("PLAY [{}]", playbook.name))?;
        self.screen.banner("TASK [Gathering Facts]")?;
        self.call.linger(Duration::from_millis(400));
        for on in hosts {
            self.screen.colour(GREEN, &format!("ok: [{on}]"))?;
        }
        self.counts.ok += 1;
        for task in &playbook.tasks {
            self.screen.banner(&format!("TASK [{}]", task.name))?;
            self.call.linger(Duration::from_millis(200));
            self.task(task, hosts)?;
            if self.counts.failed > 0 {
                break;
            }
        }
        self.screen.recap(hosts, self.counts)?;
        Ok(if self.counts.failed > 0 { 2 } else { 0 })
    }

    fn task(&mut self, task: &Task, hosts: &[String]) -> io::Result<()> {
        if task.module != "peridot_updateinfo" {
            self.counts.ok += 1;
            return hosts.iter().try_for_each(|on| self.screen.colour(GREEN, &format!("ok: [{on}]")));
        }
        // One host does the work, as one database answers for all.
        let on = hosts.first().map_or("", String::as_str);
        let mut changed = false;
        for repository in self.repositories() {
            let outcome = publish(self.host, &repository);
            let shown = repository.strip_prefix(self.host.staging()).unwrap_or(&repository).display();
            match outcome {
                Ok(Published::Changed) => {
                    changed = true;
                    self.screen.colour(YELLOW, &format!("changed: [{on}] => (item={shown})"))?;
                }
                Ok(Published::Same) => {
                    self.screen.colour(GREEN, &format!("ok: [{on}] => (item={shown})"))?;
                }
                Err(error) => {
                    self.counts.failed = 1;
                    let why = error.to_string().replace('"', "'");
                    let json = format!("{{\"changed\": false, \"msg\": \"{why}\"}}");
                    return self.screen.colour(
                        RED,
                        &format!("failed: [{on}] (item={shown}) => {json}\nfatal: [{on}]: FAILED! => {json}"),
                    );
                }
            }
            self.call.linger(Duration::from_millis(60));
        }
        self.counts.ok += 1;
        self.counts.changed += usize::from(changed);
        Ok(())
    }

    /// Lists the repositories in staging that get errata: what users install from.
    fn repositories(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for major in &self.releases {
            let Some(release) = self.content.releases.get(major) else { continue };
            for repo in &self.content.repos {
                for variant in repo.variants(major) {
                    let place = self.host.staging().join(&release.staging).join(repo.place(variant));
                    found.extend(content::ARCHES.iter().map(|arch| place.join(arch).join("os")));
                }
            }
        }
        found.retain(|path| path.join("repodata/repomd.xml").is_file());
        found
    }
}

/// What became of a repository.
enum Published {
    Changed,
    Same,
}

fn publish(host: &HostPaths, repository: &Path) -> io::Result<Published> {
    let wanted = advisories::updateinfo_xml(repository, &PackageCache::default());
    let repodata = repository.join("repodata");
    let present = present_updateinfo(&repodata)?;
    if present.as_deref() == Some(wanted.as_bytes()) || !wanted.contains("<update ") {
        return Ok(Published::Same);
    }
    let scratch = practice::scratch(host).join(format!("updateinfo.{}", std::process::id()));
    std::fs::create_dir_all(&scratch)?;
    let file = scratch.join("updateinfo.xml");
    std::fs::write(&file, &wanted)?;
    let options = ModifyrepoOptions {
        mdtype: Some("updateinfo".to_owned()),
        compression: Some(Compression::Xz),
        time: None,
    };
    let modified = modifyrepo(&file, &repodata, &options);
    std::fs::remove_dir_all(&scratch)?;
    modified.map_err(io::Error::other)?;
    Ok(Published::Changed)
}

fn present_updateinfo(repodata: &Path) -> io::Result<Option<Vec<u8>>> {
    let text = std::fs::read_to_string(repodata.join("repomd.xml"))?;
    let repomd = Repomd::parse(&text).map_err(io::Error::other)?;
    let Some(record) = repomd.records.iter().find(|record| record.kind == "updateinfo") else {
        return Ok(None);
    };
    let name = record.file_name();
    decompress(name, &std::fs::read(repodata.join(name))?).map(Some)
}

/// The terminal, in ansible's manner.
struct Screen(StdoutLock<'static>);

impl Screen {
    fn colour(&mut self, colour: &str, text: &str) -> io::Result<()> {
        text.lines().try_for_each(|line| writeln!(self.0, "\x1b[{colour}m{line}\x1b[0m"))
    }

    fn banner(&mut self, title: &str) -> io::Result<()> {
        let stars = 80_usize.saturating_sub(title.len() + 1).max(3);
        writeln!(self.0, "\n{title} {}", "*".repeat(stars))
    }

    fn no_inventory(&mut self, inventory: Option<&Path>) -> io::Result<Vec<String>> {
        let name = inventory.unwrap_or(Path::new("/etc/ansible/hosts")).display();
        self.colour(MAGENTA, &format!("[WARNING]: Unable to parse {name} as an inventory source"))?;
        self.colour(MAGENTA, "[WARNING]: No inventory was parsed, only implicit localhost is available")?;
        Ok(Vec::new())
    }

    fn no_hosts(&mut self, playbook: &Playbook) -> io::Result<u8> {
        let warning =
            format!("[WARNING]: Could not match supplied host pattern, ignoring: {}", playbook.hosts);
        self.colour(MAGENTA, &warning)?;
        self.banner(&format!("PLAY [{}]", playbook.name))?;
        self.colour(CYAN, "skipping: no hosts matched")?;
        self.banner("PLAY RECAP")?;
        writeln!(self.0)?;
        Ok(0)
    }

    fn recap(&mut self, hosts: &[String], counts: Counts) -> io::Result<()> {
        self.banner("PLAY RECAP")?;
        let Counts { ok, changed, failed } = counts;
        for (index, on) in hosts.iter().enumerate() {
            // Only the first host did the work.
            let (changed, failed) = if index == 0 { (changed, failed) } else { (0, 0) };
            let all = if failed > 0 {
                RED
            } else if changed > 0 {
                YELLOW
            } else {
                GREEN
            };
            let paint = |colour: &str, number: usize, text: String| match number {
                0 => text,
                _ => format!("\x1b[{colour}m{text}\x1b[0m"),
            };
            let name = format!("\x1b[{all}m{on}\x1b[0m");
            let field = |label: &str, number: usize| format!("{label}={number:<4}");
            let fields = [
                paint(GREEN, ok, field("ok", ok)),
                paint(YELLOW, changed, field("changed", changed)),
                field("unreachable", 0),
                paint(RED, failed, field("failed", failed)),
                field("skipped", 0),
                field("rescued", 0),
                field("ignored", 0),
            ];
            writeln!(self.0, "{name:<37} : {}", fields.join(" "))?;
        }
        writeln!(self.0)
    }
}
