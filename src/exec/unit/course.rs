//! The course of one unit: takes what happens, keeps the state, and decides when it is over.

use super::settle::settle;
use super::stop::{Reason, Stop};
use super::waiting::Waiting;
use super::{Control, UnitError, UnitEvent, UnitSpec, watch_leader, watch_output};
use crate::domain::outcome::{LeftProcess, ProcessEnd};
use crate::domain::run::Containment;
use crate::exec::group::{self, ProcessId, ProcessStat, Reader, Tree};
use crate::exec::guard::guarded;
use crate::exec::output::{Drain, Drained, LastCall, Log, Notice, QUIET_AFTER};
use crate::exec::pty::{self, Spawned};
use rustix::process::Signal;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
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
/// How long the end of a tree may take after a panic.
const RESCUE_PATIENCE: Duration = Duration::from_secs(10);

/// A unit on its way.
pub(super) struct Course<'a> {
    spec: UnitSpec,
    child: Child,
    master: Arc<OwnedFd>,
    leader: ProcessId,
    tree: Tree,
    contained: Containment,
    alive: Vec<ProcessStat>,
    begun: Instant,
    events: &'a dyn Fn(UnitEvent),
    requests: Receiver<Control>,
    last_call: Arc<LastCall>,
    exit: Option<(ExitStatus, Instant)>,
    hung_up: bool,
    stop: Option<Stop>,
    log_failed: Option<String>,
    /// What failed here, in this program.
    fault: Option<String>,
    waiting: Waiting,
    /// Who was found waiting for input last.
    reader: Option<Reader>,
    input: Vec<u8>,
    /// Whether a drain will tell how it ended.
    drains: bool,
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
        let joined = match (&spec.cgroup, spawned.outside) {
            (Ok(cgroup), None) => Ok(cgroup.clone()),
            (Ok(_), Some(why)) => Err(why),
            (Err(why), _) => Err(why.clone()),
        };
        let contained = match &joined {
            Ok(cgroup) => Containment::Cgroup { path: cgroup.path().to_string_lossy().into_owned() },
            Err(why) => Containment::Tree { why: why.clone() },
        };
        let tree = Tree::new(leader, &spawned.slave, mark.as_deref()).within(joined.ok());
        Self {
            spec,
            child: spawned.child,
            master: spawned.master,
            leader,
            tree,
            contained,
            alive: Vec::new(),
            begun,
            events,
            requests,
            last_call,
            exit: None,
            hung_up: false,
            stop: None,
            log_failed: None,
            fault: None,
            waiting: Waiting::default(),
            reader: None,
            input: Vec::new(),
            drains: false,
            drained: None,
            held_since: None,
        }
    }

    /// Runs to the end and returns the last event, whatever happens on the way; `held` was asked before there was a process.
    pub(super) fn run(mut self, log: Log, held: Vec<Control>, control: &Sender<Control>) -> UnitEvent {
        match guarded(|| self.go(log, held, control)) {
            Ok(end) => end,
            Err(error) => self.rescue(error),
        }
    }

    fn go(&mut self, log: Log, held: Vec<Control>, control: &Sender<Control>) -> UnitEvent {
        let ProcessId { pid, start_time } = self.leader;
        (self.events)(UnitEvent::Started { pid, start_time, contained: self.contained.clone() });
        if let Err(error) = self.watch(log, control) {
            // Nothing of it would be recorded.
            self.drain_broke(format!("no thread to watch the step: {error}"));
        }
        let mut look_at = Instant::now() + if held.is_empty() { CALM } else { Duration::ZERO };
        for request in held {
            self.take(request);
        }
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

    /// Ends the whole tree at once after a panic: nobody is there any more to stop it in stages.
    fn rescue(&mut self, error: String) -> UnitEvent {
        self.fault = Some(error);
        if !self.drains {
            self.drained = Some(self.undrained());
        }
        let until = Instant::now() + RESCUE_PATIENCE;
        let killed = guarded(|| {
            loop {
                self.alive = self.tree.scan();
                self.reap_leader(Instant::now());
                if self.exit.is_some() && self.alive.is_empty() || Instant::now() > until {
                    return;
                }
                self.tree.kill_cgroup();
                for process in &self.alive {
                    group::send(process.id, Signal::KILL);
                }
                std::thread::sleep(BUSY);
            }
        });
        if killed.is_err() {
            group::send(self.leader, Signal::KILL);
        }
        self.finish()
    }

    fn watch(&mut self, log: Log, control: &Sender<Control>) -> io::Result<()> {
        watch_leader(self.leader.pid, control.clone())?;
        let phrases = std::mem::take(&mut self.spec.failure_phrases);
        let last_call = Arc::clone(&self.last_call);
        let drain = Drain::new(Arc::clone(&self.master), log, last_call, phrases, self.spec.progress);
        watch_output(drain, control.clone())?;
        self.drains = true;
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
            Control::Input { bytes, hidden, typed } => {
                typed.give(self.input(&bytes, hidden));
                return !self.input.is_empty();
            }
            Control::LeaderExited | Control::Born(_) => {}
            Control::Output(notice) => return self.notice(notice),
            Control::Drained(drained) => self.drained = Some(drained),
            Control::DrainBroken(error) => self.drain_broke(error),
        }
        true
    }

    fn input(&mut self, bytes: &[u8], hidden: bool) -> Result<(), UnitError> {
        if hidden && !self.echo_is_off() {
            return Err(UnitError::Shown);
        }
        let room = INPUT_LIMIT.saturating_sub(self.input.len());
        self.input.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.type_input();
        Ok(())
    }

    /// Tells whether nothing shows what is typed: neither the terminal, nor the one behind it where sudo has put
    /// the reader on its own.
    fn echo_is_off(&self) -> bool {
        let behind = self.reader.as_ref().and_then(|reader| reader.behind.as_deref());
        behind.map_or_else(|| !pty::echoes(&self.master), |terminal| !pty::echoes_at(terminal))
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
        self.log_failed = Some(error);
        self.begin_stop(Reason::LogFailed);
    }

    /// Without its drain a step stands still at its next line, and nothing of it would be recorded.
    fn drain_broke(&mut self, error: String) {
        self.hung_up = true;
        self.drained = Some(self.undrained());
        self.fault = Some(error);
        self.begin_stop(Reason::Fault);
    }

    /// Returns what is known of a log whose drain has not told: its length.
    fn undrained(&self) -> Drained {
        let bytes = std::fs::metadata(&self.spec.log).map_or(0, |log| log.len());
        Drained { bytes, phrases: Vec::new() }
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
            if stop.is_killing() {
                self.tree.kill_cgroup();
            }
            if let Some(stage) = stop.step(self.leader, &self.alive, now) {
                (self.events)(UnitEvent::Stopping { stage });
            }
        } else if self.waiting.needs_look() {
            self.reader = self.tree.reader_of_terminal(&self.alive);
            let behind = self.reader.as_ref().and_then(|reader| reader.behind.as_deref());
            let secret = match behind {
                Some(terminal) => !pty::echoes_at(terminal),
                None => pty::swallows(&self.master),
            };
            if let Some(event) = self.waiting.judge(self.reader.is_some(), secret, now) {
                (self.events)(event);
            }
        }
        let gone = self.exit.is_some() && self.alive.is_empty() && self.hung_up;
        gone || self.stop.as_ref().is_some_and(|stop| stop.is_hopeless(now, self.spec.kill_patience))
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
            None => self.begin_stop(Reason::Leak { who: self.alive.iter().map(left).collect() }),
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

    fn finish(&mut self) -> UnitEvent {
        if let Ok(cgroup) = &self.spec.cgroup {
            cgroup.close();
        }
        self.last_call.give();
        let until = Instant::now() + DRAIN_PATIENCE;
        while self.drained.is_none() {
            match self.requests.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(request @ Control::Drained(_)) => drop(self.take(request)),
                Ok(Control::DrainBroken(error)) => self.drain_broke(error),
                Ok(Control::Output(Notice::LogFailed(error))) => self.log_failed = Some(error),
                // Telling may be what broke.
                Ok(Control::Output(Notice::Grown { bytes, .. })) if self.fault.is_none() => {
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
        if self.log_failed.is_none() {
            let records = self.spec.records.iter().chain([&self.spec.log]);
            self.log_failed = settle(records.map(PathBuf::as_path)).err();
        }
        let Drained { bytes, phrases } = self.drained.take().unwrap_or_else(|| self.undrained());
        let survivors: Vec<LeftProcess> = self.alive.iter().map(left).collect();
        UnitEvent::Ended { end: self.end(), phrases, bytes, duration: self.begun.elapsed(), survivors }
    }

    fn end(&self) -> ProcessEnd {
        if let Some(error) = &self.fault {
            return ProcessEnd::Faulted { error: error.clone() };
        }
        if let Some(error) = &self.log_failed {
            return ProcessEnd::LogFailed { error: error.clone() };
        }
        let status = self.exit.map(|(status, _)| status);
        let code = status.and_then(|status| status.code());
        let signal = status.and_then(|status| status.signal()).unwrap_or(9);
        match self.stop.as_ref().map(|stop| (&stop.reason, stop.has_killed())) {
            Some((Reason::Cancel, killed)) => ProcessEnd::Cancelled { killed },
            Some((Reason::Timeout { limit }, _)) => ProcessEnd::TimedOut { limit_s: limit.as_secs() },
            // A shell reports a signal as 128 + its number, and so do we.
            Some((Reason::Leak { who }, _)) => ProcessEnd::Leaky {
                code: code.unwrap_or(128 + signal),
                survivors: who.len(),
                who: who.clone(),
            },
            // These two have been told above.
            Some((Reason::LogFailed | Reason::Fault, _)) | None => {
                code.map_or(ProcessEnd::Signalled { signal }, |code| ProcessEnd::Exited { code })
            }
        }
    }
}

fn left(process: &ProcessStat) -> LeftProcess {
    let pid = process.id.pid;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    LeftProcess { pid, name: name.trim_end().to_owned() }
}
