//! Numbers the way rsync prints them: thousands with commas, or `6.38K` with `--human-readable`; and
//! its progress line.
//!
//! Pure formatting, measured against recordings of rsync 3.5; it neither reads nor writes anything.

/// How sizes are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `9,000,006`, rsync's default.
    Commas,
    /// `9.00M`, base 1000, with `--human-readable`.
    Human,
}

impl Style {
    /// Formats a count of bytes.
    pub(super) fn size(self, bytes: u64) -> String {
        match self {
            Self::Human if bytes >= 1000 => human(bytes as f64),
            Self::Human => bytes.to_string(),
            Self::Commas => commas(&bytes.to_string()),
        }
    }

    /// Formats a rate in bytes a second, always with two decimals.
    pub(super) fn rate(self, bytes: f64) -> String {
        match self {
            Self::Human if bytes >= 1000.0 => human(bytes),
            Self::Human => format!("{bytes:.2}"),
            Self::Commas => ratio(bytes),
        }
    }
}

/// Formats a plain ratio: `40,178.60`.
pub(super) fn ratio(value: f64) -> String {
    let text = format!("{value:.2}");
    match text.split_once('.') {
        Some((whole, rest)) => format!("{}.{rest}", commas(whole)),
        None => text,
    }
}

fn human(mut value: f64) -> String {
    let mut unit = ' ';
    for next in ['K', 'M', 'G', 'T'] {
        if value < 1000.0 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    format!("{value:.2}{unit}")
}

fn commas(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Where a file and the whole transfer stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    /// Bytes of this file that have arrived.
    pub(super) done: u64,
    /// Bytes this file has.
    pub(super) size: u64,
    /// Milliseconds since the file's transfer began.
    pub(super) elapsed_ms: u64,
}

impl Progress {
    /// Formats the line up to and without its end: `\r          6.38K 100%    6.09MB/s    0:00:00`.
    pub(super) fn line(&self, style: Style) -> String {
        let percent = (self.done * 100).checked_div(self.size).unwrap_or(100);
        let per_second = if self.elapsed_ms == 0 {
            0.0
        } else {
            self.done as f64 * 1000.0 / self.elapsed_ms as f64 / 1024.0
        };
        let (rate, unit) = match per_second {
            rate if rate > 1024.0 * 1024.0 => (rate / 1024.0 / 1024.0, "GB/s"),
            rate if rate > 1024.0 => (rate / 1024.0, "MB/s"),
            rate => (rate, "kB/s"),
        };
        let seconds = if self.done >= self.size {
            self.elapsed_ms / 1000
        } else if per_second > 0.0 {
            ((self.size - self.done) as f64 / 1024.0 / per_second) as u64
        } else {
            0
        };
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        let size = style.size(self.done);
        format!("\r{size:>15} {percent:>3}% {rate:>7.2}{unit} {hours:>4}:{minutes:02}:{:02}", seconds % 60)
    }
}

/// Formats the end of a file's last progress line: ` (xfr#1, to-chk=4/7)`.
pub(super) fn finished(transferred: usize, left: usize, total: usize) -> String {
    format!(" (xfr#{transferred}, to-chk={left}/{total})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_recordings() {
        assert_eq!(Style::Human.size(599), "599");
        assert_eq!(Style::Human.size(6_380), "6.38K");
        assert_eq!(Style::Human.size(12_000_000), "12.00M");
        assert_eq!(Style::Commas.size(9_000_006), "9,000,006");
        assert_eq!(Style::Human.rate(448.0), "448.00");
        assert_eq!(Style::Human.rate(2_180_000.0), "2.18M");
        assert_eq!(Style::Commas.rate(524.0), "524.00");
        assert_eq!(ratio(40_178.6), "40,178.60");
    }

    #[test]
    fn progress_lines_are_those_of_the_recordings() {
        let line = |done, size, elapsed_ms| Progress { done, size, elapsed_ms }.line(Style::Human);
        assert_eq!(line(32_768, 3_000_000, 0), "\r         32.77K   1%    0.00kB/s    0:00:00");
        assert_eq!(line(3_000_000, 3_000_000, 1_140), "\r          3.00M 100%    2.51MB/s    0:00:01");
        assert_eq!(line(32_768, 3_000_000, 104), "\r         32.77K   1%  307.69kB/s    0:00:09");
        assert_eq!(finished(3, 2, 7), " (xfr#3, to-chk=2/7)");
    }
}
