//! Which packages of a tree are found, under which name.

use super::vouched::Key;
use super::{Vouched, files};
use crate::compose::pulse::Pulse;
use crate::compose::tree::Options;
use crate::domain::finding::{Finding, Severity};
use crate::domain::flow::CheckName;
use crate::vet::fixture::metadata::createrepo;
use crate::vet::fixture::signing::{KEYS, id, public, signed};
use crate::vet::fixture::{Fixture, package};
use crate::vet::package::Keys;
use crate::vet::{Reading, VetContext, run_check};
use std::path::Path;

const BASH: &str = "BaseOS/x86_64/os/Packages/bash-5.1-1.el8.x86_64.rpm";
const ZSH: &str = "BaseOS/x86_64/os/Packages/zsh-5.1-1.el8.x86_64.rpm";

/// Makes a host on which every package is signed with the first key, which the catalog knows.
fn host() -> Fixture {
    fn sign(folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sign(&path);
            } else if path.extension().is_some_and(|ending| ending == "rpm") {
                std::fs::write(&path, signed(&std::fs::read(&path).unwrap(), &KEYS[0])).unwrap();
            }
        }
    }
    let mut fixture = Fixture::new();
    sign(&fixture.staging(""));
    fixture.write("key", &public(&KEYS[0]));
    fixture.keys = vec![fixture.path("key")];
    fixture
}

fn run(fixture: &Fixture) -> Vec<Finding> {
    fixture.run(CheckName::PackagesSigned, "8/gate")
}

fn lines(fixture: &Fixture) -> Vec<String> {
    let findings = run(fixture);
    findings.iter().map(|one| format!("{:?} {} {}", one.severity, one.path, one.message)).collect()
}

fn put(fixture: &Fixture, path: &str, bytes: &[u8]) {
    std::fs::write(fixture.staging(path), bytes).unwrap();
}

#[test]
fn packages_of_the_key_give_no_finding_however_deep() {
    let mut fixture = host();
    assert_eq!(lines(&fixture), Vec::<String>::new());
    fixture.reading = Reading::Whole;
    assert_eq!(lines(&fixture), Vec::<String>::new());
}

#[test]
fn each_package_is_found_by_name() {
    let fixture = host();
    put(&fixture, BASH, &package("bash", "5.1-1.el8", b"content"));
    put(&fixture, ZSH, &signed(&package("zsh", "5.1-1.el8", b"content"), &KEYS[1]));
    let gluster = "storage/gluster9/x86_64/os/Packages/bash-5.1-1.el8.x86_64.rpm";
    let whole = std::fs::read(fixture.staging(gluster)).unwrap();
    put(&fixture, gluster, &whole[..whole.len() - 3]);
    let found = lines(&fixture);
    assert_eq!(
        found,
        [
            format!("Blocking {BASH} is not signed"),
            format!("Blocking {ZSH} is signed by the foreign key {}", id(&KEYS[1])),
            format!("Blocking {gluster} is cut short: 3 bytes of it are missing"),
        ]
    );
    // The fixture's production was never signed: that one stood there already, the others are new.
    let inherited: Vec<bool> = run(&fixture).iter().map(|finding| finding.inherited).collect();
    assert_eq!(inherited, [true, false, false]);
}

#[test]
fn without_a_key_only_the_unsigned_are_found_and_that_is_said() {
    let mut fixture = host();
    fixture.keys.clear();
    put(&fixture, BASH, &package("bash", "5.1-1.el8", b"content"));
    put(&fixture, ZSH, &signed(&package("zsh", "5.1-1.el8", b"content"), &KEYS[1]));
    let found = run(&fixture);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!((found[0].path.as_str(), found[0].severity), (BASH, Severity::Blocking));
    assert!(found[1].severity == Severity::Warning && found[1].message.contains("no public key is known"));
    fixture.keys = vec![fixture.path("no-key")];
    assert!(run(&fixture).iter().any(|one| one.blocks() && one.message.contains("key could not be read")));
}

#[test]
fn hard_links_are_read_once_and_named_each() {
    let fixture = host();
    let other = "BaseOS/x86_64/kickstart/Packages/bash-5.1-1.el8.x86_64.rpm";
    put(&fixture, BASH, &package("bash", "5.1-1.el8", b"content"));
    std::fs::create_dir_all(fixture.staging(other).parent().unwrap()).unwrap();
    std::fs::hard_link(fixture.staging(BASH), fixture.staging(other)).unwrap();
    std::os::unix::fs::symlink(
        "bash-5.1-1.el8.x86_64.rpm",
        fixture.staging(other).with_file_name("link.rpm"),
    )
    .unwrap();
    let paths: Vec<String> = run(&fixture).into_iter().map(|one| one.path).collect();
    assert_eq!(paths, [other, &other.replace("bash-5.1-1.el8.x86_64", "link"), BASH]);
}

#[test]
fn what_was_sound_is_not_read_again_unless_it_or_the_keys_changed() {
    let fixture = host();
    let read = |fixture: &Fixture, vouched: &Vouched| {
        fixture.with_context("8/gate", |cx| {
            let cx = VetContext { vouched: Some(vouched), ..*cx };
            let found = run_check(CheckName::PackagesSigned, &cx);
            (cx.pulse.looking().bytes, found.len())
        })
    };
    let vouched = Vouched::new();
    let (all, none) = read(&fixture, &vouched);
    assert!(all > 0 && none == 0);
    // Nothing is kept of files that changed just now: their next change might not move their times.
    assert_eq!(read(&fixture, &vouched), (all, 0));
    // As if all of them had been sound and old.
    let keys = Keys::new(&Keys::read(public(&KEYS[0]).as_bytes()).unwrap());
    let root = fixture.staging("");
    let tree = crate::compose::tree::walk(&root, Options::facts(&Pulse::new())).unwrap();
    let known = files(&root, &tree).iter().map(|file| Key::of(file.facts)).collect();
    vouched.keep(&keys, known);
    let file = fixture.path("vouched");
    vouched.save(&file).unwrap();
    let load = || Vouched::load(&file);
    assert_eq!(read(&fixture, &load()), (0, 0), "all of it is known");
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap().replace("\"inode\"", "\"node\"")).unwrap();
    assert_eq!(read(&fixture, &load()), (all, 0), "lines that make no sense are not there");
    vouched.save(&file).unwrap();
    // A package that changed is read, though it was given its old time again.
    let time = std::fs::metadata(fixture.staging(BASH)).unwrap().modified().unwrap();
    put(&fixture, BASH, &package("bash", "5.1-1.el8", b"content"));
    std::fs::File::options().write(true).open(fixture.staging(BASH)).unwrap().set_modified(time).unwrap();
    let (bytes, found) = read(&fixture, &load());
    assert!(bytes > 0 && bytes < all && found == 1, "{bytes} of {all}, {found}");
    // With other keys nothing is known.
    fixture.write("key", &public(&KEYS[1]));
    let (bytes, found) = read(&fixture, &load());
    assert!(bytes > all / 2 && found == 4, "{bytes} of {all}, {found}");
}

#[test]
fn metadata_made_before_packages_were_signed_is_for_another_check_to_find() {
    let fixture = host();
    let found = fixture.run(CheckName::MetadataConsistent, "8/gate");
    assert!(
        found.iter().any(|one| one.path == BASH && one.message.contains("primary.xml says")),
        "{found:?}"
    );
    createrepo(&fixture.staging("BaseOS/x86_64/os"), "");
    createrepo(&fixture.staging("storage/gluster9/x86_64/os"), "");
    assert_eq!(fixture.run(CheckName::MetadataConsistent, "8/gate"), []);
}
