//! The console's core, in the Elm manner: a model, messages that are facts, effects that are plain data.
//!
//! [`update`](update::update) is synchronous and total. It knows no tokio, no files and no layout of the screen:
//! what it wants done it returns as [`Effect`]s, which `runtime::effects` carries out and answers with
//! [`Msg`]s. So every rule of the console can be tested as message in, model and effects out.

pub mod availability;
pub mod effect;
pub mod model;
pub mod msg;
pub mod text_input;
pub mod update;

pub use availability::{Availability, availability};
pub use effect::Effect;
pub use model::Model;
pub use msg::Msg;
pub use update::update;
