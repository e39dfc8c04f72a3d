//! The guard before the parser: whether a text is JSON, and not nested too deeply.
//!
//! `serde-json-core` recurses into every bracket, so that a hostile document of a kilobyte would take the whole stack of a
//! small chip. This scan keeps one bit a level, looks at every byte once, and knows where something is wrong.

use super::error::{ConfigError, Problem};
use super::path::FieldPath;

/// The most levels of brackets. The deepest field of a configuration is at 4.
pub(super) const MAX_DEPTH: u8 = 8;

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    /// After `[`.
    ValueOrEnd,
    /// After `{`.
    KeyOrEnd,
    Key,
    Colon,
    CommaOrEnd,
    Nothing,
}

struct Scan<'a> {
    len: usize,
    rest: &'a [u8],
    depth: u8,
    /// Which of the open brackets are those of objects, the innermost the lowest bit.
    objects: u8,
}

/// Whether this is one JSON value, nested at most [`MAX_DEPTH`] levels deep, without escapes in its texts.
pub(super) fn scan(text: &str) -> Result<(), ConfigError> {
    let mut scan = Scan { len: text.len(), rest: text.as_bytes(), depth: 0, objects: 0 };
    let mut next = Next::Value;
    while let Some(byte) = scan.token() {
        next = scan.step(next, byte)?;
    }
    match next {
        Next::Nothing => Ok(()),
        next => Err(scan.wrong(next.expected())),
    }
}

impl Next {
    const fn expected(self) -> &'static str {
        match self {
            Self::Value => "a value",
            Self::ValueOrEnd => "a value or ]",
            Self::KeyOrEnd => "a field or }",
            Self::Key => "a field",
            Self::Colon => "a colon",
            Self::CommaOrEnd => "a comma or the closing bracket",
            Self::Nothing => "the end of the document",
        }
    }
}

impl Scan<'_> {
    fn wrong(&self, expected: &'static str) -> ConfigError {
        let at = self.len.saturating_sub(self.rest.len());
        FieldPath::ROOT.says(Problem::Syntax { at, expected })
    }

    /// The next byte that is no blank.
    fn token(&mut self) -> Option<u8> {
        while let [b' ' | b'\t' | b'\n' | b'\r', tail @ ..] = self.rest {
            self.rest = tail;
        }
        self.rest.first().copied()
    }

    fn eat(&mut self) {
        self.rest = self.rest.split_first().map_or(&[], |(_, tail)| tail);
    }

    fn step(&mut self, next: Next, byte: u8) -> Result<Next, ConfigError> {
        match (next, byte) {
            (Next::Value | Next::ValueOrEnd, _) if byte != b']' => self.value(byte),
            (Next::KeyOrEnd | Next::Key, b'"') => self.string().map(|()| Next::Colon),
            (Next::Colon, b':') => {
                self.eat();
                Ok(Next::Value)
            }
            (Next::CommaOrEnd, b',') => {
                self.eat();
                Ok(if self.in_object() { Next::Key } else { Next::Value })
            }
            (Next::KeyOrEnd, b'}') | (Next::ValueOrEnd, b']') => Ok(self.close()),
            (Next::CommaOrEnd, b'}') if self.in_object() => Ok(self.close()),
            (Next::CommaOrEnd, b']') if !self.in_object() => Ok(self.close()),
            _ => Err(self.wrong(next.expected())),
        }
    }

    const fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    /// What comes after a value.
    const fn after(&self) -> Next {
        if self.depth == 0 { Next::Nothing } else { Next::CommaOrEnd }
    }

    fn close(&mut self) -> Next {
        self.eat();
        self.depth = self.depth.saturating_sub(1);
        self.objects >>= 1;
        self.after()
    }

    fn value(&mut self, byte: u8) -> Result<Next, ConfigError> {
        match byte {
            b'{' | b'[' => {
                if self.depth >= MAX_DEPTH {
                    let at = self.len.saturating_sub(self.rest.len());
                    return Err(FieldPath::ROOT.says(Problem::TooDeep { at, max: MAX_DEPTH }));
                }
                self.eat();
                self.depth = self.depth.saturating_add(1);
                self.objects = self.objects << 1 | u8::from(byte == b'{');
                return Ok(if byte == b'{' { Next::KeyOrEnd } else { Next::ValueOrEnd });
            }
            b'"' => self.string()?,
            b'-' | b'0'..=b'9' => self.number()?,
            _ => self.word()?,
        }
        Ok(self.after())
    }

    fn string(&mut self) -> Result<(), ConfigError> {
        self.eat();
        loop {
            match self.rest.first() {
                Some(b'"') => break,
                Some(b'\\') => return Err(self.wrong("a text without escapes")),
                Some(0..=0x1f) => return Err(self.wrong("a text without control characters")),
                Some(_) => self.eat(),
                None => return Err(self.wrong("the end of a text")),
            }
        }
        self.eat();
        Ok(())
    }

    fn digits(&mut self) -> Result<(), ConfigError> {
        if !matches!(self.rest.first(), Some(b'0'..=b'9')) {
            return Err(self.wrong("a digit"));
        }
        while let Some(b'0'..=b'9') = self.rest.first() {
            self.eat();
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), ConfigError> {
        if let Some(b'-') = self.rest.first() {
            self.eat();
        }
        match self.rest.first() {
            Some(b'0') => self.eat(),
            _ => self.digits()?,
        }
        if let Some(b'.') = self.rest.first() {
            self.eat();
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.rest.first() {
            self.eat();
            if let Some(b'+' | b'-') = self.rest.first() {
                self.eat();
            }
            self.digits()?;
        }
        Ok(())
    }

    fn word(&mut self) -> Result<(), ConfigError> {
        let known = [&b"true"[..], b"false", b"null"].into_iter().find_map(|word| self.rest.strip_prefix(word));
        self.rest = known.ok_or(self.wrong("a value"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString as _};

    #[test]
    fn json_passes_and_everything_else_names_the_byte() {
        for text in ["{}", "[]", " [ ] ", "0", "-0.5e+7", "\"\"", "true", "[1,[2,{\"a\":null}]]", "{\"a\":{},\"b\":[]}"]
        {
            assert_eq!(scan(text), Ok(()), "{text}");
        }
        for (text, says) in [
            ("", "byte 0: expected a value"),
            ("  ", "byte 2: expected a value"),
            ("nul", "byte 0: expected a value"),
            ("{", "byte 1: expected a field or }"),
            ("{,}", "byte 1: expected a field or }"),
            ("{\"a\"}", "byte 4: expected a colon"),
            ("{\"a\":}", "byte 5: expected a value"),
            ("{\"a\":1,}", "byte 7: expected a field"),
            ("{\"a\":1]", "byte 6: expected a comma or the closing bracket"),
            ("{\"a\":1 \"b\"", "byte 7: expected a comma or the closing bracket"),
            ("[", "byte 1: expected a value or ]"),
            ("[1,]", "byte 3: expected a value"),
            ("[,1]", "byte 1: expected a value"),
            ("[1}", "byte 2: expected a comma or the closing bracket"),
            ("]", "byte 0: expected a value"),
            ("{} {}", "byte 3: expected the end of the document"),
            ("01", "byte 1: expected the end of the document"),
            ("1.", "byte 2: expected a digit"),
            ("-", "byte 1: expected a digit"),
            ("+1", "byte 0: expected a value"),
            ("1e", "byte 2: expected a digit"),
            ("\"a", "byte 2: expected the end of a text"),
            ("\"a\\n\"", "byte 2: expected a text without escapes"),
            ("\"a\n\"", "byte 2: expected a text without control characters"),
            ("{'a':1}", "byte 1: expected a field or }"),
            ("NaN", "byte 0: expected a value"),
        ] {
            assert_eq!(scan(text).unwrap_err().to_string(), says, "{text}");
        }
    }

    #[test]
    fn depth_is_counted_and_bounded() {
        for open in ["[", "{\"a\":"] {
            let close = if open == "[" { "]" } else { "}" };
            let nested = |levels: usize| {
                let inner = if open == "[" { "" } else { "1" };
                open.repeat(levels) + inner + &close.repeat(levels)
            };
            assert_eq!(scan(&nested(usize::from(MAX_DEPTH))), Ok(()));
            let problem = scan(&nested(usize::from(MAX_DEPTH) + 1)).unwrap_err().problem();
            assert!(matches!(problem, Problem::TooDeep { max: MAX_DEPTH, .. }));
        }
        let hostile: String = "[".repeat(1 << 20);
        assert!(matches!(scan(&hostile).unwrap_err().problem(), Problem::TooDeep { at: 8, .. }));
    }
}
