//! Eighths and tenths of a while, newest first: what is older than all of them is forgotten.

use crate::time::{Duration, Instant};

/// Moves a row of slices up to `now`: a fresh one for each that has passed since `head`, at which the newest began. After
/// so long that all have passed, the newest begins at `now`: no division, and at most N steps.
pub(crate) fn slide<T: Default, const N: usize>(row: &mut [T; N], head: &mut Instant, slice: Duration, now: Instant) {
    for _ in 0..N {
        let end = head.saturating_add(slice);
        if now < end || end == Instant::MAX {
            return;
        }
        row.rotate_right(1);
        if let Some(first) = row.first_mut() {
            *first = T::default();
        }
        *head = end;
    }
    *head = now;
}
