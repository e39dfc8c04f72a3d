//! Go durations, RFC 3339 and reset times of every format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate::headers::FeedbackReader;
use tollgate::headers::dialects::{Dialect, Meaning, Rule};
use tollgate::headers::moment::{Format, UnixMicros, go_duration, rfc3339};

static FORMATS: Dialect = Dialect::new(
    &["formats"],
    &[
        Rule::new("a", Meaning::Reset(Format::Auto)),
        Rule::of("b", Meaning::Reset(Format::Seconds), "b"),
        Rule::of("c", Meaning::Reset(Format::Millis), "c"),
        Rule::of("d", Meaning::Reset(Format::EpochSeconds), "d"),
        Rule::of("e", Meaning::Reset(Format::EpochMillis), "e"),
        Rule::of("f", Meaning::Reset(Format::HttpDate), "f"),
    ],
);

fuzz_target!(|data: (i64, &[u8])| {
    let (now, value) = data;
    if let Some(delay) = go_duration(value) {
        assert_eq!(delay.saturated && delay.span.as_micros() != u64::MAX, false);
    }
    let _ = rfc3339(value);
    let mut reader = FeedbackReader::of(&FORMATS);
    for name in [b"a", b"b", b"c", b"d", b"e", b"f"] {
        reader.line(name, value);
    }
    let seen = reader.finish(429, Some(UnixMicros::from_micros(now)));
    assert!(seen.faults().ignored <= 6);
});
