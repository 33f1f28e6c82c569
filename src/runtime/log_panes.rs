//! Reads the visible part of the logs on the screen, just before a frame is drawn.
//!
//! This is the whole way of a log byte into the console: from the file that the supervisor appends to,
//! through `domain::redact`, which hides secrets and draws it with `domain::log_line`, which makes it safe, into the pane's `LogView`. Nothing is kept but what is
//! on the screen, so a flood costs no more than a frame.

use crate::app::Model;
use crate::app::model::{LogView, Stride};
use crate::domain::name::StepId;
use crate::domain::redact::{LOOK_BACK, Reading, Redactor};
use crate::exec::log_file::{LogFile, RawLine};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Bytes that are counted for line numbers with each frame; a small log is counted at once.
const COUNT_BUDGET: u64 = 8 * 1024 * 1024;
/// How long a frame may count: in a flood the machine has no time to spare, and a key waits for its frame.
const COUNT_TIME: Duration = Duration::from_millis(1);

/// Bytes at the end of a line that overwrites itself behind which nothing is drawn any more.
const OVERWRITTEN: usize = 512;

/// About what one call of [`LogFile::count_on`] counts.
const COUNTED_AT_ONCE: u64 = 256 * 1024;

/// The open logs of the panes on the screen.
#[derive(Debug, Default)]
pub struct LogPanes {
    open: BTreeMap<StepId, (PathBuf, LogFile)>,
}

impl LogPanes {
    /// Returns whether a log on the screen has grown since it was read, or has only now appeared.
    pub fn grew(&self, model: &Model) -> bool {
        let Some(run) = &model.run else { return false };
        run.panes().iter().any(|step| {
            let Some(view) = run.views.get(step).filter(|view| view.log.is_some()) else { return false };
            match self.open.get(step) {
                Some((path, _)) => std::fs::metadata(path).is_ok_and(|now| now.len() != view.bytes),
                None => true,
            }
        })
    }

    /// Reads what is on the screen into the views of the open run, whose folder is `folder`.
    pub fn read(&mut self, model: &mut Model, folder: &Path) {
        let Some(run) = &mut model.run else {
            self.open.clear();
            return;
        };
        let panes = run.panes();
        self.open.retain(|step, _| panes.contains(step));
        for step in panes {
            let Some(view) = run.views.get_mut(&step) else { continue };
            let Some(log) = view.log.clone() else {
                self.open.remove(&step);
                continue;
            };
            view.problem =
                self.fill(view, folder.join(log), &run.redactor).err().map(|error| error.to_string());
        }
    }

    fn fill(&mut self, view: &mut LogView, path: PathBuf, redactor: &Redactor) -> io::Result<()> {
        if self.open.get(&view.step).is_none_or(|(open, _)| *open != path) {
            let file = LogFile::open(&path)?;
            self.open.insert(view.step.clone(), (path, file));
        }
        let Some((_, file)) = self.open.get_mut(&view.step) else { return Ok(()) };
        file.refresh()?;
        let rows = view.rows.max(1);
        let lines = lines_of(view, file, rows)?;
        take(view, file, &lines, redactor)
    }
}

/// Goes where the view wants to go, and returns the lines to be seen there.
fn lines_of(view: &mut LogView, file: &mut LogFile, rows: usize) -> io::Result<Vec<RawLine>> {
    let from = view.first();
    let stride = std::mem::take(&mut view.stride);
    if view.follow {
        return file.last(rows);
    }
    let lines = match stride {
        Stride::First => file.after(0, rows)?,
        Stride::Stay => file.after(from, rows)?,
        Stride::Show(offset) => {
            let above = file.before(offset.saturating_add(1), rows / 3 + 1)?;
            let begin = above.first().map_or(0, |line| line.offset);
            file.after(begin, rows)?
        }
        Stride::Lines(by) if by < 0 => {
            let by = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
            let above = file.before(from, by)?;
            file.after(above.first().map_or(0, |line| line.offset), rows)?
        }
        Stride::Lines(by) => {
            let by = usize::try_from(by).unwrap_or(usize::MAX);
            let mut below = file.after(from, by.saturating_add(rows))?;
            below.split_off(by.min(below.len().saturating_sub(rows)))
        }
    };
    let end = lines.last().map_or(0, |line| line.end);
    if matches!(stride, Stride::Lines(by) if by > 0) && end >= file.len() {
        view.follow = true;
    }
    // The pane is never left half empty while there is more above.
    if lines.len() < rows && end >= file.len() { file.last(rows) } else { Ok(lines) }
}

fn take(view: &mut LogView, file: &mut LogFile, lines: &[RawLine], redactor: &Redactor) -> io::Result<()> {
    let first = lines.first().map_or(0, |line| line.offset);
    let mut reading = Reading::behind(redactor.clone(), &file.bytes_before(first, LOOK_BACK)?);
    view.lines = lines.iter().map(|line| reading.line(what_shows(&line.bytes))).collect();
    view.offsets = lines.iter().map(|line| line.offset).collect();
    view.end = lines.last().map_or(0, |line| line.end);
    view.bytes = file.len();
    let (begun, mut counted) = (Instant::now(), 0);
    while counted < COUNT_BUDGET && file.count_on(u64::MAX)? && begun.elapsed() < COUNT_TIME {
        counted += COUNTED_AT_ONCE;
    }
    let (ends, all) = file.counted();
    let unfinished = u64::from(lines.last().is_some_and(|line| !line.complete && line.end >= file.len()));
    view.total = all.then_some(ends + unfinished);
    view.number = if all { Some(file.line_at(view.first())? + 1) } else { None };
    Ok(())
}

/// Returns the part of a line that can still be seen: of one that overwrites itself again and again, the end.
///
/// A progress display in a flood is nothing but such lines, and to draw each update of each line would take
/// more than all the rest of a frame.
fn what_shows(line: &[u8]) -> &[u8] {
    let text = line.strip_suffix(b"\r").unwrap_or(line);
    let Some(end) = text.len().checked_sub(OVERWRITTEN) else { return line };
    memchr::memchr(b'\r', &text[end..]).map_or(line, |at| &line[end + at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::log_file::LINE_LIMIT;
    use std::io::Write as _;

    fn text(view: &LogView) -> Vec<String> {
        view.lines.iter().map(crate::domain::log_line::LogLine::text).collect()
    }

    fn view(rows: usize) -> LogView {
        let mut view = LogView::new("8/prep".parse().unwrap());
        view.rows = rows;
        view
    }

    #[test]
    fn it_follows_scrolls_back_and_follows_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let content = (0..100).map(|line| format!("line {line}")).collect::<Vec<_>>().join("\n") + "\n";
        std::fs::write(&path, content).unwrap();
        let (mut panes, mut view) = (LogPanes::default(), view(3));
        panes.fill(&mut view, path.clone(), &Redactor::default()).unwrap();
        assert_eq!(text(&view), ["line 97", "line 98", "line 99"]);
        assert_eq!((view.number, view.total), (Some(98), Some(100)));
        view.scroll(-2);
        panes.fill(&mut view, path.clone(), &Redactor::default()).unwrap();
        assert_eq!(
            (text(&view), view.follow),
            (vec!["line 95".into(), "line 96".into(), "line 97".into()], false)
        );
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"line 100\nunfin").unwrap();
        panes.fill(&mut view, path.clone(), &Redactor::default()).unwrap();
        assert_eq!(text(&view), ["line 95", "line 96", "line 97"], "what comes does not move what is read");
        assert_eq!(view.total, Some(101));
        view.scroll(50);
        panes.fill(&mut view, path.clone(), &Redactor::default()).unwrap();
        assert_eq!(
            (text(&view), view.follow),
            (vec!["line 99".into(), "line 100".into(), "unfin".into()], true)
        );
        view.go_first();
        panes.fill(&mut view, path.clone(), &Redactor::default()).unwrap();
        assert_eq!(text(&view), ["line 0", "line 1", "line 2"]);
        view.scroll(2);
        panes.fill(&mut view, path.clone(), &Redactor::default()).unwrap();
        assert_eq!(
            (text(&view), view.follow),
            (vec!["line 2".into(), "line 3".into(), "line 4".into()], false)
        );
        view.show(view.offsets[2] + 3);
        panes.fill(&mut view, path.clone(), &Redactor::default()).unwrap();
        assert_eq!(text(&view), ["line 3", "line 4", "line 5"]);
        view.scroll(-100);
        panes.fill(&mut view, path, &Redactor::default()).unwrap();
        assert_eq!(text(&view), ["line 0", "line 1", "line 2"]);
    }

    #[test]
    fn of_a_line_that_overwrites_itself_the_last_updates_are_drawn() {
        let updates: Vec<u8> =
            (0..500).flat_map(|n| format!("\x1b[32m{n:>5} of 500\x1b[0m\r").into_bytes()).collect();
        let shown = what_shows(&updates);
        assert!(shown.len() < OVERWRITTEN && shown.len() > OVERWRITTEN / 2);
        assert_eq!(crate::domain::log_line::render(shown), crate::domain::log_line::render(&updates));
        let long = [b"5 %\r".as_slice(), &[b'x'; 3000]].concat();
        assert_eq!(what_shows(&long), long, "what is longer than the end that is looked at is drawn whole");
        assert_eq!(what_shows(b"10 %\r20 %\r"), b"10 %\r20 %\r");
        assert_eq!(what_shows(b""), b"");
    }

    #[test]
    fn what_a_frame_draws_is_bounded_by_the_pane_not_by_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let long = ["\x1b]52;c;", "x", "\r", "-----BEGIN PRIVATE KEY-----", "e\u{301}"]
            .map(|piece| piece.repeat(200_000));
        std::fs::write(&path, long.join("\n").repeat(3)).unwrap();
        let mut file = LogFile::open(&path).unwrap();
        assert!(file.len() > 20_000_000, "{}", file.len());
        for rows in [1, 10, 24] {
            let mut view = view(rows);
            let lines = lines_of(&mut view, &mut file, rows).unwrap();
            let drawn: usize = lines.iter().map(|line| line.bytes.len()).sum();
            let behind = file.bytes_before(lines[0].offset, LOOK_BACK).unwrap().len();
            assert!(
                lines.len() <= rows && drawn <= rows * LINE_LIMIT && behind <= LOOK_BACK,
                "{rows}: {drawn} {behind}"
            );
            take(&mut view, &mut file, &lines, &Redactor::by_shape()).unwrap();
            assert!(text(&view).iter().all(|line| line.len() <= 3 * LINE_LIMIT && !line.contains('\u{1b}')));
        }
    }

    #[test]
    fn a_log_that_is_not_there_yet_is_said() {
        let mut panes = LogPanes::default();
        assert!(panes.fill(&mut view(3), PathBuf::from("/nowhere/a.log"), &Redactor::default()).is_err());
    }
}
