//! Typed reading of TOML tables that goes on after an error.
//!
//! `toml`'s own derive stops at the first wrong thing; here every problem is noted with its place and reading
//! goes on, so that all of them are shown at once. It knows TOML and types, nothing about catalogs.

use super::diagnostic::{Problem, advise};
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, IntoDeserializer};
use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where problems are noted.
#[derive(Debug, Default)]
pub(super) struct Sink(RefCell<Vec<Problem>>);

impl Sink {
    /// Notes a problem.
    pub(super) fn note(
        &self,
        span: &Range<usize>,
        message: impl Into<String>,
        advice: impl Into<Option<String>>,
    ) {
        let problem = Problem { span: span.clone(), message: message.into(), advice: advice.into() };
        self.0.borrow_mut().push(problem);
    }

    /// Returns all that was noted.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.0.into_inner()
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

impl<T> At<T> {
    /// Changes the value and keeps its place.
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> At<U> {
        At { value: change(self.value), span: self.span }
    }
}

impl<T> std::ops::Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// One value of the document with its place.
pub(super) type Value<'t> = &'t Spanned<DeValue<'t>>;

/// What can be read from a TOML value.
pub(super) trait Read: Sized {
    /// Reads the value, or notes why not and returns nothing.
    fn read(value: Value<'_>, sink: &Sink) -> Option<Self>;
}

/// Notes that `value` has the wrong type.
pub(super) fn wrong_type<T>(value: Value<'_>, sink: &Sink, expected: &str) -> Option<T> {
    sink.note(&value.span(), format!("{} where {expected} is expected", described(value.get_ref())), None);
    None
}

fn described(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

impl Read for String {
    fn read(value: Value<'_>, sink: &Sink) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) => Some(text.clone().into_owned()),
            _ => wrong_type(value, sink, "a string"),
        }
    }
}

impl Read for bool {
    fn read(value: Value<'_>, sink: &Sink) -> Option<Self> {
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => wrong_type(value, sink, "true or false"),
        }
    }
}

impl Read for u8 {
    fn read(value: Value<'_>, sink: &Sink) -> Option<Self> {
        let DeValue::Integer(number) = value.get_ref() else {
            return wrong_type(value, sink, "an integer");
        };
        let parsed = Self::from_str_radix(number.as_str(), number.radix()).ok();
        if parsed.is_none() {
            sink.note(&value.span(), format!("{number} is not between 0 and 255"), None);
        }
        parsed
    }
}

impl<T: Read> Read for Vec<At<T>> {
    fn read(value: Value<'_>, sink: &Sink) -> Option<Self> {
        let DeValue::Array(items) = value.get_ref() else {
            return wrong_type(value, sink, "an array");
        };
        Some(
            items
                .iter()
                .filter_map(|item| Some(At { value: T::read(item, sink)?, span: item.span() }))
                .collect(),
        )
    }
}

/// Reads a string into a type that is parsed from text; its error is noted.
pub(super) fn parsed<T>(value: Value<'_>, sink: &Sink) -> Option<T>
where
    T: std::str::FromStr<Err: fmt::Display>,
{
    let text = String::read(value, sink)?;
    text.parse().map_err(|error: T::Err| sink.note(&value.span(), error.to_string(), None)).ok()
}

/// Reads a string into an enum by the names that serde knows it by; `what` says what it names.
pub(super) fn one_of<T: DeserializeOwned>(value: Value<'_>, sink: &Sink, what: &str) -> Option<T> {
    let text = String::read(value, sink)?;
    let deserializer: StrDeserializer<'_, Variants> = text.as_str().into_deserializer();
    T::deserialize(deserializer)
        .map_err(|Variants(names)| {
            let advice = advise(&text, what, names.iter().copied());
            sink.note(&value.span(), format!("`{text}` is not a {what}"), advice);
        })
        .ok()
}

/// serde's error, of which only the list of right names is kept.
#[derive(Debug)]
struct Variants(&'static [&'static str]);

impl fmt::Display for Variants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown name")
    }
}

impl std::error::Error for Variants {}

impl de::Error for Variants {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(&[])
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self(expected)
    }
}

/// A table that is being read key by key; what nobody asked for is an unknown key.
#[derive(Debug)]
pub(super) struct Table<'t> {
    name: String,
    keys: &'t DeTable<'t>,
    span: Range<usize>,
    sink: &'t Sink,
    asked: RefCell<Vec<&'static str>>,
}

impl<'t> Table<'t> {
    /// Opens `value`, called `name` in messages.
    pub(super) fn open(name: impl Into<String>, value: Value<'t>, sink: &'t Sink) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(table) => Some(Self::of(name, table, value.span(), sink)),
            _ => wrong_type(value, sink, "a table"),
        }
    }

    /// Opens a table that is already known to be one.
    pub(super) fn of(
        name: impl Into<String>,
        table: &'t DeTable<'t>,
        span: Range<usize>,
        sink: &'t Sink,
    ) -> Self {
        Self { name: name.into(), keys: table, span, sink, asked: RefCell::default() }
    }

    /// Returns where the table stands.
    pub(super) fn span(&self) -> &Range<usize> {
        &self.span
    }

    /// Returns where problems are noted.
    pub(super) fn sink(&self) -> &'t Sink {
        self.sink
    }

    /// Returns whether `key` is there, readable or not.
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    fn value(&self, key: &'static str) -> Option<Value<'t>> {
        self.asked.borrow_mut().push(key);
        self.keys.get(key)
    }

    /// Reads `key`, which must be there, with `read`.
    pub(super) fn required_with<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(Value<'t>, &'t Sink) -> Option<T>,
    ) -> Option<At<T>> {
        if let Some(value) = self.value(key) {
            return Some(At { value: read(value, self.sink)?, span: value.span() });
        }
        self.sink.note(&self.span, format!("{} lacks `{key}`", self.name), None);
        None
    }

    /// Reads `key` with `read`, if it is there.
    pub(super) fn optional_with<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(Value<'t>, &'t Sink) -> Option<T>,
    ) -> Option<At<T>> {
        let value = self.value(key)?;
        Some(At { value: read(value, self.sink)?, span: value.span() })
    }

    /// Reads `key`, which must be there.
    pub(super) fn required<T: Read>(&self, key: &'static str) -> Option<At<T>> {
        self.required_with(key, T::read)
    }

    /// Reads `key`, if it is there.
    pub(super) fn optional<T: Read>(&self, key: &'static str) -> Option<At<T>> {
        self.optional_with(key, T::read)
    }

    /// Reads `key` as a list, empty if it is not there.
    pub(super) fn list<T: Read>(&self, key: &'static str) -> Vec<At<T>> {
        self.optional::<Vec<At<T>>>(key).map(|list| list.value).unwrap_or_default()
    }

    /// Opens the table under `key`, if it is there.
    pub(super) fn table(&self, key: &'static str) -> Option<Table<'t>> {
        Table::open(format!("[{key}]"), self.value(key)?, self.sink)
    }

    /// Returns the entries of a table whose keys are names of the reader's own, in the order of the file.
    pub(super) fn entries(&self) -> Vec<(At<String>, Value<'t>)> {
        let mut entries: Vec<_> = self
            .keys
            .iter()
            .map(|(key, value)| (At { value: key.get_ref().clone().into_owned(), span: key.span() }, value))
            .collect();
        entries.sort_by_key(|(key, _)| key.span.start);
        entries
    }

    /// Ends the reading: every key that was not asked for is noted.
    pub(super) fn finish(self) {
        let asked = self.asked.into_inner();
        for (key, _) in self.keys {
            if !asked.contains(&key.get_ref().as_ref()) {
                let advice = advise(key.get_ref(), "one of the keys", asked.iter().copied());
                self.sink.note(&key.span(), format!("{} has no key `{}`", self.name, key.get_ref()), advice);
            }
        }
    }
}
