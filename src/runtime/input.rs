//! What the terminal sends, as the core understands it.
//!
//! Key releases are dropped here, at the edge; what no keymap could name never gets further.

use crate::app::model::Size;
use crate::keys::{Key, KeyCode};
use crossterm::event::{Event, KeyCode as Code, KeyEvent, KeyEventKind, KeyModifiers};

/// Something from the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key.
    Key(Key),
    /// Pasted text.
    Paste(String),
    /// Another size.
    Resize(Size),
}

/// Translates an event; none for what means nothing to the console.
pub fn translate(event: Event) -> Option<Input> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => translate_key(key).map(Input::Key),
        Event::Paste(text) => Some(Input::Paste(text)),
        Event::Resize(columns, rows) => Some(Input::Resize(Size { columns, rows })),
        _ => None,
    }
}

fn translate_key(key: KeyEvent) -> Option<Key> {
    let code = match key.code {
        Code::Char(character) => KeyCode::Char(character),
        Code::F(number) => KeyCode::F(number),
        Code::Enter => KeyCode::Enter,
        Code::Esc => KeyCode::Esc,
        Code::Tab if key.modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
        Code::Tab => KeyCode::Tab,
        Code::BackTab => KeyCode::BackTab,
        Code::Backspace => KeyCode::Backspace,
        Code::Delete => KeyCode::Delete,
        Code::Insert => KeyCode::Insert,
        Code::Up => KeyCode::Up,
        Code::Down => KeyCode::Down,
        Code::Left => KeyCode::Left,
        Code::Right => KeyCode::Right,
        Code::Home => KeyCode::Home,
        Code::End => KeyCode::End,
        Code::PageUp => KeyCode::PageUp,
        Code::PageDown => KeyCode::PageDown,
        _ => return None,
    };
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    let code = match code {
        KeyCode::Char(character) if ctrl => KeyCode::Char(character.to_ascii_lowercase()),
        other => other,
    };
    Some(Key { code, ctrl, alt: key.modifiers.contains(KeyModifiers::ALT) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_dropped_and_shifted_letters_are_letters() {
        let mut key = KeyEvent::new(Code::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(translate(Event::Key(key)), Some(Input::Key(Key::char('G'))));
        key.kind = KeyEventKind::Release;
        assert_eq!(translate(Event::Key(key)), None);
        let back = KeyEvent::new(Code::BackTab, KeyModifiers::SHIFT);
        assert_eq!(translate(Event::Key(back)), Some(Input::Key(Key::plain(KeyCode::BackTab))));
        let ctrl = KeyEvent::new(Code::Char('X'), KeyModifiers::CONTROL | KeyModifiers::SHIFT);
        assert_eq!(translate(Event::Key(ctrl)), Some(Input::Key(Key::ctrl('x'))));
    }
}
