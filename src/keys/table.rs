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
