//! The supervisor's process: a session of its own, its socket, its loop, its end.

use super::control::{Request, Response};
use super::happening::{ClientId, Happening};
use super::identity;
use super::locks::{LockError, Locks};
use super::run_loop::{RESOURCE_POLL, Supervisor};
use crate::catalog;
use crate::domain::live::Live;
use crate::domain::name::RunId;
use crate::domain::run::{Event, RunState};
use crate::journal::JournalError;
use crate::journal::lock::Holder;
use crate::journal::store::{RunDir, Store};
use crate::journal::writer::Writer;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

/// The longest request, in bytes.
const LONGEST_REQUEST: usize = 64 * 1024;
/// The least time between two reports of the moment.
const LIVE_EVERY: Duration = Duration::from_millis(50);
/// How often it is looked whether the run's folder is still there.
const FOLDER_EVERY: Duration = Duration::from_secs(10);

/// What a supervisor says on its standard output once it knows: one JSON line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "supervisor")]
pub enum Hello {
    /// The run is recorded and the socket answers.
    Ready,
    /// Another run has a lane.
    Locked {
        /// The whole sentence.
        message: String,
    },
    /// The run has a supervisor already, which may be about to end.
    Attended,
    /// It cannot begin.
    Failed {
        /// Why.
        message: String,
    },
}

/// Owns the run `run` until nothing of it can move any more.
pub fn serve(state: &std::path::Path, run: &RunId) -> anyhow::Result<()> {
    // A supervisor that was started by hand may lead its group already; then it has a session to stay in.
    let _leader = rustix::process::setsid();
    crate::exec::group::adopt_orphans()?;
    let begun = Store::open(state).map_err(Into::into).and_then(|store| {
        let dir = store.run(run);
        begin(&store, &dir)
    });
    let (supervisor, happenings) = match begun {
        Ok(begun) => begun,
        Err(error) => {
            say(&match &error {
                Unable::Lock(LockError::LaneBusy { .. }) => Hello::Locked { message: error.to_string() },
                Unable::Lock(LockError::RunBusy) => Hello::Attended,
                _ => Hello::Failed { message: error.to_string() },
            });
            return Ok(());
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(live(supervisor, happenings))
}

/// Why a supervisor cannot begin.
#[derive(Debug, thiserror::Error)]
enum Unable {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the run's catalog cannot be used any more:\n{0}")]
    Catalog(String),
}

fn say(hello: &Hello) {
    let mut line = serde_json::to_vec(hello).unwrap_or_default();
    line.push(b'\n');
    // Whoever started it may be gone; the run goes on all the same.
    let _gone = std::io::stdout().write_all(&line).and_then(|()| std::io::stdout().flush());
}

fn begin(store: &Store, dir: &RunDir) -> Result<(Supervisor, UnboundedReceiver<Happening>), Unable> {
    let plan = dir.plan()?;
    let by = identity::own();
    let holder =
        Holder { run: dir.id().clone(), by: by.clone(), since: Timestamp::now(), pid: std::process::id() };
    let locks = Locks::take(store, dir, &plan, holder)?;
    let source = catalog::Source::File(dir.catalog());
    let catalog = catalog::load(&source, &catalog::process_environment())
        .map_err(|errors| Unable::Catalog(errors.to_string()))?;
    let journal = Writer::open(&dir.journal())?;
    let state: RunState = dir.load()?;
    let fresh = state.created.is_none();
    let (happenings, receiver) = unbounded_channel();
    let lanes = plan.lanes.iter().map(|lane| lane.release.clone());
    let released = if fresh { lanes.collect() } else { BTreeSet::new() };
    let mut supervisor = Supervisor {
        dir: dir.clone(),
        catalog: Arc::new(catalog),
        state,
        journal,
        locks,
        happenings,
        busy: BTreeMap::new(),
        looking: BTreeSet::new(),
        released,
        phrases: BTreeMap::new(),
        checked: BTreeMap::new(),
        live: Live::default(),
        live_changed: true,
        clients: BTreeMap::new(),
        helm: None,
        cancel: Arc::default(),
        asked: fresh,
        begun: Instant::now(),
    };
    if fresh {
        supervisor.record(&Event::RunCreated {
            run: dir.id().clone(),
            plan: plan.digest,
            by,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })?;
    }
    let pid = identity::own_pid();
    supervisor.record(&Event::SupervisorStarted {
        pid,
        start_time: identity::start_time(pid).unwrap_or(0),
        boot_id: identity::boot_id(),
    })?;
    Ok((supervisor, receiver))
}

/// Returns a path to the socket of a run that is short enough to bind, however long the folder's own is.
///
/// The kernel takes 107 bytes (`unix(7)`); the folder's descriptor makes any path short.
pub(super) fn short_socket(dir: &RunDir) -> std::io::Result<(std::fs::File, PathBuf)> {
    let folder = std::fs::File::open(dir.path())?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/control.sock", folder.as_raw_fd()));
    Ok((folder, path))
}

async fn live(
    mut supervisor: Supervisor,
    mut happenings: UnboundedReceiver<Happening>,
) -> anyhow::Result<()> {
    let (folder, path) = short_socket(&supervisor.dir)?;
    // The run's lock is ours, so whoever bound it before is dead.
    let _absent = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    watch_signals(supervisor.happenings.clone())?;
    tokio::spawn(accept(listener, supervisor.happenings.clone()));
    say(&Hello::Ready);
    let outcome = turn(&mut supervisor, &mut happenings).await;
    if let Err(error) = outcome {
        log::error!("the run stops: {error}");
        supervisor.abandon();
        supervisor.join();
        return Err(error.into());
    }
    if supervisor.dir.path().exists() {
        supervisor.end()?;
        super::report::write(&supervisor.dir, supervisor.state(), &supervisor.catalog.secrets)?;
        tokio::task::yield_now().await;
        let _absent = std::fs::remove_file(&path);
    }
    drop(folder);
    Ok(())
}

/// Turns the loop until nothing can move any more.
pub(super) async fn turn(
    supervisor: &mut Supervisor,
    happenings: &mut UnboundedReceiver<Happening>,
) -> Result<(), JournalError> {
    supervisor.advance()?;
    let mut next_live = Instant::now();
    loop {
        if supervisor.is_settled() {
            return Ok(());
        }
        let wait = if supervisor.has_news() {
            next_live.saturating_duration_since(Instant::now())
        } else if supervisor.waits_for_resource() {
            RESOURCE_POLL
        } else if supervisor.may_end_by_time() {
            Duration::from_secs(1)
        } else {
            FOLDER_EVERY
        };
        tokio::select! {
            biased;
            happening = happenings.recv() => {
                let Some(happening) = happening else { return Ok(()) };
                supervisor.handle(happening)?;
            }
            () = tokio::time::sleep(wait) => {
                if !supervisor.dir.path().exists() {
                    supervisor.abandon();
                    supervisor.join();
                    return Ok(());
                }
                supervisor.advance()?;
            }
        }
        if supervisor.has_news() && Instant::now() >= next_live {
            supervisor.broadcast();
            next_live = Instant::now() + LIVE_EVERY;
        }
    }
}

fn watch_signals(happenings: UnboundedSender<Happening>) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                Some(()) = terminate.recv() => {
                    if happenings.send(Happening::Terminated).is_err() { return }
                }
                // A lost terminal or a Ctrl-C elsewhere must not end a run.
                Some(()) = hang_up.recv() => {}
                Some(()) = interrupt.recv() => {}
                else => return,
            }
        }
    });
    Ok(())
}

pub(super) async fn accept(listener: UnixListener, happenings: UnboundedSender<Happening>) {
    let mut next = 0;
    while let Ok((stream, _)) = listener.accept().await {
        next += 1;
        tokio::spawn(converse(stream, ClientId(next), happenings.clone()));
    }
}

/// Returns whether a client of this user is listened to: the run's own and root are.
pub(super) fn may_speak(peer: u32, own: u32) -> bool {
    peer == own || peer == 0
}

/// Speaks with one client until it is gone. Other users than root and the run's own are turned away.
async fn converse(stream: UnixStream, client: ClientId, happenings: UnboundedSender<Happening>) {
    let Ok(peer) = stream.peer_cred() else { return };
    if !may_speak(peer.uid(), rustix::process::getuid().as_raw()) {
        return;
    }
    let identity = identity::of_process(peer.pid(), peer.uid());
    let (answers, outgoing) = unbounded_channel::<Response>();
    let (live, moments) = watch::channel(None);
    let connected = Happening::Connected { client, identity, answers: answers.clone(), live };
    if happenings.send(connected).is_err() {
        return;
    }
    let (reading, writing) = stream.into_split();
    tokio::spawn(answer(writing, outgoing, moments));
    listen(reading, client, &answers, &happenings).await;
    // The loop may be over already. Its answers to what was asked before are still written.
    let _gone = happenings.send(Happening::Gone { client });
}

/// Writes answers in order, and the newest moment whenever there is no answer to write.
pub(super) async fn answer(
    mut writing: OwnedWriteHalf,
    mut answers: UnboundedReceiver<Response>,
    mut moments: watch::Receiver<Option<Live>>,
) {
    loop {
        let response = tokio::select! {
            biased;
            answer = answers.recv() => match answer {
                Some(answer) => answer,
                None => return,
            },
            Ok(()) = moments.changed() => match moments.borrow_and_update().clone() {
                Some(live) => Response::Live { live },
                None => continue,
            },
        };
        let mut line = serde_json::to_vec(&response).unwrap_or_default();
        line.push(b'\n');
        if writing.write_all(&line).await.is_err() {
            return;
        }
    }
}

/// Reads requests until the client is gone or sends a line that is none of ours.
async fn listen(
    reading: OwnedReadHalf,
    client: ClientId,
    answers: &UnboundedSender<Response>,
    happenings: &UnboundedSender<Happening>,
) {
    let mut reading = BufReader::new(reading);
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = LONGEST_REQUEST as u64 + 1;
        let Ok(1..) = (&mut reading).take(limit).read_until(b'\n', &mut line).await else { return };
        let told = if line.len() > LONGEST_REQUEST {
            let message = format!("a request has at most {LONGEST_REQUEST} bytes; the connection is closed");
            // Whether it hears that or not, nothing more is read of it.
            let _heard = answers.send(Response::Failed { message });
            return;
        } else {
            match serde_json::from_slice::<Request>(&line) {
                Ok(request) => happenings.send(Happening::Asked { client, request }).is_ok(),
                Err(error) => {
                    answers.send(Response::Failed { message: format!("not a request: {error}") }).is_ok()
                }
            }
        };
        if !told {
            return;
        }
    }
}
