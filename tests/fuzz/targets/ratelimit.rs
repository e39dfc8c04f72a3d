//! `RateLimit` and its kin: the first byte of each line chooses the field. No panic; a strict reading takes nothing that
//! the lenient one does not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate::headers::{FeedbackReader, Mode};

const NAMES: [&[u8]; 6] = [
    b"RateLimit",
    b"RateLimit-Policy",
    b"RateLimit-Limit",
    b"RateLimit-Remaining",
    b"RateLimit-Reset",
    b"x-ratelimit-limit",
];

fuzz_target!(|data: &[u8]| {
    let seen = [Mode::Strict, Mode::Lenient].map(|mode| {
        let mut reader = FeedbackReader::new().with_mode(mode);
        for line in data.split(|byte| *byte == b'\n') {
            let Some((first, value)) = line.split_first() else { continue };
            reader.line(NAMES[usize::from(*first) % NAMES.len()], value);
        }
        reader.finish(200, None)
    });
    let [strict, lenient] = seen;
    // Too many names void all of them, and a strict reader may count fewer.
    if lenient.faults().void == 0 {
        assert!(strict.buckets().count() <= lenient.buckets().count());
    }
    let _ = (lenient.binding(), lenient.gate(), lenient.verdict());
});
