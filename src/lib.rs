//! Stagegate: the terminal console with which release engineers compose, sync, vet and publish a
//! Linux distribution.
//!
//! The dependency rule (held by `tests/architecture.rs`):
//! `ui → app → keys → domain`; `catalog, compose, repodata, journal, exec, signing → domain`;
//! `vet → repodata, compose, domain`; `supervisor → exec, journal, vet, signing, domain`;
//! `runtime` and `cli` use everything and nothing uses them.

pub mod app;
pub mod catalog;
pub mod cli;
pub mod compose;
pub mod domain;
pub mod exec;
pub mod journal;
pub mod keys;
pub mod repodata;
pub mod runtime;
pub mod sandbox;
pub mod signing;
pub mod supervisor;
pub mod ui;
pub mod vet;
