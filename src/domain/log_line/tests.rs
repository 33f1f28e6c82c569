//! Table and property tests of the line renderer.

use super::*;
use proptest::prelude::*;

#[test]
fn the_last_thing_shown_wins() {
    for (raw, shown) in [
        (&b"plain\n"[..], "plain"),
        (b"plain\r\n", "plain"),
        (b"  1%\r 50%\r100% (xfr#1)\r\n", "100% (xfr#1)"),
        (b"long text\rshort", "shorttext"),
        (b"long text\r\x1b[Kshort", "short"),
        (b"abc\x08\x08X", "aXc"),
        (b"a\tb", "a       b"),
        (b"BaseOS/x86_64\r\rab\tb", "ab      b6_64"),
        (b"abc\x1b[2Kd", "   d"),
        (b"abcdef\x1b[3D\x1b[K", "abc"),
        (b"abc\x1b[10Gx", "abc      x"),
        (b"\x1b]0;title\x07text", "text"),
        (b"\x1b]52;c;cm0gLXJmIC8=\x1b\\text", "text"),
        (b"\x1bPq#0;2;0\x1b\\text", "text"),
        (b"\x1b_apc\x1b\\text", "text"),
        (b"\x1b[?1049h\x1b[2J\x1b[8;8Htext", "text"),
        (b"\x1b(0lqk\x1b(B", "lqk"),
        (b"text\x1b]52;c;never ended", "text"),
        (b"text\x1b[31", "text"),
        (b"bad \xff utf", "bad \u{fffd} utf"),
        ("c1 \u{9b}31m".as_bytes(), "c1 31m"),
        (b"c1 raw \x9b31m", "c1 raw 31m"),
        ("e\u{301}".as_bytes(), "e\u{301}"),
        ("evil \u{202e}txt".as_bytes(), "evil \u{fffd}txt"),
        (b"del\x7f nul\0 bel\x07", "del nul bel"),
    ] {
        assert_eq!(render(raw).text(), shown, "{:?}", String::from_utf8_lossy(raw));
    }
}

#[test]
fn a_c1_csi_in_utf8_colours_nothing() {
    let line = render("c1 \u{9b}31m".as_bytes());
    assert!(line.spans.iter().all(|span| span.ink == Ink::default()));
}

#[test]
fn wide_characters_take_two_columns_and_are_overwritten_whole() {
    assert_eq!(render("日本".as_bytes()).width, 4);
    assert_eq!(render("日本\rx".as_bytes()).text(), "x 本");
    assert_eq!(render("日本\x1b[2Gx".as_bytes()).text(), " x本");
    assert_eq!(render("日本\x1b[2G\x1b[K".as_bytes()).text(), " ");
}

#[test]
fn colours_are_kept_as_data() {
    let ink_of = |raw: &[u8]| render(raw).spans[0].ink;
    let fg = |colour| Ink { fg: Some(colour), ..Ink::default() };
    assert_eq!(ink_of(b"\x1b[0;32mok\x1b[0m"), fg(InkColour::Indexed(2)));
    assert_eq!(ink_of(b"\x1b[95mx"), fg(InkColour::Indexed(13)));
    assert_eq!(ink_of(b"\x1b[38;5;208mx"), fg(InkColour::Indexed(208)));
    assert_eq!(ink_of(b"\x1b[38:5:208mx"), fg(InkColour::Indexed(208)));
    assert_eq!(ink_of(b"\x1b[38;2;1;2;3mx"), fg(InkColour::Rgb(1, 2, 3)));
    assert_eq!(ink_of(b"\x1b[38:2::1:2:3mx"), fg(InkColour::Rgb(1, 2, 3)));
    assert_eq!(ink_of(b"\x1b[38;2;999;2;3mx"), Ink::default());
    assert_eq!(ink_of(b"\x1b[1;31mx"), Ink { bold: true, ..fg(InkColour::Indexed(1)) });
    assert_eq!(ink_of(b"\x1b[31m\x1b[mx"), Ink::default());
}

#[test]
fn neighbours_of_one_ink_are_one_span() {
    let line = render(b"\x1b[31mfa\x1b[31mtal\x1b[0m: [sec01]");
    let texts: Vec<&str> = line.spans.iter().map(|span| span.text.as_str()).collect();
    assert_eq!(texts, ["fatal", ": [sec01]"]);
    assert_eq!(line.width, 14);
}

#[test]
fn cursor_movement_cannot_ask_for_memory() {
    let raw = b"\x1b[65535Cx".repeat(1000);
    assert!(render(&raw).width <= MAX_COLUMNS);
    assert!(render(&b"\t".repeat(60_000)).width <= MAX_COLUMNS);
}

proptest! {
    #[test]
    fn nothing_of_a_control_comes_out(raw in proptest::collection::vec(any::<u8>(), 0..600)) {
        check(&raw)?;
    }

    #[test]
    fn nothing_of_an_escape_sequence_comes_out(
        raw in proptest::collection::vec(
            prop_oneof![
                Just("\x1b[".to_owned()), Just("\x1b]52;c;".to_owned()), Just("\x1bP".to_owned()), Just("\x07".to_owned()),
                Just("\u{9b}".to_owned()), Just("\x1b\\".to_owned()), Just("\r".to_owned()), Just("\t".to_owned()),
                Just("\x08".to_owned()), Just("日".to_owned()), Just("\u{301}".to_owned()), "[0-9;:]{0,6}[a-zA-Z]", ".*",
            ], 0..40)
    ) {
        check(raw.concat().as_bytes())?;
    }
}

/// Returns the first row of a terminal of 400 columns to which `raw` was written.
fn on_a_terminal(raw: &str) -> String {
    let cells = |count| std::num::NonZeroU16::new(count).unwrap();
    let mut parser = vt100::Parser::new(cells(2), cells(400), 0);
    parser.process(raw.as_bytes());
    parser.screen().rows(0, 400).next().unwrap_or_default().trim_end().to_owned()
}

/// What one line is made of that does not leave it, in ASCII.
fn strokes() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-z0-9 ]{1,9}",
        2 => Just("\r".to_owned()),
        2 => Just("\x08".to_owned()),
        1 => "\x1b\\[[012]?K",
        1 => "\x1b\\[[0-9]{0,2}[CDG]",
        1 => "\x1b\\[[0-9;]{0,6}m",
        1 => Just("\x1b]0;title\x07".to_owned()),
        1 => Just("\x1bPdevice\x1b\\".to_owned()),
    ]
}

proptest! {
    #[test]
    fn a_line_is_what_a_terminal_would_show(strokes in proptest::collection::vec(strokes(), 0..30)) {
        let raw = strokes.concat();
        prop_assert_eq!(plain(raw.as_bytes()), on_a_terminal(&raw), "{:?}", raw);
    }

    #[test]
    fn wide_characters_are_overwritten_as_a_terminal_does(
        strokes in proptest::collection::vec(prop_oneof!["[a-z日本語]{1,6}", Just("\r".to_owned()), "\x1b\\[[1-9]G"], 0..20)
    ) {
        let raw = strokes.concat();
        prop_assert_eq!(plain(raw.as_bytes()), on_a_terminal(&raw), "{:?}", raw);
    }
}

fn check(raw: &[u8]) -> Result<(), TestCaseError> {
    let line = render(raw);
    let text = line.text();
    prop_assert!(text.chars().all(|c| !c.is_control() && !crate::domain::visible::misleads(c)), "{:?}", text);
    let width: usize = text.chars().filter_map(unicode_width::UnicodeWidthChar::width).sum();
    prop_assert_eq!(width, line.width);
    Ok(())
}

proptest! {
    #[test]
    fn what_is_printed_as_it_is_shows_as_it_is(raw in "[ -~]{0,300}") {
        prop_assert_eq!(as_printed(raw.as_bytes()), Some(raw.as_str()));
        prop_assert_eq!(LogLine::plain(&raw), render(raw.as_bytes()));
    }
}

#[test]
fn what_does_not_show_as_it_is_is_drawn() {
    let long = vec![b'x'; MAX_COLUMNS + 1];
    for raw in [&b"a\tb"[..], b"a\r", b"\x1b[1m", "\u{e9}".as_bytes(), b"\x7f", b"\xff", &long] {
        assert_eq!(as_printed(raw), None);
    }
}
