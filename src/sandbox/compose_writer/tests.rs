//! What the console reads from a compose, and what the scripts need of it.

use super::*;
use crate::sandbox::koji::tests::{Store, store};
use serde_json::Value;

fn host() -> Store {
    store().0
}

fn order(repo: &str) -> Order<'_> {
    Order { clock: Clock::Fixed { start: 1_750_000_000, step: 5 }, ..Order::new("8", repo, Kind::Update) }
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_finished_compose_has_what_the_scripts_and_the_console_look_for() {
    let host = host();
    let mut lines = Vec::new();
    let result = assemble(&host.paths, &order("Rocky"), &mut |line| lines.push(line.to_owned())).unwrap();
    assert!(result.id.starts_with("Rocky-8-updates-2025061") && result.id.ends_with(".0"), "{}", result.id);
    let dir = &result.dir;
    assert_eq!(fs::read_to_string(dir.join("COMPOSE_ID")).unwrap(), result.id);
    assert_eq!(fs::read_to_string(dir.join("STATUS")).unwrap(), "FINISHED\n");
    assert_eq!(fs::read_link(host.paths.latest_link("8", "Rocky")).unwrap(), Path::new(&result.id));
    assert!(dir.join("work/x86_64/comps/comps-BaseOS.x86_64.xml").is_file());
    assert!(host.paths.modules_yaml("8", "aarch64", "AppStream").is_file());
    assert!(host.paths.modules_yaml("8", "x86_64", "PowerTools").is_file());
    assert!(lines.last().unwrap().ends_with(&format!("[INFO    ] Compose finished: {}", dir.display())));
    let log = fs::read_to_string(dir.join("logs/global/pungi.global.log")).unwrap();
    assert_eq!(log.lines().collect::<Vec<_>>(), lines);
    let info = json(&dir.join("compose/metadata/composeinfo.json"));
    assert_eq!(info["payload"]["compose"]["id"], *result.id);
    assert_eq!(info["payload"]["variants"].as_object().unwrap().len(), 3);
}

#[test]
fn the_manifest_names_exactly_the_packages_that_are_there() {
    let host = host();
    let result = assemble(&host.paths, &order("gluster9"), &mut |_| ()).unwrap();
    let compose = result.dir.join("compose");
    let manifest = json(&compose.join("metadata/rpms.json"));
    let mut named = std::collections::BTreeSet::new();
    for arch in manifest["payload"]["rpms"]["gluster9"].as_object().unwrap().values() {
        for source in arch.as_object().unwrap().values() {
            for rpm in source.as_object().unwrap().values() {
                named.insert(compose.join(rpm["path"].as_str().unwrap()));
            }
        }
    }
    let found: std::collections::BTreeSet<PathBuf> = walkdir::WalkDir::new(&compose)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|end| end == "rpm"))
        .collect();
    assert!(!found.is_empty());
    assert_eq!(named, found);
}

#[test]
fn each_compose_of_a_day_gets_the_next_respin_and_the_next_packages() {
    let host = host();
    let results: Vec<ComposeResult> =
        (0..4).map(|_| assemble(&host.paths, &order("Extras"), &mut |_| ()).unwrap()).collect();
    let ends: Vec<&str> = results.iter().map(|result| result.id.rsplit('.').next().unwrap()).collect();
    assert_eq!(ends, ["0", "1", "2", "3"]);
    assert_eq!(results.iter().map(|result| result.generation).collect::<Vec<_>>(), [0, 1, 2, 2]);
}

#[test]
fn what_did_not_finish_never_becomes_the_latest() {
    let host = host();
    let good = assemble(&host.paths, &order("NFV"), &mut |_| ()).unwrap();
    let stop = AtomicBool::new(true);
    let stopped = Order { stop: Some(&stop), ..order("NFV") };
    let doomed = Order { ending: Ending::Doomed, ..order("NFV") };
    let abandoned = Order { ending: Ending::Abandoned, ..order("NFV") };
    for (order, status) in [(stopped, "TERMINATED"), (doomed, "DOOMED"), (abandoned, "STARTED")] {
        let result = assemble(&host.paths, &order, &mut |_| ()).unwrap();
        assert_eq!(result.status, status);
        assert_eq!(fs::read_to_string(result.dir.join("STATUS")).unwrap().trim(), status);
        assert!(!result.dir.join("compose/metadata/composeinfo.json").exists());
        assert_eq!(fs::read_link(host.paths.latest_link("8", "NFV")).unwrap(), Path::new(&good.id));
    }
    let next = assemble(&host.paths, &order("NFV"), &mut |_| ()).unwrap();
    assert_eq!(next.generation, good.generation + 1, "a failed compose takes nothing from the tag");
    let incomplete = Order { ending: Ending::FinishedIncomplete, ..order("NFV") };
    let incomplete = assemble(&host.paths, &incomplete, &mut |_| ()).unwrap();
    assert_eq!(incomplete.status, "FINISHED_INCOMPLETE");
    assert_eq!(fs::read_link(host.paths.latest_link("8", "NFV")).unwrap(), Path::new(&incomplete.id));
}

#[test]
fn a_full_compose_has_images_with_their_checksums() {
    let host = host();
    let order = Order { kind: Kind::Produce, ..order("Rocky") };
    let result = assemble(&host.paths, &order, &mut |_| ()).unwrap();
    assert!(result.id.starts_with("Rocky-8.10-2025061"), "{}", result.id);
    for (folder, name) in [
        ("BaseOS/x86_64", "Rocky-8.10-x86_64-boot.iso"),
        ("BaseOS/aarch64", "Rocky-8.10-aarch64-dvd1.iso"),
        ("Minimal/x86_64", "Rocky-8.10-x86_64-minimal.iso"),
    ] {
        let folder = result.dir.join("compose").join(folder).join("iso");
        let bytes = fs::read(folder.join(name)).unwrap();
        let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&bytes));
        let list = fs::read_to_string(folder.join("CHECKSUM")).unwrap();
        assert!(list.contains(&format!("SHA256 ({name}) = {digest}\n")), "{list}");
        assert!(folder.join(format!("{name}.manifest")).is_file());
    }
    assert_eq!(fs::read_link(host.paths.latest_link("8", "Rocky")).unwrap(), Path::new(&result.id));
}
