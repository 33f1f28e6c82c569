//! The course of one unit: takes what happens, keeps the state, and decides when it is over.

use super::stop::{Reason, Stop};
use super::waiting::Waiting;
use super::{Control, Survivor, UnitEvent, UnitSpec, watch_leader, watch_output};
use crate::domain::outcome::ProcessEnd;
use crate::exec::group::{ProcessId, ProcessStat, Tree};
use crate::exec::output::{Drain, Drained, LastCall, Notice, QUIET_AFTER};
use crate::exec::pty::{self, Spawned};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// How often the tree is looked at while all is well, so that its members are known when they scatter.
const CALM: Duration = Duration::from_secs(1);
/// How often while something is about to end.
const BUSY: Duration = Duration::from_millis(40);
/// How long the PTY may stay open after the tree is gone before its holders are searched for.
const HOLDERS_AFTER: Duration = Duration::from_millis(300);
/// How much typed input may wait for the command to take it.
const INPUT_LIMIT: usize = 64 * 1024;
/// How long the drain may take to end after its last call.
const DRAIN_PATIENCE: Duration = Duration::from_secs(5);

/// A unit on its way.
pub(super) struct Course<'a> {
    spec: UnitSpec,
    child: Child,
    master: Arc<OwnedFd>,
    leader: ProcessId,
    tree: Tree,
    alive: Vec<ProcessStat>,
    begun: Instant,
    events: &'a dyn Fn(UnitEvent),
    requests: Receiver<Control>,
    last_call: Arc<LastCall>,
    exit: Option<(ExitStatus, Instant)>,
    hung_up: bool,
    stop: Option<Stop>,
    log_failed: Option<String>,
    waiting: Waiting,
    input: Vec<u8>,
    drained: Option<Drained>,
    /// Since when the tree has been empty with the PTY still open.
    held_since: Option<Instant>,
}

impl<'a> Course<'a> {
    pub(super) fn new(
        spec: UnitSpec,
        spawned: Spawned,
        begun: Instant,
        events: &'a dyn Fn(UnitEvent),
        requests: Receiver<Control>,
        last_call: Arc<LastCall>,
    ) -> Self {
        let pid = spawned.child.id().cast_signed();
        // Unreaped, so it has a stat for certain; without one nothing would ever match, and nothing be signalled.
        let leader = ProcessStat::of(pid).map_or(ProcessId { pid, start_time: u64::MAX }, |stat| stat.id);
        let mark = spec.mark.as_ref().and_then(|name| Some(format!("{name}={}", spec.env.get(name)?)));
        let tree = Tree::new(leader, &spawned.slave, mark.as_deref());
        Self {
            spec,
            child: spawned.child,
            master: spawned.master,
            leader,
            tree,
            alive: Vec::new(),
            begun,
            events,
            requests,
            last_call,
            exit: None,
            hung_up: false,
            stop: None,
            log_failed: None,
            waiting: Waiting::default(),
            input: Vec::new(),
            drained: None,
            held_since: None,
        }
    }

    /// Runs to the end and returns the last event.
    pub(super) fn run(mut self, log: File, control: &Sender<Control>) -> UnitEvent {
        (self.events)(UnitEvent::Started { pid: self.leader.pid, start_time: self.leader.start_time });
        if let Err(error) = self.watch(log, control) {
            // Without its watchers nothing would be recorded: as good as a log that cannot be written.
            self.log_failed(error.to_string());
            self.hung_up = true;
            self.drained = Some(Drained::default());
        }
        let mut look_at = Instant::now() + CALM;
        loop {
            let patience = look_at.saturating_duration_since(Instant::now());
            let mut looks = false;
            match self.requests.recv_timeout(patience) {
                Ok(request) => looks |= self.take(request),
                Err(RecvTimeoutError::Timeout) => looks = true,
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(BUSY),
            }
            while let Ok(request) = self.requests.try_recv() {
                looks |= self.take(request);
            }
            if looks || Instant::now() >= look_at {
                if self.look(Instant::now()) {
                    break;
                }
                look_at = Instant::now() + self.next_look();
            }
        }
        self.finish()
    }

    fn watch(&mut self, log: File, control: &Sender<Control>) -> io::Result<()> {
        watch_leader(self.leader.pid, control.clone())?;
        let phrases = std::mem::take(&mut self.spec.failure_phrases);
        let last_call = Arc::clone(&self.last_call);
        let drain = Drain::new(Arc::clone(&self.master), log, last_call, phrases, self.spec.progress);
        watch_output(drain, control.clone())?;
        Ok(())
    }

    /// Takes one request or notice. Returns whether it asks for a look at the processes.
    fn take(&mut self, request: Control) -> bool {
        match request {
            Control::Cancel => self.begin_stop(Reason::Cancel),
            Control::Kill => {
                if let Some(stop) = &mut self.stop {
                    stop.kill(Instant::now());
                }
            }
            Control::Input(bytes) => {
                let room = INPUT_LIMIT.saturating_sub(self.input.len());
                self.input.extend_from_slice(&bytes[..bytes.len().min(room)]);
                self.type_input();
                return !self.input.is_empty();
            }
            Control::LeaderExited => {}
            Control::Output(notice) => return self.notice(notice),
            Control::Drained(drained) => self.drained = Some(drained),
        }
        true
    }

    fn notice(&mut self, notice: Notice) -> bool {
        match notice {
            Notice::Grown { bytes, lines } => {
                (self.events)(UnitEvent::Output { bytes_total: bytes });
                if self.waiting.output(lines) {
                    (self.events)(UnitEvent::InputTaken);
                }
                return false;
            }
            Notice::Progress(progress) => {
                (self.events)(UnitEvent::Progress(progress));
                return false;
            }
            Notice::Quiet { line, alternate_screen } => {
                let since = Instant::now().checked_sub(QUIET_AFTER).unwrap_or(self.begun);
                self.waiting.quiet(&line, alternate_screen, since);
            }
            Notice::HungUp => self.hung_up = true,
            Notice::Reopened => self.hung_up = false,
            Notice::LogFailed(error) => self.log_failed(error),
        }
        true
    }

    fn log_failed(&mut self, error: String) {
        self.log_failed = Some(error.clone());
        self.begin_stop(Reason::LogFailed { error });
    }

    fn begin_stop(&mut self, reason: Reason) {
        if self.stop.is_none() {
            self.stop = Some(Stop::new(reason, self.spec.grace, Instant::now()));
        }
    }

    /// Looks at the processes and does what is due. Returns whether the unit is over.
    fn look(&mut self, now: Instant) -> bool {
        // Before the leader is reaped, while its pid still keeps group and session from being used again.
        self.alive = self.tree.scan();
        self.reap_leader(now);
        self.type_input();
        if self
            .spec
            .timeout
            .is_some_and(|limit| self.exit.is_none() && now.duration_since(self.begun) >= limit)
        {
            self.begin_stop(Reason::Timeout { limit: self.spec.timeout.unwrap_or_default() });
        }
        self.find_holders(now);
        self.lose_patience(now);
        if let Some(stop) = &mut self.stop {
            if let Some(stage) = stop.step(self.leader, &self.alive, now) {
                (self.events)(UnitEvent::Stopping { stage });
            }
        } else if self.waiting.needs_look() {
            let reading = self.tree.reader_of_terminal(&self.alive).is_some();
            if let Some(event) = self.waiting.judge(reading, pty::echo_is_off(&self.master), now) {
                (self.events)(event);
            }
        }
        let gone = self.exit.is_some() && self.alive.is_empty() && self.hung_up;
        gone || self.stop.as_ref().is_some_and(|stop| stop.is_hopeless(now))
    }

    fn reap_leader(&mut self, now: Instant) {
        if self.exit.is_none()
            && let Ok(Some(status)) = self.child.try_wait()
        {
            self.exit = Some((status, now));
        }
    }

    /// Makes members of those who hold the PTY although the tree is empty.
    fn find_holders(&mut self, now: Instant) {
        if self.exit.is_none() || self.hung_up || !self.alive.is_empty() {
            self.held_since = None;
            return;
        }
        let since = *self.held_since.get_or_insert(now);
        if now.duration_since(since) >= HOLDERS_AFTER {
            self.tree.adopt_holders();
            self.alive = self.tree.scan();
        }
    }

    fn lose_patience(&mut self, now: Instant) {
        let Some((_, at)) = self.exit else { return };
        if now.duration_since(at) < self.spec.leak_patience || (self.alive.is_empty() && self.hung_up) {
            return;
        }
        match &mut self.stop {
            None => self.begin_stop(Reason::Leak { survivors: self.alive.len() }),
            // A terminal held by somebody who cannot be found must not hold the unit for ever.
            Some(stop) if self.alive.is_empty() => stop.kill(now),
            Some(_) => {}
        }
    }

    fn next_look(&self) -> Duration {
        if self.stop.is_some() || self.exit.is_some() || !self.input.is_empty() {
            return BUSY;
        }
        let until_timeout = self.spec.timeout.map(|limit| limit.saturating_sub(self.begun.elapsed()));
        until_timeout.unwrap_or(CALM).min(CALM)
    }

    fn type_input(&mut self) {
        while !self.input.is_empty() {
            match rustix::io::write(&self.master, &self.input) {
                Ok(count) if count > 0 => drop(self.input.drain(..count)),
                Err(rustix::io::Errno::INTR) => {}
                Ok(_) | Err(rustix::io::Errno::AGAIN) => return,
                // Nobody is there to read it.
                Err(_) => self.input.clear(),
            }
        }
    }

    fn finish(mut self) -> UnitEvent {
        self.last_call.give();
        let until = Instant::now() + DRAIN_PATIENCE;
        while self.drained.is_none() {
            match self.requests.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(request @ Control::Drained(_)) => drop(self.take(request)),
                Ok(Control::Output(Notice::LogFailed(error))) => self.log_failed = Some(error),
                Ok(Control::Output(Notice::Grown { bytes, .. })) => {
                    (self.events)(UnitEvent::Output { bytes_total: bytes });
                }
                Ok(_) => {}
                // The log's disk does not answer: what is in it can no longer be told.
                Err(_) => {
                    self.log_failed.get_or_insert_with(|| "the log's disk does not answer".to_owned());
                    break;
                }
            }
        }
        let Drained { bytes, phrases } = self.drained.take().unwrap_or_default();
        let survivors = self.alive.iter().map(survivor).collect();
        UnitEvent::Ended { end: self.end(), phrases, bytes, duration: self.begun.elapsed(), survivors }
    }

    fn end(&self) -> ProcessEnd {
        let status = self.exit.map(|(status, _)| status);
        let code = status.and_then(|status| status.code());
        let signal = status.and_then(|status| status.signal()).unwrap_or(9);
        if let Some(Stop { reason: Reason::LogFailed { error }, .. }) = &self.stop {
            return ProcessEnd::LogFailed { error: error.clone() };
        }
        match (&self.stop, &self.log_failed) {
            (Some(stop), None) => match stop.reason.clone() {
                Reason::Cancel => ProcessEnd::Cancelled { killed: stop.has_killed() },
                Reason::Timeout { limit } => ProcessEnd::TimedOut { limit_s: limit.as_secs() },
                Reason::LogFailed { error } => ProcessEnd::LogFailed { error },
                // A shell reports a signal as 128 + its number, and so do we.
                Reason::Leak { survivors } => {
                    ProcessEnd::Leaky { code: code.unwrap_or(128 + signal), survivors }
                }
            },
            (_, Some(error)) => ProcessEnd::LogFailed { error: error.clone() },
            (None, None) => code.map_or(ProcessEnd::Signalled { signal }, |code| ProcessEnd::Exited { code }),
        }
    }
}

fn survivor(process: &ProcessStat) -> Survivor {
    let pid = process.id.pid;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Survivor { pid, name: name.trim_end().to_owned() }
}
