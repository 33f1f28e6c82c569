//! The practice release host: a whole compose host in a folder, made by this binary alone.
//!
//! It stands alone: the console never calls into it, and it never reaches outside its own folder. What it
//! writes is real (packages, metadata, signatures), so that the checks it is practised with are the real ones.

pub mod advisories;
pub mod applet;
pub mod compose_writer;
pub mod comps;
pub mod content;
pub mod fault;
pub mod filelist;
pub mod history;
pub mod host;
pub mod iso;
pub mod koji;
pub mod layout;
pub mod metadata;
pub mod modules;
pub mod package;
pub mod scripts;
pub mod signer;
