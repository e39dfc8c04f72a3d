//! A server's headers from any numbers and names: no panic in any buffer, and the strict reader understands them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate::Duration;
use tollgate::headers::emit::{Answer, Policy, Standing, Style, emit};
use tollgate::headers::moment::UnixMicros;
use tollgate::headers::{FeedbackReader, Mode};

fuzz_target!(|data: (&str, u64, u64, u64, u64, Option<u64>, i64, &[u8], u16)| {
    let (name, quota, window, remaining, reset, retry, now, key, room) = data;
    let Ok(policy) = Policy::new(name, quota) else { return };
    let policy = policy.with_window(Duration::from_micros(window)).with_partition(key);
    let standings = [Standing { policy, remaining, reset: Some(Duration::from_micros(reset)) }];
    let answer = Answer {
        standings: &standings,
        retry_after: retry.map(Duration::from_micros),
        now: Some(UnixMicros::from_micros(now)),
    };
    let mut buffer = vec![0; usize::from(room)];
    for style in [Style::Draft, Style::Draft7, Style::Draft6, Style::XDelta, Style::XEpoch] {
        let mut reader = FeedbackReader::new().with_mode(Mode::Strict);
        let written = emit(style, &answer, &mut buffer, |name, value| reader.line(name.as_bytes(), value.as_bytes()));
        if written.is_ok() {
            let seen = reader.finish(429, answer.now);
            assert_eq!(seen.faults().ignored, 0, "{style:?}");
            assert_eq!(seen.buckets().count(), 1, "{style:?}");
        }
    }
});
