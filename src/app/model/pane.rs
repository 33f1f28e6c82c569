//! Log panes: which part of which log is looked at.
//!
//! A place in a log is the offset of a line's first byte, so scroll-back is as long as the disk and the
//! end of a huge log is as near as its beginning. How far a line is from another only the file knows:
//! scrolling is noted as a [`Stride`] and walked by the runtime just before the next frame, which also
//! fills everything below "filled by the runtime". Everything else is ours.

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
    /// The text, byte for byte.
    pub pattern: String,
    /// The offset to begin at: a match towards the end begins there or later, one towards the beginning before it.
    pub from: u64,
    /// The direction.
    pub towards: Towards,
}

/// Where a search stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchState {
    /// It goes on.
    Searching,
    /// It found this.
    At {
        /// The offset of the match.
        offset: u64,
    },
    /// There is no (further) match in that direction.
    NoMore,
}

/// A way to go in a log before the next frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stride {
    /// None.
    #[default]
    Stay,
    /// So many lines, towards the end where positive.
    Lines(i64),
    /// To the beginning.
    First,
    /// To the line that holds this offset, with some lines before it.
    Show(u64),
}

/// One step's log as it is looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct LogView {
    /// The step.
    pub step: StepId,
    /// The log of its last attempt, relative to the run's folder; none before it starts.
    pub log: Option<String>,
    /// Where to go before the next frame.
    pub stride: Stride,
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
    /// The visible lines; while following and wrapping, more than fit: the last one must show. Filled by the runtime.
    pub lines: Vec<LogLine>,
    /// The offset of each of `lines`. Filled by the runtime.
    pub offsets: Vec<u64>,
    /// The offset behind the last of `lines`. Filled by the runtime.
    pub end: u64,
    /// The log's size in bytes. Filled by the runtime.
    pub bytes: u64,
    /// The number of the first of `lines`, counted from 1, where it is known. Filled by the runtime.
    pub number: Option<u64>,
    /// How many lines the log has, where they were counted. Filled by the runtime.
    pub total: Option<u64>,
    /// Why the log cannot be shown, if so. Filled by the runtime.
    pub problem: Option<String>,
}

impl LogView {
    /// Makes the view of a log from its end on.
    pub fn new(step: StepId) -> Self {
        Self {
            step,
            log: None,
            stride: Stride::Stay,
            left: 0,
            follow: true,
            wrap: false,
            search: None,
            rows: 0,
            columns: 0,
            lines: Vec::new(),
            offsets: Vec::new(),
            end: 0,
            bytes: 0,
            number: None,
            total: None,
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

    /// Returns the offset of the first visible line.
    pub fn first(&self) -> u64 {
        self.offsets.first().copied().unwrap_or(0)
    }

    /// Returns how much of the log lies before the last visible line, 0 to 1.
    pub fn position(&self) -> f32 {
        if self.bytes == 0 { 1.0 } else { (self.end as f32 / self.bytes as f32).min(1.0) }
    }

    /// Scrolls by `lines` before the next frame; up ends following, and the end, once reached, begins it again.
    pub fn scroll(&mut self, lines: i64) {
        if lines > 0 && self.follow {
            return;
        }
        self.follow = false;
        self.stride = match self.stride {
            Stride::Lines(already) => Stride::Lines(already.saturating_add(lines)),
            _ => Stride::Lines(lines),
        };
    }

    /// Goes to the beginning.
    pub fn go_first(&mut self) {
        self.stride = Stride::First;
        self.follow = false;
    }

    /// Goes to the end and follows.
    pub fn go_last(&mut self) {
        self.stride = Stride::Stay;
        self.follow = true;
    }

    /// Shows the line that holds `offset`.
    pub fn show(&mut self, offset: u64) {
        self.stride = Stride::Show(offset);
        self.follow = false;
    }
}
