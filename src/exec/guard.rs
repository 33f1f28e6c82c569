//! What becomes of a thread's work that panics: a sentence for whoever waits for it, never a silence.
//!
//! A run waits for its units and checks; one that dies without a word would be waited for as long as the
//! supervisor lives. The panic hook has told the supervisor's log where it happened by then.

use std::any::Any;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_what_it_said() {
        assert_eq!(guarded(|| 7), Ok(7));
        assert_eq!(guarded(|| -> () { panic!("no {} left", "room") }), Err("no room left".to_owned()));
        assert_eq!(guarded(|| -> () { panic!("plain") }), Err("plain".to_owned()));
        let odd = guarded(|| -> () { std::panic::panic_any(7) });
        assert_eq!(odd, Err("it does not say".to_owned()));
    }
}
