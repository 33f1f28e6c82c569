//! Rich dependencies: `(a or b)`, `(a if b else (c and d >= 2))`, read into a tree.
//!
//! The grammar is rpm's (`lib/rpmds.c`, `rpmrichParse`; `docs/manual/more_dependencies.md`): a name may hold balanced
//! brackets, a chain has one operator, `if` and `unless` may have an `else`. It must not ask whether anything is there.

use super::version::{comparison, cut};
use crate::repodata::package::Comparison;

/// The deepest nesting that is read.
const DEEPEST: usize = 32;

/// A rich dependency; `T` is what names a capability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rich<T> {
    /// One capability.
    Plain(T),
    /// All of them, whichever packages provide them.
    And(Vec<Rich<T>>),
    /// One of them.
    Or(Vec<Rich<T>>),
    /// All of them by one package.
    With(Vec<Rich<T>>),
    /// A package that provides the first and not the second.
    Without(Box<Rich<T>>, Box<Rich<T>>),
    /// The first where the second is there, and the third where it is not.
    If(Box<Rich<T>>, Box<Rich<T>>, Option<Box<Rich<T>>>),
    /// The first where the second is not there, and the third where it is.
    Unless(Box<Rich<T>>, Box<Rich<T>>, Option<Box<Rich<T>>>),
}

/// A capability as it is written in a rich dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written<'a> {
    pub(super) name: &'a str,
    pub(super) version: Option<(Comparison, u32, &'a str, &'a str)>,
}

/// Reads a rich dependency, handing each capability to `term`; `None` if it is none.
pub(super) fn parse<'a, T>(text: &'a str, mut term: impl FnMut(Written<'a>) -> T) -> Option<Rich<T>> {
    let mut reader = Reader { rest: text, term: &mut term };
    let rich = reader.bracket(0)?;
    reader.rest.trim().is_empty().then_some(rich)
}

struct Reader<'a, 'f, T> {
    rest: &'a str,
    term: &'f mut dyn FnMut(Written<'a>) -> T,
}

impl<'a, T> Reader<'a, '_, T> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Reads `( … )`.
    fn bracket(&mut self, depth: usize) -> Option<Rich<T>> {
        if depth == DEEPEST {
            return None;
        }
        self.skip();
        self.rest = self.rest.strip_prefix('(')?;
        let first = self.operand(depth)?;
        self.skip();
        if let Some(rest) = self.rest.strip_prefix(')') {
            self.rest = rest;
            return Some(first);
        }
        let operator = self.word();
        let mut operands = vec![first, self.operand(depth)?];
        loop {
            self.skip();
            if let Some(rest) = self.rest.strip_prefix(')') {
                self.rest = rest;
                return combine(operator, operands, None);
            }
            match self.word() {
                "else" => {
                    let other = self.operand(depth)?;
                    self.skip();
                    self.rest = self.rest.strip_prefix(')')?;
                    return combine(operator, operands, Some(other));
                }
                again if again == operator && matches!(operator, "and" | "or" | "with") => {
                    operands.push(self.operand(depth)?);
                }
                _ => return None,
            }
        }
    }

    fn operand(&mut self, depth: usize) -> Option<Rich<T>> {
        self.skip();
        if self.rest.starts_with('(') { self.bracket(depth + 1) } else { self.plain().map(Rich::Plain) }
    }

    /// Reads `name` or `name >= 1:2-3`.
    fn plain(&mut self) -> Option<T> {
        let name = self.piece()?;
        self.skip();
        let signs = self.rest.len() - self.rest.trim_start_matches(['<', '>', '=']).len();
        if signs == 0 {
            return Some((self.term)(Written { name, version: None }));
        }
        let comparison = comparison(&self.rest[..signs])?;
        self.rest = &self.rest[signs..];
        self.skip();
        let (epoch, version, release) = cut(self.piece()?)?;
        Some((self.term)(Written { name, version: Some((comparison, epoch, version, release)) }))
    }

    /// Takes what stands before the next space, or the next bracket that it has not opened.
    fn piece(&mut self) -> Option<&'a str> {
        let mut open = 0_usize;
        let end = self.rest.find(|c: char| match c {
            '(' => {
                open += 1;
                false
            }
            ')' if open == 0 => true,
            ')' => {
                open -= 1;
                false
            }
            c => c.is_whitespace() || c == ',',
        });
        let (piece, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        (!piece.is_empty()).then_some(piece)
    }

    fn word(&mut self) -> &'a str {
        self.skip();
        let end = self.rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }
}

fn combine<T>(operator: &str, operands: Vec<Rich<T>>, other: Option<Rich<T>>) -> Option<Rich<T>> {
    match (operator, other) {
        ("and", None) => Some(Rich::And(operands)),
        ("or", None) => Some(Rich::Or(operands)),
        ("with", None) => Some(Rich::With(operands)),
        ("without", None) => {
            let [first, second] = two(operands)?;
            Some(Rich::Without(first, second))
        }
        ("if", other) => {
            let [first, second] = two(operands)?;
            Some(Rich::If(first, second, other.map(Box::new)))
        }
        ("unless", other) => {
            let [first, second] = two(operands)?;
            Some(Rich::Unless(first, second, other.map(Box::new)))
        }
        _ => None,
    }
}

fn two<T>(operands: Vec<Rich<T>>) -> Option<[Box<Rich<T>>; 2]> {
    let [first, second] = <[Rich<T>; 2]>::try_from(operands).ok()?;
    Some([Box::new(first), Box::new(second)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(rich: &Rich<String>) -> String {
        let all = |of: &[Rich<String>]| of.iter().map(shown).collect::<Vec<_>>().join(",");
        let other = |of: &Option<Box<Rich<String>>>| of.as_ref().map(|of| format!(",{}", shown(of)));
        match rich {
            Rich::Plain(name) => name.clone(),
            Rich::And(of) => format!("and({})", all(of)),
            Rich::Or(of) => format!("or({})", all(of)),
            Rich::With(of) => format!("with({})", all(of)),
            Rich::Without(a, b) => format!("without({},{})", shown(a), shown(b)),
            Rich::If(a, b, c) => format!("if({},{}{})", shown(a), shown(b), other(c).unwrap_or_default()),
            Rich::Unless(a, b, c) => {
                format!("unless({},{}{})", shown(a), shown(b), other(c).unwrap_or_default())
            }
        }
    }

    fn read(text: &str) -> Option<String> {
        let term = |written: Written<'_>| match written.version {
            Some((comparison, epoch, version, release)) => {
                format!(
                    "{}{}{epoch}:{version}-{release}",
                    written.name,
                    super::super::version::sign(comparison)
                )
            }
            None => written.name.to_owned(),
        };
        parse(text, term).map(|rich| shown(&rich))
    }

    #[test]
    fn all_operators_are_read() {
        for (text, wanted) in [
            ("(a)", "a"),
            ("(a or b or c)", "or(a,b,c)"),
            ("(a and (b or c))", "and(a,or(b,c))"),
            ("(a if b)", "if(a,b)"),
            ("(a if b else c)", "if(a,b,c)"),
            ("(a unless b else (c with d))", "unless(a,b,with(c,d))"),
            ("(a without b)", "without(a,b)"),
            ("(a >= 1:2.0-3 with a < 4)", "with(a>=1:2.0-3,a<0:4-)"),
            ("(libc.so.6(GLIBC_2.4)(64bit) or x)", "or(libc.so.6(GLIBC_2.4)(64bit),x)"),
            (
                "((python3.6dist(x) >= 1 with python3.6dist(x) < 2) if y)",
                "if(with(python3.6dist(x)>=0:1-,python3.6dist(x)<0:2-),y)",
            ),
            (" ( a  and  b ) ", "and(a,b)"),
        ] {
            assert_eq!(read(text).as_deref(), Some(wanted), "{text}");
        }
    }

    #[test]
    fn what_rpm_would_refuse_is_none() {
        for text in [
            "",
            "a",
            "(",
            "(a",
            "(a or)",
            "(a or b and c)",
            "(a if b if c)",
            "(a without b without c)",
            "(a or b) c",
            "(a xor b)",
            "(a >)",
            "()",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&"(".repeat(5000)), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[ab()<>= or,andifwth]{0,40}") {
            let _ = read(&text);
        }
    }
}
