//! Structured fields of any form: no panic; whoever skips has the same verdict as whoever reads all of it; a display
//! string is text; what has been written again is read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate::headers::structured::{Malformed, Reader, Value};

fuzz_target!(|data: (u64, &[u8])| {
    let (ask, line) = data;
    for form in 0..3 {
        let whole = read(reader(form, line));
        assert_eq!(whole.is_ok(), skim(reader(form, line), ask).is_ok());
        if let Ok(text) = whole {
            assert_eq!(read(reader(form, &text)).as_ref(), Ok(&text));
        }
    }
});

fn reader(form: u8, line: &[u8]) -> Reader<'_> {
    match form {
        0 => Reader::item(line),
        1 => Reader::list(line),
        _ => Reader::dictionary(line),
    }
}

/// Reads all of a field, and writes it in the canonical way.
fn read(mut field: Reader<'_>) -> Result<Vec<u8>, Malformed> {
    let mut text = Vec::new();
    while let Some((key, value)) = field.member()? {
        if !text.is_empty() {
            text.extend_from_slice(b", ");
        }
        text.extend_from_slice(key);
        if !key.is_empty() {
            text.push(b'=');
        }
        write(&mut text, value);
        if value == Value::InnerList {
            let mut first = true;
            while let Some(value) = field.inner()? {
                if !first {
                    text.push(b' ');
                }
                first = false;
                write(&mut text, value);
                params(&mut text, &mut field)?;
            }
            text.push(b')');
        }
        params(&mut text, &mut field)?;
    }
    Ok(text)
}

fn params(text: &mut Vec<u8>, field: &mut Reader<'_>) -> Result<(), Malformed> {
    while let Some((key, value)) = field.param()? {
        text.push(b';');
        text.extend_from_slice(key);
        text.push(b'=');
        write(text, value);
    }
    Ok(())
}

fn write(text: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Integer(number) => text.extend_from_slice(number.to_string().as_bytes()),
        Value::Decimal { thousandths } => {
            let (sign, number) = (if thousandths < 0 { "-" } else { "" }, thousandths.unsigned_abs());
            text.extend_from_slice(format!("{sign}{}.{:03}", number / 1000, number % 1000).as_bytes());
        }
        Value::String(string) => {
            assert!(string.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            text.push(b'"');
            text.extend_from_slice(string.as_escaped());
            text.push(b'"');
        }
        Value::Token(token) => text.extend_from_slice(token),
        Value::Bytes(bytes) => {
            let symbols = bytes.as_encoded().iter().filter(|symbol| **symbol != b'=').count();
            assert_eq!(bytes.bytes().count(), symbols * 6 / 8);
            text.push(b':');
            text.extend_from_slice(bytes.as_encoded());
            text.push(b':');
        }
        Value::Boolean(yes) => text.extend_from_slice(if yes { b"?1" } else { b"?0" }),
        Value::Date(secs) => text.extend_from_slice(format!("@{secs}").as_bytes()),
        Value::Display(display) => {
            assert!(String::from_utf8(display.bytes().collect()).is_ok());
            text.extend_from_slice(b"%\"");
            text.extend_from_slice(display.as_encoded());
            text.push(b'"');
        }
        Value::InnerList => text.push(b'('),
    }
}

/// Reads only a part of each member, as these bits say.
fn skim(mut field: Reader<'_>, mut ask: u64) -> Result<(), Malformed> {
    while field.member()?.is_some() {
        for _ in 0..ask % 4 {
            ask = ask.rotate_right(2);
            let _ = if ask % 2 == 0 { field.param()?.is_some() } else { field.inner()?.is_some() };
        }
    }
    Ok(())
}
