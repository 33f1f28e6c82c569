//! Packages that primary.xml names more than once.
//!
//! Of two entries alike one is of no use, and only says that the metadata was put together from pieces. Two under one name
//! with different checksums are two packages, of which every client takes the one that it reads first or last.

use crate::repodata::PackageList;
use crate::repodata::list::Listing;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// What is named more than once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Twice {
    /// Packages whose entries are alike, and how many entries are too many.
    pub(super) alike: Option<(String, usize)>,
    /// Packages with different checksums, and how many entries are too many.
    pub(super) different: Option<(String, usize)>,
}

/// Looks for packages that stand in the list more than once.
pub(super) fn twice(list: &PackageList) -> Twice {
    let mut seen: HashMap<_, &str> = HashMap::with_capacity(list.len());
    let mut found = Twice::default();
    for package in list.iter() {
        match seen.entry(identity(&package)) {
            Entry::Vacant(vacant) => {
                vacant.insert(package.pkgid().1);
            }
            Entry::Occupied(first) => {
                let alike = *first.get() == package.pkgid().1;
                let place = if alike { &mut found.alike } else { &mut found.different };
                place.get_or_insert_with(|| (package.nevra().to_string(), 0)).1 += 1;
            }
        }
    }
    found
}

fn identity<'a>(package: &Listing<'a>) -> (&'a str, u32, &'a str, &'a str, &'a str) {
    (package.name(), package.epoch(), package.version(), package.release(), package.arch())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repodata::primary::read;
    use crate::repodata::{Want, Way};
    use std::ops::ControlFlow;

    fn list(packages: &[(&str, &str)]) -> PackageList {
        let one = |(name, digit): &(&str, &str)| {
            format!(
                "<package type=\"rpm\"><name>{name}</name><arch>noarch</arch><version epoch=\"0\" ver=\"1\" rel=\"2\"/>\
                 <checksum type=\"sha256\" pkgid=\"YES\">{}</checksum><size package=\"1\"/><location href=\"{name}.rpm\"/>\
                 </package>",
                digit.repeat(64)
            )
        };
        let all: String = packages.iter().map(one).collect();
        let text = format!("<metadata packages=\"{}\">{all}</metadata>", packages.len());
        let mut list = PackageList::new();
        read(text.as_bytes(), Want::IDENTITY, Way::Xml, |package| {
            list.push(package).unwrap();
            ControlFlow::Continue(())
        })
        .unwrap();
        list
    }

    #[test]
    fn what_is_named_once_is_no_finding() {
        assert_eq!(twice(&list(&[("a", "1"), ("b", "1")])), Twice::default());
        assert_eq!(twice(&PackageList::new()), Twice::default());
    }

    #[test]
    fn entries_alike_and_different_ones_are_told_apart() {
        let found = twice(&list(&[("a", "1"), ("b", "2"), ("a", "1"), ("b", "3"), ("a", "1")]));
        assert_eq!(found.alike, Some(("a-1-2.noarch".to_owned(), 2)));
        assert_eq!(found.different, Some(("b-1-2.noarch".to_owned(), 1)));
    }
}
