//! What is told of repos that keep old versions, rebuild packages, and hold several streams of a module.

use super::*;
use crate::repodata::package::Want;
use crate::repodata::records::Way;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

/// Makes a list of `name version pkgid`.
fn list(packages: &[(&str, &str, u8)]) -> PackageList {
    let mut text = format!("<metadata packages=\"{}\">", packages.len());
    for (name, version, pkgid) in packages {
        let (epoch, version) = version.split_once(':').unwrap_or(("0", version));
        let _ = write!(
            text,
            "<package><name>{name}</name><arch>x86_64</arch><version epoch='{epoch}' ver='{version}' rel='1'/>\
             <checksum type='md5'>{}</checksum><location href='{name}'/></package>",
            hex::encode([*pkgid; 16])
        );
    }
    text += "</metadata>";
    let mut list = PackageList::new();
    crate::repodata::primary::read(text.as_bytes(), Want::IDENTITY, Way::Fast, |package| {
        list.push(package).unwrap();
        ControlFlow::Continue(())
    })
    .unwrap();
    list
}

fn told(old: &PackageList, new: &PackageList) -> Vec<String> {
    let version =
        |one: &Listing<'_>| format!("{}:{}", one.epoch(), one.version()).trim_start_matches("0:").to_owned();
    let changes = packages(old, new).into_iter().map(|change| match change {
        Change::Added(now) => format!("+{} {}", now.name(), version(&now)),
        Change::Removed(was) => format!("-{} {}", was.name(), version(&was)),
        Change::Updated(was, now) => format!("{} {} up {}", now.name(), version(&was), version(&now)),
        Change::Downgraded(was, now) => format!("{} {} down {}", now.name(), version(&was), version(&now)),
        Change::Rebuilt(was, now) => {
            format!("{} {} rebuilt {}{}", now.name(), version(&was), &was.pkgid().1[..2], &now.pkgid().1[..2])
        }
    });
    changes.collect()
}

#[test]
fn every_fate_is_told() {
    let old = list(&[("a", "1", 1), ("b", "1", 2), ("c", "1.10", 3), ("d", "1", 4), ("e", "1:1", 5)]);
    let new = list(&[
        ("f", "1", 6),
        ("e", "2", 7),
        ("d", "1", 8),
        ("c", "1.9", 9),
        ("b", "1.0~rc", 10),
        ("a", "1", 1),
    ]);
    assert_eq!(
        told(&old, &new),
        ["b 1 up 1.0~rc", "c 1.10 down 1.9", "d 1 rebuilt 0408", "e 1:1 down 2", "+f 1"]
    );
    assert_eq!(told(&new, &old)[4], "-f 1");
    assert!(told(&old, &old).is_empty());
}

#[test]
fn old_versions_that_are_kept_are_no_news() {
    let one = list(&[("a", "1", 1)]);
    let both = list(&[("a", "1", 1), ("a", "2", 2)]);
    let later = list(&[("a", "3", 3), ("a", "2", 2)]);
    assert_eq!(told(&one, &both), ["a 1 up 2"]);
    assert_eq!(told(&both, &one), ["a 2 down 1"]);
    assert_eq!(told(&both, &later), ["a 2 up 3", "-a 1"]);
    assert_eq!(told(&both, &list(&[("a", "2", 2)])), ["-a 1"]);
    assert_eq!(told(&list(&[("a", "2", 2)]), &both), ["+a 1"]);
    assert_eq!(told(&list(&[]), &both), ["+a 1", "+a 2"]);
    assert_eq!(told(&both, &list(&[("a", "1", 9), ("a", "3", 3)])), ["a 1 rebuilt 0109", "a 2 up 3"]);
}

#[test]
fn a_package_twice_is_rebuilt_only_if_a_file_came_or_went() {
    let twice = list(&[("a", "1", 1), ("a", "1", 2)]);
    assert!(told(&twice, &list(&[("a", "1", 2), ("a", "1", 1)])).is_empty());
    assert_eq!(told(&twice, &list(&[("a", "1", 2)])), ["a 1 rebuilt 0102"]);
    assert_eq!(told(&list(&[("a", "1", 2)]), &twice), ["a 1 rebuilt 0201"]);
}

#[test]
fn two_streams_of_a_module_are_no_updates_of_each_other() {
    let streams: HashMap<String, String> = [("18.1", "18"), ("18.2", "18"), ("20.1", "20")]
        .map(|(version, stream)| (format!("a-0:{version}-1.x86_64"), format!("node:{stream}")))
        .into();
    let (mut old, mut new) =
        (list(&[("a", "18.1", 1), ("a", "20.1", 2)]), list(&[("a", "18.2", 3), ("a", "20.1", 2)]));
    assert_eq!(told(&old, &new), ["+a 18.2", "-a 18.1"]);
    old.set_streams(&streams);
    new.set_streams(&streams);
    assert_eq!(told(&old, &new), ["a 18.1 up 18.2"]);
    assert_eq!(old.get(0).unwrap().stream(), Some("node:18"));
    let gone = list(&[("a", "18.1", 1)]);
    assert_eq!(told(&old, &gone).len(), 3, "a stream that is gone takes its packages along");
}

#[test]
fn advisories_and_streams_are_gained_and_lost() {
    let side = |ids: &[&str], streams: &[&str]| Side {
        advisories: ids.iter().map(|id| Advisory { id: (*id).to_owned(), ..Advisory::default() }).collect(),
        modules: Some(Modules {
            streams: (streams.iter())
                .map(|stream| crate::repodata::modules::ModuleStream {
                    name: "m".to_owned(),
                    stream: (*stream).to_owned(),
                    ..Default::default()
                })
                .collect(),
            ..Modules::default()
        }),
        ..Side::default()
    };
    let (old, new) = (side(&["A", "B"], &["1", "1", "2"]), side(&["B", "C"], &["2", "3"]));
    let diff = diff(&old, &new);
    let ids = |list: &[&Advisory]| list.iter().map(|advisory| advisory.id.clone()).collect::<Vec<_>>();
    assert_eq!(
        (ids(&diff.advisories.gained), ids(&diff.advisories.lost)),
        (vec!["C".to_owned()], vec!["A".to_owned()])
    );
    assert_eq!((diff.streams.gained, diff.streams.lost), (vec!["m:3".to_owned()], vec!["m:1".to_owned()]));
}

proptest! {
    /// Whatever is told, it turns the old set of files into the new one, and nothing is told of a repo and itself.
    #[test]
    fn what_is_told_is_what_differs(
        old in prop::collection::btree_map(("[ab]", "[1-4]"), 0..3_u8, 0..8),
        new in prop::collection::btree_map(("[ab]", "[1-4]"), 0..3_u8, 0..8),
    ) {
        let made = |from: &BTreeMap<(String, String), u8>| {
            list(&from.iter().map(|((name, version), id)| (name.as_str(), version.as_str(), *id)).collect::<Vec<_>>())
        };
        let (before, now) = (made(&old), made(&new));
        let key = |one: &Listing<'_>| (one.name().to_owned(), one.version().to_owned());
        let mut turned = old.clone();
        for change in packages(&before, &now) {
            let (came, went) = match change {
                Change::Added(now) => (Some(now), None),
                Change::Removed(was) => (None, Some(was)),
                Change::Updated(was, now) | Change::Downgraded(was, now) | Change::Rebuilt(was, now) => (Some(now), Some(was)),
            };
            // An update may leave the old version where it is, and a downgrade the new one where it was.
            if let Some(was) = went.filter(|was| !new.contains_key(&key(was))) {
                turned.remove(&key(&was));
            }
            if let Some(now) = came {
                turned.insert(key(&now), new[&key(&now)]);
            }
        }
        prop_assert_eq!(turned, new);
        prop_assert!(packages(&now, &now).is_empty());
    }
}
