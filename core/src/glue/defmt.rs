//! `defmt::Format` where it cannot be derived, and the promise that every public type has it.

use crate::time::{Clock, ManualClock};

impl defmt::Format for ManualClock {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "ManualClock({})", self.now());
    }
}

#[cfg(test)]
mod tests {
    use crate::presets::radio::{LoRa, SubBand};
    use crate::*;

    /// Compiles only if the type has it.
    fn formats<T: defmt::Format>() {}

    #[test]
    fn every_public_type_has_a_format() {
        formats::<(Instant, Duration, TickRate, ZeroHertz, Wrapping32, ManualClock)>();
        formats::<(Quota, QuotaError, Denied, Reservation, Token, Refused)>();
        formats::<(TokenBucket, Start, Inherit, Clocked<ManualClock, TokenBucket>)>();
        formats::<(Window, WindowError, History, WhenFull, WindowLog<4>, WindowSlices<4>)>();
        formats::<(Slots<4>, Job<'static, 4>, JobId, AlreadyOpen, NotOpen, Reconciled)>();
        formats::<(Backoff, Policy, PolicyError, Growth, Jitter, GiveUp, Entropy)>();
        formats::<(LoRa, SubBand)>();
    }

    #[cfg(feature = "embassy-sync")]
    #[test]
    fn every_public_type_of_embassy_sync_has_a_format() {
        use crate::embassy::{Permit, Shared, WaitError, Waiting};
        use embassy_sync::blocking_mutex::raw::NoopRawMutex as Raw;

        formats::<(WaitError, Shared<Raw, TokenBucket, ManualClock, 4>)>();
        formats::<(Permit<'_, Raw, TokenBucket, ManualClock, 4>, Waiting<'_, Raw, TokenBucket, ManualClock, 4, ()>)>();
    }

    #[cfg(feature = "embassy-time")]
    #[test]
    fn every_public_type_of_embassy_time_has_a_format() {
        formats::<(crate::embassy::EmbassyClock, crate::embassy::BetweenTicks)>();
    }

    #[cfg(feature = "headers")]
    #[test]
    fn every_public_type_of_headers_has_a_format() {
        use crate::headers::{dialects::*, emit, http_date::*, moment::*, ratelimit::*, retry_after::*, *};

        formats::<(HttpDate, UnixMicros, Delay, Format, RetryAfter, Kind, Wait, Pushback, Mode)>();
        formats::<(Generation, Dialect, Rule, Meaning, Cause, Bucket, Label, Origin, Unit)>();
        formats::<(FeedbackReader, Feedback, Verdict, Faults)>();
        formats::<(emit::Policy<'static>, emit::PolicyError, emit::Standing<'static>, emit::Answer<'static>)>();
        formats::<(emit::Style, emit::EmitError)>();
    }
}
