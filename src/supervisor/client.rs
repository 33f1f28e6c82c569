//! The way from a console or a command to a supervisor: start one, reach one, ask it.

use super::control::{Request, Response};
use super::serve::{Hello, short_socket};
use super::take_over::Order;
use crate::domain::plan::Plan;
use crate::journal::JournalError;
use crate::journal::store::{RunDir, Store};
use jiff::Timestamp;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// How long a supervisor may take until it says hello.
const HELLO_PATIENCE: Duration = Duration::from_mins(1);
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
}

impl Spawner {
    /// Makes the spawner of this very program.
    pub fn of_this_program(store: &Store) -> io::Result<Self> {
        Ok(Self { program: std::env::current_exe()?, state: store.root().to_owned() })
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
    match spawn(spawner, &dir, order).await {
        Ok(()) => Ok(dir),
        Err(error) => {
            // A run that never began leaves nothing behind; what stays cannot be mistaken for a run.
            let _left = std::fs::remove_dir_all(dir.path());
            Err(error)
        }
    }
}

/// Starts a supervisor for an existing run and waits for its hello.
async fn spawn(spawner: &Spawner, dir: &RunDir, order: &Order) -> Result<(), ClientError> {
    let errors = std::fs::OpenOptions::new().create(true).append(true).open(dir.file("supervisor.log"))?;
    let mut child = std::process::Command::new(&spawner.program)
        .arg("supervise")
        .arg("--state")
        .arg(&spawner.state)
        .arg(dir.id().as_str())
        .args(order.from.iter().flat_map(|run| ["--from", run.as_str()]))
        .args(order.take_over.then_some("--take-over"))
        .args(order.reason.iter().map(|reason| format!("--reason={reason}")))
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
    // The supervisor outlives us; a thread reaps it should we outlive it.
    std::thread::spawn(move || child.wait());
    let line = match tokio::time::timeout(HELLO_PATIENCE, reading).await {
        Ok(Ok(line)) => line?,
        _ => {
            return Err(ClientError::Supervisor(
                "it does not say whether it began; see supervisor.log".to_owned(),
            ));
        }
    };
    match serde_json::from_str::<Hello>(&line) {
        Ok(Hello::Ready) => Ok(()),
        Ok(Hello::Locked { message }) => Err(ClientError::Locked(message)),
        Ok(Hello::Attended) => Err(ClientError::Attended),
        Ok(Hello::Failed { message }) => Err(ClientError::Supervisor(message)),
        Err(_) => {
            Err(ClientError::Supervisor("it ended at once; see supervisor.log in its folder".to_owned()))
        }
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
