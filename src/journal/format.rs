//! The form of a journal: one JSON object a line, each with the hash of the line before it.

use crate::domain::run::Event;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The `prev` of the first record.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One line of a journal, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record<'a> {
    /// Counted from 1, without gaps.
    pub seq: u64,
    /// When it was written.
    pub time: Timestamp,
    /// SHA-256 of the line before it, without its newline, in hexadecimal.
    pub prev: &'a str,
    /// What happened.
    pub fact: &'a Event,
}

/// One line of a journal, as it is read: the fact may be of a kind that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRecord {
    /// Counted from 1.
    pub seq: u64,
    /// When it was written.
    pub time: Timestamp,
    /// The hash of the line before it.
    pub prev: String,
    /// What happened; none for a kind that this version does not know.
    pub fact: Option<Event>,
}

#[derive(Deserialize)]
struct RawRecord {
    seq: u64,
    time: Timestamp,
    prev: String,
    fact: serde_json::Value,
}

/// Returns the hash of a line, given without its newline.
pub fn line_hash(line: &[u8]) -> String {
    hex::encode(Sha256::digest(line))
}

/// Parses one line; an unknown kind of fact is no error.
pub fn parse(line: &[u8]) -> Result<ReadRecord, serde_json::Error> {
    let raw: RawRecord = serde_json::from_slice(line)?;
    Ok(ReadRecord {
        seq: raw.seq,
        time: raw.time,
        prev: raw.prev,
        fact: serde_json::from_value(raw.fact).ok(),
    })
}
