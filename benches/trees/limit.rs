//! The limit: the same system calls as any walk must make, in as many threads, with nothing kept and nothing compared.

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, open, openat, statat};
use sha2::{Digest as _, Sha256};
use std::ffi::{CStr, OsStr};
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// What is done with each file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// It is asked for its size and times.
    Stat,
    /// It is read and hashed as well.
    Hash,
}

/// What a walk came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    /// Files.
    pub(crate) files: usize,
    /// Their sizes.
    pub(crate) bytes: u64,
}

enum Item {
    Folder(PathBuf),
    /// Names, each with the byte that ends it.
    Files(Arc<OwnedFd>, Vec<u8>),
}

#[derive(Default)]
struct Queue {
    items: Vec<Item>,
    busy: usize,
    sum: Sum,
}

struct Walk {
    queue: Mutex<Queue>,
    changed: Condvar,
    chunk: usize,
    work: Work,
}

/// Walks every tree with that many threads.
pub(crate) fn walk(roots: &[&Path], threads: usize, work: Work) -> anyhow::Result<Sum> {
    let items = roots.iter().map(|root| Item::Folder((*root).to_owned())).collect();
    // Many threads are for calls that wait: then a thread takes few files, so that all have some.
    let chunk = if threads > 2 { 8 } else { 512 };
    let queue = Mutex::new(Queue { items, ..Queue::default() });
    let walk = Walk { queue, changed: Condvar::new(), chunk, work };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| walk.labour())).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    Ok(walk.queue.into_inner().unwrap_or_else(PoisonError::into_inner).sum)
}

impl Walk {
    fn labour(&self) -> anyhow::Result<()> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(item) = queue.items.pop() {
                queue.busy += 1;
                drop(queue);
                let (mut more, mut sum) = (Vec::new(), Sum::default());
                let done = match item {
                    Item::Folder(path) => self.folder(&path, &mut more, &mut sum),
                    Item::Files(fd, names) => self.files(&fd, &names, &mut sum),
                };
                queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
                queue.busy -= 1;
                queue.items.extend(more);
                queue.sum.files += sum.files;
                queue.sum.bytes += sum.bytes;
                self.changed.notify_all();
                done?;
            } else if queue.busy == 0 {
                return Ok(());
            } else {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn folder(&self, path: &Path, more: &mut Vec<Item>, sum: &mut Sum) -> anyhow::Result<()> {
        let fd = Arc::new(open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?);
        let mut block = Vec::with_capacity(32 << 10);
        let mut stream = RawDir::new(&*fd, block.spare_capacity_mut());
        let (mut names, mut count) = (Vec::new(), 0);
        while let Some(entry) = stream.next() {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            if entry.file_type() == FileType::Directory {
                more.push(Item::Folder(path.join(OsStr::from_bytes(name.to_bytes()))));
                continue;
            }
            names.extend_from_slice(name.to_bytes_with_nul());
            count += 1;
            if count == self.chunk {
                more.push(Item::Files(Arc::clone(&fd), std::mem::take(&mut names)));
                count = 0;
            }
        }
        self.files(&fd, &names, sum)
    }

    fn files(&self, fd: &OwnedFd, names: &[u8], sum: &mut Sum) -> anyhow::Result<()> {
        let mut block = if self.work == Work::Hash { vec![0; 64 << 10] } else { Vec::new() };
        for name in names.split_inclusive(|byte| *byte == 0) {
            let name = CStr::from_bytes_with_nul(name)?;
            let stat = statat(fd, name, AtFlags::SYMLINK_NOFOLLOW)?;
            sum.files += 1;
            sum.bytes += stat.st_size as u64;
            if self.work == Work::Hash {
                let file = openat(fd, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
                let (mut file, mut hash) = (std::fs::File::from(file), Sha256::new());
                loop {
                    let read = file.read(&mut block)?;
                    if read == 0 {
                        break;
                    }
                    hash.update(&block[..read]);
                }
                anyhow::ensure!(hash.finalize()[..] != [0; 32], "a checksum");
            }
        }
        Ok(())
    }
}
