//! Gathers what is laid before the engineer at a gate: findings, changes, repos, and the seal over it all.
//!
//! It covers the release's whole staging directory, because that is what the push takes, whatever was
//! ticked. Staging is sealed before and after everything else: what was found is true of what was sealed,
//! or there is no evidence.

use super::changes::{Now, Push, read};
use super::held::{Held, held};
use super::occasion::Occasion;
use super::places::{Places, places};
use super::seal::{SealCache, seal};
use super::{VetContext, VetError, run_check};
use crate::domain::evidence::{Checked, Evidence, OutgoingRepo};
use crate::domain::finding::Finding;
use crate::domain::flow::{CheckName, Role};
use crate::domain::live::Part;
use crate::domain::plan::Step;
use crate::domain::release::Release;
use crate::domain::seal::Seal;
use jiff::Timestamp;
use std::cmp::Reverse;
use std::time::Instant;

/// Those of a gate's checks that are about the push: what it would do wrong is told before anybody approves it.
const OF_THE_PUSH: [CheckName; 2] = [CheckName::Target, CheckName::Deletions];

/// Gathers the evidence for the gate that `cx` is about, and the seal that it holds for.
///
/// `cache` keeps what need not be read again; saving it is the caller's work. Fails where staging cannot be
/// read, or changes meanwhile.
pub fn evidence(cx: &VetContext<'_>, cache: Option<&mut SealCache>) -> Result<(Evidence, Seal), VetError> {
    let release = cx.release.ok_or_else(|| VetError::Release {
        release: cx.step.id.to_string(),
        problem: "the catalog does not know it".to_owned(),
    })?;
    let places = places(cx, release).ok_or_else(|| VetError::Release {
        release: release.id.to_string(),
        problem: release.vars.as_ref().err().cloned().unwrap_or_default(),
    })?;
    let mut scratch = SealCache::new();
    let cache = cache.unwrap_or(&mut scratch);
    let sealed = seal(&places.staging, Some(&mut *cache), cx.pulse)?;
    let held = held(cx, release);
    let (findings, checks) = findings(cx, &checks_of(cx));
    cx.pulse.enter(None);
    let push = Push { depth: release.toolkit.depth, deletes: release.toolkit.deletes };
    let (changes, now) = read(&places, push, cx.pulse)?;
    let again = seal(&places.staging, Some(&mut *cache), cx.pulse)?;
    if let Some((path, how)) = sealed.first_difference(&again) {
        return Err(VetError::Moving { path, how });
    }
    let revision =
        cx.plan.lane(&release.id).map_or_else(|| release.revision().to_owned(), |lane| lane.revision.clone());
    let evidence = Evidence {
        release: release.id.clone(),
        production_now: production_now(&revision, &places, now),
        revision,
        staging: places.staging,
        production: places.production,
        at: Timestamp::now(),
        repos: repos(release, &held),
        findings,
        changes,
        checklist: cx.catalog.gate.checklist.clone(),
        seal: sealed.digest(),
        sealed_paths: sealed.paths.len(),
        checks,
    };
    Ok((evidence, sealed))
}

/// Has `check` alone look again, and returns `before` with what it finds now.
///
/// That can be said only while staging is what it was sealed as, and has every check behind it: where it is not, or the
/// check was none of them, everything is gathered anew.
pub fn evidence_again(
    cx: &VetContext<'_>,
    cache: &mut SealCache,
    before: Evidence,
    check: CheckName,
) -> Result<(Evidence, Seal), VetError> {
    let sealed = seal(&before.staging, Some(&mut *cache), cx.pulse)?;
    let known = before.checks.iter().position(|checked| checked.check == check);
    let Some(place) = known.filter(|_| sealed.digest() == before.seal) else {
        return evidence(cx, Some(cache));
    };
    let (found, checked) = findings(cx, &[check]);
    cx.pulse.enter(None);
    let again = seal(&before.staging, Some(&mut *cache), cx.pulse)?;
    if let Some((path, how)) = sealed.first_difference(&again) {
        return Err(VetError::Moving { path, how });
    }
    let mut evidence = before;
    evidence.findings.retain(|finding| finding.check != check);
    evidence.findings.extend(found);
    evidence.checks.splice(place..=place, checked);
    let order = |finding: &Finding| evidence.checks.iter().position(|other| other.check == finding.check);
    evidence.findings.sort_by_key(|finding| (Reverse(finding.severity), order(finding)));
    Ok((evidence, sealed))
}

/// Returns the checks of the gate: those of every gate, then the step's own.
fn checks_of(cx: &VetContext<'_>) -> Vec<CheckName> {
    let mut checks = Occasion::Gate.checks();
    if push(cx).is_none() {
        checks.retain(|check| !OF_THE_PUSH.contains(check));
    }
    for check in cx.step.before.iter().chain(&cx.step.after) {
        if !checks.contains(check) {
            checks.push(*check);
        }
    }
    checks
}

/// Returns the step that pushes what this gate is about.
fn push<'a>(cx: &VetContext<'a>) -> Option<&'a Step> {
    let pushes = |step: &&Step| step.role == Role::Publish && step.release == cx.step.release;
    cx.plan.steps.iter().find(pushes)
}

/// Runs these checks; blocking findings come first.
fn findings(cx: &VetContext<'_>, checks: &[CheckName]) -> (Vec<Finding>, Vec<Checked>) {
    let of = u32::try_from(checks.len()).unwrap_or(u32::MAX);
    let (mut findings, mut checked) = (Vec::new(), Vec::new());
    for (nth, check) in (1..).zip(checks) {
        cx.pulse.enter(Some(Part { name: check.to_string(), nth, of }));
        let begun = Instant::now();
        let push = push(cx).filter(|_| OF_THE_PUSH.contains(check));
        findings.extend(run_check(*check, &VetContext { step: push.unwrap_or(cx.step), ..*cx }));
        let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        checked.push(Checked { check: *check, at: Timestamp::now(), took_ms });
    }
    findings.sort_by_key(|finding| Reverse(finding.severity));
    (findings, checked)
}

/// Returns the repos that staging holds anything of.
fn repos(release: &Release, held: &[Held]) -> Vec<OutgoingRepo> {
    let order = |held: &&Held| release.repos.iter().position(|repo| repo.name == held.repo);
    let mut present: Vec<&Held> = held.iter().filter(|held| held.present).collect();
    present.sort_by_key(order);
    let outgoing = |held: &Held| OutgoingRepo {
        repo: held.repo.clone(),
        compose: held.compose.clone(),
        touched: held.touched,
    };
    present.into_iter().map(outgoing).collect()
}

fn production_now(revision: &str, places: &Places, now: Now) -> String {
    if now == Now::default() {
        return format!("production holds nothing of {revision} ({})", places.production.display());
    }
    let newest = now.newest.and_then(|second| Timestamp::from_second(second).ok());
    let newest =
        newest.map(|time| format!(", its metadata last written {}", time.strftime("%Y-%m-%d %H:%M UTC")));
    format!(
        "production holds {revision} with {} packages in {} repos{}",
        now.packages,
        now.repos,
        newest.unwrap_or_default()
    )
}
