//! After signing and at the gate: the metadata of every repo is signed over its current bytes.
//!
//! createrepo keeps the old `repomd.xml.asc`, so that a signature is there proves nothing (reality.md 3.2), and neither does
//! its time: the toolkit's `sed -i` makes a signed file look newer. What proves it is the signature itself. With a public
//! key it is verified; without one the two bytes of the digest that every signature carries in the clear (RFC 4880, 5.2.3)
//! still tell a stale one in all but one of 65,536 cases. It cannot see whether those who install have the same key, and
//! without a key not who signed.

use super::VetContext;
use super::found::Found;
use super::package::Keys;
use super::places::shown;
use super::repos::{NO_REPO, Repos, Wanted, each, repos};
use crate::compose::read::explain;
use crate::compose::tree::Depth;
use crate::domain::finding::{Finding, Severity};
use crate::domain::flow::CheckName;
use crate::repodata::repo::REPOMD;
use crate::repodata::signature::judge;
use pgp::composed::SignedPublicKey;
use std::path::PathBuf;

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let what = "signatures in staging";
    let keys = keys(cx.keys, found);
    let Some(Repos { places, pairs, .. }) = repos(cx, what, Depth::Names, Wanted::Staged, found) else {
        return;
    };
    if pairs.is_empty() {
        found.blocking("none", shown(&places.staging), "holds no repository", NO_REPO);
    }
    let judged = each(cx.pulse, what, pairs, found, |pair| {
        let flaw = judge(&places.staging.join(&pair.path), &keys).err()?;
        let advice = "sign the repo's metadata again, after the last change to it";
        let (path, message) = (pair.file(REPOMD), flaw.to_string());
        let mut finding =
            Finding::new(CheckName::MetadataSigned, Severity::Blocking, flaw.kind(), path, message, advice);
        let before = judge(&places.production.join(&pair.path), &keys);
        finding.inherited = before.is_err_and(|before| before.kind() == flaw.kind());
        Some(finding)
    });
    for finding in judged.into_iter().flatten().flatten() {
        found.add(finding);
    }
}

/// Reads the public keys; one that cannot be read is a finding, not a reason to look less closely.
pub(super) fn keys(paths: &[PathBuf], found: &mut Found<'_>) -> Vec<SignedPublicKey> {
    let mut keys = Vec::new();
    for path in paths {
        let read = std::fs::read(path).map_err(|error| explain(&error));
        let parsed = read.and_then(|bytes| Keys::read(&bytes).map_err(|error| error.to_string()));
        match parsed {
            Ok(some) => keys.extend(some),
            Err(problem) => {
                let message = format!("the public key could not be read: {problem}");
                found.blocking("key", shown(path), message, "correct the key, in the catalog or after --key");
            }
        }
    }
    keys
}
