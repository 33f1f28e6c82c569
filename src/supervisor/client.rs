//! The way from a console or a command to a supervisor: start one, reach one, ask it.

use super::control::{Request, Response};
use super::door::short_socket;
use super::scope::{self, Offer, Systemd};
use super::serve::Hello;
use super::take_over::Order;
use crate::domain::plan::Plan;
use crate::journal::JournalError;
use crate::journal::store::{RunDir, Store};
use jiff::Timestamp;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinHandle;

/// How long a supervisor may take until it says hello.
pub const HELLO_PATIENCE: Duration = Duration::from_mins(1);
/// How long one that was killed may take to be gone.
const END_PATIENCE: Duration = Duration::from_secs(10);
/// Where a supervisor writes what it cannot say otherwise.
const ERRORS: &str = "supervisor.log";
/// How much of systemd-run's words is kept, in characters.
const LAST_WORDS: usize = 120;
/// How long a supervisor that has a run may take to answer or to end.
const REACH_PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether it does.
const REACH_EVERY: Duration = Duration::from_millis(20);
/// How often a request is sent whose supervisor ended before it looked at it.
const TRIES: u32 = 5;

/// Why a run could not be started or reached.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Somebody else has the release (exit code 4).
    #[error("{0}")]
    Locked(String),
    /// The run has a supervisor already.
    #[error("the run has a supervisor that does not answer")]
    Attended,
    /// The supervisor could not begin.
    #[error("the run cannot be supervised: {0}")]
    Supervisor(String),
    /// The supervisor went away in the middle of a request.
    #[error("the supervisor of the run went away; look at the run again")]
    Gone,
    /// Its process or socket could not be used.
    #[error("cannot reach the supervisor: {0}")]
    Io(#[from] io::Error),
    /// The files of the run could not be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// How supervisors are started: which program, with which state folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spawner {
    /// The program; this one.
    pub program: PathBuf,
    /// The state folder.
    pub state: PathBuf,
    /// What may give them a scope.
    pub systemd: Systemd,
    /// How long they may take until they say hello.
    pub patience: Duration,
}

impl Spawner {
    /// Makes the spawner of this very program.
    pub fn of_this_program(store: &Store) -> io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            state: store.root().to_owned(),
            systemd: Systemd::default(),
            patience: HELLO_PATIENCE,
        })
    }
}

/// Makes a run of `plan` and starts its supervisor, which takes from other runs what `order` says; returns once
/// the run is recorded.
pub async fn start_run(
    store: &Store,
    spawner: &Spawner,
    plan: &Plan,
    catalog: &str,
    order: &Order,
) -> Result<RunDir, ClientError> {
    let dir = store.create(plan, catalog, Timestamp::now())?;
    let begun = match begin(spawner, &dir, order).await {
        Ok((Some(line), begun)) => {
            begun.leave();
            hello(Some(line))
        }
        Ok((None, begun)) => Err(end_silent(spawner, &dir, begun).await?),
        Err(error) => Err(error),
    };
    match begun {
        Ok(()) => Ok(dir),
        Err(error) => {
            // A run that never began leaves nothing behind; what stays cannot be mistaken for a run.
            let _left = std::fs::remove_dir_all(dir.path());
            Err(error)
        }
    }
}

/// Ends the supervisor of a new run that says nothing: the run's folder is not taken away from one that works in it.
///
/// Returns what is to be said of it once it is gone.
///
/// # Errors
///
/// If the folder must stay: it does not end, or had begun in that very moment.
async fn end_silent(spawner: &Spawner, dir: &RunDir, begun: Begun) -> Result<ClientError, ClientError> {
    let supervisor = |text: String| ClientError::Supervisor(text);
    let late = format!("it did not say within {} s whether it began", spawner.patience.as_secs());
    let run = dir.id();
    let Some(said) = begun.ended().await else {
        return Err(supervisor(format!("{late}, and does not end; see supervisor.log of run {run}")));
    };
    if hello(Some(said)).is_ok() {
        return Err(supervisor(format!("{late}, and was ended; `stagegate resume {run}` goes on with it")));
    }
    Ok(supervisor(format!("{late}, and was ended")))
}

/// Starts a supervisor for an existing run and waits for its hello.
async fn spawn(spawner: &Spawner, dir: &RunDir, order: &Order) -> Result<(), ClientError> {
    let (line, begun) = begin(spawner, dir, order).await?;
    begun.leave();
    hello(line)
}

/// Starts a supervisor; returns its first line, none if it says nothing in time.
///
/// Where systemd manages the host it is started in a scope of its own; where that cannot be had, as it is, and told why.
async fn begin(
    spawner: &Spawner,
    dir: &RunDir,
    order: &Order,
) -> Result<(Option<String>, Begun), ClientError> {
    let unscoped = match spawner.systemd.offer() {
        Offer::Nothing => None,
        Offer::Unable(why) => Some(why.to_owned()),
        Offer::Scope(systemd_run) => match spawn_in_scope(&systemd_run, spawner, dir, order).await {
            Ok(begun) => return Ok(begun),
            Err(why) => Some(format!("no systemd scope: {why}")),
        },
    };
    let mut begun = Begun::start(&spawner.program, &supervise(spawner, dir, order, unscoped), dir)?;
    let line = begun.line(spawner.patience).await;
    Ok((line, begun))
}

/// Has systemd-run start a supervisor in a scope of its own; returns its hello, or why it could not be started there.
async fn spawn_in_scope(
    systemd_run: &Path,
    spawner: &Spawner,
    dir: &RunDir,
    order: &Order,
) -> Result<(Option<String>, Begun), String> {
    let said_before = std::fs::metadata(dir.file(ERRORS)).map_or(0, |log| log.len());
    let mut command = supervise(spawner, dir, order, None);
    command.insert(0, spawner.program.clone().into());
    let started = Begun::start(systemd_run, &scope::arguments(dir, command), dir);
    let mut begun = started.map_err(|error| format!("systemd-run: {error}"))?;
    let patience = spawner.systemd.patience;
    let mut line = begun.line(patience).await;
    if line.is_none() && begun.is_systemd_run() {
        begun.end();
        return Err(format!("systemd-run did not answer within {} s", patience.as_secs()));
    }
    if line.is_none() {
        line = begun.line(spawner.patience).await;
    }
    if line.as_ref().is_some_and(String::is_empty) {
        begun.end();
        return Err(last_words(dir, said_before));
    }
    Ok((line, begun))
}

/// Returns the arguments that make this program the supervisor of a run.
fn supervise(spawner: &Spawner, dir: &RunDir, order: &Order, unscoped: Option<String>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["supervise".into(), "--state".into()];
    arguments.extend([spawner.state.clone().into(), dir.id().as_str().into()]);
    arguments.extend(order.from.iter().flat_map(|run| ["--from".into(), run.as_str().into()]));
    arguments.extend(order.take_over.then(|| "--take-over".into()));
    arguments.extend(order.reason.iter().map(|reason| format!("--reason={reason}").into()));
    arguments.extend(unscoped.map(|why| format!("--unscoped={why}").into()));
    arguments
}

/// A supervisor that was started and has not said hello yet.
struct Begun {
    child: Child,
    reading: JoinHandle<io::Result<String>>,
}

impl Begun {
    fn start(program: &Path, arguments: &[OsString], dir: &RunDir) -> io::Result<Self> {
        let errors = std::fs::OpenOptions::new().create(true).append(true).open(dir.file(ERRORS))?;
        let mut child = std::process::Command::new(program)
            .args(arguments)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no pipe to the supervisor"))?;
        let reading = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            io::BufRead::read_line(&mut io::BufReader::new(stdout), &mut line).map(|_| line)
        });
        Ok(Self { child, reading })
    }

    /// Waits for its first line: an empty one if it ended without, none if it says nothing within `patience`.
    async fn line(&mut self, patience: Duration) -> Option<String> {
        let read = tokio::time::timeout(patience, &mut self.reading).await.ok()?;
        Some(read.map(Result::unwrap_or_default).unwrap_or_default())
    }

    /// Tells whether it is still systemd-run that waits for its answer, and not the supervisor that it executes then.
    fn is_systemd_run(&self) -> bool {
        let text = std::fs::read(format!("/proc/{}/cmdline", self.child.id())).unwrap_or_default();
        text.split(|byte| *byte == 0).any(|argument| argument == b"--scope")
    }

    /// Lets it go on: it outlives us, and a thread reaps it should we outlive it.
    fn leave(mut self) {
        std::thread::spawn(move || self.child.wait());
    }

    /// Kills it and waits for its end; returns what it had said by then, none if it does not end.
    async fn ended(mut self) -> Option<String> {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let (mut child, reading) = (self.child, self.reading);
        let waiting = tokio::task::spawn_blocking(move || child.wait());
        let gone = tokio::time::timeout(END_PATIENCE, waiting).await.ok()?;
        gone.ok()?.ok()?;
        // What it has started may keep its end of the pipe.
        let read = tokio::time::timeout(REACH_EVERY, reading).await;
        Some(read.ok().and_then(Result::ok).and_then(Result::ok).unwrap_or_default())
    }

    fn end(mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        self.leave();
    }
}

/// Returns the last line that was written to the log of the run's supervisors behind `offset`.
fn last_words(dir: &RunDir, offset: u64) -> String {
    let text = std::fs::read(dir.file(ERRORS)).unwrap_or_default();
    let text = String::from_utf8_lossy(text.get(offset as usize..).unwrap_or_default()).into_owned();
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("systemd-run failed");
    line.trim().chars().filter(|c| !c.is_control()).take(LAST_WORDS).collect()
}

/// Takes the hello of a supervisor.
fn hello(line: Option<String>) -> Result<(), ClientError> {
    let supervisor = |text: &str| Err(ClientError::Supervisor(text.to_owned()));
    let Some(line) = line else {
        return supervisor("it does not say whether it began; see supervisor.log");
    };
    match serde_json::from_str::<Hello>(&line) {
        Ok(Hello::Ready) => Ok(()),
        Ok(Hello::Locked { message }) => Err(ClientError::Locked(message)),
        Ok(Hello::Attended) => Err(ClientError::Attended),
        Ok(Hello::Failed { message }) => Err(ClientError::Supervisor(message)),
        Err(_) => supervisor("it ended at once; see supervisor.log in its folder"),
    }
}

/// Connects to the supervisor of a run, starting one anew where none lives.
pub async fn reach(spawner: &Spawner, dir: &RunDir) -> Result<Client, ClientError> {
    let begun = Instant::now();
    loop {
        if let Ok(client) = connect(dir).await {
            return Ok(client);
        }
        match spawn(spawner, dir, &Order::default()).await {
            // One that is about to end has closed its door and not yet left.
            Ok(()) | Err(ClientError::Attended) if begun.elapsed() < REACH_PATIENCE => {
                tokio::time::sleep(REACH_EVERY).await;
            }
            Ok(()) => return Err(ClientError::Attended),
            Err(error) => return Err(error),
        }
    }
}

/// Asks the supervisor of a run one thing, starting one anew where none lives, and returns its answer.
///
/// A supervisor answers every request that it takes; one that ends without an answer has not looked at it,
/// so the next one is asked.
pub async fn ask(spawner: &Spawner, dir: &RunDir, request: &Request) -> Result<Response, ClientError> {
    exchange(spawner, dir, &mut None, request).await
}

/// Asks on the connection that there is, or on a new one, and keeps it for the next request.
///
/// What is typed for a step is never sent twice: the prompt that it was for is gone with the supervisor that showed it.
/// Nor is anything sent again where the supervisor died instead of ending: it may have begun what was asked.
pub async fn exchange(
    spawner: &Spawner,
    dir: &RunDir,
    client: &mut Option<Client>,
    request: &Request,
) -> Result<Response, ClientError> {
    for attempt in 1.. {
        let mut reached = match client.take() {
            Some(reached) => reached,
            None => reach(spawner, dir).await?,
        };
        match reached.request(request).await {
            Err(ClientError::Gone)
                if attempt < TRIES
                    && !matches!(request, Request::Input { .. })
                    && ended_in_order(dir).await => {}
            Err(error) => return Err(error),
            Ok(answer) => {
                *client = Some(reached);
                return Ok(answer);
            }
        }
    }
    Err(ClientError::Gone)
}

/// Returns whether the supervisor of a run that went away had nothing more to do: then it has looked at no request since.
async fn ended_in_order(dir: &RunDir) -> bool {
    let begun = Instant::now();
    // It has closed its door, and leaves.
    while dir.is_alive() && begun.elapsed() < REACH_PATIENCE {
        tokio::time::sleep(REACH_EVERY).await;
    }
    dir.load().is_ok_and(|state| state.ended.is_some())
}

/// Connects to the supervisor of a run that lives.
pub async fn connect(dir: &RunDir) -> Result<Client, ClientError> {
    let (_folder, path) = short_socket(dir)?;
    let (reading, writing) = UnixStream::connect(&path).await?.into_split();
    Ok(Client { reading: BufReader::new(reading), writing })
}

/// A connection to a supervisor.
#[derive(Debug)]
pub struct Client {
    reading: BufReader<OwnedReadHalf>,
    writing: OwnedWriteHalf,
}

impl Client {
    /// Sends a request without waiting for its answer.
    pub async fn send(&mut self, request: &Request) -> Result<(), ClientError> {
        let mut line = serde_json::to_vec(request).unwrap_or_default();
        line.push(b'\n');
        self.writing.write_all(&line).await.map_err(|_| ClientError::Gone)
    }

    /// Waits for the next line of the supervisor.
    pub async fn next(&mut self) -> Result<Response, ClientError> {
        let mut line = String::new();
        match self.reading.read_line(&mut line).await {
            Ok(0) | Err(_) => Err(ClientError::Gone),
            Ok(_) => serde_json::from_str(&line).map_err(|error| ClientError::Io(io::Error::other(error))),
        }
    }

    /// Sends a request and waits for its answer.
    pub async fn request(&mut self, request: &Request) -> Result<Response, ClientError> {
        // Whoever is turned away may be told so before the request is through.
        let sent = self.send(request).await;
        loop {
            match self.next().await {
                Ok(Response::Live { .. }) => {}
                Ok(answer) => return Ok(answer),
                Err(error) => return Err(sent.err().unwrap_or(error)),
            }
        }
    }
}
