//! Secrets: what is none, and that one that was planted shows nowhere.

#![expect(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use stagegate::domain::redact::{Reading, Redactor};

/// Recordings of the real tools, and what the sandbox's scripts print: none of it is a secret.
#[test]
fn nothing_of_the_recordings_is_taken_for_a_secret() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("tests/recordings"), root.join("tests/fixtures"), root.join("config")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let bytes = std::fs::read(&path).unwrap();
            let mut reading = Reading::new(Redactor::by_shape());
            for line in bytes.split(|byte| *byte == b'\n') {
                let plain = stagegate::domain::log_line::render(line);
                assert_eq!(reading.line(line).text(), plain.text(), "{}", path.display());
            }
        }
    }
    assert!(files > 30, "the recordings were not found: {files} files");
}
