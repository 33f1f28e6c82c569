//! Signals that ask the console to end. The stop of a background job is the terminal's affair (`terminal`).

use futures_util::Stream;
use futures_util::stream::unfold;
use std::io;
use std::pin::Pin;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Returns a stream with one item for every TERM, HUP, INT or QUIT.
pub fn ends() -> io::Result<Pin<Box<dyn Stream<Item = ()>>>> {
    let all = [
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
        signal(SignalKind::interrupt())?,
        signal(SignalKind::quit())?,
    ];
    Ok(Box::pin(unfold(all, |mut all| async move {
        let [term, hup, int, quit] = &mut all;
        next(term, hup, int, quit).await;
        Some(((), all))
    })))
}

async fn next(term: &mut Signal, hup: &mut Signal, int: &mut Signal, quit: &mut Signal) {
    tokio::select! {
        _ = term.recv() => {}
        _ = hup.recv() => {}
        _ = int.recv() => {}
        _ = quit.recv() => {}
    }
}
