//! `reserve_all`: one atomic admission over many limits.
//!
//! Either every limit is charged or none is touched, and the refusal names the limit that binds and the wait. Keyed
//! limits join through one-shot adapters that carry their key, such as [`Slots::job`](crate::Slots::job).
//!
//! ```text
//! request quota   earliest ──────────┐
//! strict window   earliest ────────┐ │   the latest of them is the common instant;
//! slots           now ───────────┐ │ │   everybody is asked again for it, and then booked at it
//!                                v v v
//! now ───────────────────────────────●──────────> time
//! ```

use core::cell::Cell;
use core::fmt;

use crate::bounded::Counting;
use crate::limiter::{Book, Denied, Reservation, Token, admit_at, promise};
use crate::time::{Duration, Instant};

/// Which limit refused an admission over many, and why. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Refused {
    /// The position of the limit that binds, in the caller's order.
    pub index: usize,
    /// What it said; an `Until` is when the whole call passes.
    pub denied: Denied,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limit {}: {}", self.index, self.denied)
    }
}

impl core::error::Error for Refused {}

/// Books every cost in its limit, all at the same instant at most `max_wait` away, or none at all.
///
/// The order of the limits changes nothing but which index is named in a tie. A cost of zero passes without asking. Each
/// reservation is settled in its own limit afterwards.
///
/// At most N + 1 rounds of raising the common instant are made; limits whose free instants do not meet by then answer
/// `Until` with the latest instant tried.
///
/// # Errors
/// [`Refused`]: `Never` beats `Busy` beats the latest `Until`, and the first index wins a tie. Nothing has changed then.
/// Should a limiter break its word and fail to book what it has just quoted, those before it are released.
///
/// # Example
/// ```
/// use tollgate::{Denied, Duration, Instant, JobId, Limiter, Quota, Refused, Slots, Start, TokenBucket, reserve_all};
/// let now = Instant::ORIGIN;
/// let mut requests = TokenBucket::new(Quota::new(60, Duration::from_mins(1))?, Start::Full, now);
/// let mut slots = Slots::<4>::new(1);
///
/// let lease = Duration::from_mins(10);
/// let mut job = slots.job(JobId(7), lease).unwrap();
/// let [request, slot] = reserve_all(now, Duration::ZERO, [(&mut requests, 1), (&mut job, 1)]).unwrap();
/// requests.commit(now, request, 1);
/// slots.commit(now, slot, 1); // occupied until `slots.close(now, JobId(7))`
///
/// let mut job = slots.job(JobId(8), lease).unwrap();
/// let refused = reserve_all(now, Duration::ZERO, [(&mut requests, 1), (&mut job, 1)]).unwrap_err();
/// assert_eq!(refused, Refused { index: 1, denied: Denied::Until(Instant::from_secs(600)) });
/// assert_eq!(requests.available(now), 59);
/// # Ok::<(), tollgate::QuotaError>(())
/// ```
pub fn reserve_all<const N: usize>(
    now: Instant,
    max_wait: Duration,
    mut limits: [(&mut dyn Book, u64); N],
) -> Result<[Reservation; N], Refused> {
    let binds = Cell::new(0);
    let admitted = admit_at(now, max_wait, |asked, from| {
        let meeting = meet(&limits, asked, from);
        match meeting {
            Ok((at, _)) if at <= asked.saturating_add(max_wait) => {}
            Ok((_, index)) | Err(Refused { index, .. }) => binds.set(index),
        }
        meeting.map(|(at, _)| at).map_err(|refused| refused.denied)
    });
    let at = admitted.map_err(|denied| Refused { index: binds.get(), denied })?;

    let mut booked = [const { None }; N];
    for (index, (slot, (book, cost))) in booked.iter_mut().zip(&mut limits).numbered() {
        if *cost == 0 {
            continue;
        }
        match book.book(now, at, *cost) {
            Ok(held) => *slot = Some(held),
            Err(denied) => {
                for (slot, (book, _)) in booked.iter_mut().zip(&mut limits) {
                    if let Some(held) = slot.take() {
                        book.settle(now, held, 0);
                    }
                }
                return Err(Refused { index, denied });
            }
        }
    }
    Ok(booked.map(|held| held.unwrap_or(Reservation::new(at, 0, Token::default()))))
}

/// The first instant, not before `from`, that suits every limit when asked at `asked`, and who raised it last.
fn meet<const N: usize>(
    limits: &[(&mut dyn Book, u64); N],
    asked: Instant,
    from: Instant,
) -> Result<(Instant, usize), Refused> {
    let (mut at, mut binds) = (from, 0);
    for _ in 0..=N {
        let before = at;
        let mut worst: Option<Refused> = None;
        for (index, (book, cost)) in limits.iter().numbered().filter(|(_, (_, cost))| *cost > 0) {
            // All are asked for the same instant: a lease may end between two, and the order must not matter.
            match promise(book.quote(asked, before, *cost)) {
                Ok(earliest) if earliest > at => (at, binds) = (earliest, index),
                Err(denied) if worst.is_none_or(|worst| denied.outranks(worst.denied)) => {
                    worst = Some(Refused { index, denied });
                }
                Ok(_) | Err(_) => {}
            }
        }
        match worst {
            Some(refused) => return Err(refused),
            None if at == before => return Ok((at, binds)),
            None => {}
        }
    }
    Err(Refused { index: binds, denied: Denied::Until(at) })
}
