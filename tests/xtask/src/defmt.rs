//! What firmware logs with defmt: numbers on the wire, words in the binary, brought together here.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use defmt_decoder::{DecodeError, Table};

/// A line for each frame: time, level, message.
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
                writeln!(text, "{time} {level:5} {}", frame.display_message())?;
            }
            Err(DecodeError::UnexpectedEof) => return Ok(text),
            Err(DecodeError::Malformed) => bail!("a frame that is not of this binary, after:\n{text}"),
        }
    }
}
