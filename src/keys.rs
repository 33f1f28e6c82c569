//! Keys and actions: what can be done on the screens, under which keys, in one table.
//!
//! Footer, help, palette and `stagegate keys` all read [`action::TABLE`]; nothing else names a key.
//! Pure: the terminal's events become [`Key`]s in `runtime`, and what an action does is `app`'s.

pub mod action;
pub mod key;
pub mod keymap;
pub mod layer;
pub mod table;

pub use action::{Action, ActionInfo, Group};
pub use key::{Key, KeyCode};
pub use keymap::{Keymap, KeymapProblem};
pub use layer::Layer;
pub use table::table_text;
