//! The catalog of a practice host: the built-in one, with its places moved below the host's folder.
//!
//! It is derived from `config/rocky.toml` and not written a second time, so that a rehearsal has exactly the
//! steps, checks, phrases and severities of the real host. Only what differs is said here.

use super::errata_box;
use crate::sandbox::layout::HostPaths;
use std::path::Path;

const REAL: &str = include_str!("../../../config/rocky.toml");

/// What begins the catalog in the place of the documentation of the format.
const HEADING: &str = "\
# The catalog of a practice host, written by `stagegate sandbox`: that of the real host with other places.
# The format is documented in the built-in catalog, which `stagegate config` prints.

";

/// Returns the text of the catalog.
pub(super) fn text(paths: &HostPaths) -> String {
    let body = REAL.find("\nname = ").map_or(REAL, |at| &REAL[at + 1..]);
    let places = places(paths);
    // In two steps, because a host below /tmp would have its new places moved again.
    let mark = |number: usize| format!("\u{1}{number}\u{2}");
    let marked = places
        .iter()
        .enumerate()
        .fold(body.to_owned(), |text, (number, (real, _))| text.replace(real.as_str(), &mark(number)));
    let moved = places
        .iter()
        .enumerate()
        .fold(marked, |text, (number, (_, practice))| text.replace(&mark(number), practice));
    format!("{HEADING}{moved}")
}

/// What stands in the real catalog, and what in this one; in this order.
fn places(paths: &HostPaths) -> Vec<(String, String)> {
    let root = paths.root();
    let below = |path: &Path| quoted(&path.display().to_string());
    let pair = |real: &str, practice: String| (real.to_owned(), practice);
    vec![
        pair("name = \"Rocky Linux\"", "name = \"Rocky Linux (practice)\"".to_owned()),
        pair("require = \"mount\"", "require = \"marker\"".to_owned()),
        pair("min_free = \"200G\"", "min_free = \"1M\"".to_owned()),
        pair("min_free = \"100G\"", "min_free = \"1M\"".to_owned()),
        pair(
            "\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/root/bin\"",
            format!("\"{}:/usr/bin:/bin\"", below(&paths.bin())),
        ),
        pair(
            "tools = [\"rsync\", \"parallel\", \"sudo\", \"createrepo\", \"modifyrepo\", \"hardlink\", \"gpg\"]",
            "tools = [\"rsync\", \"createrepo\", \"modifyrepo\", \"hardlink\"]".to_owned(),
        ),
        // Nobody needs to become root to rehearse, so that nothing is given to anybody.
        pair("\nowner = \"10004:10005\"", String::new()),
        pair("\"scripts\", \"sudo\", ", "\"scripts\", ".to_owned()),
        // One command serves all releases of the practice host, and must leave those of other lanes alone.
        pair(
            "\"playbooks/secparse001-publish.yml\"]",
            "\"-e\", \"rlver={release}\", \"playbooks/secparse001-publish.yml\"]".to_owned(),
        ),
        pair("/etc/peridot-ansible", below(&errata_box::ansible(paths))),
        pair("keys = []", format!("keys = [\"{}\"]", below(&root.join("keys").join("RPM-GPG-KEY-sandbox")))),
        pair("/root/bin/sign-repo.sh", below(&paths.bin().join("sign-repo.sh"))),
        pair("/root/pungi-rocky", below(&paths.pungi())),
        pair("/root/comps", below(&root.join("comps"))),
        pair("/root/toolkit", below(&paths.toolkit())),
        pair("/usr/local/bin/create-filelist", below(&paths.bin().join("create-filelist"))),
        pair("\"/opt/", format!("\"{}/", below(&root.join("opt")))),
        pair("\"/tmp/", format!("\"{}/", below(&root.join("tmp")))),
        pair("\"/mnt/", format!("\"{}/", below(&paths.mnt()))),
    ]
}

/// Escapes `text` for a TOML string; braces, which begin placeholders, are refused before.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_differs_is_found_in_the_real_catalog() {
        for (real, _) in places(&HostPaths::new("/host")) {
            assert!(REAL.contains(&real), "{real}");
        }
    }

    #[test]
    fn no_place_of_the_real_host_is_left() {
        let text = text(&HostPaths::new("/tmp/practice"));
        let values = text.lines().map(|line| line.split('#').next().unwrap());
        for path in values.flat_map(|line| line.split('"')).filter(|text| text.starts_with('/')) {
            assert!(path.starts_with("/tmp/practice") && !path.contains("practice/tmp/practice"), "{path}");
        }
        assert!(!text.contains("require = \"mount\""));
    }
}
