//! The supervisor's process: a session of its own, its socket, its loop, its end.

use super::control::{Request, Response};
use super::fail_closed::{Halt, panicked};
use super::happening::{ClientId, Happening};
use super::identity;
use super::locks::{LockError, Locks};
use super::recovery::House;
use super::run_loop::{ABANDON_GRACE, RESOURCE_POLL, Supervisor};
use super::take_over::{Order, TakeOverError, Taker};
use crate::catalog;
use crate::compose::probe::Prober;
use crate::domain::catalog::Catalog;
use crate::domain::file_digest::FileDigest;
use crate::domain::live::Live;
use crate::domain::name::{ReleaseId, RunId};
use crate::domain::run::{Event, RunState};
use crate::exec::cgroup::Ground;
use crate::journal::JournalError;
use crate::journal::lock::{Elsewhere, Holder};
use crate::journal::store::{RunDir, Store};
use crate::journal::writer::Writer;
use futures_util::FutureExt as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The longest request, in bytes.
const LONGEST_REQUEST: usize = 64 * 1024;
/// The least time between two reports of the moment.
const LIVE_EVERY: Duration = Duration::from_millis(50);
/// How often it is looked whether the run's folder is still there.
const FOLDER_EVERY: Duration = Duration::from_secs(10);
/// How long connections may fail to be taken before the door counts as broken, and how often that is tried.
const DOOR_PATIENCE: Duration = Duration::from_mins(1);
const DOOR_EVERY: Duration = Duration::from_millis(100);

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
///
/// `unscoped` is why systemd gave it no scope of its own, where whoever started it knows that.
pub fn serve(state: &Path, run: &RunId, order: &Order, unscoped: Option<&str>) -> anyhow::Result<()> {
    // A supervisor that was started by hand may lead its group already; then it has a session to stay in.
    let _leader = rustix::process::setsid();
    crate::exec::signals::defaults_for_children()?;
    crate::exec::group::adopt_orphans()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let begun = runtime.block_on(async {
        let store = Store::open(state)?;
        let dir = store.run(run);
        begin(&store, &dir, order, unscoped).await
    });
    let (supervisor, happenings) = match begun {
        Ok(begun) => begun,
        Err(error) => {
            say(&match &error {
                Unable::Lock(LockError::RunBusy) => Hello::Attended,
                Unable::Refused(_)
                | Unable::Lock(
                    LockError::LaneBusy { .. }
                    | LockError::LaneElsewhere { .. }
                    | LockError::RunElsewhere { .. },
                ) => Hello::Locked { message: error.to_string() },
                Unable::Journal(error) | Unable::Lock(LockError::Journal(error)) => {
                    Hello::Failed { message: error.advice("try again") }
                }
                Unable::Catalog(_) | Unable::CatalogAltered { .. } => {
                    Hello::Failed { message: error.to_string() }
                }
            });
            return Ok(());
        }
    };
    runtime.block_on(live(supervisor, happenings))
}

/// Why a supervisor cannot begin.
#[derive(Debug, thiserror::Error)]
enum Unable {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the run's catalog cannot be used any more:\n{0}")]
    Catalog(String),
    #[error(
        "{} is not the catalog that run {run} was made with: restore the file, or plan a new run",
        path.display()
    )]
    CatalogAltered { path: PathBuf, run: RunId },
}

impl From<TakeOverError> for Unable {
    fn from(error: TakeOverError) -> Self {
        match error {
            TakeOverError::Lock(error) => Self::Lock(error),
            TakeOverError::Refused(problem) => Self::Refused(problem),
        }
    }
}

fn say(hello: &Hello) {
    let mut line = serde_json::to_vec(hello).unwrap_or_default();
    line.push(b'\n');
    // Whoever started it may be gone; the run goes on all the same.
    let _gone = std::io::stdout().write_all(&line).and_then(|()| std::io::stdout().flush());
}

async fn begin(
    store: &Store,
    dir: &RunDir,
    order: &Order,
    unscoped: Option<&str>,
) -> Result<(Supervisor, UnboundedReceiver<Happening>), Unable> {
    let plan = dir.plan()?;
    let by = identity::own();
    let (since, pid) = (Timestamp::now(), std::process::id());
    let holder = Holder { run: dir.id().clone(), by: by.clone(), since, pid, step: None };
    let elsewhere = if order.take_over { Elsewhere::Override } else { Elsewhere::Respect };
    let mut locks = Locks::take_run(store, dir, holder, elsewhere)?;
    // With the run's lock its journal stands still.
    let found = dir.load()?;
    let (catalog, digest) = own_catalog(dir, found.catalog.as_ref())?;
    // What other runs have by now is none of this one's.
    let own: Vec<ReleaseId> = found.held_lanes().map(|lane| lane.release.clone()).collect();
    let taker = Taker { store, run: dir.id(), by: &by, order };
    let taken = taker.take(&mut locks, &own).await?;
    if let Some(message) = super::survivors::survivor_on(store, dir.id(), &own) {
        return Err(Unable::Refused(message));
    }
    complete_logs(dir);
    let journal = Writer::open(&dir.journal())?;
    let state: RunState = dir.load()?;
    let fresh = state.created.is_none();
    let (happenings, receiver) = unbounded_channel();
    let released = if fresh { own.into_iter().collect() } else { BTreeSet::new() };
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
        vigils: BTreeMap::new(),
        live: Live::default(),
        live_changed: true,
        clients: BTreeMap::new(),
        helm: None,
        looks: BTreeMap::new(),
        prober: Prober::new(),
        ground: Ground::find(Path::new("/"), &House::of(dir).cgroup(dir.id()), unscoped),
        helm_turn: (0, None),
        broken: None,
        asked: fresh,
        begun: Instant::now(),
    };
    if fresh {
        let (run, version) = (dir.id().clone(), env!("CARGO_PKG_VERSION").to_owned());
        let catalog = Some(digest);
        supervisor.record(&Event::RunCreated { run, plan: plan.digest, by, version, catalog })?;
    }
    announce(&mut supervisor, &taken)?;
    Ok((supervisor, receiver))
}

/// Reads the run's own catalog, once, and returns it with its digest; it must be what was `recorded`.
fn own_catalog(dir: &RunDir, recorded: Option<&FileDigest>) -> Result<(Catalog, FileDigest), Unable> {
    let path = dir.catalog();
    let text = std::fs::read_to_string(&path).map_err(JournalError::io("cannot read", &path))?;
    let digest = FileDigest::of(text.as_bytes());
    if recorded.is_some_and(|recorded| *recorded != digest) {
        return Err(Unable::CatalogAltered { path, run: dir.id().clone() });
    }
    let name = catalog::Source::File(path).name();
    let catalog = catalog::parse(&name, text)
        .and_then(|draft| draft.resolve(&catalog::process_environment()))
        .map_err(|errors| Unable::Catalog(errors.to_string()))?;
    Ok((catalog, digest))
}

/// Appends to the logs what the last supervisor had taken from its steps and not yet written when it was killed.
fn complete_logs(dir: &RunDir) {
    for (log, recovered) in crate::exec::landing::recover(&dir.file("steps")) {
        match recovered {
            Ok(0) => {}
            Ok(bytes) => {
                log::info!("{}: {bytes} bytes were still on their way and are in it now", log.display());
            }
            Err(error) => {
                log::warn!("{}: what was on its way there is left beside it: {error}", log.display());
            }
        }
    }
}

/// Records that this process is the supervisor now, and whose releases it took.
fn announce(supervisor: &mut Supervisor, taken: &[Event]) -> Result<(), JournalError> {
    let pid = identity::own_pid();
    supervisor.record(&Event::SupervisorStarted {
        pid,
        start_time: identity::start_time(pid).unwrap_or(0),
        place: identity::place(),
    })?;
    for event in taken {
        supervisor.record(event)?;
    }
    Ok(())
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
    watch_door(tokio::spawn(accept(listener, supervisor.happenings.clone())), &supervisor.happenings);
    say(&Hello::Ready);
    if let Err(halt) = guarded(&mut supervisor, &mut happenings).await {
        return Err(supervisor.fail_closed(&halt, &mut happenings).await);
    }
    if supervisor.dir.path().exists() {
        if let Err(error) = supervisor.end() {
            return Err(supervisor.fail_closed(&error.into(), &mut happenings).await);
        }
        super::report::write(&supervisor.dir, supervisor.state(), &supervisor.catalog.secrets).map_err(
            |error| {
                anyhow::anyhow!(
                    error.advice(&format!("`stagegate report {}` writes it", supervisor.dir.id()))
                )
            },
        )?;
        tokio::task::yield_now().await;
        let _absent = std::fs::remove_file(&path);
    }
    drop(folder);
    Ok(())
}

/// Turns the loop until nothing can move any more, whatever becomes of it.
pub(super) async fn guarded(
    supervisor: &mut Supervisor,
    happenings: &mut UnboundedReceiver<Happening>,
) -> Result<(), Halt> {
    let turned = AssertUnwindSafe(turn(supervisor, happenings)).catch_unwind().await;
    turned.unwrap_or_else(|payload| Err(panicked(payload.as_ref())))
}

/// Has the loop told when nobody opens the door any more: a supervisor that nobody can ask only looks alive.
fn watch_door(door: JoinHandle<()>, happenings: &UnboundedSender<Happening>) {
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

/// Turns the loop until nothing can move any more.
pub(super) async fn turn(
    supervisor: &mut Supervisor,
    happenings: &mut UnboundedReceiver<Happening>,
) -> Result<(), Halt> {
    supervisor.advance()?;
    let mut next_live = Instant::now();
    loop {
        if supervisor.is_settled() {
            return Ok(());
        }
        let wait = if supervisor.has_news() {
            next_live.saturating_duration_since(Instant::now())
        } else if supervisor.waits_for_resource() || supervisor.keeps_vigil() {
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
                if let Some(what) = supervisor.broken.take() {
                    return Err(Halt::Broken(what));
                }
            }
            () = tokio::time::sleep(wait) => {
                if !supervisor.dir.path().exists() {
                    supervisor.abandon();
                    supervisor.join(ABANDON_GRACE);
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
                    let signal = SignalKind::terminate().as_raw_value();
                    if happenings.send(Happening::Terminated { signal }).is_err() { return }
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
                tokio::spawn(converse(stream, ClientId(next), happenings.clone()));
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
async fn converse(stream: UnixStream, client: ClientId, happenings: UnboundedSender<Happening>) {
    let Ok(peer) = stream.peer_cred() else { return };
    let own = rustix::process::getuid().as_raw();
    let identity = identity::of_process(peer.pid(), peer.uid());
    if !may_speak(peer.uid(), own) {
        let owner = identity::of_process(None, own).user;
        let message = format!("this run belongs to {owner}; {} cannot act on it", identity.user);
        turn_away(stream, &Response::Failed { message }).await;
        return;
    }
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

/// Tells a client why it is not listened to.
async fn turn_away(mut stream: UnixStream, response: &Response) {
    let mut line = serde_json::to_vec(response).unwrap_or_default();
    line.push(b'\n');
    // Whether it is heard or not, nothing of it is read.
    let _gone = stream.write_all(&line).await;
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
