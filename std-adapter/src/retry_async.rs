//! The driver of a call for tasks, on any runtime: whoever calls brings the sleep.

use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::pin::pin;
use std::task::Poll;
use std::time;

use tollgate::{Clock, Repeatable};

use crate::call::{Call, Step};
use crate::retry::{CallError, Classify, Rest, conclude, late};
use crate::upstream::Upstream;

impl<K, C: Clock> Upstream<K, C> {
    /// As [`call`](Self::call), for tasks. `sleep` is the runtime's: `tokio::time::sleep` as it stands, or any function
    /// from a span to a future that is ready after it; early is harmless.
    ///
    /// No lock is held while it waits or sends. Dropped at any moment, it leaves nothing behind: its place, a breaker's
    /// probe and what its retry took from the stock of retries come back. Nobody knows how an attempt would have ended
    /// that is dropped half-way, so the breaker and the rate learn nothing from it. Therefore put the time limit of an
    /// attempt into `attempt` and not around the call. [`or_cancelled`](Self::or_cancelled) ends waits, not attempts. What
    /// a [`RatioBudget`](tollgate::RatioBudget) granted does not come back; it is forgotten with its time.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Example
    /// ```
    /// use tollgate::{Outcome, Repeatable, Verdict, presets::backoffs};
    /// use tollgate_std::Upstream;
    /// fn read(answer: &Result<u16, std::io::Error>) -> Outcome {
    ///     let status = *answer.as_ref().unwrap_or(&500);
    ///     Outcome::Answered { status, verdict: Verdict::Clear, wait: None, should_retry: None }
    /// }
    /// async fn get(attempt: u32) -> Result<u16, std::io::Error> {
    ///     Ok(if attempt == 1 { 502 } else { 200 })
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// let api = Upstream::new(backoffs::RETRY, read);
    /// let status = api.call_async(Repeatable::Idempotent, tokio::time::sleep, get).await?;
    /// assert_eq!(status, 200);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn call_async<T, E, N, F>(
        &self,
        repeatable: Repeatable,
        mut sleep: impl FnMut(time::Duration) -> N,
        mut attempt: impl FnMut(u32) -> F,
    ) -> Result<T, CallError<T, E>>
    where
        K: Classify<T, E>,
        N: Future<Output = ()>,
        F: Future<Output = Result<T, E>>,
    {
        let mut call = Call::new(self, repeatable);
        let (mut last, mut rest) = (None, Rest::default());
        loop {
            match poll_fn(|context| Poll::Ready(call.step(context.waker()))).await {
                Step::Cancelled => return Err(CallError::Cancelled { last }),
                Step::Late { until } => return Err(late(until, last)),
                Step::Wait { now, until } => {
                    let mut sleeping = pin!(sleep(rest.nap(now, until)));
                    poll_fn(|context| {
                        // The ring is looked at in every poll: the task may have moved and have another waker now.
                        if call.is_rung(context.waker()) { Poll::Ready(()) } else { sleeping.as_mut().poll(context) }
                    })
                    .await;
                }
                Step::Send(number) => {
                    // The earlier answer may hold a connection that this attempt wants.
                    drop(last.take());
                    rest = Rest::default();
                    let answer = attempt(number).await;
                    match conclude(call.answered(&self.classify.classify(&answer)), answer) {
                        ControlFlow::Continue(kept) => last = Some(kept),
                        ControlFlow::Break(ended) => return ended,
                    }
                }
            }
        }
    }
}
