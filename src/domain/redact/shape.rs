//! Secrets that are known by their shape: what a token, a key or `password=…` looks like (design 12.5).
//!
//! A shape must be sure enough to be on by default: checksums, commit ids, NEVRAs and compose ids never fit one.
//! Randomness alone is none, therefore; it counts only behind a word such as `token=`. The expressions run in
//! linear time (the `regex` crate), over bytes and in ASCII, and never cross a line end: blocks of several
//! lines are the affair of [`super::reading`].

use regex::bytes::{Captures, Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use std::ops::Range;
use std::sync::LazyLock;

/// A kind of secret that shows in its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shape {
    /// Armoured private keys: PEM (RFC 7468), OpenSSH, OpenPGP (RFC 9580 §6.2).
    PrivateKeys,
    /// `Authorization: Bearer …` and its kin (RFC 9110 §11.6.2, RFC 6750).
    Authorization,
    /// `https://user:password@host/` (RFC 3986 §3.2.1).
    UrlPasswords,
    /// Tokens that their services mark: AWS, GitHub, GitLab, Slack, Google, npm, `PyPI`, Vault.
    ServiceTokens,
    /// JSON web tokens (RFC 7519).
    JsonWebTokens,
    /// `password=…`, `--passphrase …`, `"token": "…"`.
    Assignments,
    /// What stands behind a password prompt on its line.
    Prompts,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::PrivateKeys,
        Self::Authorization,
        Self::UrlPasswords,
        Self::ServiceTokens,
        Self::JsonWebTokens,
        Self::Assignments,
        Self::Prompts,
    ];

    /// Returns its name in the catalog.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PrivateKeys => "private-keys",
            Self::Authorization => "authorization",
            Self::UrlPasswords => "url-passwords",
            Self::ServiceTokens => "service-tokens",
            Self::JsonWebTokens => "json-web-tokens",
            Self::Assignments => "assignments",
            Self::Prompts => "prompts",
        }
    }

    /// Returns the shape called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|shape| shape.name() == name)
    }
}

/// The beginning of an armoured private key.
pub(super) const BEGIN_KEY: &str = r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----";
/// The end of any armour.
pub(super) const END_KEY: &str = r"-----END [A-Z0-9 ]+-----";

/// What a value is: quoted, or up to the next blank.
const VALUE: &str = r#"\\*(?:"(?P<a>[^"\n]*)|'(?P<b>[^'\n]*)|(?P<c>[^\s"'&\\][^\s"'&]*))"#;
/// Between a name and its value.
const IS: &str = r#"\\*["']?(?P<is>\s*=\s*|\s*:\s*)"#;

/// An expression of a shape; its groups `a`, `b` and `c` are what is secret, or else all of it is.
struct Expression {
    shape: Shape,
    regex: Regex,
    text: String,
}

static EXPRESSIONS: LazyLock<Vec<Expression>> = LazyLock::new(|| {
    let expressions = expressions().into_iter();
    expressions
        .filter_map(|(shape, text)| {
            let regex = compile(&text).ok();
            debug_assert!(regex.is_some(), "{text}");
            Some(Expression { shape, regex: regex?, text })
        })
        .collect()
});

/// All expressions at once: most text fits none, and one pass says so.
static ANY: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSetBuilder::new(EXPRESSIONS.iter().map(|expression| &expression.text))
        .unicode(false)
        .dfa_size_limit(2 * DFA_LIMIT)
        .build()
        .unwrap_or_else(|_| RegexSet::empty())
});

fn expressions() -> Vec<(Shape, String)> {
    let word =
        "password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key|access[_-]?key|auth[_-]?key";
    let camel = "Password|Passwd|Passphrase|Secret|Token|ApiKey|PrivateKey|AccessKey";
    let shout = "PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|_PWD";
    let suffix = "[0-9]*(?:[_-][A-Za-z0-9_-]+)?";
    let name = format!(
        r"(?:^|[^A-Za-z0-9_-])(?P<name>-{{0,2}}(?:(?i:(?:[A-Za-z0-9]+[._-])*(?:{word}){suffix})|[a-z][A-Za-z0-9]*(?:{camel})|[A-Z0-9_]*(?:{shout}){suffix}))"
    );
    let flag = format!(r"(?i:(?:^|[\s\x22'])(?P<name>--?(?:[a-z0-9]+-)*(?:{word}){suffix}))(?P<is>\s+)");
    vec![
        (Shape::PrivateKeys, format!(r"{BEGIN_KEY}(?s:.)*?(?:{END_KEY}|\z)")),
        (
            Shape::Authorization,
            r#"(?i:\bauthorization\\*["']?\s*[:=]\s*\\*["']?(?:(?:bearer|basic|digest|token|negotiate|apikey)\s+)?)(?P<a>[^\n"']+)"#.to_owned(),
        ),
        (Shape::Authorization, r"(?i:\bbearer\s+)(?P<c>[A-Za-z0-9+/._~-]{12,}=*)".to_owned()),
        (
            Shape::Authorization,
            r#"(?i:\b(?:x-api-key|x-auth-token|private-token|x-vault-token|set-cookie|cookie)\\*["']?\s*:\s*\\*["']?)(?P<a>[^\n"']+)"#.to_owned(),
        ),
        (
            Shape::UrlPasswords,
            r#"(?i:\b[a-z][a-z0-9+.-]*://)[^\s/:@"'<>]*:(?P<a>[^\s/"'<>]+)@"#.to_owned(),
        ),
        (Shape::UrlPasswords, r"(?i:\bhttps?://)(?P<a>[A-Za-z0-9_~-]{20,})@".to_owned()),
        (
            Shape::ServiceTokens,
            [
                r"\b(?:(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ANVA|AIPA)[A-Z0-9]{12,}",
                r"gh[pousr]_[A-Za-z0-9]{6,}",
                r"github_pat_[A-Za-z0-9_]{6,}",
                r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent)-[A-Za-z0-9_.-]{6,}",
                r"xox[abeprs]-[A-Za-z0-9-]{8,}",
                r"AIza[0-9A-Za-z_-]{30,}",
                r"npm_[A-Za-z0-9]{30,}",
                r"pypi-AgE[A-Za-z0-9_-]{16,}",
                r"hv[sbr]\.[A-Za-z0-9_-]{20,})",
            ]
            .join("|"),
        ),
        (Shape::JsonWebTokens, r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)?".to_owned()),
        (Shape::Assignments, format!("{name}{IS}{VALUE}")),
        (Shape::Assignments, format!("{flag}{VALUE}")),
        (
            Shape::Prompts,
            r"(?i:\b(?:password for [^:\n]+|[^\s:]+'s password|enter passphrase[^:\n]*|enter pin\b[^:\n]*|vault password)\s*:|^\s*(?:password|passphrase)\s*:)[ \t]*(?P<a>[^\s][^\n]*)".to_owned(),
        ),
    ]
}

/// Compiles an expression as the catalog's and ours are: bytes, ASCII, `^` and `$` at line ends.
pub(super) fn compile(text: &str) -> Result<Regex, regex::Error> {
    let mut builder = RegexBuilder::new(text);
    builder.unicode(false).multi_line(true).size_limit(1 << 20).dfa_size_limit(DFA_LIMIT).build()
}

/// Memory that an expression may take for what it has met, in bytes; what goes beyond is worked out anew.
const DFA_LIMIT: usize = 128 * 1024;

/// Finds everything in `text` that has one of `shapes`, in no order.
pub(super) fn find(shapes: &dyn Fn(Shape) -> bool, text: &[u8], found: &mut Vec<Range<usize>>) {
    for place in ANY.matches(text) {
        let Some(expression) = EXPRESSIONS.get(place).filter(|expression| shapes(expression.shape)) else {
            continue;
        };
        let fits = expression.regex.captures_iter(text);
        found.extend(fits.filter(|fit| is_meant(expression.shape, fit)).filter_map(|fit| secret_part(&fit)));
    }
}

/// Returns where the secret of a fit stands: its group, if it has one that took part.
pub(super) fn secret_part(fit: &Captures<'_>) -> Option<Range<usize>> {
    let group = ["a", "b", "c"].iter().find_map(|name| fit.name(name));
    group.or_else(|| fit.get(0)).map(|part| part.range()).filter(|range| !range.is_empty())
}

/// Tells a secret from what merely stands where one would: a placeholder, the name of a file, a version.
fn is_meant(shape: Shape, fit: &Captures<'_>) -> bool {
    let part = |name: &str| fit.name(name).map(|part| part.as_bytes()).unwrap_or_default();
    let value =
        ["a", "b", "c"].iter().find_map(|name| fit.name(name)).map_or(&[][..], |part| part.as_bytes());
    match shape {
        // A header is one; the word `bearer` alone stands in prose, too.
        Shape::Authorization if fit.name("c").is_some() => value.iter().any(u8::is_ascii_digit),
        Shape::Authorization => {
            let first = value.split(|byte| matches!(byte, b' ' | b',' | b';')).next().unwrap_or_default();
            !is_placeholder(first)
        }
        Shape::Assignments => {
            let quoted = fit.name("a").or_else(|| fit.name("b")).is_some();
            let meant = quoted || (is_value(part("is"), value) && !is_prose(part("name"), part("is"), value));
            meant && !names_a_place(part("name")) && !is_placeholder(value)
        }
        Shape::Prompts => !is_placeholder(value),
        _ => true,
    }
}

/// Tells whether it is a sentence: `what is secret: names and shapes`, which no tool prints of a real one.
fn is_prose(name: &[u8], is: &[u8], value: &[u8]) -> bool {
    [&b"secret"[..], b"token"].contains(&name)
        && is.contains(&b':')
        && value.iter().all(u8::is_ascii_lowercase)
}

/// Tells whether a name says where a secret is, or something about it, rather than what it is.
fn names_a_place(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let last = name.rsplit(['-', '_']).next().unwrap_or_default();
    let about = [
        "fd", "file", "path", "dir", "url", "uri", "name", "id", "type", "env", "var", "cmd", "command",
        "length", "len", "count", "repeat", "store", "ttl", "expires", "expiry", "age", "min", "max",
        "prompt", "mode", "hint", "policy", "required", "bits", "size", "format", "callback",
    ];
    last.len() < name.len() && about.contains(&last)
}

/// Tells whether what stands bare behind a name can be its value.
fn is_value(is: &[u8], value: &[u8]) -> bool {
    // `Secret::Service`, `token == other`, and rpm's `libsecret-tools = 0.18.6-1`.
    let spaced =
        is.first().is_some_and(u8::is_ascii_whitespace) && is.last().is_some_and(u8::is_ascii_whitespace);
    let version = value.first().is_some_and(u8::is_ascii_digit) && value.contains(&b'.');
    let compared = spaced && is.contains(&b'=') && version;
    !compared && !matches!(value.first(), None | Some(b':' | b'=' | b'<' | b'(' | b'-'))
}

fn is_placeholder(value: &[u8]) -> bool {
    let value = String::from_utf8_lossy(value);
    let bare = value.trim_end_matches([',', ';', '.', '}', ']', ')']);
    let words = [
        "none",
        "null",
        "nil",
        "true",
        "false",
        "yes",
        "no",
        "undefined",
        "unset",
        "required",
        "missing",
        "empty",
    ];
    bare.is_empty()
        || words.iter().any(|word| bare.eq_ignore_ascii_case(word))
        || bare.chars().all(|c| matches!(c, '*' | 'x' | 'X' | '.' | '•' | '_'))
        || ["${", "$(", "%s", "%(", "{{", "<"].iter().any(|begin| bare.starts_with(begin))
        || bare.strip_prefix('$').is_some_and(|name| name.starts_with(|c: char| c.is_ascii_uppercase()))
        || bare == super::REDACTED.trim_end_matches(']')
}
