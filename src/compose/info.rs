//! What pungi's `composeinfo.json` says about a compose, and the words of its `STATUS` file.
//!
//! The format is productmd's `productmd.composeinfo` 1.x; only `payload.compose` is read. While a
//! compose runs there is only `work/global/composeinfo-base.json`, which has the same part.

use super::read::{ReadError, small_file};
use crate::domain::status::ComposeStatus;
use serde::Deserialize;
use std::path::Path;

/// A composeinfo.json that is longer than this is not one.
const INFO_LIMIT: u64 = 8 << 20;

/// The part of `composeinfo.json` that is not in the directory's name already (date, type and respin are).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct ComposeInfo {
    /// The compose id.
    pub(crate) id: String,
    /// The label, if it has one: `RC-8.10`.
    #[serde(default)]
    pub(crate) label: Option<String>,
}

#[derive(Deserialize)]
struct Document {
    payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    compose: ComposeInfo,
}

/// Reads what the compose at `path` says about itself; `Ok(None)` where it says nothing yet.
pub(crate) fn compose_info(path: &Path) -> Result<Option<ComposeInfo>, String> {
    for place in ["compose/metadata/composeinfo.json", "work/global/composeinfo-base.json"] {
        match small_file(&path.join(place), INFO_LIMIT) {
            Ok(file) => {
                let document: Document =
                    serde_json::from_slice(&file.bytes).map_err(|error| format!("{place}: {error}"))?;
                return Ok(Some(document.payload.compose));
            }
            Err(ReadError::Missing) => {}
            Err(error) => return Err(format!("{place}: {error}")),
        }
    }
    Ok(None)
}

/// Reads the word of a `STATUS` file (`pungi/compose.py`, `write_status`).
pub(crate) fn status_word(bytes: &[u8]) -> ComposeStatus {
    match bytes.trim_ascii() {
        b"STARTED" => ComposeStatus::Started,
        b"FINISHED" => ComposeStatus::Finished,
        b"FINISHED_INCOMPLETE" => ComposeStatus::FinishedIncomplete,
        b"DOOMED" => ComposeStatus::Doomed,
        b"TERMINATED" => ComposeStatus::Terminated,
        _ => ComposeStatus::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_status() {
        for (bytes, word) in [
            (&b"FINISHED\n"[..], ComposeStatus::Finished),
            (b"FINISHED_INCOMPLETE", ComposeStatus::FinishedIncomplete),
            (b"DOOMED\n", ComposeStatus::Doomed),
            (b"TERMINATED\n", ComposeStatus::Terminated),
            (b"STARTED\n", ComposeStatus::Started),
            (b"finished\n", ComposeStatus::Unknown),
            (b"\xff\xfe", ComposeStatus::Unknown),
            (b"", ComposeStatus::Unknown),
        ] {
            assert_eq!(status_word(bytes), word, "{bytes:?}");
        }
    }

    #[test]
    fn the_base_file_counts_while_the_final_one_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(compose_info(dir.path()), Ok(None));
        std::fs::create_dir_all(dir.path().join("work/global")).unwrap();
        std::fs::create_dir_all(dir.path().join("compose/metadata")).unwrap();
        let base = r#"{"header":{},"payload":{"compose":{"date":"20210721","id":"A-8-20210721.1","respin":1,"type":"production","label":"RC-1.0"},"release":{}}}"#;
        std::fs::write(dir.path().join("work/global/composeinfo-base.json"), base).unwrap();
        let info = compose_info(dir.path()).unwrap().unwrap();
        assert_eq!((info.id.as_str(), info.label.as_deref()), ("A-8-20210721.1", Some("RC-1.0")));
        std::fs::write(dir.path().join("compose/metadata/composeinfo.json"), "{\"payload\":{}").unwrap();
        assert!(compose_info(dir.path()).unwrap_err().contains("composeinfo.json"));
    }
}
