//! Sections about content: toolkits, repos, releases.

use super::named;
use crate::catalog::reader::{At, Read, Sink, Table, Value, parsed, wrong_type};
use crate::catalog::text::{Program, Variable, absolute, absolute_template, file_name_problem, template};
use crate::domain::expand::Placeholder::{Arch, Category, Release, Revision, Variant};
use crate::domain::name::{ReleaseId, RepoName, SigName};
use std::ops::Range;
use std::path::PathBuf;
use toml::de::DeValue;

/// A toolkit as it was read.
#[derive(Debug)]
pub(in crate::catalog) struct RawToolkit {
    pub(in crate::catalog) name: String,
    pub(in crate::catalog) folder: PathBuf,
    pub(in crate::catalog) compose_folder: PathBuf,
    pub(in crate::catalog) vars: Vec<String>,
    pub(in crate::catalog) signer: Option<PathBuf>,
    pub(in crate::catalog) keys: Vec<PathBuf>,
    pub(in crate::catalog) tools: Vec<String>,
    pub(in crate::catalog) production: At<String>,
    pub(in crate::catalog) depth: u8,
    pub(in crate::catalog) deletes: bool,
    pub(in crate::catalog) needs: Vec<RawNeed>,
}

/// A file that must be there, for every arch and variant.
#[derive(Debug, Clone)]
pub(in crate::catalog) struct RawNeed {
    pub(in crate::catalog) path: String,
    pub(in crate::catalog) variants: Option<String>,
    pub(in crate::catalog) only_where: Option<String>,
}

/// The compose scripts of a repo.
#[derive(Debug, Clone)]
pub(in crate::catalog) struct Scripts {
    pub(in crate::catalog) default: Option<String>,
    pub(in crate::catalog) by_flow: Vec<(At<String>, String)>,
}

/// A repo as it was read.
#[derive(Debug, Clone)]
pub(in crate::catalog) struct RawRepo {
    pub(in crate::catalog) name: RepoName,
    pub(in crate::catalog) sig: Option<SigName>,
    pub(in crate::catalog) scripts: Option<Scripts>,
}

/// A release as it was read.
#[derive(Debug)]
pub(in crate::catalog) struct RawRelease {
    pub(in crate::catalog) id: ReleaseId,
    pub(in crate::catalog) span: Range<usize>,
    pub(in crate::catalog) toolkit: At<String>,
    pub(in crate::catalog) compose_dir: String,
    pub(in crate::catalog) production: Option<At<String>>,
    pub(in crate::catalog) compose: Vec<At<String>>,
    pub(in crate::catalog) sync: Vec<At<String>>,
    pub(in crate::catalog) repos: super::Section<RawRepo>,
}

fn template_of_release(value: Value<'_>, sink: &Sink) -> Option<String> {
    template(value, sink, &[Release], "a file name")
}

pub(super) fn toolkit(name: &At<String>, value: Value<'_>, sink: &Sink) -> Option<RawToolkit> {
    let id: Option<RepoName> = named(name, sink);
    let table = Table::open(format!("[toolkits.{}]", name.value), value, sink)?;
    let folder = table.required_with("folder", absolute);
    let compose_folder = table.required_with("compose_folder", absolute);
    let vars = table.required_with("vars", vars_files);
    let signer = table.optional_with("signer", absolute).map(|path| path.value);
    let keys = table.list::<KeyFile>("keys").into_iter().map(|key| key.value.0).collect();
    let tools = table.list::<Program>("tools").into_iter().map(|tool| tool.value.0).collect();
    let production = table.required_with("production", production_dir);
    let depth = table.optional_with("depth", depth).map_or(2, |depth| depth.value);
    let deletes = table.optional("deletes").is_some_and(|deletes| deletes.value);
    let needs = table.list::<RawNeed>("needs").into_iter().map(|need| need.value).collect();
    table.finish();
    Some(RawToolkit {
        name: id?.to_string(),
        folder: folder?.value,
        compose_folder: compose_folder?.value,
        vars: vars?.value.into_iter().map(|file| file.value.0).collect(),
        signer,
        keys,
        tools,
        production: production?,
        depth,
        deletes,
        needs,
    })
}

/// A public key that repository metadata may be signed with.
#[derive(Debug)]
struct KeyFile(PathBuf);

impl Read for KeyFile {
    fn read(value: Value<'_>, sink: &Sink) -> Option<Self> {
        absolute(value, sink).map(Self)
    }
}

fn vars_files(value: Value<'_>, sink: &Sink) -> Option<Vec<At<VarsFile>>> {
    if matches!(value.get_ref(), DeValue::Array(files) if files.is_empty()) {
        sink.note(&value.span(), "no vars file: REVISION and the roots are read from one", None);
    }
    Read::read(value, sink)
}

/// A vars file in the toolkit's folder; its name may hold `{release}`.
#[derive(Debug)]
struct VarsFile(String);

impl Read for VarsFile {
    fn read(value: Value<'_>, sink: &Sink) -> Option<Self> {
        let text = template_of_release(value, sink)?;
        if let Some(problem) = file_name_problem(&text) {
            sink.note(&value.span(), format!("`{text}` is not a file name: it {problem}"), None);
            return None;
        }
        Some(Self(text))
    }
}

fn depth(value: Value<'_>, sink: &Sink) -> Option<u8> {
    let depth = u8::read(value, sink)?;
    if !(1..=8).contains(&depth) {
        sink.note(
            &value.span(),
            format!("a depth of {depth}"),
            "expected 1 to 8; 2 is BaseOS/x86_64".to_owned(),
        );
        return None;
    }
    Some(depth)
}

/// Reads where a release goes below the production root; it must lead below it and nowhere else.
fn production_dir(value: Value<'_>, sink: &Sink) -> Option<String> {
    let text = template(value, sink, &[Category, Revision, Release], "a production directory")?;
    let plain = !text.is_empty() && text.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !plain {
        let advice = "write a path below the production root, such as `{category}/{revision}`".to_owned();
        sink.note(&value.span(), format!("`{text}` does not lead below the production root"), advice);
        return None;
    }
    Some(text)
}

/// Reads a folder below the release's in staging.
fn staging_folder(value: Value<'_>, sink: &Sink) -> Option<String> {
    let text = template(value, sink, &[Release, Revision, Arch, Variant], "`where`")?;
    if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
        let advice = "write a folder of staging, such as `{variant}/{arch}/os`".to_owned();
        sink.note(&value.span(), format!("`{text}` does not lead below the release's staging"), advice);
        return None;
    }
    Some(text)
}

impl Read for RawNeed {
    fn read(value: Value<'_>, sink: &Sink) -> Option<Self> {
        let table = Table::open("an entry of `needs`", value, sink)?;
        let path = table.required_with("path", |value, sink| {
            absolute_template(value, sink, &[Release, Revision, Arch, Variant], "`needs`")
        });
        let variants = table.optional::<Variable>("variants").map(|variable| variable.value.0);
        let only_where = table.optional_with("where", staging_folder).map(|folder| folder.value);
        table.finish();
        let path = path?;
        let in_where = only_where.as_ref().is_some_and(|folder| folder.contains("{variant}"));
        if path.contains("{variant}") != variants.is_some() || (in_where && variants.is_none()) {
            let advice =
                "`variants` names the vars array that {variant} runs over: give both or neither".to_owned();
            sink.note(&path.span, "`{variant}` and `variants` do not go together", advice);
            return None;
        }
        Some(Self { path: path.value, variants, only_where })
    }
}

pub(super) fn repo(name: &At<String>, value: Value<'_>, sink: &Sink) -> Option<RawRepo> {
    let id: Option<RepoName> = named(name, sink);
    let table = Table::open(format!("repo `{}`", name.value), value, sink)?;
    let sig = table.optional_with("sig", parsed::<SigName>).map(|sig| sig.value);
    let composed = table.has("compose");
    let scripts = table.optional_with("compose", scripts).map(|scripts| scripts.value);
    table.finish();
    if composed && scripts.is_none() {
        return None;
    }
    Some(RawRepo { name: id?, sig, scripts })
}

fn scripts(value: Value<'_>, sink: &Sink) -> Option<Scripts> {
    match value.get_ref() {
        DeValue::String(_) => Some(Scripts { default: Some(script(value, sink)?), by_flow: Vec::new() }),
        DeValue::Table(_) => {
            let table = Table::open("compose", value, sink)?;
            let (mut default, mut by_flow) = (None, Vec::new());
            for (flow, value) in table.entries() {
                let Some(script) = script(value, sink) else { continue };
                if flow.value == "default" { default = Some(script) } else { by_flow.push((flow, script)) }
            }
            Some(Scripts { default, by_flow })
        }
        _ => wrong_type(value, sink, "the name of a script or a table of flow = script"),
    }
}

fn script(value: Value<'_>, sink: &Sink) -> Option<String> {
    VarsFile::read(value, sink).map(|file| file.0)
}

pub(super) fn release(name: &At<String>, value: Value<'_>, sink: &Sink) -> Option<RawRelease> {
    let id: Option<ReleaseId> = named(name, sink);
    let table = Table::open(format!("[releases.{}]", name.value), value, sink)?;
    let toolkit = table.required("toolkit");
    let compose_dir = table.required_with("compose_dir", |value, sink| {
        absolute_template(value, sink, &[Release], "`compose_dir`")
    });
    let production = table.optional_with("production", production_dir);
    let compose = table.required::<Vec<At<String>>>("compose");
    let sync = table.required::<Vec<At<String>>>("sync");
    let repos = super::Section::read(table.table("repos").as_ref(), |name, value| repo(name, value, sink));
    let span = table.span().clone();
    table.finish();
    Some(RawRelease {
        id: id?,
        span,
        toolkit: toolkit?,
        compose_dir: compose_dir?.value,
        production,
        compose: compose?.value,
        sync: sync?.value,
        repos,
    })
}
