//! Text for people: cut to a width, wrapped, and numbers as one says them.
//!
//! Widths are terminal columns, not characters.

use crate::domain::live::Looking;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Returns `text` in at most `width` columns; what is cut off is shown by `…`.
pub fn cut(text: &str, width: u16) -> String {
    let width = usize::from(width);
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for character in text.chars() {
        let wide = character.width().unwrap_or(0);
        if used + wide + 1 > width {
            break;
        }
        used += wide;
        out.push(character);
    }
    if width > 0 {
        out.push('…');
    }
    out
}

/// Returns `text` in at most `width` columns, cut in front: for paths, whose end tells more.
pub fn cut_front(text: &str, width: u16) -> String {
    let width = usize::from(width);
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept: Vec<char> = Vec::new();
    let mut used = 1;
    for character in text.chars().rev() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(character);
    }
    if width == 0 {
        return String::new();
    }
    kept.push('…');
    kept.into_iter().rev().collect()
}

/// Returns `text` in exactly `width` columns: cut, or filled with blanks.
pub fn fill(text: &str, width: u16) -> String {
    let mut out = cut(text, width);
    let missing = usize::from(width).saturating_sub(out.width());
    out.extend(std::iter::repeat_n(' ', missing));
    out
}

/// Returns `text` in exactly `width` columns, at the right.
pub fn fill_left(text: &str, width: u16) -> String {
    let out = cut(text, width);
    let missing = usize::from(width).saturating_sub(out.width());
    format!("{}{out}", " ".repeat(missing))
}

/// Breaks `text` into lines of at most `width` columns, at blanks where there are any.
pub fn wrap(text: &str, width: u16) -> Vec<String> {
    let limit = usize::from(width.max(1));
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let mut word = word.to_owned();
        if !line.is_empty() && line.width() + 1 + word.width() > limit {
            lines.push(std::mem::take(&mut line));
        }
        while word.width() > limit {
            let head: String = take_columns(&word, limit);
            word = word.get(head.len()..).unwrap_or_default().to_owned();
            lines.push(head);
        }
        if !line.is_empty() && !word.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Returns how many bytes of `text` its first character takes, with the marks that stand on it.
pub fn first_cell(text: &str) -> usize {
    let marks = text.char_indices().skip(1).find(|(_, character)| character.width() != Some(0));
    marks.map_or(text.len(), |(end, _)| end)
}

fn take_columns(text: &str, limit: usize) -> String {
    let mut used = 0;
    let head: String = text
        .chars()
        .take_while(|character| {
            used += character.width().unwrap_or(0);
            used <= limit
        })
        .collect();
    // A character wider than the whole line must not hold things up for ever.
    if head.is_empty() { text.chars().take(1).collect() } else { head }
}

/// Returns a size as one says it: `1.2 TB`, `512 MB`; powers of 1000, as disks are sold and as `df -H` says it.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 9.95);
    format!("{value:.digits$} {}", UNITS.get(unit).unwrap_or(&""))
}

/// Returns an age in its largest unit: `40 s`, `5 min`, `3 h`, `12 d`.
pub fn age(seconds: impl TryInto<i64>) -> String {
    match seconds.try_into().unwrap_or(i64::MAX).max(0) {
        s @ 0..=99 => format!("{s} s"),
        s @ 100..=5_999 => format!("{} min", s / 60),
        s @ 6_000..=172_799 => format!("{} h", s / 3_600),
        s => format!("{} d", s / 86_400),
    }
}

/// Returns a duration as a clock shows it: `0:42`, `12:07`, `3:05:00`.
pub fn clock(seconds: impl TryInto<i64>) -> String {
    let s = seconds.try_into().unwrap_or(i64::MAX).max(0);
    if s >= 3_600 {
        format!("{}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60)
    } else {
        format!("{}:{:02}", s / 60, s % 60)
    }
}

/// Returns a moment as `2026-11-22 18:45`, in UTC as the hosts keep it.
pub fn moment(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Returns a time of day as `18:45:03`, in UTC.
pub fn time(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%H:%M:%S").to_string()
}

/// Returns a number with its thousands apart: `48,213`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Writes how far a look at files is: `sealing staging: 1,204 of 30,000 files, 1.2 GB, 40.0 MB/s`; a part of a whole goes
/// before that: `metadata-signed, check 4 of 12: ..`.
pub fn looking(look: &Looking) -> String {
    let Some(part) = &look.part else { return so_far(look) };
    let part_words = format!("{}, check {} of {}", part.name, part.nth, part.of);
    if look.what == part.name && look.done == 0 && look.of.is_none() {
        return part_words;
    }
    format!("{part_words}: {}", so_far(look))
}

fn so_far(look: &Looking) -> String {
    let files = match (look.done, look.of) {
        (0, None) => return look.what.clone(),
        (done, None) => format!("{} files", thousands(done)),
        (done, Some(of)) => format!("{} of {} files", thousands(done), thousands(of)),
    };
    let read = if look.bytes == 0 { String::new() } else { format!(", {}", bytes(look.bytes)) };
    let rate = if look.rate == 0 { String::new() } else { format!(", {}/s", bytes(look.rate)) };
    format!("{}: {files}{read}{rate}", look.what)
}

/// Returns `1 step`, `2 steps`.
pub fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_keeps_to_columns_not_characters() {
        assert_eq!(cut("compose", 7), "compose");
        assert_eq!(cut("composes", 7), "compos…");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("ab", 0), "");
        assert_eq!(cut_front("/mnt/compose/8", 9), "…ompose/8");
        assert_eq!(fill("日", 4), "日  ");
        assert_eq!(fill_left("12", 4), "  12");
    }

    #[test]
    fn wrap_breaks_at_blanks_and_breaks_long_words() {
        assert_eq!(wrap("12 of 40 packages are missing", 12), ["12 of 40", "packages are", "missing"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("", 3), Vec::<String>::new());
        assert_eq!(wrap("日本", 1), ["日", "本"]);
    }

    #[test]
    fn numbers_are_said_as_people_say_them() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_250_000_000_000), "1.2 TB");
        assert_eq!(bytes(999_700_000), "1.0 GB");
        assert_eq!(bytes(31_000_000), "31 MB");
        assert_eq!(
            (age(40), age(600), age(7_200), age(200_000)),
            ("40 s".into(), "10 min".into(), "2 h".into(), "2 d".into())
        );
        assert_eq!((clock(42), clock(727), clock(11_100)), ("0:42".into(), "12:07".into(), "3:05:00".into()));
        assert_eq!(
            (thousands(48_213), thousands(999), thousands(1_000_000)),
            ("48,213".into(), "999".into(), "1,000,000".into())
        );
        assert_eq!((count(1, "step"), count(2, "step")), ("1 step".into(), "2 steps".into()));
    }
}
