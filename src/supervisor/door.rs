//! The supervisor's door: its socket, who is let in, and what becomes of it when nobody can be.
//!
//! Whoever connects is known by the kernel's word alone. What is then said is `conversation`'s.

use super::control::Response;
use super::conversation::converse;
use super::happening::{ClientId, Happening};
use super::identity;
use crate::journal::store::RunDir;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

/// How long connections may fail to be taken before the door counts as broken, and how often that is tried.
const DOOR_PATIENCE: Duration = Duration::from_mins(1);
const DOOR_EVERY: Duration = Duration::from_millis(100);

/// Returns a path to the socket of a run that is short enough to bind, however long the folder's own is.
///
/// The kernel takes 107 bytes (`unix(7)`); the folder's descriptor makes any path short.
pub(super) fn short_socket(dir: &RunDir) -> std::io::Result<(std::fs::File, PathBuf)> {
    let folder = std::fs::File::open(dir.path())?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/control.sock", folder.as_raw_fd()));
    Ok((folder, path))
}

/// Binds the socket at `path`, for the run's own user and root alone.
pub(super) fn listen(path: &Path) -> std::io::Result<UnixListener> {
    // The run's lock is ours, so whoever bound it before is dead.
    let _absent = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Lets in whoever connects, for as long as anybody can.
pub(super) async fn accept(listener: UnixListener, happenings: UnboundedSender<Happening>) {
    welcome(move |context| listener.poll_accept(context).map_ok(|(stream, _)| stream), happenings).await;
}

/// Speaks with everybody who is let in by `knock`, until nobody could be for [`DOOR_PATIENCE`].
///
/// A host that has no descriptor or memory to spare has some again as a rule, and a run does not end for that.
pub(super) async fn welcome(
    mut knock: impl FnMut(&mut Context<'_>) -> Poll<std::io::Result<UnixStream>>,
    happenings: UnboundedSender<Happening>,
) {
    let mut next = 0;
    let mut failing = None;
    loop {
        match std::future::poll_fn(&mut knock).await {
            Ok(stream) => {
                failing = None;
                next += 1;
                tokio::spawn(admit(stream, ClientId(next), happenings.clone()));
            }
            Err(error) => {
                if failing.is_none() {
                    log::warn!("a connection could not be taken, which is tried again: {error}");
                }
                let since = *failing.get_or_insert_with(tokio::time::Instant::now);
                if since.elapsed() >= DOOR_PATIENCE {
                    log::error!("no connection could be taken for {} s: {error}", DOOR_PATIENCE.as_secs());
                    return;
                }
                tokio::time::sleep(DOOR_EVERY).await;
            }
        }
    }
}

/// Returns whether a client of this user is listened to: the run's own and root are.
pub(super) fn may_speak(peer: u32, own: u32) -> bool {
    peer == own || peer == 0
}

/// Speaks with one client until it is gone. Other users than root and the run's own are told so and turned away.
async fn admit(stream: UnixStream, client: ClientId, happenings: UnboundedSender<Happening>) {
    let Ok(peer) = stream.peer_cred() else { return };
    let own = rustix::process::getuid().as_raw();
    let identity = identity::of_process(peer.pid(), peer.uid());
    if may_speak(peer.uid(), own) {
        converse(stream, client, identity, happenings).await;
    } else {
        let owner = identity::of_process(None, own).user;
        let message = format!("this run belongs to {owner}; {} cannot act on it", identity.user);
        turn_away(stream, &Response::Failed { message }).await;
    }
}

/// Tells a client why it is not listened to.
async fn turn_away(mut stream: UnixStream, response: &Response) {
    let mut line = serde_json::to_vec(response).unwrap_or_default();
    line.push(b'\n');
    // Whether it is heard or not, nothing of it is read.
    let _gone = stream.write_all(&line).await;
}

/// Has the loop told when nobody opens the door any more: a supervisor that nobody can ask only looks alive.
pub(super) fn watch_door(door: JoinHandle<()>, happenings: &UnboundedSender<Happening>) {
    let happenings = happenings.clone();
    tokio::spawn(async move {
        let ended = door.await;
        let what = match ended {
            Ok(()) => "its socket takes no connections any more".to_owned(),
            Err(error) => format!("its socket takes no connections any more: {error}"),
        };
        // The loop outlives this; if it is gone, so is the run.
        let _gone = happenings.send(Happening::Broken { what });
    });
}
