//! The seal covers what it says, breaks when it should, and not otherwise.

use super::*;
use crate::vet::fixture::{Fixture, package};
use proptest::prelude::*;
use std::os::unix::fs::{PermissionsExt as _, symlink};

fn sealed(root: &Path) -> Seal {
    seal(root, None, &Pulse::new()).unwrap()
}

fn root(fixture: &Fixture) -> PathBuf {
    fixture.staging("")
}

const BASH: &str = "BaseOS/x86_64/os/Packages/bash-5.1-1.el8.x86_64.rpm";

#[test]
fn every_path_is_sealed_as_what_it_is() {
    let fixture = Fixture::new();
    fixture.write("staging/pub/8.10-RC1/BaseOS/x86_64/os/.bash.rpm.AbCd12", "half");
    fixture.write("staging/pub/8.10-RC1/README", "shallow");
    fixture.write("staging/pub/8.10-RC1/BaseOS/x86_64/os/Packages/fake.rpm", "no package");
    symlink("8.10-RC1", fixture.staging("BaseOS/latest")).unwrap();
    let seal = sealed(&root(&fixture));
    let is = |path: &str| seal.paths.get(path).unwrap();
    assert!(matches!(is(BASH), SealedPath::Rpm { .. }));
    assert!(matches!(is("BaseOS/x86_64/os/Packages/fake.rpm"), SealedPath::File { size: 10, .. }));
    assert!(matches!(is("BaseOS/x86_64/os/.bash.rpm.AbCd12"), SealedPath::File { size: 4, .. }));
    assert!(matches!(is("README"), SealedPath::File { .. }));
    assert!(matches!(is("BaseOS/x86_64/os/.treeinfo"), SealedPath::File { .. }));
    assert_eq!(is("BaseOS/latest"), &SealedPath::Link { target: "8.10-RC1".to_owned() });
}

/// Written as an escape, `\\xff` would be another file's name.
#[test]
fn a_name_that_is_no_text_is_not_sealed() {
    let fixture = Fixture::new();
    let odd = std::ffi::OsStr::from_bytes(b"BaseOS/\xff.rpm");
    std::fs::write(root(&fixture).join(odd), "x").unwrap();
    let said = seal(&root(&fixture), None, &Pulse::new()).unwrap_err().to_string();
    assert!(said.contains("a name that is no UTF-8") && said.contains("rename it"), "{said}");
    std::fs::remove_file(root(&fixture).join(odd)).unwrap();
    symlink(odd, fixture.staging("BaseOS/link")).unwrap();
    let said = seal(&root(&fixture), None, &Pulse::new()).unwrap_err().to_string();
    assert!(said.contains("it leads to a name that is no UTF-8"), "{said}");
}

#[test]
fn modes_times_and_hard_links_alone_do_not_break_it() {
    let fixture = Fixture::new();
    let before = sealed(&root(&fixture));
    let path = fixture.staging(BASH);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(1)).unwrap();
    std::fs::remove_file(fixture.production(BASH)).unwrap();
    std::fs::hard_link(&path, fixture.production(BASH)).unwrap();
    assert_eq!(sealed(&root(&fixture)), before);
    assert_eq!(sealed(&root(&fixture)).digest(), before.digest());
}

#[test]
fn a_package_with_another_header_breaks_it_though_its_size_is_the_same() {
    let fixture = Fixture::new();
    let before = sealed(&root(&fixture));
    let rebuilt = package("bash", "5.1-1.el8", b"CONTENT");
    assert_eq!(rebuilt.len() as u64, std::fs::metadata(fixture.staging(BASH)).unwrap().len());
    std::fs::write(fixture.staging(BASH), rebuilt).unwrap();
    let now = sealed(&root(&fixture));
    assert_eq!(before.differences(&now).collect::<Vec<_>>(), [(BASH.to_owned(), "changed")]);
    assert_ne!(before.digest(), now.digest());
}

#[test]
fn what_cannot_be_sealed_is_an_error_that_names_it() {
    let fixture = Fixture::new();
    let fifo = fixture.staging("BaseOS/x86_64/fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).unwrap();
    let error = seal(&root(&fixture), None, &Pulse::new()).unwrap_err();
    assert!(matches!(&error, VetError::Unreadable { path, .. } if *path == fifo), "{error}");
    let gone = fixture.path("nowhere");
    assert!(seal(&gone, None, &Pulse::new()).unwrap_err().to_string().contains("nowhere"));
    let ended = Pulse::new();
    ended.cancel();
    let cancelled = seal(&root(&fixture), None, &ended).unwrap_err();
    assert!(matches!(cancelled, VetError::Cancelled));
}

/// Makes every file old enough to be remembered.
fn settle(files: &[PathBuf]) -> Vec<Facts> {
    files
        .iter()
        .map(|path| {
            let meta = std::fs::metadata(path).unwrap();
            Facts {
                size: meta.size(),
                mtime: (meta.mtime(), u32::try_from(meta.mtime_nsec()).unwrap()),
                ctime: (meta.ctime(), u32::try_from(meta.ctime_nsec()).unwrap()),
                device: meta.dev(),
                inode: meta.ino(),
            }
        })
        .collect()
}

#[test]
fn a_known_file_is_not_read_again_and_a_changed_one_is() {
    let fixture = Fixture::new();
    let path = fixture.staging("BaseOS/x86_64/os/.treeinfo");
    let facts = settle(std::slice::from_ref(&path))[0];
    let stored = fixture.path("seal-cache");
    // A wrong hash in the cache shows whether the file was read.
    let wrong = SealedPath::File { size: facts.size, sha256: "remembered".to_owned() };
    let mut cache = SealCache::load(&stored);
    cache.settle(vec![(Key::of(facts, false), wrong.clone())]);
    cache.save(&stored).unwrap();
    let mut cache = SealCache::load(&stored);
    assert_eq!(cache.len(), 1);
    let seal_now = |cache: &mut SealCache| {
        let sealed = seal(&root(&fixture), Some(cache), &Pulse::new()).unwrap();
        sealed.paths["BaseOS/x86_64/os/.treeinfo"].clone()
    };
    assert_eq!(seal_now(&mut cache), wrong);
    // Same size and modification time: the inode's own time still gives it away.
    let time = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, "[HEADER]\n").unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    assert_ne!(seal_now(&mut cache), wrong);
}

#[test]
fn a_cache_is_written_where_it_is_not_as_it_was_loaded() {
    let fixture = Fixture::new();
    let path = fixture.staging("BaseOS/x86_64/os/.treeinfo");
    let key = Key::of(settle(std::slice::from_ref(&path))[0], false);
    let stored = fixture.path("seal-cache");
    let mut cache = SealCache::new();
    cache.settle(vec![(key, SealedPath::File { size: 9, sha256: "remembered".to_owned() })]);
    cache.save(&stored).unwrap();
    // Whoever saves puts another file there.
    let file = || std::fs::metadata(&stored).unwrap().ino();
    let look = || {
        let mut cache = SealCache::load(&stored);
        seal(&root(&fixture), Some(&mut cache), &Pulse::new()).unwrap();
        cache.save(&stored).unwrap();
        cache.len()
    };
    let written = file();
    assert_eq!((look(), file()), (1, written), "nothing has changed");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(look(), 0, "what is gone is forgotten");
    assert_ne!(file(), written);
    std::fs::write(&stored, "torn\n").unwrap();
    assert_eq!((look(), std::fs::read_to_string(&stored).unwrap().as_str()), (0, ""));
}

#[test]
fn a_file_that_has_only_just_changed_is_not_remembered() {
    let fixture = Fixture::new();
    let mut cache = SealCache::new();
    seal(&root(&fixture), Some(&mut cache), &Pulse::new()).unwrap();
    assert!(cache.is_empty(), "its next change could keep its times");
    let now = settle(&[fixture.staging(BASH)])[0];
    let old = Facts { ctime: (now.ctime.0 - 3, 0), mtime: (now.mtime.0 - 3, 0), ..now };
    assert!(is_settled(old) && !is_settled(now));
    assert!(!is_settled(Facts { ctime: (now.ctime.0 + 3600, 0), ..old }), "a clock ahead proves nothing");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_difference_names_exactly_the_path_that_changed(
        contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 2..8),
        at in any::<prop::sample::Index>(),
        bit in any::<prop::sample::Index>(),
        how in 0..3_u8,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let name = |n: usize| format!("d{}/f{n}", n % 3);
        for (n, content) in contents.iter().enumerate() {
            let path = dir.path().join(name(n));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let before = sealed(dir.path());
        let n = at.index(contents.len());
        let path = dir.path().join(name(n));
        let expected = match how {
            0 => {
                let mut content = contents[n].clone();
                let bit = bit.index(content.len() * 8);
                content[bit / 8] ^= 1 << (bit % 8);
                std::fs::write(&path, content).unwrap();
                (name(n), "changed")
            }
            1 => {
                std::fs::remove_file(&path).unwrap();
                (name(n), "removed")
            }
            _ => {
                std::fs::write(path.with_extension("new"), b"x").unwrap();
                (format!("{}.new", name(n)), "added")
            }
        };
        let now = sealed(dir.path());
        prop_assert_eq!(before.differences(&now).collect::<Vec<_>>(), vec![expected]);
        prop_assert_ne!(before.digest(), now.digest());
    }
}
