//! What is true about interrupted steps, here and now: the journal, weighed against the processes of this host.
//!
//! For whoever shows a run (commands, console, reports) and for the supervisor that takes it up again. It only looks.

use super::identity;
use crate::domain::name::{RunId, StepId};
use crate::domain::plan::{Plan, Step};
use crate::domain::run::recovery::{Interrupted, Sighting, Survivor};
use crate::domain::run::{Cut, Place, RunState};
use crate::exec::cgroup::{Cell, PREFIX};
use crate::exec::group::ProcessId;
use crate::exec::survivors::{Look, command, started_at};
use crate::journal::store::RunDir;
use jiff::Timestamp;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;

/// The variable that marks every process of one attempt.
pub(super) const MARK: &str = "STAGEGATE_STEP";

/// A look at this host that is taken when something asks for it, and only once.
#[derive(Debug, Default)]
pub struct Eyes {
    place: OnceCell<Place>,
    look: OnceCell<Look>,
}

impl Eyes {
    /// Returns the truth about every interrupted step of a run, by step.
    ///
    /// `alive` says whether a supervisor holds its lock: if none does, what counts as running was interrupted too.
    pub fn truths(&self, dir: &RunDir, state: &RunState, alive: bool) -> BTreeMap<StepId, Interrupted> {
        let cut_off =
            |step: &&Step| state.record(&step.id).is_some_and(|record| !(alive && record.is_running()));
        let weigh = |step: &Step| {
            let cut = state.cut(&step.id)?;
            let sighting = self.sighting(dir, &state.plan, step, &cut);
            Some((step.id.clone(), Interrupted::weigh(state, step, &sighting)?))
        };
        state.plan.steps.iter().filter(cut_off).filter_map(weigh).collect()
    }

    fn place(&self) -> &Place {
        self.place.get_or_init(identity::place)
    }

    fn look(&self) -> &Look {
        self.look.get_or_init(|| Look::take(MARK))
    }

    /// Returns every living process of a step of any run of `house`, with what says so.
    pub(super) fn claims<'a>(
        &'a self,
        house: &'a House,
    ) -> impl Iterator<Item = (RunId, Claim<'a>, ProcessId)> + 'a {
        let marked = self.look().marks().filter_map(|(mark, id)| {
            let (run, step) = house.marked(mark)?;
            Some((run, Claim::Mark(step), id))
        });
        let housed =
            self.look().cells().filter_map(|(cell, id)| Some((house.housed(cell)?, Claim::Cell(cell), id)));
        marked.chain(housed)
    }

    fn sighting(&self, dir: &RunDir, plan: &Plan, step: &Step, cut: &Cut) -> Sighting {
        let place = self.place().clone();
        let same_boot = cut.place.boot_id.is_empty() || cut.place.boot_id == place.boot_id;
        if step.argv.is_empty() || !same_boot {
            return Sighting { place, ..Sighting::default() };
        }
        // In another pid namespace the same number is another process.
        let same_numbers = [0, place.pid_namespace].contains(&cut.place.pid_namespace);
        let recorded = cut.process.filter(|_| same_numbers);
        let shell = recorded.map(|(pid, start_time)| ProcessId { start_time, pid });
        let house = House::of(dir);
        let fits = |mark: &str| house.is_of(mark, dir.id(), &step.id);
        let holds = |cell: &Cell| {
            let of_run = house.housed(cell).is_some_and(|run| run == *dir.id());
            of_run && Claim::Cell(cell).step(plan).is_some_and(|of| of.id == step.id)
        };
        let found = self.look().of(fits, holds, shell);
        let hidden = cut.end.is_none().then(|| self.look().hidden_since(ticks(cut))).flatten();
        Sighting { place, survivors: found.into_iter().map(survivor).collect(), hidden }
    }
}

/// What says that a process is of a step.
#[derive(Debug)]
pub(super) enum Claim<'a> {
    /// Its environment, which sudo clears.
    Mark(StepId),
    /// The cgroup that it was born in.
    Cell(&'a Cell),
}

impl Claim<'_> {
    /// Returns the step of its run's plan.
    pub(super) fn step<'p>(&self, plan: &'p Plan) -> Option<&'p Step> {
        let is_it = |step: &&Step| match self {
            Claim::Mark(id) => step.id == *id,
            Claim::Cell(cell) => cell.step.strip_prefix(&file_stem(plan, &step.id)).is_some_and(|again| {
                let attempt = again.strip_prefix('.').map(str::parse::<u32>);
                again.is_empty() || attempt.is_some_and(|attempt| attempt.is_ok())
            }),
        };
        plan.steps.iter().find(is_it)
    }
}

/// Returns what the files and cgroups of a step are called by: `03-8-sync-Rocky`.
pub(super) fn file_stem(plan: &Plan, step: &StepId) -> String {
    let place = plan.steps.iter().position(|other| other.id == *step).unwrap_or(0) + 1;
    format!("{place:02}-{}", step.as_str().replace('/', "-"))
}

/// A state folder, told from every other one of this host: two of them may well have a run of the same name.
///
/// Device and inode of the folder of its runs, which no path changes: neither a bind mount nor a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct House(String);

impl House {
    /// Returns the house of a run.
    pub(super) fn of(dir: &RunDir) -> Self {
        let runs = dir.path().parent().unwrap_or(dir.path());
        let id = std::fs::metadata(runs).map(|folder| format!("{:x}-{:x}", folder.dev(), folder.ino()));
        Self(id.unwrap_or_default())
    }

    /// Returns the value of the mark of one attempt: `RUN/STEP/ATTEMPT@HOUSE`.
    pub(super) fn mark(&self, run: &RunId, step: &StepId, attempt: u32) -> String {
        format!("{run}/{step}/{attempt}@{}", self.0)
    }

    /// Returns the run and the step of this house that a mark names.
    ///
    /// A mark without a house, as earlier versions gave, may be of this one, so it counts as such.
    pub(super) fn marked(&self, mark: &str) -> Option<(RunId, StepId)> {
        let (mark, house) = mark.split_once('@').map_or((mark, None), |(mark, house)| (mark, Some(house)));
        if house.is_some_and(|house| house != self.0) {
            return None;
        }
        let (run, rest) = mark.split_once('/')?;
        let (step, attempt) = rest.rsplit_once('/')?;
        attempt.parse::<u32>().ok()?;
        Some((RunId::new(run.to_owned()).ok()?, step.parse().ok()?))
    }

    /// Returns what the cgroup of a run is called by: `stagegate-RUN:HOUSE`, and `:` with more behind it as a scope.
    pub(super) fn cgroup(&self, run: &RunId) -> String {
        format!("{PREFIX}{run}:{}", self.0)
    }

    /// Returns the run of this house whose cgroup it is.
    pub(super) fn housed(&self, cell: &Cell) -> Option<RunId> {
        let mut parts = cell.run.split(':');
        let (run, house) = (parts.next()?, parts.next()?);
        (house == self.0).then(|| RunId::new(run.to_owned()).ok()).flatten()
    }

    fn is_of(&self, mark: &str, run: &RunId, step: &StepId) -> bool {
        self.marked(mark).is_some_and(|(of, named)| of == *run && named == *step)
    }
}

/// Makes what is shown of a process.
pub(super) fn survivor(id: ProcessId) -> Survivor {
    Survivor {
        pid: id.pid,
        start_time: id.start_time,
        command: command(id.pid),
        since: started_at(id.start_time).and_then(|second| Timestamp::from_second(second).ok()),
    }
}

/// Returns when an attempt began, in clock ticks since boot: by its shell, else by the clock, a little early.
fn ticks(cut: &Cut) -> u64 {
    if let Some((_, start_time)) = cut.process {
        return start_time;
    }
    let boot = started_at(0).unwrap_or(0);
    let seconds = u64::try_from(cut.since.as_second().saturating_sub(boot + 2)).unwrap_or(0);
    seconds.saturating_mul(rustix::param::clock_ticks_per_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cgroup_names_its_run_and_its_step() {
        let run: RunId = "20261122T184500Z-8-update".parse().unwrap();
        let house = House("fe01-2a".to_owned());
        let name = house.cgroup(&run);
        let cell = |of: &str, step: &str| Cell {
            run: of.trim_start_matches(PREFIX).to_owned(),
            step: step.to_owned(),
        };
        assert_eq!(house.housed(&cell(&name, "01-x")), Some(run.clone()));
        assert_eq!(house.housed(&cell(&format!("{name}:4711"), "01-x")), Some(run.clone()), "a scope");
        assert_eq!(House("fe01-2b".to_owned()).housed(&cell(&name, "01-x")), None, "another state folder");
        assert_eq!(house.housed(&cell("stagegate-what", "01-x")), None);
        let catalog = crate::domain::fixture::catalog();
        let plan = super::super::tests::plan_of(&catalog, &["true"]);
        for step in &plan.steps {
            let stem = file_stem(&plan, &step.id);
            for again in ["", ".2", ".17"] {
                let cell = cell(&name, &format!("{stem}{again}"));
                assert_eq!(Claim::Cell(&cell).step(&plan).map(|of| &of.id), Some(&step.id), "{cell:?}");
            }
            for other in ["x", "-devel", ".x", "."] {
                let cell = cell(&name, &format!("{stem}{other}"));
                assert_eq!(Claim::Cell(&cell).step(&plan).map(|of| &of.id), None, "{cell:?}");
            }
        }
    }

    #[test]
    fn a_mark_names_its_step_and_no_other() {
        let run: RunId = "20261122T184500Z-8-update".parse().unwrap();
        let id = |text: &str| text.parse::<StepId>().unwrap();
        let house = House("fe01-2a".to_owned());
        let text = house.mark(&run, &id("8/sync/Rocky"), 12);
        assert_eq!(house.marked(&text), Some((run.clone(), id("8/sync/Rocky"))));
        assert_eq!(House("fe01-2b".to_owned()).marked(&text), None, "the same run of another state folder");
        let old = format!("{run}/8/sync/Rocky/12");
        assert!(house.is_of(&old, &run, &id("8/sync/Rocky")), "of an earlier version");
        assert!(house.is_of(&text, &run, &id("8/sync/Rocky")));
        for other in ["8/sync/Rocky-devel", "8/sync", "9/sync/Rocky"] {
            assert!(!house.is_of(&text, &run, &id(other)), "{other}");
        }
        assert!(!house.is_of(&text, &"20261122T184500Z-8-update-2".parse().unwrap(), &id("8/sync/Rocky")));
        for broken in ["", "x", "a/b", "20261122T184500Z-8-update/8/prep/x", "/8/prep/1"] {
            assert_eq!(house.marked(broken), None, "{broken}");
        }
    }
}
