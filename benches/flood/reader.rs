//! The two anchors: a reader that throws away what it reads, and the reference "PTY + line index + file".
//!
//! Each runs in a process of its own, this very program again, so that its cost is told apart. The
//! reference does what any supervisor must that loses nothing, and nothing else: every read is in the file
//! before the next one, and every 256th line is marked.

use pty_process::blocking::{Command, open};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

/// Lines between two marks of the index.
const STRIDE: u64 = 256;

/// Runs `script` on a PTY and throws away what it prints.
pub(crate) fn plain(script: &Path) -> anyhow::Result<()> {
    read(script, |_| Ok(()))
}

/// Runs `script` on a PTY and keeps what it prints in `log`, with an index of its lines.
pub(crate) fn indexed(script: &Path, log: &Path) -> anyhow::Result<()> {
    let mut file = File::create(log)?;
    let (mut offset, mut lines, mut marks) = (0_u64, 0_u64, vec![0_u64]);
    read(script, |piece| {
        for end in memchr::memchr_iter(b'\n', piece) {
            lines += 1;
            if lines.is_multiple_of(STRIDE) {
                marks.push(offset + end as u64 + 1);
            }
        }
        offset += piece.len() as u64;
        file.write_all(piece)
    })
}

fn read(script: &Path, mut take: impl FnMut(&[u8]) -> std::io::Result<()>) -> anyhow::Result<()> {
    let (mut terminal, slave) = open()?;
    let (columns, rows) = super::screen::SIZE;
    terminal.resize(pty_process::Size::new(rows, columns))?;
    let mut child = Command::new(script).spawn(slave)?;
    let mut buffer = vec![0; 64 * 1024];
    // EIO is how a terminal says that nobody holds its other end.
    while let Ok(count @ 1..) = terminal.read(&mut buffer) {
        take(&buffer[..count])?;
    }
    child.wait()?;
    // Whoever measures us looks before it lets go.
    std::io::stdin().read_to_end(&mut buffer)?;
    Ok(())
}
