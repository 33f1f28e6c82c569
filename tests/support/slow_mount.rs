//! A folder behind a real mount (FUSE) that can hang, be slow, or answer with errors alone.
//!
//! It shows a folder as it is, for reading. Where FUSE cannot be used (no `/dev/fuse`, neither root nor
//! fusermount3) that is said on the error stream, and a FIFO stands in for the marker of a mount that hangs:
//! opening it blocks as a dead server does. What needs more than that says that it was not run.

use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, InitFlags, KernelConfig, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, Request,
};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// How long anything here may take before the test fails.
const PATIENCE: Duration = Duration::from_mins(1);
/// The marker of a mount in a practice host.
const MARKER: &str = ".stagegate-mount";

/// How the mount answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Promptly,
    After(Duration),
    /// Not at all, once this many further calls have been answered.
    Never(u64),
    WithErrors(i32),
}

#[derive(Debug)]
struct State {
    manner: Manner,
    /// How many calls wait now.
    waiting: usize,
    calls: u64,
}

#[derive(Debug)]
struct Switch {
    state: Mutex<State>,
    changed: Condvar,
}

impl Switch {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, manner: Manner) {
        self.lock().manner = manner;
        self.changed.notify_all();
    }

    /// Called at the beginning of every call.
    fn pass(&self) -> Result<(), Errno> {
        let mut state = self.lock();
        state.calls += 1;
        loop {
            match state.manner {
                Manner::Promptly => return Ok(()),
                Manner::WithErrors(errno) => return Err(Errno::from_i32(errno)),
                Manner::After(delay) => {
                    drop(state);
                    std::thread::sleep(delay);
                    return Ok(());
                }
                Manner::Never(left) if left > 0 => {
                    state.manner = Manner::Never(left - 1);
                    return Ok(());
                }
                Manner::Never(_) => {
                    state.waiting += 1;
                    self.changed.notify_all();
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                    state.waiting -= 1;
                }
            }
        }
    }
}

/// The file system: what stands in a folder, by inode.
struct Mirror {
    switch: Arc<Switch>,
    paths: Mutex<HashMap<u64, PathBuf>>,
    ttl: Duration,
}

impl Mirror {
    fn path(&self, ino: INodeNo) -> Result<PathBuf, Errno> {
        let paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        paths.get(&u64::from(ino)).cloned().ok_or(Errno::ENOENT)
    }

    fn know(&self, path: PathBuf) -> Result<FileAttr, Errno> {
        let meta = std::fs::symlink_metadata(&path)?;
        let attr = attr(&meta);
        self.paths.lock().unwrap_or_else(PoisonError::into_inner).insert(meta.ino(), path);
        Ok(attr)
    }

    fn attributes(&self, ino: INodeNo) -> Result<FileAttr, Errno> {
        self.switch.pass()?;
        let mut attr = attr(&std::fs::symlink_metadata(self.path(ino)?)?);
        attr.ino = ino;
        Ok(attr)
    }

    fn bytes(&self, ino: INodeNo, offset: u64, size: u32) -> Result<Vec<u8>, Errno> {
        self.switch.pass()?;
        let file = std::fs::File::open(self.path(ino)?)?;
        let mut bytes = vec![0; size as usize];
        let read = file.read_at(&mut bytes, offset)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    fn entries(&self, ino: INodeNo) -> Result<Vec<(u64, FileType, OsString)>, Errno> {
        self.switch.pass()?;
        let mut entries = vec![
            (u64::from(ino), FileType::Directory, OsString::from(".")),
            (u64::from(ino), FileType::Directory, OsString::from("..")),
        ];
        for entry in std::fs::read_dir(self.path(ino)?)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            entries.push((meta.ino(), kind(&meta), entry.file_name()));
        }
        entries.sort_by(|a, b| a.2.cmp(&b.2));
        Ok(entries)
    }
}

fn kind(meta: &Metadata) -> FileType {
    let kind = meta.file_type();
    if kind.is_dir() {
        FileType::Directory
    } else if kind.is_symlink() {
        FileType::Symlink
    } else if kind.is_fifo() {
        FileType::NamedPipe
    } else {
        FileType::RegularFile
    }
}

fn attr(meta: &Metadata) -> FileAttr {
    let time = |seconds: i64, nanos: i64| {
        SystemTime::UNIX_EPOCH + Duration::new(seconds.max(0).unsigned_abs(), nanos as u32)
    };
    FileAttr {
        ino: INodeNo(meta.ino()),
        size: meta.size(),
        blocks: meta.blocks(),
        atime: time(meta.atime(), meta.atime_nsec()),
        mtime: time(meta.mtime(), meta.mtime_nsec()),
        ctime: time(meta.ctime(), meta.ctime_nsec()),
        crtime: SystemTime::UNIX_EPOCH,
        kind: kind(meta),
        perm: (meta.mode() & 0o7777) as u16,
        nlink: meta.nlink() as u32,
        uid: meta.uid(),
        gid: meta.gid(),
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

impl Filesystem for Mirror {
    /// Has the kernel look up names of one folder side by side, as it does on network mounts.
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        // A kernel that cannot looks them up one by one.
        let _lacking = config.add_capabilities(InitFlags::FUSE_PARALLEL_DIROPS);
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.switch.pass().and_then(|()| self.know(self.path(parent)?.join(name)));
        match found {
            Ok(attr) => reply.entry(&self.ttl, &attr, Generation(0)),
            Err(errno) => reply.error(errno),
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(ino) {
            Ok(attr) => reply.attr(&self.ttl, &attr),
            Err(errno) => reply.error(errno),
        }
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        let target = self.switch.pass().and_then(|()| Ok(std::fs::read_link(self.path(ino)?)?));
        match target {
            Ok(target) => reply.data(target.as_os_str().as_bytes()),
            Err(errno) => reply.error(errno),
        }
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.switch.pass() {
            Ok(()) => reply.opened(FileHandle(0), FopenFlags::empty()),
            Err(errno) => reply.error(errno),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.bytes(ino, offset, size) {
            Ok(bytes) => reply.data(&bytes),
            Err(errno) => reply.error(errno),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn opendir(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.switch.pass() {
            Ok(()) => reply.opened(FileHandle(0), FopenFlags::empty()),
            Err(errno) => reply.error(errno),
        }
    }

    fn readdir(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let entries = match self.entries(ino) {
            Ok(entries) => entries,
            Err(errno) => return reply.error(errno),
        };
        for (at, (ino, kind, name)) in entries.into_iter().enumerate().skip(offset as usize) {
            if reply.add(INodeNo(ino), at as u64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        match self.switch.pass() {
            Ok(()) => reply.statfs(1 << 40, 1 << 39, 1 << 39, 1 << 20, 1 << 20, 4096, 255, 4096),
            Err(errno) => reply.error(errno),
        }
    }
}

/// What is behind the folder.
enum Behind {
    /// A mount, and where the folder is meanwhile that stood there.
    Fuse {
        switch: Arc<Switch>,
        _session: BackgroundSession,
        shown: PathBuf,
    },
    Marker,
}

/// A folder that is slow or hangs when it is told to.
pub(crate) struct SlowMount {
    point: PathBuf,
    behind: Behind,
}

impl SlowMount {
    /// Puts a mount over `folder`, which shows what the folder holds now. One call is answered at a time.
    pub(crate) fn over(folder: &Path) -> Self {
        Self::fuse(folder, 1, Duration::ZERO).unwrap_or_else(|error| {
            say(&format!("FUSE cannot be used here ({error}); a FIFO stands in for {}", folder.display()));
            Self { point: folder.to_owned(), behind: Behind::Marker }
        })
    }

    /// The same with `threads` calls answered at a time, and names and attributes that are good for `ttl`, as
    /// on a network mount; none where FUSE cannot be used, which is said.
    pub(crate) fn wide(folder: &Path, threads: usize, ttl: Duration) -> Option<Self> {
        Self::fuse(folder, threads, ttl)
            .inspect_err(|error| say(&format!("NOT RUN: FUSE cannot be used here ({error})")))
            .ok()
    }

    fn fuse(folder: &Path, threads: usize, ttl: Duration) -> std::io::Result<Self> {
        let name = folder.file_name().unwrap().to_string_lossy();
        let behind = folder.with_file_name(format!(".{name}-behind"));
        // Tried on an empty folder first: one that cannot be mounted over must stay as it is.
        std::fs::create_dir(&behind)?;
        let empty = folder.with_file_name(format!(".{name}-empty"));
        std::fs::create_dir(&empty)?;
        let tried = Self::mount(&empty, &behind, 1, ttl).map(drop);
        std::fs::remove_dir(if tried.is_ok() { &behind } else { &empty })?;
        if tried.is_err() {
            std::fs::remove_dir(&behind)?;
        }
        tried?;
        std::fs::rename(folder, &behind)?;
        std::fs::create_dir(folder)?;
        Self::mount(&behind, folder, threads, ttl)
    }

    fn mount(folder: &Path, point: &Path, threads: usize, ttl: Duration) -> std::io::Result<Self> {
        let state = State { manner: Manner::Promptly, waiting: 0, calls: 0 };
        let switch = Arc::new(Switch { state: Mutex::new(state), changed: Condvar::new() });
        let root = u64::from(INodeNo::ROOT);
        let paths = Mutex::new(HashMap::from([(root, folder.to_owned())]));
        let mirror = Mirror { switch: Arc::clone(&switch), paths, ttl };
        let mut config = Config::default();
        config.mount_options = vec![MountOption::RO, MountOption::FSName("slow".to_owned())];
        config.n_threads = Some(threads);
        let session = fuser::spawn_mount(mirror, point, &config)?;
        Ok(Self {
            point: point.to_owned(),
            behind: Behind::Fuse { switch, _session: session, shown: folder.to_owned() },
        })
    }

    /// Returns whether a real mount is behind it, so that every call can hang and not only the marker's.
    pub(crate) fn is_real(&self) -> bool {
        matches!(self.behind, Behind::Fuse { .. })
    }

    /// Has it answer no call any more.
    ///
    /// The one call that the server has taken already is this test's own: all others can be ended by KILL,
    /// as those of a network mount can.
    pub(crate) fn hang(&self) {
        match &self.behind {
            Behind::Fuse { switch, .. } => {
                switch.set(Manner::Never(0));
                let point = self.point.clone();
                std::thread::spawn(move || drop(rustix::fs::statvfs(&point)));
                self.wait_until_it_hangs();
            }
            Behind::Marker => {
                std::fs::remove_file(self.point.join(MARKER)).unwrap();
                let mode = rustix::fs::Mode::from_raw_mode(0o644);
                let fifo = rustix::fs::FileType::Fifo;
                rustix::fs::mknodat(rustix::fs::CWD, self.point.join(MARKER), fifo, mode, 0).unwrap();
            }
        }
    }

    /// Has it hang once `calls` further ones are answered; only where [`Self::is_real`].
    pub(crate) fn hang_after(&self, calls: u64) {
        self.switch().set(Manner::Never(calls));
    }

    /// Waits until a call hangs; only where [`Self::is_real`].
    pub(crate) fn wait_until_it_hangs(&self) {
        let switch = self.switch();
        let state = switch.lock();
        let (state, late) = switch
            .changed
            .wait_timeout_while(state, PATIENCE, |state| state.waiting == 0)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!late.timed_out(), "nobody called {}: {state:?}", self.point.display());
    }

    /// Has every call take `delay`; only where [`Self::is_real`].
    pub(crate) fn slow(&self, delay: Duration) {
        self.switch().set(Manner::After(delay));
    }

    /// Has every call answered with this error; only where [`Self::is_real`].
    pub(crate) fn fail(&self, errno: rustix::io::Errno) {
        self.switch().set(Manner::WithErrors(errno.raw_os_error()));
    }

    /// Returns how many calls there were.
    pub(crate) fn calls(&self) -> u64 {
        self.switch().lock().calls
    }

    /// Has it answer again, what hangs first.
    pub(crate) fn answer(&self) {
        match &self.behind {
            Behind::Fuse { switch, .. } => switch.set(Manner::Promptly),
            Behind::Marker => {
                let marker = self.point.join(MARKER);
                let is_fifo = |meta: Metadata| meta.file_type().is_fifo();
                if std::fs::symlink_metadata(&marker).is_ok_and(is_fifo) {
                    // Whoever has it open already is let go by a writer; who comes from now on finds a file.
                    let writer = std::fs::File::options().read(true).write(true).open(&marker).unwrap();
                    std::fs::remove_file(&marker).unwrap();
                    std::fs::write(&marker, "").unwrap();
                    drop(writer);
                }
            }
        }
    }

    fn switch(&self) -> &Switch {
        match &self.behind {
            Behind::Fuse { switch, .. } => switch,
            Behind::Marker => unreachable!("only a real mount does that"),
        }
    }
}

impl Drop for SlowMount {
    fn drop(&mut self) {
        self.answer();
        if let Behind::Fuse { shown, .. } = &self.behind {
            // Whatever still has a file of it open: the folder is free again, and stands where it stood.
            let _gone = rustix::mount::unmount(&self.point, rustix::mount::UnmountFlags::DETACH);
            let _put_back =
                std::fs::remove_dir(&self.point).and_then(|()| std::fs::rename(shown, &self.point));
        }
    }
}

/// Says something where nobody captures it: `cargo test` hides what a passing test prints.
fn say(text: &str) {
    let mut stream = std::io::stderr();
    let _ = std::io::Write::write_all(&mut stream, format!("\n*** {text}\n").as_bytes());
}
