//! Reads the visible part of the logs on the screen, just before a frame is drawn.
//!
//! This is the whole way of a log byte into the console: from the file that the supervisor appends to,
//! through `domain::log_line`, which makes it safe, into the pane's `LogView`. Nothing is kept but what is
//! on the screen, so a flood costs no more than a frame.

use crate::app::Model;
use crate::app::model::{LogView, Stride};
use crate::domain::log_line;
use crate::domain::name::StepId;
use crate::domain::plan::PlanDigest;
use crate::domain::redact::Redactor;
use crate::exec::log_file::{LogFile, RawLine};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Bytes that are counted for line numbers with each frame; a small log is counted at once.
const COUNT_BUDGET: u64 = 8 * 1024 * 1024;

/// About what one call of [`LogFile::count_on`] counts.
const COUNTED_AT_ONCE: u64 = 256 * 1024;

/// The open logs of the panes on the screen.
#[derive(Debug, Default)]
pub struct LogPanes {
    open: BTreeMap<StepId, (PathBuf, LogFile)>,
    /// Takes the secrets of the open run's plan out of what is shown.
    redactor: Option<(PlanDigest, Redactor)>,
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
        let plan = &run.state.plan;
        if self.redactor.as_ref().is_none_or(|(digest, _)| *digest != plan.digest) {
            self.redactor = Some((plan.digest.clone(), Redactor::of_plan(&model.catalog.secrets, plan)));
        }
        let panes = run.panes();
        self.open.retain(|step, _| panes.contains(step));
        for step in panes {
            let Some(view) = run.views.get_mut(&step) else { continue };
            let Some(log) = view.log.clone() else {
                self.open.remove(&step);
                continue;
            };
            view.problem = self.fill(view, folder.join(log)).err().map(|error| error.to_string());
        }
    }

    fn fill(&mut self, view: &mut LogView, path: PathBuf) -> io::Result<()> {
        if self.open.get(&view.step).is_none_or(|(open, _)| *open != path) {
            let file = LogFile::open(&path)?;
            self.open.insert(view.step.clone(), (path, file));
        }
        let Some((_, file)) = self.open.get_mut(&view.step) else { return Ok(()) };
        file.refresh()?;
        let rows = view.rows.max(1);
        let lines = lines_of(view, file, rows)?;
        take(view, file, &lines, self.redactor.as_ref().map(|(_, redactor)| redactor))
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

fn take(
    view: &mut LogView,
    file: &mut LogFile,
    lines: &[RawLine],
    redactor: Option<&Redactor>,
) -> io::Result<()> {
    let shown = |line: &RawLine| match redactor {
        Some(redactor) => log_line::render(&redactor.bytes(&line.bytes)),
        None => log_line::render(&line.bytes),
    };
    view.lines = lines.iter().map(shown).collect();
    view.offsets = lines.iter().map(|line| line.offset).collect();
    view.end = lines.last().map_or(0, |line| line.end);
    view.bytes = file.len();
    let mut counted = 0;
    while counted < COUNT_BUDGET && file.count_on(u64::MAX)? {
        counted += COUNTED_AT_ONCE;
    }
    let (ends, all) = file.counted();
    let unfinished = u64::from(lines.last().is_some_and(|line| !line.complete && line.end >= file.len()));
    view.total = all.then_some(ends + unfinished);
    view.number = if all { Some(file.line_at(view.first())? + 1) } else { None };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
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
        panes.fill(&mut view, path.clone()).unwrap();
        assert_eq!(text(&view), ["line 97", "line 98", "line 99"]);
        assert_eq!((view.number, view.total), (Some(98), Some(100)));
        view.scroll(-2);
        panes.fill(&mut view, path.clone()).unwrap();
        assert_eq!(
            (text(&view), view.follow),
            (vec!["line 95".into(), "line 96".into(), "line 97".into()], false)
        );
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"line 100\nunfin").unwrap();
        panes.fill(&mut view, path.clone()).unwrap();
        assert_eq!(text(&view), ["line 95", "line 96", "line 97"], "what comes does not move what is read");
        assert_eq!(view.total, Some(101));
        view.scroll(50);
        panes.fill(&mut view, path.clone()).unwrap();
        assert_eq!(
            (text(&view), view.follow),
            (vec!["line 99".into(), "line 100".into(), "unfin".into()], true)
        );
        view.go_first();
        panes.fill(&mut view, path.clone()).unwrap();
        assert_eq!(text(&view), ["line 0", "line 1", "line 2"]);
        view.scroll(2);
        panes.fill(&mut view, path.clone()).unwrap();
        assert_eq!(
            (text(&view), view.follow),
            (vec!["line 2".into(), "line 3".into(), "line 4".into()], false)
        );
        view.show(view.offsets[2] + 3);
        panes.fill(&mut view, path.clone()).unwrap();
        assert_eq!(text(&view), ["line 3", "line 4", "line 5"]);
        view.scroll(-100);
        panes.fill(&mut view, path).unwrap();
        assert_eq!(text(&view), ["line 0", "line 1", "line 2"]);
    }

    #[test]
    fn a_log_that_is_not_there_yet_is_said() {
        let mut panes = LogPanes::default();
        assert!(panes.fill(&mut view(3), PathBuf::from("/nowhere/a.log")).is_err());
    }
}
