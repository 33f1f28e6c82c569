//! The open run: its journal is followed, its supervisor is listened to and asked.
//!
//! The supervisor says when the journal has grown, so the file is looked at rarely in between; where there
//! is no supervisor hardly anything can change. Two connections: one only listens, the other asks and
//! carries the helm.

use super::engine;
use crate::app::Msg;
use crate::app::effect::RunRequest;
use crate::app::msg::Connection;
use crate::domain::name::{RunId, StepId};
use crate::domain::redact::Redactor;
use crate::domain::run::recovery::Interrupted;
use crate::journal::store::{Follower, RunDir};
use crate::runtime::logging::Hidden;
use crate::runtime::secrets;
use crate::supervisor::client::{self, Spawner};
use crate::supervisor::control::{Request, Response};
use crate::supervisor::recovery::Eyes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;

/// How often the journal is looked at while the supervisor tells when it grows.
const TOLD: Duration = Duration::from_secs(2);
/// How often while a supervisor lives that cannot be listened to.
const UNTOLD: Duration = Duration::from_millis(100);
/// How often where no supervisor lives.
const QUIET: Duration = Duration::from_secs(10);

/// A run that is open in the console; dropping it lets go of it.
#[derive(Debug)]
pub(super) struct OpenRun {
    id: RunId,
    requests: UnboundedSender<RunRequest>,
    tasks: [AbortHandle; 2],
}

impl OpenRun {
    /// Begins to follow the run in `dir`.
    pub(super) fn begin(dir: RunDir, spawner: Spawner, tell: UnboundedSender<Msg>, hidden: Hidden) -> Self {
        let id = dir.id().clone();
        let (requests, asked) = unbounded_channel();
        let moved = Arc::new(Notify::new());
        let asking = engine::ask_all(dir.clone(), spawner, asked, tell.clone(), Arc::clone(&moved));
        let following = follow(dir, tell, moved, hidden);
        let tasks = [tokio::spawn(asking).abort_handle(), tokio::spawn(following).abort_handle()];
        Self { id, requests, tasks }
    }

    /// Returns the run's id.
    pub(super) fn id(&self) -> &RunId {
        &self.id
    }

    /// Has its supervisor asked.
    pub(super) fn ask(&self, request: RunRequest) {
        if self.requests.send(request).is_err() {
            log::error!("nobody asks the supervisor of {} any more", self.id);
        }
    }
}

impl Drop for OpenRun {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn follow(dir: RunDir, tell: UnboundedSender<Msg>, moved: Arc<Notify>, hidden: Hidden) {
    let run = dir.id().clone();
    let following = dir.plan().map(|plan| secrets::of_run(&dir, &plan));
    let following = following.and_then(|redactor| Ok((dir.follow_to_show(&redactor)?, redactor)));
    let (follower, redactor) = match following {
        Ok(following) => following,
        Err(error) => {
            // Nobody listens any more once the console has left.
            let _left = tell.send(Msg::RunUnreadable { run, problem: error.to_string() });
            return;
        }
    };
    hidden.run(redactor.clone());
    let truths = BTreeMap::new();
    let mut following =
        Following { dir, run, tell, follower, redactor, shown: None, truths, told: None, lines: None };
    while following.look().await {
        let pause = following.pause();
        tokio::select! {
            line = next(&mut following.lines) => following.heard(line),
            () = moved.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// What is known of the run that is followed.
struct Following {
    dir: RunDir,
    run: RunId,
    tell: UnboundedSender<Msg>,
    follower: Follower,
    redactor: Redactor,
    /// Whether it was alive when it was told last; none before it was told at all.
    shown: Option<bool>,
    /// The truth about its interrupted steps, as it was told last.
    truths: BTreeMap<StepId, Interrupted>,
    /// What was told to be wrong with it.
    told: Option<String>,
    /// What the supervisor says, while it is listened to.
    lines: Option<UnboundedReceiver<Response>>,
}

impl Following {
    /// Reads the journal on and looks whether the supervisor lives; returns whether anybody wants to know.
    async fn look(&mut self) -> bool {
        let grew = self.follower.poll().unwrap_or_else(|error| {
            log::error!("cannot read the journal of {}: {error}", self.run);
            self.say(Msg::TroubleSeen { about: "journal", message: error.to_string() });
            false
        });
        let alive = self.dir.is_alive();
        self.tell_trouble(self.trouble(alive));
        // Before anything of them is cut to what fits.
        let truths = Eyes::default().truths(&self.dir, self.follower.state(), alive).into_iter();
        let truths = truths.map(|(step, truth)| (step, truth.redacted(&self.redactor))).collect();
        if grew || self.shown != Some(alive) || self.truths != truths {
            self.shown = Some(alive);
            self.truths.clone_from(&truths);
            let state = Arc::new(self.follower.state().clone());
            let (run, redactor) = (self.run.clone(), self.redactor.clone());
            self.say(Msg::RunRead { run, state, redactor, alive, truths });
        }
        if alive && self.lines.is_none() {
            self.listen().await;
        }
        !self.tell.is_closed()
    }

    /// Returns what is wrong with the run as its files say it.
    fn trouble(&self, alive: bool) -> Option<String> {
        if let Some(problem) = self.follower.problem() {
            let run = &self.run;
            return Some(format!("journal damaged: {problem}; see `stagegate verify-run {run}`"));
        }
        let failed = self.follower.state().failed.as_ref().filter(|_| !alive);
        failed.map(|(_, reason)| reason.clone())
    }

    /// Tells what is wrong with the run, once.
    fn tell_trouble(&mut self, trouble: Option<String>) {
        if let Some(message) = trouble.filter(|trouble| self.told.as_ref() != Some(trouble)) {
            self.told = Some(message.clone());
            self.say(Msg::TroubleSeen { about: "journal", message });
        }
    }

    fn pause(&self) -> Duration {
        match (self.shown, &self.lines) {
            (Some(true), Some(_)) => TOLD,
            (Some(true), None) => UNTOLD,
            _ => QUIET,
        }
    }

    async fn listen(&mut self) {
        let subscribed = async {
            let mut client = client::connect(&self.dir).await?;
            client.send(&Request::Subscribe).await?;
            Ok::<_, client::ClientError>(client)
        };
        match subscribed.await {
            Ok(mut client) => {
                let (sender, lines) = unbounded_channel();
                // Reading a line must not be broken off in its middle, so it has a task of its own; it ends
                // with the connection or with us.
                tokio::spawn(async move {
                    while let Ok(line) = client.next().await {
                        if sender.send(line).is_err() {
                            return;
                        }
                    }
                });
                self.lines = Some(lines);
                self.connection(Connection::Open);
            }
            Err(error) => {
                log::debug!("the supervisor of {} does not answer yet: {error}", self.run);
                self.connection(Connection::Calling);
            }
        }
    }

    fn heard(&mut self, line: Option<Response>) {
        match line {
            Some(Response::Live { live }) => {
                self.tell_trouble(live.trouble.clone());
                self.say(Msg::LiveTold { run: self.run.clone(), live });
            }
            Some(_) => {}
            None => {
                self.lines = None;
                let connection = if self.dir.is_alive() {
                    Connection::Lost { problem: "the connection to the supervisor broke".to_owned() }
                } else {
                    Connection::NoSupervisor
                };
                self.connection(connection);
            }
        }
    }

    fn connection(&self, connection: Connection) {
        self.say(Msg::ConnectionChanged { run: self.run.clone(), connection });
    }

    fn say(&self, msg: Msg) {
        // Nobody listens any more once the console has left.
        let _left = self.tell.send(msg);
    }
}

async fn next(lines: &mut Option<UnboundedReceiver<Response>>) -> Option<Response> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}
