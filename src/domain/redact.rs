//! Takes secrets out of text before it leaves the state folder (design 12.5).
//!
//! What is secret is said in the catalog (`[secrets]`): by name (`*` fits any characters), which hides the value of
//! such a variable and that value wherever else it occurs, and by shape, which hides what looks like a key, a token
//! or `password=…` ([`Shape`]). Pure; who prints must ask it. Text that is printed line by line, with colours,
//! carriage returns and borders in the middle of a secret, goes through a [`Reading`].
//!
//! It hides what leaks by accident. Who wants to get a secret past it can: encoding it is enough.

mod reading;
mod shape;

pub use reading::{LOOK_BACK, Reading};
pub use shape::Shape;

use super::plan::Plan;
use super::plan::script::quote;
use super::visible;
use aho_corasick::{AhoCorasick, MatchKind};
use regex::bytes::Regex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// Returns what is left of a text whose front was cut off, without the word that the cut went through: half a secret is
/// not known for one.
pub fn behind_cut(rest: &[u8]) -> &[u8] {
    let blank = rest.iter().position(u8::is_ascii_whitespace);
    blank.and_then(|at| rest.get(at + 1..)).unwrap_or_default()
}

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";
/// A shorter value is taken out where its variable is shown and nowhere else: `1` or `yes` is everywhere.
pub const SHORTEST: usize = 6;
/// Of a value that is cut off by an end, so much shows at most.
const HINT: usize = 3;

/// What the catalog calls secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// Names of variables, with `*` for any characters.
    pub names: Vec<String>,
    /// The shapes that are looked for.
    pub shapes: BTreeSet<Shape>,
    /// Shapes of the catalog's own: regular expressions that [`check_pattern`] accepts.
    pub patterns: Vec<String>,
}

impl Default for Secrets {
    /// Returns every shape, and no name.
    fn default() -> Self {
        Self { names: Vec::new(), shapes: Shape::ALL.into(), patterns: Vec::new() }
    }
}

impl Secrets {
    /// Returns these names and every shape.
    pub fn named<const N: usize>(names: [&str; N]) -> Self {
        Self { names: names.map(str::to_owned).to_vec(), ..Self::default() }
    }
}

/// Says what is wrong with a shape of the catalog's own, in a line.
pub fn check_pattern(pattern: &str) -> Result<(), String> {
    let regex = shape::compile(pattern).map_err(|error| {
        let text = error.to_string();
        let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        last.trim().trim_start_matches("error: ").to_owned()
    })?;
    if regex.is_match(b"") { Err("it fits even where there is nothing".to_owned()) } else { Ok(()) }
}

/// Knows the names, values and shapes that must not be shown. The default hides nothing.
#[derive(Debug, Clone, Default)]
pub struct Redactor(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    names: Vec<String>,
    shapes: BTreeSet<Shape>,
    patterns: Vec<Regex>,
    values: Option<Values>,
}

impl PartialEq for Redactor {
    /// Returns whether both hide the same.
    fn eq(&self, other: &Self) -> bool {
        let parts = |inner: &Inner| {
            let patterns: Vec<String> =
                inner.patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect();
            let values = inner.values.as_ref().map(|values| values.forms.clone());
            (inner.names.clone(), inner.shapes.clone(), patterns, values)
        };
        Arc::ptr_eq(&self.0, &other.0) || parts(&self.0) == parts(&other.0)
    }
}

/// The values of the secrets that have a name, in every form in which they occur in text.
#[derive(Debug)]
struct Values {
    searcher: AhoCorasick,
    forms: Vec<String>,
    longest: usize,
}

impl Values {
    fn new(values: BTreeSet<String>) -> Option<Self> {
        let forms: Vec<String> = values.into_iter().collect();
        let longest = forms.iter().map(String::len).max()?;
        // Built from plain strings it cannot fail but for their number, which no environment reaches.
        let searcher = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&forms).ok()?;
        Some(Self { searcher, forms, longest })
    }

    fn find(&self, text: &str, found: &mut Vec<Range<usize>>) {
        found.extend(self.searcher.find_iter(text).map(|hit| hit.range()));
    }

    /// Finds where `text` ends in the middle of a value, if it does.
    fn cut_off(&self, text: &str) -> Option<Range<usize>> {
        let begins = self.forms.iter().filter_map(|form| {
            let head = form.as_bytes().get(..=HINT)?;
            let from = text.len().saturating_sub(form.len() - 1);
            let tail = text.as_bytes().get(from..)?;
            memchr::memmem::find_iter(tail, head)
                .find(|at| tail.get(*at..).is_some_and(|rest| form.as_bytes().starts_with(rest)))
                .map(|at| from + at)
        });
        begins.min().map(|begin| begin..text.len())
    }
}

impl Redactor {
    /// Makes one from what the catalog says and every environment that may hold secrets.
    pub fn new<'a>(
        secrets: &Secrets,
        environments: impl IntoIterator<Item = &'a BTreeMap<String, String>>,
    ) -> Self {
        let mut values: BTreeSet<String> = BTreeSet::new();
        for (name, value) in environments.into_iter().flatten() {
            if value.len() >= SHORTEST && is_secret(&secrets.names, name) {
                values.extend(forms(value));
            }
        }
        // A pattern that does not compile was an error of the catalog already.
        let patterns = secrets.patterns.iter().filter_map(|pattern| shape::compile(pattern).ok());
        Self(Arc::new(Inner {
            names: secrets.names.clone(),
            shapes: secrets.shapes.clone(),
            patterns: patterns.collect(),
            values: Values::new(values),
        }))
    }

    /// Makes one that knows every shape and no value, for text of which nothing is known.
    pub fn by_shape() -> Self {
        Self::new(&Secrets::default(), [])
    }

    /// Makes one for a plan: its environment and those of its steps.
    pub fn of_plan(secrets: &Secrets, plan: &Plan) -> Self {
        let steps = plan.steps.iter().map(|step| &step.env);
        Self::new(secrets, std::iter::once(&plan.environment).chain(steps))
    }

    /// Returns whether the variable `name` is a secret.
    pub fn is_secret(&self, name: &str) -> bool {
        is_secret(&self.0.names, name)
    }

    /// Finds what has a shape, in no order.
    fn find_shapes(&self, text: &str, found: &mut Vec<Range<usize>>) {
        let Inner { shapes, patterns, .. } = &*self.0;
        if !shapes.is_empty() {
            shape::find(&|shape| shapes.contains(&shape), text.as_bytes(), found);
        }
        for pattern in patterns {
            let fits = pattern.captures_iter(text.as_bytes());
            found.extend(fits.filter_map(|fit| shape::secret_part(&fit)));
        }
    }

    /// Returns where the secrets of `text` stand, in order and apart from each other.
    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        if let Some(values) = &self.0.values {
            values.find(text, &mut found);
        }
        self.find_shapes(text, &mut found);
        merged(text, found)
    }

    /// Returns `text` without secrets.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        Self::without(text, self.find(text))
    }

    /// Returns `text`, which may have been cut, without secrets and without one that its end cuts off.
    fn cut_text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut found = self.find(text);
        found.extend(self.0.values.as_ref().and_then(|values| values.cut_off(text)));
        Self::without(text, merged(text, found))
    }

    fn without(text: &str, found: Vec<Range<usize>>) -> Cow<'_, str> {
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for range in found {
            out.push_str(text.get(at..range.start).unwrap_or_default());
            out.push_str(REDACTED);
            at = range.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        Cow::Owned(out)
    }

    /// Returns `text` without secrets as one line that is safe to show ([`visible::line`]).
    pub fn line(&self, text: &str) -> String {
        visible::line(&self.cut_text(text)).into_owned()
    }

    /// Returns `text`, which may be an error of several lines, as one line that is safe to show.
    pub fn sentence(&self, text: &str) -> String {
        let text = self.cut_text(text);
        visible::line(&text.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned()
    }

    /// Returns `value` with every string that it holds given to `change`; as it was where that is no such value any more.
    fn changed<T: Serialize + DeserializeOwned>(value: T, change: &dyn Fn(&str) -> String) -> T {
        let Ok(mut tree) = serde_json::to_value(&value) else { return value };
        if each_string(&mut tree, change) { serde_json::from_value(tree).unwrap_or(value) } else { value }
    }

    /// Returns `value` without secrets, otherwise exact: for JSON.
    pub fn value<T: Serialize + DeserializeOwned>(&self, value: T) -> T {
        Self::changed(value, &|text| self.text(text).into_owned())
    }

    /// Returns `value` with every string of it safe to show: for people.
    pub fn shown<T: Serialize + DeserializeOwned>(&self, value: T) -> T {
        Self::changed(value, &|text| self.line(text))
    }

    /// Takes the secrets out of a tree of JSON.
    pub fn json(&self, tree: &mut Value) {
        each_string(tree, &|text| self.text(text).into_owned());
    }

    /// Returns the environment with the values of secrets taken out.
    pub fn environment(&self, environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let one = |(name, value): (&String, &String)| {
            let value =
                if self.is_secret(name) { REDACTED.to_owned() } else { self.text(value).into_owned() };
            (name.clone(), value)
        };
        environment.iter().map(one).collect()
    }

    /// Returns the plan as it may be shown. Its digest stays that of the plan that runs.
    pub fn plan(&self, plan: &Plan) -> Plan {
        let mut shown = plan.clone();
        shown.environment = self.environment(&plan.environment);
        for step in &mut shown.steps {
            step.env = self.environment(&step.env);
            self.arguments(&mut step.argv);
        }
        shown
    }

    /// Takes secrets out of the words of a command; a word may be secret because of the one before it.
    fn arguments(&self, words: &mut [String]) {
        for at in 0..words.len() {
            let (before, rest) = words.split_at_mut(at);
            let Some(word) = rest.first_mut() else { return };
            let flag = before.last().filter(|flag| flag.starts_with('-') && !word.starts_with('-'));
            let alone = self.text(word).into_owned();
            *word = match flag.map(|flag| format!("{flag} {word}")) {
                Some(both) if alone == *word && self.text(&both) != both => REDACTED.to_owned(),
                _ => alone,
            };
        }
    }
}

/// Changes every string of a tree of JSON; returns whether any became another.
fn each_string(tree: &mut Value, change: &dyn Fn(&str) -> String) -> bool {
    match tree {
        Value::String(text) => {
            let changed = change(text);
            let is_other = changed != *text;
            *text = changed;
            is_other
        }
        Value::Array(list) => list.iter_mut().fold(false, |any, value| each_string(value, change) | any),
        Value::Object(map) => map.values_mut().fold(false, |any, value| each_string(value, change) | any),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Brings ranges into order, joins what overlaps, and keeps characters whole.
fn merged(text: &str, mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut out: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        let range = text.floor_char_boundary(range.start)..text.ceil_char_boundary(range.end);
        match out.last_mut().filter(|last| range.start <= last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => out.push(range),
        }
    }
    out
}

/// Returns whether one of `patterns` fits the variable `name`; upper and lower case are the same.
pub fn is_secret(patterns: &[String], name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    patterns.iter().any(|pattern| fits(pattern.to_ascii_uppercase().as_bytes(), name.as_bytes()))
}

fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|skip| fits(rest, name.get(skip..).unwrap_or_default())),
        Some((first, rest)) => {
            name.split_first().is_some_and(|(byte, below)| byte == first && fits(rest, below))
        }
    }
}

/// Returns the value as it occurs in text: as it is, as the shell quotes it, as JSON writes it, and without the line
/// ends and other control characters that no screen shows.
fn forms(value: &str) -> Vec<String> {
    let json = serde_json::to_string(value).unwrap_or_default();
    let json = json.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default();
    let quoted = quote(value);
    let shell = quoted.trim_matches('\'');
    let printed: String = value.chars().filter(|c| *c == '\t' || !c.is_control()).collect();
    let forms = [value, json, shell, &printed].into_iter();
    forms.filter(|form| form.len() >= SHORTEST).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
