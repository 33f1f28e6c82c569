//! Signatures of people: approvals signed with SSH keys (PROTOCOL.sshsig), and verified against an allowed signers file.
//!
//! Whoever approves signs, on their side: through their agent or with a key file; a private key goes nowhere. The
//! supervisor verifies, and so does whoever audits a run on another machine. What is signed is
//! [`crate::domain::approval::text`].

pub mod agent;
pub mod allowed;
pub mod audit;
pub mod key_file;
pub mod own_key;
pub mod verify;

use ssh_key::{Fingerprint, HashAlg, LineEnding, PublicKey, Signature, SshSig};

/// What the signatures are for: one that was made for something else counts for nothing here.
pub const NAMESPACE: &str = "approval@stagegate";
/// The hash under the signatures that are made; those that are verified may have SHA-256 as well.
const HASH: HashAlg = HashAlg::Sha512;

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// No agent is named.
    #[error(
        "no SSH agent: SSH_AUTH_SOCK is not set; start one and `ssh-add` your key, or give `approve --key FILE`"
    )]
    NoAgent,
    /// The agent does not answer, or answers with nonsense.
    #[error(
        "the SSH agent at {socket} {problem}; see that it works (`ssh-add -l`), or give `approve --key FILE`"
    )]
    Agent {
        /// Its socket.
        socket: String,
        /// What is wrong.
        problem: String,
    },
    /// No key of the agent may sign.
    #[error(
        "no key of the SSH agent is in {signers}: it has {has}; `ssh-add` the one that is, or give `approve --key FILE`"
    )]
    NoKeyFits {
        /// The file of those who may sign.
        signers: String,
        /// The fingerprints of what the agent has.
        has: String,
    },
    /// Several keys of the agent may sign.
    #[error("several keys of the SSH agent may sign: {keys}; say which with `approve --key FILE.pub`")]
    SeveralKeys {
        /// Their fingerprints and principals.
        keys: String,
    },
    /// The key may not sign, or not under one clear name.
    #[error("{key} cannot sign here: {problem}")]
    NotAllowed {
        /// The fingerprint.
        key: String,
        /// Why not.
        problem: String,
    },
    /// A key file cannot be used.
    #[error("the key file {path} {problem}")]
    KeyFile {
        /// Its path.
        path: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The file of those who may sign cannot be used.
    #[error(transparent)]
    Allowed(#[from] allowed::AllowedError),
}

/// Returns how a key is known to people: `SHA256:…`, as `ssh-keygen -l` prints it.
pub fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

fn fingerprint_of(key: &ssh_key::public::KeyData) -> String {
    Fingerprint::new(HashAlg::Sha256, key).to_string()
}

/// Returns the fingerprint of the key that a signature says it is by; it is believed only once the signature is verified.
pub fn key_in(signature: &str) -> Option<String> {
    SshSig::from_pem(signature.trim_end()).ok().map(|parsed| fingerprint_of(parsed.public_key()))
}

/// Returns what the key signs for `text`: the text's hash in the frame of PROTOCOL.sshsig.
fn framed(text: &str) -> Result<Vec<u8>, String> {
    SshSig::signed_data(NAMESPACE, HASH, text.as_bytes()).map_err(|error| error.to_string())
}

/// Returns a signature in armour, as `ssh-keygen -Y sign` writes it.
fn armoured(key: &PublicKey, signature: Signature) -> Result<String, String> {
    let whole = SshSig::new(key.key_data().clone(), NAMESPACE, HASH, signature);
    whole.and_then(|whole| whole.to_pem(LineEnding::LF)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
