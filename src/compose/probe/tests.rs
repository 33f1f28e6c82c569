//! Tests of the prober: what hangs costs one thread, what moves is waited for, what comes back is asked anew.

use super::*;
use crate::compose::fixture::{fifo, threads_called};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

const SOON: Duration = Duration::from_millis(30);
const LONG: Duration = Duration::from_secs(30);

#[test]
fn an_answer_in_time_is_handed_on() {
    let prober = Prober::new();
    assert_eq!(prober.ask("m", LONG, |_| 7), Answer::Ready(7));
    assert_eq!(prober.ask("m", LONG, |_| 8), Answer::Ready(8));
    assert_eq!(prober.silent_since("m"), None);
}

#[test]
fn a_hung_place_costs_one_thread_and_is_asked_anew_when_it_answers() {
    let dir = tempfile::tempdir().unwrap();
    let path = fifo(dir.path(), "fifo");
    let prober = Prober::new();
    let (told, recovered) = channel();
    prober.on_recovery(move |place| told.send(place.to_owned()).unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let read = || {
        let (path, asked) = (path.clone(), Arc::clone(&asked));
        move |_: &Pulse| {
            asked.fetch_add(1, Ordering::SeqCst);
            std::fs::read_to_string(path).unwrap()
        }
    };
    let Answer::Late { since } = prober.ask("hung", SOON, read()) else { panic!("it answered") };
    // Nobody asks again, however patient; since when it is silent stays the same.
    for _ in 0..1000 {
        assert_eq!(prober.ask("hung", LONG, read()), Answer::Late { since });
    }
    assert_eq!(prober.silent_since("hung"), Some(since));
    assert_eq!(threads_called("read hung"), 1);
    // Other places are not held up.
    assert_eq!(prober.ask("other", LONG, |_| 1), Answer::Ready(1));
    std::fs::write(&path, "back again").unwrap();
    assert_eq!(recovered.recv_timeout(LONG).unwrap(), "hung");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // What it found out then is not what is so now.
    assert_eq!(prober.ask("hung", LONG, |_| "fresh".to_owned()), Answer::Ready("fresh".to_owned()));
    assert_eq!(prober.silent_since("hung"), None);
}

#[test]
fn a_read_that_moves_is_waited_for() {
    let prober = Prober::new();
    let answer = prober.ask("m", Duration::from_millis(400), |pulse| {
        let begun = Instant::now();
        // Far longer than the patience, never silent for as long.
        while begun.elapsed() < Duration::from_millis(1200) {
            pulse.count(1);
            std::thread::yield_now();
        }
        "done"
    });
    assert_eq!(answer, Answer::Ready("done"));
}

#[test]
fn whoever_comes_second_waits_while_the_first_moves() {
    let prober = Prober::new();
    let (begun, has_begun) = channel();
    let (release, gate) = channel::<()>();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            prober.ask("m", LONG, move |_| {
                begun.send(()).unwrap();
                gate.recv().unwrap();
                1
            })
        });
        has_begun.recv().unwrap();
        let second = scope.spawn(|| prober.ask("m", LONG, |_| 2));
        release.send(()).unwrap();
        assert_eq!((first.join().unwrap(), second.join().unwrap()), (Answer::Ready(1), Answer::Ready(2)));
    });
}

#[test]
fn a_read_that_breaks_off_is_told() {
    let prober = Prober::new();
    let answer =
        prober.ask("m", LONG, |_| if std::env::args().count() > 0 { panic!("on purpose") } else { 1 });
    assert!(matches!(answer, Answer::Broken { .. }));
    assert_eq!(prober.ask("m", LONG, |_| 2), Answer::Ready(2));
}

#[test]
fn a_watched_read_is_told_of_and_ends_at_once_when_cancelled_though_it_hangs() {
    let dir = tempfile::tempdir().unwrap();
    let path = fifo(dir.path(), "fifo");
    let prober = Prober::new();
    let pulse = Arc::new(Pulse::new());
    let slow = path.clone();
    let mut ticks = 0;
    let cancelling = Arc::clone(&pulse);
    let mut tick = |pulse: &Pulse| {
        ticks += 1;
        if pulse.looking().what == "hanging" {
            cancelling.cancel();
        }
    };
    let watch = Watch { tick: &mut tick, silent: &mut |_| panic!("it was cancelled before") };
    let answer = prober.watch("m", LONG, &pulse, watch, move |pulse| {
        pulse.begin("hanging", None);
        std::fs::read(slow).unwrap().len()
    });
    assert_eq!(answer, Answer::Cancelled);
    assert!(ticks > 0);
    std::fs::write(path, "x").unwrap();
}

#[test]
fn a_silent_read_is_waited_for_as_long_as_its_watcher_wants() {
    let prober = Prober::new();
    let (release, gate) = channel::<()>();
    let mut doubts = 0;
    let mut silent = |_| {
        doubts += 1;
        if doubts == 3 {
            release.send(()).unwrap();
        }
        true
    };
    let watch = Watch { tick: &mut |_| {}, silent: &mut silent };
    let answer = prober.watch("m", SOON, &Arc::default(), watch, move |_| {
        gate.recv().unwrap();
        5
    });
    assert_eq!(answer, Answer::Ready(5));
    assert!(doubts >= 3);
}
