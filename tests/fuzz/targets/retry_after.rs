//! `Retry-After`, one line of input to a line of the field: no panic, more lines never shorten the wait, and their order
//! does not matter.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate::headers::Mode;
use tollgate::headers::moment::UnixMicros;
use tollgate::headers::retry_after::{RetryAfter, millis, pushback};

fuzz_target!(|data: (i64, &[u8])| {
    let (base, value) = data;
    let base = Some(UnixMicros::from_micros(base));
    for mode in [Mode::Strict, Mode::Lenient] {
        let (mut forwards, mut backwards) = (RetryAfter::new(), RetryAfter::new());
        for line in value.split(|byte| *byte == b'\n') {
            let before = forwards.resolve(None).map(|wait| wait.delay);
            forwards.line(line, mode);
            assert!(forwards.resolve(None).map(|wait| wait.delay) >= before);
        }
        for line in value.rsplit(|byte| *byte == b'\n') {
            backwards.line(line, mode);
        }
        assert_eq!(forwards, backwards);
        let _ = forwards.resolve(base);
    }
    let _ = (millis(value), pushback(value));
});
