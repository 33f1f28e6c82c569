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

/// Where a search begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SearchFrom {
    /// Here, inclusive.
    At(u64),
    /// Behind, or before, the line that holds this offset.
    Beside(u64),
}

/// A search that the runtime carries out. What it finds are lines, and it goes all the way around.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// The text; A to Z are the same as a to z unless it holds a capital.
    pub pattern: String,
    /// Where to begin.
    pub from: SearchFrom,
    /// The direction.
    pub towards: Towards,
    /// What is known of the match that it begins at.
    pub tally: Option<MatchTally>,
}

/// Returns whether upper and lower case are the same for `pattern`: where it holds no capital.
pub fn ignores_case(pattern: &str) -> bool {
    !pattern.chars().any(char::is_uppercase)
}

/// Which of the matching lines one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchTally {
    /// Its number, counted from 1.
    pub nth: u64,
    /// How many there are.
    pub of: u64,
    /// The log's length when they were counted.
    pub bytes: u64,
}

/// A line that a search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// Where the text begins.
    pub offset: u64,
    /// Whether the search went over the end of the log, or its beginning, to get there.
    pub around: Option<Towards>,
    /// Which of all it is, once they are counted.
    pub tally: Option<MatchTally>,
}

/// Where a search stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchState {
    /// It goes on.
    Searching {
        /// How much of the log it has looked through.
        percent: u8,
        /// What was found before, to go back to when it is stopped.
        before: Option<Match>,
    },
    /// It found this.
    At(Match),
    /// No line matches.
    Nowhere,
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
