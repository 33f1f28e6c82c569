//! The view: draws the model and nothing else.
//!
//! [`draw`] is a function of the model, the theme and the size of the frame; it keeps nothing between two frames, reads no
//! file and no clock, and knows neither journal nor supervisor (`tests/ui_rules.rs`). What the core must know about the room on the
//! screen, page sizes and log panes, it learns from [`measure`], which uses the same layouts.

#[doc(hidden)]
pub mod fixtures;
pub mod overlays;
pub mod pen;
pub mod root;
pub mod screens;
pub mod style;
pub mod theme;
pub mod widgets;

pub use root::{draw, measure};
pub use theme::Theme;
