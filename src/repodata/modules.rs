//! modules.yaml: module streams, their defaults and their obsoletes.
//!
//! The form is that of libmodulemd (`yaml_specs/`): many YAML documents in one file, each of which says what it is.
//! Documents are cut apart and read one by one, so that one is held and not the file. Unknown documents are
//! passed over, as libmodulemd does. It must not look whether the packages are there.

use super::error::{Problem, cut};
use std::collections::{BTreeMap, HashMap};
use std::io::{BufReader, Read};

mod yaml;

use yaml::{Documents, Node};

/// The modules of a repo.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Modules {
    /// The streams, in the order of the file; one stream may stand there in several versions and contexts.
    pub streams: Vec<ModuleStream>,
    /// What is chosen where nobody chooses.
    pub defaults: Vec<ModuleDefaults>,
    /// What replaces what.
    pub obsoletes: Vec<ModuleObsoletes>,
    /// The types of the documents that were passed over.
    pub passed_over: Vec<String>,
}

/// One version of a module stream: a document `modulemd`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModuleStream {
    /// `nodejs`
    pub name: String,
    /// `18`; always text, so that `1.10` stays what it is.
    pub stream: String,
    /// `8100020240101120000`
    pub version: u64,
    /// `489197e6`
    pub context: String,
    /// `x86_64`
    pub arch: String,
    /// What it needs, one alternative each.
    pub dependencies: Vec<ModuleDependencies>,
    /// The names of its profiles, with their packages.
    pub profiles: BTreeMap<String, Vec<String>>,
    /// Its packages.
    pub artifacts: Artifacts,
}

impl ModuleStream {
    /// Returns `nodejs:18`.
    pub fn name_stream(&self) -> String {
        format!("{}:{}", self.name, self.stream)
    }

    /// Returns `nodejs:18:8100020240101120000:489197e6:x86_64`.
    pub fn nsvca(&self) -> String {
        format!("{}:{}:{}:{}:{}", self.name, self.stream, self.version, self.context, self.arch)
    }
}

/// What a stream needs: for each module the streams that will do, of which none means any; `-el8` excludes one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModuleDependencies {
    /// To be built.
    pub build_requires: BTreeMap<String, Vec<String>>,
    /// To be used.
    pub requires: BTreeMap<String, Vec<String>>,
}

/// The packages of a stream, as `name-epoch:version-release.arch`, in one string.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Artifacts(String);

impl Artifacts {
    /// Returns them in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.lines()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What is chosen of a module where nobody chooses: a document `modulemd-defaults`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModuleDefaults {
    /// The module.
    pub module: String,
    /// The stream, if there is one.
    pub stream: Option<String>,
    /// For each stream its profiles.
    pub profiles: BTreeMap<String, Vec<String>>,
    /// When it was changed, as it is written; the latest counts.
    pub modified: String,
}

/// A stream that is no longer kept: a document `modulemd-obsoletes`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModuleObsoletes {
    /// The module.
    pub module: String,
    /// The stream.
    pub stream: String,
    /// The context, where it is about one alone.
    pub context: Option<String>,
    /// From when on, as it is written.
    pub eol_date: Option<String>,
    /// Module and stream that take its place.
    pub obsoleted_by: Option<(String, String)>,
    /// Whether it takes an earlier such document back.
    pub reset: bool,
    /// When it was changed, as it is written.
    pub modified: String,
}

impl Modules {
    /// Returns which stream each package belongs to: from `name-epoch:version-release.arch` to `nodejs:18`.
    pub fn by_artifact(&self) -> HashMap<String, String> {
        let of = |stream: &'_ ModuleStream| {
            let name = stream.name_stream();
            stream.artifacts.iter().map(move |nevra| (nevra.to_owned(), name.clone())).collect::<Vec<_>>()
        };
        self.streams.iter().flat_map(of).collect()
    }

    /// Returns the default of a module, the one that was changed last.
    pub fn default_of(&self, module: &str) -> Option<&ModuleDefaults> {
        self.defaults
            .iter()
            .filter(|defaults| defaults.module == module)
            .max_by(|a, b| a.modified.cmp(&b.modified))
    }
}

/// Reads a modules.yaml.
pub fn read(input: impl Read) -> Result<Modules, Problem> {
    let mut modules = Modules::default();
    let mut documents = Documents::new(BufReader::new(input));
    while let Some((text, line)) = documents.next()? {
        let Some(document) = yaml::parse(text, line)? else { continue };
        add(&mut modules, &document).map_err(|problem| Problem::Yaml { line, message: cut(&problem) })?;
    }
    Ok(modules)
}

fn add(modules: &mut Modules, document: &Node<'_>) -> Result<(), String> {
    let kind = document.text("document").ok_or("a document does not say what it is")?;
    let version = document.text("version").unwrap_or_default();
    let data = || document.get("data").ok_or_else(|| format!("a `{kind}` document has no data"));
    match (kind, version) {
        ("modulemd", "1" | "2" | "3") => modules.streams.push(stream(data()?)?),
        ("modulemd-defaults", "1") => modules.defaults.push(defaults(data()?)?),
        ("modulemd-obsoletes", "1") => modules.obsoletes.push(obsoletes(data()?)?),
        // The file may hold any number of any documents; the types are noted once each.
        _ => {
            let kind = cut(&format!("{kind} {version}"));
            if modules.passed_over.len() < 100 && !modules.passed_over.contains(&kind) {
                modules.passed_over.push(kind);
            }
        }
    }
    Ok(())
}

fn owned(node: &Node<'_>, key: &str) -> String {
    node.text(key).unwrap_or_default().to_owned()
}

fn needed(node: &Node<'_>, key: &str) -> Result<String, String> {
    node.text(key)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| format!("`{key}` is not there"))
}

fn stream(data: &Node<'_>) -> Result<ModuleStream, String> {
    let version = data.text("version").unwrap_or("0");
    let mut artifacts = String::new();
    let rpms = data.get("artifacts").and_then(|artifacts| artifacts.get("rpms"));
    for nevra in rpms.into_iter().flat_map(Node::texts) {
        if nevra.chars().any(char::is_control) {
            return Err(format!("an artifact holds a control character: `{}`", cut(nevra)));
        }
        artifacts.push_str(nevra);
        artifacts.push('\n');
    }
    let profiles = data.get("profiles").into_iter().flat_map(Node::entries);
    let packages = |profile: &Node<'_>| profile.get("rpms").map(owned_texts).unwrap_or_default();
    Ok(ModuleStream {
        name: needed(data, "name")?,
        stream: needed(data, "stream")?,
        version: version.parse().map_err(|_| format!("`{}` is no version", cut(version)))?,
        context: owned(data, "context"),
        arch: owned(data, "arch"),
        dependencies: dependencies(data),
        profiles: profiles.map(|(name, profile)| (name.to_owned(), packages(profile))).collect(),
        artifacts: Artifacts(artifacts),
    })
}

/// Of version 1 a mapping, later a list of alternatives.
fn dependencies(data: &Node<'_>) -> Vec<ModuleDependencies> {
    let Some(node) = data.get("dependencies") else { return Vec::new() };
    let alternatives: Vec<&Node<'_>> = match node {
        Node::List(list) => list.iter().collect(),
        other => vec![other],
    };
    let streams = |node: &Node<'_>, key: &str| -> BTreeMap<String, Vec<String>> {
        let entries = node.get(key).into_iter().flat_map(Node::entries);
        entries.map(|(name, streams)| (name.to_owned(), owned_texts(streams))).collect()
    };
    let read = |node: &&Node<'_>| {
        let mut dependencies = ModuleDependencies {
            build_requires: streams(node, "buildrequires"),
            requires: streams(node, "requires"),
        };
        // Version 3 names the platform beside them.
        if let Some(platform) = node.text("platform") {
            dependencies.requires.insert("platform".to_owned(), vec![platform.to_owned()]);
        }
        dependencies
    };
    alternatives.iter().map(read).collect()
}

fn owned_texts(node: &Node<'_>) -> Vec<String> {
    node.texts().map(str::to_owned).collect()
}

fn defaults(data: &Node<'_>) -> Result<ModuleDefaults, String> {
    let profiles = data.get("profiles").into_iter().flat_map(Node::entries);
    Ok(ModuleDefaults {
        module: needed(data, "module")?,
        stream: data.text("stream").filter(|stream| !stream.is_empty()).map(str::to_owned),
        profiles: profiles.map(|(stream, names)| (stream.to_owned(), owned_texts(names))).collect(),
        modified: owned(data, "modified"),
    })
}

fn obsoletes(data: &Node<'_>) -> Result<ModuleObsoletes, String> {
    let by = data.get("obsoleted_by");
    Ok(ModuleObsoletes {
        module: needed(data, "module")?,
        stream: needed(data, "stream")?,
        context: data.text("context").map(str::to_owned),
        eol_date: data.text("eol_date").map(str::to_owned),
        obsoleted_by: by
            .map(|by| Ok::<_, String>((needed(by, "module")?, needed(by, "stream")?)))
            .transpose()?,
        reset: data.text("reset").is_some_and(|text| text.eq_ignore_ascii_case("true")),
        modified: owned(data, "modified"),
    })
}

#[cfg(test)]
mod tests;
