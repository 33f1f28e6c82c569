//! Modules as pungi and MBS write them, and what must not be read.

use super::*;
use proptest::prelude::*;
use std::fmt::Write as _;

const FILE: &str = r#"# a comment before everything
---
document: modulemd
version: 2
data:
  name: perl
  stream: 1.10
  version: 8100020240101120000
  context: '6771e10'
  arch: x86_64
  summary: >-
    A stream: with a colon
    --- that is no marker
  description: |
    ... neither is this
  license: {module: [MIT]}
  dependencies:
  - buildrequires:
      platform: [el8.10.0]
    requires:
      platform: [el8]
      httpd: []
  - requires: {platform: [-el8]}
  profiles:
    common:
      description: usual
      rpms: [perl, perl-libs]
    empty: {}
  artifacts:
    rpms:
    - perl-0:1.10-1.module+el8.x86_64
    - perl-libs-4:1.10-1.module+el8.x86_64
---
document: modulemd
version: 1
data:
  name: old
  stream: "no"
  version: 3
  dependencies:
    buildrequires: {platform: f27}
    requires: {platform: f27}
...
---
document: modulemd-defaults
version: 1
data:
  module: perl
  modified: 201901010000
  stream: 5.26
  profiles:
    1.10: [common]
    "5.26": []
---
document: modulemd-defaults
version: 1
data: {module: perl, modified: 202001010000, stream: "1.10"}
---
document: modulemd-obsoletes
version: 1
data:
  module: perl
  stream: "5.26"
  eol_date: 2024-05-31T00:00:00Z
  message: gone
  modified: 2023-01-01T00:00:00Z
  obsoleted_by: {module: perl, stream: "5.32"}
---
document: modulemd-translations
version: 1
data: {}
"#;

#[test]
fn all_kinds_of_documents_are_read() {
    let modules = read(FILE.as_bytes()).unwrap();
    let [perl, old] = modules.streams.as_slice() else { panic!("two streams") };
    assert_eq!(perl.nsvca(), "perl:1.10:8100020240101120000:6771e10:x86_64");
    assert_eq!(perl.dependencies.len(), 2);
    assert_eq!(perl.dependencies[0].requires["platform"], ["el8"]);
    assert!(perl.dependencies[0].requires["httpd"].is_empty(), "any stream will do");
    assert_eq!(perl.dependencies[0].build_requires["platform"], ["el8.10.0"]);
    assert_eq!(perl.dependencies[1].requires["platform"], ["-el8"]);
    assert_eq!(perl.profiles["common"], ["perl", "perl-libs"]);
    assert!(perl.profiles["empty"].is_empty());
    assert_eq!(perl.artifacts.iter().nth(1), Some("perl-libs-4:1.10-1.module+el8.x86_64"));
    assert_eq!(modules.by_artifact()["perl-0:1.10-1.module+el8.x86_64"], "perl:1.10");
    assert_eq!((old.name_stream().as_str(), old.version), ("old:no", 3), "`no` is no truth value");
    assert_eq!(old.dependencies[0].requires["platform"], ["f27"]);
    assert_eq!(modules.default_of("perl").unwrap().stream.as_deref(), Some("1.10"), "the later one");
    assert_eq!(modules.defaults[0].stream.as_deref(), Some("5.26"));
    assert_eq!(modules.defaults[0].profiles["1.10"], ["common"]);
    assert_eq!(modules.obsoletes[0].obsoleted_by, Some(("perl".to_owned(), "5.32".to_owned())));
    assert_eq!(modules.obsoletes[0].eol_date.as_deref(), Some("2024-05-31T00:00:00Z"));
    assert_eq!(modules.passed_over, ["modulemd-translations 1"]);
}

#[test]
fn nothing_is_no_module() {
    for text in ["", "\n", "# only a comment\n", "---\n", "---\n---\n# x\n---\n", "--- ~\n...\n"] {
        assert_eq!(read(text.as_bytes()), Ok(Modules::default()), "{text:?}");
    }
}

#[test]
fn nothing_is_multiplied() {
    let mut bomb = String::from("---\ndocument: modulemd\nversion: 2\na: &a [x, x, x, x, x, x, x, x, x]\n");
    for (this, before) in
        ["b", "c", "d", "e", "f", "g", "h", "i"].iter().zip(["a", "b", "c", "d", "e", "f", "g", "h"])
    {
        let _ = writeln!(bomb, "{this}: &{this} [*{before}, *{before}, *{before}, *{before}, *{before}]");
    }
    let problem = read(bomb.as_bytes()).unwrap_err();
    assert!(
        matches!(&problem, Problem::Yaml { line: 5, message } if message.contains("alias")),
        "{problem:?}"
    );
    let deep = format!("---\n{}", "- ".repeat(100_000));
    assert_eq!(read(deep.as_bytes()), Err(Problem::TooDeep(32)));
    assert!(read(format!("---\na: {}", "[".repeat(100_000)).as_bytes()).is_err(), "the parser's own limit");
    let long = format!("---\n{}", "- x\n".repeat(3 << 20));
    assert!(matches!(read(long.as_bytes()), Err(Problem::RecordTooLong { .. })));
    let many = format!("---\n{}", "- x\n".repeat((1 << 20) + 1));
    assert!(matches!(read(many.as_bytes()), Err(Problem::TooMany { .. })));
    assert!(
        matches!(read(vec![b'x'; 9 << 20].as_slice()), Err(Problem::RecordTooLong { .. })),
        "one endless line"
    );
}

#[test]
fn what_is_wrong_names_its_line() {
    let second = "---\ndocument: modulemd-defaults\nversion: 1\ndata: {module: a}\n---\ndocument: modulemd\nversion: 2\n";
    let wrong = [
        ("data: {stream: a}\n", "`name` is not there"),
        ("data: {name: a, stream: b, version: -1}\n", "is no version"),
        ("data:\n  name: [\n", ""),
        ("x: y\n", "has no data"),
        ("data: {name: a, stream: b, artifacts: {rpms: [\"a\\nb\"]}}\n", "control character"),
        ("? [a]\n: b\n", "a key is no text"),
    ];
    for (rest, wanted) in wrong {
        let problem = read(format!("{second}{rest}").as_bytes()).unwrap_err();
        let Problem::Yaml { line, message } = &problem else { panic!("{problem:?}") };
        assert!(*line >= 5 && message.contains(wanted), "{rest:?}: {problem:?}");
    }
    assert_eq!(read(&b"---\na: \xff\n"[..]), Err(Problem::NotUtf8));
    assert!(read(&b"---\na: \0\n"[..]).is_err());
    assert!(read(&b"--- just text\n"[..]).is_err());
}

proptest! {
    #[test]
    fn any_change_of_some_bytes_is_read_or_refused(changes in prop::collection::vec((0..FILE.len(), any::<u8>()), 1..8)) {
        let mut bytes = FILE.as_bytes().to_vec();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        let _ = read(&*bytes);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-a{}\\[\\]:,\n &*!|>'\"?#%@`~.0]{0,60}") {
        let _ = read(text.as_bytes());
    }

    #[test]
    fn a_stream_is_the_text_that_was_written(stream in "[a-z0-9][a-z0-9.+_-]{0,8}") {
        let text = format!("---\ndocument: modulemd\nversion: 2\ndata: {{name: a, stream: {stream}}}\n");
        prop_assert_eq!(&read(text.as_bytes()).unwrap().streams[0].stream, &stream);
    }
}
