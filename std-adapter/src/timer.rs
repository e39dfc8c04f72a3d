//! `Timer`: a clock on which tasks can sleep, of whatever runtime.

use std::future::Future;
use std::time;

use tollgate::Clock;

/// A clock on which tasks can sleep: what [`Shared::wait`](crate::Shared::wait) needs to know about a runtime.
///
/// With the feature `tokio`, `TokioClock` is one. For another runtime pair its sleep with a clock; to sleep too long is to
/// be late, and too short is harmless: whoever wakes up looks at the clock and sleeps again.
///
/// # Example
/// Simulated time: to sleep is to move the clock.
/// ```
/// use std::cell::Cell;
/// use std::future::{Ready, ready};
/// use tollgate::{Clock, Duration, Instant, ManualClock, Quota, Start, TokenBucket};
/// use tollgate_std::{Shared, Timer};
///
/// #[derive(Default)]
/// struct Simulated(ManualClock);
///
/// impl Clock for Simulated {
///     fn now(&self) -> Instant {
///         self.0.now()
///     }
/// }
///
/// impl Timer for Simulated {
///     type Sleep = Ready<()>;
///     fn sleep(&self, span: std::time::Duration) -> Ready<()> {
///         ready(self.0.advance(span.into()))
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let quota = tollgate::valid!(Quota::every(Duration::from_hours(1)));
/// let limiter = Shared::with_clock(TokenBucket::new(quota, Start::Empty, Instant::ORIGIN), Simulated::default());
/// let permit = limiter.wait(1, Duration::from_hours(2)).await?;
/// assert_eq!(permit.at(), Instant::from_secs(3_600));
/// # Ok::<(), tollgate_std::WaitError>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait Timer: Clock {
    /// A future that is ready when the time is over. If tasks are to move between threads, it is [`Send`].
    type Sleep: Future<Output = ()>;

    /// Sleeps this long, from now.
    fn sleep(&self, span: time::Duration) -> Self::Sleep;
}

impl<T: Timer> Timer for &T {
    type Sleep = T::Sleep;

    fn sleep(&self, span: time::Duration) -> T::Sleep {
        (**self).sleep(span)
    }
}

/// With tokio's sleep, whose steps are milliseconds: a wait ends at most that much late.
///
/// # Panics
/// To sleep outside a tokio runtime with its timer enabled.
#[cfg(feature = "tokio")]
impl Timer for crate::TokioClock {
    type Sleep = tokio::time::Sleep;

    fn sleep(&self, span: time::Duration) -> Self::Sleep {
        tokio::time::sleep(span)
    }
}
