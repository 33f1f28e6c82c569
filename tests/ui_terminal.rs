//! What is drawn bit by bit stands where it should on a terminal: whatever a log holds, frame after frame.
//!
//! The frames go through ratatui's own differences and crossterm's own sequences into a terminal (`vt100`); its cells
//! are compared with those that were meant.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::*;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use stagegate::app::Model;
use stagegate::app::model::{RunFocus, RunLayout};
use stagegate::domain::log_line::{LogLine, render};
use stagegate::sandbox::applet::zoo;
use stagegate::ui::fixtures::console;
use stagegate::ui::{self, Theme};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};

const SIZE: (u16, u16) = (80, 24);

/// A writer that two may hold.
#[derive(Debug, Clone, Default)]
struct Wire(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A console's screen and the terminal that it is drawn on.
struct Screen {
    model: Model,
    theme: Theme,
    terminal: Terminal<CrosstermBackend<Wire>>,
    wire: Wire,
    seen: vt100::Parser,
}

impl Screen {
    fn new() -> Self {
        let mut model = console::running();
        let open = model.run.as_mut().unwrap();
        open.layout = RunLayout::Large;
        open.focus = RunFocus::Pane(0);
        let wire = Wire::default();
        let viewport = Viewport::Fixed(Rect::new(0, 0, SIZE.0, SIZE.1));
        let backend = CrosstermBackend::new(wire.clone());
        let terminal = Terminal::with_options(backend, TerminalOptions { viewport }).unwrap();
        let cells = |count| NonZeroU16::new(count).unwrap();
        let seen = vt100::Parser::new(cells(SIZE.1), cells(SIZE.0), 0);
        Self { model, theme: Theme::shipped("dark").unwrap(), terminal, wire, seen }
    }

    /// Draws a frame with these lines in the log, and says what stands elsewhere than it should.
    fn draw(&mut self, lines: Vec<LogLine>, left: usize, wrap: bool) -> Result<(), String> {
        let open = self.model.run.as_mut().unwrap();
        let step = open.panes()[0].clone();
        let view = open.views.get_mut(&step).unwrap();
        view.offsets = (0..lines.len() as u64).collect();
        (view.lines, view.left, view.wrap, view.bytes) = (lines, left, wrap, 1000);
        let measures = ui::measure(&self.model);
        self.model.measures = measures;
        let (model, theme) = (&self.model, &self.theme);
        let meant = self.terminal.draw(|frame| ui::draw(frame, model, theme)).unwrap().buffer.clone();
        let bytes = std::mem::take(&mut *self.wire.0.lock().unwrap());
        // vt100 passes over U+FFFD, which a terminal shows.
        self.seen.process(String::from_utf8(bytes).unwrap().replace('\u{fffd}', "?").as_bytes());
        for y in 0..SIZE.1 {
            let mut x = 0;
            while x < SIZE.0 {
                let symbol = meant[(x, y)].symbol().replace('\u{fffd}', "?");
                let cell = self.seen.screen().cell(y, x).unwrap();
                let is = if cell.has_contents() { cell.contents() } else { " " };
                // vt100 keeps fewer marks in a cell than there may be.
                if is != symbol && !symbol.starts_with(is) {
                    return Err(format!("{x},{y}: {is:?} stands where {symbol:?} should"));
                }
                x += if cell.is_wide() { 2 } else { 1 };
            }
        }
        Ok(())
    }
}

fn frames(lines: &[Vec<u8>]) -> Result<(), String> {
    let mut screen = Screen::new();
    let drawn: Vec<LogLine> = lines.iter().map(|line| render(line)).collect();
    for from in 0..drawn.len() {
        screen.draw(drawn[from..].to_vec(), 0, false)?;
        screen.draw(drawn[from..].to_vec(), from % 7, false)?;
        screen.draw(drawn[from..].to_vec(), 0, true)?;
        screen.draw(drawn[..from].to_vec(), 1, false)?;
        screen.draw(Vec::new(), 0, false)?;
    }
    Ok(())
}

#[test]
fn the_zoo_stands_where_it_should() {
    let lines: Vec<Vec<u8>> = zoo::beasts().into_iter().map(|(_, beast)| beast).collect();
    for line in &lines {
        frames(&[line.clone(), b"plain".to_vec(), line.clone()])
            .unwrap_or_else(|problem| panic!("{problem}: {:?}", String::from_utf8_lossy(line)));
    }
    frames(&lines).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_text_stands_where_it_should(
        lines in proptest::collection::vec("(?s)(\\PC{0,60}|[a-c日本語👍\u{301}\u{200d}\u{fe0f}🇩🇪\u{5d0}\u{e33}\u{1100}\u{1161}\u{ff9e}]{0,60})", 1..6)
    ) {
        let raw: Vec<Vec<u8>> = lines.iter().map(|line| line.clone().into_bytes()).collect();
        prop_assert_eq!(frames(&raw), Ok(()));
    }

    #[test]
    fn any_bytes_stand_where_they_should(lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..4)) {
        prop_assert_eq!(frames(&lines), Ok(()));
    }
}
