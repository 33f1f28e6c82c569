//! The SSH agent of whoever approves: it lists keys and signs; no key leaves it.
//!
//! The protocol is `ssh-agent-client-rs`'s, which bounds what it reads. Here every exchange has a deadline: an agent
//! that hangs, or one that is forwarded over a dead connection, is given up.

use super::SigningError;
use ssh_agent_client_rs::{Client, Identity};
use ssh_key::{Algorithm, PublicKey};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long an agent may take to say which keys it has.
const LIST: Duration = Duration::from_secs(10);
/// How long it may take to sign: somebody may have to confirm, or to touch a security key.
const SIGN: Duration = Duration::from_mins(2);

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    socket: PathBuf,
}

impl Agent {
    /// Finds the agent that the environment names (`SSH_AUTH_SOCK`).
    ///
    /// # Errors
    ///
    /// If it names none.
    pub fn of_environment() -> Result<Self, SigningError> {
        let socket = std::env::var_os("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty());
        socket.map(|socket| Self::at(Path::new(&socket))).ok_or(SigningError::NoAgent)
    }

    /// Names the agent that listens on `socket`.
    pub fn at(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// Returns its keys; certificates are passed over.
    ///
    /// # Errors
    ///
    /// If it does not answer in time or in words that are understood.
    pub fn keys(&self) -> Result<Vec<PublicKey>, SigningError> {
        let found = self.connect(LIST)?.list_all_identities().map_err(|error| self.failed(&error))?;
        let key = |identity| match identity {
            Identity::PublicKey(key) => Some(key.into_owned()),
            Identity::Certificate(_) => None,
        };
        Ok(found.into_iter().filter_map(key).collect())
    }

    /// Has it sign `text` with `key`; returns the signature in armour.
    ///
    /// # Errors
    ///
    /// If it does not sign in time, refuses, or the key is of a kind that cannot be used here.
    pub fn sign(&self, key: &PublicKey, text: &str) -> Result<String, SigningError> {
        if key.algorithm() == Algorithm::SkEcdsaSha2NistP256 {
            // ssh-key 0.6 reads such signatures and does not write them as OpenSSH does.
            let problem =
                "signatures of ecdsa-sk keys cannot be written yet; use an ed25519-sk key".to_owned();
            return Err(SigningError::NotAllowed { key: super::fingerprint(key), problem });
        }
        let said = |problem: String| SigningError::Agent { socket: self.name(), problem };
        let framed = super::framed(text).map_err(said)?;
        let signature = self.connect(SIGN)?.sign(key, &framed).map_err(|error| self.failed(&error))?;
        super::armoured(key, signature).map_err(said)
    }

    fn name(&self) -> String {
        self.socket.display().to_string()
    }

    fn connect(&self, patience: Duration) -> Result<Client, SigningError> {
        let until = Instant::now() + patience;
        let stream = UnixStream::connect(&self.socket).map_err(|error| SigningError::Agent {
            socket: self.name(),
            problem: format!("cannot be reached: {error}"),
        })?;
        Ok(Client::with_read_write(Box::new(Timed { stream, until })))
    }

    fn failed(&self, error: &ssh_agent_client_rs::Error) -> SigningError {
        let problem = match error {
            ssh_agent_client_rs::Error::RemoteFailure => "refuses to sign".to_owned(),
            ssh_agent_client_rs::Error::AgentCommunicationError(error)
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
            {
                "does not answer in time".to_owned()
            }
            other => format!("does not answer as agents do: {other}"),
        };
        SigningError::Agent { socket: self.name(), problem }
    }
}

/// A connection with one deadline for all that goes over it.
#[derive(Debug)]
struct Timed {
    stream: UnixStream,
    until: Instant,
}

impl Timed {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Read for Timed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(into)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests;
