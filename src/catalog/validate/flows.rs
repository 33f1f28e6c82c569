//! Rules of the flows and the gate. The first of all safety rules is here: no publish without a gate.

use super::steps::role_name;
use super::{known, no_duplicates};
use crate::catalog::reader::{At, Sink};
use crate::catalog::schema::{Raw, RawFlow};
use crate::catalog::text::check_template;
use crate::domain::expand::Placeholder::{Release, Revision};
use crate::domain::flow::Role;

/// Returns the names of the flows with a step of that role.
pub(super) fn with_role(raw: &Raw, role: Role) -> Vec<&str> {
    let has = |flow: &&RawFlow| flow.steps.iter().any(|step| role_of(raw, step) == Some(role));
    raw.flows.entries.iter().filter(has).map(|flow| flow.name.as_str()).collect()
}

fn role_of(raw: &Raw, step: &str) -> Option<Role> {
    raw.steps.entries.iter().find(|entry| entry.name.as_str() == step).map(|entry| entry.role)
}

/// Notes what is wrong with `flow`.
pub(super) fn check(raw: &Raw, flow: &RawFlow, sink: &Sink) {
    if flow.steps.is_empty() {
        sink.note(&flow.span, format!("flow `{}` has no steps", flow.name), None);
    }
    no_duplicates(&flow.steps, sink);
    for step in &flow.steps {
        known(step, "step", &raw.steps, sink);
    }
    // A step that could not be read has no role: judging the order around it would only mislead.
    let roles: Option<Vec<(&At<String>, Role)>> =
        flow.steps.iter().map(|step| Some((step, role_of(raw, step)?))).collect();
    if let Some(roles) = roles {
        gates(&roles, sink);
        lists_last(&roles, sink);
    }
}

fn gates(roles: &[(&At<String>, Role)], sink: &Sink) {
    let mut gates = 0;
    let mut changed: Option<&str> = None;
    for (step, role) in roles {
        match role {
            Role::Gate => {
                gates += 1;
                changed = None;
            }
            Role::Compose | Role::Sync | Role::SyncAll | Role::Stage if gates > 0 => {
                changed = Some(&step.value);
            }
            Role::Publish if gates == 0 => {
                let advice = "put a step with role \"gate\" before it".to_owned();
                sink.note(&step.span, format!("`{}` publishes without a gate before it", step.value), advice);
            }
            Role::Publish => {
                if let Some(changed) = changed {
                    let message = format!("`{changed}` stands between the gate and `{}`", step.value);
                    let advice =
                        "what was vetted would not be what goes out: put it before the gate".to_owned();
                    sink.note(&step.span, message, advice);
                }
            }
            _ => {}
        }
        if *role == Role::Gate && gates > 1 {
            sink.note(
                &step.span,
                "a second gate in one flow",
                "one approval vets the whole release".to_owned(),
            );
        }
    }
}

fn lists_last(roles: &[(&At<String>, Role)], sink: &Sink) {
    for (at, (step, role)) in roles.iter().enumerate() {
        if *role == Role::Lists
            && let Some((_, next)) = roles[at + 1..].iter().find(|(_, next)| *next != Role::Lists)
        {
            let message = format!("`{}` stands before a {} step", step.value, role_name(*next));
            sink.note(
                &step.span,
                message,
                "lists are looked at once, after every lane: put it last".to_owned(),
            );
        }
    }
}

/// Notes what is wrong with the phrase that approves.
pub(super) fn check_phrase(phrase: &At<String>, sink: &Sink) {
    let advice = || "write it so that it names what goes out, such as \"{revision} vetted\"".to_owned();
    if phrase.trim().is_empty() {
        sink.note(&phrase.span, "an empty phrase would approve without a thought", advice());
        return;
    }
    if phrase.trim() != phrase.value || phrase.chars().any(|c| !c.is_ascii() || c.is_ascii_control()) {
        let message = "the phrase must be typed: printable ASCII, without blanks around it";
        sink.note(&phrase.span, message, None);
        return;
    }
    let Some(used) = check_template(phrase, &phrase.span, &[Revision, Release], "the phrase", sink) else {
        return;
    };
    if used.is_empty() {
        sink.note(&phrase.span, "the phrase names neither {revision} nor {release}", advice());
    } else if phrase.contains("{{") || phrase.contains("}}") {
        sink.note(&phrase.span, "a phrase with braces of its own", advice());
    }
}
