//! Steps whose start does not come to an end: nobody else waits for it.

use super::*;
use crate::domain::outcome::ProcessEnd;
use crate::exec::pty;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

const STEP: &str = "8/compose/Rocky";

/// The turn to start a command, kept from all others as by a start that hangs.
struct Kept {
    release: Sender<()>,
    thread: JoinHandle<bool>,
}

impl Kept {
    fn new() -> Self {
        let (release, released) = channel();
        let (tell, kept) = channel();
        let thread = std::thread::spawn(move || {
            let _turn = pty::turn();
            tell.send(()).unwrap();
            released.recv_timeout(PATIENCE).is_ok()
        });
        kept.recv().unwrap();
        Self { release, thread }
    }

    /// Lets others start; returns whether nobody had waited for that until patience was over.
    fn release(self) -> bool {
        let _late = self.release.send(());
        self.thread.join().unwrap()
    }
}

#[test]
fn a_step_whose_start_hangs_holds_nobody_up_and_is_cancelled_before_it_runs() {
    let mut house = House::running(&["bash", "-c", "echo ran"]);
    house.supervisor.released.remove(&release_id("9"));
    let kept = Kept::new();
    house.supervisor.advance().unwrap();
    house.until("its start is under way", |it| matches!(it.busy.get(&id(STEP)), Some(Busy::Unit(_))));
    assert_eq!((house.started(STEP), house.word(STEP)), (1, "running"));
    house.done(Request::Cancel { step: Some(id(STEP)) });
    let is_over = |it: &Supervisor| match &it.state.record(&id(STEP)).unwrap().state {
        StepState::Running { end, .. } => end.is_some(),
        _ => true,
    };
    house.until("it is over", is_over);
    assert_eq!(house.word(STEP), "cancelled", "nothing ran, so nothing is looked at before it is judged");
    assert!(kept.release(), "the loop waited for the start");
    let journal = house.journal();
    let started = |event: &Event| matches!(event, Event::StepStarted { .. });
    assert!(!journal.iter().any(started), "{journal:#?}");
    let ended = |event: &Event| {
        matches!(event, Event::StepEnded { end: ProcessEnd::Cancelled { killed: false }, log_bytes: 0, .. })
    };
    assert!(journal.iter().any(ended), "{journal:#?}");
    house.done(retry(STEP));
    house.until("it runs after all", |it| it.state.record(&id(STEP)).unwrap().word() == "succeeded");
    let started = house.journal().iter().filter(|event| started(event)).count();
    assert!(started > 0, "recorded with its process");
}
