//! Makes text that comes from disk, from a tool or from another person safe to show, and shows what it held.
//!
//! A file name can hold anything but a slash: escape sequences, line ends that make up lines of their own, marks
//! that reorder what follows, thousands of accents on one letter. Nothing of it may reach the engineer's terminal
//! as such (design 12.4), and nothing of it may vanish either: a name that looks like another is the worst of all.
//! So control characters become their pictures (U+2400), and what misleads becomes U+FFFD. It never shortens text.

use std::borrow::Cow;
use std::fmt::Write as _;
use unicode_width::UnicodeWidthChar as _;

/// Combining characters that one letter keeps.
pub const MOST_MARKS: usize = 4;

/// Tells whether a character could reorder, hide or break text (Unicode UAX 9, and the line separators).
pub fn misleads(character: char) -> bool {
    matches!(character,
        // Terminals disagree on the width of the last three.
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}'
        | '\u{17d8}' | '\u{ff9e}' | '\u{ff9f}')
}

/// Tells whether a character only changes how its neighbours are drawn: joiners and variation selectors.
///
/// Terminals disagree on the width of what they make, so they are left out and every character stands for itself.
pub fn joins(character: char) -> bool {
    matches!(character, '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0100}'..='\u{e01ef}')
}

/// Returns the picture of a control character (Unicode block 2400), or U+FFFD for those that have none.
fn picture(control: char) -> char {
    match u32::from(control) {
        code @ 0..=0x1f => char::from_u32(0x2400 + code).unwrap_or(char::REPLACEMENT_CHARACTER),
        0x7f => '\u{2421}',
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// Returns `text` as one line that is safe to show.
pub fn line(text: &str) -> Cow<'_, str> {
    changed(text, &|_| false)
}

/// Returns `text` with its line ends, each line of it safe to show.
pub fn lines(text: &str) -> Cow<'_, str> {
    changed(text, &|character| character == '\n')
}

fn changed<'t>(text: &'t str, keep: &dyn Fn(char) -> bool) -> Cow<'t, str> {
    let plain = |byte: u8| (0x20..0x7f).contains(&byte) || (byte == b'\n' && keep('\n'));
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    for character in text.chars() {
        if keep(character) {
            out.push(character);
        } else if character.is_control() {
            out.push(picture(character));
        } else if misleads(character) {
            out.push(char::REPLACEMENT_CHARACTER);
        } else if joins(character) {
            continue;
        } else if character.width() == Some(0) {
            marks += 1;
            if marks <= MOST_MARKS {
                out.push(character);
            }
            continue;
        } else {
            out.push(character);
        }
        marks = 0;
    }
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

/// Returns JSON text in which what a terminal could obey or mislead by is written as `\uXXXX`: the same JSON, in sight.
pub fn json(text: &str) -> Cow<'_, str> {
    let escaped = |c: char| (c.is_control() && c != '\n') || misleads(c) || joins(c) || c.width() == Some(0);
    if !text.chars().any(escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if escaped(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn controls_are_seen_and_not_obeyed() {
        for (text, shown) in [
            ("Rocky-8-updates-20210721.1", "Rocky-8-updates-20210721.1"),
            ("Packages/é日本", "Packages/é日本"),
            ("a\x1b]52;c;c3RvbGVu\x07b", "a␛]52;c;c3RvbGVu␇b"),
            ("a\n8/publish succeeded", "a␊8/publish succeeded"),
            ("a\tb\rc\0\x7f", "a␉b␍c␀␡"),
            ("c1 \u{9b}31m", "c1 \u{fffd}31m"),
            ("evil\u{202e}gpj.exe", "evil\u{fffd}gpj.exe"),
            ("same\u{200b}name", "same\u{fffd}name"),
            ("👩\u{200d}👧 ❤\u{fe0f} 👍\u{1f3fd}", "👩👧 ❤ 👍"),
        ] {
            assert_eq!(line(text), shown, "{text:?}");
        }
        assert_eq!(lines("a\nb\x1bc\n"), "a\nb␛c\n");
        assert!(matches!(line("plain"), Cow::Borrowed("plain")));
        let tower = format!("e{}x", "\u{301}".repeat(10_000));
        assert_eq!(line(&tower), format!("e{}x", "\u{301}".repeat(MOST_MARKS)));
    }

    proptest! {
        #[test]
        fn nothing_that_a_terminal_obeys_comes_out(text in "\\PC*|(?s).*") {
            let line = line(&text);
            prop_assert!(!line.chars().any(|c| c.is_control() || misleads(c) || joins(c)), "{line:?}");
            prop_assert_eq!(super::line(&line), line.as_ref(), "once is enough");
        }

        #[test]
        fn json_stays_the_same_json(text in "(?s).*") {
            let written = serde_json::to_string_pretty(&[&text]).unwrap();
            let safe = json(&written);
            prop_assert!(!safe.chars().any(|c| (c.is_control() && c != '\n') || misleads(c)), "{safe:?}");
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&safe).unwrap(), vec![text]);
        }
    }
}
