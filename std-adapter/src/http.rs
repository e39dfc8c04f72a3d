//! Responses in the words of the crate `http`: what reqwest, hyper, axum and tower share.
//!
//! Everything else about headers is in [`tollgate::headers`]; who has no `HeaderMap` gives its lines to the reader
//! himself.

use ::http::HeaderMap;
use tollgate::headers::FeedbackReader;

/// Gives every header line of a response to the reader, repeated names and values that are not text included.
///
/// Add what the body says ([`FeedbackReader::code`], [`FeedbackReader::cause`], [`FeedbackReader::delay`]) before
/// [`FeedbackReader::finish`]. Do not give it trailers.
///
/// # Example
/// ```
/// use tollgate::Duration;
/// use tollgate::headers::{FeedbackReader, Verdict};
///
/// let response = http::Response::builder()
///     .status(429)
///     .header("Date", "Mon, 05 Aug 2019 09:27:00 GMT")
///     .header("Retry-After", "Mon, 05 Aug 2019 09:27:05 GMT")
///     .header("RateLimit", r#""minute";r=0;t=7"#)
///     .header("RateLimit", r#""day";r=120"#)
///     .body(())?;
///
/// let mut reader = FeedbackReader::new();
/// tollgate_std::http::feed(&mut reader, response.headers());
/// let feedback = reader.finish(response.status().as_u16(), None);
/// assert_eq!(feedback.verdict(), Verdict::Soft);
/// assert_eq!(feedback.gate(), Some(Duration::from_secs(7)));
/// assert_eq!(feedback.buckets().count(), 2);
/// # Ok::<(), http::Error>(())
/// ```
pub fn feed(reader: &mut FeedbackReader, headers: &HeaderMap) {
    for (name, value) in headers {
        reader.line(name.as_str().as_bytes(), value.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::http::HeaderValue;

    #[test]
    fn every_line_arrives_and_bytes_that_are_no_text_are_counted() {
        let mut headers = HeaderMap::new();
        for value in [&b"2"[..], b"3", b"\xff"] {
            headers.append("retry-after", HeaderValue::from_bytes(value).unwrap());
        }
        let mut reader = FeedbackReader::new();
        feed(&mut reader, &headers);
        let feedback = reader.finish(503, None);
        assert_eq!(feedback.gate(), Some(tollgate::Duration::from_secs(3)));
        assert_eq!(feedback.faults().ignored, 1);
    }
}
