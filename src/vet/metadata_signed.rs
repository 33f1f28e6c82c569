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
use crate::repodata::signature::judge;
use pgp::composed::{Deserializable as _, SignedPublicKey};
use std::path::PathBuf;

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
pub(super) fn keys(paths: &[PathBuf], found: &mut Found<'_>) -> Vec<SignedPublicKey> {
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
