//! What becomes of a thread's work that panics: a sentence for whoever waits for it, never a silence.
//!
//! A run waits for its units and checks; one that dies without a word would be waited for as long as the
//! supervisor lives. The panic hook has told the supervisor's log where it happened by then.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Does `work`, and returns what it panicked with if it did.
///
/// What `work` was changing may be half changed: use it only to put things to an end.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| said(&*panic))
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it does not say".to_owned())
}

/// An answer that somebody waits for: given once, or told as lost when whoever owes it goes down without it.
pub struct Owed<T>(Option<Box<dyn FnOnce(Option<T>) + Send>>);

impl<T> Owed<T> {
    /// Makes the debt; `tell` is called exactly once, with nothing if the answer was lost.
    pub fn new(tell: impl FnOnce(Option<T>) + Send + 'static) -> Self {
        Self(Some(Box::new(tell)))
    }

    /// Gives the answer.
    pub fn give(mut self, answer: T) {
        if let Some(tell) = self.0.take() {
            tell(Some(answer));
        }
    }
}

impl<T> Drop for Owed<T> {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            tell(None);
        }
    }
}

impl<T> fmt::Debug for Owed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Owed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn what_is_owed_is_told_once_whatever_happens() {
        let (tell, told) = channel();
        let owed = || {
            let tell = tell.clone();
            Owed::new(move |answer: Option<i32>| tell.send(answer).unwrap())
        };
        owed().give(7);
        drop(owed());
        let lost = owed();
        let thread = std::thread::spawn(move || {
            let _mine = lost;
            panic!("a defect");
        });
        assert!(thread.join().is_err());
        drop(tell);
        assert_eq!(told.iter().collect::<Vec<_>>(), [Some(7), None, None]);
    }

    #[test]
    fn a_panic_becomes_what_it_said() {
        assert_eq!(guarded(|| 7), Ok(7));
        assert_eq!(guarded(|| -> () { panic!("no {} left", "room") }), Err("no room left".to_owned()));
        assert_eq!(guarded(|| -> () { panic!("plain") }), Err("plain".to_owned()));
        let odd = guarded(|| -> () { std::panic::panic_any(7) });
        assert_eq!(odd, Err("it does not say".to_owned()));
    }
}
