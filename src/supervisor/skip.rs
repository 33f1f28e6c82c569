//! Skipping a step, and pinning those who use a compose to what its link names.
//!
//! A skipped compose step pins what its link names then. That link is on a mount that may hang, so it is read on a thread
//! of its own, and the skip is recorded once it has been read: skipped, then pinned, then the lane goes on. Until then the
//! step counts as at work. A link that could not be read skips nothing: what comes next would have no compose to be pinned
//! to, or that of an earlier attempt, and what was skipped cannot be skipped again.

use super::control::Response;
use super::happening::{ClientId, Happening, PendingSkip};
use super::request::Answer;
use super::run_loop::{Busy, Supervisor};
use crate::domain::approval::Identity;
use crate::domain::compose::ComposeId;
use crate::domain::flow::Role;
use crate::domain::name::StepId;
use crate::domain::plan::Step;
use crate::domain::run::Event;
use crate::domain::run::resume::{Decision, Why};
use crate::journal::JournalError;
use crate::vet::VetError;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

impl Supervisor {
    /// Skips a step, if it may be; returns nothing where the link that it is pinned by is read first.
    pub(super) fn skip(
        &mut self,
        client: ClientId,
        id: &StepId,
        reason: String,
        by: Identity,
    ) -> Result<Option<Answer>, JournalError> {
        let Some(step) = self.state.plan.step(id).cloned() else {
            return Ok(Some(Err(format!("there is no step {id}"))));
        };
        if let Err(refused) = self.may_skip(&step, &reason) {
            return Ok(Some(Err(refused)));
        }
        self.busy.remove(id);
        self.locks.free(id);
        let skip = PendingSkip { client, step: id.clone(), reason, by };
        if let Some(link) = self.link_of(&step) {
            self.busy.insert(id.clone(), Busy::Skipping);
            self.read_link(&step, link, skip);
            return Ok(None);
        }
        self.record_skip(&step, skip, None).map(|done| Some(Ok(done)))
    }

    fn may_skip(&self, step: &Step, reason: &str) -> Result<(), String> {
        let id = &step.id;
        if !step.is_skippable() {
            return Err(format!("{id} cannot be skipped: gates and what comes after them never can"));
        }
        if reason.trim().is_empty() {
            return Err("a step is skipped only with a reason".to_owned());
        }
        if self.is_being_skipped(id) {
            let cancel = format!("stagegate cancel {} {id}", self.dir.id());
            return Err(format!("{id} is being skipped: its link is read now; `{cancel}` ends that"));
        }
        let skippable =
            self.state.record(id).is_some_and(|record| !record.is_running() && !record.is_behind());
        if !skippable || self.busy.get(id).is_some_and(|busy| !matches!(busy, Busy::Waiting)) {
            return Err(format!("{id} is running or done, so it cannot be skipped"));
        }
        let truths = self.truths();
        if let Some(truth) = truths.get(id).filter(|truth| !truth.survivors().is_empty()) {
            return Err(self.words(Decision::Refuse(Why::Alive), step, Some(truth)));
        }
        Ok(())
    }

    /// Records that a step is skipped, and what those who use its compose are pinned to.
    fn record_skip(
        &mut self,
        step: &Step,
        skip: PendingSkip,
        made: Option<ComposeId>,
    ) -> Result<String, JournalError> {
        let PendingSkip { step: id, reason, by, .. } = skip;
        self.record(&Event::StepSkipped { step: id.clone(), reason, by })?;
        self.pin(step, made)?;
        self.release_lanes(step.release.as_ref());
        Ok(format!("{id} is skipped"))
    }

    /// Pins the users of a compose step to what its link names, if that is a compose.
    pub(super) fn pin(&mut self, step: &Step, made: Option<ComposeId>) -> Result<(), JournalError> {
        let (Some(repo), Some(compose)) = (step.repo.clone(), made) else { return Ok(()) };
        self.record(&Event::ComposePinned { step: step.id.clone(), repo, compose })
    }

    /// Returns the link that tells what a compose step made; of any other step none.
    pub(super) fn link_of(&self, step: &Step) -> Option<PathBuf> {
        let (release, repo) = (step.release.as_ref()?, step.repo.as_ref()?);
        let link = self.catalog.release(release)?.latest_link(repo);
        (step.role == Role::Compose).then_some(link)
    }

    /// Returns whether a step is about to be skipped, once its link has been read.
    pub(super) fn is_being_skipped(&self, id: &StepId) -> bool {
        matches!(self.busy.get(id), Some(Busy::Skipping))
    }

    /// Ends the reading of the link of a step that is being skipped; whoever asked for the skip is told so.
    pub(super) fn end_skip(&self, id: &StepId) -> String {
        if let Some(look) = self.looks.get(id) {
            look.cancel();
        }
        format!("{id} is not skipped: the look at its link is ended")
    }

    /// Skips a step whose link was read, unless that was ended or told nothing.
    pub(super) fn on_link_read(
        &mut self,
        skip: PendingSkip,
        read: Result<Option<ComposeId>, VetError>,
    ) -> Result<(), JournalError> {
        let Some(step) = self.state.plan.step(&skip.step).cloned() else { return Ok(()) };
        if !self.is_being_skipped(&step.id) {
            return Ok(());
        }
        let ended = self.looks.get(&step.id).is_some_and(|look| look.is_cancelled());
        self.done_with(&step.id);
        let client = skip.client;
        let read = if ended { Err(VetError::Cancelled) } else { read };
        let response = match (read, step.release.as_ref().and_then(|id| self.state.given_up.get(id))) {
            (Ok(made), None) => Response::Done { message: self.record_skip(&step, skip, made)? },
            (Ok(_), Some(given)) => {
                Response::Failed { message: format!("{} is not skipped: its release was {given}", step.id) }
            }
            (Err(error), _) => {
                let id = &step.id;
                let message = format!("{id} is not skipped, as nobody knows what its link names: {error}");
                Response::Failed { message }
            }
        };
        self.answer(client, response);
        Ok(())
    }

    /// Reads the link of a step that is to be skipped, on a thread of its own.
    fn read_link(&mut self, step: &Step, link: PathBuf, skip: PendingSkip) {
        let sender = self.happenings.clone();
        self.look_at_link(step, link, move |read| {
            // The loop outlives every look; if it is gone, so is the run.
            let _gone = sender.send(Happening::LinkRead { skip, read });
        });
    }
}

/// The most links of a chain that are followed; the kernel follows 40.
const HOPS: usize = 40;

/// Returns the compose that `link` names, if it names one: the end of a chain of links counts.
///
/// It blocks for as long as the mount takes.
pub(super) fn named(link: &Path) -> Result<Option<ComposeId>, VetError> {
    let unreadable = |problem: String| VetError::Unreadable { path: link.to_owned(), problem };
    let mut place = link.to_owned();
    for hop in 0..HOPS {
        match std::fs::read_link(&place) {
            Ok(target) => place = place.parent().unwrap_or(Path::new("/")).join(target),
            // Nothing is there, or something that is no link.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidInput
                ) =>
            {
                let end = place.file_name().filter(|_| hop > 0);
                return Ok(end.and_then(|name| name.to_str()?.parse().ok()));
            }
            Err(error) => return Err(unreadable(error.to_string())),
        }
    }
    Err(unreadable("it leads in a circle".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_end_of_a_chain_of_links_is_the_compose() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("old/Rocky-8-updates-20210721.1")).unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        symlink("blessed", at("latest")).unwrap();
        symlink("old/Rocky-8-updates-20210721.1", at("blessed")).unwrap();
        symlink("left", at("right")).unwrap();
        symlink("right", at("left")).unwrap();
        let named = |name: &str| named(&at(name)).map(|found| found.map(|id| id.to_string()));
        assert_eq!(named("latest").unwrap().as_deref(), Some("Rocky-8-updates-20210721.1"));
        assert_eq!(named("blessed").unwrap().as_deref(), Some("Rocky-8-updates-20210721.1"));
        assert_eq!((named("folder").unwrap(), named("none").unwrap()), (None, None));
        assert!(named("left").unwrap_err().to_string().contains("in a circle"));
    }
}
