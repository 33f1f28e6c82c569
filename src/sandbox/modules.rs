//! Module documents (modulemd 2 and modulemd-defaults 1) for the modular builds of a variant.
//!
//! One document per module build and architecture, and one with the defaults per module, in the form that
//! libmodulemd writes (modulemd's `yaml_specs`). It must not touch the disk.

use super::content::Release;
use super::koji::{Built, BuiltModule, Category};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

/// Returns the documents for the modular ones of `builds`, or nothing if none is.
pub fn modules_yaml(release: &Release, arch: &str, builds: &[&Built]) -> Option<String> {
    let mut modules: BTreeMap<String, (&BuiltModule, Vec<&Built>)> = BTreeMap::new();
    let mut defaults: BTreeMap<&str, &str> = BTreeMap::new();
    for build in builds {
        let Some(module) = &build.module else { continue };
        modules.entry(module.label()).or_insert((module, Vec::new())).1.push(build);
        if module.default {
            defaults.insert(&module.name, &module.stream);
        }
    }
    if modules.is_empty() {
        return None;
    }
    let mut out = String::new();
    for (module, builds) in modules.values() {
        stream_document(&mut out, release, arch, module, builds);
    }
    for (name, stream) in defaults {
        let _ = write!(
            out,
            "---\ndocument: modulemd-defaults\nversion: 1\ndata:\n  module: {name}\n  stream: \"{stream}\"\n  profiles:\n    \"{stream}\": [common]\n...\n"
        );
    }
    Some(out)
}

fn stream_document(out: &mut String, release: &Release, arch: &str, module: &BuiltModule, builds: &[&Built]) {
    let first = builds[0];
    let BuiltModule { name, stream, version, context, .. } = module;
    let platform = &release.platform;
    let _ = write!(
        out,
        "---\ndocument: modulemd\nversion: 2\ndata:\n  name: {name}\n  stream: \"{stream}\"\n  version: {version}\n  context: \"{context}\"\n  arch: {arch}\n  summary: {summary}\n  description: >-\n    {summary}, stream {stream}.\n  license:\n    module:\n    - MIT\n    content:\n    - {license}\n  dependencies:\n  - buildrequires:\n      platform: [{platform}]\n    requires:\n      platform: [{platform}]\n",
        summary = first.summary,
        license = first.license,
    );
    let binaries: BTreeSet<&str> = builds
        .iter()
        .flat_map(|build| &build.rpms)
        .filter(|rpm| rpm.category == Category::Binary && rpm.fits(arch))
        .map(|rpm| &*rpm.name)
        .collect();
    out.push_str("  profiles:\n    common:\n      rpms:\n");
    list(out, "      ", &binaries);
    out.push_str("  api:\n    rpms:\n");
    list(out, "    ", &binaries);
    out.push_str("  components:\n    rpms:\n");
    for build in builds {
        let _ = write!(out, "      {}:\n        rationale: Part of the module.\n", build.name);
    }
    let artifacts: BTreeSet<&str> = builds
        .iter()
        .flat_map(|build| &build.rpms)
        .filter(|rpm| rpm.category == Category::Source || rpm.fits(arch))
        .map(|rpm| &*rpm.nevra)
        .collect();
    out.push_str("  artifacts:\n    rpms:\n");
    list(out, "    ", &artifacts);
    out.push_str("...\n");
}

fn list(out: &mut String, indent: &str, items: &BTreeSet<&str>) {
    for item in items {
        let _ = writeln!(out, "{indent}- {item}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{content::Content, koji::tests::store};

    #[test]
    fn each_stream_is_a_document_and_each_module_has_one_default() {
        let (_store, koji) = store();
        let content = Content::embedded().unwrap();
        let builds = koji.latest("8", &["AppStream".to_owned()], 0);
        let text = modules_yaml(&content.releases["8"], "x86_64", &builds).unwrap();
        assert_eq!(text.matches("document: modulemd\n").count(), 4);
        assert_eq!(text.matches("document: modulemd-defaults\n").count(), 2);
        assert!(text.contains("stream: \"18\"") && text.contains("stream: \"20\""));
        assert!(text.contains(".x86_64\n") && !text.contains(".aarch64\n"));
        let plain = koji.latest("8", &["BaseOS".to_owned()], 0);
        assert!(modules_yaml(&content.releases["8"], "x86_64", &plain).is_none());
    }
}
