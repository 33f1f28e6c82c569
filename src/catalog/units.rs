//! Sizes and durations as people write them: `200G`, `4h`.
//!
//! One number and one unit, nothing else: `1h30m` and `1.5T` are refused, because a size that is read wrongly
//! is a disk that fills up in the middle of a push.

use std::fmt;

/// The error of a text that is not a size or a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// It does not begin with a whole number.
    #[error("`{text}` is not a {what}: begin with a whole number")]
    Number {
        /// The text.
        text: String,
        /// `size` or `duration`.
        what: &'static str,
    },
    /// Its unit is missing or not known.
    #[error("`{text}` has no unit that is known: write {units}")]
    Unit {
        /// The text.
        text: String,
        /// The units there are.
        units: Units,
    },
    /// It does not fit.
    #[error("`{text}` is too large")]
    TooLarge {
        /// The text.
        text: String,
    },
}

/// The units of one kind of quantity, with what each is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Units(&'static [(&'static str, u64)]);

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (unit, _)) in self.0.iter().enumerate() {
            let separator = if at == 0 {
                ""
            } else if at + 1 == self.0.len() {
                " or "
            } else {
                ", "
            };
            write!(f, "{separator}{unit}")?;
        }
        Ok(())
    }
}

const SIZES: Units =
    Units(&[("B", 1), ("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30), ("T", 1 << 40), ("P", 1 << 50)]);
const DURATIONS: Units = Units(&[("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]);

/// Reads a size, 1024 based, in bytes: `200G`.
pub fn size(text: &str) -> Result<u64, UnitError> {
    quantity(text, "size", SIZES)
}

/// Reads a duration in seconds: `4h`.
pub fn duration(text: &str) -> Result<u64, UnitError> {
    quantity(text, "duration", DURATIONS)
}

fn quantity(text: &str, what: &'static str, units: Units) -> Result<u64, UnitError> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(UnitError::Number { text: text.to_owned(), what });
    }
    let Some((_, worth)) = units.0.iter().find(|(name, _)| *name == unit.trim_start()) else {
        return Err(UnitError::Unit { text: text.to_owned(), units });
    };
    let too_large = || UnitError::TooLarge { text: text.to_owned() };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(*worth)).ok_or_else(too_large)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_people_write() {
        assert_eq!(size("200G").unwrap(), 200 << 30);
        assert_eq!(size("1 M").unwrap(), 1 << 20);
        assert_eq!(size("0B").unwrap(), 0);
        assert_eq!(duration("4h").unwrap(), 14_400);
        assert_eq!(duration("90s").unwrap(), 90);
        assert_eq!(duration("2d").unwrap(), 172_800);
    }

    #[test]
    fn says_what_is_wrong_with_the_rest() {
        assert_eq!(
            duration("4").unwrap_err().to_string(),
            "`4` has no unit that is known: write s, m, h or d"
        );
        assert_eq!(
            size("200g").unwrap_err().to_string(),
            "`200g` has no unit that is known: write B, K, M, G, T or P"
        );
        assert_eq!(size("much").unwrap_err().to_string(), "`much` is not a size: begin with a whole number");
        assert_eq!(
            duration("-4h").unwrap_err().to_string(),
            "`-4h` is not a duration: begin with a whole number"
        );
        assert!(matches!(duration("1h30m"), Err(UnitError::Unit { .. })));
        assert!(matches!(size("1.5T"), Err(UnitError::Unit { .. })));
        assert!(matches!(size("99999999999T"), Err(UnitError::TooLarge { .. })));
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let _ = (size(&text), duration(&text));
        }

        #[test]
        fn every_size_comes_back(number in 0u64..1 << 13, unit in 0usize..6) {
            let (name, worth) = SIZES.0[unit];
            prop_assert_eq!(size(&format!("{number}{name}")).unwrap(), number * worth);
        }
    }
}
