//! The laws of the fuzz targets, held for every input that was kept.
//!
//! Searching for new inputs takes `cargo fuzz` (see `fuzz/README.md`); this takes a second and runs always.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../fuzz/laws.rs"]
mod laws;

use std::path::Path;

fn hold(law: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(law);
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let held = std::panic::catch_unwind(|| check(&bytes));
        assert!(held.is_ok(), "the law `{law}` does not hold for {}", path.display());
        count += 1;
    }
    assert!(count >= 4, "the corpus of `{law}` is there");
}

macro_rules! laws {
    ($($law:ident),* $(,)?) => {
        $(#[test]
        fn $law() {
            hold(stringify!($law), laws::$law);
        })*

        /// A target without a law here, or a law without a target, would be searched or held by nobody.
        #[test]
        fn every_target_has_its_law() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/targets");
            let mut targets: Vec<String> = std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
                .collect();
            targets.sort();
            assert_eq!(targets, [$(stringify!($law)),*]);
        }
    };
}

laws!(
    catalog,
    compose_name,
    comps,
    control,
    journal,
    log_line,
    modules,
    primary,
    progress,
    repomd,
    updateinfo,
    vars
);
