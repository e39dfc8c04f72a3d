//! `log!`: what happens, said with defmt where the feature `defmt` is set. Where it is not, it is no code at all.
//!
//! | Level | What is said |
//! |---|---|
//! | `warn` | a breaker opens, a budget's alert fires, a permit or a lease runs out, a job is given up or paid for twice, time goes back |
//! | `info` | a job is finished or sent again, the server closes the gate, a breaker lets probes through or closes |
//! | `debug` | a request is granted, or refused: by which limit, and for how long; an answer with which all is well |
//!
//! The application sets the levels where it is built: `DEFMT_LOG=info,tollgate=debug`. Waits are in microseconds. Nothing
//! is ever said at `error`, the level that stays when nobody sets any: so that a host test needs no logger.

use crate::gate::Answer;
use crate::job::JobId;
use crate::limiter::Denied;
use crate::time::Instant;

/// A line of the log. Its values are looked at only where it is said.
macro_rules! log {
    ($level:ident, $words:literal $(, $value:expr)* $(,)?) => {{
        #[cfg(feature = "defmt")]
        ::defmt::$level!($words $(, $value)*);
        // Never called: it only has the compiler see that the values are used.
        #[cfg(not(feature = "defmt"))]
        let _ = || {
            let _ = (stringify!($level), $words, $(&$value,)*);
        };
    }};
}
pub(crate) use log;

/// What a permit is for.
#[cfg_attr(not(feature = "defmt"), expect(dead_code, reason = "only the log reads it"))]
pub(crate) struct Who(pub(crate) Option<JobId>);

/// A refusal, and when it was.
#[cfg_attr(not(feature = "defmt"), expect(dead_code, reason = "only the log reads it"))]
pub(crate) struct Wait(pub(crate) Denied, pub(crate) Instant);

/// An answer, and when it came.
#[cfg_attr(not(feature = "defmt"), expect(dead_code, reason = "only the log reads it"))]
pub(crate) struct Said(pub(crate) Answer, pub(crate) Instant);

#[cfg(feature = "defmt")]
mod formats {
    use defmt::{Format, Formatter, write};

    use super::{Said, Wait, Who};
    use crate::gate::Answer;
    use crate::limiter::Denied;
    use crate::time::Instant;

    /// Microseconds, for ever included.
    fn span(from: Instant, to: Instant) -> u64 {
        to.saturating_since(from).as_micros()
    }

    impl Format for Who {
        fn format(&self, f: Formatter<'_>) {
            if let Some(id) = self.0 { write!(f, "job {=u64}", id.0) } else { write!(f, "a question") }
        }
    }

    impl Format for Wait {
        fn format(&self, f: Formatter<'_>) {
            match self.0 {
                Denied::Until(at) => write!(f, "for {=u64} us", span(self.1, at)),
                Denied::Busy => write!(f, "until something is released"),
                Denied::Never { max } => write!(f, "for ever: {=u64} at most", max),
            }
        }
    }

    impl Format for Said {
        fn format(&self, f: Formatter<'_>) {
            match self.0 {
                Answer::RetryAt(at) => write!(f, "again in {=u64} us", span(self.1, at)),
                Answer::RetryOnRelease { not_before } => {
                    write!(f, "again when a job has ended, in {=u64} us at the earliest", span(self.1, not_before));
                }
                Answer::GiveUp(reason) => write!(f, "given up: {}", reason),
                answer => write!(f, "{}", answer),
            }
        }
    }
}
