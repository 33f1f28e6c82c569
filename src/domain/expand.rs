//! Fills the `{placeholders}` of the catalog's step templates.
//!
//! (The lead's interim version; the catalog branch brings the final one.)

use std::collections::BTreeMap;

/// The error of a placeholder that has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{{{0}}}` means nothing here")]
pub struct UnknownPlaceholder(pub String);

/// What the placeholders stand for.
#[derive(Debug, Clone, Default)]
pub struct Values(BTreeMap<String, String>);

impl Values {
    /// Makes an empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value of `name`.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// Returns the value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// Returns `text` with every placeholder filled; `{{` and `}}` stand for themselves.
pub fn expand(text: &str, values: &Values) -> Result<String, UnknownPlaceholder> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        if let Some(tail) = tail.strip_prefix("{{") {
            out.push('{');
            rest = tail;
        } else if let Some(tail) = tail.strip_prefix("}}") {
            out.push('}');
            rest = tail;
        } else if let Some((name, tail)) = tail.strip_prefix('{').and_then(|tail| tail.split_once('}')) {
            out.push_str(values.get(name).ok_or_else(|| UnknownPlaceholder(name.to_owned()))?);
            rest = tail;
        } else {
            return Err(UnknownPlaceholder(tail.chars().take(20).collect()));
        }
    }
    out.push_str(rest);
    Ok(out)
}
