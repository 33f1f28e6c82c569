//! Which key signs: the one in a file, or the one key of the agent that may.

use super::SigningError;
use super::agent::Agent;
use super::allowed::AllowedSigners;
use super::key_file::{self, KeyFile};
use jiff::Timestamp;
use ssh_key::PublicKey;
use std::io;
use std::path::{Path, PathBuf};

/// Where the key is to be taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// The agent of the environment.
    Agent,
    /// A file with a private key, or with a public one whose private one the agent has.
    File(PathBuf),
}

/// A key that may sign, and the name under which it does.
#[derive(Debug)]
pub struct OwnKey {
    holder: Holder,
    principal: String,
    key: PublicKey,
}

#[derive(Debug)]
enum Holder {
    Agent(Agent),
    File(PathBuf, Box<ssh_key::PrivateKey>),
}

impl OwnKey {
    /// Finds it; `principal` is the name that is asked for, where several fit.
    ///
    /// # Errors
    ///
    /// If there is none, or more than one, or it may not sign now.
    pub fn find(
        source: &KeySource,
        principal: Option<&str>,
        allowed: &AllowedSigners,
        now: Timestamp,
    ) -> Result<Self, SigningError> {
        match source {
            KeySource::Agent => Self::in_agent(Agent::of_environment()?, principal, allowed, now),
            KeySource::File(path) => Self::in_file(path, principal, allowed, now),
        }
    }

    /// Finds the one key of an agent that may sign.
    ///
    /// # Errors
    ///
    /// As [`Self::find`].
    pub fn in_agent(
        agent: Agent,
        principal: Option<&str>,
        allowed: &AllowedSigners,
        now: Timestamp,
    ) -> Result<Self, SigningError> {
        let keys = agent.keys()?;
        let (mut fitting, mut refused) = (Vec::new(), None);
        for key in &keys {
            match allowed.principal(key.key_data(), principal, now) {
                Ok(name) => fitting.push((name, key.clone())),
                Err(problem) if allowed.has(key.key_data()) => {
                    refused.get_or_insert(SigningError::NotAllowed { key: super::fingerprint(key), problem });
                }
                Err(_) => {}
            }
        }
        if fitting.len() > 1 {
            let keys = fitting.iter().map(|(name, key)| format!("{} ({name})", super::fingerprint(key)));
            return Err(SigningError::SeveralKeys { keys: keys.collect::<Vec<_>>().join(", ") });
        }
        match (fitting.pop(), refused) {
            (Some((principal, key)), _) => Ok(Self { holder: Holder::Agent(agent), principal, key }),
            (None, Some(refused)) => Err(refused),
            (None, None) => {
                let has: Vec<String> = keys.iter().map(super::fingerprint).collect();
                let has = if has.is_empty() { "no key".to_owned() } else { has.join(", ") };
                Err(SigningError::NoKeyFits { signers: allowed.path().display().to_string(), has })
            }
        }
    }

    fn in_file(
        path: &Path,
        principal: Option<&str>,
        allowed: &AllowedSigners,
        now: Timestamp,
    ) -> Result<Self, SigningError> {
        let file = KeyFile::read(path)?;
        let key = file.public().clone();
        let principal = allowed
            .principal(key.key_data(), principal, now)
            .map_err(|problem| SigningError::NotAllowed { key: super::fingerprint(&key), problem })?;
        let holder = match file {
            KeyFile::Private(private) => Holder::File(path.to_owned(), private),
            KeyFile::Public(_) => Holder::Agent(Agent::of_environment()?),
        };
        Ok(Self { holder, principal, key })
    }

    /// Returns the name under which it signs.
    pub fn principal(&self) -> &str {
        &self.principal
    }

    /// Returns its fingerprint.
    pub fn fingerprint(&self) -> String {
        super::fingerprint(&self.key)
    }

    /// Signs `text`; `passphrase` is asked where a key file has one.
    ///
    /// # Errors
    ///
    /// If agent or file does not sign.
    pub fn sign(
        &self,
        text: &str,
        passphrase: &mut dyn FnMut(&str) -> io::Result<String>,
    ) -> Result<String, SigningError> {
        match &self.holder {
            Holder::Agent(agent) => agent.sign(&self.key, text),
            Holder::File(path, key) => key_file::sign(path, key, passphrase, text),
        }
    }
}
