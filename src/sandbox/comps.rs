//! The comps file of a variant and architecture: its package groups.
//!
//! One group per variant that lists every package of it, and for `BaseOS` the environment that an installer offers.
//! The form is comps.dtd's. It must not touch the disk.

use super::koji::{Built, Category};
use quick_xml::escape::escape;
use std::{collections::BTreeSet, fmt::Write};

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE comps PUBLIC \"-//Red Hat, Inc.//DTD Comps info//EN\" \"comps.dtd\">\n<comps>\n";

/// Returns the comps file of a variant without groups: pungi writes one for every variant.
pub fn without_groups() -> String {
    format!("{HEAD}</comps>\n")
}

/// Returns the comps file for what `builds` put into `variant` on `arch`.
pub fn comps_xml(variant: &str, arch: &str, builds: &[&Built]) -> String {
    let names: BTreeSet<&str> = builds
        .iter()
        .filter(|build| build.variant == variant)
        .flat_map(|build| &build.rpms)
        .filter(|rpm| rpm.category == Category::Binary && rpm.fits(arch))
        .map(|rpm| &*rpm.name)
        .collect();
    let id = format!("{}-packages", variant.to_lowercase());
    let mut out = String::from(HEAD);
    let _ = write!(
        out,
        "  <group>\n    <id>{id}</id>\n    <name>{variant}</name>\n    <description>Packages of {variant}</description>\n    <default>false</default>\n    <uservisible>true</uservisible>\n    <packagelist>\n"
    );
    for name in names {
        let _ = writeln!(out, "      <packagereq type=\"mandatory\">{}</packagereq>", escape(name));
    }
    out.push_str("    </packagelist>\n  </group>\n");
    if variant == "BaseOS" {
        let _ = write!(
            out,
            "  <environment>\n    <id>minimal-environment</id>\n    <name>Minimal Install</name>\n    <description>Basic functionality.</description>\n    <display_order>3</display_order>\n    <grouplist>\n      <groupid>{id}</groupid>\n    </grouplist>\n    <optionlist/>\n  </environment>\n"
        );
    }
    out.push_str("</comps>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::koji::tests::store;

    #[test]
    fn a_group_lists_what_can_be_installed_from_its_variant_alone() {
        let (_store, koji) = store();
        let builds = koji.latest("8", &["BaseOS".to_owned(), "AppStream".to_owned()], 0);
        let text = comps_xml("BaseOS", "x86_64", &builds);
        for name in ["bash", "openssl-libs", "rocky-release"] {
            assert!(text.contains(&format!("<packagereq type=\"mandatory\">{name}</packagereq>")), "{name}");
        }
        assert!(!text.contains("httpd") && !text.contains("-debuginfo"), "{text}");
        assert!(text.contains("<environment>"));
        assert!(!comps_xml("AppStream", "x86_64", &builds).contains("<environment>"));
    }
}
