//! What several screens draw: the frame around them, log panes, progress bars, text fields.
//!
//! Widgets know no screen and keep nothing between two frames.

pub mod banner;
pub mod bar;
pub mod field;
pub mod footer;
pub mod header;
pub mod logpane;
pub mod text;
