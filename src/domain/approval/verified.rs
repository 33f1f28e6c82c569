//! Somebody whose signature was verified: what production asks for, and what nothing but a verification makes.

/// Who signed which text, with which key, as it was verified.
///
/// It comes from no file and no default. Its `vouch` is called in `src/signing/verify.rs` alone, after the
/// signature was checked; `tests/architecture.rs` holds that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSigner {
    principal: String,
    key: String,
    text: String,
}

impl VerifiedSigner {
    /// Makes it; whoever calls this has verified that `principal` signed `text` with the key of that fingerprint.
    pub(crate) fn vouch(principal: &str, key: String, text: &str) -> Self {
        Self { principal: principal.to_owned(), key, text: text.to_owned() }
    }

    /// Returns who signed.
    pub fn principal(&self) -> &str {
        &self.principal
    }

    /// Returns the fingerprint of the key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns whether it is this text that was signed.
    pub fn covers(&self, text: &str) -> bool {
        self.text == text
    }
}
