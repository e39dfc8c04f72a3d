//! What firmware logs with defmt: numbers on the wire, words in the binary, brought together here.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use defmt_decoder::{DecodeError, Table};

/// A line for each frame: time, level, message, its microseconds in tenths of a second.
pub(crate) fn decode(binary: &Path, frames: &[u8]) -> Result<String> {
    let elf = fs::read(binary).with_context(|| binary.display().to_string())?;
    let table = Table::parse(&elf)?.ok_or_else(|| anyhow!("{} logs nothing with defmt", binary.display()))?;
    let mut decoder = table.new_stream_decoder();
    decoder.received(frames);
    let mut text = String::new();
    loop {
        match decoder.decode() {
            Ok(frame) => {
                let time = frame.display_timestamp().map(|time| time.to_string()).unwrap_or_default();
                let level = frame.level().map_or("", |level| level.as_str());
                let message = in_tenths(&frame.display_message().to_string());
                if !is_moment(&message) {
                    writeln!(text, "{time} {level:5} {message}")?;
                }
            }
            Err(DecodeError::UnexpectedEof) => return Ok(text),
            Err(DecodeError::Malformed) => bail!("a frame that is not of this binary, after:\n{text}"),
        }
    }
}

/// Who asks a moment early is told to come back in no time at all. Whether that happens depends on the compiler, too.
fn is_moment(message: &str) -> bool {
    message.contains(": refused by ") && message.ends_with(", for 0.0 s")
}

/// Microseconds in a message as tenths of a second: finer ones depend on the compiler. What is planned in steps of 50 ms is
/// far from where the rounding changes.
fn in_tenths(message: &str) -> String {
    let mut words: Vec<String> = message.split(' ').map(str::to_owned).collect();
    for at in 1..words.len() {
        let micros = words[at - 1].parse::<u64>();
        if let (Ok(micros), Some(rest)) =
            (micros, words[at].strip_prefix("us").filter(|rest| !rest.starts_with(char::is_alphanumeric)))
        {
            let tenths = (micros + 25_000) / 100_000;
            words[at] = format!("s{rest}");
            words[at - 1] = format!("{}.{}", tenths / 10, tenths % 10);
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microseconds_are_shown_in_tenths_of_a_second() {
        for (message, shown) in [
            ("refused by Requests, for 399501 us", "refused by Requests, for 0.4 s"),
            ("in 96412 us at the earliest, at 12 us, 5 users", "in 0.1 s at the earliest, at 0.0 s, 5 users"),
            ("closed for 296396194 us", "closed for 296.4 s"),
            ("", ""),
        ] {
            assert_eq!(in_tenths(message), shown);
        }
        assert!(is_moment(&in_tenths("job 4: refused by Requests, for 48957 us")));
        assert!(!is_moment(&in_tenths("job 4: refused by Requests, for 99999 us")));
    }
}
