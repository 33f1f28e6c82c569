//! A key as the keymap knows it, and how it is written: `ctrl-c`, `f1`, `space`, `pageup`, `G`.
//!
//! Case tells shifted letters apart, so shift is part of a key only in `shift-tab`, which terminals
//! send as a key of its own. Nothing here knows the terminal library.

use std::fmt::{self, Write as _};
use std::str::FromStr;

/// Which key, without modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyCode {
    /// A character, shifted where shift was held.
    Char(char),
    /// A function key, from 1.
    F(u8),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Shift and tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Insert.
    Insert,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
}

/// A key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Which key.
    pub code: KeyCode,
    /// Whether control was held.
    pub ctrl: bool,
    /// Whether alt was held.
    pub alt: bool,
}

/// The error of a text that names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a key (expected one character, or a name such as ctrl-c, f1, space, pageup)")]
pub struct InvalidKey(pub String);

/// The named keys, as they are written.
const NAMES: [(&str, KeyCode); 19] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("shift-tab", KeyCode::BackTab),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("space", KeyCode::Char(' ')),
    ("escape", KeyCode::Esc),
    ("return", KeyCode::Enter),
    ("backtab", KeyCode::BackTab),
];

impl Key {
    /// Makes a key without modifiers.
    pub const fn plain(code: KeyCode) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    /// Makes the key of a character.
    pub const fn char(character: char) -> Self {
        Self::plain(KeyCode::Char(character))
    }

    /// Makes a character's key with control held.
    pub const fn ctrl(character: char) -> Self {
        Self { code: KeyCode::Char(character), ctrl: true, alt: false }
    }

    /// Returns the character it types into a text field, if it types one.
    pub const fn typed(self) -> Option<char> {
        match self.code {
            KeyCode::Char(character) if !self.ctrl && !self.alt => Some(character),
            _ => None,
        }
    }
}

fn code(text: &str) -> Option<KeyCode> {
    let mut characters = text.chars();
    if let (Some(only), None) = (characters.next(), characters.next()) {
        return (!only.is_control() && only != ' ').then_some(KeyCode::Char(only));
    }
    let lower = text.to_ascii_lowercase();
    if let Some((_, code)) = NAMES.iter().find(|(name, _)| *name == lower) {
        return Some(*code);
    }
    let number: u8 = lower.strip_prefix('f')?.parse().ok()?;
    (1..=24).contains(&number).then_some(KeyCode::F(number))
}

impl FromStr for Key {
    type Err = InvalidKey;
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let mut key = Self::plain(KeyCode::Esc);
        let mut rest = text;
        while let Some((head, tail)) = rest.split_once('-').filter(|(_, tail)| !tail.is_empty()) {
            match head.to_ascii_lowercase().as_str() {
                "ctrl" if !key.ctrl => key.ctrl = true,
                "alt" if !key.alt => key.alt = true,
                _ => break,
            }
            rest = tail;
        }
        key.code = code(rest).ok_or_else(|| InvalidKey(text.to_owned()))?;
        // Terminals cannot tell ctrl-c from ctrl-C.
        if let (true, KeyCode::Char(character)) = (key.ctrl, key.code) {
            key.code = KeyCode::Char(character.to_ascii_lowercase());
        }
        Ok(key)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        if self.ctrl {
            text.push_str("ctrl-");
        }
        if self.alt {
            text.push_str("alt-");
        }
        match (self.code, NAMES.iter().find(|(_, code)| *code == self.code)) {
            (_, Some((name, _))) => text.push_str(name),
            (KeyCode::Char(character), None) => text.push(character),
            (KeyCode::F(number), None) => write!(text, "f{number}")?,
            (_, None) => {}
        }
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_they_are_read() {
        for text in ["a", "G", "-", "/", "?", ":", "ctrl-c", "alt-x", "ctrl-alt-f", "f1", "f12", "space"] {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
        }
        for (name, _) in &NAMES[..16] {
            assert_eq!(name.parse::<Key>().unwrap().to_string(), *name);
        }
        assert_eq!("Ctrl-C".parse::<Key>().unwrap(), Key::ctrl('c'));
        assert_eq!("PageUp".parse::<Key>().unwrap().code, KeyCode::PageUp);
        assert_eq!("ctrl--".parse::<Key>().unwrap(), Key::ctrl('-'));
    }

    #[test]
    fn what_names_no_key_is_refused() {
        for text in ["", "ab", "f0", "f25", "ctrl-", "super-x", "ctrl-ctrl-x", "\u{1b}", " ", "shift-a"] {
            assert!(text.parse::<Key>().is_err(), "{text:?}");
        }
    }
}
