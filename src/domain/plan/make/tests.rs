//! The laws of plans, and what each error and warning is for.

use super::*;
use crate::domain::fixture::{
    self, Dice, PUSH, SYNC_ORDER, catalog, changed_checkout, compose, compose_id, selection, status, ticked,
};
use crate::domain::plan::script::{command_line, script};
use crate::domain::plan::{Warning, WarningKind};
use crate::domain::status::{ComposeStatus, LatestLink, PositionState, RepoStatus};
use proptest::prelude::*;
use std::collections::BTreeMap;

const ALL: [&str; 7] = ["Rocky", "Rocky-devel", "Extras", "Plus", "NFV", "gluster9", "advanced-virt"];

fn made(selection: &Selection) -> Result<Plan, PlanError> {
    let catalog = catalog();
    make(&catalog, selection, &status(&catalog), &[])
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

#[test]
fn an_update_goes_through_the_sop_in_its_order() {
    let plan = made(&selection("update", vec![ticked("8", &ALL, &SYNC_ORDER)])).unwrap();
    let mut expected: Vec<String> = ALL.iter().map(|repo| format!("8/compose/{repo}")).collect();
    expected.extend(SYNC_ORDER.iter().map(|repo| format!("8/sync/{repo}")));
    expected
        .extend(["8/prep", "8/errata", "8/sign", "8/gate", "8/publish", "shared/lists"].map(str::to_owned));
    assert_eq!(ids(&plan), expected);
    let step = |id: &str| plan.step(&id.parse().unwrap()).unwrap();
    assert_eq!(step("8/sync/Plus").argv, ["bash", "sync-to-staging.sh", "Plus"]);
    assert_eq!(step("8/sync/gluster9").argv, ["bash", "sync-to-staging-sig.sh", "gluster9", "storage"]);
    assert_eq!(step("8/compose/Rocky").argv, ["bash", "updates-8-Rocky.sh"]);
    assert_eq!(step("8/publish").env["RLVER"], "8");
    assert!(step("8/gate").argv.is_empty());
    assert_eq!(step("8/gate").gate.as_deref(), Some("staging-vetted"));
    assert_eq!(plan.lanes[0].phrase, "8.10 vetted");
}

#[test]
fn a_minor_release_syncs_everything_in_one_step() {
    let plan = made(&selection("minor", vec![ticked("8", &["Rocky"], &["Rocky"])])).unwrap();
    let expected = ["8/compose/Rocky", "8/sync-all", "8/sign", "8/gate", "8/publish", "shared/lists"];
    assert_eq!(ids(&plan), expected);
    let sync = plan.step(&"8/sync-all".parse().unwrap()).unwrap();
    let pinned: Vec<&str> = sync.pins.iter().map(|pin| pin.repo.as_str()).collect();
    assert_eq!(pinned, ["Rocky", "Rocky-devel", "Extras", "NFV", "Plus"], "no SIG repo");
    assert_eq!(sync.pins[0].pin, Pin::ProducedBy { step: "8/compose/Rocky".parse().unwrap() });
    assert_eq!(sync.pins[1].pin, Pin::Existing { id: compose_id("Rocky-devel", "8", 1) });
    assert_eq!(plan.step(&"8/compose/Rocky".parse().unwrap()).unwrap().argv, ["bash", "produce-8.sh"]);
}

#[test]
fn a_flow_that_syncs_nothing_needs_no_tick() {
    let plan = made(&selection("publish", vec![ticked("8", &[], &[])])).unwrap();
    assert_eq!(ids(&plan), ["8/gate", "8/publish", "shared/lists"]);
    let plan = made(&selection("sign", vec![ticked("8", &[], &[])])).unwrap();
    assert_eq!(ids(&plan), ["8/sign"]);
}

#[test]
fn without_a_sync_a_lane_ends_after_its_composes() {
    let plan = made(&selection("update", vec![ticked("8", &["Extras", "Rocky"], &[])])).unwrap();
    assert_eq!(ids(&plan), ["8/compose/Rocky", "8/compose/Extras"]);
}

// ---------------------------------------------------------------------------------------------- errors

#[test]
fn every_error_names_what_is_wrong() {
    let refuse = |flow: &str, releases| made(&selection(flow, releases)).unwrap_err();
    let rocky = || ticked("8", &[], &["Rocky"]);
    assert!(matches!(refuse("nightly", vec![rocky()]), PlanError::UnknownFlow { .. }));
    assert!(matches!(refuse("update", vec![ticked("7", &[], &[])]), PlanError::UnknownRelease { .. }));
    assert_eq!(refuse("update", vec![rocky(), rocky()]), PlanError::ReleaseTwice("8".parse().unwrap()));
    assert!(matches!(refuse("update", vec![ticked("8", &["Rokcy"], &[])]), PlanError::UnknownRepo { .. }));
    assert!(matches!(refuse("update", vec![ticked("8", &[], &["Rokcy"])]), PlanError::UnknownRepo { .. }));
    let never = refuse("update", vec![ticked("8", &[], &["advanced-virt"])]);
    assert!(matches!(&never, PlanError::NeverSynced { repo, .. } if repo.as_str() == "advanced-virt"));
    assert_eq!(refuse("update", vec![ticked("8", &[], &[])]), PlanError::NothingSelected);
    assert_eq!(refuse("update", vec![]), PlanError::NothingSelected);
    let said = refuse("nightly", vec![rocky()]).to_string();
    assert_eq!(said, "there is no flow `nightly`; the catalog has update, minor, sign, publish");
}

#[test]
fn a_repo_without_a_compose_or_a_script_makes_no_plan() {
    let mut catalog = catalog();
    let wanted = selection("update", vec![ticked("8", &[], &["Rocky"])]);
    let none = make(&catalog, &wanted, &[], &[]).unwrap_err();
    assert!(matches!(&none, PlanError::NoCompose { problem, .. } if problem.contains("could not be read")));
    let mut facts = status(&catalog);
    facts[0].repos[0].latest = LatestLink::RealDirectory;
    let real = make(&catalog, &wanted, &facts, &[]).unwrap_err().to_string();
    assert!(real.contains("real directory") && real.contains("tick its compose too"), "{real}");
    catalog.releases[0].repos[0].scripts.clear();
    let wanted = selection("update", vec![ticked("8", &["Rocky"], &[])]);
    assert!(matches!(make(&catalog, &wanted, &facts, &[]), Err(PlanError::NoScript { .. })));
    catalog.releases[0].vars = Err("common is not there".to_owned());
    let unread = make(&catalog, &wanted, &facts, &[]).unwrap_err();
    assert!(unread.to_string().contains("common is not there"), "{unread}");
}

#[test]
fn a_placeholder_without_a_value_makes_no_plan() {
    let mut catalog = catalog();
    let sign: TemplateName = "sign".parse().unwrap();
    catalog.templates.get_mut(&sign).unwrap().command = vec!["rm".to_owned(), "{repo}/x".to_owned()];
    let wanted = selection("sign", vec![ticked("8", &[], &[])]);
    let refused = make(&catalog, &wanted, &status(&catalog), &[]).unwrap_err();
    assert!(matches!(&refused, PlanError::Placeholder { step, .. } if *step == sign), "{refused}");
}

// -------------------------------------------------------------------------------------------- warnings

/// Returns the warnings of syncing Rocky alone once `change` was applied to its status.
fn warned(change: impl FnOnce(&mut RepoStatus)) -> Vec<Warning> {
    let catalog = catalog();
    let mut facts = status(&catalog);
    change(&mut facts[0].repos[0]);
    make(&catalog, &selection("update", vec![ticked("8", &[], &["Rocky"])]), &facts, &[]).unwrap().warnings
}

fn kinds(warnings: &[Warning]) -> Vec<WarningKind> {
    warnings.iter().map(|warning| warning.kind).collect()
}

#[test]
fn a_plain_plan_has_no_warning() {
    assert_eq!(warned(|_| {}), []);
}

#[test]
fn a_compose_is_warned_about() {
    let latest = |status| LatestLink::Compose { compose: compose("Rocky", "8", 1, status) };
    for status in [
        ComposeStatus::Started,
        ComposeStatus::FinishedIncomplete,
        ComposeStatus::Doomed,
        ComposeStatus::Terminated,
        ComposeStatus::None,
        ComposeStatus::Unknown,
    ] {
        assert_eq!(kinds(&warned(|repo| repo.latest = latest(status))), [WarningKind::ComposeUnfinished]);
    }
    let doomed = compose("Rocky", "8", 2, ComposeStatus::Doomed);
    let newer = warned(|repo| repo.newer_unfinished = Some(doomed));
    assert_eq!(kinds(&newer), [WarningKind::NewerUnfinished]);
    assert!(newer[0].message.contains("DOOMED"), "{}", newer[0].message);
}

#[test]
fn what_staging_holds_is_warned_about() {
    let current = warned(|repo| repo.staging.state = PositionState::Current);
    assert_eq!(kinds(&current), [WarningKind::NothingNew]);
    let newer = warned(|repo| repo.staging_holds = Some(compose_id("Rocky", "8", 2)));
    assert_eq!(kinds(&newer), [WarningKind::ComposeOlderThanStaging]);
    let same = warned(|repo| repo.staging_holds = Some(compose_id("Rocky", "8", 1)));
    assert_eq!(same, []);
}

#[test]
fn what_production_holds_is_warned_about() {
    let ahead = warned(|repo| repo.production.state = PositionState::Differs);
    assert_eq!(kinds(&ahead), [WarningKind::ProductionAhead]);
}

#[test]
fn what_goes_out_unticked_is_warned_about() {
    let catalog = catalog();
    let also = |state, staging| {
        let mut facts = status(&catalog);
        facts[0].repos[2].production.state = state;
        facts[0].repos[2].staging.state = staging;
        let wanted = selection("update", vec![ticked("8", &[], &["Rocky"])]);
        kinds(&make(&catalog, &wanted, &facts, &[]).unwrap().warnings)
    };
    assert_eq!(also(PositionState::Behind, PositionState::Current), [WarningKind::AlsoGoesOut]);
    assert_eq!(also(PositionState::Absent, PositionState::Absent), []);
    assert_eq!(also(PositionState::Current, PositionState::Current), []);
}

#[test]
fn an_order_cut_short_is_warned_about() {
    let only = made(&selection("update", vec![ticked("8", &["Rocky", "Extras"], &["Rocky"])])).unwrap();
    assert_eq!(kinds(&only.warnings), [WarningKind::CutShort]);
    assert!(only.warnings[0].message.starts_with("Extras:"), "{}", only.warnings[0].message);
    let none = made(&selection("update", vec![ticked("8", &["advanced-virt"], &[])])).unwrap();
    assert_eq!(kinds(&none.warnings), [WarningKind::CutShort], "advanced-virt is never synced");
}

#[test]
fn changed_scripts_are_warned_about() {
    let catalog = catalog();
    let wanted = selection("sign", vec![ticked("8", &[], &[])]);
    let plan = make(&catalog, &wanted, &status(&catalog), &[changed_checkout()]).unwrap();
    assert_eq!(kinds(&plan.warnings), [WarningKind::ScriptsChanged]);
}

// ------------------------------------------------------------------------------------------------ laws

/// Returns every step that a lane could have, in the catalog's order, with whether its ticks ask for it.
fn reference(catalog: &Catalog, selection: &Selection, ticked: &ReleaseSelection) -> Vec<(String, bool)> {
    let release = catalog.release(&ticked.release).unwrap();
    let flow = catalog.flow(&selection.flow).unwrap();
    let roles: Vec<Role> = flow.steps.iter().map(|name| catalog.templates[name].role).collect();
    let goes_on =
        !ticked.sync.is_empty() || !roles.iter().any(|role| matches!(role, Role::Sync | Role::SyncAll));
    let mut all = Vec::new();
    for (name, role) in flow.steps.iter().zip(roles) {
        match role {
            Role::Compose => all.extend(release.repos.iter().map(|repo| {
                (format!("{}/{name}/{}", release.id, repo.name), ticked.compose.contains(&repo.name))
            })),
            Role::Sync => all.extend(
                release
                    .sync_order
                    .iter()
                    .map(|repo| (format!("{}/{name}/{repo}", release.id), ticked.sync.contains(repo))),
            ),
            Role::Lists => {}
            _ => all.push((format!("{}/{name}", release.id), goes_on)),
        }
    }
    all
}

/// Changes one thing that decides what runs; returns whether there was such a thing to change.
fn tamper(plan: &mut Plan, dice: &mut Dice) -> bool {
    let which = dice.below(plan.steps.len());
    let step = &mut plan.steps[which];
    match dice.below(10) {
        0 => step.argv.push(String::new()),
        1 => step.cwd.push("x"),
        2 => step.env = BTreeMap::from([("RLVER".to_owned(), "7".to_owned())]),
        3 => step.host = Some("elsewhere".to_owned()),
        4 => step.repo = Some("Other".parse().unwrap()),
        5 => step.repeatable = !step.repeatable,
        6 => step.timeout_s = Some(1),
        7 => plan.lanes[0].staging.push("x"),
        8 => {
            plan.environment.insert("EXTRA".to_owned(), "1".to_owned());
        }
        _ if which > 0 => plan.steps.swap(0, which),
        _ => return false,
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_plan_is_what_was_ticked_in_the_order_of_the_catalog(numbers in prop::collection::vec(any::<u16>(), 200)) {
        let mut dice = Dice::new(numbers);
        let catalog = dice.catalog();
        let selection = dice.selection(&catalog);
        let status = dice.status(&catalog, true);
        let plan = match make(&catalog, &selection, &status, &[]) {
            Ok(plan) => plan,
            Err(error) => {
                prop_assert_eq!(error, PlanError::NothingSelected);
                let asked = selection.releases.iter().flat_map(|one| reference(&catalog, &selection, one));
                prop_assert_eq!(asked.filter(|(_, wanted)| *wanted).count(), 0);
                return Ok(());
            }
        };
        let mut expected = Vec::new();
        for one in &selection.releases {
            let wanted: Vec<String> = reference(&catalog, &selection, one)
                .into_iter().filter(|(_, wanted)| *wanted).map(|(id, _)| id).collect();
            let lane = plan.lane(&one.release).map(|lane| {
                lane.steps.iter().map(ToString::to_string).collect::<Vec<_>>()
            });
            prop_assert_eq!(lane.unwrap_or_default(), wanted.clone());
            expected.extend(wanted);
        }
        let publishes = plan.steps.iter().filter(|step| step.is_production()).count();
        let lists = catalog.flow(&selection.flow).unwrap().steps.iter().any(|name| name.as_str() == "lists");
        expected.extend((publishes > 0 && lists).then(|| "shared/lists".to_owned()));
        prop_assert_eq!(ids(&plan), expected);
    }

    #[test]
    fn no_publish_without_its_gate_before_it(numbers in prop::collection::vec(any::<u16>(), 200)) {
        let mut dice = Dice::new(numbers);
        let catalog = dice.catalog();
        let selection = dice.selection(&catalog);
        let Ok(plan) = make(&catalog, &selection, &dice.status(&catalog, true), &[]) else { return Ok(()) };
        for (place, step) in plan.steps.iter().enumerate() {
            for parent in &step.depends {
                let earlier = plan.steps[..place].iter().any(|other| other.id == *parent);
                prop_assert!(earlier, "{} depends on {parent}, which is not before it", step.id);
            }
            if step.is_production() {
                let gate = plan.steps[..place].iter().find(|other| other.is_gate() && other.release == step.release);
                let gate = gate.expect("a gate of its release before it");
                prop_assert!(plan.descendants(&gate.id).contains(&step.id));
                // Whatever changed staging or was made for it, redoing it makes the approval stale.
                for before in plan.steps[..place].iter().filter(|other| other.release == step.release && other.role != Role::Compose) {
                    prop_assert!(plan.descendants(&before.id).contains(&step.id), "{} does not build on {}", step.id, before.id);
                }
            }
        }
        let publishes: Vec<StepId> = plan.steps.iter().filter(|step| step.is_production()).map(|step| step.id.clone()).collect();
        let shared = plan.shared().count();
        prop_assert!(plan.steps[plan.steps.len() - shared..].iter().all(|step| step.release.is_none()));
        prop_assert!(plan.shared().all(|step| step.depends == publishes));
    }

    #[test]
    fn a_pin_is_to_what_this_plan_makes_or_to_what_was_there(numbers in prop::collection::vec(any::<u16>(), 200)) {
        let mut dice = Dice::new(numbers);
        let catalog = dice.catalog();
        let selection = dice.selection(&catalog);
        let status = dice.status(&catalog, true);
        let Ok(plan) = make(&catalog, &selection, &status, &[]) else { return Ok(()) };
        for step in &plan.steps {
            prop_assert_eq!(step.role == Role::Sync, step.pins.len() == 1 && step.role == Role::Sync);
            for pinned in &step.pins {
                let maker = plan.steps.iter().find(|other| other.role == Role::Compose
                    && other.release == step.release && other.repo.as_ref() == Some(&pinned.repo));
                match (&pinned.pin, maker) {
                    (Pin::ProducedBy { step: by }, Some(maker)) => {
                        prop_assert_eq!(by, &maker.id);
                        prop_assert!(step.depends.contains(by));
                    }
                    (Pin::Existing { id }, None) => {
                        let release = status.iter().find(|one| Some(&one.major) == step.release.as_ref()).unwrap();
                        prop_assert_eq!(Some(id), release.repo(&pinned.repo).unwrap().latest.compose().map(|it| &it.id));
                    }
                    (pin, maker) => prop_assert!(false, "{}: {pin:?} with {:?}", step.id, maker.map(|it| &it.id)),
                }
            }
        }
    }

    #[test]
    fn the_digest_is_that_of_what_runs(numbers in prop::collection::vec(any::<u16>(), 220)) {
        let mut dice = Dice::new(numbers);
        let catalog = dice.catalog();
        let selection = dice.selection(&catalog);
        let status = dice.status(&catalog, true);
        let Ok(plan) = make(&catalog, &selection, &status, &[]) else { return Ok(()) };
        prop_assert!(plan.is_intact());
        prop_assert_eq!(&make(&catalog, &selection, &status, &[]).unwrap().digest, &plan.digest);
        let again: Plan = serde_json::from_slice(&serde_json::to_vec(&plan).unwrap()).unwrap();
        prop_assert_eq!(&again, &plan, "a plan survives its file");
        let mut other = plan.clone();
        if tamper(&mut other, &mut dice) && other != plan {
            prop_assert!(!other.is_intact());
            prop_assert_ne!(other.compute_digest(), plan.digest.clone());
        }
        let advice = Plan { warnings: Vec::new(), ..plan };
        prop_assert!(advice.is_intact(), "warnings are advice");
    }

    #[test]
    fn a_script_never_publishes_before_it_stops(numbers in prop::collection::vec(any::<u16>(), 200)) {
        let mut dice = Dice::new(numbers);
        let catalog = dice.catalog();
        let selection = dice.selection(&catalog);
        let Ok(plan) = make(&catalog, &selection, &dice.status(&catalog, true), &[changed_checkout()]) else { return Ok(()) };
        let text = script(&plan);
        let stop = text.find("\nexit 3\n").unwrap_or(text.len());
        prop_assert!(!text[..stop].contains(PUSH));
        for step in plan.steps.iter().filter(|step| !step.argv.is_empty()) {
            prop_assert!(text.contains(&command_line(step)), "{} is shown", step.id);
        }
    }

    /// Any ticks over any status, known or not: a plan or an error, and never a wrong compose.
    #[test]
    fn any_selection_is_a_plan_or_an_error(
        numbers in prop::collection::vec(any::<u16>(), 200),
        names in prop::collection::vec("[A-Z][a-z]{0,3}|Rocky|Extras|gluster9", 0..4),
        wild in "update|minor|sign|publish|any|other",
    ) {
        let mut dice = Dice::new(numbers);
        let catalog = dice.catalog();
        let mut selection = dice.selection(&catalog);
        selection.flow = wild.parse().unwrap();
        if let Some(first) = selection.releases.first_mut() {
            first.sync.extend(names.iter().map(|name| fixture::repo_name(name)));
        }
        let status = dice.status(&catalog, false);
        match make(&catalog, &selection, &status, &[]) {
            Ok(plan) => {
                let _ = script(&plan);
                prop_assert!(plan.is_intact());
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
