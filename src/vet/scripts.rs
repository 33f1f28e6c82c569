//! Before a step: the script that it runs is there and is not empty.
//!
//! It opens nothing else. It cannot see whether the script does what it should: which bytes ran is recorded with the step.

use super::VetContext;
use super::found::Found;
use super::places::shown;
use crate::domain::plan::Step;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Programs whose first argument is a script.
const INTERPRETERS: [&str; 6] = ["bash", "sh", "dash", "python3", "python", "perl"];
/// A script that is longer than this is none.
const SCRIPT_LIMIT: u64 = 4 << 20;

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    if cx.step.host.is_some() || cx.step.argv.is_empty() {
        return;
    }
    if !cx.step.cwd.is_dir() {
        found.blocking(
            "no-folder",
            shown(&cx.step.cwd),
            "the folder that the step runs in is not there",
            "check out the scripts, or correct the folder in the catalog",
        );
        return;
    }
    let Some(script) = script_of(cx.step) else { return };
    match std::fs::metadata(&script) {
        Ok(meta) if meta.is_file() && meta.len() > 0 => {
            if rustix::fs::access(&script, rustix::fs::Access::READ_OK).is_err() {
                found.blocking("unreadable", shown(&script), "the script cannot be read", "correct its mode");
            }
        }
        Ok(_) => found.blocking(
            "empty",
            shown(&script),
            "the script is empty or no file",
            "restore it from its checkout",
        ),
        Err(error) => found.blocking(
            "missing",
            shown(&script),
            format!("the script is not there: {}", error.kind()),
            "check out the branch that has it, or correct its name in the catalog",
        ),
    }
}

/// Returns the script that `step` runs on this host, if its command names one.
pub(super) fn script_of(step: &Step) -> Option<PathBuf> {
    if step.host.is_some() {
        return None;
    }
    let program = Path::new(step.argv.first()?);
    let name = program.file_name()?.to_str()?;
    if INTERPRETERS.contains(&name) {
        let script = step.argv.iter().skip(1).find(|argument| !argument.starts_with('-'))?;
        return Some(step.cwd.join(script));
    }
    program.to_str()?.contains('/').then(|| step.cwd.join(program))
}

/// Returns `script` and every file beside it that it, or one of those, mentions outside of comments.
///
/// That is a guess at what it sources and calls, and a generous one: `common_${RLVER}` counts as the file
/// that it means for `release`.
pub(super) fn texts(script: &Path, release: &str) -> Vec<(PathBuf, String)> {
    let Some(folder) = script.parent() else { return Vec::new() };
    let mut seen = BTreeSet::from([script.to_owned()]);
    let mut queue = vec![script.to_owned()];
    let mut texts = Vec::new();
    while let Some(path) = queue.pop() {
        let readable =
            std::fs::metadata(&path).is_ok_and(|meta| meta.is_file() && meta.len() <= SCRIPT_LIMIT);
        let Some(bytes) = readable.then(|| std::fs::read(&path).ok()).flatten() else { continue };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for name in mentioned(&text, release) {
            let path = folder.join(name);
            if !seen.contains(&path) && path.is_file() {
                seen.insert(path.clone());
                queue.push(path);
            }
        }
        texts.push((path, text));
    }
    texts
}

fn mentioned(text: &str, release: &str) -> BTreeSet<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let is_name = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
    let lines = code.map(|line| line.replace("${RLVER}", release).replace("$RLVER", release));
    let mut names = BTreeSet::new();
    for line in lines {
        let words = line.split(|c: char| !is_name(c)).filter(|word| word.len() > 1 && !word.starts_with('.'));
        names.extend(words.map(str::to_owned));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_sources_and_calls_is_read_too() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("main.sh", "source $(dirname $0)/common\n# unrelated.sh\nbash other.sh\n");
        write("common", "source \"$(dirname \"$0\")/common_${RLVER}\"\n");
        write("common_8", "REVISION=8.10\n");
        write("common_9", "REVISION=9.4\n");
        write("other.sh", "exit 0\n");
        write("unrelated.sh", "exit 0\n");
        let names: BTreeSet<String> = texts(&dir.path().join("main.sh"), "8")
            .into_iter()
            .map(|(path, _)| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["common", "common_8", "main.sh", "other.sh"]);
    }
}
