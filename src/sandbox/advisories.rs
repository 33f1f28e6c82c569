//! Errata: the updateinfo of a repository, one advisory for every source package that it holds builds of.
//!
//! What the errata box publishes, computed from the packages alone, so that any tree can be given errata. The same
//! build gets the same advisory id in every repository. It reads the RPMs and writes nothing.

use super::metadata::{PackageCache, PackageRecord};
use quick_xml::escape::escape;
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt::Write, path::Path, sync::Arc};
use walkdir::WalkDir;

/// Returns updateinfo.xml for the packages below `repo`.
///
/// `cache` is that of the metadata tools. A file that cannot be read gets no advisory.
pub fn updateinfo_xml(repo: &Path, cache: &PackageCache) -> String {
    let mut builds: BTreeMap<String, Vec<Arc<PackageRecord>>> = BTreeMap::new();
    for entry in WalkDir::new(repo).sort_by_file_name().into_iter().filter_map(Result::ok) {
        let package = entry.file_type().is_file() && entry.path().extension().is_some_and(|end| end == "rpm");
        if package && let Ok((record, _)) = cache.read(entry.path()) {
            builds.entry(record.source_rpm.clone()).or_default().push(record);
        }
    }
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<updates>\n");
    for (source, packages) in &builds {
        if !source.is_empty() {
            Advisory::of(source, packages).write(&mut out, packages);
        }
    }
    out.push_str("</updates>\n");
    out
}

struct Advisory<'a> {
    source: &'a str,
    id: String,
    kind: &'static str,
    severity: &'static str,
    issued: String,
}

impl<'a> Advisory<'a> {
    fn of(source: &'a str, packages: &[Arc<PackageRecord>]) -> Self {
        let digest = Sha256::digest(source);
        let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % 90_000 + 10_000;
        let (letter, kind, severity) = match digest[4] % 3 {
            0 => ("S", "security", ["Low", "Moderate", "Important", "Critical"][usize::from(digest[5] % 4)]),
            1 => ("B", "bugfix", "None"),
            _ => ("E", "enhancement", "None"),
        };
        let built = packages.iter().map(|package| package.build_time).max().unwrap_or(0);
        let issued = jiff::Timestamp::from_second(i64::from(built) + 3600).unwrap_or_default();
        Self {
            source,
            id: format!("RL{letter}A-{}:{number}", issued.strftime("%Y")),
            kind,
            severity,
            issued: issued.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        }
    }

    fn write(&self, out: &mut String, packages: &[Arc<PackageRecord>]) {
        let Self { source, id, kind, severity, issued } = self;
        let first = &packages[0];
        let build = source.strip_suffix(".src.rpm").unwrap_or(source);
        let _ = write!(
            out,
            "  <update from=\"releng@sandbox.invalid\" status=\"final\" type=\"{kind}\" version=\"2\">\n    <id>{id}</id>\n    <title>{title}</title>\n    <issued date=\"{issued}\"/>\n    <updated date=\"{issued}\"/>\n    <rights>For practice</rights>\n    <release>Practice</release>\n    <severity>{severity}</severity>\n    <summary>{summary}</summary>\n    <description>An update of {summary}.</description>\n    <solution/>\n    <references/>\n    <pkglist>\n      <collection short=\"{id}\">\n        <name>{id}</name>\n",
            title = escape(build),
            summary = escape(&first.summary),
        );
        if let Some([name, stream, version, context]) =
            first.modularity_label.as_deref().and_then(label_parts)
        {
            let _ = writeln!(
                out,
                "        <module name=\"{name}\" stream=\"{stream}\" version=\"{version}\" context=\"{context}\" arch=\"{}\"/>",
                first.arch
            );
        }
        for package in packages {
            let PackageRecord { name, epoch, version, release, arch, checksum, .. } = &**package;
            let _ = write!(
                out,
                "        <package name=\"{name}\" version=\"{version}\" release=\"{release}\" epoch=\"{epoch}\" arch=\"{arch}\" src=\"{source}\">\n          <filename>{name}-{version}-{release}.{arch}.rpm</filename>\n          <sum type=\"sha256\">{checksum}</sum>\n        </package>\n",
            );
        }
        out.push_str("      </collection>\n    </pkglist>\n  </update>\n");
    }
}

fn label_parts(label: &str) -> Option<[&str; 4]> {
    let parts: Vec<&str> = label.split(':').collect();
    parts.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::koji::tests::store;
    use std::collections::BTreeSet;

    #[test]
    fn every_build_has_an_advisory_of_its_own_that_names_its_packages() {
        let (store, _koji) = store();
        let cache = PackageCache::default();
        let text = updateinfo_xml(&store.paths.koji_packages(), &cache);
        let ids: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("<id>")).collect();
        assert!(ids.len() > 60, "{}", ids.len());
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "two builds share an advisory");
        let modular =
            text.lines().filter(|line| line.contains("<module name=\"nodejs\" stream=\"18\"")).count();
        assert_eq!(modular, 3, "two builds for 8, one for 9");
        assert!(!text.contains(".src.rpm</filename>"), "a source package is nothing to install");
    }
}
