//! Where cgroups may be made, told from made-up hosts, and real ones where this host has any.

use super::*;
use crate::exec::pty::OPENING;
use std::process::{Child, Command};
use std::sync::PoisonError;

const UNIFIED: &str = "24 23 0:21 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,seclabel,nsdelegate\n";
const LEGACY: &str = "\
    31 23 0:28 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,seclabel,mode=755\n\
    32 31 0:29 / /sys/fs/cgroup/systemd rw,nosuid,nodev,noexec,relatime shared:10 - cgroup cgroup rw,seclabel,xattr,release_agent=/usr/lib/systemd/systemd-cgroups-agent,name=systemd\n\
    36 31 0:33 / /sys/fs/cgroup/memory rw,nosuid,nodev,noexec,relatime shared:14 - cgroup cgroup rw,seclabel,memory\n";
const HYBRID: &str = "\
    31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
    35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
    40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n\
    41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
const NAME: &str = "stagegate-20261122T184500Z-8-update:fe01-2a";

/// What a host is like, its mounts, the cgroups of a process, and the folders of those with whether they are of version 2.
type Row = (&'static str, &'static str, &'static str, &'static [(&'static str, bool)]);

#[test]
fn own_cgroups_are_found_wherever_they_are_mounted() {
    let both = "9:name=systemd:/a\n4:memory:/c\n0::/b\n";
    let table: [Row; 10] = [
        (
            "EL9, version 2 alone",
            UNIFIED,
            "0::/system.slice/x.scope\n",
            &[("/sys/fs/cgroup/system.slice/x.scope", true)],
        ),
        (
            "EL8, version 1 alone",
            LEGACY,
            "10:memory:/user.slice\n1:name=systemd:/system.slice/x.scope\n",
            &[("/sys/fs/cgroup/systemd/system.slice/x.scope", false)],
        ),
        (
            "EL8, both",
            HYBRID,
            both,
            &[("/sys/fs/cgroup/unified/b", true), ("/sys/fs/cgroup/systemd/a", false)],
        ),
        (
            "a container with both, at their roots",
            HYBRID,
            "9:name=systemd:/\n4:memory:/x/y\n0::/\n",
            &[("/sys/fs/cgroup/unified/", true), ("/sys/fs/cgroup/systemd/", false)],
        ),
        (
            "a part of the tree is mounted",
            "41 31 0:38 /docker/f00 /cg rw - cgroup2 none rw\n",
            "0::/docker/f00/x\n",
            &[("/cg/x", true)],
        ),
        (
            "another part than our own",
            "41 31 0:38 /docker/f00 /cg rw - cgroup2 none rw\n",
            "0::/docker/bar\n",
            &[],
        ),
        ("outside of our namespace", UNIFIED, "0::/../../x\n", &[]),
        (
            "a mount with a blank",
            "41 31 0:38 / /c\\040g rw - cgroup2 none rw\n",
            "0::/x:y\n",
            &[("/c g/x:y", true)],
        ),
        ("no cgroups", "31 23 0:28 / / rw - ext4 /dev/vda rw\n", "", &[]),
        ("nonsense", "\n - cgroup2\n1 2 - cgroup2 a\n", "0\n::\n0::\n", &[]),
    ];
    for (what, mountinfo, cgroup, wanted) in table {
        let found = places(mountinfo, cgroup);
        let found: Vec<(&str, bool)> =
            found.iter().map(|place| (place.folder.to_str().unwrap(), place.unified)).collect();
        assert_eq!(found, wanted, "{what}");
    }
}

#[test]
fn a_steps_cgroup_is_known_by_its_names() {
    let table = [
        ("0::/stagegate-r:h/03-8-sync-Rocky\n", Some(("r:h", "03-8-sync-Rocky"))),
        ("9:name=systemd:/\n0::/a/stagegate-r:h/03-x/deeper/still\n", Some(("r:h", "03-x"))),
        ("1:name=systemd:/system.slice/stagegate-r:h:12.scope/03-x.2\n", Some(("r:h:12", "03-x.2"))),
        ("0::/system.slice/stagegate-r:h:12.scope\n", None),
        ("0::/user.slice/user-0.slice\n4:memory:/stagegate\n", None),
        ("", None),
    ];
    for (text, wanted) in table {
        let wanted = wanted.map(|(run, step)| Cell { run: run.to_owned(), step: step.to_owned() });
        assert_eq!(Cell::parse(text), wanted, "{text}");
    }
}

/// Makes a host below a folder: its mounts, the own cgroups of whoever asks, with systemd or without.
fn host(mountinfo: &str, cgroup: &str, systemd: bool) -> tempfile::TempDir {
    let host = tempfile::tempdir().unwrap();
    let at = |path: &str| host.path().join(path);
    fs::create_dir_all(at("proc/self")).unwrap();
    fs::write(at("proc/self/mountinfo"), mountinfo).unwrap();
    fs::write(at("proc/self/cgroup"), cgroup).unwrap();
    if systemd {
        fs::create_dir_all(at("run/systemd/system")).unwrap();
    }
    for place in places(mountinfo, cgroup) {
        let folder = host.path().join(place.folder.strip_prefix("/").unwrap());
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("cgroup.procs"), "").unwrap();
    }
    host
}

#[test]
fn a_scope_of_systemd_is_taken_in_either_version_and_its_steps_are_below_it() {
    let scope = format!("/system.slice/{NAME}:4711.scope");
    let table = [
        (UNIFIED, format!("0::{scope}\n"), "sys/fs/cgroup"),
        (LEGACY, format!("10:memory:/user.slice\n1:name=systemd:{scope}\n"), "sys/fs/cgroup/systemd"),
        (HYBRID, format!("9:name=systemd:{scope}\n0::{scope}\n"), "sys/fs/cgroup/unified"),
        // A systemd of version 1 on a host where somebody mounted version 2 too.
        (HYBRID, format!("9:name=systemd:{scope}\n0::/\n"), "sys/fs/cgroup/systemd"),
    ];
    for (mountinfo, cgroup, mount) in table {
        let host = host(mountinfo, &cgroup, true);
        let own = host.path().join(format!("{mount}{scope}"));
        let ground = Ground::find(host.path(), NAME, None);
        assert!(matches!(&ground, Ground::Scope { own: found } if *found == own), "{ground:?}");
        let step = ground.cgroup("03-8-sync-Rocky").unwrap();
        assert_eq!((step.path(), &step.home), (own.join("03-8-sync-Rocky").as_path(), &own));
        drop(ground);
        assert!(!step.path().exists() && own.exists(), "the scope is systemd's");
    }
}

#[test]
fn where_systemd_gave_no_scope_nothing_is_made_and_that_is_said() {
    let others = [
        "0::/user.slice/user-0.slice/session-3.scope\n".to_owned(),
        "0::/system.slice/stagegate-20261122T184500Z-9-update:fe01-2a:7.scope\n".to_owned(),
        format!("0::/system.slice/{NAME}-2:7.scope\n"),
        format!("0::/system.slice/{NAME}:7.service\n"),
    ];
    for cgroup in others {
        let host = host(UNIFIED, &cgroup, true);
        for (told, said) in [
            (None, "no systemd scope here"),
            (
                Some("no systemd scope: Failed to connect to bus"),
                "no systemd scope: Failed to connect to bus",
            ),
        ] {
            let ground = Ground::find(host.path(), NAME, told);
            assert_eq!(ground.cgroup("01-x"), Err(said.to_owned()), "{cgroup}");
        }
        let made = walkdir::WalkDir::new(host.path().join("sys"));
        let steps = |entry: &walkdir::DirEntry| entry.file_name() == "01-x" || entry.file_name() == NAME;
        assert!(!made.into_iter().flatten().any(|entry| steps(&entry)), "behind systemd's back");
    }
}

#[test]
fn without_systemd_one_of_our_own_is_made_below_our_own_or_it_is_said_why_not() {
    let with = host(HYBRID, "9:name=systemd:/\n0::/box\n", false);
    let ground = Ground::find(with.path(), NAME, Some("not asked"));
    let run = with.path().join("sys/fs/cgroup/unified/box").join(NAME);
    assert_eq!(ground.cgroup("01-x").map(|step| step.path), Ok(run.join("01-x")));
    // An attempt of that number that has something in it is somebody else's.
    fs::write(run.join("01-x/cgroup.procs"), "").unwrap();
    let refused = ground.cgroup("01-x").unwrap_err();
    assert!(refused.contains("could not be made: File exists"), "{refused}");
    fs::remove_file(run.join("01-x/cgroup.procs")).unwrap();
    drop(ground);
    assert!(!run.exists());

    let without = host(LEGACY, "1:name=systemd:/\n", false);
    let ground = Ground::find(without.path(), NAME, None);
    assert_eq!(ground.cgroup("01-x"), Err("no systemd and no cgroup2 here".to_owned()));
    // As in a container whose cgroups are mounted, but not for it: there is a file where the folder should be.
    fs::write(&run, "").unwrap();
    fs::remove_file(with.path().join("sys/fs/cgroup/unified/box/cgroup.procs")).unwrap();
    let refused = Ground::find(with.path(), NAME, None).cgroup("01-x").unwrap_err();
    assert!(refused.starts_with("no cgroup may be made here: "), "{refused}");
}

// --------------------------------------------------------------------------------------- on this host

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Starts a process in this one's session, as checks do.
fn stranger() -> Killed {
    Killed(Command::new("sleep").arg("600").spawn().unwrap())
}

/// Returns a real cgroup, or says past the harness that this host has none for us, and tests what is said then.
fn real(name: &str) -> Option<(Ground, Cgroup)> {
    let ground = Ground::find(Path::new("/"), &format!("{PREFIX}test-{name}:{}", std::process::id()), None);
    match ground.cgroup("01-x") {
        Ok(cgroup) => Some((ground, cgroup)),
        Err(why) => {
            let text = format!("NOT TESTED HERE: no cgroup can be made on this host: {why}\n");
            io::stderr().write_all(text.as_bytes()).unwrap();
            let words =
                ["no systemd scope", "no systemd and no cgroup2 here", "no cgroup may be made here: "];
            assert!(words.iter().any(|word| why.starts_with(word)), "{why}");
            None
        }
    }
}

#[test]
fn what_others_start_during_a_visit_goes_home_and_so_do_we() {
    let _alone = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((ground, cgroup)) = real("visit") else { return };
    let own = std::process::id().cast_signed();
    let visit = cgroup.visit().unwrap();
    let other = stranger();
    let pid = other.0.id().cast_signed();
    let inside = cgroup.pids();
    assert!(inside.contains(&own) && inside.contains(&pid), "both are in it: {inside:?}");
    assert!(!cgroup.kill(), "it is never killed with ourselves in it");
    drop(visit);
    assert!(cgroup.pids().is_empty(), "neither is");
    assert_eq!(Cell::of(pid), None);
    assert!(ProcessStat::of(pid).is_some_and(|stat| !stat.is_dead()), "it was not killed for it");
    drop(ground);
    assert!(!cgroup.path().exists());
}

#[test]
fn a_visit_ends_on_every_path_and_one_that_cannot_begin_changes_nothing() {
    let _alone = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((ground, cgroup)) = real("paths") else { return };
    let own = std::process::id().cast_signed();
    let panicked = crate::exec::guard::guarded(|| {
        let _visit = cgroup.visit().unwrap();
        assert_eq!(Cell::of(own).unwrap().step, "01-x");
        std::panic::panic_any("in the middle");
    });
    assert!(panicked.is_err());
    assert_eq!((Cell::of(own), cgroup.pids()), (None, Vec::new()));
    cgroup.close();
    assert!(!cgroup.path().exists());
    assert_eq!(cgroup.visit().unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(Cell::of(own), None);
    drop(ground);
}

#[test]
fn all_in_a_cgroup_are_killed_at_once_and_it_stays_as_long_as_somebody_is_in_it() {
    let _alone = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((ground, cgroup)) = real("kill") else { return };
    let mut one = stranger();
    join(cgroup.path(), one.0.id().cast_signed()).unwrap();
    assert_eq!(cgroup.pids(), [one.0.id().cast_signed()]);
    cgroup.close();
    assert!(cgroup.path().exists(), "whoever looks for survivors must find them");
    if !cgroup.kill() {
        // Before Linux 5.14.
        one.0.kill().unwrap();
    }
    assert!(!one.0.wait().unwrap().success());
    cgroup.close();
    assert!(!cgroup.path().exists());
    drop(ground);
}

/// As on EL8, where systemd's own tree is in a hierarchy of version 1.
#[test]
fn in_version_1_it_is_the_same_but_nobody_is_killed_at_once() {
    let _alone = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let all = places(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup"));
    let made = all.iter().find(|place| !place.unified).map(|place| {
        let path = place.folder.join(format!("{PREFIX}test-v1:{}.scope", std::process::id()));
        fs::create_dir(&path).map(|()| (path, place.folder.clone()))
    });
    let Some(Ok((scope, home))) = made else {
        let text = format!("NOT TESTED HERE: no cgroup of version 1 can be made: {made:?}\n");
        io::stderr().write_all(text.as_bytes()).unwrap();
        return;
    };
    let cgroup = Cgroup { path: scope.join("01-x"), home };
    fs::create_dir(&cgroup.path).unwrap();
    let visit = cgroup.visit().unwrap();
    let mut other = stranger();
    let pid = other.0.id().cast_signed();
    assert!(cgroup.pids().contains(&pid));
    drop(visit);
    assert!(cgroup.pids().is_empty());
    join(cgroup.path(), pid).unwrap();
    assert_eq!(cgroup.pids(), [pid]);
    let cell = Cell::of(pid).unwrap();
    assert_eq!(cell, Cell { run: format!("test-v1:{}", std::process::id()), step: "01-x".to_owned() });
    assert!(!cgroup.kill());
    other.0.kill().unwrap();
    other.0.wait().unwrap();
    cgroup.close();
    assert!(!cgroup.path().exists());
    fs::remove_dir(scope).unwrap();
}
