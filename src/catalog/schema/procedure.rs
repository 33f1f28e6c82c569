//! Sections about the procedure: steps, flows, the gate, severities.

use super::places::{Line, quantity, variables};
use super::{named, texts};
use crate::catalog::reader::{At, Read, Sink, Table, Value, one_of};
use crate::catalog::text::{Program, check_absolute, not_blank};
use crate::catalog::units;
use crate::domain::finding::SeverityRule;
use crate::domain::flow::{CheckName, ProgressSource, Role};
use crate::domain::name::{FlowName, ResourceName, TemplateName};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

/// A step template as it was read.
#[derive(Debug)]
pub(in crate::catalog) struct RawStep {
    pub(in crate::catalog) name: TemplateName,
    pub(in crate::catalog) span: Range<usize>,
    pub(in crate::catalog) role: Role,
    pub(in crate::catalog) title: At<String>,
    pub(in crate::catalog) command: Option<At<Vec<At<String>>>>,
    pub(in crate::catalog) sig_command: Option<At<Vec<At<String>>>>,
    pub(in crate::catalog) cwd: Option<At<String>>,
    pub(in crate::catalog) host: Option<At<String>>,
    pub(in crate::catalog) env: BTreeMap<String, At<String>>,
    pub(in crate::catalog) resources: Vec<ResourceName>,
    pub(in crate::catalog) tools: Vec<String>,
    pub(in crate::catalog) leftovers: Vec<String>,
    pub(in crate::catalog) before: Vec<At<CheckName>>,
    pub(in crate::catalog) after: Vec<At<CheckName>>,
    pub(in crate::catalog) failure_phrases: Vec<At<String>>,
    pub(in crate::catalog) repeatable: bool,
    pub(in crate::catalog) timeout_s: Option<u64>,
    pub(in crate::catalog) progress: ProgressSource,
}

/// A flow as it was read.
#[derive(Debug)]
pub(in crate::catalog) struct RawFlow {
    pub(in crate::catalog) name: FlowName,
    pub(in crate::catalog) span: Range<usize>,
    pub(in crate::catalog) about: String,
    pub(in crate::catalog) steps: Vec<At<String>>,
}

/// The gate as it was read.
#[derive(Debug)]
pub(in crate::catalog) struct RawGate {
    pub(in crate::catalog) name: String,
    pub(in crate::catalog) phrase: At<String>,
    pub(in crate::catalog) expires_s: u64,
    pub(in crate::catalog) people: u8,
    pub(in crate::catalog) allowed_signers: Option<PathBuf>,
    pub(in crate::catalog) solo: bool,
    pub(in crate::catalog) checklist: Vec<String>,
}

impl Read for CheckName {
    fn read(value: Value<'_>, sink: &Sink) -> Option<Self> {
        one_of(value, sink, "check")
    }
}

impl Read for ResourceName {
    fn read(value: Value<'_>, sink: &Sink) -> Option<Self> {
        crate::catalog::reader::parsed(value, sink)
    }
}

pub(super) fn step(name: &At<String>, value: Value<'_>, sink: &Sink) -> Option<RawStep> {
    let id: Option<TemplateName> = named(name, sink);
    let table = Table::open(format!("[steps.{}]", name.value), value, sink)?;
    let role = table.required_with("role", |value, sink| one_of(value, sink, "role"));
    let title = table.required_with("title", not_blank);
    let command = table.optional("command");
    let sig_command = table.optional("sig_command");
    let cwd = table.optional("cwd");
    let host = table.optional_with("host", host);
    let env = table.optional_with("env", texts).map(|env| variables(env.value, sink)).unwrap_or_default();
    let resources = table.list::<ResourceName>("resources").into_iter().map(|name| name.value).collect();
    let tools = table.list::<Program>("tools").into_iter().map(|tool| tool.value.0).collect();
    let leftovers = leftovers(&table, sink);
    let (before, after) = (table.list("before"), table.list("after"));
    let failure_phrases =
        table.list::<Line>("failure_phrases").into_iter().map(|line| line.map(|line| line.0)).collect();
    let repeatable = table.optional("repeatable").is_none_or(|repeatable| repeatable.value);
    let timeout = table.optional_with("timeout", positive_duration);
    let progress = table.optional_with("progress", |value, sink| one_of(value, sink, "progress source"));
    let span = table.span().clone();
    table.finish();
    Some(RawStep {
        name: id?,
        span,
        role: role?.value,
        title: title?,
        command,
        sig_command,
        cwd,
        host,
        env,
        resources,
        tools,
        leftovers,
        before,
        after,
        failure_phrases,
        repeatable,
        timeout_s: timeout.map(|timeout| timeout.value),
        progress: progress.map(|progress| progress.value).unwrap_or_default(),
    })
}

fn leftovers(table: &Table<'_>, sink: &Sink) -> Vec<String> {
    let listed = table.list::<String>("leftovers").into_iter();
    listed.filter(|path| check_absolute(path, &path.span, sink)).map(|path| path.value).collect()
}

pub(super) fn positive_duration(value: Value<'_>, sink: &Sink) -> Option<u64> {
    let duration = quantity(value, sink, units::duration)?;
    if duration == 0 {
        sink.note(&value.span(), "a duration of nothing", None);
        return None;
    }
    Some(duration)
}

/// Reads a host as ssh takes it: `errata01` or `releng@errata01.example.org`, never an option.
fn host(value: Value<'_>, sink: &Sink) -> Option<String> {
    let text = String::read(value, sink)?;
    let good = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-@".contains(&b))
        && text.matches('@').count() <= 1;
    if !good {
        sink.note(&value.span(), format!("`{text}` is not a host"), "expected HOST or USER@HOST".to_owned());
        return None;
    }
    Some(text)
}

pub(super) fn flow(name: &At<String>, value: Value<'_>, sink: &Sink) -> Option<RawFlow> {
    let id: Option<FlowName> = named(name, sink);
    let table = Table::open(format!("[flows.{}]", name.value), value, sink)?;
    let about = table.required_with("about", not_blank);
    let steps = table.required::<Vec<At<String>>>("steps");
    let span = table.span().clone();
    table.finish();
    Some(RawFlow { name: id?, span, about: about?.value, steps: steps?.value })
}

pub(super) fn gate(table: Table<'_>, sink: &Sink) -> Option<RawGate> {
    let name = table.required_with("name", crate::catalog::reader::parsed::<TemplateName>);
    let phrase = table.required("phrase");
    let expires = table.required_with("expires", positive_duration);
    let people = table.optional::<u8>("people");
    if let Some(people) = people.as_ref().filter(|people| !(1..=2).contains(&people.value)) {
        sink.note(&people.span, format!("{} people to approve", people.value), "expected 1 or 2".to_owned());
    }
    let allowed_signers = table.optional::<String>("allowed_signers");
    let solo = table.optional::<bool>("solo");
    check_people(people.as_ref(), allowed_signers.is_some(), solo.as_ref(), sink);
    let absolute = |path: &At<String>| check_absolute(&path.value, &path.span, sink);
    let allowed_signers = allowed_signers.filter(absolute);
    let checklist = table.list::<Line>("checklist").into_iter().map(|line| line.value.0).collect();
    table.finish();
    Some(RawGate {
        name: name?.value.to_string(),
        phrase: phrase?,
        expires_s: expires?.value,
        people: people.map_or(1, |people| people.value),
        allowed_signers: allowed_signers.map(|path| PathBuf::from(path.value)),
        solo: solo.is_some_and(|solo| solo.value),
        checklist,
    })
}

/// Two people sign, each with their own key; one for two says nothing where one is enough.
fn check_people(people: Option<&At<u8>>, signed: bool, solo: Option<&At<bool>>, sink: &Sink) {
    let two = people.filter(|people| people.value == 2);
    if let Some(two) = two.filter(|_| !signed) {
        let advice = "two people approve with their signatures: name the file of those who may sign, `allowed_signers = \"/etc/stagegate/allowed_signers\"`";
        sink.note(&two.span, "2 people to approve, and nobody who may sign", advice.to_owned());
    }
    if let Some(solo) = solo.filter(|solo| solo.value && two.is_none()) {
        let advice = "it lets one person do for two: leave it out, or say `people = 2`".to_owned();
        sink.note(&solo.span, "`solo` where one person is enough", advice);
    }
}

pub(super) fn severities(root: &Table<'_>) -> Vec<SeverityRule> {
    struct Rule(SeverityRule);
    impl Read for Rule {
        fn read(value: Value<'_>, sink: &Sink) -> Option<Self> {
            let table = Table::open("[[severity]]", value, sink)?;
            let check = table.required::<CheckName>("check");
            let path = table.optional_with("path", not_blank);
            let inherited = table.optional::<bool>("inherited");
            let severity = table.required_with("severity", |value, sink| one_of(value, sink, "severity"));
            table.finish();
            if let Some(path) = path.as_ref().filter(|path| path.starts_with('/')) {
                let advice = "it is relative to the release's folder: `**/kickstart/**`".to_owned();
                sink.note(&path.span, format!("`{}` begins with a slash", path.value), advice);
            }
            Some(Self(SeverityRule {
                check: check?.value,
                path: path.map(|path| path.value),
                inherited: inherited.map(|inherited| inherited.value),
                severity: severity?.value,
            }))
        }
    }
    root.list::<Rule>("severity").into_iter().map(|rule| rule.value.0).collect()
}
