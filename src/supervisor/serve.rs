//! The supervisor's process: a session of its own, its loop, its end.
//!
//! How it comes into being is in `begin`, who can ask it in `door`. What it says on its standard output, whoever
//! started it waits for: once, and nothing else is ever printed here.

use super::begin::{Unable, begin};
use super::door::{accept, listen, short_socket, watch_door};
use super::fail_closed::{Halt, panicked};
use super::happening::Happening;
use super::locks::LockError;
use super::run_loop::{ABANDON_GRACE, RESOURCE_POLL, Supervisor};
use super::take_over::Order;
use crate::domain::name::RunId;
use crate::journal::store::Store;
use futures_util::FutureExt as _;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

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

fn say(hello: &Hello) {
    let mut line = serde_json::to_vec(hello).unwrap_or_default();
    line.push(b'\n');
    // Whoever started it may be gone; the run goes on all the same.
    let _gone = std::io::stdout().write_all(&line).and_then(|()| std::io::stdout().flush());
}

async fn live(
    mut supervisor: Supervisor,
    mut happenings: UnboundedReceiver<Happening>,
) -> anyhow::Result<()> {
    let (folder, path) = short_socket(&supervisor.dir)?;
    let listener = listen(&path)?;
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
