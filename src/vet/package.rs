//! One RPM: whether it is whole, and whether it is signed by a key that counts.
//!
//! It judges as `rpmkeys -K` does, but for this. Without [`Reading::Whole`] the payload is not read: that it is as long as
//! it should be is seen, other bytes in it are not, and a signature over header and payload (tags 1002 and 1005, which
//! old packages have alone) is only asked for its key. A package without any signature is a flaw here, which rpmkeys
//! calls fine as long as its digests are. What only rpm 6 reads (tag 278) and the size (tag 1000) must hold here, and old
//! rpms pass over both. SHA3 digests and digests of the inflated payload are passed over here.

mod head;
mod keys;

pub use keys::Keys;

use super::Reading;
use super::opened::open;
use crate::repodata::checksum::Hasher;
use crate::repodata::{ChecksumKind, Watch};
use head::{Head, HeadError, Header};
use keys::{Signed, Worth};
use pgp::armor::Dearmor;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

/// The tags of the signature header that are read (rpm's `rpmtag.h`).
mod tag {
    pub(super) const DSA: u32 = 267;
    pub(super) const RSA: u32 = 268;
    pub(super) const SHA1: u32 = 269;
    pub(super) const LONG_SIZE: u32 = 270;
    pub(super) const SHA256: u32 = 273;
    pub(super) const OPENPGP: u32 = 278;
    pub(super) const SIZE: u32 = 1000;
    pub(super) const LEGACY_RSA: u32 = 1002;
    pub(super) const MD5: u32 = 1004;
    pub(super) const LEGACY_DSA: u32 = 1005;
    /// Of the header: the form of the package, the digests of the payload, and their algorithm.
    pub(super) const FORMAT: u32 = 5114;
    pub(super) const PAYLOAD: u32 = 5092;
    pub(super) const PAYLOAD_ALGORITHM: u32 = 5093;
}

/// What is wrong with a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageFlaw {
    /// It could not be read.
    #[error("could not be read: {0}")]
    Unreadable(String),
    /// It is no RPM, or not all of one.
    #[error("{0}")]
    Broken(String),
    /// It has other bytes than it says.
    #[error("is damaged: its {0} is another")]
    Digest(&'static str),
    /// Nobody has signed it.
    #[error("is not signed")]
    Unsigned,
    /// What stands in the place of a signature is none.
    #[error("has a signature that cannot be read")]
    Garbled,
    /// It is signed by a key that does not count.
    #[error("is signed by the foreign key {0}")]
    Foreign(String),
    /// The signature is not that of the key over these bytes.
    #[error("has a BAD signature, said to be by the key {0}")]
    Bad(String),
}

impl PackageFlaw {
    /// Returns the word by which findings know it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::Broken(_) => "broken",
            Self::Digest(_) => "digest",
            Self::Unsigned => "unsigned",
            Self::Garbled => "garbled",
            Self::Foreign(_) => "foreign",
            Self::Bad(_) => "bad",
        }
    }

    /// Returns what to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "look at the mount and at the permissions, then check again",
            Self::Broken(_) | Self::Digest(_) => "sync it again from a compose in which it is whole",
            Self::Unsigned | Self::Garbled | Self::Bad(_) => {
                "have it signed, then compose and sync the repo again"
            }
            Self::Foreign(_) => "see where it comes from; if the key counts, name it in the catalog's `keys`",
        }
    }
}

/// A package that is as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    /// The ids of the keys that signed it, in hexadecimal.
    pub signers: Vec<String>,
    /// Whether a signature was only asked for its key, because it is over the payload as well.
    pub is_unread: bool,
}

/// Judges the package at `path`; without keys it is not asked who signed it.
pub fn judge(path: &Path, keys: &Keys, reading: Reading, watch: &dyn Watch) -> Result<Sound, PackageFlaw> {
    judge_file(open(path), keys, reading, watch)
}

/// Judges a package that was opened, or was to be.
pub(super) fn judge_file(
    file: io::Result<File>,
    keys: &Keys,
    reading: Reading,
    watch: &dyn Watch,
) -> Result<Sound, PackageFlaw> {
    let file = file.map_err(|error| unreadable(&error))?;
    let length = file.metadata().map_err(|error| unreadable(&error))?.len();
    let mut input = BufReader::with_capacity(64 << 10, file);
    let head = head::read(&mut input).map_err(|error| match error {
        HeadError::Io(error) => unreadable(&error),
        other => PackageFlaw::Broken(other.to_string()),
    })?;
    watch.read(head.before + head.header.length());
    size(&head, length)?;
    let signed = head.header.signed();
    digests(&head.signature, &signed)?;
    let mut sound = Sound { signers: Vec::new(), is_unread: false };
    header_signatures(&head, &signed, keys, &mut sound)?;
    let legacy = legacy(&head.signature)?;
    if reading == Reading::Whole {
        let begin = head.before + head.header.length();
        payload(&head, &mut input, watch)?;
        for signature in &legacy {
            let whole = head.header.whole();
            input.seek(SeekFrom::Start(begin)).map_err(|error| unreadable(&error))?;
            let data = Watched { inner: whole.as_slice().chain(&mut input), watch };
            counted(signature, keys.verify(signature, data), keys, &mut sound)?;
        }
    } else {
        sound.is_unread = sound.signers.is_empty() && !legacy.is_empty();
        for signature in legacy {
            let worth = if keys.knows(&signature) { Worth::Good } else { Worth::NoKey };
            counted(&signature, worth, keys, &mut sound)?;
        }
    }
    if sound.signers.is_empty() { Err(PackageFlaw::Unsigned) } else { Ok(sound) }
}

fn unreadable(error: &io::Error) -> PackageFlaw {
    PackageFlaw::Unreadable(crate::compose::read::explain(error))
}

/// Compares how long it is with how long it says that header and payload are.
fn size(head: &Head, length: u64) -> Result<(), PackageFlaw> {
    let told = head.signature.number(tag::LONG_SIZE).or_else(|| head.signature.number(tag::SIZE));
    let there = length.saturating_sub(head.before);
    match told {
        Some(told) if told > there => {
            let lacks = told - there;
            Err(PackageFlaw::Broken(format!("is cut short: {lacks} bytes of it are missing")))
        }
        Some(told) if told < there => {
            Err(PackageFlaw::Broken(format!("has {} bytes behind its end", there - told)))
        }
        _ => Ok(()),
    }
}

fn digest(kind: ChecksumKind, bytes: &[u8]) -> String {
    let mut hasher = Hasher::new(kind);
    hasher.update(bytes);
    hasher.finish().hex
}

/// Compares the digests of the header.
fn digests(signature: &Header, signed: &[u8]) -> Result<(), PackageFlaw> {
    for (tag, kind, name) in [
        (tag::SHA256, ChecksumKind::Sha256, "header's SHA-256"),
        (tag::SHA1, ChecksumKind::Sha1, "header's SHA-1"),
    ] {
        let told = signature.text(tag);
        if told.is_none() && signature.has(tag) {
            return Err(PackageFlaw::Digest(name));
        }
        if told.is_some_and(|told| !told.eq_ignore_ascii_case(digest(kind, signed).as_bytes())) {
            return Err(PackageFlaw::Digest(name));
        }
    }
    Ok(())
}

/// Takes what a signature is worth into account.
fn counted(signature: &Signed, worth: Worth, keys: &Keys, sound: &mut Sound) -> Result<(), PackageFlaw> {
    let issuer = signature.issuer.clone();
    match worth {
        Worth::Bad => return Err(PackageFlaw::Bad(issuer)),
        Worth::NoKey if !keys.is_empty() => return Err(PackageFlaw::Foreign(issuer)),
        Worth::Good | Worth::NoKey => {}
    }
    if !sound.signers.contains(&issuer) {
        sound.signers.push(issuer);
    }
    Ok(())
}

/// Verifies the signatures over the header: those that rpm 4 reads must all hold, and of those of rpm 6 one.
///
/// A package in the form of rpm 4 that has only those of rpm 6 is unsigned for every EL up to 10.
fn header_signatures(head: &Head, signed: &[u8], keys: &Keys, sound: &mut Sound) -> Result<(), PackageFlaw> {
    let header = &head.signature;
    for bytes in [tag::RSA, tag::DSA].into_iter().filter_map(|tag| header.binary(tag)) {
        let signature = Signed::parse(bytes).ok_or(PackageFlaw::Garbled)?;
        counted(&signature, keys.verify(&signature, signed), keys, sound)?;
    }
    let mut flaw = None;
    let mut holds = false;
    let mut of_six = Sound { signers: Vec::new(), is_unread: false };
    for text in header.texts(tag::OPENPGP).unwrap_or_default() {
        let parsed = decoded(text).and_then(|bytes| Signed::parse(&bytes)).ok_or(PackageFlaw::Garbled);
        let judged = parsed.and_then(|one| counted(&one, keys.verify(&one, signed), keys, &mut of_six));
        holds |= judged.is_ok();
        flaw = flaw.or(judged.err());
    }
    if head.header.number(tag::FORMAT) == Some(6) {
        sound.signers.extend(of_six.signers);
    }
    flaw.filter(|_| !holds).map_or(Ok(()), Err)
}

/// Reads the base64 of a signature, which rpm 6 writes without armor.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut armored = b"-----BEGIN PGP SIGNATURE-----\n\n".to_vec();
    armored.extend_from_slice(text);
    armored.extend_from_slice(b"\n-----END PGP SIGNATURE-----\n");
    let mut bytes = Vec::new();
    Dearmor::new(armored.as_slice()).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Returns the signatures that are over header and payload.
fn legacy(header: &Header) -> Result<Vec<Signed>, PackageFlaw> {
    let found = [tag::LEGACY_RSA, tag::LEGACY_DSA].into_iter().filter_map(|tag| header.binary(tag));
    found.map(|bytes| Signed::parse(bytes).ok_or(PackageFlaw::Garbled)).collect()
}

/// Reads the payload and compares its digests.
fn payload(head: &Head, input: &mut impl Read, watch: &dyn Watch) -> Result<(), PackageFlaw> {
    let told = head.header.texts(tag::PAYLOAD).and_then(|texts| texts.first().copied());
    // The numbers are those of OpenPGP (RFC 9580, 9.5).
    let kind = match head.header.number(tag::PAYLOAD_ALGORITHM) {
        Some(1) => ChecksumKind::Md5,
        Some(2) => ChecksumKind::Sha1,
        Some(9) => ChecksumKind::Sha384,
        Some(10) => ChecksumKind::Sha512,
        Some(11) => ChecksumKind::Sha224,
        _ => ChecksumKind::Sha256,
    };
    let md5 = head.signature.binary(tag::MD5);
    let mut payload = told.map(|_| Hasher::new(kind));
    let mut all = md5.map(|_| Hasher::new(ChecksumKind::Md5));
    if let Some(hasher) = &mut all {
        hasher.update(&head.header.whole());
    }
    let mut input = Watched { inner: input, watch };
    let mut block = vec![0; 128 << 10];
    loop {
        let read = input.read(&mut block).map_err(|error| unreadable(&error))?;
        let Some(bytes) = block.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        for hasher in payload.iter_mut().chain(&mut all) {
            hasher.update(bytes);
        }
    }
    let payload = payload.map(|hasher| hasher.finish().hex);
    if told.zip(payload).is_some_and(|(told, hex)| !told.eq_ignore_ascii_case(hex.as_bytes())) {
        return Err(PackageFlaw::Digest("payload's digest"));
    }
    if md5.zip(all).is_some_and(|(told, hasher)| hex::encode(told) != hasher.finish().hex) {
        return Err(PackageFlaw::Digest("MD5"));
    }
    Ok(())
}

/// A read that is counted, and ends when it is to end.
struct Watched<'w, R> {
    inner: R,
    watch: &'w dyn Watch,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.watch.is_cancelled() {
            return Err(io::Error::other("the look at it was cancelled"));
        }
        let read = self.inner.read(buffer)?;
        self.watch.read(read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
