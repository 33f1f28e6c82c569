//! A cursor over XML in the exact layout of `createrepo_c`.
//!
//! It knows no XML: it compares literals and looks for the one byte that ends a field. Whatever is not exactly as
//! expected is `None`, upon which the real XML reader takes over; so nothing here may guess. What it takes is
//! what the real reader takes: `&` is resolved, and a field with a control character is left to the other.

use memchr::{memchr, memchr2_iter};
use std::borrow::Cow;

/// A place in a piece of XML.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Returns what is left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.bytes
    }

    /// Passes over `literal`, which must be next.
    #[inline]
    pub(super) fn literal(&mut self, literal: &[u8]) -> Option<()> {
        self.bytes = self.bytes.strip_prefix(literal)?;
        Some(())
    }

    /// Passes over `literal` if it is next.
    #[inline]
    pub(super) fn take(&mut self, literal: &[u8]) -> bool {
        self.literal(literal).is_some()
    }

    /// Returns what comes before `byte`, and passes over both.
    #[inline]
    pub(super) fn until(&mut self, byte: u8) -> Option<&'a [u8]> {
        let end = memchr(byte, self.bytes)?;
        let (field, rest) = self.bytes.split_at(end);
        self.bytes = &rest[1..];
        Some(field)
    }

    /// Returns the text up to the next tag.
    #[inline]
    pub(super) fn text(&mut self) -> Option<&'a [u8]> {
        let end = memchr(b'<', self.bytes)?;
        let (field, rest) = self.bytes.split_at(end);
        self.bytes = rest;
        Some(field)
    }

    /// Returns a value up to the quote that ends it.
    #[inline]
    pub(super) fn quoted(&mut self) -> Option<&'a [u8]> {
        self.until(b'"').filter(|value| memchr(b'<', value).is_none())
    }

    /// Returns the next attribute, ` key="value"`, if there is one.
    #[inline]
    pub(super) fn attribute(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        self.literal(b" ")?;
        let key = self.until(b'=')?;
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_');
        if !key.iter().all(plain) {
            return None;
        }
        self.literal(b"\"")?;
        Some((key, self.quoted()?))
    }

    /// Passes over `<name>text</name>` or `<name/>`.
    #[inline]
    pub(super) fn skip_element(&mut self, name: &[u8]) -> Option<()> {
        self.literal(b"<")?;
        self.literal(name)?;
        if self.take(b"/>") {
            return Some(());
        }
        self.literal(b">")?;
        self.text()?;
        self.literal(b"</")?;
        self.literal(name)?;
        self.literal(b">")
    }
}

/// Returns the text that a field stands for; `None` if it is for the real reader to say.
#[inline]
pub(super) fn field(raw: &[u8]) -> Option<Cow<'_, str>> {
    // One pass finds both: most fields have neither.
    let odd = raw.iter().any(|byte| *byte < 0x20 || *byte == b'&');
    let text = std::str::from_utf8(raw).ok()?;
    if !odd {
        return Some(Cow::Borrowed(text));
    }
    let resolved = quick_xml::escape::unescape(text).ok()?;
    (!raw.iter().chain(resolved.as_bytes()).any(|byte| *byte < 0x20)).then_some(resolved)
}

/// Returns a number as it is written by `createrepo_c`: digits alone.
#[inline]
pub(super) fn number(raw: &[u8]) -> Option<u64> {
    if raw.is_empty() || raw.len() > 19 {
        return None;
    }
    raw.iter().try_fold(0_u64, |sum, byte| {
        byte.is_ascii_digit().then(|| sum.wrapping_mul(10).wrapping_add(u64::from(byte - b'0')))
    })
}

/// Returns whether nothing in `piece` can hide elements: no comment, no CDATA, no processing instruction.
///
/// `!` and `?` are rare in metadata, so this runs at the speed of memory.
#[inline]
pub(super) fn hides_nothing(piece: &[u8]) -> bool {
    memchr2_iter(b'!', b'?', piece).all(|at| at == 0 || piece[at - 1] != b'<')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_what_xml_says_or_left_to_it() {
        assert_eq!(field(b"a &amp; b &#xE9;").unwrap(), "a & b é");
        assert_eq!(field("é".as_bytes()).unwrap(), "é");
        for other in [&b"a\nb"[..], b"a&#10;b", b"\xff", b"&nosuch;", b"a & b", b"\0"] {
            assert_eq!(field(other), None, "{other:?}");
        }
        assert_eq!(number(b"0123"), Some(123));
        for none in [&b""[..], b"-1", b"1 ", b"99999999999999999999"] {
            assert_eq!(number(none), None);
        }
    }

    #[test]
    fn a_cursor_passes_over_nothing_that_it_was_not_told() {
        let mut at = Cursor::new(b"<a>x</a><b/> k=\"v\" l=\"<\"");
        assert!(at.skip_element(b"a").is_some() && at.skip_element(b"b").is_some());
        assert_eq!(at.attribute(), Some((&b"k"[..], &b"v"[..])));
        assert_eq!(at.attribute(), None, "`<` in a value is no XML");
        assert!(Cursor::new(b"<a>x<!-- </a> --></a>").skip_element(b"a").is_none());
        assert!(!hides_nothing(b"<file>a</file><!-- x -->") && !hides_nothing(b"<?pi ?>"));
        assert!(hides_nothing(b"why? because! <file>"));
    }
}
