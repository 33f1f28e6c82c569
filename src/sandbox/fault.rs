//! The failures that a practice host can be told to have, one file each in `DIR/faults`.
//!
//! A failure is planted for one step and used up when it strikes, so that trying again works, as it does
//! when a colleague has repaired something. The scripts ask for it by the name of the file; nothing else
//! knows of it, least of all the console, which has to find out by itself.

use crate::domain::name::{InvalidName, StepId};
use crate::sandbox::layout::HostPaths;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

/// One kind of failure.
#[derive(Debug, PartialEq, Eq)]
pub struct FaultKind {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What happens, in one line.
    pub summary: &'static str,
    /// The step it strikes unless another is named.
    pub natural: &'static str,
    effect: Effect,
}

/// When a failure takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// When its step runs and asks for it.
    InStep,
    /// At once, in what the step will read.
    AtOnce,
}

const fn in_step(name: &'static str, natural: &'static str, summary: &'static str) -> FaultKind {
    FaultKind { name, summary, natural, effect: Effect::InStep }
}

/// All kinds of failures.
pub const FAULTS: &[FaultKind] = &[
    in_step(
        "sync-exits-0-without-files",
        "8/sync/Rocky",
        "the sync copies nothing, says nothing and exits 0",
    ),
    in_step("compose-doomed", "8/compose/Rocky", "pungi fails in the middle: STATUS DOOMED, the link stays"),
    in_step("step-fails", "8/sync/Rocky", "the script says why and exits 1 at once"),
    in_step("step-hangs", "8/sync/Rocky", "the script never ends, and its child does not listen to TERM"),
    in_step("flood", "8/sync/Rocky", "200 MB of output before the work begins"),
    in_step(
        "hostile",
        "8/sync/Rocky",
        "the script prints everything that could take over a terminal, and secrets: escape sequences and lines without an end, too",
    ),
    in_step("prompt", "8/sync/Rocky", "sudo asks for a password on the terminal; any line will do"),
    in_step("unsigned", "8/sign", "AppStream of x86_64 is left without a signature, exit 0"),
    in_step("modules-lost", "8/prep", "AppStream of x86_64 gets no modules, exit 0"),
    in_step("errata-skipped", "8/errata", "ansible matches no hosts: nothing is published, exit 0"),
    in_step(
        "partial-push",
        "8/publish",
        "the transfer of one tree dies midway; the script exits 0 and rewrites the lists",
    ),
    in_step("disk-full", "8/publish", "production is full in the middle of one tree; the script exits 0"),
    in_step("link-moves", "8/sync/Rocky", "the latest link moves to another compose while the sync runs"),
    FaultKind {
        name: "mount-not-answering",
        summary: "the mount of the step does not answer: its marker blocks who opens it (a FIFO; repair: an empty file .stagegate-mount)",
        natural: "8/compose/Rocky",
        effect: Effect::AtOnce,
    },
];

/// Why a text names no failure.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// There is no such kind.
    #[error("no fault `{name}`{}; there are: {}", suggestion(.name), names())]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The step behind the `@` cannot be one.
    #[error("fault `{fault}`: {source}")]
    Step {
        /// The kind.
        fault: &'static str,
        /// What is wrong with the step.
        source: InvalidName,
    },
}

/// A failure and the step that it strikes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    kind: &'static FaultKind,
    step: StepId,
}

impl Fault {
    /// Returns the kind of failure.
    pub fn kind(&self) -> &'static FaultKind {
        self.kind
    }

    /// Returns the step that it strikes.
    pub fn step(&self) -> &StepId {
        &self.step
    }

    /// Returns the file that plants it: `DIR/faults/unsigned@8:sign`.
    pub fn file(&self, host: &HostPaths) -> PathBuf {
        let step = self.step.as_str().replace('/', ":");
        host.root().join("faults").join(format!("{}@{step}", self.kind.name))
    }

    /// Plants it in `host`.
    pub fn plant(&self, host: &HostPaths) -> io::Result<()> {
        match self.kind.effect {
            Effect::InStep => std::fs::write(self.file(host), format!("{}\n", self.kind.summary)),
            Effect::AtOnce => self.block_mount(host),
        }
    }

    /// Puts a FIFO that nobody writes to in the place of the marker of a mount: the nearest thing to a dead NFS
    /// server that can be had without root. `stat` answers, `open` does not.
    fn block_mount(&self, host: &HostPaths) -> io::Result<()> {
        let mount = match self.step.as_str().split('/').nth(1) {
            Some("compose") => host.compose(),
            Some("publish") => host.production_mount(),
            _ => host.staging_mount(),
        };
        let marker = mount.join(".stagegate-mount");
        if std::fs::symlink_metadata(&marker).is_ok_and(|meta| meta.is_file()) {
            std::fs::remove_file(&marker)?;
            rustix::fs::mknodat(
                rustix::fs::CWD,
                &marker,
                rustix::fs::FileType::Fifo,
                rustix::fs::Mode::from_raw_mode(0o644),
                0,
            )?;
        }
        Ok(())
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    /// Reads `NAME` or `NAME@STEP`.
    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (name, step) = text.split_once('@').map_or((text, None), |(name, step)| (name, Some(step)));
        let kind = FAULTS
            .iter()
            .find(|kind| kind.name == name)
            .ok_or_else(|| FaultError::Unknown { name: name.to_owned() })?;
        let step = StepId::try_from(step.unwrap_or(kind.natural).to_owned())
            .map_err(|source| FaultError::Step { fault: kind.name, source })?;
        Ok(Self { kind, step })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.kind.name, self.step.as_str())
    }
}

fn names() -> String {
    FAULTS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ")
}

fn suggestion(name: &str) -> String {
    let nearest = FAULTS.iter().max_by(|a, b| {
        let near = |kind: &FaultKind| strsim::jaro_winkler(kind.name, name);
        near(a).total_cmp(&near(b))
    });
    match nearest {
        Some(kind) if strsim::jaro_winkler(kind.name, name) > 0.75 => {
            format!(", did you mean `{}`?", kind.name)
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_at_its_natural_step_unless_told_otherwise() {
        let host = HostPaths::new("/host");
        let file = |text: &str| text.parse::<Fault>().unwrap().file(&host);
        assert_eq!(file("unsigned"), PathBuf::from("/host/faults/unsigned@8:sign"));
        assert_eq!(file("step-fails@9/sync/Extras"), PathBuf::from("/host/faults/step-fails@9:sync:Extras"));
    }

    #[test]
    fn every_natural_step_is_a_step_id_and_names_are_unique() {
        for (index, kind) in FAULTS.iter().enumerate() {
            assert!(kind.name.parse::<Fault>().is_ok(), "{}", kind.name);
            assert!(FAULTS[..index].iter().all(|other| other.name != kind.name), "{}", kind.name);
        }
    }

    #[test]
    fn an_unknown_fault_is_answered_with_the_nearest_name() {
        let error = "unsinged".parse::<Fault>().unwrap_err().to_string();
        assert!(error.contains("did you mean `unsigned`?"), "{error}");
        assert!("unsigned@../x".parse::<Fault>().is_err());
    }
}
