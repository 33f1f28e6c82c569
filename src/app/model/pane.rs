//! Log panes: which part of which log is looked at.
//!
//! The place is counted in lines of the file, so scroll-back is as long as the disk. `lines`,
//! `lines_from` and `total` are filled by the runtime just before a frame; everything else is ours.

use crate::domain::log_line::LogLine;
use crate::domain::name::StepId;

/// Which way a search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Towards {
    /// To the end of the log.
    End,
    /// To its beginning.
    Beginning,
}

/// A search that the runtime carries out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// The text; upper and lower case count only where it has an upper-case letter.
    pub pattern: String,
    /// The line to begin at, counted from 0, itself included.
    pub from: u64,
    /// The direction.
    pub towards: Towards,
}

/// Where a search stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchState {
    /// It goes on.
    Searching,
    /// It found this line.
    At {
        /// The line, counted from 0.
        line: u64,
    },
    /// There is no (further) match in that direction.
    NoMore,
}

/// One step's log as it is looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct LogView {
    /// The step.
    pub step: StepId,
    /// The log of its last attempt, relative to the run's folder; none before it starts.
    pub log: Option<String>,
    /// The first line to show, counted from 0; while following, the runtime sets it.
    pub first: u64,
    /// Columns scrolled to the right; 0 while wrapping.
    pub left: usize,
    /// Whether the end is followed.
    pub follow: bool,
    /// Whether long lines are wrapped rather than cut.
    pub wrap: bool,
    /// What was searched for, and where that stands.
    pub search: Option<(String, SearchState)>,
    /// Rows of text that the pane has.
    pub rows: usize,
    /// Columns of text that the pane has.
    pub columns: usize,
    /// The visible lines.
    pub lines: Vec<LogLine>,
    /// The number of the first of `lines`.
    pub lines_from: u64,
    /// How many lines the log has, as far as it was counted.
    pub total: u64,
    /// Why the log cannot be shown, if so.
    pub problem: Option<String>,
}

impl LogView {
    /// Makes the view of a log from its end on.
    pub fn new(step: StepId) -> Self {
        Self {
            step,
            log: None,
            first: 0,
            left: 0,
            follow: true,
            wrap: false,
            search: None,
            rows: 0,
            columns: 0,
            lines: Vec::new(),
            lines_from: 0,
            total: 0,
            problem: None,
        }
    }

    /// Takes the log of another attempt: from its end on, unless it is the same.
    pub fn take_log(&mut self, log: Option<&str>) {
        if self.log.as_deref() == log {
            return;
        }
        *self =
            Self { wrap: self.wrap, rows: self.rows, columns: self.columns, ..Self::new(self.step.clone()) };
        self.log = log.map(str::to_owned);
    }

    /// Returns the last place that `first` can have so that the pane is full.
    pub fn last_first(&self) -> u64 {
        self.total.saturating_sub(self.rows as u64)
    }

    /// Scrolls by `lines`, down where positive; scrolling up ends following, reaching the end begins it.
    pub fn scroll(&mut self, lines: i64) {
        let from = if self.follow { self.last_first() } else { self.first.min(self.last_first()) };
        self.first = from.saturating_add_signed(lines).min(self.last_first());
        self.follow = lines > 0 && self.first == self.last_first();
    }

    /// Goes to the beginning.
    pub fn go_first(&mut self) {
        self.first = 0;
        self.follow = false;
    }

    /// Goes to the end and follows.
    pub fn go_last(&mut self) {
        self.first = self.last_first();
        self.follow = true;
    }

    /// Puts `line` into the upper third of the pane.
    pub fn show(&mut self, line: u64) {
        self.first = line.saturating_sub(self.rows as u64 / 3);
        self.follow = false;
    }
}
