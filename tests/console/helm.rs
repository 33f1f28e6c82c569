//! Two consoles on one run: one has the helm, the other watches until it takes it over.

use crate::driver::Console;
use crate::host::Host;

/// Presses everything that would act, and waits until all of it was taken.
fn presses_everything(console: &mut Console) {
    for key in ["t", "x", "X", "K", "R", "i"] {
        console.keys(key);
        // A question or a field would be open now, and these would answer it.
        console.keys("y enter 3");
    }
    console.keys("?");
    console.wait_for(&["─ Help: "]);
    console.keys("?");
    console.wait_until("the run without its help", |screen| !screen.contains("─ Help: "));
}

#[test]
fn a_second_console_watches_says_who_has_the_helm_and_acts_only_after_taking_it_over() {
    let host = Host::new(&["step-hangs"]);
    let mut first = host.console();
    first.keys("space p");
    first.wait_for(&["1 sync Rocky to staging"]);
    first.keys("r");
    first.wait_for(&["y run"]);
    first.keys("y");
    first.wait_for(&["you have the helm", "Still waiting..."]);
    let before = host.journal();

    let mut second = host.open(&[]);
    second.wait_for(&["OBSERVING", "has the helm", "Still waiting..."]);
    let mut onlooker = host.open(&["--observe"]);
    onlooker.wait_for(&["OBSERVING  cannot act", "Still waiting..."]);
    presses_everything(&mut second);
    presses_everything(&mut onlooker);
    onlooker.keys("o");
    onlooker.wait_for(&["started with --observe"]);
    assert_eq!(host.journal(), before, "whoever watches changes nothing");

    second.keys("o");
    second.wait_for(&["Take the helm"]);
    second.keys("enter");
    second.types("shift ends\r");
    second.wait_for(&["you have the helm"]);
    first.wait_for(&["OBSERVING"]);
    let taken = host.facts("helm-taken");
    assert_eq!(taken.len(), 1, "{}", host.journal());
    assert_eq!(taken[0]["reason"], "shift ends");
    let before = host.journal();
    presses_everything(&mut first);
    assert_eq!(host.journal(), before, "the first console watches now");

    second.keys("X");
    second.wait_for(&["y "]);
    second.keys("y");
    second.wait_until("the request in the journal", |_| !host.facts("stop-requested").is_empty());
    onlooker.wait_for(&["OBSERVING  cannot act"]);
}
