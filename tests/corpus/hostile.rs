//! Metadata that was made to hurt whoever reads it: bombs, claims, entities, paths out of the repo, endless nesting. Each is a
//! finding at its file, and the look ends, in bounded memory.

use super::repo::{Claims, bomb, gzip, run};
use super::specs::{APP, BASE, SIG, modules};
use super::template::Trees;
use std::fs;

const PRIMARY: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xmlns=\"http://linux.duke.edu/metadata/common\" \
                       xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"2\">\n";

/// The other checks that read the list of packages.
const READ_PRIMARY: [&str; 3] = ["errata-present", "no-regression", "dependencies-closed"];

fn primary(trees: &Trees, bytes: &[u8], claims: Claims, says: &str) {
    let path = format!("{SIG}/{}", trees.repo(SIG).plant("primary", "xml.gz", bytes, claims));
    let report = trees.verify().finds("metadata-consistent", &path, says);
    READ_PRIMARY.iter().fold(report, |report, check| report.follows(check, &path, says)).and_nothing_else();
}

/// 400 MB in 400 kB, which says that it inflates to a megabyte.
#[test]
fn a_list_of_packages_inflates_to_more_than_it_says() {
    let claims = Claims { open_size: Some(1 << 20), ..Claims::default() };
    primary(&Trees::new(), &bomb(PRIMARY, "<x/>", 400), claims, "is longer than 33554432 bytes");
}

/// 400 MB that is one package.
#[test]
fn a_list_of_packages_is_one_endless_package() {
    let head = format!("{PRIMARY}<package type=\"rpm\">\n  <name>");
    primary(&Trees::new(), &bomb(&head, "", 400), Claims::default(), "has a record of more than");
}

#[test]
fn a_list_of_packages_claims_ten_gigabytes() {
    let trees = Trees::new();
    let bytes = gzip(trees.repo(SIG).content("primary").as_bytes());
    let claims = Claims { open_size: Some(10 << 30), ..Claims::default() };
    primary(&trees, &bytes, claims, "claims 10737418240 bytes");
}

#[test]
fn a_package_claims_ten_gigabytes() {
    let trees = Trees::new();
    let text = trees.repo(SIG).content("primary");
    let from = text.find("<size package=\"").unwrap();
    let size = text[from..].split('"').nth(1).unwrap();
    trees.repo(SIG).edit("primary", &format!("<size package=\"{size}\""), "<size package=\"10737418240\"");
    let path = format!("{SIG}/Packages/g/");
    let report = trees.verify();
    // Which of the two comes first is createrepo's to say.
    let name = if text[..from].contains("glusterfs-libs") { "glusterfs-libs" } else { "glusterfs" };
    report
        .finds(
            "metadata-consistent",
            &format!("{path}{name}-9.6-1.el8.x86_64.rpm"),
            "primary.xml says 10737418240",
        )
        .and_nothing_else();
}

#[test]
fn a_list_of_files_is_said_to_have_ten_gigabytes() {
    let trees = Trees::new();
    let repo = trees.repo(SIG);
    let bytes = gzip(repo.content("filelists").as_bytes());
    let claims = Claims { size: Some(10 << 30), ..Claims::default() };
    let path = format!("{SIG}/{}", repo.plant("filelists", "xml.gz", &bytes, claims));
    trees.verify().finds("metadata-consistent", &path, "and repomd.xml says 10737418240").and_nothing_else();
}

/// A file of ten gigabytes that takes no room on the disk.
#[test]
fn a_list_of_files_is_ten_gigabytes_of_nothing() {
    let trees = Trees::new();
    let href = trees.repo(SIG).href("filelists");
    let file = fs::OpenOptions::new().write(true).open(trees.staging(SIG).join(&href)).unwrap();
    file.set_len(10 << 30).unwrap();
    trees
        .verify()
        .finds("metadata-consistent", &format!("{SIG}/{href}"), "invalid gzip header")
        .and_nothing_else();
}

/// Entities of entities: a billion laughs.
const LAUGHS: &str = "<!DOCTYPE lolz [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">\
                      <!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]>";

#[test]
fn errata_expand_entities() {
    let trees = Trees::new();
    let text = format!("<?xml version=\"1.0\"?>{LAUGHS}<updates><update><id>&c;</id></update></updates>");
    let path = format!(
        "{BASE}/{}",
        trees.repo(BASE).plant("updateinfo", "xml.gz", &gzip(text.as_bytes()), Claims::default())
    );
    trees
        .verify()
        .finds("errata-present", &path, "declares a document type, which metadata never does")
        .follows("no-regression", &path, "declares a document type")
        .and_nothing_else();
}

/// Groups may name a document type, as real ones do, and may define nothing in it.
#[test]
fn groups_expand_entities() {
    let trees = Trees::new();
    let text = format!("{LAUGHS}<comps><group><id>&c;</id></group></comps>");
    let path = format!(
        "{BASE}/{}",
        trees.repo(BASE).plant("group", "xml.gz", &gzip(text.as_bytes()), Claims::default())
    );
    trees.verify().finds("comps-present", &path, "declares a document type").and_nothing_else();
}

#[test]
fn repomd_expands_entities() {
    let trees = Trees::new();
    let repo = trees.repo(SIG);
    repo.edit_repomd("<repomd", &format!("{LAUGHS}<repomd"));
    let path = format!("{SIG}/repodata/repomd.xml");
    let report = trees.verify().finds("metadata-consistent", &path, "declares a document type");
    ["modules-present", "comps-present", "errata-present", "no-regression", "dependencies-closed"]
        .into_iter()
        .fold(report, |report, check| report.follows(check, &path, "declares a document type"))
        .and_nothing_else();
}

/// The billion laughs of YAML.
#[test]
fn modules_multiply_by_aliases() {
    let trees = Trees::new();
    let text = format!(
        "---\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n{}",
        modules(&[])
    );
    let path = format!(
        "{APP}/{}",
        trees.repo(APP).plant("modules", "yaml.gz", &gzip(text.as_bytes()), Claims::default())
    );
    let report = trees.verify().finds("modules-present", &path, "alias");
    ["no-regression", "dependencies-closed"]
        .into_iter()
        .fold(report, |report, check| report.follows(check, &path, "alias"))
        .and_nothing_else();
}

#[test]
fn modules_nest_without_an_end() {
    let trees = Trees::new();
    let text = format!("---\ndocument: modulemd\ndata: {}\n", "[".repeat(1 << 20));
    let path = format!(
        "{APP}/{}",
        trees.repo(APP).plant("modules", "yaml.gz", &gzip(text.as_bytes()), Claims::default())
    );
    let report = trees.verify().finds("modules-present", &path, "recursion limit exceeded");
    ["no-regression", "dependencies-closed"]
        .into_iter()
        .fold(report, |report, check| report.follows(check, &path, ""))
        .and_nothing_else();
}

#[test]
fn errata_nest_without_an_end() {
    let trees = Trees::new();
    let text = format!("<updates><update><description>{}", "<b>".repeat(1 << 20));
    let path = format!(
        "{BASE}/{}",
        trees.repo(BASE).plant("updateinfo", "xml.gz", &gzip(text.as_bytes()), Claims::default())
    );
    trees
        .verify()
        .finds("errata-present", &path, "nests deeper than")
        .follows("no-regression", &path, "nests deeper than")
        .and_nothing_else();
}

/// A package's location leads out of its repo: it is told, and not followed to the file that is there.
#[test]
fn a_package_lies_outside_of_its_repo() {
    let trees = Trees::new();
    fs::write(trees.staging("../outside.rpm"), "outside").unwrap();
    let repo = trees.repo(SIG);
    let away = "../../../../../outside.rpm";
    repo.edit("primary", "Packages/g/glusterfs-9.6-1.el8.x86_64.rpm", away);
    trees
        .verify()
        .finds(
            "metadata-consistent",
            &format!("{SIG}/{away}"),
            "the location of glusterfs-9.6-1.el8.x86_64 is wrong",
        )
        .follows(
            "metadata-consistent",
            &format!("{SIG}/Packages/g/glusterfs-9.6-1.el8.x86_64.rpm"),
            "in no metadata",
        )
        .and_nothing_else();
}

#[test]
fn a_list_of_packages_lies_outside_of_its_repo() {
    let trees = Trees::new();
    let repo = trees.repo(SIG);
    let href = repo.href("primary");
    repo.edit_repomd(&href, "../../../../../../../etc/passwd");
    let path = format!("{SIG}/repodata/repomd.xml");
    let says = "has a wrong location for `primary`";
    let report = trees.verify().finds("metadata-consistent", &path, says);
    ["modules-present", "comps-present", "errata-present", "no-regression", "dependencies-closed"]
        .into_iter()
        .fold(report, |report, check| report.follows(check, &path, says))
        .and_nothing_else();
}

/// A base URL: clients would fetch it from somebody else's server.
#[test]
fn a_package_lies_on_another_server() {
    let trees = Trees::new();
    let location = "<location href=\"Packages/g/glusterfs-9.6-1.el8.x86_64.rpm\"";
    let based =
        "<location xml:base=\"https://mirror.invalid/\" href=\"Packages/g/glusterfs-9.6-1.el8.x86_64.rpm\"";
    trees.repo(SIG).edit("primary", location, based);
    let path = format!("{SIG}/Packages/g/glusterfs-9.6-1.el8.x86_64.rpm");
    trees
        .verify()
        .finds("metadata-consistent", &path, "xml:base is `https://mirror.invalid/`")
        .follows("metadata-consistent", &path, "in no metadata")
        .and_nothing_else();
}

/// What waits for a FIFO waits for ever.
#[test]
fn repomd_is_a_fifo() {
    let trees = Trees::new();
    let repo = trees.repo(SIG);
    fs::remove_file(repo.repomd()).unwrap();
    run("mkfifo", &[repo.repomd().to_str().unwrap()]);
    let path = format!("{SIG}/repodata/repomd.xml");
    let report = trees.verify().finds("metadata-consistent", &path, "is no plain file");
    let report = report.follows("metadata-signed", &path, "is no plain file");
    ["modules-present", "comps-present", "errata-present", "no-regression", "dependencies-closed"]
        .into_iter()
        .fold(report, |report, check| report.follows(check, &path, "is no plain file"))
        .and_nothing_else();
}

/// Escape sequences of a name reach nobody's terminal as they are.
#[test]
fn a_name_would_take_over_the_terminal() {
    let trees = Trees::new();
    let absent = ("RLSA-2024:0005\u{9b}31m\u{202e}", "", &["absent-1-1.el8.x86_64"][..]);
    let all = super::specs::updateinfo(&[super::specs::OLD_ADVISORY, super::specs::NEW_ADVISORY, absent]);
    trees.repo(BASE).replace("updateinfo", &all);
    let staging = trees.staging("");
    let args = ["verify", staging.to_str().unwrap()];
    let output = super::report::bounded(256 << 10, &args);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("absent-1-1.el8.x86_64"), "{text}");
    assert!(!text.chars().any(|one| one.is_control() && one != '\n' || one == '\u{202e}'), "{text:?}");
}
