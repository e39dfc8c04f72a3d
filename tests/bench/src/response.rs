//! A typical response to a client that was too fast: what a web server in front of an API sends, and three ways to
//! speak of limits, of which real servers often send two or three at once.

/// Its header lines as HTTP/1.1 writes them, names and values.
pub static LINES: [(&[u8], &[u8]); 17] = [
    (b"Date", b"Sat, 17 Oct 2026 12:41:43 GMT"),
    (b"Content-Type", b"application/json; charset=utf-8"),
    (b"Content-Length", b"337"),
    (b"Connection", b"keep-alive"),
    (b"Server", b"nginx"),
    (b"Cache-Control", b"no-cache, no-store, max-age=0, must-revalidate"),
    (b"Vary", b"Accept-Encoding, Origin"),
    (b"Strict-Transport-Security", b"max-age=31536000; includeSubDomains; preload"),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"X-Frame-Options", b"DENY"),
    (b"X-Request-Id", b"7f2c1f0e-7d2b-4a0b-9d3c-5b1a8c0e4f11"),
    (b"Retry-After", b"17"),
    (b"RateLimit-Policy", br#""minute";q=60;w=60, "day";q=5000;w=86400"#),
    (b"RateLimit", br#""minute";r=0;t=17, "day";r=4102;t=40697"#),
    (b"X-RateLimit-Limit", b"60"),
    (b"X-RateLimit-Remaining", b"0"),
    (b"X-RateLimit-Reset", b"1792240920"),
];

/// Lines in front that speak of no limit: with the first ones alone it is the response to any other request.
const OTHERS: usize = 11;

/// The same server's lines where there is nothing to say about limits.
pub fn success() -> &'static [(&'static [u8], &'static [u8])] {
    LINES.get(..OTHERS).unwrap_or(&LINES)
}

/// Bytes of names and values, which is what the reader sees: without `: ` and the ends of lines.
pub const BYTES: u32 = bytes(LINES.len());
/// Those of the lines that speak of no limit.
pub const BYTES_OF_A_SUCCESS: u32 = bytes(OTHERS);

const fn bytes(lines: usize) -> u32 {
    let (mut rest, mut left, mut bytes) = (LINES.as_slice(), lines, 0);
    while let ([(name, value), tail @ ..], 1..) = (rest, left) {
        bytes += name.len() + value.len();
        (rest, left) = (tail, left - 1);
    }
    assert!(bytes < 10_000);
    #[expect(clippy::cast_possible_truncation, reason = "asserted above")]
    let bytes = bytes as u32;
    bytes
}

// The table's words, in `tests/xtask/src/executed.rs`.
const _: () = assert!(LINES.len() == 17 && BYTES == 560 && OTHERS == 11 && BYTES_OF_A_SUCCESS == 375);
