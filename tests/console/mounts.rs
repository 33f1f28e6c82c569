//! Mounts that do not answer, at the console: it draws, it listens, and it says so.

use crate::driver::Console;
use crate::host::Host;
use crate::slow_mount::SlowMount;

/// A host whose mounts may be silent for two seconds.
fn host() -> Host {
    let host = Host::new(&[]);
    let path = host.at("stagegate.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("require = \"marker\"", "require = \"marker\", deadline = \"2s\"");
    std::fs::write(&path, text).unwrap();
    host
}

#[test]
fn a_mount_that_hangs_costs_no_frame_and_no_key_and_comes_back_by_itself() {
    let host = host();
    let staging = SlowMount::over(&host.at("mnt/repos-staging"));
    staging.hang();
    let mut console: Console = host.open(&[]);
    // The first frame, then keys, while nothing of staging is known.
    console.wait_for(&["staging", "production"]);
    console.keys("2");
    console.wait_for(&["Plan"]);
    console.keys("?");
    console.wait_for(&["Help"]);
    console.keys("esc");
    console.wait_until("no help", |screen| !screen.contains("Help: Plan"));
    console.keys("1");
    console.wait_until("that staging is silent", |screen| {
        screen.contains("silent ") || screen.contains("not answering")
    });
    // What stands on other mounts is known.
    console.wait_until("the composes", |screen| screen.contains("behind") || screen.contains("?unknown"));
    // Nothing is planned on it, and the plan says why.
    console.keys("space 2");
    console.wait_for(&["cannot be planned: staging: not answering", "look again when it answers"]);
    console.keys("1");
    staging.answer();
    console.wait_until("that staging is back", |screen| {
        !screen.contains("silent ") && !screen.contains("not answering") && !screen.contains("?unknown")
    });
    console.keys("q");
}
