//! What a supervisor tells consoles about the moment: progress, prompts, who has the helm.
//!
//! None of it is journaled; it is a hint that is out of date as soon as it is read. Log bytes are never
//! part of it (design 2).

use super::approval::Identity;
use super::name::{ReleaseId, ResourceName, StepId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// The check that is at work before or after it, with paths done and paths in all where known.
    pub checking: Option<(String, u64, Option<u64>)>,
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
    /// Gates whose evidence is being gathered: what is at work, paths done.
    pub gathering: BTreeMap<ReleaseId, (String, u64)>,
    /// Who has the helm.
    pub helm: Option<Identity>,
    /// How many events the journal has; a console that has fewer reads on.
    pub events: u64,
}
