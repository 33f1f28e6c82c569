//! Turns the raw bytes of one log line into text that is safe to show, with its colours as data.
//!
//! What a terminal would have shown in the end is what counts: carriage returns and backspaces overwrite,
//! erasures erase, SGR colours are kept. Every other escape sequence is dropped whole, terminated or not,
//! and no control character ever comes out: a log can hold anything, and the engineer's terminal must not
//! obey it (design 12.4). Characters that reorder or hide text are replaced, for the same reason.
//!
//! It is no terminal emulator: one line, no cursor addressing up or down, no screen.

use unicode_width::UnicodeWidthChar as _;
use vte::{Params, Parser, Perform};

/// Bytes of a line that are looked at; readers cut lines far earlier.
const MAX_BYTES: usize = 64 * 1024;
/// Columns that a line can have, whatever cursor movements it holds.
const MAX_COLUMNS: usize = 16 * 1024;
/// Combining characters that one cell keeps.
const MAX_COMBINING: usize = 4;
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
    /// Returns the text alone.
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }
}

/// Renders the bytes of one line, with or without its line end.
pub fn render(raw: &[u8]) -> LogLine {
    let mut canvas = Canvas::default();
    Parser::new().advance(&mut canvas, &raw[..raw.len().min(MAX_BYTES)]);
    canvas.into_line()
}

/// Renders the text of one line without colours and without blanks at its end.
pub fn plain(raw: &[u8]) -> String {
    let mut text = render(raw).text();
    text.truncate(text.trim_end().len());
    text
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    // NUL stands for the right half of a wide character.
    first: char,
    combining: [Option<char>; MAX_COMBINING],
    ink: Ink,
}

impl Cell {
    const fn new(first: char, ink: Ink) -> Self {
        Self { first, combining: [None; MAX_COMBINING], ink }
    }
}

#[derive(Default)]
struct Canvas {
    cells: Vec<Cell>,
    column: usize,
    ink: Ink,
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

    fn into_line(self) -> LogLine {
        let width = self.cells.len();
        let mut spans: Vec<LogSpan> = Vec::new();
        for cell in self.cells.iter().filter(|cell| cell.first != '\0') {
            let same_ink = spans.last().is_some_and(|span| span.ink == cell.ink);
            if !same_ink {
                spans.push(LogSpan { text: String::new(), ink: cell.ink });
            }
            if let Some(span) = spans.last_mut() {
                span.text.push(cell.first);
                span.text.extend(cell.combining.iter().flatten());
            }
        }
        LogLine { spans, width }
    }
}

/// Tells whether a character could reorder, hide or break text (Unicode UAX 9, and the line separators).
fn misleads(character: char) -> bool {
    matches!(character,
        '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

impl Perform for Canvas {
    fn print(&mut self, character: char) {
        let character = if misleads(character) { char::REPLACEMENT_CHARACTER } else { character };
        match character.width() {
            None => {} // a control character
            Some(0) => self.combine(character),
            Some(width) => self.put(character, width),
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\r' => self.column = 0,
            0x08 => self.column = self.column.saturating_sub(1),
            b'\t' => {
                // What stood below is blanked, other than on a terminal: GNU parallel's tags overwrite longer ones.
                let end = (self.column / TAB * TAB + TAB).min(MAX_COLUMNS);
                self.pad_to(end);
                (self.column..end).for_each(|column| self.clear_cell(column, Ink::default()));
                self.column = end;
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
