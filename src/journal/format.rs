//! The form of a journal: one JSON object a line, each bound to the one before it.
//!
//! ```text
//! format 2  {"format":2,"seq":1,"time":…,"prev":"0…0","fact":{…},"digest":"D1"}
//!           {"seq":2,"time":…,"prev":"D1","fact":{…},"digest":"D2"}
//! format 1  {"seq":1,"time":…,"prev":"0…0","fact":{…}}
//! ```
//!
//! A digest is SHA-256 over the exact bytes of the line without its digest field, so it covers `prev` and with
//! it everything before: the last digest stands for the whole journal. Format 1 had no digests; there `prev` is
//! the hash of the whole line before, and nothing covers the last line. The format stands in the first record
//! that is written in it, inside what its digest covers: a journal of format 1 goes on in format 2, and digests
//! cannot be taken away without a trace. There is no key in it: somebody who makes every digest anew is found
//! only by comparing the last one with one that was kept elsewhere (`verify-run --head`).

use crate::domain::run::Event;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// The `prev` of the first record.
pub const GENESIS: RecordDigest = RecordDigest([0; 32]);
/// The format that is written.
pub const FORMAT: u32 = 2;

/// What stands between a record and its digest.
const DIGEST_OPENS: &[u8] = b",\"digest\":\"";
const DIGEST_CLOSES: &[u8] = b"\"}";
const DIGITS: usize = 64;

/// What a record is known by: SHA-256 of its line without the digest field; of the whole line in format 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordDigest([u8; 32]);

impl RecordDigest {
    /// Reads 64 hexadecimal digits as they are written: in small letters, so that no byte of a record can be another.
    pub fn from_hex(text: &[u8]) -> Option<Self> {
        if text.iter().any(u8::is_ascii_uppercase) {
            return None;
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// Returns the first sixteen digits, for tables.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..8])
    }
}

impl fmt::Display for RecordDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode(self.0))
    }
}

impl Serialize for RecordDigest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One record, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record<'a> {
    /// The format, in the first record that is written in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<u32>,
    /// Counted from 1, without gaps.
    pub seq: u64,
    /// When it was written.
    pub time: Timestamp,
    /// The digest of the record before it.
    pub prev: RecordDigest,
    /// What happened.
    pub fact: &'a Event,
}

impl Record<'_> {
    /// Returns the line of this record with its line end, and its digest.
    pub fn line(&self) -> Result<(Vec<u8>, RecordDigest), serde_json::Error> {
        let mut line = serde_json::to_vec(self)?;
        let digest = line_hash(&line);
        line.pop();
        line.extend_from_slice(DIGEST_OPENS);
        line.extend_from_slice(hex::encode(digest.0).as_bytes());
        line.extend_from_slice(DIGEST_CLOSES);
        line.push(b'\n');
        Ok((line, digest))
    }
}

/// One line of a journal, as it is read: the fact may be of a kind that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRecord {
    /// The format, if this record says one.
    pub format: Option<u32>,
    /// Counted from 1.
    pub seq: u64,
    /// When it was written.
    pub time: Timestamp,
    /// What it says the digest of the record before it is.
    pub prev: String,
    /// The kind of its fact, in words of the journal: `step-starting`.
    pub kind: String,
    /// What happened; none for a kind that this version does not know.
    pub fact: Option<Event>,
    /// The digest that it carries, if it carries one.
    pub carried: Option<RecordDigest>,
    /// The digest that it has in format 2, computed from its bytes; none where it carries none.
    computed: Option<RecordDigest>,
    /// The hash of its whole line.
    whole: RecordDigest,
}

impl ReadRecord {
    /// Returns what it is known by in a journal of `format`: computed from its bytes, not what it says itself.
    pub fn digest(&self, format: u32) -> RecordDigest {
        if format >= 2 { self.computed.unwrap_or(self.whole) } else { self.whole }
    }

    /// Returns what is wrong with it taken by itself, as a record of a journal of `format`.
    pub fn flaw(&self, format: u32) -> Option<&'static str> {
        match (format, self.carried) {
            (..2, None) => None,
            (..2, Some(_)) => {
                Some("carries a digest where no format is said; the journal's first record was changed")
            }
            (_, None) => Some("carries no digest; it was changed"),
            (_, Some(carried)) => {
                (self.computed != Some(carried)).then_some("does not fit its own digest; it was changed")
            }
        }
    }
}

#[derive(Deserialize)]
struct RawRecord {
    #[serde(default)]
    format: Option<u32>,
    seq: u64,
    time: Timestamp,
    prev: String,
    fact: serde_json::Value,
    #[serde(default)]
    digest: Option<serde_json::Value>,
}

/// Returns the hash of a line, given without its newline.
pub fn line_hash(line: &[u8]) -> RecordDigest {
    RecordDigest(Sha256::digest(line).into())
}

/// Splits a line of format 2 into what its digest is over and the digest that it carries.
fn split(line: &[u8]) -> Option<(&[u8], RecordDigest)> {
    let rest = line.strip_suffix(DIGEST_CLOSES)?;
    let (rest, digits) = rest.split_at_checked(rest.len().checked_sub(DIGITS)?)?;
    Some((rest.strip_suffix(DIGEST_OPENS)?, RecordDigest::from_hex(digits)?))
}

/// Parses one line; an unknown kind of fact is no error.
pub fn parse(line: &[u8]) -> Result<ReadRecord, serde_json::Error> {
    let raw: RawRecord = serde_json::from_slice(line)?;
    let kind = raw.fact.get("event").and_then(serde_json::Value::as_str).unwrap_or("unknown").to_owned();
    let halves = split(line).filter(|_| raw.digest.is_some());
    let computed = halves
        .map(|(body, _)| RecordDigest(Sha256::new().chain_update(body).chain_update(b"}").finalize().into()));
    let unreadable = || raw.digest.is_some().then_some(GENESIS);
    Ok(ReadRecord {
        format: raw.format,
        seq: raw.seq,
        time: raw.time,
        prev: raw.prev,
        kind,
        fact: serde_json::from_value(raw.fact).ok(),
        carried: halves.map(|(_, carried)| carried).or_else(unreadable),
        computed,
        whole: line_hash(line),
    })
}
