//! What is wrong with a catalog: where, what was expected, and the nearest right name.
//!
//! All problems of a file are collected and shown at once, each with its source line and a caret, because an
//! engineer who edits a catalog on a release day should not have to find them one by one.

use std::fmt;
use std::ops::Range;

/// One problem, at a range of bytes of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) advice: Option<String>,
}

/// One problem of a catalog, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogProblem {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do: what was expected, or the nearest right name.
    pub advice: Option<String>,
    /// The source line.
    pub source_line: String,
    /// How many characters of the line are meant, from the column on; at least 1.
    pub width: usize,
}

/// The error of a catalog that cannot be used: everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogErrors {
    /// The file's path, or `built in`.
    pub source: String,
    /// All problems, in the order of the file; never empty.
    pub problems: Vec<CatalogProblem>,
}

impl CatalogErrors {
    pub(super) fn new(source: &str, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|a, b| (a.span.start, &a.message).cmp(&(b.span.start, &b.message)));
        problems.dedup();
        let problems = problems.into_iter().map(|problem| locate(text, problem)).collect();
        Self { source: source.to_owned(), problems }
    }

    /// Makes the error of a file that could not even be read.
    pub(super) fn unreadable(source: &str, message: String) -> Self {
        let problem = Problem { span: 0..0, message, advice: None };
        Self::new(source, "", vec![problem])
    }
}

fn locate(text: &str, problem: Problem) -> CatalogProblem {
    let start = floor_boundary(text, problem.span.start);
    let end = floor_boundary(text, problem.span.end).max(start);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let source_line = text[line_start..line_end].trim_end_matches('\r');
    let marked = &text[start..end.clamp(start, line_end)];
    CatalogProblem {
        line: text[..start].matches('\n').count() + 1,
        column: text[line_start..start].chars().count() + 1,
        message: problem.message,
        advice: problem.advice,
        source_line: source_line.to_owned(),
        width: marked.chars().count().max(1),
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl fmt::Display for CatalogErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{}:{}:{}: {}", self.source, problem.line, problem.column, problem.message)?;
            if !problem.source_line.trim().is_empty() {
                let number = problem.line.to_string();
                writeln!(f, "  {number} | {}", visible(&problem.source_line))?;
                let blank = " ".repeat(number.len());
                let indent = " ".repeat(problem.column - 1);
                writeln!(f, "  {blank} | {indent}{}", "^".repeat(problem.width))?;
            }
            if let Some(advice) = &problem.advice {
                writeln!(f, "  = {advice}")?;
            }
        }
        match self.problems.len() {
            1 => write!(f, "1 error in the catalog: nothing runs until it is mended"),
            n => write!(f, "{n} errors in the catalog: nothing runs until they are mended"),
        }
    }
}

/// Makes one visible character of every character, so that the caret stands under the right one.
fn visible(line: &str) -> String {
    line.chars()
        .map(|c| if c == '\t' { ' ' } else { c })
        .map(|c| if c.is_control() { '·' } else { c })
        .collect()
}

impl std::error::Error for CatalogErrors {}

/// Returns the candidate that `wrong` was probably meant to be.
pub(super) fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = wrong.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            *distance <= (candidate.chars().count().max(wrong.chars().count()) / 3).max(1)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Says which name was probably meant, or which there are.
pub(super) fn advise<'a>(
    wrong: &str,
    what: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    if let Some(near) = nearest(wrong, candidates.clone()) {
        return format!("did you mean `{near}`?");
    }
    let all: Vec<String> = candidates.into_iter().map(|name| format!("`{name}`")).collect();
    if all.is_empty() {
        format!("there is no {what} yet")
    } else {
        format!("expected {what}: {}", all.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_line_and_a_caret_under_the_right_characters() {
        let text = "a = 1\nö = \"ü\" # x\n";
        let start = text.find("\"ü\"").unwrap();
        let problem = Problem { span: start..start + 4, message: "bad".into(), advice: Some("do so".into()) };
        let errors = CatalogErrors::new("x.toml", text, vec![problem]);
        let shown = errors.to_string();
        assert_eq!(
            shown,
            "x.toml:2:5: bad\n  2 | ö = \"ü\" # x\n    |     ^^^\n  = do so\n1 error in the catalog: nothing runs until it is mended"
        );
    }

    #[test]
    fn a_span_outside_the_text_or_within_a_character_is_no_reason_to_panic() {
        for (start, end) in [(100, 200), (1, 2), (0, 0), (2, 1)] {
            let span = Range { start, end };
            let problem = Problem { span, message: "bad".into(), advice: None };
            assert!(CatalogErrors::new("x", "ö", vec![problem]).to_string().contains("x:1:"));
        }
    }

    #[test]
    fn proposes_what_was_probably_meant() {
        assert_eq!(nearest("stagin", ["staging", "production"]), Some("staging"));
        assert_eq!(nearest("extras", ["Extras", "Rocky"]), Some("Extras"));
        assert_eq!(nearest("zzz", ["staging", "production"]), None);
        assert_eq!(advise("zz", "mount", ["a", "b"]), "expected mount: `a`, `b`");
    }
}
