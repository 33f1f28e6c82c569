//! The socket: who is heard, and what nobody's bytes can break.

use super::super::conversation::answer;
use super::super::door::{accept, may_speak, short_socket, welcome};
use super::super::serve::turn;
use super::*;
use crate::domain::run::Event;
use std::task::{Context, Poll};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::OwnedReadHalf;
use tokio::net::{UnixListener, UnixStream};

/// Runs `clients` against a supervisor that listens, then ends it and returns its house.
fn served<F: Future<Output = ()>>(clients: impl FnOnce(RunDir) -> F) -> House {
    let mut house = House::running(&["sleep", "600"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (_folder, path) = short_socket(&house.dir()).unwrap();
        tokio::spawn(accept(UnixListener::bind(&path).unwrap(), house.supervisor.happenings.clone()));
        let dir = house.dir();
        let talk = async {
            tokio::time::timeout(PATIENCE, clients(dir.clone())).await.expect("the clients are done in time");
            let mut last = connect(&dir).await;
            last.0.write_all(b"{\"request\":\"cancel\",\"step\":null}\n").await.unwrap();
            next(&mut last.1).await
        };
        let (turned, said) = tokio::join!(turn(&mut house.supervisor, &mut house.happenings), talk);
        turned.unwrap();
        assert!(matches!(said, Some(Response::Done { .. })), "{said:?}");
    });
    house
}

type Talk = (tokio::net::unix::OwnedWriteHalf, BufReader<OwnedReadHalf>);

async fn connect(dir: &RunDir) -> Talk {
    let (_folder, path) = short_socket(dir).unwrap();
    let (reading, writing) = UnixStream::connect(&path).await.unwrap().into_split();
    (writing, BufReader::new(reading))
}

async fn next(reading: &mut BufReader<OwnedReadHalf>) -> Option<Response> {
    let mut line = String::new();
    reading.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    Some(serde_json::from_str(&line).unwrap())
}

async fn said(talk: &mut Talk, text: &[u8]) -> Option<Response> {
    talk.0.write_all(text).await.unwrap();
    loop {
        match next(&mut talk.1).await {
            Some(Response::Live { .. }) => {}
            answer => return answer,
        }
    }
}

/// A host that is short of descriptors for a while is no reason to stop a run; one that stays so is.
#[test]
fn a_connection_that_cannot_be_taken_is_tried_again_for_a_minute() {
    let clock =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    clock.block_on(async {
        let (happenings, mut happened) = tokio::sync::mpsc::unbounded_channel();
        let begun = tokio::time::Instant::now();
        let (_ours, theirs) = UnixStream::pair().unwrap();
        let mut theirs = Some(theirs);
        let full = || std::io::Error::from(rustix::io::Errno::MFILE);
        let late = |_: &mut UnixStream| begun.elapsed() > Duration::from_secs(30);
        let knock = |_: &mut Context<'_>| Poll::Ready(theirs.take_if(late).ok_or_else(full));
        welcome(knock, happenings).await;
        let took = begun.elapsed().as_secs();
        assert!((90..92).contains(&took), "a minute after the one who was let in: {took} s");
        let connected = |happening: Happening| matches!(happening, Happening::Connected { .. });
        assert!(happened.recv().await.is_some_and(connected));
    });
}

#[test]
fn what_is_no_request_is_answered_and_the_next_one_heard() {
    served(|dir| async move {
        let mut talk = connect(&dir).await;
        let deep = format!("{}\n", "[".repeat(5000));
        for bad in [
            &b"\n"[..],
            b"{}\n",
            b"hello\n",
            b"\xff\xfe\x00\n",
            b"{\"request\":\"format-disk\"}\n",
            deep.as_bytes(),
        ] {
            let answer = said(&mut talk, bad).await;
            assert!(
                matches!(&answer, Some(Response::Failed { message }) if message.starts_with("not a request")),
                "{answer:?}"
            );
        }
        let bad_step = b"{\"request\":\"retry\",\"step\":\"8/../../x\",\"reason\":\"\"}\n";
        assert!(matches!(said(&mut talk, bad_step).await, Some(Response::Failed { .. })));
        let answer = said(&mut talk, b"{\"request\":\"subscribe\"}\n").await;
        assert!(matches!(answer, Some(Response::Done { .. })), "{answer:?}");
    });
}

#[test]
fn a_request_without_end_is_answered_and_cut_off() {
    served(|dir| async move {
        let mut talk = connect(&dir).await;
        // 64 KiB of text in a request is read ...
        let long =
            format!("{{\"request\":\"skip\",\"step\":\"8/gate\",\"reason\":\"{}\"}}\n", "x".repeat(60_000));
        assert!(
            matches!(said(&mut talk, long.as_bytes()).await, Some(Response::Failed { message }) if !message.starts_with("not"))
        );
        // ... and one byte more than that is not, whether or not its line ever ends.
        let flood = vec![b'x'; 1024 * 1024];
        let (mut writing, mut reading) = talk;
        let flooding = tokio::spawn(async move { writing.write_all(&flood).await });
        let answer = next(&mut reading).await;
        assert!(
            matches!(&answer, Some(Response::Failed { message }) if message.contains("65536")),
            "{answer:?}"
        );
        drop(reading);
        flooding.await.unwrap().expect_err("nobody reads the rest");
    });
}

#[test]
fn the_helm_of_a_client_that_went_away_is_free() {
    let house = served(|dir| async move {
        let mut first = connect(&dir).await;
        let mut second = connect(&dir).await;
        assert!(matches!(
            said(&mut first, b"{\"request\":\"take-helm\",\"reason\":null}\n").await,
            Some(Response::HelmGiven { turn: 1 })
        ));
        let busy = said(&mut second, b"{\"request\":\"cancel\",\"step\":null}\n").await;
        let own = rustix::process::getuid().as_raw();
        assert!(matches!(&busy, Some(Response::HelmBusy { by }) if by.uid == own), "{busy:?}");
        drop(first);
        // Its end is told by the kernel in its own time.
        while let Some(Response::HelmBusy { .. }) =
            said(&mut second, b"{\"request\":\"resume\",\"release\":\"8\"}\n").await
        {
            tokio::task::yield_now().await;
        }
        second.0.write_all(b"{\"request\":\"take-helm\"").await.unwrap();
    });
    assert!(
        !house.journal().iter().any(|event| matches!(event, Event::HelmTaken { .. })),
        "from nobody nothing is taken"
    );
}

#[test]
fn who_stops_writing_still_gets_an_answer() {
    served(|dir| async move {
        let mut talk = connect(&dir).await;
        talk.0.write_all(b"{\"request\":\"release-helm\"}\n").await.unwrap();
        drop(talk.0);
        assert!(matches!(next(&mut talk.1).await, Some(Response::Done { .. })));
        let mut rest = Vec::new();
        talk.1.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty(), "and then the end");
    });
}

/// A console that was stopped with ^Z must cost the supervisor nothing, however long it stays so.
#[test]
fn who_subscribes_and_does_not_read_gets_the_newest_moment_only() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (answers, outgoing) = unbounded_channel();
        let (live, moments) = watch::channel(None);
        let writer = tokio::spawn(answer(ours.into_split().1, outgoing, moments));
        for events in 1..=10_000 {
            live.send_replace(Some(Live { events, ..Live::default() }));
            if events % 1000 == 0 {
                tokio::task::yield_now().await;
            }
        }
        answers.send(Response::Done { message: "an answer".to_owned() }).unwrap();
        drop(answers);
        writer.await.unwrap();
        let mut reading = BufReader::new(theirs.into_split().0);
        let mut heard = Vec::new();
        while let Some(response) = next(&mut reading).await {
            heard.push(response);
        }
        assert!(heard.len() <= 11, "{} lines of 10,000 moments", heard.len());
        assert_eq!(heard.last(), Some(&Response::Done { message: "an answer".to_owned() }));
    });
}

#[test]
fn others_are_turned_away() {
    assert!(may_speak(1000, 1000) && may_speak(0, 1000) && may_speak(0, 0));
    assert!(!may_speak(1001, 1000) && !may_speak(1000, 0));
}
