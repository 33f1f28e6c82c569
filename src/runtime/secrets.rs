//! What must not be shown of a run: the names and shapes of the catalog that it was made from, the values of its plan.
//!
//! It reads the run's own copy of the catalog, because that is what its values came from.

use crate::catalog::{self, Source};
use crate::domain::plan::Plan;
use crate::domain::redact::Redactor;
use crate::journal::store::RunDir;

/// Makes what takes secrets out of everything that a run shows.
pub fn of_run(dir: &RunDir, plan: &Plan) -> Redactor {
    // A run whose catalog cannot be read any more is shown by the names of the built-in one, not by none.
    let read = |source: &Source| catalog::read(source).map(|draft| draft.secrets());
    let secrets = read(&Source::File(dir.catalog())).or_else(|_| read(&Source::BuiltIn)).unwrap_or_default();
    Redactor::of_plan(&secrets, plan)
}
