//! Turns the raw bytes of one log line into text that is safe to show, with its colours as data.
//!
//! What a terminal would have shown in the end is what counts: carriage returns and backspaces overwrite,
//! erasures erase, SGR colours are kept. Every other escape sequence is dropped whole, terminated or not,
//! and no control character ever comes out: a log can hold anything, and the engineer's terminal must not
//! obey it (design 12.4). Characters that reorder or hide text are replaced, for the same reason.
//!
//! A [`Drawing`] also knows what was printed, in its order, and which of its cells shows which part of that: what
//! must not be seen ([`super::redact`]) is found there, whatever colours and carriage returns lie in its middle.
//!
//! It is no terminal emulator: one line, no cursor addressing up or down, no screen.

use super::visible::{self, MOST_MARKS};
use std::ops::Range;
use unicode_width::UnicodeWidthChar as _;
use vte::{Params, Parser, Perform};

/// Bytes of a line that are looked at; readers cut lines far earlier.
const MAX_BYTES: usize = 64 * 1024;
/// Columns that a line can have, whatever cursor movements it holds.
const MAX_COLUMNS: usize = 16 * 1024;
const TAB: usize = 8;

/// A colour as the output named it; what it looks like is the theme's affair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InkColour {
    /// One of the 256 of the palette; 0 to 7 are the classic ones, 8 to 15 their bright forms.
    Indexed(u8),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

/// How a piece of text was meant to look (SGR, ECMA-48 8.3.117).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(clippy::struct_excessive_bools, reason = "six independent switches of the terminal, not a state")]
pub struct Ink {
    /// The text's colour, where it has one.
    pub fg: Option<InkColour>,
    /// The background's colour, where it has one.
    pub bg: Option<InkColour>,
    /// Bold.
    pub bold: bool,
    /// Faint.
    pub dim: bool,
    /// Italic.
    pub italic: bool,
    /// Underlined.
    pub underline: bool,
    /// Colours swapped.
    pub reverse: bool,
    /// Struck through.
    pub strike: bool,
}

/// A piece of a line in one ink, without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSpan {
    /// What to show.
    pub text: String,
    /// How it was meant to look.
    pub ink: Ink,
}

/// One line of a log, safe to show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogLine {
    /// The pieces, from left to right; neighbours differ in ink.
    pub spans: Vec<LogSpan>,
    /// The columns it takes.
    pub width: usize,
}

impl LogLine {
    /// Makes the line of a text that shows as it is ([`as_printed`]).
    pub fn plain(text: &str) -> Self {
        let span = LogSpan { text: text.to_owned(), ink: Ink::default() };
        Self { width: text.len(), spans: if text.is_empty() { Vec::new() } else { vec![span] } }
    }

    /// Returns the text alone.
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }
}

/// Renders the bytes of one line, with or without its line end.
pub fn render(raw: &[u8]) -> LogLine {
    draw(raw).into_line(&[], &[], "")
}

/// Returns the text of a line that holds nothing but printable ASCII: it shows as it is.
pub fn as_printed(raw: &[u8]) -> Option<&str> {
    let plain = raw.len() <= MAX_COLUMNS && raw.iter().all(|byte| (0x20..0x7f).contains(byte));
    std::str::from_utf8(raw).ok().filter(|_| plain)
}

/// Draws the bytes of one line, with or without its line end.
pub fn draw(raw: &[u8]) -> Drawing {
    let mut canvas = Canvas::default();
    Parser::new().advance(&mut canvas, &raw[..raw.len().min(MAX_BYTES)]);
    Drawing(canvas)
}

/// Renders the text of one line without colours and without blanks at its end.
pub fn plain(raw: &[u8]) -> String {
    let mut text = render(raw).text();
    text.truncate(text.trim_end().len());
    text
}

/// A line as it stands on the canvas, with what was printed on the way.
#[derive(Debug)]
pub struct Drawing(Canvas);

impl Drawing {
    /// Returns every character that was printed, in that order, with `\n` where a carriage return was.
    pub fn printed(&self) -> &str {
        &self.0.printed
    }

    /// Returns whether the line was written otherwise than once from left to right.
    pub fn overwrites(&self) -> bool {
        self.0.overwrites
    }

    /// Returns the text that shows.
    pub fn seen(&self) -> String {
        let mut text = String::with_capacity(self.0.cells.len());
        for cell in &self.0.cells {
            cell.write(&mut text);
        }
        text
    }

    /// Makes the line, with `instead` for the cells that show bytes of [`Self::printed`] within `hidden` or bytes of
    /// [`Self::seen`] within `seen`; both in order and apart from each other.
    pub fn into_line(self, hidden: &[Range<usize>], seen: &[Range<usize>], instead: &str) -> LogLine {
        let mut line = LogLine::default();
        let (mut at, mut hiding) = (0, false);
        for cell in &self.0.cells {
            if cell.first == '\0' {
                continue;
            }
            let hide = (cell.from.is_some_and(|from| holds(hidden, from as usize))) || holds(seen, at);
            at += cell.bytes();
            if !hide {
                line.push(cell.ink, |text| cell.write(text));
            } else if !hiding {
                line.push(cell.ink, |text| text.push_str(instead));
            }
            hiding = hide;
        }
        line
    }
}

fn holds(ranges: &[Range<usize>], place: usize) -> bool {
    let before = ranges.partition_point(|range| range.start <= place);
    before.checked_sub(1).and_then(|last| ranges.get(last)).is_some_and(|range| place < range.end)
}

impl LogLine {
    /// Writes at the end of the line.
    fn push(&mut self, ink: Ink, write: impl FnOnce(&mut String)) {
        if self.spans.last().is_none_or(|span| span.ink != ink) {
            self.spans.push(LogSpan { text: String::new(), ink });
        }
        if let Some(span) = self.spans.last_mut() {
            let before = span.text.len();
            write(&mut span.text);
            let written = span.text.get(before..).unwrap_or_default();
            self.width += written.chars().filter_map(char::width).sum::<usize>();
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    // NUL stands for the right half of a wide character.
    first: char,
    combining: [Option<char>; MOST_MARKS],
    ink: Ink,
    /// Where its character stands in what was printed; none for blanks that nobody printed.
    from: Option<u32>,
}

impl Cell {
    const fn new(first: char, ink: Ink) -> Self {
        Self { first, combining: [None; MOST_MARKS], ink, from: None }
    }

    fn write(&self, text: &mut String) {
        if self.first != '\0' {
            text.push(self.first);
            text.extend(self.combining.iter().flatten());
        }
    }

    fn bytes(&self) -> usize {
        self.first.len_utf8() + self.combining.iter().flatten().map(|mark| mark.len_utf8()).sum::<usize>()
    }
}

#[derive(Debug, Default)]
struct Canvas {
    cells: Vec<Cell>,
    column: usize,
    ink: Ink,
    printed: String,
    overwrites: bool,
}

impl Canvas {
    fn pad_to(&mut self, column: usize) {
        if self.cells.len() < column {
            self.cells.resize(column, Cell::new(' ', Ink::default()));
        }
    }

    fn put(&mut self, character: char, width: usize) {
        if self.column + width > MAX_COLUMNS {
            return;
        }
        self.pad_to(self.column + width);
        for column in self.column..self.column + width {
            self.clear_cell(column, self.ink);
        }
        self.cells[self.column].first = character;
        self.cells[self.column].from = u32::try_from(self.printed.len()).ok();
        if width == 2 {
            self.cells[self.column + 1].first = '\0';
        }
        self.column += width;
    }

    /// Blanks one cell, and the other half of a wide character that loses this one.
    fn clear_cell(&mut self, column: usize, ink: Ink) {
        if self.cells[column].first == '\0' && column > 0 {
            self.cells[column - 1] = Cell::new(' ', self.cells[column - 1].ink);
        }
        if let Some(next) = self.cells.get_mut(column + 1).filter(|next| next.first == '\0') {
            *next = Cell::new(' ', next.ink);
        }
        self.cells[column] = Cell::new(' ', ink);
    }

    fn combine(&mut self, mark: char) {
        let end = self.column.min(self.cells.len());
        let behind = self.cells[..end].iter_mut();
        let Some(base) = behind.rev().find(|cell| cell.first != '\0') else { return };
        if let Some(free) = base.combining.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(mark);
        }
    }

    fn erase(&mut self, mode: u16) {
        let end = self.cells.len();
        let range = match mode {
            0 => self.column.min(end)..end,
            1 => 0..(self.column + 1).min(end),
            2 => 0..end,
            _ => return,
        };
        if range.end == end {
            // A wide character that is cut in half disappears whole.
            if range.start < end && self.cells[range.start].first == '\0' && range.start > 0 {
                self.cells[range.start - 1] = Cell::new(' ', Ink::default());
            }
            self.cells.truncate(range.start);
        } else {
            range.for_each(|column| self.clear_cell(column, Ink::default()));
        }
    }
}

impl Perform for Canvas {
    fn print(&mut self, character: char) {
        let character = if visible::misleads(character) { char::REPLACEMENT_CHARACTER } else { character };
        let Some(width) = character.width().filter(|_| !visible::joins(character)) else { return };
        if width == 0 {
            self.combine(character);
        } else {
            self.put(character, width);
        }
        self.printed.push(character);
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\r' => {
                self.column = 0;
                self.overwrites = true;
                self.printed.push('\n');
            }
            0x08 => {
                self.column = self.column.saturating_sub(1);
                self.overwrites = true;
            }
            b'\t' => {
                // What stood below is blanked, other than on a terminal: GNU parallel's tags overwrite longer ones.
                let end = (self.column / TAB * TAB + TAB).min(MAX_COLUMNS);
                self.pad_to(end);
                (self.column..end).for_each(|column| self.clear_cell(column, Ink::default()));
                let from = u32::try_from(self.printed.len()).ok();
                self.cells[self.column..end].iter_mut().for_each(|cell| cell.from = from);
                self.column = end;
                self.printed.push('\t');
            }
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        if ignore || !intermediates.is_empty() {
            return;
        }
        let first = params.iter().next().and_then(|group| group.first()).copied().unwrap_or(0);
        let step = usize::from(first.max(1));
        self.overwrites |= action != 'm';
        match action {
            'm' => apply_sgr(&mut self.ink, params),
            'K' => self.erase(first),
            'G' => self.column = (step - 1).min(MAX_COLUMNS),
            'C' => self.column = (self.column + step).min(MAX_COLUMNS),
            'D' => self.column = self.column.saturating_sub(step),
            _ => {}
        }
    }
}

fn apply_sgr(ink: &mut Ink, params: &Params) {
    let mut groups = params.iter();
    while let Some(group) = groups.next() {
        let code = group.first().copied().unwrap_or(0);
        match code {
            0 => *ink = Ink::default(),
            1 => ink.bold = true,
            2 => ink.dim = true,
            3 => ink.italic = true,
            4 => ink.underline = group.get(1) != Some(&0),
            7 => ink.reverse = true,
            9 => ink.strike = true,
            22 => (ink.bold, ink.dim) = (false, false),
            23 => ink.italic = false,
            24 => ink.underline = false,
            27 => ink.reverse = false,
            29 => ink.strike = false,
            30..=37 => ink.fg = Some(InkColour::Indexed((code - 30) as u8)),
            40..=47 => ink.bg = Some(InkColour::Indexed((code - 40) as u8)),
            90..=97 => ink.fg = Some(InkColour::Indexed((code - 90 + 8) as u8)),
            100..=107 => ink.bg = Some(InkColour::Indexed((code - 100 + 8) as u8)),
            38 => ink.fg = extended(group, &mut groups).or(ink.fg),
            48 => ink.bg = extended(group, &mut groups).or(ink.bg),
            39 => ink.fg = None,
            49 => ink.bg = None,
            _ => {}
        }
    }
}

/// Reads the colour after 38 or 48, in both notations: `38;5;n` in groups, `38:2::r:g:b` within one.
fn extended<'a>(group: &[u16], groups: &mut impl Iterator<Item = &'a [u16]>) -> Option<InkColour> {
    if group.len() > 1 {
        return match group[1..] {
            [5, index] => Some(InkColour::Indexed(u8::try_from(index).ok()?)),
            [2, r, g, b] | [2, _, r, g, b] => rgb(r, g, b),
            _ => None,
        };
    }
    let mut next = || groups.next().and_then(|group| group.first()).copied();
    match next()? {
        5 => Some(InkColour::Indexed(u8::try_from(next()?).ok()?)),
        2 => rgb(next()?, next()?, next()?),
        _ => None,
    }
}

fn rgb(r: u16, g: u16, b: u16) -> Option<InkColour> {
    Some(InkColour::Rgb(u8::try_from(r).ok()?, u8::try_from(g).ok()?, u8::try_from(b).ok()?))
}

#[cfg(test)]
mod tests;
