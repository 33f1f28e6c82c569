//! One step's command from start to end: the state machine around a process tree, a PTY and a log.
//!
//! A unit is over when its leader has been reaped, nobody of its tree is left, and its PTY is at the end.
//! What holds on after the patience for leaks is stopped and reported. Stopping is staged: TERM to the
//! script's shell, then to the rest, a grace that everybody can see, and KILL on a second request only
//! (except after a timeout or a failed log, where nobody may be there to ask).
//!
//! Four threads: one starts the command and is gone then, one drains the PTY, one waits for the leader, and the
//! unit's own decides. A [`UnitEvent`] is a fact; none carries log bytes.

use super::cgroup::Cgroup;
use super::group;
use super::guard::{Owed, guarded};
use super::output::{Drain, Drained, LastCall, Log, Notice};
use super::phrases::Phrase;
use super::pty::{PtySize, Spawned};
use crate::domain::outcome::{LeftProcess, PhraseHit, ProcessEnd};
use crate::domain::progress::{Progress, ProgressFormat};
use crate::domain::run::Containment;
use course::Course;
use rustix::process::{Pid, WaitId, WaitIdOptions};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

mod birth;
mod course;
mod settle;
mod stop;
mod waiting;

/// Everything that is needed to run one step's command.
#[derive(Debug, Clone)]
pub struct UnitSpec {
    /// The program and its arguments, executed as they are.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// A variable of `env` whose value no other attempt has: orphans are recognised by it.
    pub mark: Option<String>,
    /// The cgroup that it is born in, which is removed when it has ended; or why it has none.
    pub cgroup: Result<Cgroup, String>,
    /// The working directory.
    pub cwd: PathBuf,
    /// The log, which must not exist yet.
    pub log: PathBuf,
    /// What else it writes about itself, which is brought to the disk with the log before its end is told.
    pub records: Vec<PathBuf>,
    /// The size of the terminal that the command sees.
    pub pty_size: PtySize,
    /// How long it may run.
    pub timeout: Option<Duration>,
    /// What a good run never prints.
    pub failure_phrases: Vec<Phrase>,
    /// How to read its progress.
    pub progress: ProgressFormat,
    /// How long processes may outlive the leader before they count as left behind.
    pub leak_patience: Duration,
    /// How long after TERM before KILL may be asked for, or comes by itself after a timeout.
    pub grace: Duration,
    /// How long KILL may take; who is there after that sleeps in the kernel, and is named.
    pub kill_patience: Duration,
}

impl UnitSpec {
    /// Makes a spec with the usual terminal size and patience (leaks 10 s, grace 10 s) and no extras.
    pub fn new(argv: Vec<String>, env: BTreeMap<String, String>, cwd: PathBuf, log: PathBuf) -> Self {
        Self {
            argv,
            env,
            mark: None,
            cgroup: Err("none was asked for".to_owned()),
            cwd,
            log,
            records: Vec::new(),
            pty_size: PtySize::default(),
            timeout: None,
            failure_phrases: Vec::new(),
            progress: ProgressFormat::None,
            leak_patience: Duration::from_secs(10),
            grace: Duration::from_secs(10),
            kill_patience: Duration::from_secs(10),
        }
    }
}

/// How far stopping a unit has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopStage {
    /// TERM was sent; told once a second, for the countdown.
    Terminating {
        /// What is left of the grace.
        left: Duration,
        /// How many processes are still there.
        alive: usize,
    },
    /// The grace is over and somebody is still there: only KILL will help.
    Overdue {
        /// How many processes are still there.
        alive: usize,
    },
    /// KILL is being sent.
    Killing {
        /// How many processes are still there.
        alive: usize,
    },
}

/// What happened to a unit.
#[derive(Debug, Clone, PartialEq)]
pub enum UnitEvent {
    /// The command runs.
    Started {
        /// The leader's pid.
        pid: i32,
        /// When it started, in clock ticks since boot.
        start_time: u64,
        /// What holds its processes together.
        contained: Containment,
    },
    /// The log has grown; at most every 16 ms.
    Output {
        /// The log's length in bytes.
        bytes_total: u64,
    },
    /// It has come further.
    Progress(Progress),
    /// It waits for somebody to type something.
    WaitingForInput {
        /// The question, free of escape sequences; empty if it asks nothing.
        prompt: String,
        /// Whether what is typed will not be shown: a password.
        secret: bool,
    },
    /// It no longer waits for input.
    InputTaken,
    /// It is being stopped.
    Stopping {
        /// How far that has come.
        stage: StopStage,
    },
    /// It is over. Always the last event, and always sent.
    Ended {
        /// How it ended.
        end: ProcessEnd,
        /// The failure phrases that were found.
        phrases: Vec<PhraseHit>,
        /// The log's length in bytes.
        bytes: u64,
        /// From start to end.
        duration: Duration,
        /// Who is still there although everything was tried.
        survivors: Vec<LeftProcess>,
    },
}

/// The error of a request that does not fit the unit's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// The unit has ended.
    #[error("the step has ended already")]
    Ended,
    /// KILL is a second step.
    #[error("the step has not been asked to stop: cancel it first, kill it if that does not help")]
    NotStopping,
    /// What must not be shown would be.
    #[error(
        "nothing was typed: the step's terminal would show it by now; look at what it asks, and answer again"
    )]
    Shown,
}

/// What the unit's thread is told.
#[derive(Debug)]
enum Control {
    Cancel,
    Kill,
    Input {
        bytes: Vec<u8>,
        hidden: bool,
        typed: Owed<Result<(), UnitError>>,
    },
    /// The command is started, or cannot be.
    Born(Box<Result<Spawned, ProcessEnd>>),
    LeaderExited,
    Output(Notice),
    Drained(Drained),
    DrainBroken(String),
}

/// The way to a running unit. Dropping it changes nothing for the unit.
#[derive(Debug)]
pub struct UnitHandle {
    control: Sender<Control>,
    cancelled: AtomicBool,
    thread: JoinHandle<()>,
}

impl UnitHandle {
    /// Asks the unit to stop: TERM to its shell, then to the rest of its tree; one that has not started never does.
    pub fn cancel(&self) -> Result<(), UnitError> {
        self.cancelled.store(true, Ordering::Relaxed);
        self.tell(Control::Cancel)
    }

    /// Ends whatever TERM has not ended. Refused before [`UnitHandle::cancel`].
    pub fn kill(&self) -> Result<(), UnitError> {
        self.may_kill()?;
        self.tell(Control::Kill)
    }

    /// Says whether [`UnitHandle::kill`] would be refused, and why.
    pub fn may_kill(&self) -> Result<(), UnitError> {
        if self.is_over() {
            return Err(UnitError::Ended);
        }
        if self.cancelled.load(Ordering::Relaxed) { Ok(()) } else { Err(UnitError::NotStopping) }
    }

    /// Types `bytes` on the unit's terminal, and calls `typed` with what came of it.
    ///
    /// What is `hidden` is not typed where the terminal shows what is typed: it would stand in the log for good.
    pub fn write_input(
        &self,
        bytes: Vec<u8>,
        hidden: bool,
        typed: impl FnOnce(Result<(), UnitError>) + Send + 'static,
    ) {
        let typed = Owed::new(|answer: Option<_>| typed(answer.unwrap_or(Err(UnitError::Ended))));
        // What cannot be sent is dropped, and the debt with it told as lost.
        let _told = self.tell(Control::Input { bytes, hidden, typed });
    }

    /// Returns whether the unit has ended and its last event was sent.
    pub fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until the unit has ended and its last event was sent.
    pub fn join(self) {
        // A panic of the unit's thread has been reported by the panic hook already.
        let _ended = self.thread.join();
    }

    fn tell(&self, control: Control) -> Result<(), UnitError> {
        self.control.send(control).map_err(|_| UnitError::Ended)
    }
}

/// Runs one step's command.
#[derive(Debug)]
pub struct Unit;

impl Unit {
    /// Creates the log, has the command started, and tells `events` what happens until it has ended.
    ///
    /// It does not wait for the start, which may be on a mount that hangs. A log that cannot be created or a command that
    /// cannot be started are ends like others, told by [`UnitEvent::Ended`]. An error means that the system gives no threads
    /// or descriptors.
    pub fn start(spec: UnitSpec, events: impl Fn(UnitEvent) + Send + 'static) -> io::Result<UnitHandle> {
        let (control, requests) = channel();
        let last_call = Arc::new(LastCall::new()?);
        let told = control.clone();
        let (hand_over, handed) = channel::<Result<Log, ProcessEnd>>();
        let (begun, path) = (Instant::now(), spec.log.clone());
        let body = move || {
            // Nothing comes only where making the log panicked, and its caller with it.
            let Ok(log) = handed.recv() else { return };
            let lived = log.and_then(|log| match birth::born(&spec, begun, &requests, &told) {
                Ok((spawned, held)) => Ok((log, spawned, held)),
                Err(end) => {
                    log.close();
                    Err(end)
                }
            });
            let end = match lived {
                Err(end) => {
                    if let Ok(cgroup) = &spec.cgroup {
                        cgroup.close();
                    }
                    ended(end, begun)
                }
                Ok((log, spawned, held)) => {
                    let id = group::ProcessStat::of(spawned.child.id().cast_signed()).map(|stat| stat.id);
                    let course = || {
                        let course = Course::new(spec, spawned, begun, &events, requests, last_call);
                        course.run(log, held, &told)
                    };
                    guarded(course).unwrap_or_else(|error| {
                        // Not even the course's own rescue got through: its session goes down with its leader.
                        let _gone = id.is_some_and(|id| group::send(id, rustix::process::Signal::KILL));
                        ended(ProcessEnd::Faulted { error }, begun)
                    })
                }
            };
            events(end);
        };
        // The thread before the command, which must not run unwatched where there is no thread to be had.
        let thread = std::thread::Builder::new().name("unit".into()).spawn(body)?;
        let log = Log::create(&path)
            .map_err(|error| ProcessEnd::LogFailed { error: format!("{}: {error}", path.display()) });
        // The thread waits for it.
        let _taken = hand_over.send(log);
        Ok(UnitHandle { control, cancelled: AtomicBool::new(false), thread })
    }
}

fn ended(end: ProcessEnd, begun: Instant) -> UnitEvent {
    let duration = begun.elapsed();
    UnitEvent::Ended { end, phrases: Vec::new(), bytes: 0, duration, survivors: Vec::new() }
}

/// Starts the thread that tells when the leader has exited, and leaves its status to be reaped.
fn watch_leader(pid: i32, control: Sender<Control>) -> io::Result<JoinHandle<()>> {
    let body = move || {
        if let Some(pid) = Pid::from_raw(pid) {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(rustix::process::waitid(WaitId::Pid(pid), options), Err(rustix::io::Errno::INTR)) {
            }
        }
        // The unit may have given up on a leader that cannot die; then nobody listens any more.
        let _told = control.send(Control::LeaderExited);
    };
    std::thread::Builder::new().name("unit-leader".into()).spawn(body)
}

/// Starts the thread that drains the PTY.
fn watch_output(drain: Drain, control: Sender<Control>) -> io::Result<JoinHandle<()>> {
    let body = move || {
        let drained = guarded(|| {
            drain.run(|notice| {
                let _told = control.send(Control::Output(notice));
            })
        });
        let _told = control.send(match drained {
            Ok(drained) => Control::Drained(drained),
            Err(error) => Control::DrainBroken(error),
        });
    };
    std::thread::Builder::new().name("unit-output".into()).spawn(body)
}

#[cfg(test)]
mod tests;
