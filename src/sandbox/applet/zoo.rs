//! `sandbox-zoo MEGABYTES`: prints everything that output can do to a terminal and to who reads secrets in it.
//!
//! Short beasts first, each behind its name, so that an engineer can look at what the console makes of them; then
//! the large ones: sequences and lines without an end, of so many megabytes each. What must never be obeyed spells
//! `stolen`; what must never be read is [`SECRETS`].

use super::{Call, complain};
use std::io::{self, BufWriter, Write};

/// The secrets that are planted, each by its shape; what a test looks for.
pub const SECRETS: &[&str] = &[
    "zooHunter2Hunter2",
    "Zm9vOmh1bnRlcjJ6b28x",
    "zooMIIEpAIBAAKCAQEA7bqZm9vYmFy",
    "zooPass7word",
    "zooAnswer9",
];

/// The short beasts: a name and the bytes.
pub fn beasts() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("clipboard", text("\x1b]52;c;c3RvbGVu\x07\x1b]52;p;c3RvbGVu\x1b\\ it was not taken")),
        (
            "title",
            text("\x1b]0;stolen title\x07\x1b]2;stolen title\x1b\\\x1bka title of screen\x1b\\ it stays"),
        ),
        ("link", text("\x1b]8;;https://stolen.example.org\x07a link\x1b]8;;\x07 leads nowhere")),
        ("strings", text("\x1bPstolen\x1b\\\x1b_stolen\x1b\\\x1b^stolen\x1b\\\x1bXstolen\x1b\\ all gone")),
        ("screen", text("\x1b[?1049l\x1b[2J\x1b[3J\x1b[1;1H\x1b[999B\x1b[5S\x1b[2Tit is where it was")),
        (
            "modes",
            text(
                "\x1b[?25h\x1b[?1000h\x1b[?2004l\x1b[4h\x1b[?7l\x1b[20h\x1b=\x1b(0\x1b)0\x0e\x0fas they were",
            ),
        ),
        ("answers", text("\x1b[c\x1b[>c\x1b[6n\x1b[?6n\x1b[21t\x1b[18t\x1bZ\x05\x1b]11;?\x07nobody answers")),
        ("reset", text("\x1bc\x1b[!p\x1b#8\x1b7\x1b8\x1bD\x1bM\x1bEit is not reset")),
        ("c1 raw", b"a\x9b31mb\x9d0;x\x9cc\x90d\x9ce\x85f".to_vec()),
        ("c1 in utf-8", text("a\u{9b}31mb\u{9d}0;x\u{9c}c\u{90}d\u{85}e")),
        (
            "not utf-8",
            b"\xff\xfe\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xaf\xed\xa0\x80\xf8\x88\x80\x80\x80 \xe6\x97".to_vec(),
        ),
        ("controls", b"nul\0 bel\x07 bs\x08 vt\x0b ff\x0c so\x0e del\x7f sub\x1a end".to_vec()),
        ("bidi", text("abc\u{202e}fed\u{202c} \u{2066}ghi\u{2069} \u{200f}jkl")),
        ("invisible", text("a\u{200b}b\u{200c}c\u{2060}d\u{feff}e\u{ad}f\u{e0041}g\u{3164}h")),
        ("tower", format!("e{} and f{}", "\u{301}".repeat(10_000), "\u{489}".repeat(100)).into_bytes()),
        ("wide", "日本語".repeat(60).into_bytes()),
        ("wide overwritten", text("日本語日本語\rab\x1b[6Gc\x1b[K")),
        (
            "emoji",
            text(
                "👨\u{200d}👩\u{200d}👧\u{200d}👦 🏳\u{fe0f}\u{200d}🌈 👍🏽 🇩🇪 1\u{fe0f}\u{20e3} ❤\u{fe0f} end",
            ),
        ),
        ("tabs", "a\tbb\tccc\t".repeat(40).into_bytes()),
        (
            "colours",
            text("\x1b[31;1mred\x1b[0m \x1b[38;2;1;2;3;48;5;208mboth\x1b[m \x1b[999;;;;38;5mnone\x1b[0m"),
        ),
        ("backwards", text("\x1b[99999999999C\x1b[65535D\x1b[99999999999Gx\x1b[1Gy")),
        ("overwritten", "0%\r".repeat(1000).into_bytes()),
        ("token", text("logged in with zooHunter2\x1b[1mHunter2\x1b[0m; TOKEN=zooHunter2Hunter2 again")),
        ("header", text("Authorization: Basic Zm9vOmh1bnRlcjJ6b28x")),
        ("login", text("https://koji:zooPass7word@hub/ and --password zooPass\x1b[0m7word")),
        ("echo", text("[sudo] password for releng: zooAnswer9")),
        (
            "key",
            text(
                "\r\n-----BEGIN RSA PRIVATE KEY-----\r\nzooMIIEpAIBAAKCAQEA7bqZm9vYmFy\r\n-----END RSA PRIVATE KEY-----",
            ),
        ),
    ]
}

/// What the large ones begin with, what fills them, and what ends the line.
const LARGE: [(&[u8], &[u8], &[u8]); 7] = [
    (b"a title without an end \x1b]0;", b"stolen ", b"\n"),
    (b"a string without an end \x1bP", b"stolen\x18 \x1bP", b"\n"),
    (b"numbers without an end \x1b[", b"1;2:3;", b"\n"),
    (b"", b"one line ", b"\n"),
    (b"", b"\r", b"overwritten\n"),
    (b"", b"\n", b""),
    (b"the last one has no end \x1b]52;c;", b"c3RvbGVu", b""),
];

/// Prints the zoo.
pub(super) fn run(call: &Call<'_>) -> io::Result<u8> {
    let Some(megabytes) = call.args.first().and_then(|text| text.parse::<usize>().ok()) else {
        return complain(2, "usage: sandbox-zoo MEGABYTES");
    };
    let mut out = BufWriter::with_capacity(256 * 1024, io::stdout().lock());
    // Line ends and the large ones come first: what is looked at stands at the end.
    for (begin, fill, end) in LARGE.iter().take(6) {
        large(&mut out, megabytes, begin, fill, end)?;
    }
    for (name, beast) in beasts() {
        write!(out, "zoo {name}: ")?;
        out.write_all(&beast)?;
        out.write_all(b"\x1b[0m\x1b\\\n")?;
    }
    let [.., (begin, fill, end)] = LARGE;
    large(&mut out, megabytes, begin, fill, end)?;
    out.write_all(b"\x07\x1b\\\nzoo closed\n")?;
    out.flush()?;
    Ok(0)
}

fn large(out: &mut impl Write, megabytes: usize, begin: &[u8], fill: &[u8], end: &[u8]) -> io::Result<()> {
    out.write_all(begin)?;
    let piece = fill.repeat(64 * 1024 / fill.len());
    // Of carriage returns and line ends, three million at the usual hundred megabytes are enough.
    let pieces = if fill.len() == 1 { megabytes / 2 } else { megabytes * 16 };
    for _ in 0..pieces {
        out.write_all(&piece)?;
    }
    out.write_all(end)
}
