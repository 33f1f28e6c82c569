//! Feeds arbitrary bytes to the law `modules`.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../laws.rs"]
mod laws;

fuzz_target!(|data: &[u8]| laws::modules(data));
