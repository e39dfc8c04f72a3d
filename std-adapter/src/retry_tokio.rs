//! On tokio: its clock, and its sleep for [`Upstream::call_async`].

use std::future::Future;

use tollgate::{Clock, Instant, Repeatable};

use crate::clock::StdClock;
use crate::retry::{CallError, Classify};
use crate::upstream::Upstream;

/// The clock by which tokio's timers run: that of the process, and in a test the one that tokio has paused.
///
/// It has the origin of [`StdClock`], and shows the same instants as long as nobody pauses time. Read inside a runtime that
/// has paused its time it shows the paused time, outside that of the process. Make it before such a runtime: one that was
/// paused before the process first looked at any clock stands before the origin, and shows the origin until it is there.
///
/// # Example
/// ```
/// use tollgate::{Clock, Duration};
/// use tollgate_std::TokioClock;
/// let clock = TokioClock::default();
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
/// runtime.block_on(async {
///     let start = clock.now();
///     tokio::time::sleep(std::time::Duration::from_secs(17)).await; // takes no time
///     assert_eq!(clock.now().saturating_since(start), Duration::from_secs(17));
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokioClock(());

impl Default for TokioClock {
    fn default() -> Self {
        // Fixes the origin, if nothing has yet.
        StdClock::default().now();
        Self(())
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Instant {
        StdClock::default().from_std(tokio::time::Instant::now().into_std())
    }
}

impl<K> Upstream<K, TokioClock> {
    /// As [`call_async`](Self::call_async), with tokio's sleep.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Panics
    /// Outside a tokio runtime with its timer enabled, when it has to wait.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Duration, Outcome, Repeatable, Verdict, presets::backoffs};
    /// use tollgate_std::{TokioClock, Upstream};
    /// # fn read(answer: &Result<u16, std::io::Error>) -> Outcome {
    /// #     let verdict = if matches!(answer, Ok(429)) { Verdict::Soft } else { Verdict::Clear };
    /// #     let wait = Some(Duration::from_secs(17));
    /// #     Outcome::Answered { status: *answer.as_ref().unwrap_or(&500), verdict, wait, should_retry: None }
    /// # }
    /// async fn get(attempt: u32) -> Result<u16, std::io::Error> {
    ///     Ok(if attempt == 1 { 429 } else { 200 })
    /// }
    /// let api = Upstream::with_clock(backoffs::RETRY, read, TokioClock::default());
    /// let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    /// runtime.block_on(async {
    ///     let start = tokio::time::Instant::now();
    ///     assert_eq!(api.call_tokio(Repeatable::No, get).await?, 200);
    ///     assert!(start.elapsed().as_secs() >= 17);
    /// #   Ok::<(), Box<dyn std::error::Error>>(())
    /// })
    /// # .unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn call_tokio<T, E, F>(
        &self,
        repeatable: Repeatable,
        attempt: impl FnMut(u32) -> F,
    ) -> Result<T, CallError<T, E>>
    where
        K: Classify<T, E>,
        F: Future<Output = Result<T, E>>,
    {
        self.call_async(repeatable, tokio::time::sleep, attempt).await
    }
}
