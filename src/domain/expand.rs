//! Placeholders: how `sync {repo} to staging` becomes `sync Rocky to staging`.
//!
//! Pure text over known names. A name that is not known, or has no value here, is an error and never an empty
//! string: an empty path in a command is how productions are lost.

use std::collections::BTreeMap;
use std::fmt;

/// Every placeholder that a catalog may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Placeholder {
    /// `{release}`: `8`.
    Release,
    /// `{repo}`: `Rocky`.
    Repo,
    /// `{sig}`: `storage`.
    Sig,
    /// `{script}`: the repo's compose script in the flow.
    Script,
    /// `{revision}`: `8.10`.
    Revision,
    /// `{category}`: `mirror/pub/rocky`.
    Category,
    /// `{staging}`: the release's folder in staging.
    Staging,
    /// `{production}`: the release's folder in production.
    Production,
    /// `{compose_folder}`: the folder of the compose scripts.
    ComposeFolder,
    /// `{sync_folder}`: the folder of the toolkit.
    SyncFolder,
    /// `{arch}`: `x86_64`.
    Arch,
    /// `{variant}`: `BaseOS`.
    Variant,
}

impl Placeholder {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Release,
        Self::Repo,
        Self::Sig,
        Self::Script,
        Self::Revision,
        Self::Category,
        Self::Staging,
        Self::Production,
        Self::ComposeFolder,
        Self::SyncFolder,
        Self::Arch,
        Self::Variant,
    ];

    /// Returns its name as written between braces.
    pub fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Repo => "repo",
            Self::Sig => "sig",
            Self::Script => "script",
            Self::Revision => "revision",
            Self::Category => "category",
            Self::Staging => "staging",
            Self::Production => "production",
            Self::ComposeFolder => "compose_folder",
            Self::SyncFolder => "sync_folder",
            Self::Arch => "arch",
            Self::Variant => "variant",
        }
    }

    /// Returns the placeholder called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|placeholder| placeholder.name() == name)
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.name())
    }
}

/// What the placeholders stand for in one place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<Placeholder, String>);

impl Values {
    /// Makes an empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value, in the manner of a builder.
    #[must_use]
    pub fn with(mut self, placeholder: Placeholder, value: impl Into<String>) -> Self {
        self.set(placeholder, value);
        self
    }

    /// Adds a value.
    pub fn set(&mut self, placeholder: Placeholder, value: impl Into<String>) {
        self.0.insert(placeholder, value.into());
    }

    /// Returns the value of `placeholder`.
    pub fn get(&self, placeholder: Placeholder) -> Option<&str> {
        self.0.get(&placeholder).map(String::as_str)
    }
}

/// The error of a text whose placeholders cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownPlaceholder {
    /// There is no placeholder of that name.
    #[error("there is no placeholder `{{{name}}}`")]
    Unknown {
        /// The name between the braces.
        name: String,
    },
    /// It is known, but has no value in this place.
    #[error("`{{{}}}` has no value here", .placeholder.name())]
    Unset {
        /// Which one.
        placeholder: Placeholder,
    },
    /// A brace stands alone.
    #[error("a single `{brace}`: write `{brace}{brace}` for a literal brace")]
    Brace {
        /// Which brace.
        brace: char,
    },
}

/// One piece of a text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text that stands for itself; doubled braces are single in it already.
    Text(&'a str),
    /// A placeholder.
    Placeholder(Placeholder),
}

/// Splits `text` into literal pieces and placeholders.
pub fn pieces(text: &str) -> Result<Vec<Piece<'_>>, UnknownPlaceholder> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        if at > 0 {
            found.push(Piece::Text(&rest[..at]));
        }
        let (brace, after) = rest[at..].split_at(1);
        if after.starts_with(brace) {
            found.push(Piece::Text(brace));
            rest = &after[1..];
        } else if brace == "{"
            && let Some(end) = after.find('}')
        {
            let name = &after[..end];
            let placeholder = Placeholder::named(name)
                .ok_or_else(|| UnknownPlaceholder::Unknown { name: name.to_owned() })?;
            found.push(Piece::Placeholder(placeholder));
            rest = &after[end + 1..];
        } else {
            return Err(UnknownPlaceholder::Brace { brace: if brace == "{" { '{' } else { '}' } });
        }
    }
    if !rest.is_empty() {
        found.push(Piece::Text(rest));
    }
    Ok(found)
}

/// Fills the placeholders of `text` in.
pub fn expand(text: &str, values: &Values) -> Result<String, UnknownPlaceholder> {
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text)? {
        match piece {
            Piece::Text(literal) => out.push_str(literal),
            Piece::Placeholder(placeholder) => {
                out.push_str(values.get(placeholder).ok_or(UnknownPlaceholder::Unset { placeholder })?);
            }
        }
    }
    Ok(out)
}

/// Doubles the braces of `text`, so that [`expand`] gives it back as it is.
pub fn escape(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values() -> Values {
        Values::new().with(Placeholder::Release, "8").with(Placeholder::Repo, "Rocky")
    }

    #[test]
    fn fills_in_what_is_known() {
        assert_eq!(expand("updates-{release}.sh", &values()).unwrap(), "updates-8.sh");
        assert_eq!(expand("{repo}{release}", &values()).unwrap(), "Rocky8");
        assert_eq!(expand("${{REV:0:3}} of {repo}", &values()).unwrap(), "${REV:0:3} of Rocky");
        assert_eq!(expand("", &values()).unwrap(), "");
    }

    #[test]
    fn never_fills_in_an_empty_string_for_what_is_not_known() {
        let unset = UnknownPlaceholder::Unset { placeholder: Placeholder::Staging };
        assert_eq!(expand("rm {staging}/x", &values()), Err(unset));
        let unknown = UnknownPlaceholder::Unknown { name: "relase".into() };
        assert_eq!(expand("{relase}", &values()), Err(unknown));
        assert_eq!(expand("{}", &values()), Err(UnknownPlaceholder::Unknown { name: String::new() }));
        assert_eq!(expand("a { b", &values()), Err(UnknownPlaceholder::Brace { brace: '{' }));
        assert_eq!(expand("a } b", &values()), Err(UnknownPlaceholder::Brace { brace: '}' }));
    }

    #[test]
    fn a_value_is_not_expanded_again() {
        let values = Values::new().with(Placeholder::Repo, "{release}");
        assert_eq!(expand("{repo}", &values).unwrap(), "{release}");
    }

    proptest! {
        #[test]
        fn escaped_text_comes_back(text in ".*") {
            prop_assert_eq!(expand(&escape(&text), &Values::new()).unwrap(), text);
        }

        #[test]
        fn any_text_is_expanded_or_refused(text in "[{}a-z_]*") {
            let _ = expand(&text, &values());
        }
    }
}
