//! Durations as people write them: `500ms`, `10s`, `5m`, `1h`, `30d`. Whole numbers with one unit, exact both ways.

use core::fmt;

use crate::time::Duration;

/// The units, and how many microseconds each has; the largest first.
const UNITS: [(&str, u64); 6] =
    [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)];

/// The duration that this text says; `None` for anything else, also beyond the range of time.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).fold(0usize, |digits, _| digits.saturating_add(1));
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, micros) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(micros).map(Duration::from_micros)
}

/// Writes a duration in the largest unit that it is a whole number of.
pub(super) struct Written(pub(super) Duration);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        let whole = UNITS.into_iter().find(|(_, unit)| micros.is_multiple_of(*unit) && micros > 0);
        let (name, unit) = whole.unwrap_or(("s", 1));
        write!(f, "{}{name}", micros.checked_div(unit).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString as _;

    #[test]
    fn durations_are_exact_both_ways() {
        for (text, micros) in [
            ("0s", 0),
            ("1us", 1),
            ("500ms", 500_000),
            ("10s", 10_000_000),
            ("5m", 300_000_000),
            ("1h", 3_600_000_000),
            ("30d", 2_592_000_000_000),
            ("1500ms", 1_500_000),
            ("18446744073709551615us", u64::MAX),
        ] {
            assert_eq!(parse(text), Some(Duration::from_micros(micros)), "{text}");
            assert_eq!(Written(Duration::from_micros(micros)).to_string(), text);
        }
        assert_eq!(Written(parse("60s").unwrap()).to_string(), "1m");
    }

    #[test]
    fn everything_else_is_refused() {
        for text in ["", "5", "s", "5 s", " 5s", "5S", "1.5s", "-1s", "+1s", "1h30m", "5min", "1e3s", "\u{664}s"] {
            assert_eq!(parse(text), None, "{text}");
        }
        for text in ["18446744073709551616us", "18446744073709552ms", "213503983d"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
