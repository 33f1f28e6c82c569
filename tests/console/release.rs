//! A whole release by keys alone, at 80x24.

use crate::host::Host;

/// Ticks compose and sync of Rocky, Extras and gluster9 of 8, from the first cell of Status.
const TICK_THREE: &str = "c space down down c space down down down c space";

#[test]
fn an_update_of_8_is_ticked_planned_run_vetted_and_published_by_keys() {
    let host = Host::new(&[]);
    let mut console = host.console();
    let repos = ["Rocky", "Rocky-devel", "Extras", "Plus", "NFV", "gluster9", "advanced-virt"];
    console.wait_for(&["8 · 8.10", "9 · 9.", "10 · 10."]);
    console.wait_for(&repos);
    let at_first = console.screen();
    assert_eq!(at_first.matches("composed only").count(), 3, "{at_first}");
    assert_eq!(
        at_first.matches("S ✓current").count() + at_first.matches("S ▼behind").count(),
        18,
        "{at_first}"
    );

    console.keys(TICK_THREE);
    console.wait_until("three repos with both ticks", |screen| screen.matches("CS 2").count() == 3);
    console.keys("p");
    console.wait_for(&[
        "$ RLVER=8 bash sync-to-staging.sh Rocky",
        "$ RLVER=8 bash sync-to-staging-sig.sh gluster9",
    ]);
    console.keys("r");
    console.wait_for(&["Run 12 steps of flow update?", "y run"]);
    console.keys("y");
    console.wait_for(&["◆ gate               waiting", "gluster9", "✓ sign             succeeded"]);

    // What comes in the first half second is not heard, whatever it is.
    console.types("ga8.10 vetted\r");
    console.wait_for(&["0 of 4 ticked", "► [ Cancel ]", "press a to type it"]);
    console.press_until("a", "enter accept");
    assert!(!console.screen().contains("8.10 vetted  8"), "{}", console.screen());
    console.paste("8.10 vetted\r");
    console.wait_for(&["pasted text is ignored here"]);
    console.types("8.1 vetted\r");
    console.wait_for(&["Type \"8.10 vetted\"  8.1 vetted"]);
    console.keys(&"backspace ".repeat(10));
    // The right phrase without the checklist does nothing either.
    console.types("8.10 vetted\r");
    console.wait_for(&["Type \"8.10 vetted\"  8.10 vetted", "4 points of the checklist not ticked"]);
    assert!(host.facts("approved").is_empty());

    console.keys("tab tab tab tab space down space down space down space");
    console.wait_for(&["4 of 4 ticked", "✓ nothing is in the way"]);
    console.keys("a");
    console.wait_for(&["enter accept"]);
    console.keys(&"backspace ".repeat(11));
    console.types("8.10 vette\r");
    console.wait_for(&["Type \"8.10 vetted\"  8.10 vette "]);
    assert!(host.facts("approved").is_empty(), "{}", host.journal());
    console.types("d\r");
    console.wait_until("the answer to the approval", |screen| !screen.contains("enter accept"));
    console.keys("3");
    console.wait_for(&["✓  PRODUCTION      succeeded", "✓ filelists        succeeded", "✓ finished"]);
    assert_eq!(host.facts("approved").len(), 1, "{}", host.journal());

    console.keys("1");
    console.wait_for(&["finished", "production ✓ current"]);
    console.wait_until("the three repos current everywhere", three_are_current);
    console.keys("q");
    assert!(console.left().success());
    console.is_given_back();
}

/// Returns whether Rocky, Extras and gluster9 of 8 stand everywhere where they should.
fn three_are_current(screen: &str) -> bool {
    let lines: Vec<&str> = screen.lines().collect();
    ["Rocky ", "Extras ", "gluster9 "].iter().all(|repo| {
        lines.windows(2).any(|pair| {
            pair[0].trim_start().starts_with(repo)
                && pair[1].trim_start_matches([' ', '▌']).starts_with("S ✓current P ✓current")
        })
    })
}
