//! The screens, one file each. A screen draws into the rectangle it is given and changes nothing.

pub mod gate;
pub mod history;
pub mod log;
pub mod plan;
pub mod run;
pub mod status;
