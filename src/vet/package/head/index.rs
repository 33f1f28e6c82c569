//! Whether the index of a header is one that rpm reads: its own conditions (`hdrblobVerifyInfo` of `lib/header.c`).
//!
//! What rpm refuses to read is a broken package, whatever its signatures say.

use super::{Entry, number};

/// The lowest tag that may stand behind the region.
const LOWEST: u32 = 100;
/// The kinds of data by rpm's numbers: texts of several languages are the last.
const TEXT: u32 = 6;
const TEXTS: u32 = 8;
const LANGUAGES: u32 = 9;

/// Returns whether every entry behind the region leads to data that is there, in order and without overlap.
pub(super) fn is_sound(entries: impl Iterator<Item = Option<Entry>>, data: &[u8]) -> bool {
    let mut end = 0;
    for entry in entries {
        let Some(entry) = entry else { return false };
        let aligned = entry.offset.is_multiple_of(size(entry.kind));
        if entry.tag < LOWEST || entry.offset < end || !aligned {
            return false;
        }
        let Some(length) = length(entry, data).filter(|length| *length > 0) else { return false };
        end = entry.offset + length;
    }
    end <= data.len()
}

/// Returns how many bytes one item of a kind has: 1 of what is bytes or text.
fn size(kind: u32) -> usize {
    match kind {
        3 => 2,
        4 => 4,
        5 => 8,
        _ => 1,
    }
}

fn length(entry: Entry, data: &[u8]) -> Option<usize> {
    let rest = data.get(entry.offset..)?;
    let count = usize::try_from(entry.count).ok()?;
    match entry.kind {
        TEXT if count != 1 => None,
        TEXT | TEXTS | LANGUAGES => {
            let mut ends = memchr::memchr_iter(0, rest);
            ends.nth(count.checked_sub(1)?).map(|end| end + 1)
        }
        1..=5 | 7 => count.checked_mul(size(entry.kind)).filter(|length| *length <= rest.len()),
        _ => None,
    }
}

/// Returns how many entries the region has and where its data end, if the first entry leads to its trailer.
pub(super) fn region(first: Entry, tag: u32, data: &[u8]) -> Option<(usize, usize)> {
    const BINARY: u32 = 7;
    let size = super::ENTRY;
    if (first.tag, first.kind, first.count) != (tag, BINARY, size as u32) {
        return None;
    }
    let end = first.offset.checked_add(size)?;
    let trailer = data.get(first.offset..end)?;
    let back = i32::from_be_bytes(trailer.get(8..12)?.try_into().ok()?);
    let index = usize::try_from(back.checked_neg()?).ok()?;
    // rpm itself once wrote another tag into the trailer of signature headers, and reads it still.
    let told = number(trailer, 0)?;
    let is_trailer = told == tag || (tag == super::SIGNATURE.region && told == super::HEADER.region + 1);
    let is_whole = (number(trailer, 4)?, number(trailer, 12)?) == (BINARY, size as u32);
    (is_trailer && is_whole && index.is_multiple_of(size) && index >= size).then_some((index, end))
}
