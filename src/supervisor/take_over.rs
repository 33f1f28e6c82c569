//! How a new run comes by its lanes: free ones at once, one that another run has only for a reason, and only
//! by asking that run's supervisor.

use super::client::{self, ClientError, Spawner};
use super::control::{Request, Response};
use super::locks::{LockError, Locks};
use crate::domain::approval::Identity;
use crate::domain::name::{ReleaseId, RunId};
use crate::domain::run::{Event, RunVerdict};
use crate::journal::lock::Holder;
use crate::journal::store::Store;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long it is waited for a release that was given up: its step may take its time to stop.
const LANE_PATIENCE: Duration = Duration::from_secs(20);
/// How often it is asked for.
const LANE_EVERY: Duration = Duration::from_millis(50);

/// What a new run takes from others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order {
    /// The run whose rest it is: its lanes go to the new run.
    pub from: Option<RunId>,
    /// Whether releases are taken over from whoever has them; if not, they are left alone.
    pub take_over: bool,
    /// Why; both runs record it.
    pub reason: Option<String>,
}

/// Why a run does not come by its lanes.
#[derive(Debug, thiserror::Error)]
pub(super) enum TakeOverError {
    /// A lock says no.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Whoever has the release says no, or cannot be asked.
    #[error("{0}")]
    Refused(String),
}

/// Takes the lanes of a run.
pub(super) struct Taker<'a> {
    pub(super) store: &'a Store,
    pub(super) run: &'a RunId,
    pub(super) by: &'a Identity,
    pub(super) order: &'a Order,
}

impl Taker<'_> {
    /// Takes `lanes`, all or none, and returns what the journal must say about it.
    pub(super) async fn take(
        &self,
        locks: &mut Locks,
        lanes: &[ReleaseId],
    ) -> Result<Vec<Event>, TakeOverError> {
        let mut events = Vec::new();
        let mut asked = self.supersede(lanes, &mut events).await?;
        for release in lanes {
            let begun = Instant::now();
            loop {
                match locks.take_lane(release) {
                    Ok(left_by) => {
                        // Where it was asked for, what is taken is told already.
                        let left_by = left_by.filter(|_| !asked.contains(release));
                        events.extend(left_by.map(|left| self.left(release, &left)));
                        break;
                    }
                    Err(LockError::LaneBusy { owner: Some(owner), .. })
                        if !asked.contains(release) && self.order.take_over =>
                    {
                        let reason = self.order.reason.clone().unwrap_or_default();
                        self.ask(release, &owner, &reason).await?;
                        events.push(self.taken(release, &owner, Some(reason)));
                        asked.insert(release.clone());
                    }
                    Err(LockError::LaneBusy { owner, .. })
                        if asked.contains(release) && begun.elapsed() > LANE_PATIENCE =>
                    {
                        return Err(TakeOverError::Refused(overdue(release, owner.as_deref())));
                    }
                    Err(LockError::LaneBusy { .. }) if asked.contains(release) => {
                        tokio::time::sleep(LANE_EVERY).await;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(events)
    }

    /// Has the run whose rest this one is give its lanes up; returns them.
    async fn supersede(
        &self,
        lanes: &[ReleaseId],
        events: &mut Vec<Event>,
    ) -> Result<BTreeSet<ReleaseId>, TakeOverError> {
        let mut asked = BTreeSet::new();
        let Some(from) = &self.order.from else { return Ok(asked) };
        let state = self.store.run(from).load().map_err(LockError::Journal)?;
        let open = state.lanes().filter(|lane| state.lane_verdict(lane) != RunVerdict::Finished);
        for release in open.map(|lane| &lane.release).filter(|release| lanes.contains(release)) {
            let reason =
                self.order.reason.clone().unwrap_or_else(|| "what was left of it is planned anew".to_owned());
            self.give_up(from, release, &reason).await?;
            if let Some((_, owner, _)) = &state.created {
                events.push(Event::LaneTaken {
                    release: release.clone(),
                    from: from.clone(),
                    owner: owner.clone(),
                    by: self.by.clone(),
                    reason: Some(reason),
                });
            }
            asked.insert(release.clone());
        }
        Ok(asked)
    }

    /// A lock that nobody held though its file names somebody: dead where that was here, taken with a reason
    /// where it was elsewhere.
    fn left(&self, release: &ReleaseId, left: &Holder) -> Event {
        let reason = self.order.reason.clone().filter(|_| left.by.host != self.by.host);
        self.taken(release, left, reason)
    }

    fn taken(&self, release: &ReleaseId, had: &Holder, reason: Option<String>) -> Event {
        Event::LaneTaken {
            release: release.clone(),
            from: had.run.clone(),
            owner: had.by.clone(),
            by: self.by.clone(),
            reason,
        }
    }

    async fn ask(&self, release: &ReleaseId, owner: &Holder, reason: &str) -> Result<(), TakeOverError> {
        // A socket reaches no other host; a process id of another host says nothing here.
        if owner.by.host != self.by.host {
            return Err(TakeOverError::Refused(format!(
                "release {release} is locked by {owner}: its supervisor lives on {}; take the release over there",
                owner.by.host
            )));
        }
        self.give_up(&owner.run, release, reason).await
    }

    async fn give_up(&self, from: &RunId, release: &ReleaseId, reason: &str) -> Result<(), TakeOverError> {
        let refused = |problem: String| Err(TakeOverError::Refused(problem));
        let spawner = match Spawner::of_this_program(self.store) {
            Ok(spawner) => spawner,
            Err(error) => return refused(format!("cannot find this program: {error}")),
        };
        let request =
            Request::GiveUp { release: release.clone(), to: self.run.clone(), reason: reason.to_owned() };
        match client::ask(&spawner, &self.store.run(from), &request).await {
            Ok(Response::Done { .. }) => Ok(()),
            Ok(Response::Failed { message }) | Err(ClientError::Locked(message)) => refused(message),
            Ok(other) => refused(format!("run {from} answered out of turn: {other:?}")),
            Err(error) => {
                refused(format!("run {from} cannot be asked to give release {release} up: {error}"))
            }
        }
    }
}

fn overdue(release: &ReleaseId, owner: Option<&Holder>) -> String {
    let (owner, run) = owner.map_or_else(
        || ("another run".to_owned(), "RUN".to_owned()),
        |owner| (owner.to_string(), owner.run.to_string()),
    );
    format!(
        "release {release} was given up by {owner}, but its step does not stop; kill it (`stagegate cancel {run} STEP --kill`), then try again"
    )
}
