//! The screens, one file each. A screen draws into the rectangle it is given and changes nothing.

pub mod plan;
pub mod status;
