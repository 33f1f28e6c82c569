//! Rules of `ui` that the compiler cannot hold: colours in one file, keys in none, no way to the outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};

/// Returns every source file of `ui` but the fixtures, with its text without line comments.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![root.join("ui.rs")];
    let mut folders = vec![root.join("ui")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                files.push(path);
            }
        }
    }
    files.retain(|path| !path.to_string_lossy().contains("fixtures") && !path.ends_with("tests.rs"));
    assert!(files.len() > 20, "the sources were not found");
    let bare = |text: String| {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    };
    files.into_iter().map(|path| (path.clone(), bare(std::fs::read_to_string(path).unwrap()))).collect()
}

fn files_with(words: &[&str]) -> Vec<String> {
    let mut found: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| words.iter().any(|word| text.contains(word)))
        .map(|(path, _)| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    found.sort();
    found
}

#[test]
fn colours_are_named_in_the_theme_only() {
    assert_eq!(files_with(&["Color::", "Color,", "Stylize"]), ["theme.rs"]);
}

#[test]
fn no_screen_names_a_key() {
    // A key in a hint comes from the keymap, so that it is right after the user changed it.
    assert_eq!(
        files_with(&["\"enter\"", "\"esc\"", "\"ctrl-", "KeyCode", "Key::char", "crossterm"]),
        Vec::<String>::new()
    );
}

/// Whatever others wrote becomes a span in the pen, which makes it safe to show; logs come as safe spans of their own, and
/// the console's own log is made safe where it is written.
#[test]
fn text_becomes_a_span_in_the_pen_only() {
    assert_eq!(files_with(&["Span::styled("]), ["log.rs", "logpane.rs", "pen.rs"]);
    assert_eq!(
        files_with(&["Span::from(", "Line::raw(", "Line::styled(", "Text::raw(", "Paragraph"]),
        Vec::<String>::new()
    );
    assert_eq!(files_with(&["set_string", "set_symbol", "set_span", "set_line("]), ["pen.rs"]);
    for (path, text) in sources().into_iter().filter(|(path, _)| !path.ends_with("pen.rs")) {
        for (at, found) in text.match_indices("Span::raw(") {
            let constant = text[at + found.len()..].starts_with('"');
            assert!(constant, "{}: Span::raw with text that is no constant; take Pen::plain", path.display());
        }
    }
}

#[test]
fn the_view_reaches_nothing_outside() {
    let words = [
        "crate::journal",
        "crate::exec",
        "crate::supervisor",
        "crate::runtime",
        "crate::cli",
        "crate::vet",
        "std::fs",
        "std::io",
        "std::env",
        "std::process",
        "Timestamp::now",
        "SystemTime",
        "Instant",
        "tokio",
    ];
    assert_eq!(files_with(&words), Vec::<String>::new());
}

#[test]
fn every_screen_begins_with_a_sketch() {
    let screens = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ui/screens");
    let mut seen = 0;
    for entry in std::fs::read_dir(screens).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let text = std::fs::read_to_string(&path).unwrap();
            let doc: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
            assert!(doc.contains("```text"), "{} has no sketch", path.display());
            seen += 1;
        }
    }
    assert_eq!(seen, 6);
}
