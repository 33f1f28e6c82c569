//! comps.xml: groups, categories, environments and language packs.
//!
//! The form is that of `libcomps`, which dnf reads with. Its files name a document type (`comps.dtd`), which is let
//! through as long as it defines nothing. Translations and descriptions are passed over.

use super::error::Problem;
use super::xml::{Doctype, Node, Tag, Xml};
use std::io::{BufReader, Read};

/// The groups of a repo.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comps {
    /// In the order of the file.
    pub groups: Vec<Group>,
    /// In the order of the file.
    pub categories: Vec<Category>,
    /// In the order of the file.
    pub environments: Vec<Environment>,
    /// Packages to install for a language: the package and the pattern, `libreoffice-core` and `libreoffice-langpack-%s`.
    pub langpacks: Vec<(String, String)>,
}

/// A group of packages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// `core`
    pub id: String,
    /// `Core`
    pub name: String,
    /// Whether it is chosen by default.
    pub default: bool,
    /// Whether people see it.
    pub user_visible: bool,
    /// The language that it is only for.
    pub language: Option<String>,
    /// Its packages.
    pub packages: Vec<PackageRequest>,
}

/// A package of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRequest {
    /// The name.
    pub name: String,
    /// How much it belongs there.
    pub kind: RequestKind,
    /// Of a conditional one, the package that must be there too.
    pub requires: Option<String>,
}

/// How much a package belongs to its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestKind {
    /// `mandatory`; also where nothing is said.
    Mandatory,
    /// `default`
    Default,
    /// `optional`
    Optional,
    /// `conditional`
    Conditional,
}

impl RequestKind {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "mandatory" | "" => Self::Mandatory,
            "default" => Self::Default,
            "optional" => Self::Optional,
            "conditional" => Self::Conditional,
            _ => return None,
        })
    }
}

/// Groups that are shown together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Category {
    /// `base-x`
    pub id: String,
    /// Its name.
    pub name: String,
    /// The ids of its groups.
    pub groups: Vec<String>,
}

/// Groups that make a kind of host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `server-product-environment`
    pub id: String,
    /// Its name.
    pub name: String,
    /// The ids of the groups that belong to it.
    pub groups: Vec<String>,
    /// The ids of the groups that may be chosen with it, and whether they are by default.
    pub options: Vec<(String, bool)>,
}

/// Reads a comps.xml.
pub fn read(input: impl Read) -> Result<Comps, Problem> {
    let mut xml = Xml::with_doctype(BufReader::new(input), Doctype::Named);
    xml.root("comps", |_, _| Ok(()))?;
    let mut reading = Reading::default();
    loop {
        let depth = xml.depth();
        match xml.next()? {
            Node::Open(tag) => reading.open(depth, &tag)?,
            Node::Text(text) => reading.text.push_str(text),
            Node::Close => reading.close(depth)?,
            Node::End => return Ok(reading.comps),
        }
    }
}

/// What is being read at depth 1.
#[derive(Debug, Default)]
enum Part {
    #[default]
    Nothing,
    Group(Group),
    Category(Category),
    Environment(Environment),
    Langpacks,
}

#[derive(Debug, Default)]
struct Reading {
    comps: Comps,
    part: Part,
    element: String,
    text: String,
    /// Whether the text is a translation.
    translated: bool,
    request: Option<(RequestKind, Option<String>)>,
    in_options: bool,
    chosen: bool,
}

impl Reading {
    fn open(&mut self, depth: usize, tag: &Tag<'_>) -> Result<(), Problem> {
        tag.name().clone_into(&mut self.element);
        self.text.clear();
        match (depth, tag.name()) {
            (1, "group") => self.part = Part::Group(Group { user_visible: true, ..Group::default() }),
            (1, "category") => self.part = Part::Category(Category::default()),
            (1, "environment") => self.part = Part::Environment(Environment::default()),
            (1, "langpacks") => self.part = Part::Langpacks,
            (1, _) => self.part = Part::Nothing,
            (2, "match") => {
                if matches!(self.part, Part::Langpacks) {
                    let name = tag.attribute("name")?.unwrap_or_default();
                    let install = tag.attribute("install")?.unwrap_or_default();
                    self.comps.langpacks.push((name, install));
                }
            }
            (2, name) => {
                self.in_options = name == "optionlist";
                self.translated = tag.attribute("lang")?.is_some();
            }
            (3, "packagereq") => {
                let kind = tag.attribute("type")?.unwrap_or_default();
                let wrong = || Problem::field("type of a package", self.id(), &kind);
                let kind = RequestKind::from_name(&kind).ok_or_else(wrong)?;
                self.request = Some((kind, tag.attribute("requires")?));
            }
            (3, "groupid") => {
                self.chosen = tag.attribute("default")?.is_some_and(|value| truth(&value));
            }
            _ => {}
        }
        Ok(())
    }

    fn id(&self) -> &str {
        match &self.part {
            Part::Group(group) => &group.id,
            Part::Category(category) => &category.id,
            Part::Environment(environment) => &environment.id,
            Part::Langpacks | Part::Nothing => "comps",
        }
    }

    fn close(&mut self, depth: usize) -> Result<(), Problem> {
        let text = std::mem::take(&mut self.text);
        let element = std::mem::take(&mut self.element);
        let text = text.trim();
        match depth {
            2 => return self.end_part(),
            3 if !self.translated => self.field(&element, text),
            4 => self.member(&element, text),
            _ => {}
        }
        Ok(())
    }

    fn field(&mut self, element: &str, text: &str) {
        let (id, name) = match &mut self.part {
            Part::Group(group) => {
                match element {
                    "default" => group.default = truth(text),
                    "uservisible" => group.user_visible = truth(text),
                    "langonly" => group.language = Some(text.to_owned()).filter(|text| !text.is_empty()),
                    _ => {}
                }
                (&mut group.id, &mut group.name)
            }
            Part::Category(category) => (&mut category.id, &mut category.name),
            Part::Environment(environment) => (&mut environment.id, &mut environment.name),
            Part::Langpacks | Part::Nothing => return,
        };
        match element {
            "id" => text.clone_into(id),
            "name" => text.clone_into(name),
            _ => {}
        }
    }

    fn member(&mut self, element: &str, text: &str) {
        let request = self.request.take();
        match (&mut self.part, element) {
            (Part::Group(group), "packagereq") => {
                if let Some((kind, requires)) = request {
                    group.packages.push(PackageRequest { name: text.to_owned(), kind, requires });
                }
            }
            (Part::Category(category), "groupid") => category.groups.push(text.to_owned()),
            (Part::Environment(environment), "groupid") if self.in_options => {
                environment.options.push((text.to_owned(), self.chosen));
            }
            (Part::Environment(environment), "groupid") => environment.groups.push(text.to_owned()),
            _ => {}
        }
    }

    fn end_part(&mut self) -> Result<(), Problem> {
        let without_id = self.id().is_empty();
        match std::mem::take(&mut self.part) {
            Part::Langpacks | Part::Nothing => return Ok(()),
            _ if without_id => return Err(Problem::no_field("id", "a group")),
            Part::Group(group) => self.comps.groups.push(group),
            Part::Category(category) => self.comps.categories.push(category),
            Part::Environment(environment) => self.comps.environments.push(environment),
        }
        Ok(())
    }
}

fn truth(text: &str) -> bool {
    text == "1" || text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("yes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COMPS: &str = r#"<?xml version='1.0' encoding='UTF-8'?>
<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">
<comps>
  <group>
    <id>core</id><name>Core</name><name xml:lang="de">Kern</name><description>x</description>
    <default>true</default><uservisible>false</uservisible>
    <packagelist>
      <packagereq type="mandatory">bash</packagereq>
      <packagereq type="conditional" requires="nscd">nss_db</packagereq>
      <packagereq>glibc</packagereq>
      <packagereq type="optional" arch="x86_64">dracut</packagereq>
    </packagelist>
  </group>
  <category><id>apps</id><name>Apps</name><grouplist><groupid>core</groupid></grouplist></category>
  <environment>
    <id>server</id><name>Server &amp; more</name>
    <grouplist><groupid>core</groupid></grouplist>
    <optionlist><groupid default="true">debug</groupid><groupid>dns</groupid></optionlist>
  </environment>
  <langpacks><match name="firefox" install="firefox-langpack-%s"/></langpacks>
  <whiteout><ignoredep requires="x" package="y"/></whiteout>
</comps>"#;

    #[test]
    fn everything_that_dnf_asks_for_is_read() {
        let comps = read(COMPS.as_bytes()).unwrap();
        let core = &comps.groups[0];
        assert_eq!((core.id.as_str(), core.name.as_str()), ("core", "Core"));
        assert_eq!((core.default, core.user_visible, core.packages.len()), (true, false, 4));
        assert_eq!(core.packages[1].requires.as_deref(), Some("nscd"));
        assert_eq!(core.packages[1].kind, RequestKind::Conditional);
        assert_eq!(core.packages[2].kind, RequestKind::Mandatory);
        assert_eq!(comps.categories[0].groups, ["core"]);
        let server = &comps.environments[0];
        assert_eq!(
            (server.name.as_str(), server.groups.as_slice()),
            ("Server & more", &["core".to_owned()][..])
        );
        assert_eq!(server.options, [("debug".to_owned(), true), ("dns".to_owned(), false)]);
        assert_eq!(comps.langpacks, [("firefox".to_owned(), "firefox-langpack-%s".to_owned())]);
        assert_eq!(read(&b"<comps/>"[..]), Ok(Comps::default()));
    }

    #[test]
    fn a_document_type_may_be_named_and_define_nothing() {
        let text = "<!DOCTYPE comps [<!ENTITY a \"b\">]><comps/>";
        assert_eq!(read(text.as_bytes()), Err(Problem::Doctype));
        assert!(read(&b"<comps><group><id>&a;</id></group></comps>"[..]).is_err());
    }

    #[test]
    fn what_is_wrong_is_an_error() {
        let wrong = "<comps><group><id>a</id><packagelist><packagereq type='no'>b</packagereq></packagelist></group></comps>";
        assert!(matches!(read(wrong.as_bytes()), Err(Problem::Field { .. })));
        assert!(matches!(read(&b"<comps><group/></comps>"[..]), Err(Problem::NoField { what: "id", .. })));
        assert!(matches!(read(&b""[..]), Err(Problem::Root { .. })));
        assert!(read(&COMPS.as_bytes()[..400]).is_err());
    }

    proptest! {
        #[test]
        fn any_change_of_some_bytes_is_read_or_refused(
            changes in prop::collection::vec((0..COMPS.len(), any::<u8>()), 1..6)
        ) {
            let mut bytes = COMPS.as_bytes().to_vec();
            for (at, byte) in changes {
                bytes[at] = byte;
            }
            let _ = read(&*bytes);
        }
    }
}
