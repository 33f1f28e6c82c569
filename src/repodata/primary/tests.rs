//! Both ways through primary.xml: the same packages from any well-formed text, and no harm from any other.

use super::*;
use crate::repodata::package::{Dependency, Sizes};
use proptest::prelude::*;
use std::fmt::Write as _;

/// A package as a test makes it up.
#[derive(Debug, Clone)]
struct Made {
    name: String,
    arch: String,
    epoch: u32,
    version: String,
    release: String,
    summary: String,
    location: String,
    base: Option<String>,
    source: String,
    relations: Vec<(usize, Vec<MadeEntry>)>,
    files: Vec<(u8, String)>,
}

#[derive(Debug, Clone)]
struct MadeEntry {
    name: String,
    version: Option<(u8, u32, String, Option<String>)>,
    pre: bool,
}

const RELATIONS: [(&str, Relation); 8] = [
    ("provides", Relation::Provides),
    ("requires", Relation::Requires),
    ("conflicts", Relation::Conflicts),
    ("obsoletes", Relation::Obsoletes),
    ("suggests", Relation::Suggests),
    ("enhances", Relation::Enhances),
    ("recommends", Relation::Recommends),
    ("supplements", Relation::Supplements),
];
const FLAGS: [&str; 5] = ["EQ", "LT", "LE", "GT", "GE"];
const KINDS: [&str; 3] = ["", "dir", "ghost"];

/// How the text is written: as createrepo_c does, or by the choices that are left, as anybody might.
struct Pen {
    choices: Vec<u8>,
    odd: bool,
}

impl Pen {
    fn plain() -> Self {
        Self { choices: Vec::new(), odd: false }
    }

    fn choice(&mut self, of: u8) -> u8 {
        self.choices.pop().map_or(0, |choice| choice % of)
    }

    fn space(&mut self) -> &'static str {
        let at = if self.odd { usize::from(self.choice(6)) } else { 0 };
        ["", "", " ", "\n\t", "<!-- </package><package> -->", "<?odd <name>x</name>?>"][at]
    }

    fn escape(&mut self, text: &str) -> String {
        let mut out = String::new();
        for c in text.chars() {
            let odd = self.odd && self.choice(8) == 1;
            match c {
                _ if odd => write!(out, "&#x{:X};", c as u32).unwrap(),
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' if self.odd => out.push_str("&apos;"),
                c => out.push(c),
            }
        }
        out
    }

    fn text(&mut self, text: &str) -> String {
        match if self.odd { self.choice(5) } else { 0 } {
            1 if !text.contains("]]>") => format!("<![CDATA[{text}]]>"),
            2 => format!("{}<!-- > -->", self.escape(text)),
            _ => self.escape(text),
        }
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, &str)], end: &str) -> String {
        let mut attributes: Vec<(&str, &str)> = attributes.to_vec();
        let mut out = format!("<{name}");
        if self.odd && self.choice(3) == 1 {
            attributes.reverse();
        }
        for (key, value) in attributes {
            let value = self.escape(value);
            match if self.odd { self.choice(4) } else { 0 } {
                1 => write!(out, "  {key} = '{value}'").unwrap(),
                2 => write!(out, "\n{key}=\"{value}\"").unwrap(),
                _ => write!(out, " {key}=\"{value}\"").unwrap(),
            }
        }
        if self.odd && self.choice(4) == 1 {
            out.push(' ');
        }
        out + end
    }

    fn element(&mut self, indent: &str, name: &str, text: &str) -> String {
        if text.is_empty() {
            return format!("{indent}<{name}/>\n{}", self.space());
        }
        let text = self.text(text);
        format!("{indent}{}<{name}>{text}</{name}>\n", self.space())
    }
}

fn document(packages: &[Made], count: usize, pen: &mut Pen) -> String {
    const DUKE: &str = "http://linux.duke.edu/metadata";
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(out, "<metadata xmlns=\"{DUKE}/common\" xmlns:rpm=\"{DUKE}/rpm\" packages=\"{count}\">");
    for package in packages {
        out += pen.space();
        package_text(package, &mut out, pen);
    }
    out + "</metadata>\n"
}

fn package_text(made: &Made, out: &mut String, pen: &mut Pen) {
    let epoch = made.epoch.to_string();
    *out += &pen.tag("package", &[("type", "rpm")], ">\n");
    *out += &pen.element("  ", "name", &made.name);
    *out += &pen.element("  ", "arch", &made.arch);
    let version = [("epoch", epoch.as_str()), ("ver", &made.version), ("rel", &made.release)];
    let _ = writeln!(out, "  {}", pen.tag("version", &version, "/>"));
    let checksum = pen.tag("checksum", &[("type", "sha256"), ("pkgid", "YES")], ">");
    let _ = writeln!(out, "  {checksum}{}</checksum>", "0a".repeat(32));
    *out += &pen.element("  ", "summary", &made.summary);
    *out += &pen.element("  ", "description", "a\nb </ package>");
    *out += &pen.element("  ", "packager", "");
    *out += &pen.element("  ", "url", "https://x.invalid/?a=b!&c");
    let _ = writeln!(out, "  {}", pen.tag("time", &[("file", "7"), ("build", "8")], "/>"));
    let sizes = [("package", "9"), ("installed", "10"), ("archive", "11")];
    let _ = writeln!(out, "  {}", pen.tag("size", &sizes, "/>"));
    let mut location = vec![("href", made.location.as_str())];
    if let Some(base) = &made.base {
        location.insert(0, ("xml:base", base));
    }
    let _ = writeln!(out, "  {}", pen.tag("location", &location, "/>"));
    *out += "  <format>\n";
    *out += &pen.element("    ", "rpm:license", "MIT & more");
    *out += &pen.element("    ", "rpm:vendor", "");
    *out += &pen.element("    ", "rpm:sourcerpm", &made.source);
    let _ = writeln!(out, "    {}", pen.tag("rpm:header-range", &[("start", "4504"), ("end", "9000")], "/>"));
    for (relation, entries) in &made.relations {
        entries_text(RELATIONS[*relation].0, entries, out, pen);
    }
    for (kind, path) in &made.files {
        let kind = KINDS[usize::from(*kind)];
        let attributes = [("type", kind)];
        let opening = pen.tag("file", if kind.is_empty() { &[] } else { &attributes }, ">");
        let _ = writeln!(out, "    {opening}{}</file>", pen.text(path));
    }
    *out += "  </format>\n";
    *out += pen.space();
    *out += "</package>\n";
}

fn entries_text(relation: &str, entries: &[MadeEntry], out: &mut String, pen: &mut Pen) {
    let _ = writeln!(out, "    <rpm:{relation}>");
    for entry in entries {
        let epoch;
        let mut attributes = vec![("name", entry.name.as_str())];
        if let Some((flag, number, version, release)) = &entry.version {
            epoch = number.to_string();
            attributes.extend([("flags", FLAGS[usize::from(*flag)]), ("epoch", &epoch), ("ver", version)]);
            attributes.extend(release.as_ref().map(|release| ("rel", release.as_str())));
        }
        if entry.pre {
            attributes.push(("pre", "1"));
        }
        let _ = writeln!(out, "      {}", pen.tag("rpm:entry", &attributes, "/>"));
    }
    let _ = writeln!(out, "    </rpm:{relation}>");
}

fn collect(text: &[u8], want: Want, way: Way) -> Result<(Vec<Package>, Counted), Problem> {
    let mut packages = Vec::new();
    let counted = read(text, want, way, |package| {
        packages.push(package.clone());
        ControlFlow::Continue(())
    })?;
    Ok((packages, counted))
}

fn holds(made: &Made, read: &Package, want: Want) {
    assert_eq!((read.name(), read.arch(), read.epoch), (made.name.as_str(), made.arch.as_str(), made.epoch));
    assert_eq!((read.version(), read.release()), (made.version.as_str(), made.release.as_str()));
    assert_eq!((read.location(), read.base()), (made.location.as_str(), made.base.as_deref()));
    assert_eq!(read.sizes, Sizes { package: 9, installed: 10, archive: 11 });
    assert_eq!((read.file_time, read.build_time, read.pkgid()), (7, 8, "0a".repeat(32).as_str()));
    if want.has(Want::FORMAT) {
        assert_eq!((read.source_rpm(), read.header_range), (made.source.as_str(), Some((4504, 9000))));
    }
    let wanted =
        made.relations.iter().flat_map(|(at, entries)| entries.iter().map(|entry| (RELATIONS[*at].1, entry)));
    let wanted: Vec<_> = wanted.filter(|(relation, _)| want.has(Want::of(*relation))).collect();
    let found: Vec<Dependency<'_>> = read.dependencies().collect();
    assert_eq!(found.len(), wanted.len());
    for (found, (relation, entry)) in found.iter().zip(wanted) {
        assert_eq!((found.relation, found.name, found.pre), (relation, entry.name.as_str(), entry.pre));
        let version = entry.version.as_ref().map_or((None, 0, "", ""), |(flag, epoch, version, release)| {
            (
                Comparison::from_name(FLAGS[usize::from(*flag)]),
                *epoch,
                version,
                release.as_deref().unwrap_or(""),
            )
        });
        assert_eq!((found.comparison, found.epoch, found.version, found.release), version);
    }
    if want.has(Want::FILES) {
        let found: Vec<&str> = read.files().map(|(_, path)| path).collect();
        assert_eq!(found, made.files.iter().map(|(_, path)| path.as_str()).collect::<Vec<_>>());
    }
}

prop_compose! {
    fn entry()(
        name in "[a-z(&<>\"'é ]{1,10}",
        version in prop::option::of((0..5_u8, 0..3_u32, "[0-9.~^&]{1,4}", prop::option::of("[0-9el]{1,3}"))),
        pre: bool,
    ) -> MadeEntry {
        MadeEntry { name, version, pre }
    }
}

prop_compose! {
    fn made()(
        name in "[a-zA-Z0-9é+&<'\"._-]{1,12}", arch in "x86_64|noarch|src", epoch in 0..4_u32,
        version in "[0-9a-z.~^+&]{1,6}", release in "[0-9a-z.]{1,6}", summary in "[ -~é]{0,20}",
        location in "[a-zA-Z/&é. -]{1,20}", base in prop::option::of("https://[a-z&]{1,5}"), source in "[a-z&]{0,8}",
        relations in prop::collection::vec((0..8_usize, prop::collection::vec(entry(), 1..4)), 0..4),
        files in prop::collection::vec((0..3_u8, "/[a-z/&é!? ]{1,12}"), 0..5),
    ) -> Made {
        Made { name, arch, epoch, version, release, summary, location, base, source, relations, files }
    }
}

fn any_want() -> impl Strategy<Value = Want> {
    prop::sample::select(vec![
        Want::IDENTITY,
        Want::ALL,
        Want::FORMAT,
        Want::REQUIRES | Want::FILES,
        Want::PROVIDES,
        Want::OTHER_RELATIONS | Want::FORMAT,
    ])
}

proptest! {
    #[test]
    fn the_known_layout_goes_the_fast_way_alone(packages in prop::collection::vec(made(), 0..6), want in any_want()) {
        let text = document(&packages, packages.len(), &mut Pen::plain());
        let (fast, counted) = collect(text.as_bytes(), want, Way::Fast).unwrap();
        let (slow, of_xml) = collect(text.as_bytes(), want, Way::Xml).unwrap();
        prop_assert_eq!(counted.fast, packages.len() as u64, "{}", text);
        prop_assert_eq!(of_xml.fast, 0);
        prop_assert_eq!(&fast, &slow);
        fast.iter().zip(&packages).for_each(|(read, made)| holds(made, read, want));
    }

    #[test]
    fn any_other_layout_gives_the_same_packages(
        packages in prop::collection::vec(made(), 1..5), want in any_want(), choices: Vec<u8>,
    ) {
        let text = document(&packages, packages.len(), &mut Pen { choices, odd: true });
        let (fast, _) = collect(text.as_bytes(), want, Way::Fast).unwrap();
        let (slow, _) = collect(text.as_bytes(), want, Way::Xml).unwrap();
        prop_assert_eq!(&fast, &slow, "{}", text);
        prop_assert_eq!(fast.len(), packages.len());
        fast.iter().zip(&packages).for_each(|(read, made)| holds(made, read, want));
    }

    #[test]
    fn pieces_of_any_size_make_no_difference(packages in prop::collection::vec(made(), 0..4), size in 1..700_usize) {
        struct Pieces<'a>(&'a [u8], usize);
        impl Read for Pieces<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let size = self.1.min(buffer.len());
                self.0.read(&mut buffer[..size])
            }
        }
        let text = document(&packages, packages.len(), &mut Pen::plain());
        let mut found = 0;
        read(Pieces(text.as_bytes(), size), Want::ALL, Way::Fast, |_| { found += 1; ControlFlow::Continue(()) }).unwrap();
        prop_assert_eq!(found, packages.len());
    }

    #[test]
    fn wrong_bytes_give_the_same_packages_or_an_error(
        packages in prop::collection::vec(made(), 1..4), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = document(&packages, packages.len(), &mut Pen::plain()).into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let fast = collect(&bytes, Want::ALL, Way::Fast);
        // The fast way does not look whether what it passes over is well-formed; what the other accepts is the same.
        if let Ok((slow, _)) = collect(&bytes, Want::ALL, Way::Xml) {
            prop_assert_eq!(fast.unwrap().0, slow);
        }
    }
}

fn one(package: &str) -> Result<(Vec<Package>, Counted), Problem> {
    collect(format!("<metadata packages=\"1\">{package}</metadata>").as_bytes(), Want::ALL, Way::Fast)
}

#[test]
fn a_wrong_count_is_an_error_both_ways() {
    let text = document(&[], 3, &mut Pen::plain());
    for way in [Way::Fast, Way::Xml] {
        let problem = collect(text.as_bytes(), Want::ALL, way).unwrap_err();
        assert_eq!(problem, Problem::Count { claimed: 3, found: 0 });
    }
    assert!(matches!(one(""), Err(Problem::Count { claimed: 1, found: 0 })));
    let (none, counted) = collect(b"<metadata/>", Want::ALL, Way::Fast).unwrap();
    assert_eq!((none.len(), counted.claimed), (0, None), "nothing is claimed");
}

#[test]
fn a_broken_package_is_named() {
    let lacking = one("<package><name>bash</name><arch>x86_64</arch></package>").unwrap_err();
    assert_eq!(lacking, Problem::NoField { what: "version", place: "bash".to_owned() });
    let epoch = one("<package><name>bash</name><version epoch='-1' ver='1' rel='1'/></package>").unwrap_err();
    assert!(matches!(epoch, Problem::Field { what: "epoch", .. }), "{epoch:?}");
    let checksum =
        one("<package><name>bash</name><checksum type='sha256'>12</checksum></package>").unwrap_err();
    assert!(matches!(checksum, Problem::Field { what: "checksum", .. }), "{checksum:?}");
    let size = one("<package><name>bash</name><size package='99999999999999999999'/></package>").unwrap_err();
    assert!(matches!(size, Problem::Field { what: "number", .. }), "{size:?}");
    let flag = "<package><name>b</name><format><rpm:requires><rpm:entry name='a' flags='XX'/></rpm:requires></format></package>";
    assert!(matches!(one(flag), Err(Problem::Field { what: "dependency", .. })));
    assert!(matches!(one("<package><name>a&#1;b</name></package>"), Err(Problem::Xml { .. })));
    assert_eq!(one("<package><name>&nosuch;</name></package>"), Err(Problem::Entity("nosuch".to_owned())));
}

#[test]
fn nothing_grows_without_bound() {
    struct Endless<'a>(&'a [u8], &'a [u8], usize);
    impl Read for Endless<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if !self.0.is_empty() {
                return self.0.read(buffer);
            }
            for byte in buffer.iter_mut() {
                *byte = self.1[self.2 % self.1.len()];
                self.2 += 1;
            }
            Ok(buffer.len())
        }
    }
    const ROOT: &[u8] = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata packages=\"1\">\n<package type=\"rpm\">\n  <name>";
    let long = "x".repeat(1000);
    let (element, comment) = (format!("<a b='{long}'/>"), format!("<!-- {long} -->"));
    for again in [&b"x"[..], b"<a>", element.as_bytes(), comment.as_bytes(), b"<a x=\"", b"\0"] {
        for way in [Way::Fast, Way::Xml] {
            let problem =
                read(Endless(ROOT, again, 0), Want::ALL, way, |_| ControlFlow::Continue(())).unwrap_err();
            assert!(
                matches!(problem, Problem::RecordTooLong { .. } | Problem::TooDeep(_) | Problem::Xml { .. }),
                "{:?}: {problem:?}",
                again.first()
            );
        }
    }
}

#[test]
fn reading_ends_when_there_is_enough() {
    let package = "<package type=\"rpm\"><name>a</name><arch>x</arch><version ver='1' rel='1'/><location href='a'/>\
                   <checksum type='md5'>900150983cd24fb0d6963f7d28e17f72</checksum></package>";
    let text = format!("<metadata packages=\"2\">{package}{package}</metadata>");
    let counted = read(text.as_bytes(), Want::ALL, Way::Fast, |_| ControlFlow::Break(())).unwrap();
    assert_eq!((counted.read, counted.whole), (1, false));
    let (packages, counted) = collect(text.as_bytes(), Want::ALL, Way::Fast).unwrap();
    assert_eq!((packages.len(), counted.whole, packages[0].checksum_kind()), (2, true, ChecksumKind::Md5));
}
