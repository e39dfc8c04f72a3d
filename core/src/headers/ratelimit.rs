//! `RateLimit` and `RateLimit-Policy`: five generations of one draft, told apart by their form.
//!
//! | | drafts | form |
//! |---|---|---|
//! | P | polli-00 | `RateLimit-Limit: 100, 100;window=60`, a reset that may be a date |
//! | A | polli-01 to ietf-03 | `RateLimit-Limit: 100, 100;w=60` with `-Remaining` and `-Reset` |
//! | B | ietf-04 to 06 | the same three as integers, and `RateLimit-Policy: 10;w=1, 50;w=60` |
//! | C | ietf-07 | `RateLimit: limit=100, remaining=50, reset=5` |
//! | D | ietf-08 to 11 | `RateLimit: "default";r=50;t=30` and `RateLimit-Policy: "default";q=100;w=10` |
//!
//! A field may be spread over lines, and one malformed line voids all of it: each line is read when it comes and nothing
//! of its text is kept.

use super::Mode;
use super::bucket::Unit;
use super::structured::{Malformed, Reader, Text, Value};
use super::text::{Decimal, Scan, trim};

/// Which of the five forms a response used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Generation {
    /// polli-00: quotas with `window`, a reset that is a date.
    P,
    /// polli-01 to ietf-03: quotas with `w` within `RateLimit-Limit`.
    A,
    /// ietf-04 to 06: `RateLimit-Policy` with integers; and the three plain fields alone, which A and B share.
    B,
    /// ietf-07: `RateLimit` as a dictionary.
    C,
    /// ietf-08 to 11: both fields as lists of names.
    D,
}

/// What names an item of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name<'a> {
    /// A string, or a token, which has nothing to escape.
    Text(Text<'a>),
    /// The quota itself.
    Quota(u64),
}

/// An item of a list. Spans are in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item<'a> {
    pub(super) name: Name<'a>,
    pub(super) quota: Option<u64>,
    pub(super) remaining: Option<u64>,
    pub(super) reset: Option<u64>,
    pub(super) window: Option<u64>,
    pub(super) unit: Unit,
}

impl<'a> Item<'a> {
    const fn new(name: Name<'a>) -> Self {
        Self { name, quota: None, remaining: None, reset: None, window: None, unit: Unit::Requests }
    }
}

/// What `limit=100, remaining=50, reset=5` says; the span is in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Dictionary {
    pub(super) limit: Option<u64>,
    pub(super) remaining: Option<u64>,
    pub(super) reset: Option<u64>,
}

/// Whether a line of `RateLimit` is a dictionary (C) and not a list (D): a key followed by `=`.
pub(super) fn is_dictionary(line: &[u8]) -> bool {
    let mut scan = Scan::new(trim(line));
    let key = scan.take_while(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*'));
    !key.is_empty() && scan.peek() == Some(b'=')
}

/// Reads a line of `RateLimit` in form D: hands out its items up to the first error, which voids them all.
///
/// Leniently, a token serves as a name and `r` may be missing (Atlassian sends none until little is left).
pub(super) fn limits<'a>(line: &'a [u8], mode: Mode, mut each: impl FnMut(Item<'a>)) -> Result<(), Malformed> {
    let mut field = Reader::list(line);
    while let Some((_, value)) = field.member()? {
        let mut item = Item::new(Name::Text(name(value, mode)?));
        // Judged at the end: of a key that comes twice, only the last value counts.
        let (mut remaining, mut reset, mut key_is_right) = (Ok(None), Ok(None), Ok(()));
        while let Some((key, value)) = field.param()? {
            match key {
                b"r" => remaining = natural(value).map(Some),
                b"t" => reset = natural(value).map(Some),
                b"pk" => key_is_right = partition(value),
                _ => {}
            }
        }
        (item.remaining, item.reset) = (remaining?, reset?);
        key_is_right?;
        if item.remaining.is_none() && mode == Mode::Strict {
            return Err(Malformed);
        }
        each(item);
    }
    Ok(())
}

/// Reads a line of `RateLimit-Policy` in form B or D, as [`limits`] does; and tells which of the two it was,
/// `None` for an empty list.
pub(super) fn policies<'a>(
    line: &'a [u8],
    mode: Mode,
    mut each: impl FnMut(Item<'a>),
) -> Result<Option<Generation>, Malformed> {
    let mut field = Reader::list(line);
    let mut generation = None;
    while let Some((_, value)) = field.member()? {
        let (form, mut item) = match value {
            Value::Integer(_) => {
                let quota = natural(value)?;
                (Generation::B, Item { quota: Some(quota), ..Item::new(Name::Quota(quota)) })
            }
            value => (Generation::D, Item::new(Name::Text(name(value, mode)?))),
        };
        if generation.replace(form).is_some_and(|other| other != form) {
            return Err(Malformed);
        }
        let (mut quota, mut window, mut unit, mut key_is_right) = (Ok(item.quota), Ok(None), Ok(item.unit), Ok(()));
        while let Some((key, value)) = field.param()? {
            match (key, form) {
                (b"q", Generation::D) => quota = natural(value).map(Some),
                (b"qu", Generation::D) => unit = text(value).map(Unit::of_parameter),
                (b"w", _) => window = natural(value).map(Some),
                (b"pk", Generation::D) => key_is_right = partition(value),
                _ => {}
            }
        }
        (item.quota, item.window, item.unit) = (quota?, window?, unit?);
        key_is_right?;
        if item.quota.is_none() || item.window == Some(0) {
            return Err(Malformed);
        }
        each(item);
    }
    Ok(generation)
}

/// Reads a line of `RateLimit` in form C. Which members are required is known when all lines are.
pub(super) fn dictionary(line: &[u8]) -> Result<Dictionary, Malformed> {
    let mut field = Reader::dictionary(line);
    let (mut limit, mut remaining, mut reset) = (Ok(None), Ok(None), Ok(None));
    while let Some((key, value)) = field.member()? {
        match key {
            b"limit" => limit = natural(value).map(Some),
            b"remaining" => remaining = natural(value).map(Some),
            b"reset" => reset = natural(value).map(Some),
            _ => {}
        }
    }
    Ok(Dictionary { limit: limit?, remaining: remaining?, reset: reset? })
}

/// A number of units as the plain fields and vendors write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    /// `None`: negative, the server does not know.
    pub(super) value: Option<u64>,
    /// The number had a fraction, which is lost.
    pub(super) fraction: bool,
    pub(super) saturated: bool,
    /// Seconds, if a parameter `w` or `window` said so.
    pub(super) window: Option<u64>,
}

/// Reads `76`, `598.0` (rounded down), `-1`, `76;w=21600` and `198 ; w=3600`. `None` for garbage.
pub(super) fn count(value: &[u8]) -> Option<Count> {
    let mut parts = value.split(|byte| *byte == b';');
    let mut scan = Scan::new(trim(parts.next()?));
    let negative = scan.byte(b'-').is_some();
    let Decimal { whole, saturated, fraction, .. } = scan.decimal()?;
    scan.end()?;
    let mut window = None;
    for part in parts {
        let mut scan = Scan::new(trim(part));
        if scan.word(b"window=", true).or_else(|| scan.word(b"w=", true)).is_some() {
            let (secs, _) = scan.whole()?;
            scan.end()?;
            window = Some(secs).filter(|secs| *secs > 0);
        }
    }
    Some(Count { value: (!negative).then_some(whole), fraction: fraction > 0, saturated, window })
}

/// Reads a list of quotas, `100, 100;w=60;name="x", 1000;w=3600` (P and A), which begins with the limit that binds.
///
/// Hands out the quotas behind it; returns the limit, and the generation if something told it. Up to the first error,
/// as [`limits`].
pub(super) fn quotas<'a>(
    line: &'a [u8],
    mut each: impl FnMut(Item<'a>),
) -> Result<(Count, Option<Generation>), Malformed> {
    let mut field = Reader::list(line);
    let (mut first, mut generation) = (None, None);
    while let Some((_, value)) = field.member()? {
        let quota = natural(value)?;
        let mut item = Item { quota: Some(quota), ..Item::new(Name::Quota(quota)) };
        let mut window = Ok(None);
        while let Some((key, value)) = field.param()? {
            match (key, value) {
                (b"w" | b"window", value) => {
                    let form = if key == b"w" { Generation::A } else { Generation::P };
                    generation = generation.max(Some(form));
                    window = natural(value).map(Some);
                }
                (b"name", Value::String(text)) => item.name = Name::Text(text),
                _ => {}
            }
        }
        item.window = window?.filter(|window| *window > 0);
        if first.is_some() {
            each(item);
        } else {
            first = Some(Count { value: item.quota, fraction: false, saturated: false, window: item.window });
        }
    }
    Ok((first.ok_or(Malformed)?, generation))
}

fn natural(value: Value<'_>) -> Result<u64, Malformed> {
    match value {
        Value::Integer(number) => u64::try_from(number).map_err(|_| Malformed),
        _ => Err(Malformed),
    }
}

fn text(value: Value<'_>) -> Result<&[u8], Malformed> {
    if let Value::String(text) = value { Ok(text.as_escaped()) } else { Err(Malformed) }
}

fn partition(value: Value<'_>) -> Result<(), Malformed> {
    if matches!(value, Value::Bytes(_)) { Ok(()) } else { Err(Malformed) }
}

fn name(value: Value<'_>, mode: Mode) -> Result<Text<'_>, Malformed> {
    match value {
        Value::String(text) => Ok(text),
        Value::Token(token) if mode == Mode::Lenient => Ok(Text(token)),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// (line, mode, what came out: name, r, t)
    type Row = (&'static str, Mode, Option<&'static [(&'static str, Option<u64>, Option<u64>)]>);

    const LIMITS: &[Row] = &[
        (r#""default";r=50;t=30"#, Mode::Strict, Some(&[("default", Some(50), Some(30))])),
        (r#""a";r=0, "b";r=1;t=0"#, Mode::Strict, Some(&[("a", Some(0), None), ("b", Some(1), Some(0))])),
        (r#""x"; r=4; t=60"#, Mode::Strict, Some(&[("x", Some(4), Some(60))])),
        (r#""x" ;r=4"#, Mode::Lenient, None),
        (r#""x";r=1;r=2"#, Mode::Strict, Some(&[("x", Some(2), None)])),
        (r#""x";r=-1;pk=1;r=2;pk=::"#, Mode::Strict, Some(&[("x", Some(2), None)])),
        (r#""x";r=2;r=-1"#, Mode::Lenient, None),
        (r#""x";q=1;r=2;foo;acme-burst=(1)"#, Mode::Strict, None),
        (r#""x";q=1;r=2;foo;acme-burst=1.5"#, Mode::Strict, Some(&[("x", Some(2), None)])),
        (r#""x";r=1;pk=:cHsdsRa894==:"#, Mode::Strict, Some(&[("x", Some(1), None)])),
        (r#""x";r=1;pk="text""#, Mode::Strict, None),
        (r#""x";r=-1"#, Mode::Lenient, None),
        (r#""x";r=1.0"#, Mode::Lenient, None),
        (r#""x";r=1;t=-5"#, Mode::Lenient, None),
        (r#""x";r=1000000000000000"#, Mode::Lenient, None),
        (r#""x";r=1,"#, Mode::Lenient, None),
        (r#"("x" "y");r=1"#, Mode::Lenient, None),
        ("quota;t=1", Mode::Strict, None),
        ("quota;t=1", Mode::Lenient, Some(&[("quota", None, Some(1))])),
        (r#""x";t=1"#, Mode::Strict, None),
        (r#""x";t=1"#, Mode::Lenient, Some(&[("x", None, Some(1))])),
        ("100", Mode::Lenient, None),
        ("", Mode::Strict, Some(&[])),
    ];

    #[test]
    fn limits_are_read_whole_or_not_at_all() {
        for (line, mode, wanted) in LIMITS {
            let mut items = Vec::new();
            let result = limits(line.as_bytes(), *mode, |item| {
                let Name::Text(text) = item.name else { panic!("{line}") };
                items.push((core::str::from_utf8(text.as_escaped()).unwrap(), item.remaining, item.reset));
            });
            assert_eq!(result.ok().map(|()| &items[..]), *wanted, "{line} {mode:?}");
        }
    }

    #[test]
    fn policies_are_all_names_or_all_integers() {
        let read = |line: &'static str| {
            let mut items = Vec::new();
            policies(line.as_bytes(), Mode::Strict, |item| items.push(item)).map(|form| (form, items))
        };
        let (form, items) = read(r#""b";q=65535;qu="content-bytes";w=10;pk=:QXBwLTk5OQ==:, "c";q=5"#).unwrap();
        assert_eq!(form, Some(Generation::D));
        assert_eq!(items[0].unit, Unit::ContentBytes);
        assert_eq!((items[0].quota, items[0].window, items[1].window), (Some(65_535), Some(10), None));
        let (form, items) = read("10;w=1, 50;w=60;comment=\"x, y\"").unwrap();
        assert_eq!((form, items.len(), items[1].name), (Some(Generation::B), 2, Name::Quota(50)));
        for line in [
            r#""b";w=1"#,
            r#""b";q=1;w=0"#,
            r#""b";q=1;w=1.5"#,
            r#""b";q=1;qu=bytes"#,
            r#"10;w=1, "b";q=1"#,
            "-1",
            "b;q=1",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }

    #[test]
    fn forms_are_told_apart() {
        for (line, is) in
            [("limit=1", true), (r#""limit";r=1"#, false), ("quota;t=1", false), ("", false), (" reset=5", true)]
        {
            assert_eq!(is_dictionary(line.as_bytes()), is, "{line}");
        }
        let read = dictionary(b"limit=100, remaining=50;x=1, reset=5, other=(1 2)").unwrap();
        assert_eq!(read, Dictionary { limit: Some(100), remaining: Some(50), reset: Some(5) });
        assert_eq!(dictionary(b"limit=100, remaining=(5)"), Err(Malformed));
        assert_eq!(dictionary(b"limit=1, limit=2").unwrap().limit, Some(2));
        let generation = |line: &'static [u8]| quotas(line, |_| {}).unwrap().1;
        assert_eq!(generation(b"100, 100;window=60;burst=1000;comment=\"c\""), Some(Generation::P));
        assert_eq!(generation(b"100, 100;w=60"), Some(Generation::A));
        assert_eq!(generation(b"100, 5"), None);
    }

    #[test]
    fn counts_are_whole_and_never_negative() {
        let value = |text: &str| count(text.as_bytes()).map(|count| (count.value, count.window));
        assert_eq!(value("598.0"), Some((Some(598), None)));
        assert_eq!(value("76.9;w=21600"), Some((Some(76), Some(21_600))));
        assert_eq!(value("198 ; w=3600"), Some((Some(198), Some(3_600))));
        assert_eq!(value("-1"), Some((None, None)));
        assert!(count(b"99999999999999999999999999").unwrap().saturated);
        for text in ["", "foo", "+1", "1e3", "12 34", "1;w=x", ";w=1", "0x10"] {
            assert_eq!(value(text), None, "{text}");
        }
    }

    #[test]
    fn names_lose_their_escapes() {
        let plain: Vec<u8> = Text(br#"a\"b\\c\\\\d"#).bytes().collect();
        assert_eq!(plain, br#"a"b\c\\d"#);
    }
}
