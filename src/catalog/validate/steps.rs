//! Rules of one step: what its role needs, which placeholders have a value in it, what its checks need.

use super::needed_section;
use crate::catalog::reader::{At, Sink};
use crate::catalog::schema::{Raw, RawStep};
use crate::catalog::text::{check_absolute, check_template};
use crate::domain::expand::Placeholder::{
    self, Category, ComposeFolder, Production, Release, Repo, Revision, Script, Sig, Staging, SyncFolder,
};
use crate::domain::flow::{CheckName, Role};

const OF_RELEASE: [Placeholder; 6] = [Release, Revision, Category, Staging, ComposeFolder, SyncFolder];

/// Returns the placeholders that have a value in a step of that role. Only what stands behind a gate learns
/// where production is.
fn placeholders(role: Role) -> Vec<Placeholder> {
    let further: &[Placeholder] = match role {
        Role::Compose => &[Repo, Script],
        Role::Sync => &[Repo],
        Role::SyncAll | Role::Stage => &[],
        Role::Gate | Role::Publish => &[Production],
        Role::Lists => return Vec::new(),
    };
    [further, &OF_RELEASE].concat()
}

/// Notes what is wrong with `step`.
pub(super) fn check(raw: &Raw, step: &RawStep, sink: &Sink) {
    templates(step, sink);
    command(step, sink);
    publish_in_disguise(raw, step, sink);
    folder(step, sink);
    checks(raw, step, sink);
}

fn templates(step: &RawStep, sink: &Sink) {
    let allowed = placeholders(step.role);
    let place = format!("a {} step", role_name(step.role));
    let check = |text: &At<String>| check_template(&text.value, &text.span, &allowed, &place, sink);
    check(&step.title);
    let mut used = Vec::new();
    for argument in step.command.iter().flat_map(|command| &command.value) {
        used.extend(check(argument).unwrap_or_else(|| allowed.clone()));
    }
    for text in step.cwd.iter().chain(step.env.values()) {
        check(text);
    }
    let per_repo = matches!(step.role, Role::Compose | Role::Sync);
    if let Some(command) =
        step.command.as_ref().filter(|_| per_repo && !used.contains(&Repo) && !used.contains(&Script))
    {
        let lacks = if step.role == Role::Compose {
            "names neither {repo} nor {script}"
        } else {
            "does not name {repo}"
        };
        let message = format!("a {} step runs once a repo, and its command {lacks}", role_name(step.role));
        sink.note(&command.span, message, None);
    }
    sig_command(step, &[&[Sig], allowed.as_slice()].concat(), sink);
}

fn sig_command(step: &RawStep, allowed: &[Placeholder], sink: &Sink) {
    let Some(command) = &step.sig_command else { return };
    if step.role != Role::Sync {
        let message = format!("a {} step has no `sig_command`", role_name(step.role));
        sink.note(&command.span, message, "only sync steps have one".to_owned());
        return;
    }
    let mut used = Vec::new();
    for argument in &command.value {
        let found =
            check_template(&argument.value, &argument.span, allowed, "a sync step of a SIG repo", sink);
        used.extend(found.unwrap_or_else(|| allowed.to_vec()));
    }
    for placeholder in [Repo, Sig] {
        if !used.contains(&placeholder) {
            let message = format!("`sig_command` does not name `{placeholder}`");
            sink.note(&command.span, message, "the content would go to the wrong place".to_owned());
        }
    }
    not_empty(command, sink);
}

fn not_empty(command: &At<Vec<At<String>>>, sink: &Sink) {
    match command.value.first() {
        None => sink.note(&command.span, "an empty command", "name a program and its arguments".to_owned()),
        Some(program) if program.trim().is_empty() => {
            sink.note(&program.span, "an empty program", "name a program".to_owned());
        }
        Some(_) => {}
    }
    if let Some(argument) = command.value.iter().find(|argument| argument.contains('\0')) {
        sink.note(&argument.span, "an argument with a NUL", None);
    }
}

fn command(step: &RawStep, sink: &Sink) {
    let role = role_name(step.role);
    match (&step.command, step.role) {
        (Some(command), Role::Gate) => {
            let advice = "a gate runs nothing: it waits for an approval".to_owned();
            sink.note(&command.span, "a gate with a command", advice);
        }
        (Some(command), _) => not_empty(command, sink),
        (None, Role::Gate | Role::Lists) => {}
        (None, _) => {
            let message = format!("[steps.{}] lacks `command`", step.name);
            sink.note(&step.span, message, format!("every {role} step runs one"));
        }
    }
    if let (Some(host), None) = (&step.host, &step.command) {
        sink.note(&host.span, "a host without a command", None);
    }
}

/// Notes a step that runs what a publish step runs, without being one: no gate would stand before it.
fn publish_in_disguise(raw: &Raw, step: &RawStep, sink: &Sink) {
    let words = |command: &At<Vec<At<String>>>| -> Vec<String> {
        command.value.iter().map(|word| word.value.clone()).collect()
    };
    if step.role == Role::Publish {
        return;
    }
    let publishes = raw.steps.entries.iter().filter(|other| other.role == Role::Publish);
    for (other, published) in publishes.filter_map(|other| Some((other, words(other.command.as_ref()?)))) {
        let own = step.command.iter().chain(&step.sig_command);
        if let Some(command) = own.into_iter().find(|command| words(command) == published) {
            let message = format!("a {} step with the command of `{}`", role_name(step.role), other.name);
            sink.note(&command.span, message, "what publishes has role \"publish\"".to_owned());
        }
    }
}

fn folder(step: &RawStep, sink: &Sink) {
    match (&step.cwd, &step.command) {
        (None, Some(_)) => {
            let message = format!("[steps.{}] lacks `cwd`", step.name);
            sink.note(
                &step.span,
                message,
                "name the working directory: `{sync_folder}`, or a path".to_owned(),
            );
        }
        (Some(cwd), None) => sink.note(&cwd.span, "a working directory without a command", None),
        (Some(cwd), Some(_)) => {
            let folders = [ComposeFolder, SyncFolder, Staging, Production];
            let in_folder = folders.iter().any(|folder| cwd.starts_with(&folder.to_string()));
            if !in_folder || cwd.contains("..") {
                check_absolute(cwd, &cwd.span, sink);
            }
        }
        (None, None) => {}
    }
}

fn checks(raw: &Raw, step: &RawStep, sink: &Sink) {
    for check in step.before.iter().chain(&step.after) {
        if let Some(section) = needed_section(raw, check.value) {
            let message = format!("check `{}` needs {section}", check.value);
            sink.note(&check.span, message, format!("add {section} to the catalog"));
        }
    }
    for checks in [&step.before, &step.after] {
        for (at, check) in checks.iter().enumerate() {
            if checks[..at].iter().any(|earlier| earlier.value == check.value) {
                sink.note(&check.span, format!("check `{}` stands here twice", check.value), None);
            }
        }
    }
    let phrases = step.after.iter().find(|check| check.value == CheckName::Phrases);
    match (phrases, step.failure_phrases.first()) {
        (Some(check), None) => {
            let advice = "add `failure_phrases`".to_owned();
            sink.note(&check.span, "check `phrases` has no phrase to look for", advice);
        }
        (None, Some(phrase)) => {
            let advice = "add \"phrases\" to `after`".to_owned();
            sink.note(&phrase.span, "nobody looks for `failure_phrases`", advice);
        }
        _ => {}
    }
}

/// Returns the name of the role as the catalog writes it.
pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Compose => "compose",
        Role::Sync => "sync",
        Role::SyncAll => "sync-all",
        Role::Stage => "stage",
        Role::Gate => "gate",
        Role::Publish => "publish",
        Role::Lists => "lists",
    }
}
