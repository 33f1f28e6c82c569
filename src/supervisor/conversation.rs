//! What is said with one client of the supervisor's socket: requests in, answers and moments out, a JSON line each.
//!
//! It decides nothing: a request goes to the loop as it is. Bytes that are none end at most the connection that they
//! came over.

use super::control::{Request, Response};
use super::happening::{ClientId, Happening};
use crate::domain::approval::Identity;
use crate::domain::live::Live;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

/// The longest request, in bytes.
const LONGEST_REQUEST: usize = 64 * 1024;

/// Speaks with one client, who was let in as `identity`, until it is gone.
pub(super) async fn converse(
    stream: UnixStream,
    client: ClientId,
    identity: Identity,
    happenings: UnboundedSender<Happening>,
) {
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
