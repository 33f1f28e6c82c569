//! What is ticked: releases by repos by {compose, sync}, and the flow.

use super::name::{FlowName, ReleaseId, RepoName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What is ticked for one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseSelection {
    /// Which release.
    pub release: ReleaseId,
    /// The repos to compose.
    pub compose: BTreeSet<RepoName>,
    /// The repos to sync to staging.
    pub sync: BTreeSet<RepoName>,
}

/// What is ticked, over all releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// The flow.
    pub flow: FlowName,
    /// One entry a release, in the order in which the lanes are shown.
    pub releases: Vec<ReleaseSelection>,
}
