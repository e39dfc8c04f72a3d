//! What the tests of the ledger share.

use tollgate::{Boundaries, Duration, Instant, JobId, Ledger, Period, Trust, UnixMicros};

/// Periods of so many seconds since the epoch.
pub(crate) struct Every(pub(crate) i64);

impl Boundaries for Every {
    fn period_at(&self, unix: i64) -> Period {
        let ends = (i64::from(i32::MIN) + 1, i64::from(i32::MAX) - 1);
        let index = unix.div_euclid(self.0).clamp(ends.0, ends.1);
        let index = i32::try_from(index).expect("clamped");
        let start = i64::from(index) * self.0;
        Period { index, start, end: start + self.0 }
    }
}

/// The text of a file in `tests/vectors/golden/`.
pub(crate) fn text(name: &str) -> String {
    let path = format!("{}/vectors/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn json(name: &str) -> serde_json::Value {
    serde_json::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A ledger whose monotonic second 0 is the epoch, exactly, on the owner's word.
pub(crate) fn dated<'a, const N: usize, const H: usize, const L: usize, const R: usize, const S: usize>(
    grace: u64,
) -> Ledger<'a, N, H, L, R, S> {
    let mut ledger = Ledger::new(Duration::from_secs(grace));
    ledger.set_wall(Instant::ORIGIN, UnixMicros::from_secs(0), Duration::ZERO, Trust::Owner);
    ledger
}

/// Names of the vectors as ids.
pub(crate) fn id(name: &str) -> JobId {
    JobId(name.bytes().fold(7, |sum, byte| sum * 257 + u64::from(byte)))
}
