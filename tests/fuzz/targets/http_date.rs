//! HTTP dates: no panic, the strict reading is part of the lenient one, and what is read can be written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate::headers::Mode;
use tollgate::headers::http_date::{HttpDate, IMF_LEN, write_imf};

fuzz_target!(|data: (i64, &[u8])| {
    let (now, value) = data;
    let lenient = HttpDate::parse(value, Mode::Lenient);
    if let Some(strict) = HttpDate::parse(value, Mode::Strict) {
        assert_eq!(Some(strict), lenient);
    }
    let mut buffer = [0; IMF_LEN];
    if let Some(unix) = lenient.and_then(|date| date.unix_at(now)) {
        if let Some(text) = write_imf(unix, &mut buffer) {
            assert_eq!(HttpDate::parse(text.as_bytes(), Mode::Strict).and_then(HttpDate::unix), Some(unix));
        }
    }
});
