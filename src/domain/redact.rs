//! Takes secrets out of text before it leaves the state folder (design 12.5).
//!
//! What is secret is said by name in the catalog (`[secrets] names`, `*` fits any characters): the values
//! of such variables never show. A value that is long enough to mean something is also taken out wherever
//! else it occurs: in an argument, a log line, a reason. Pure; who prints must ask it.

use super::plan::Plan;
use super::plan::script::quote;
use aho_corasick::{AhoCorasick, MatchKind};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";
/// A shorter value is taken out where its variable is shown and nowhere else: `1` or `yes` is everywhere.
pub const SHORTEST: usize = 6;

/// Knows the names and the values that must not be shown.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    patterns: Vec<String>,
    values: Option<AhoCorasick>,
    longest: usize,
}

impl Redactor {
    /// Makes one from the catalog's patterns and every environment that may hold secrets.
    pub fn new<'a>(
        patterns: &[String],
        environments: impl IntoIterator<Item = &'a BTreeMap<String, String>>,
    ) -> Self {
        let mut values: BTreeSet<String> = BTreeSet::new();
        for (name, value) in environments.into_iter().flatten() {
            if value.len() >= SHORTEST && is_secret(patterns, name) {
                values.extend(forms(value));
            }
        }
        let longest = values.iter().map(String::len).max().unwrap_or(0);
        // Built from plain strings it cannot fail but for their number, which no environment reaches.
        let searcher = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&values).ok();
        let values = searcher.filter(|_| longest > 0);
        Self { patterns: patterns.to_vec(), values, longest }
    }

    /// Makes one for a plan: its environment and those of its steps.
    pub fn of_plan(patterns: &[String], plan: &Plan) -> Self {
        let steps = plan.steps.iter().map(|step| &step.env);
        Self::new(patterns, std::iter::once(&plan.environment).chain(steps))
    }

    /// Returns whether the variable `name` is a secret.
    pub fn is_secret(&self, name: &str) -> bool {
        is_secret(&self.patterns, name)
    }

    /// Returns `text` without any secret value.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &self.values {
            Some(values) if values.is_match(text) => {
                let mut out = String::with_capacity(text.len());
                values.replace_all_with(text, &mut out, |_, _, out| {
                    out.push_str(REDACTED);
                    true
                });
                Cow::Owned(out)
            }
            _ => Cow::Borrowed(text),
        }
    }

    /// Returns `bytes` without any secret value.
    pub fn bytes<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        match &self.values {
            Some(values) if values.is_match(bytes) => {
                let mut out = Vec::with_capacity(bytes.len());
                values.replace_all_with_bytes(bytes, &mut out, |_, _, out| {
                    out.extend_from_slice(REDACTED.as_bytes());
                    true
                });
                Cow::Owned(out)
            }
            _ => Cow::Borrowed(bytes),
        }
    }

    /// Returns how many of `bytes`, which go on, can be redacted and shown now without cutting a secret in two.
    pub fn safe_length(&self, bytes: &[u8]) -> usize {
        let Some(values) = &self.values else { return bytes.len() };
        let length = bytes.len().saturating_sub(self.longest.saturating_sub(1));
        let across = values.find_iter(bytes).find(|found| found.start() < length && found.end() > length);
        across.map_or(length, |found| found.start())
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
            for word in &mut step.argv {
                *word = self.text(word).into_owned();
            }
        }
        shown
    }
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

/// Returns the value as it occurs in text: as it is, as the shell quotes it, as JSON writes it.
fn forms(value: &str) -> Vec<String> {
    let json = serde_json::to_string(value).unwrap_or_default();
    let json = json.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default();
    let quoted = quote(value);
    let shell = quoted.trim_matches('\'');
    [value, json, shell].into_iter().filter(|form| form.len() >= SHORTEST).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(environment: &[(&str, &str)]) -> Redactor {
        let patterns = ["*TOKEN*".to_owned(), "GPG_PASSPHRASE".to_owned()];
        let pairs = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Redactor::new(&patterns, [&pairs.collect::<BTreeMap<_, _>>()])
    }

    #[test]
    fn names_fit_patterns_whole_and_in_any_case() {
        let patterns = ["*TOKEN*".to_owned(), "PASS*".to_owned(), "EXACT".to_owned()];
        for (name, secret) in [
            ("KOJI_TOKEN", true),
            ("koji_token_2", true),
            ("TOKEN", true),
            ("TOKE", false),
            ("PASSWORD", true),
            ("MY_PASS", false),
            ("EXACT", true),
            ("EXACTLY", false),
            ("", false),
        ] {
            assert_eq!(is_secret(&patterns, name), secret, "{name}");
        }
    }

    #[test]
    fn a_value_is_taken_out_wherever_it_occurs() {
        let redactor = redactor(&[("KOJI_TOKEN", "hunter2hunter2"), ("LANG", "C.UTF-8")]);
        assert_eq!(redactor.text("login hunter2hunter2!"), "login [redacted]!");
        assert_eq!(redactor.text("LANG=C.UTF-8 hunter2"), "LANG=C.UTF-8 hunter2");
        assert_eq!(redactor.bytes(b"\xffhunter2hunter2").as_ref(), b"\xff[redacted]");
        let shown = redactor.environment(&BTreeMap::from([
            ("KOJI_TOKEN".to_owned(), "x".to_owned()),
            ("URL".to_owned(), "https://hunter2hunter2@host/".to_owned()),
        ]));
        assert_eq!(shown["KOJI_TOKEN"], REDACTED);
        assert_eq!(shown["URL"], "https://[redacted]@host/");
    }

    #[test]
    fn short_values_are_hidden_by_name_alone() {
        let redactor = redactor(&[("A_TOKEN", "12345"), ("B_TOKEN", "")]);
        assert_eq!(redactor.text("12345 steps"), "12345 steps");
        let environment = BTreeMap::from([("A_TOKEN".to_owned(), "12345".to_owned())]);
        assert_eq!(redactor.environment(&environment)["A_TOKEN"], REDACTED);
    }

    #[test]
    fn the_longest_value_and_every_form_of_it_go() {
        let redactor =
            redactor(&[("A_TOKEN", "abcdef"), ("B_TOKEN", "abcdefgh"), ("GPG_PASSPHRASE", "it's \"so\"")]);
        assert_eq!(redactor.text("abcdefgh abcdef"), "[redacted] [redacted]");
        assert_eq!(redactor.text(&serde_json::to_string("it's \"so\"").unwrap()), "\"[redacted]\"");
        assert_eq!(redactor.text(&quote("it's \"so\"")), "'[redacted]'");
    }

    #[test]
    fn a_piece_of_a_stream_never_ends_within_a_secret() {
        let redactor = redactor(&[("A_TOKEN", "abcdef")]);
        let text = b"0123456789abcdef";
        for end in 0..=text.len() {
            let safe = redactor.safe_length(&text[..end]);
            assert!(safe <= 10 || safe == text.len(), "{end}: {safe}");
        }
        let mut shown = Vec::new();
        let mut rest: Vec<u8> = Vec::new();
        for byte in b"xxabcdefyyabcdezzabcdef" {
            rest.push(*byte);
            let safe = redactor.safe_length(&rest);
            shown.extend_from_slice(&redactor.bytes(&rest[..safe]));
            rest.drain(..safe);
        }
        shown.extend_from_slice(&redactor.bytes(&rest));
        assert_eq!(shown, b"xx[redacted]yyabcdezz[redacted]");
    }

    #[test]
    fn without_secrets_nothing_changes() {
        let redactor = redactor(&[("PATH", "/usr/bin:/bin")]);
        assert_eq!(redactor.text("/usr/bin:/bin"), "/usr/bin:/bin");
        assert_eq!(redactor.safe_length(b"anything"), 8);
        assert!(matches!(Redactor::default().text("x"), Cow::Borrowed("x")));
    }
}
