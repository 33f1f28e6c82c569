//! Approvals: who opened the gate, for exactly what, until when, and with which key.
//!
//! What is recorded here is a claim: a signature counts once `crate::signing` has verified it, which makes a
//! [`VerifiedSigner`] of it.

pub mod demand;
pub mod refusal;
pub mod text;
pub mod verified;

pub use demand::Demand;
pub use refusal::Refusal;
pub use verified::VerifiedSigner;

use super::name::ReleaseId;
use super::plan::{Lane, PlanDigest};
use super::seal::SealDigest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who acted, as the kernel says (design 7): never taken from an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The user id of the peer of the control socket.
    pub uid: u32,
    /// Its name, or the number where it has none.
    pub user: String,
    /// The login user id that survives sudo; none where the kernel has none.
    pub login_uid: Option<u32>,
    /// The login user's name.
    pub login: Option<String>,
    /// The host.
    pub host: String,
    /// The terminal, if there is one: `/dev/pts/3`.
    pub terminal: Option<String>,
}

impl Identity {
    /// Returns the person as screens show them: the login user if known, else the user.
    pub fn person(&self) -> &str {
        self.login.as_deref().unwrap_or(&self.user)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.login {
            Some(login) if *login != self.user => write!(f, "{login} (as {}) on {}", self.user, self.host),
            _ => write!(f, "{} on {}", self.user, self.host),
        }
    }
}

/// What happens once the approval is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterApproval {
    /// Production starts at once.
    Proceed,
    /// Production waits for a resume.
    Hold,
}

/// The signature under an approval, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Who signed, by the name that the allowed signers have: `alice@example.org`.
    pub principal: String,
    /// The fingerprint of the key: `SHA256:…`.
    pub key: String,
    /// The signature over the approval's [text](text::of) (PROTOCOL.sshsig), in armour.
    pub signature: String,
}

/// One person's approval of one release in one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The release.
    pub release: ReleaseId,
    /// Who.
    pub by: Identity,
    /// When.
    pub at: Timestamp,
    /// Until when it holds.
    pub expires: Timestamp,
    /// The plan it is for.
    pub plan: PlanDigest,
    /// The seal of the evidence that was shown.
    pub seal: SealDigest,
    /// What was typed.
    pub phrase: String,
    /// What happens next.
    pub then: AfterApproval,
    /// Why, where a reason was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether this one person approves where two are asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub solo: bool,
    /// The signature, where the catalog asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<Signed>,
}

impl Approval {
    /// Returns who approved, as screens show it: the principal who signed, else the person whom the kernel knows.
    pub fn who(&self) -> &str {
        self.signed.as_ref().map_or_else(|| self.by.person(), |signed| &signed.principal)
    }

    /// Says what shows that two approvals are one person's, if something does.
    pub fn same_person(&self, other: &Self) -> Option<String> {
        if let (Some(own), Some(others)) = (&self.signed, &other.signed) {
            if own.key == others.key {
                return Some(format!("the same key {}", own.key));
            }
            if own.principal == others.principal {
                return Some(format!("the same principal {}", own.principal));
            }
        }
        let login = self.by.login_uid.filter(|login| other.by.login_uid == Some(*login))?;
        Some(format!("the same login user {login}"))
    }
}

/// Checks what was typed against the lane's phrase; white space around it does not count.
pub fn check_phrase(lane: &Lane, typed: &str) -> Result<(), Refusal> {
    if typed.trim() == lane.phrase {
        Ok(())
    } else {
        Err(Refusal::WrongPhrase { expected: lane.phrase.clone() })
    }
}
