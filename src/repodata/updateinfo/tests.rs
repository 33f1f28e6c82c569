//! Advisories as the errata tools write them, and broken ones.

use super::*;
use proptest::prelude::*;

const TWO: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<updates>
  <update from="releng@rockylinux.org" status="final" type="security" version="2">
    <id>RLSA-2024:0001</id>
    <title>Important: nodejs:18 &amp; more</title>
    <issued date="2024-01-02 03:04:05"/>
    <updated date="2024-02-02"/>
    <severity>Important</severity>
    <summary>An <![CDATA[<update>]]> for nodejs.</summary>
    <description>nodejs: <id>not this</id></description>
    <references>
      <reference href="https://nvd.invalid/CVE-2024-1" id="CVE-2024-1" title="CVE-2024-1" type="cve"/>
      <reference href="https://bugs.invalid/7" id="7" title="a bug" type="bugzilla"/>
    </references>
    <pkglist>
      <collection short="rl8">
        <name>Rocky Linux 8</name>
        <module name="nodejs" stream="1.10" version="8100020240101120000" context="489197e6" arch="x86_64"/>
        <package name="nodejs" version="18.20.2" release="1.module+el8.10.0+1+abc" epoch="1" arch="x86_64" src="nodejs-18.src.rpm">
          <filename>nodejs-18.20.2-1.module+el8.10.0+1+abc.x86_64.rpm</filename>
          <sum type="md5">900150983cd24fb0d6963f7d28e17f72</sum>
          <reboot_suggested>True</reboot_suggested>
        </package>
      </collection>
      <collection><package name="a" version="1" release="2" arch="noarch"/></collection>
    </pkglist>
  </update>
  <other><id>none</id></other>
  <update><id>RLBA-2024:0002</id><pkglist/></update>
</updates>
"#;

fn all(text: &str) -> Result<Vec<Advisory>, Problem> {
    let mut advisories = Vec::new();
    read(text.as_bytes(), |advisory| {
        advisories.push(advisory);
        ControlFlow::Continue(())
    })?;
    Ok(advisories)
}

#[test]
fn an_advisory_is_read_whole() {
    let advisories = all(TWO).unwrap();
    assert_eq!(advisories.len(), 2);
    let one = &advisories[0];
    assert_eq!(
        (one.id.as_str(), one.kind.as_str(), one.severity.as_str()),
        ("RLSA-2024:0001", "security", "Important")
    );
    assert_eq!((one.title.as_str(), one.updated.as_str()), ("Important: nodejs:18 & more", "2024-02-02"));
    assert_eq!(one.cves().collect::<Vec<_>>(), ["CVE-2024-1"]);
    let [modular, plain] = one.collections.as_slice() else { panic!("two collections") };
    assert_eq!((modular.short.as_str(), modular.name.as_str()), ("rl8", "Rocky Linux 8"));
    assert_eq!(modular.module.as_ref().unwrap().stream, "1.10", "text, and no number");
    let package = &modular.packages[0];
    assert_eq!(package.nevra.to_string(), "nodejs-1:18.20.2-1.module+el8.10.0+1+abc.x86_64");
    assert!(package.reboot_suggested && package.sums.len() == 1 && package.source == "nodejs-18.src.rpm");
    assert_eq!((plain.module.as_ref(), plain.packages[0].nevra.epoch), (None, 0));
    assert_eq!(one.packages().count(), 2);
    assert_eq!(advisories[1], Advisory { id: "RLBA-2024:0002".to_owned(), ..Advisory::default() });
}

#[test]
fn reading_ends_when_there_is_enough() {
    assert_eq!(read(TWO.as_bytes(), |_| ControlFlow::Break(())), Ok(1));
}

#[test]
fn what_is_wrong_is_an_error() {
    let one =
        |inner: &str| all(&format!("<updates><update><id>X</id>{inner}</update></updates>")).unwrap_err();
    let package = |package: &str| one(&format!("<pkglist><collection>{package}</collection></pkglist>"));
    assert!(matches!(
        package("<package version=\"1\" release=\"1\"/>"),
        Problem::NoField { what: "name", .. }
    ));
    let epoch = package("<package name=\"a\" epoch=\"x\" version=\"1\" release=\"1\"/>");
    assert!(matches!(epoch, Problem::Field { what: "epoch", .. }));
    let sum = package("<package name=\"a\" version=\"1\" release=\"1\"><sum type=\"md5\">1</sum></package>");
    assert!(matches!(sum, Problem::NotAChecksum { .. }));
    assert!(matches!(all("<updates><update/></updates>"), Err(Problem::NoField { what: "id", .. })));
    assert!(matches!(all("<metadata/>"), Err(Problem::Root { .. })));
    assert_eq!(all("<!DOCTYPE updates><updates/>"), Err(Problem::Doctype));
    assert!(all(&TWO[..TWO.len() / 2]).is_err(), "cut short");
    let endless = format!("<updates><update><id>X</id>{}", "<reference/>".repeat(2 << 20));
    assert!(matches!(all(&endless), Err(Problem::RecordTooLong { .. })));
}

proptest! {
    #[test]
    fn any_change_of_some_bytes_is_read_or_refused(changes in prop::collection::vec((0..TWO.len(), any::<u8>()), 1..6)) {
        let mut bytes = TWO.as_bytes().to_vec();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        let _ = read(&*bytes, |_| ControlFlow::Continue(()));
    }
}
