//! What runs right now, in a line: told by the supervisor, and gone as soon as it is read.
//!
//! A supervisor that does not answer costs nothing but the details: the journal says which steps run.

use crate::domain::live::{Live, LiveStep};
use crate::domain::run::{RunState, StepState};
use crate::journal::store::RunDir;
use crate::supervisor::client::connect;
use crate::supervisor::control::{Request, Response};
use crate::ui::widgets::text::{clock, looking};
use jiff::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};

/// The last that was heard of the moment.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Heard(Arc<Mutex<Live>>);

impl Heard {
    /// Returns the last that was heard; nothing before anything was.
    pub(in crate::cli) fn now(&self) -> Live {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Listens to the supervisor of a run on a thread of its own, for as long as it lives.
pub(in crate::cli) fn watch(dir: &RunDir) -> Heard {
    let heard = Heard(Arc::default());
    let (dir, keep) = (dir.clone(), Arc::clone(&heard.0));
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let Ok(mut client) = connect(&dir).await else { return };
            if client.send(&Request::Subscribe).await.is_err() {
                return;
            }
            while let Ok(response) = client.next().await {
                if let Response::Live { live } = response {
                    *keep.lock().unwrap_or_else(PoisonError::into_inner) = live;
                }
            }
        });
    });
    heard
}

/// Returns the line: each running step with how far it is, what it is at and since when.
pub(super) fn line(state: &RunState, live: &Live, now: Timestamp) -> String {
    let mut parts = Vec::new();
    for step in &state.plan.steps {
        let Some(StepState::Running { since, .. }) = state.record(&step.id).map(|record| &record.state)
        else {
            continue;
        };
        let elapsed = clock(now.as_second() - since.as_second());
        let detail = live.steps.get(&step.id).map(detail).unwrap_or_default();
        parts.push(format!("{} {elapsed}{detail}", step.id));
    }
    for (release, look) in &live.gathering {
        parts.push(format!("{release}: evidence, {}", looking(look)));
    }
    for (step, live) in &live.steps {
        let runs = state.record(step).is_some_and(crate::domain::run::StepRecord::is_running);
        if !runs && let Some((resource, holder)) = &live.waits_for {
            parts.push(format!("{step} waits for {resource}, held by {holder}"));
        }
    }
    parts.join("  |  ")
}

fn detail(step: &LiveStep) -> String {
    if let Some(prompt) = &step.prompt {
        return format!(" waits for an answer: {prompt} (give it in the console)");
    }
    if let Some(look) = &step.checking {
        return format!(" checking {}", looking(look));
    }
    let part = step.fraction.map(|part| format!(" {:.0}%", (part * 100.0).floor())).unwrap_or_default();
    let label = if step.label.is_empty() { String::new() } else { format!(" {}", step.label) };
    format!("{part}{label}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::live::Looking;

    #[test]
    fn a_step_says_what_matters_most() {
        let mut step =
            LiveStep { fraction: Some(0.415), label: "BaseOS x86_64".into(), ..LiveStep::default() };
        assert_eq!(detail(&step), " 41% BaseOS x86_64");
        step.checking = Some(Looking {
            what: "packages".into(),
            done: 1200,
            of: Some(48_000),
            bytes: 0,
            rate: 0,
            part: None,
        });
        assert_eq!(detail(&step), " checking packages: 1,200 of 48,000 files");
        step.prompt = Some("Passphrase:".into());
        assert_eq!(detail(&step), " waits for an answer: Passphrase: (give it in the console)");
        assert_eq!(detail(&LiveStep::default()), "");
    }
}
