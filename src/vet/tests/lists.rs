//! The mirrors' file lists.

use super::{Fixture, host};
use crate::domain::catalog::FileOwner;
use crate::domain::flow::CheckName;
use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt as _;

/// Every path below production's `pub`, as `find .` prints them.
fn paths(fixture: &Fixture) -> Vec<String> {
    let mut paths = Vec::new();
    let root = fixture.path("production/pub");
    let mut queue = vec![root.clone()];
    while let Some(folder) = queue.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            paths.push(path.strip_prefix(&root).unwrap().display().to_string());
            if path.is_dir() {
                queue.push(path);
            }
        }
    }
    paths
}

fn timed(fixture: &Fixture, keep: impl Fn(&str) -> bool) -> String {
    let mut text = "[Version]\n2\n\n[Files]\n".to_owned();
    for path in paths(fixture).into_iter().filter(|path| keep(path)) {
        let meta = std::fs::metadata(fixture.path("production/pub").join(&path)).unwrap();
        let kind = if meta.is_dir() { 'd' } else { 'f' };
        writeln!(text, "{}\t{kind}\t{}\t{path}", meta.mtime().max(meta.ctime()), meta.size()).unwrap();
    }
    text + "\n[Checksums SHA1]\n\n[End]\n"
}

fn write(fixture: &Fixture) {
    let all = timed(fixture, |_| true);
    let plain: String = paths(fixture).iter().fold(".\n".to_owned(), |text, path| text + "./" + path + "\n");
    fixture.write("production/pub/fullfilelist", &plain);
    fixture.write("production/pub/fullfiletimelist-rocky", &all);
}

fn lines(fixture: &Fixture) -> Vec<String> {
    fixture.lines(CheckName::FileListsFresh, "shared/filelists")
}

#[test]
fn whole_and_new_lists_give_no_finding() {
    let fixture = host();
    write(&fixture);
    assert_eq!(lines(&fixture), Vec::<String>::new());
}

#[test]
fn missing_and_truncated_lists_are_found() {
    let fixture = host();
    write(&fixture);
    std::fs::remove_file(fixture.path("production/pub/fullfilelist")).unwrap();
    assert_eq!(lines(&fixture), ["Blocking fullfilelist the list is not there"]);
    write(&fixture);
    let text = timed(&fixture, |_| true);
    fixture.write("production/pub/fullfiletimelist-rocky", text.strip_suffix("[End]\n").unwrap());
    let found = lines(&fixture);
    assert!(found.len() == 1 && found[0].contains("does not end with [End]"), "{found:?}");
    fixture.write("production/pub/fullfiletimelist-rocky", &format!("{text}and more\n"));
    assert!(lines(&fixture)[0].contains("does not end with [End]"));
    let cut = text.len() / 2;
    fixture.write("production/pub/fullfiletimelist-rocky", &text[..cut]);
    let found = lines(&fixture);
    assert!(found.iter().any(|line| line.contains("files that were published")), "{found:?}");
}

#[test]
fn a_list_without_a_package_names_it() {
    let fixture = host();
    write(&fixture);
    let text =
        timed(&fixture, |path| !path.ends_with("zsh-5.1-1.el8.x86_64.rpm") || path.contains("storage"));
    fixture.write("production/pub/fullfiletimelist-rocky", &text);
    assert_eq!(
        lines(&fixture),
        [
            "Blocking fullfiletimelist-rocky names 13 of the 14 files that were published",
            "Blocking fullfiletimelist-rocky: 8.10/BaseOS/x86_64/os/Packages/zsh-5.1-1.el8.x86_64.rpm is in production and not in the list",
        ]
    );
}

#[test]
fn a_list_older_than_the_push_is_found() {
    let fixture = host();
    write(&fixture);
    for name in ["fullfilelist", "fullfiletimelist-rocky"] {
        let file =
            std::fs::File::options().write(true).open(fixture.path("production/pub").join(name)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1000)).unwrap();
    }
    let found = lines(&fixture);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|line| line.contains("is older than the metadata")), "{found:?}");
}

#[test]
fn an_entry_from_before_the_push_and_a_temporary_file_are_found() {
    let fixture = host();
    fixture.write("production/pub/8.10/BaseOS/x86_64/os/Packages/.bash-5.rpm.Ab12Cd", "half");
    write(&fixture);
    let old = timed(&fixture, |_| true);
    let head = "8.10/BaseOS/x86_64/os/repodata/repomd.xml";
    let text: String = old
        .lines()
        .map(|line| if line.ends_with(head) { format!("1000\tf\t1\t{head}\n") } else { format!("{line}\n") })
        .collect();
    fixture.write("production/pub/fullfiletimelist-rocky", &text);
    let found = lines(&fixture);
    let entry =
        format!("Blocking fullfiletimelist-rocky: {head} stands in the list as it was before the push");
    assert_eq!(found[0], entry);
    assert_eq!(found.iter().filter(|line| line.starts_with("Warning") && line.contains("Ab12Cd")).count(), 2);
    assert_eq!(found.len(), 3);
}

#[test]
fn a_list_that_belongs_to_somebody_else_is_told() {
    let mut fixture = host();
    write(&fixture);
    let meta = std::fs::metadata(fixture.path("production/pub/fullfilelist")).unwrap();
    let mine = FileOwner { user: meta.uid(), group: meta.gid() };
    fixture.catalog.lists.as_mut().unwrap().owner = Some(mine);
    assert_eq!(lines(&fixture), Vec::<String>::new());
    let other = FileOwner { group: mine.group + 1, ..mine };
    fixture.catalog.lists.as_mut().unwrap().owner = Some(other);
    let line = |name: &str| format!("Warning {name} belongs to {mine}, and the catalog wants {other}");
    assert_eq!(lines(&fixture), [line("fullfilelist"), line("fullfiletimelist-rocky")]);
}
