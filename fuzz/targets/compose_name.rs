//! Feeds arbitrary bytes to the law `compose_name`.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../laws.rs"]
mod laws;

fuzz_target!(|data: &[u8]| laws::compose_name(data));
