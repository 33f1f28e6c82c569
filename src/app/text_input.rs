//! A line of text that is being typed: characters and a cursor, nothing else.
//!
//! Paste goes in only through [`TextInput::paste`], which the gate's phrase never calls.

use crate::keys::{Key, KeyCode};

/// The most characters that a field takes.
const LIMIT: usize = 400;

/// A line of text and the place in it where the next character goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextInput {
    text: String,
    /// In characters from the left.
    cursor: usize,
}

impl TextInput {
    /// Makes a field that holds `text`, the cursor behind it.
    pub fn holding(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.chars().count() }
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the place of the cursor, in characters from the left.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Empties it.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes a key: characters, backspace, delete, arrows, home, end, ctrl-a, ctrl-e, ctrl-u, ctrl-w, ctrl-k.
    /// Returns whether it was one that a field takes.
    pub fn press(&mut self, key: Key) -> bool {
        if let Some(character) = key.typed() {
            self.insert(character);
            return true;
        }
        match (key.code, key.ctrl) {
            (KeyCode::Backspace, _) | (KeyCode::Char('h'), true) => self.remove(self.cursor.wrapping_sub(1)),
            (KeyCode::Delete, _) | (KeyCode::Char('d'), true) => self.remove(self.cursor),
            (KeyCode::Left, _) | (KeyCode::Char('b'), true) => self.cursor = self.cursor.saturating_sub(1),
            (KeyCode::Right, _) | (KeyCode::Char('f'), true) => {
                self.cursor = (self.cursor + 1).min(self.length());
            }
            (KeyCode::Home, _) | (KeyCode::Char('a'), true) => self.cursor = 0,
            (KeyCode::End, _) | (KeyCode::Char('e'), true) => self.cursor = self.length(),
            (KeyCode::Char('u'), true) => self.keep(self.cursor, self.length()),
            (KeyCode::Char('k'), true) => self.keep(0, self.cursor),
            (KeyCode::Char('w'), true) => self.remove_word(),
            _ => return false,
        }
        true
    }

    /// Takes pasted text, without its control characters.
    pub fn paste(&mut self, pasted: &str) {
        for character in pasted.chars().filter(|character| !character.is_control()) {
            self.insert(character);
        }
    }

    fn length(&self) -> usize {
        self.text.chars().count()
    }

    fn insert(&mut self, character: char) {
        if self.length() >= LIMIT || character.is_control() {
            return;
        }
        let mut characters: Vec<char> = self.text.chars().collect();
        characters.insert(self.cursor.min(characters.len()), character);
        self.text = characters.into_iter().collect();
        self.cursor += 1;
    }

    fn remove(&mut self, at: usize) {
        if at >= self.length() {
            return;
        }
        self.text = self.text.chars().enumerate().filter(|(place, _)| *place != at).map(|(_, c)| c).collect();
        self.cursor = self.cursor.min(at);
    }

    /// Keeps the characters from `from` to before `to`, and the cursor at the same character.
    fn keep(&mut self, from: usize, to: usize) {
        self.text = self.text.chars().skip(from).take(to - from).collect();
        self.cursor = self.cursor.saturating_sub(from);
    }

    fn remove_word(&mut self) {
        let before: Vec<char> = self.text.chars().take(self.cursor).collect();
        let blank = before.iter().rev().take_while(|c| c.is_whitespace()).count();
        let word = before.iter().rev().skip(blank).take_while(|c| !c.is_whitespace()).count();
        let from = self.cursor - blank - word;
        let rest = self.text.chars().skip(self.cursor);
        self.text = before.iter().take(from).copied().chain(rest).collect();
        self.cursor = from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(field: &mut TextInput, text: &str) {
        for character in text.chars() {
            assert!(field.press(Key::char(character)));
        }
    }

    #[test]
    fn it_edits_where_the_cursor_stands() {
        let mut field = TextInput::default();
        typed(&mut field, "8.0 vetted");
        for _ in 0..7 {
            field.press(Key::plain(KeyCode::Left));
        }
        typed(&mut field, "1ä");
        field.press(Key::plain(KeyCode::Backspace));
        field.press(Key::plain(KeyCode::Home));
        field.press(Key::plain(KeyCode::Delete));
        assert_eq!((field.text(), field.cursor()), (".01 vetted", 0));
        field.press(Key::plain(KeyCode::Backspace));
        assert_eq!(field.text(), ".01 vetted");
    }

    #[test]
    fn words_and_lines_are_removed() {
        let mut field = TextInput::holding("because of the kernel ");
        field.press(Key::ctrl('w'));
        assert_eq!(field.text(), "because of the ");
        field.press(Key::plain(KeyCode::Left));
        field.press(Key::ctrl('k'));
        assert_eq!(field.text(), "because of the");
        field.press(Key::plain(KeyCode::Left));
        field.press(Key::ctrl('u'));
        assert_eq!((field.text(), field.cursor()), ("e", 0));
    }

    #[test]
    fn keys_of_others_are_left_to_them_and_control_characters_stay_out() {
        let mut field = TextInput::default();
        assert!(!field.press(Key::ctrl('c')));
        assert!(!field.press(Key::plain(KeyCode::Enter)));
        field.paste("a\nb\u{1b}[31mc");
        assert_eq!(field.text(), "ab[31mc");
    }
}
