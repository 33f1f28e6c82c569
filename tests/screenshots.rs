//! Pictures of every screen in both default themes, made from real frames: `screenshots/*.svg`.
//!
//! The README shows them, so they must be what the program draws now: a picture that differs fails the test.
//! `STAGEGATE_UPDATE_SCREENSHOTS=1 cargo test --test screenshots` draws them anew.
//!
//! A picture is a frame of [`stagegate::ui::draw`] on an 110x32 terminal, one rectangle for each run of a background and one
//! text for each run of a style, in the colours of a dark and of a light terminal.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use stagegate::app::Model;
use stagegate::app::model::{Confirm, GateFocus, Overlay, PlanFocus, RunFocus, RunLayout, Screen};
use stagegate::app::text_input::TextInput;
use stagegate::domain::live::Live;
use stagegate::ui::Theme;
use stagegate::ui::fixtures::{console, evidence, frame, run};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The size of a picture in cells.
const COLUMNS: u16 = 110;
const ROWS: u16 = 32;
/// The size of a cell, and the font in it, in pixels.
const CELL: (f32, f32) = (8.4, 18.0);
const FONT: f32 = 14.0;
const MARGIN: f32 = 12.0;

/// The colours of a terminal.
struct Terminal {
    background: &'static str,
    foreground: &'static str,
    sixteen: [&'static str; 16],
}

const DARK: Terminal = Terminal {
    background: "#16181d",
    foreground: "#d6d9e0",
    sixteen: [
        "#16181d", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#c8ccd4", "#5c6370",
        "#ff7a85", "#b5e890", "#ffd787", "#7cc4ff", "#e08cf5", "#70d7e4", "#ffffff",
    ],
};

const LIGHT: Terminal = Terminal {
    background: "#fdfdfb",
    foreground: "#24272e",
    sixteen: [
        "#24272e", "#b3261e", "#2e7d32", "#8d6708", "#1c5fb0", "#7b3fa0", "#00798a", "#7a7f89", "#5c6370",
        "#c62828", "#2e7d32", "#a26b00", "#1565c0", "#8e24aa", "#00838f", "#fdfdfb",
    ],
};

/// Every picture: its name and the state it shows.
fn scenes() -> Vec<(&'static str, Model)> {
    let mut lanes = console::running();
    if let Some(open) = lanes.run.as_mut() {
        open.layout = RunLayout::Lanes;
        open.focus = RunFocus::Pane(0);
    }
    let mut plan = console::ticked(Screen::Plan, &run::one_lane());
    plan.plan.focus = PlanFocus::Steps;
    let mut approving = console::at_gate(run::waiting(), Some(evidence::clean()));
    if let Some(gate) = approving.gate.as_mut() {
        gate.ticked = vec![true; 3];
        gate.focus = GateFocus::Phrase;
        gate.phrase = TextInput::holding("8.10 vetted");
    }
    let mut changes = console::at_gate(run::waiting(), Some(evidence::mixed()));
    if let Some(gate) = changes.gate.as_mut() {
        gate.go_to(GateFocus::Changes);
        gate.change = 3;
    }
    let mut help = console::answered(Screen::Status);
    help.overlays.push(Overlay::Help { first: 0, layers: console::answered(Screen::Status).layers() });
    let mut confirm = console::ticked(Screen::Plan, &run::two_lanes());
    let two = Arc::new(run::plan(&run::two_lanes()));
    confirm.overlays.push(Overlay::Confirm(Confirm::StartRun { plan: two, from: None }));
    vec![
        ("status", console::ticked(Screen::Status, &run::two_lanes())),
        ("plan", plan),
        ("confirm", confirm),
        ("run", console::running()),
        ("run-lanes", lanes),
        ("run-suspect", console::with_run(Screen::Run, run::suspect(), Live::default(), true)),
        ("run-prompt", console::with_run(Screen::Run, run::prompting(), run::prompting_live(), true)),
        ("gate-blocked", console::at_gate(run::waiting(), Some(evidence::mixed()))),
        ("gate-changes", changes),
        ("gate-approve", approving),
        ("publish", console::with_run(Screen::Run, run::publishing(), run::publishing_live(), true)),
        ("history", console::with_run(Screen::History, run::running(), run::running_live(), true)),
        ("log", console::answered(Screen::Log)),
        ("help", help),
    ]
}

#[test]
fn the_pictures_are_what_is_drawn_now() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots");
    let update = std::env::var_os("STAGEGATE_UPDATE_SCREENSHOTS").is_some();
    fill_the_log();
    let mut stale: Vec<PathBuf> = Vec::new();
    let mut known: Vec<PathBuf> = Vec::new();
    for (name, model) in scenes() {
        for (theme, terminal) in [("dark", &DARK), ("light", &LIGHT)] {
            let path = folder.join(format!("{name}-{theme}.svg"));
            let mut buffer = frame::buffer(&model, &Theme::shipped(theme).unwrap(), COLUMNS, ROWS);
            stop_the_clock(&mut buffer);
            let picture = svg(&buffer, terminal, &format!("Stagegate: {name}, {theme} theme"));
            if update {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&path, &picture).unwrap();
            }
            if std::fs::read_to_string(&path).ok().as_deref() != Some(picture.as_str()) {
                stale.push(path.clone());
            }
            known.push(path);
        }
    }
    assert!(
        stale.is_empty(),
        "not current, run with STAGEGATE_UPDATE_SCREENSHOTS=1 and look at them: {stale:?}"
    );
    let present = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let left_over: Vec<PathBuf> = present
        .filter(|path| path.extension().is_some_and(|end| end == "svg") && !known.contains(path))
        .collect();
    assert!(left_over.is_empty(), "no scene draws these any more: {left_over:?}");
}

/// Puts some records into the console's own log.
fn fill_the_log() {
    tui_logger::init_logger(log::LevelFilter::Info).unwrap();
    tui_logger::set_default_level(log::LevelFilter::Info);
    log::info!("catalog: built in, 3 releases, 7 repos");
    log::info!("looked at release 8 in 12 ms: 6 repos behind");
    log::info!("looked at release 9 in 14 ms");
    log::info!("looked at release 10 in 11 ms");
    log::warn!("mount production at /mnt/repos-production has not answered for 40 s");
    log::info!("run 20261122T180200Z-8-update: opened, its supervisor answers");
    log::info!("run 20261122T180200Z-8-update: this console has the helm");
    log::error!("theme solar, line 12: unknown field `fgg`; showing theme dark");
    tui_logger::move_events();
}

/// Replaces the times of the log's records, the only ones that come from a real clock.
fn stop_the_clock(buffer: &mut Buffer) {
    let width = buffer.area().width;
    for y in 0..buffer.area().height {
        let text: String = (1..9.min(width)).map(|x| buffer[(x, y)].symbol().to_owned()).collect();
        let is_time = text
            .chars()
            .enumerate()
            .all(|(place, c)| if place % 3 == 2 { c == ':' } else { c.is_ascii_digit() });
        if is_time && text.len() == 8 {
            for (x, c) in (1..9).zip("18:45:00".chars()) {
                buffer[(x, y)].set_char(c);
            }
        }
    }
}

/// Draws a frame as a picture.
fn svg(buffer: &Buffer, terminal: &Terminal, title: &str) -> String {
    let area = buffer.area();
    let (width, height) = (f32::from(area.width) * CELL.0, f32::from(area.height) * CELL.1);
    let (all_width, all_height) = (width + 2.0 * MARGIN, height + 2.0 * MARGIN);
    let mut out = String::new();
    let _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {all_width:.1} {all_height:.1}" width="{all_width:.0}" height="{all_height:.0}" role="img" aria-label="{title}">"#
    );
    let _ = writeln!(
        out,
        r#"<style>text{{font:{FONT}px "DejaVu Sans Mono","Liberation Mono",Menlo,Consolas,monospace;white-space:pre}}.b{{font-weight:bold}}.i{{font-style:italic}}</style>"#
    );
    let _ = writeln!(out, r#"<rect width="100%" height="100%" rx="8" fill="{}"/>"#, terminal.background);
    for y in 0..area.height {
        let row: Vec<&Cell> = (0..area.width).map(|x| &buffer[(x, y)]).collect();
        for run in runs(&row, |cell| background(cell, terminal)) {
            let colour = background(row[run.start], terminal);
            if colour != terminal.background {
                rectangle(&mut out, run.start, y, run.len(), &colour);
            }
        }
        let kind = |cell: &Cell| match cell.symbol() {
            stroke @ ("─" | "━" | "│" | "▌" | "╭" | "╮" | "╰" | "╯") => stroke.to_owned(),
            other => other.trim().is_empty().to_string(),
        };
        for run in runs(&row, |cell| (foreground(cell, terminal), cell.modifier, kind(cell))) {
            words(&mut out, &row[run.clone()], run.start, y, terminal);
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Cuts a row into runs of cells that are alike.
fn runs<K: PartialEq>(row: &[&Cell], key: impl Fn(&Cell) -> K) -> Vec<std::ops::Range<usize>> {
    let mut out = Vec::new();
    let mut start = 0;
    for end in 1..=row.len() {
        if end == row.len() || key(row[end]) != key(row[start]) {
            out.push(start..end);
            start = end;
        }
    }
    out
}

fn place(x: usize, y: u16) -> (f32, f32) {
    (MARGIN + x as f32 * CELL.0, MARGIN + f32::from(y) * CELL.1)
}

fn rectangle(out: &mut String, x: usize, y: u16, cells: usize, colour: &str) {
    let (left, top) = place(x, y);
    let width = cells as f32 * CELL.0;
    let _ = writeln!(
        out,
        r#"<rect x="{left:.1}" y="{top:.1}" width="{width:.1}" height="{:.1}" fill="{colour}"/>"#,
        CELL.1
    );
}

fn words(out: &mut String, cells: &[&Cell], x: usize, y: u16, terminal: &Terminal) {
    let text: String = cells.iter().map(|cell| cell.symbol()).collect();
    let first = cells[0];
    let underlined = first.modifier.contains(Modifier::UNDERLINED);
    if text.trim().is_empty() && !underlined {
        return;
    }
    let (left, top) = place(x, y);
    let colour = foreground(first, terminal);
    if underlined {
        let (line, width) = (top + CELL.1 - 2.5, cells.len() as f32 * CELL.0);
        let _ = writeln!(
            out,
            r#"<rect x="{left:.1}" y="{line:.1}" width="{width:.1}" height="1.2" fill="{colour}"/>"#
        );
    }
    if drawn_as_strokes(out, cells, (left, top), &colour) {
        return;
    }
    let mut class = Vec::new();
    if first.modifier.contains(Modifier::BOLD) {
        class.push("b");
    }
    if first.modifier.contains(Modifier::ITALIC) {
        class.push("i");
    }
    let class = if class.is_empty() { String::new() } else { format!(r#" class="{}""#, class.join(" ")) };
    let opacity = if first.modifier.contains(Modifier::DIM) { r#" opacity="0.6""# } else { "" };
    // One place a column: no font's own widths can push columns out of line.
    let places: Vec<String> =
        (0..cells.len()).map(|cell| format!("{:.1}", left + cell as f32 * CELL.0)).collect();
    let base = top + CELL.1 * 0.74;
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(
        out,
        r#"<text x="{}" y="{base:.1}" fill="{colour}"{class}{opacity}>{text}</text>"#,
        places.join(" ")
    );
}

/// Draws rules as rectangles, so that they join as they do in a terminal; returns whether these cells are a rule.
fn drawn_as_strokes(out: &mut String, cells: &[&Cell], (left, top): (f32, f32), colour: &str) -> bool {
    let symbol = cells[0].symbol();
    if let Some(path) = corner(symbol, left, top).filter(|_| cells.len() == 1) {
        let _ = writeln!(out, r#"<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.2"/>"#);
        return true;
    }
    if !cells.iter().all(|cell| cell.symbol() == symbol) {
        return false;
    }
    let width = cells.len() as f32 * CELL.0;
    let (x, y, width, height) = match symbol {
        "─" => (left, top + CELL.1 / 2.0 - 0.6, width, 1.2),
        "━" => (left, top + CELL.1 / 2.0 - 1.3, width, 2.6),
        "│" if cells.len() == 1 => (left + CELL.0 / 2.0 - 0.6, top, 1.2, CELL.1),
        "▌" if cells.len() == 1 => (left, top, CELL.0 / 2.0, CELL.1),
        _ => return false,
    };
    let _ = writeln!(
        out,
        r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{colour}"/>"#
    );
    true
}

/// Returns the way of a rounded corner through its cell.
fn corner(symbol: &str, left: f32, top: f32) -> Option<String> {
    let (middle, centre) = (left + CELL.0 / 2.0, top + CELL.1 / 2.0);
    let (right, bottom) = (left + CELL.0, top + CELL.1);
    let (side, end) = match symbol {
        "╭" => (right, bottom),
        "╮" => (left, bottom),
        "╰" => (right, top),
        "╯" => (left, top),
        _ => return None,
    };
    Some(format!("M{side:.1} {centre:.1}Q{middle:.1} {centre:.1} {middle:.1} {end:.1}"))
}

fn foreground(cell: &Cell, terminal: &Terminal) -> String {
    let (fg, bg) = (hex(cell.fg, terminal, terminal.foreground), hex(cell.bg, terminal, terminal.background));
    if cell.modifier.contains(Modifier::REVERSED) { bg } else { fg }
}

fn background(cell: &Cell, terminal: &Terminal) -> String {
    let (fg, bg) = (hex(cell.fg, terminal, terminal.foreground), hex(cell.bg, terminal, terminal.background));
    if cell.modifier.contains(Modifier::REVERSED) { fg } else { bg }
}

/// Returns a colour as the terminal would show it; the 240 behind the sixteen are xterm's.
fn hex(colour: Color, terminal: &Terminal, own: &str) -> String {
    let index = match colour {
        Color::Reset => return own.to_owned(),
        Color::Rgb(red, green, blue) => return format!("#{red:02x}{green:02x}{blue:02x}"),
        Color::Indexed(index) => index,
        named => {
            const NAMED: [Color; 16] = [
                Color::Black,
                Color::Red,
                Color::Green,
                Color::Yellow,
                Color::Blue,
                Color::Magenta,
                Color::Cyan,
                Color::Gray,
                Color::DarkGray,
                Color::LightRed,
                Color::LightGreen,
                Color::LightYellow,
                Color::LightBlue,
                Color::LightMagenta,
                Color::LightCyan,
                Color::White,
            ];
            NAMED.iter().position(|known| *known == named).unwrap_or(7) as u8
        }
    };
    match index {
        0..16 => terminal.sixteen[usize::from(index)].to_owned(),
        16..232 => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            let cube = index - 16;
            format!("#{:02x}{:02x}{:02x}", level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        _ => {
            let grey = 8 + 10 * (index - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    }
}
