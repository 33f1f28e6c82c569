//! The action table as text: what `stagegate keys` prints.

use super::action::{ActionInfo, Group, TABLE};
use super::keymap::Keymap;
use super::layer::Layer;
use std::fmt::Write as _;

/// Returns the whole table: by group, with the keys that count now, the layers and what each action does.
pub fn table_text(keymap: &Keymap) -> String {
    let mut out = String::new();
    let keys = |info: &ActionInfo, layer: Layer| {
        let keys: Vec<String> = keymap.keys(layer, info.action).iter().map(ToString::to_string).collect();
        if keys.is_empty() { "-".to_owned() } else { keys.join(" ") }
    };
    for group in Group::ALL {
        let _ = writeln!(out, "{}", group.title());
        for info in TABLE.iter().filter(|info| info.group == group) {
            let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
            for layer in info.layers {
                let keys = keys(info, *layer);
                match lines.iter_mut().find(|(bound, _)| *bound == keys) {
                    Some((_, layers)) => layers.push(layer.name()),
                    None => lines.push((keys, vec![layer.name()])),
                }
            }
            for (keys, layers) in lines {
                let acts = if info.mutates() { "acts" } else { "" };
                let layers = layers.join(", ");
                let _ = writeln!(
                    out,
                    "  {keys:<16} {:<18} {layers:<13} {acts:<4}  {}",
                    info.id, info.description
                );
            }
        }
        out.push('\n');
    }
    out.pop();
    out
}

/// Returns the table as a key file: every action of every layer with its default keys, to be changed and
/// saved as the user's own (`config/keys.toml` is this text).
pub fn file_text() -> String {
    let mut out = String::from(HEAD);
    for layer in Layer::ALL {
        let _ = write!(out, "\n[{layer}]\n");
        for info in TABLE.iter().filter(|info| info.layers.contains(&layer)) {
            let keys: Vec<String> = info.keys.iter().map(|key| format!("\"{key}\"")).collect();
            let line = format!("{} = [{}]", info.id, keys.join(", "));
            let acts = if info.mutates() { " (acts)" } else { "" };
            let _ = writeln!(out, "{line:<42} # {}{acts}", info.description);
        }
    }
    out
}

/// What a key file begins with.
const HEAD: &str = "\
# The keys of Stagegate's console, as they are built in.
#
# A file of your own, ~/.config/stagegate/keys.toml, needs to hold only what it changes: the layer, the
# action and all of its keys. An empty list takes an action's keys away. Keys are written as one character
# (upper case for shift) or by name: enter esc tab shift-tab space backspace delete insert up down left
# right home end pageup pagedown f1 to f24, with ctrl- or alt- in front. Within a layer a key means one
# thing; a layer of a screen goes before [global]. ctrl-c always leaves. Where a file has an error, the
# built-in keys count and a banner says what is wrong.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_is_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/keys.toml");
        if std::env::var_os("STAGEGATE_WRITE_KEYS").is_some() {
            std::fs::write(path, file_text()).unwrap();
        }
        let shipped = std::fs::read_to_string(path).unwrap();
        assert_eq!(shipped, file_text(), "write it anew with STAGEGATE_WRITE_KEYS=1");
        assert_eq!(Keymap::with_file(&shipped).unwrap(), Keymap::default());
    }

    #[test]
    fn the_table_names_every_action_with_its_keys() {
        let text = table_text(&Keymap::with_file("[status]\ntoggle-sync = ['S']\nundo-tick = []\n").unwrap());
        for info in TABLE {
            assert!(text.contains(info.description), "{}", info.id);
        }
        let line = |id: &str, layer: &str| {
            text.lines().find(|line| line.contains(id) && line.contains(layer)).unwrap().to_owned()
        };
        assert!(line("toggle-sync", "status").trim_start().starts_with("S "));
        assert!(line("toggle-sync", "plan").trim_start().starts_with("space s "));
        assert!(line("undo-tick", "status").trim_start().starts_with("- "));
    }
}
