//! From the end of a process to an outcome: the checks after a step, and the rule (design 4).

use super::checks::Checked;
use super::happening::Happening;
use super::run_loop::Supervisor;
use crate::domain::compose::ComposeId;
use crate::domain::finding::{Finding, first_blocking};
use crate::domain::flow::CheckName;
use crate::domain::name::StepId;
use crate::domain::outcome::{Outcome, PhraseHit, ProcessEnd};
use crate::domain::plan::Step;
use crate::domain::run::{Event, StepState};
use crate::journal::JournalError;

impl Supervisor {
    pub(super) fn check_after(&mut self, step: &Step) {
        let attempt = self.state.record(&step.id).map_or(1, |record| record.attempts);
        let request = self.check_request(step, &step.after, Some(attempt));
        let (id, sender) = (step.id.clone(), self.happenings.clone());
        Self::spawn_checks(request, move |Checked { findings, made, .. }| {
            // The loop outlives every check; if it is gone, so is the run.
            let _gone = sender.send(Happening::CheckedAfter { step: id, findings, made });
        });
    }

    pub(super) fn on_checked_after(
        &mut self,
        id: &StepId,
        mut findings: Vec<Finding>,
        made: Option<ComposeId>,
    ) -> Result<(), JournalError> {
        let Some(step) = self.state.plan.step(id).cloned() else { return Ok(()) };
        let end = match self.state.record(id).map(|record| &record.state) {
            Some(StepState::Running { end, .. }) => end.clone(),
            _ => None,
        };
        let hits = self.phrases.remove(id).unwrap_or_default();
        findings.extend(hits.iter().map(|hit| phrase_finding(&step, hit)));
        let (outcome, mut reason) = judge(end.as_ref(), &findings, &hits);
        if outcome == Outcome::Cancelled
            && let Some(cause) = self.state.record(id).and_then(|record| record.stopped.as_ref())
        {
            reason = reason.replacen("cancelled", &format!("cancelled {cause}"), 1);
        }
        if let Some(ProcessEnd::Exited { code: 1.. }) = end {
            let printed = self.state.record(id).and_then(|record| record.log_bytes);
            reason.push_str(aside(&step, &findings, printed));
        }
        if outcome == Outcome::Succeeded {
            self.pin(&step, made)?;
        }
        self.done_with(id);
        self.record(&Event::StepConcluded { step: id.clone(), outcome, reason, findings })
    }
}

/// What there is to say of a failure of which nothing else tells: the 2021 push exits 1 over a whole copy, that of 2026
/// with a wrong RLREL without a word (reality.md 3.3).
fn aside(step: &Step, findings: &[Finding], printed: Option<u64>) -> &'static str {
    let looked = step.after.iter().any(|check| *check != CheckName::Phrases);
    match (findings.is_empty() && looked, printed == Some(0)) {
        (true, true) => "; it printed nothing, and its checks found nothing",
        (true, false) => "; its checks found nothing",
        (false, true) => "; it printed nothing",
        (false, false) => "",
    }
}

fn phrase_finding(step: &Step, hit: &PhraseHit) -> Finding {
    Finding::blocking(
        CheckName::Phrases,
        &hit.phrase,
        step.id.as_str(),
        format!("line {} of its log says: {}", hit.line_number, hit.line),
        "read the log around that line, mend the cause, then retry",
    )
}

/// Judges a step: first its process, then what the checks say about a process that claims success.
pub fn judge(end: Option<&ProcessEnd>, findings: &[Finding], hits: &[PhraseHit]) -> (Outcome, String) {
    let doubt = first_blocking(findings);
    match end {
        None | Some(ProcessEnd::Exited { code: 0 }) => match doubt {
            None => (Outcome::Succeeded, String::new()),
            Some(doubt) if end.is_some() => (Outcome::Suspect, format!("exit code 0, but {doubt}")),
            Some(doubt) => (Outcome::Failed, doubt),
        },
        Some(ProcessEnd::Leaky { code: 0, .. }) => {
            (Outcome::Suspect, end.map(ToString::to_string).unwrap_or_default())
        }
        // Its shell may have said 0; what still writes behind it has not.
        Some(end @ ProcessEnd::Unkillable { after, .. }) => {
            let (outcome, _) = judge(Some(after), findings, hits);
            (if outcome == Outcome::Succeeded { Outcome::Suspect } else { outcome }, end.to_string())
        }
        Some(cancelled @ ProcessEnd::Cancelled { .. }) => (Outcome::Cancelled, cancelled.to_string()),
        Some(end) => {
            let cause =
                hits.first().map(|hit| format!(": {}", hit.line)).or_else(|| doubt.map(|d| format!("; {d}")));
            (Outcome::Failed, format!("{end}{}", cause.unwrap_or_default()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::outcome::LeftProcess;

    fn finding() -> Finding {
        Finding::blocking(
            CheckName::StagingMatchesCompose,
            "missing",
            "BaseOS/x86_64",
            "3 files missing",
            "retry",
        )
    }

    fn who() -> Vec<LeftProcess> {
        vec![LeftProcess { pid: 7, name: "rsync".to_owned() }]
    }

    fn unkillable(after: ProcessEnd) -> ProcessEnd {
        ProcessEnd::Unkillable { who: who(), after: Box::new(after) }
    }

    #[test]
    fn who_survives_kill_is_named_in_the_reason() {
        let (_, reason) = judge(Some(&unkillable(ProcessEnd::Exited { code: 0 })), &[finding()], &[]);
        assert_eq!(reason, "exit code 0; still there after KILL, asleep in the kernel: process 7 (rsync)");
    }

    #[test]
    fn exit_0_with_a_blocking_finding_is_suspect() {
        let (outcome, reason) = judge(Some(&ProcessEnd::Exited { code: 0 }), &[finding()], &[]);
        assert_eq!(outcome, Outcome::Suspect);
        assert!(reason.contains("BaseOS/x86_64"), "{reason}");
    }

    #[test]
    fn the_process_counts_first() {
        let cases = [
            (ProcessEnd::Exited { code: 0 }, Outcome::Succeeded),
            (ProcessEnd::Exited { code: 3 }, Outcome::Failed),
            (ProcessEnd::Signalled { signal: 9 }, Outcome::Failed),
            (ProcessEnd::TimedOut { limit_s: 5 }, Outcome::Failed),
            (ProcessEnd::Cancelled { killed: true }, Outcome::Cancelled),
            (ProcessEnd::Leaky { code: 0, survivors: 1, who: who() }, Outcome::Suspect),
            (ProcessEnd::Leaky { code: 1, survivors: 1, who: who() }, Outcome::Failed),
            (ProcessEnd::Faulted { error: "a defect".to_owned() }, Outcome::Failed),
            (unkillable(ProcessEnd::Exited { code: 0 }), Outcome::Suspect),
            (unkillable(ProcessEnd::Exited { code: 1 }), Outcome::Failed),
            (unkillable(ProcessEnd::Cancelled { killed: true }), Outcome::Cancelled),
            (ProcessEnd::LogFailed { error: "full".to_owned() }, Outcome::Failed),
        ];
        for (end, expected) in cases {
            assert_eq!(judge(Some(&end), &[], &[]).0, expected, "{end}");
        }
    }

    #[test]
    fn a_native_check_without_a_process_fails_on_a_blocking_finding() {
        assert_eq!(judge(None, &[finding()], &[]).0, Outcome::Failed);
        assert_eq!(judge(None, &[], &[]).0, Outcome::Succeeded);
    }
}
