//! What a supervisor tells consoles about the moment: progress, prompts, who has the helm.
//!
//! None of it is journaled; it is a hint that is out of date as soon as it is read. Log bytes are never
//! part of it (design 2).

use super::approval::Identity;
use super::name::{ReleaseId, ResourceName, StepId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far a look at files is: of a check, of the evidence, of a seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Looking {
    /// What is looked at.
    pub what: String,
    /// Files looked at so far.
    pub done: u64,
    /// Files in all, where that is known.
    pub of: Option<u64>,
    /// Bytes read so far.
    pub bytes: u64,
    /// Bytes read in a second; 0 where nothing can be told yet.
    pub rate: u64,
    /// Which part of the whole this is, where it has parts that can be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
}

/// One part of a look: one check of those of a gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What it is called.
    pub name: String,
    /// Which it is, from 1.
    pub nth: u32,
    /// How many there are.
    pub of: u32,
}

/// What is known about a running step beyond its journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct LiveStep {
    /// How far it is, 0 to 0.99; none where its output does not tell.
    pub fraction: Option<f32>,
    /// What it is doing, at most 60 characters, free of escape sequences.
    pub label: String,
    /// The size of its log in bytes.
    pub log_bytes: u64,
    /// What it asks, if it waits for input.
    pub prompt: Option<String>,
    /// Whether the answer will not be shown as it is typed: a password.
    pub secret: bool,
    /// How far the check is that is at work before or after it.
    pub checking: Option<Looking>,
    /// The resource that it waits for, and who holds it.
    pub waits_for: Option<(ResourceName, String)>,
    /// Seconds left of the grace after a stop was asked for.
    pub grace_left_s: Option<u64>,
}

/// The moment of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Live {
    /// The running steps.
    pub steps: BTreeMap<StepId, LiveStep>,
    /// Gates whose evidence is being gathered, and how far that is.
    pub gathering: BTreeMap<ReleaseId, Looking>,
    /// Who has the helm.
    pub helm: Option<Identity>,
    /// How often the helm has changed hands: tells a console's own turn from any other, whoever has it.
    #[serde(default)]
    pub helm_turn: u64,
    /// Why it was taken from whoever had it before, if it was taken.
    #[serde(default)]
    pub helm_reason: Option<String>,
    /// Why the supervisor gives up and stops what runs, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// How many events the journal has; a console that has fewer reads on.
    pub events: u64,
}
