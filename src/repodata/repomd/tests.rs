//! What createrepo_c, modifyrepo and Fedora write, and what nobody should.

use super::*;
use crate::repodata::href::HrefError;
use crate::repodata::{Checksum, ChecksumKind};
use proptest::prelude::*;

/// A repo with everything that is seen in the wild: no `open-size`, zchunk, sha1, an unknown type, tags.
const WILD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
  <revision>8.10 &amp; on</revision>
  <tags>
    <content>binary-x86_64</content>
    <distro cpeid="cpe:/o:rocky:rocky:8">Rocky Linux 8</distro>
    <distro>plain</distro>
  </tags>
  <data type="primary">
    <checksum type="sha256">6f1ed002ab5595859014ebf0951522d9c7a7a2c8d4f6f9c47f9e3a8b8ea2aa1c</checksum>
    <open-checksum type="sha256">2f1ed002ab5595859014ebf0951522d9c7a7a2c8d4f6f9c47f9e3a8b8ea2aa1c</open-checksum>
    <location href="repodata/6f1ed002ab5595859014ebf0951522d9c7a7a2c8d4f6f9c47f9e3a8b8ea2aa1c-primary.xml.gz"/>
    <timestamp>1690311971</timestamp>
    <size>134</size>
    <open-size>167</open-size>
  </data>
  <data type="primary_zck">
    <checksum type="sha256">odd</checksum>
    <header-checksum type="sha256">482e</header-checksum>
    <location href="/etc/passwd"/>
  </data>
  <data type='productid'><location href='repodata/productid'/><checksum type='sha'
    >DA39A3EE5E6B4B0D3255BFEF95601890AFD80709</checksum><timestamp>1690311971.25</timestamp></data>
  <!-- <data type="commented"/> -->
  <data type="primary_db"><location href="repodata/x.sqlite.bz2"/><database_version>10</database_version></data>
</repomd>"#;

#[test]
fn everything_of_the_wild_is_read() {
    let repomd = Repomd::parse(WILD.as_bytes()).unwrap();
    assert_eq!(repomd.revision.as_deref(), Some("8.10 & on"));
    assert_eq!(repomd.cpe_ids().collect::<Vec<_>>(), ["cpe:/o:rocky:rocky:8"]);
    assert_eq!(repomd.tags[0], RepoTag::Content("binary-x86_64".to_owned()));
    assert_eq!(repomd.tags[2], RepoTag::Distro { cpe_id: None, name: "plain".to_owned() });
    assert_eq!(repomd.passed_over, ["primary_zck"], "its wrong location is nobody's concern");
    let kinds: Vec<&str> = repomd.data.iter().map(|data| data.kind.as_str()).collect();
    assert_eq!(kinds, ["primary", "productid", "primary_db"]);
    let primary = repomd.get("primary").unwrap();
    assert_eq!(
        (primary.size, primary.open_size, primary.timestamp),
        (Some(134), Some(167), Some(1_690_311_971))
    );
    assert_eq!(primary.href.plain_name(), "primary.xml.gz");
    assert!(primary.open_checksum.is_some());
    let product = repomd.get("productid").unwrap();
    assert_eq!((product.size, product.open_size, product.timestamp), (None, None, Some(1_690_311_971)));
    let empty =
        Checksum { kind: ChecksumKind::Sha1, hex: "da39a3ee5e6b4b0d3255bfef95601890afd80709".to_owned() };
    assert_eq!(product.checksum, Some(empty));
    assert_eq!(repomd.get("primary_db").unwrap().database_version, Some(10));
}

fn one(entry: &str) -> Result<Repomd, Problem> {
    Repomd::parse(format!("<repomd>{entry}</repomd>").as_bytes())
}

#[test]
fn a_location_that_leads_away_is_an_error() {
    let href = |href: &str| one(&format!("<data type=\"x\"><location href=\"{href}\"/></data>")).unwrap_err();
    let is = |problem: Problem, wanted: fn(&HrefError) -> bool| match problem {
        Problem::Href { place, problem } => place == "x" && wanted(&problem),
        _ => false,
    };
    assert!(is(href("../../etc/passwd"), |problem| matches!(problem, HrefError::Climbs(_))));
    assert!(is(href("/etc/passwd"), |problem| matches!(problem, HrefError::Absolute(_))));
    assert!(is(href("a&#10;b"), |problem| matches!(problem, HrefError::Control(_))));
    assert!(is(href(""), |problem| matches!(problem, HrefError::Empty)));
    assert!(matches!(href("a&#27;b"), Problem::Xml { .. }), "not even XML");
    assert!(matches!(one("<data type=\"x\"/>"), Err(Problem::NoField { what: "location", .. })));
    assert!(matches!(one("<data><location href=\"a\"/></data>"), Err(Problem::NoField { what: "type", .. })));
}

#[test]
fn no_entity_is_expanded() {
    let bomb =
        "<!DOCTYPE r [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><repomd><revision>&b;</revision></repomd>";
    assert_eq!(Repomd::parse(bomb.as_bytes()), Err(Problem::Doctype));
    assert_eq!(one("<revision>&b;</revision>"), Err(Problem::Entity("b".to_owned())));
    assert!(one("<data type=\"&b;\"/>").is_err());
}

#[test]
fn what_is_no_repomd_is_an_error() {
    let half = &WILD[..WILD.len() - 30];
    for text in
        ["", "<repomd>", half, "<repomd></other>", "<repomd/><repomd/>", "<repomd/>x", "\0", "<repomd \0/>"]
    {
        assert!(Repomd::parse(text.as_bytes()).is_err(), "{text:?}");
    }
    assert_eq!(
        Repomd::parse(b"<metadata/>"),
        Err(Problem::Root { wanted: "repomd", found: "metadata".to_owned() })
    );
    assert!(Repomd::parse(b"<repomd><revision>\xff</revision></repomd>").is_err());
    let field = one("<data type=\"x\"><location href=\"a\"/><size>-1</size></data>");
    assert!(matches!(field, Err(Problem::Field { what: "size", .. })));
    let deep = format!("<repomd>{}", "<a>".repeat(100_000));
    assert_eq!(Repomd::parse(deep.as_bytes()), Err(Problem::TooDeep(64)));
    let long = vec![b' '; usize::try_from(MOST_BYTES).unwrap() + 1];
    assert_eq!(Repomd::parse(&long), Err(Problem::TooLong { limit: MOST_BYTES }));
}

proptest! {
    #[test]
    fn any_change_of_some_bytes_is_read_or_refused(changes in prop::collection::vec((0..WILD.len(), any::<u8>()), 1..6)) {
        let mut bytes = WILD.as_bytes().to_vec();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        let _ = Repomd::parse(&bytes);
    }
}
