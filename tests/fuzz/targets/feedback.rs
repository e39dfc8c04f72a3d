//! Whole responses, `name: value` to a line, in any dialect: no panic, and not one bit depends on the order of lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate::headers::dialects::ALL;
use tollgate::headers::moment::UnixMicros;
use tollgate::headers::{FeedbackReader, Verdict};

fuzz_target!(|data: (u8, u16, Option<i64>, &[u8])| {
    let (dialect, status, now, text) = data;
    let dialect = ALL[usize::from(dialect) % ALL.len()];
    let now = now.map(UnixMicros::from_micros);
    let (mut forwards, mut backwards) = (FeedbackReader::of(dialect), FeedbackReader::of(dialect));
    for line in text.split(|byte| *byte == b'\n') {
        let (name, value) = split(line);
        forwards.line(name, value);
    }
    for line in text.rsplit(|byte| *byte == b'\n') {
        let (name, value) = split(line);
        backwards.line(name, value);
    }
    let seen = forwards.finish(status, now);
    assert_eq!(seen, backwards.finish(status, now));
    assert_eq!(seen.binding().is_some(), seen.buckets().next().is_some());
    assert!(seen.verdict() != Verdict::Soft || seen.gate().is_some());
});

fn split(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|byte| *byte == b':') {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, b""),
    }
}
