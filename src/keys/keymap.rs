//! The keymap: which key means what in which layer.
//!
//! Made from the action table and, where there is one, the user's own file, which names the layer, the
//! action and all of its keys: `[status]` / `toggle-sync = ["space", "s"]`; an empty list unbinds. A bad
//! file changes nothing and is told on a banner; ctrl-c always leaves.

use super::action::{Action, TABLE};
use super::key::Key;
use super::layer::Layer;
use std::collections::BTreeMap;

/// What is wrong with a key file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeymapProblem {
    /// It is not the TOML that is expected.
    #[error("{0}")]
    Syntax(String),
    /// No such layer.
    #[error("there is no layer `{layer}`{}", nearest(.near.as_deref()))]
    UnknownLayer {
        /// What stands there.
        layer: String,
        /// The nearest right name.
        near: Option<String>,
    },
    /// No such action in that layer.
    #[error("layer `{layer}` has no action `{action}`{}", nearest(.near.as_deref()))]
    UnknownAction {
        /// The layer.
        layer: Layer,
        /// What stands there.
        action: String,
        /// The nearest right name.
        near: Option<String>,
    },
    /// No such key.
    #[error("[{layer}] {action}: {problem}")]
    UnknownKey {
        /// The layer.
        layer: Layer,
        /// The action.
        action: String,
        /// What is wrong with it.
        problem: super::key::InvalidKey,
    },
    /// Two actions of a layer have the same key.
    #[error("[{layer}] `{key}` is both {first} and {second}; give one of them another key")]
    Conflict {
        /// The layer.
        layer: Layer,
        /// The key.
        key: Key,
        /// One action.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A key that always leaves was bound to something else.
    #[error("[{layer}] {action}: ctrl-c always leaves the console and cannot be bound")]
    Reserved {
        /// The layer.
        layer: Layer,
        /// The action.
        action: String,
    },
}

fn nearest(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// Which key means what in which layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    keys: BTreeMap<(Layer, Action), Vec<Key>>,
    meaning: BTreeMap<(Layer, Key), Action>,
}

impl Default for Keymap {
    fn default() -> Self {
        let mut keys = BTreeMap::new();
        for info in TABLE {
            let bound: Vec<Key> = info.keys.iter().filter_map(|key| key.parse().ok()).collect();
            for layer in info.layers {
                keys.insert((*layer, info.action), bound.clone());
            }
        }
        let meaning = meaning(&keys).unwrap_or_default();
        Self { keys, meaning }
    }
}

fn meaning(
    keys: &BTreeMap<(Layer, Action), Vec<Key>>,
) -> Result<BTreeMap<(Layer, Key), Action>, KeymapProblem> {
    let mut meaning = BTreeMap::new();
    for ((layer, action), bound) in keys {
        for key in bound {
            if let Some(other) = meaning.insert((*layer, *key), *action).filter(|other| other != action) {
                return Err(KeymapProblem::Conflict {
                    layer: *layer,
                    key: *key,
                    first: other.info().id,
                    second: action.info().id,
                });
            }
        }
    }
    Ok(meaning)
}

impl Keymap {
    /// Makes the keymap from the table and a user's file; its text, not its path.
    pub fn with_file(text: &str) -> Result<Self, KeymapProblem> {
        let file: BTreeMap<String, BTreeMap<String, Vec<String>>> =
            toml::from_str(text).map_err(|error| KeymapProblem::Syntax(error.to_string()))?;
        let mut keys = Self::default().keys;
        for (layer_name, actions) in &file {
            let layer = Layer::named(layer_name).ok_or_else(|| KeymapProblem::UnknownLayer {
                layer: layer_name.clone(),
                near: near(layer_name, Layer::ALL.iter().map(|layer| layer.name())),
            })?;
            for (id, bound) in actions {
                let (action, bound) = entry(layer, id, bound)?;
                keys.insert((layer, action), bound);
            }
        }
        let meaning = meaning(&keys)?;
        Ok(Self { keys, meaning })
    }

    /// Returns what `key` means where `layers` count, the first first.
    pub fn action(&self, layers: &[Layer], key: Key) -> Option<Action> {
        if key == Key::ctrl('c') {
            return Some(Action::LeaveNow);
        }
        layers.iter().find_map(|layer| self.meaning.get(&(*layer, key)).copied())
    }

    /// Returns the keys of an action in a layer.
    pub fn keys(&self, layer: Layer, action: Action) -> &[Key] {
        self.keys.get(&(layer, action)).map_or(&[], Vec::as_slice)
    }

    /// Returns the first key under which an action is reached where `layers` count, if it has one that no earlier layer takes.
    pub fn key_of(&self, layers: &[Layer], action: Action) -> Option<Key> {
        layers
            .iter()
            .flat_map(|layer| self.keys(*layer, action))
            .copied()
            .find(|key| self.action(layers, *key) == Some(action))
    }

    /// Returns every action of the layers, in the order of the table, with those of earlier layers first.
    pub fn actions(&self, layers: &[Layer]) -> Vec<Action> {
        let mut out = Vec::new();
        for layer in layers {
            for info in TABLE.iter().filter(|info| info.layers.contains(layer)) {
                if !out.contains(&info.action) {
                    out.push(info.action);
                }
            }
        }
        out
    }
}

fn entry(layer: Layer, id: &str, bound: &[String]) -> Result<(Action, Vec<Key>), KeymapProblem> {
    let action = Action::named(id).filter(|action| action.info().layers.contains(&layer));
    let action = action.ok_or_else(|| {
        let known = TABLE.iter().filter(|info| info.layers.contains(&layer)).map(|info| info.id);
        KeymapProblem::UnknownAction { layer, action: id.to_owned(), near: near(id, known) }
    })?;
    let mut keys = Vec::new();
    for text in bound {
        let key: Key = text.parse().map_err(|problem| KeymapProblem::UnknownKey {
            layer,
            action: id.to_owned(),
            problem,
        })?;
        if key == Key::ctrl('c') && action != Action::LeaveNow {
            return Err(KeymapProblem::Reserved { layer, action: id.to_owned() });
        }
        keys.push(key);
    }
    Ok((action, keys))
}

fn near<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|name| (strsim::damerau_levenshtein(text, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min()
        .map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests;
