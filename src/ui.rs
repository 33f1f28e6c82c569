//! The view: draws the model, and nothing else.
#[doc(hidden)]
pub mod fixtures;
pub mod pen;
pub mod style;
pub mod theme;
pub mod widgets;
