//! The built-in keys, users' files over them, and what is refused.

use super::*;
use crate::keys::KeyCode;

#[test]
fn the_built_in_keys_have_no_conflict_and_are_all_keys() {
    let keymap = Keymap::default();
    assert!(meaning(&keymap.keys).is_ok());
    assert!(!keymap.meaning.is_empty());
    for info in TABLE {
        for key in info.keys {
            assert!(key.parse::<Key>().is_ok(), "{key} of {}", info.id);
        }
        for layer in info.layers {
            assert_eq!(keymap.keys(*layer, info.action).len(), info.keys.len(), "{}", info.id);
        }
    }
}

#[test]
fn the_layer_of_the_screen_goes_before_the_global_one() {
    let keymap = Keymap::default();
    let l = Key::char('l');
    assert_eq!(keymap.action(&[Layer::Run, Layer::Global], l), Some(Action::OpenLog));
    assert_eq!(keymap.action(&[Layer::Status, Layer::Global], l), Some(Action::MoveRight));
    let layers = [Layer::Run, Layer::Global];
    assert_eq!(keymap.key_of(&layers, Action::MoveRight), Some(Key::plain(KeyCode::Right)));
}

#[test]
fn a_users_file_changes_what_it_names_and_nothing_else() {
    let keymap = Keymap::with_file("[run]\nretry = ['ctrl-t']\nskip = []\n").unwrap();
    let layers = [Layer::Run, Layer::Global];
    assert_eq!(keymap.action(&layers, Key::ctrl('t')), Some(Action::Retry));
    assert_eq!(keymap.action(&layers, Key::char('t')), None);
    assert_eq!(keymap.action(&layers, Key::char('x')), None);
    assert_eq!(keymap.action(&[Layer::Pane], Key::char('t')), Some(Action::Retry));
    assert_eq!(keymap.key_of(&layers, Action::Skip), None);
}

#[test]
fn errors_name_the_thing_and_the_nearest_right_one() {
    for (file, message) in [
        ("[runn]\n", "there is no layer `runn`; did you mean `run`?"),
        ("[run]\nrety = ['t']", "layer `run` has no action `rety`; did you mean `retry`?"),
        ("[status]\nretry = ['t']", "layer `status` has no action `retry`"),
        ("[run]\nretry = ['tt']", "[run] retry: `tt` is not a key"),
        ("[run]\nretry = ['x']", "[run] `x` is both retry and skip; give one of them another key"),
        ("[run]\nretry = ['ctrl-c']", "[run] retry: ctrl-c always leaves the console"),
        ("[run]\nretry = 't'", "invalid type"),
        ("[run", "TOML parse error"),
    ] {
        let problem = Keymap::with_file(file).unwrap_err().to_string();
        assert!(problem.contains(message), "{file:?}: {problem}");
    }
}

#[test]
fn ctrl_c_leaves_whatever_a_file_says() {
    let keymap = Keymap::with_file("[global]\nleave-now = []\n[text]\nleave-now = []\n").unwrap();
    for layer in Layer::ALL {
        assert_eq!(keymap.action(&[layer], Key::ctrl('c')), Some(Action::LeaveNow));
    }
}
