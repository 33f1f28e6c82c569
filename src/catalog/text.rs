//! Texts of a catalog that must have a form: absolute paths, file names, variable names, templates.
//!
//! Everything that ends up in a command or a path goes through here first (design 12.3).

use super::diagnostic::advise;
use super::reader::{Read, Sink, Value};
use crate::domain::expand::{Piece, Placeholder, UnknownPlaceholder, pieces};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

/// Reads an absolute path without `..`.
pub(super) fn absolute(value: Value<'_>, sink: &Sink) -> Option<PathBuf> {
    let text = String::read(value, sink)?;
    check_absolute(&text, &value.span(), sink).then(|| PathBuf::from(text))
}

/// Says whether `text` is an absolute path without `..`; if not, that is noted.
pub(super) fn check_absolute(text: &str, span: &Range<usize>, sink: &Sink) -> bool {
    if !text.starts_with('/') {
        sink.note(span, format!("`{text}` is not an absolute path"), "begin it with `/`".to_owned());
        return false;
    }
    if Path::new(text).components().any(|part| part == Component::ParentDir) || text.contains('\0') {
        sink.note(span, format!("`{text}` is not a plain path"), "write it without `..`".to_owned());
        return false;
    }
    true
}

/// Returns why `text` cannot be the name of a file.
pub(super) fn file_name_problem(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("is empty")
    } else if text.contains('/') {
        Some("holds a slash")
    } else if text.starts_with(['-', '.']) {
        Some("begins with a dash or a dot")
    } else if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        Some("holds a blank or a control character")
    } else {
        None
    }
}

/// Reads the name of a file in a folder that is known already.
pub(super) fn file_name(value: Value<'_>, sink: &Sink) -> Option<String> {
    let text = String::read(value, sink)?;
    if let Some(problem) = file_name_problem(&text) {
        sink.note(&value.span(), format!("`{text}` is not a file name: it {problem}"), None);
        return None;
    }
    Some(text)
}

/// A program: a name to be found in `PATH`, or an absolute path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program(pub(super) String);

impl Read for Program {
    fn read(value: Value<'_>, sink: &Sink) -> Option<Self> {
        let text = String::read(value, sink)?;
        if text.starts_with('/') {
            return check_absolute(&text, &value.span(), sink).then_some(Self(text));
        }
        file_name(value, sink).map(Self)
    }
}

/// Reads a text that must hold something to see.
pub(super) fn not_blank(value: Value<'_>, sink: &Sink) -> Option<String> {
    let text = String::read(value, sink)?;
    if text.trim().is_empty() {
        sink.note(&value.span(), "an empty text", "write something, or leave the key out".to_owned());
        return None;
    }
    Some(text)
}

/// The name of an environment or shell variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Variable(pub(super) String);

impl Variable {
    /// Makes it, or returns nothing where `text` cannot be one.
    pub(super) fn new(text: &str) -> Option<Self> {
        let good = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        good.then(|| Self(text.to_owned()))
    }
}

impl Read for Variable {
    fn read(value: Value<'_>, sink: &Sink) -> Option<Self> {
        let text = String::read(value, sink)?;
        let variable = Self::new(&text);
        if variable.is_none() {
            note_variable(&text, &value.span(), sink);
        }
        variable
    }
}

/// Notes that `text` cannot be the name of a variable.
pub(super) fn note_variable(text: &str, span: &Range<usize>, sink: &Sink) {
    let advice = "use letters, digits and `_`, not beginning with a digit".to_owned();
    sink.note(span, format!("`{text}` is not the name of a variable"), advice);
}

/// Notes what is wrong with the placeholders of `text`, of which only `allowed` have a value there; returns
/// those that it uses.
pub(super) fn check_template(
    text: &str,
    span: &Range<usize>,
    allowed: &[Placeholder],
    place: &str,
    sink: &Sink,
) -> Option<Vec<Placeholder>> {
    let names = || allowed.iter().map(|placeholder| placeholder.name());
    let found = match pieces(text) {
        Ok(found) => found,
        Err(error) => {
            let advice = match &error {
                UnknownPlaceholder::Unknown { name } => {
                    Some(advise(name, "one of the placeholders", names()))
                }
                _ => None,
            };
            sink.note(span, error.to_string(), advice);
            return None;
        }
    };
    let used: Vec<Placeholder> = found
        .into_iter()
        .filter_map(|piece| if let Piece::Placeholder(p) = piece { Some(p) } else { None })
        .collect();
    if let Some(wrong) = used.iter().find(|placeholder| !allowed.contains(placeholder)) {
        let known: Vec<String> = allowed.iter().map(|placeholder| format!("`{placeholder}`")).collect();
        let advice = if known.is_empty() {
            "write it out".to_owned()
        } else {
            format!("here there are {}", known.join(", "))
        };
        sink.note(span, format!("`{wrong}` has no value in {place}"), advice);
        return None;
    }
    Some(used)
}

/// Reads a text whose placeholders are among `allowed`.
pub(super) fn template(
    value: Value<'_>,
    sink: &Sink,
    allowed: &[Placeholder],
    place: &str,
) -> Option<String> {
    let text = String::read(value, sink)?;
    check_template(&text, &value.span(), allowed, place, sink)?;
    Some(text)
}

/// Reads an absolute path whose placeholders are among `allowed`.
pub(super) fn absolute_template(
    value: Value<'_>,
    sink: &Sink,
    allowed: &[Placeholder],
    place: &str,
) -> Option<String> {
    let text = template(value, sink, allowed, place)?;
    check_absolute(&text, &value.span(), sink).then_some(text)
}
