//! Whole transfers of the practice rsync, between folders of a temporary one.

use super::*;
use std::time::SystemTime;

struct Trees(tempfile::TempDir);

impl Trees {
    fn new() -> Self {
        let trees = Self(tempfile::tempdir().unwrap());
        for folder in ["src/A/x/os", "dst"] {
            std::fs::create_dir_all(trees.at(folder)).unwrap();
        }
        trees.write("src/A/x/os/big.rpm", &vec![7; 100_000]);
        trees.write("src/A/x/os/small.rpm", b"abc");
        trees.write("src/A/x/z", b"z");
        std::os::unix::fs::symlink("small.rpm", trees.at("src/A/x/os/link")).unwrap();
        trees
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        std::fs::write(self.at(path), bytes).unwrap();
    }

    fn run(&self, line: &str) -> Result<usize, Broken> {
        self.run_with(line, None)
    }

    /// Runs `rsync LINE src/ dst` and returns how many files were transferred.
    fn run_with(&self, line: &str, fault: Option<practice::TransferFault>) -> Result<usize, Broken> {
        let (source, destination) = (self.at("src/"), self.at("dst"));
        let mut args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        args.push(format!("{}/", source.display()));
        args.push(destination.display().to_string());
        let options = Options::parse(&args).unwrap();
        let list = List::of(&options, self.0.path());
        let call = Call { args, host: None };
        let mut transfer = Transfer::new(&options, &list, Arc::default(), &call).unwrap();
        transfer.fault = fault.map(|fault| (fault, 1));
        transfer.everything(&list).map(|()| transfer.transferred)
    }

    fn temporaries(&self) -> usize {
        walkdir::WalkDir::new(self.at("dst"))
            .into_iter()
            .flatten()
            .filter(|item| item.file_name().to_string_lossy().starts_with('.'))
            .count()
    }
}

#[test]
fn a_copy_keeps_content_times_modes_and_links() {
    let trees = Trees::new();
    let old = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500_000_000_250);
    File::open(trees.at("src/A/x/z")).unwrap().set_modified(old).unwrap();
    std::fs::set_permissions(trees.at("src/A/x/z"), Permissions::from_mode(0o640)).unwrap();
    File::open(trees.at("src/A/x")).unwrap().set_modified(old).unwrap();
    assert_eq!(trees.run("-a").unwrap(), 3);
    assert_eq!(std::fs::read(trees.at("dst/A/x/os/big.rpm")).unwrap(), vec![7; 100_000]);
    let meta = trees.at("dst/A/x/z").metadata().unwrap();
    assert_eq!((meta.modified().unwrap(), meta.mode() & 0o777), (old, 0o640));
    assert_eq!(trees.at("dst/A/x").metadata().unwrap().modified().unwrap(), old);
    assert_eq!(trees.at("dst/A/x/os/link").read_link().unwrap(), Path::new("small.rpm"));
}

#[test]
fn what_is_there_already_is_not_copied_again() {
    let trees = Trees::new();
    assert_eq!(trees.run("-a").unwrap(), 3);
    assert_eq!(trees.run("-a").unwrap(), 0);
    trees.write("src/A/x/z", b"zz");
    assert_eq!(trees.run("-a").unwrap(), 1);
}

#[test]
fn delete_removes_what_the_source_does_not_have_and_a_dry_run_nothing() {
    let trees = Trees::new();
    trees.run("-a").unwrap();
    std::fs::create_dir(trees.at("dst/A/x/old")).unwrap();
    trees.write("dst/A/x/old/file", b"");
    trees.run("-an --delete").unwrap();
    assert!(trees.at("dst/A/x/old/file").exists());
    trees.run("-a").unwrap();
    assert!(trees.at("dst/A/x/old/file").exists(), "without --delete it stays");
    trees.run("-a --delete").unwrap();
    assert!(!trees.at("dst/A/x/old").exists());
    assert!(trees.at("dst/A/x/z").exists());
}

#[test]
fn a_full_disk_leaves_no_temporary_file_and_a_killed_peer_leaves_one() {
    let trees = Trees::new();
    let broken = trees.run_with("-a", Some(practice::TransferFault::DiskFull)).unwrap_err();
    assert!(matches!(&broken, Broken::Full(_, error) if error.raw_os_error() == Some(28)), "{broken:?}");
    assert_eq!(trees.temporaries(), 0);
    let trees = Trees::new();
    let broken = trees.run_with("-a", Some(practice::TransferFault::PeerKilled)).unwrap_err();
    assert!(matches!(broken, Broken::Peer));
    assert_eq!(trees.temporaries(), 1);
}

#[test]
fn changes_are_itemized_as_rsync_does() {
    let trees = Trees::new();
    let meta = trees.at("src/A/x/z").metadata().unwrap();
    let entry = Entry {
        name: PathBuf::from("z"),
        source: trees.at("src/A/x/z"),
        kind: Kind::File(1),
        mtime: (meta.mtime(), meta.mtime_nsec()),
        mode: 0o644,
        owner: Owner { user: 0, group: 0 },
    };
    assert_eq!(changes_of(&entry, 1, &trees.at("dst/z")), ">f+++++++++");
    trees.write("dst/z", b"other");
    assert_eq!(changes_of(&entry, 1, &trees.at("dst/z")), ">f.st......");
    trees.write("dst/z", b"o");
    assert_eq!(changes_of(&entry, 1, &trees.at("dst/z")), ">f..t......");
}

#[test]
fn a_source_that_is_missing_is_complained_about_and_the_rest_copied() {
    let trees = Trees::new();
    let args: Vec<String> = ["-a", "nope", "src/A", "dst"].map(str::to_owned).to_vec();
    let list = List::of(&Options::parse(&args).unwrap(), trees.0.path());
    assert_eq!(list.complaints.len(), 1);
    assert!(list.complaints[0].starts_with("rsync: [sender] link_stat \""), "{:?}", list.complaints);
    assert!(list.complaints[0].ends_with("nope\" failed: No such file or directory (2)"));
    assert!(list.entries.iter().any(|entry| entry.name == Path::new("A/x/os/big.rpm")));
}
