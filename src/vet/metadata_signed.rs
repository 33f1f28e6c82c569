//! After signing and at the gate: the metadata of every repo is signed over its current bytes.
//!
//! createrepo keeps the old `repomd.xml.asc`, so that a signature is there proves nothing (reality.md
//! 3.2), and neither does its time: the toolkit's `sed -i` makes a signed file look newer. What proves it
//! is the signature itself. With a public key it is verified; without one the two bytes of the digest that
//! every signature carries in the clear (RFC 4880, 5.2.3) still tell a stale one in all but one of 65,536
//! cases.

use super::VetContext;
use super::found::Found;
use super::places::{places, shown};
use super::trees::{or_found, repositories, walk};
use crate::compose::read::explain;
use crate::compose::tree::{Depth, Root};
use crate::domain::finding::{Finding, Severity};
use crate::domain::flow::CheckName;
use pgp::composed::{Deserializable as _, DetachedSignature, SignedPublicKey};
use pgp::packet::{SignatureType, SignatureVersionSpecific};
use std::path::{Path, PathBuf};

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(places) = cx.release.and_then(|release| places(cx, release)) else { return };
    let keys = keys(cx.keys, found);
    let walked = walk(cx, "signatures in staging", &[Root::whole(&places.staging)], Depth::Names).pop();
    let Some(tree) = walked.and_then(|walked| or_found(walked, &places.staging, found)) else { return };
    let repos = repositories(&tree);
    if repos.is_empty() {
        found.blocking("none", shown(&places.staging), "holds no repository", "sync the composes first");
    }
    cx.pulse.begin("signatures in staging", Some(repos.len() as u64));
    for repo in &repos {
        if cx.pulse.is_cancelled() {
            return super::trees::cancelled(found);
        }
        cx.pulse.count(1);
        let Err(flaw) = judge(&places.staging.join(repo), &keys) else { continue };
        let path = shown(repo.join("repodata/repomd.xml"));
        let advice = "sign the repo's metadata again, after the last change to it";
        let check = CheckName::MetadataSigned;
        let mut finding =
            Finding::new(check, Severity::Blocking, flaw.kind(), path, flaw.to_string(), advice);
        let before = judge(&places.production.join(repo), &keys);
        finding.inherited = before.is_err_and(|before| before.kind() == flaw.kind());
        found.add(finding);
    }
}

/// Reads the public keys; one that cannot be read is a finding, not a reason to look less closely.
fn keys(paths: &[PathBuf], found: &mut Found<'_>) -> Vec<SignedPublicKey> {
    let mut keys = Vec::new();
    for path in paths {
        let read = std::fs::read(path).map_err(|error| explain(&error));
        let parsed = read.and_then(|bytes| {
            SignedPublicKey::from_reader_many(bytes.as_slice())
                .and_then(|(keys, _)| keys.collect::<Result<Vec<_>, _>>())
                .map_err(|error| error.to_string())
        });
        match parsed {
            Ok(some) => keys.extend(some),
            Err(problem) => {
                let message = format!("the public key could not be read: {problem}");
                found.blocking("key", shown(path), message, "correct the key in the catalog");
            }
        }
    }
    keys
}

/// What is wrong with the signature of one repo.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Flaw {
    #[error("its repomd.xml could not be read: {0}")]
    NoMetadata(String),
    #[error("is not signed: there is no repomd.xml.asc")]
    Unsigned,
    #[error("its repomd.xml.asc holds no signature: {0}")]
    Garbled(String),
    #[error("its signature is not over its current bytes")]
    Stale,
    #[error("its signature is BAD or by another key: {0}")]
    Bad(String),
}

impl Flaw {
    fn kind(&self) -> &'static str {
        match self {
            Self::NoMetadata(_) => "no-metadata",
            Self::Unsigned => "unsigned",
            Self::Garbled(_) => "garbled",
            Self::Stale => "stale",
            Self::Bad(_) => "bad",
        }
    }
}

fn judge(repo: &Path, keys: &[SignedPublicKey]) -> Result<(), Flaw> {
    let repomd = repo.join("repodata/repomd.xml");
    let bytes = std::fs::read(&repomd).map_err(|error| Flaw::NoMetadata(explain(&error)))?;
    let armor = match std::fs::read(repo.join("repodata/repomd.xml.asc")) {
        Ok(armor) => armor,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Flaw::Unsigned),
        Err(error) => return Err(Flaw::Garbled(explain(&error))),
    };
    let (signature, _) = DetachedSignature::from_reader_single(armor.as_slice())
        .map_err(|error| Flaw::Garbled(first_line(&error.to_string())))?;
    if !is_over(&signature, &bytes).map_err(|error| Flaw::Garbled(first_line(&error.to_string())))? {
        return Err(Flaw::Stale);
    }
    if keys.is_empty() {
        return Ok(());
    }
    let mut problem = String::new();
    for key in keys {
        let subkeys = key.public_subkeys.iter().map(|subkey| signature.verify(subkey, &bytes));
        for verified in std::iter::once(signature.verify(key, &bytes)).chain(subkeys) {
            match verified {
                Ok(()) => return Ok(()),
                Err(error) => problem = first_line(&error.to_string()),
            }
        }
    }
    Err(Flaw::Bad(problem))
}

fn first_line(text: &str) -> String {
    shown(text.lines().next().unwrap_or_default())
}

/// Returns whether the digest that the signature carries in part is that of `bytes`.
fn is_over(signature: &DetachedSignature, bytes: &[u8]) -> Result<bool, pgp::errors::Error> {
    let signature = &signature.signature;
    let (Some(config), Some(told)) = (signature.config(), signature.signed_hash_value()) else {
        return Ok(false);
    };
    let mut hasher = config.hash_alg.new_hasher()?;
    if let SignatureVersionSpecific::V6 { salt } = &config.version_specific {
        hasher.update(salt.as_ref());
    }
    let normalized: Vec<u8>;
    let data = if signature.typ() == Some(SignatureType::Text) {
        normalized = with_crlf(bytes);
        normalized.as_slice()
    } else {
        bytes
    };
    config.hash_data_to_sign(&mut hasher, data)?;
    let length = config.hash_signature_data(&mut hasher)?;
    hasher.update(&config.trailer(length)?);
    Ok(hasher.finalize().get(..2) == Some(&told[..]))
}

/// Text signatures are over lines that end in CR LF, whatever the file has.
fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 64);
    let mut before = 0;
    for byte in bytes {
        if *byte == b'\n' && before != b'\r' {
            out.push(b'\r');
        }
        out.push(*byte);
        before = *byte;
    }
    out
}
