//! The Plan screen: the exact steps of what is ticked, made anew at every tick.

use super::ticks::Ticks;
use crate::domain::name::RunId;
use crate::domain::plan::Plan;
use crate::domain::plan::make::PlanError;
use std::sync::Arc;

/// What has the focus on the Plan screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PlanFocus {
    /// The repos with their ticks; the cursor is that of the Status screen.
    #[default]
    Repos,
    /// The steps.
    Steps,
    /// The warnings.
    Warnings,
}

impl PlanFocus {
    /// Every focus, in the order of tab.
    pub const ALL: [Self; 3] = [Self::Repos, Self::Steps, Self::Warnings];
}

/// The Plan screen.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanModel {
    /// The plan, or why there is none.
    pub made: Result<Arc<Plan>, PlanError>,
    /// What has the focus.
    pub focus: PlanFocus,
    /// The chosen step, by its place in the plan.
    pub step: usize,
    /// The chosen warning.
    pub warning: usize,
    /// Whether a run of a plan is being made right now.
    pub starting: bool,
    /// The run whose rest is planned, and the ticks that came of it.
    pub rest_of: Option<(RunId, Ticks)>,
}

impl Default for PlanModel {
    fn default() -> Self {
        Self {
            made: Err(PlanError::NothingSelected),
            focus: PlanFocus::default(),
            step: 0,
            warning: 0,
            starting: false,
            rest_of: None,
        }
    }
}

impl PlanModel {
    /// Returns the plan, if there is one.
    pub fn plan(&self) -> Option<&Arc<Plan>> {
        self.made.as_ref().ok()
    }
}
