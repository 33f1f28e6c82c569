//! The Status screen: answers as they come, the cursor in the matrix, and the ticks.

use super::act::{Travel, next_screen};
use super::plan;
use crate::app::effect::Effect;
use crate::app::model::ticks::Syncs;
use crate::app::model::{FlowShape, Model, RUNS_EVERY_MS, STATUS_EVERY_S, Screen, Ticks};
use crate::app::msg::Msg;
use crate::domain::name::{ReleaseId, RepoName};
use crate::domain::release::Release;
use crate::domain::status::PositionState;
use crate::keys::Action;
use std::collections::BTreeSet;

/// Has everything looked at, or looked at again once the look under way is over.
pub(super) fn look(model: &mut Model) -> Vec<Effect> {
    if model.status.reading {
        model.status.again = true;
        return Vec::new();
    }
    model.status.ask(model.clock.wall);
    vec![Effect::ReadStatus]
}

/// While Status is shown, has runs listed and everything looked at again now and then.
pub(super) fn time_passed(model: &mut Model) -> Vec<Effect> {
    let now = model.clock;
    let due = model.history.listed && model.history.next_list_ms <= now.uptime_ms;
    if model.screen != Screen::Status || !due {
        return Vec::new();
    }
    model.history.next_list_ms = now.uptime_ms + RUNS_EVERY_MS;
    let mut effects = vec![Effect::ListRuns];
    let old = model.status.read.is_some_and(|read| now.wall.as_second() - read.as_second() >= STATUS_EVERY_S);
    if old && !model.status.reading {
        effects.extend(look(model));
    }
    effects
}

/// Takes an answer about mounts, checkouts or releases.
pub(super) fn answered(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let now = model.clock.wall;
    match msg {
        Msg::MountAnswered(answer) => model.status.mount_answered(answer, now),
        Msg::CheckoutAnswered(answer) => {
            model.status.checkout_answered(answer, now);
            plan::make_anew(model);
        }
        Msg::ReleaseAnswered(answer) => {
            model.status.release_answered(answer, now);
            plan::make_anew(model);
        }
        _ => {
            model.status.end(now);
            plan::rest_anew(model);
            if std::mem::take(&mut model.status.again) {
                return look(model);
            }
        }
    }
    Vec::new()
}

/// Moves the cursor in the matrix.
pub(super) fn travel(model: &mut Model, travel: Travel) -> Vec<Effect> {
    match travel {
        Travel::NextPane | Travel::PreviousPane => next_screen(model, travel),
        _ => {
            in_matrix(model, travel);
            Vec::new()
        }
    }
}

/// Moves the cursor in the matrix, never to another screen.
pub(super) fn in_matrix(model: &mut Model, travel: Travel) {
    let columns = model.catalog.releases.len();
    let status = &mut model.status;
    match travel {
        Travel::Left => status.column = status.column.saturating_sub(1),
        Travel::Right => status.column = (status.column + 1).min(columns.saturating_sub(1)),
        _ => status.row = travel.in_list(status.row, status.rows.len(), model.measures.page),
    }
}

/// Changes the ticks and makes the plan anew.
pub(super) fn tick(model: &mut Model, action: Action) {
    if action == Action::UndoTick {
        model.ticks.undo();
    } else {
        let mut next = model.ticks.now.clone();
        change(model, action, &mut next);
        if action == Action::TickNothing {
            model.plan.rest_of = None;
        }
        model.ticks.change(next);
    }
    plan::make_anew(model);
}

fn change(model: &Model, action: Action, ticks: &mut Ticks) {
    let shape = FlowShape::of(&model.catalog, &ticks.flow);
    let release = model.catalog.releases.get(model.status.column);
    let cell = model.status.under_cursor(&model.catalog);
    match (action, release, cell) {
        (Action::NextFlow, ..) => next_flow(model, ticks),
        (Action::TickNothing, ..) => *ticks = Ticks::none(ticks.flow.clone()),
        (Action::TickBehind, ..) => tick_behind(model, shape, ticks),
        (Action::TickRelease | Action::ToggleSync, Some(release), _) if shape.takes_whole_releases() => {
            flip(&mut ticks.whole, std::slice::from_ref(&release.id));
        }
        (Action::ToggleSync, Some(release), Some(_)) if shape.syncs == Syncs::AllAtOnce => {
            flip(&mut ticks.sync, &synced_at_once(release));
        }
        (Action::TickRelease, Some(release), _) => tick_release(shape, release, ticks),
        (Action::ToggleSync, _, Some(cell)) => flip(&mut ticks.sync, &[cell]),
        (Action::ToggleCompose, _, Some(cell)) => flip(&mut ticks.compose, &[cell]),
        _ => {}
    }
}

/// Takes all of `these` out where all are in, else puts all in.
fn flip<T: Ord + Clone>(set: &mut BTreeSet<T>, these: &[T]) {
    if these.iter().all(|one| set.contains(one)) {
        for one in these {
            set.remove(one);
        }
    } else {
        set.extend(these.iter().cloned());
    }
}

fn synced_at_once(release: &Release) -> Vec<(ReleaseId, RepoName)> {
    let plain = |name: &&RepoName| release.repo(name).is_some_and(|repo| repo.sig.is_none());
    release.sync_order.iter().filter(plain).map(|name| (release.id.clone(), name.clone())).collect()
}

/// Returns what the flow can sync of a release.
fn syncable(shape: FlowShape, release: &Release) -> Vec<(ReleaseId, RepoName)> {
    match shape.syncs {
        Syncs::AllAtOnce => synced_at_once(release),
        Syncs::ByRepo => release.sync_order.iter().map(|name| (release.id.clone(), name.clone())).collect(),
        Syncs::No => Vec::new(),
    }
}

fn tick_release(shape: FlowShape, release: &Release, ticks: &mut Ticks) {
    let compose: Vec<(ReleaseId, RepoName)> = release
        .repos
        .iter()
        .filter(|repo| shape.composes && repo.script(&ticks.flow).is_some())
        .map(|repo| (release.id.clone(), repo.name.clone()))
        .collect();
    let sync = syncable(shape, release);
    let all = compose.iter().all(|cell| ticks.compose.contains(cell))
        && sync.iter().all(|cell| ticks.sync.contains(cell));
    if all {
        ticks.compose.retain(|(id, _)| *id != release.id);
        ticks.sync.retain(|(id, _)| *id != release.id);
    } else {
        ticks.compose.extend(compose);
        ticks.sync.extend(sync);
    }
}

/// Ticks the sync of everything whose staging lacks something of a compose that is there.
fn tick_behind(model: &Model, shape: FlowShape, ticks: &mut Ticks) {
    use PositionState::{Absent, Behind, Partial};
    let lacks = |state: PositionState| matches!(state, Behind | Partial | Absent);
    for release in model.catalog.releases.iter().filter(|release| release.vars.is_ok()) {
        let Some(status) = model.status.release(&release.id) else { continue };
        if shape.takes_whole_releases() {
            if status.repos.iter().any(|repo| lacks(repo.production.state) && repo.synced) {
                ticks.whole.insert(release.id.clone());
            }
            continue;
        }
        let behind = |(_, name): &(ReleaseId, RepoName)| {
            status.repo(name).is_some_and(|repo| lacks(repo.staging.state) && repo.latest.compose().is_some())
        };
        let cells = syncable(shape, release);
        match shape.syncs {
            Syncs::AllAtOnce if cells.iter().any(behind) => ticks.sync.extend(cells),
            _ => ticks.sync.extend(cells.into_iter().filter(behind)),
        }
    }
}

/// Takes the next flow, and drops the ticks that mean nothing in it.
fn next_flow(model: &Model, ticks: &mut Ticks) {
    let flows = &model.catalog.flows;
    let at = flows.iter().position(|flow| flow.name == ticks.flow).unwrap_or(0);
    let Some(next) = flows.get((at + 1) % flows.len().max(1)) else { return };
    let touched: Vec<&Release> =
        model.catalog.releases.iter().filter(|release| ticks.touches(&release.id)).collect();
    ticks.flow = next.name.clone();
    let shape = FlowShape::of(&model.catalog, &next.name);
    if shape.takes_whole_releases() {
        ticks.whole.extend(touched.iter().map(|release| release.id.clone()));
    }
    if shape.syncs == Syncs::AllAtOnce {
        let syncs: BTreeSet<ReleaseId> = ticks.sync.iter().map(|(id, _)| id.clone()).collect();
        let releases = touched.iter().filter(|release| syncs.contains(&release.id));
        ticks.sync = releases.flat_map(|release| synced_at_once(release)).collect();
    }
}
