//! Structured fields (RFC 9651), read in one pass from the bytes of a header line: items, lists, dictionaries, parameters.
//!
//! [`Reader`] hands out one [`Value`] after the other and keeps nothing but its place, so that a field may have any number
//! of members of any length. Use [`FeedbackReader`](super::FeedbackReader) for what servers say about limits; use this for
//! other fields of the kind: `Idempotency-Key`, `Priority`, `Cache-Status`.
//!
//! ```text
//! "a";q=1;w=60, (b c);d      member   param param   member   inner inner   param
//!                            "a"      q=1   w=60    ( )      b     c       d
//! ```
//! It is our own reader because all of it is in the proof of panic freedom, a decimal is exact thousandths and no float,
//! and text stays bytes. It takes no memory but the reader's three words, and brings no dependency.

mod scalar;
mod text;

use core::fmt;

pub use text::{Base64, Display, Text};

use super::text::Scan;

/// The field breaks the grammar, and is void as a whole: whatever was read of it before must not be used either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a structured field of the expected form")
    }
}

impl core::error::Error for Malformed {}

/// A bare item, or that a list is in its place. Text is borrowed from the line and still escaped or encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Value<'a> {
    /// `-42`: at most fifteen digits.
    Integer(i64),
    /// `1.5`, in thousandths: 1500. At most twelve digits in front of the point and three behind it, so it is exact.
    Decimal {
        /// A thousand times the number.
        thousandths: i64,
    },
    /// `"text"`.
    String(Text<'a>),
    /// `gzip` or `text/plain`: ASCII as it stands.
    Token(&'a [u8]),
    /// `:aGVsbG8=:`.
    Bytes(Base64<'a>),
    /// `?1`; also what a parameter or a member without a value is.
    Boolean(bool),
    /// `@1659578233`: seconds since 1970.
    Date(i64),
    /// `%"f%c3%bc"`: text with all of Unicode.
    Display(Display<'a>),
    /// `(1 2)`: its items come from [`Reader::inner`]. Only a member of a list or dictionary is one.
    InnerList,
}

/// What a whole field is; the sender's specification says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Form {
    Item,
    List,
    Dictionary,
}

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// A bare item.
    Item,
    /// One, or an inner list.
    Member,
}

/// What was handed out last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Place {
    Start,
    /// A member, or all items of an inner list: parameters may follow.
    Member,
    /// The bracket that opens an inner list.
    Opened,
    /// An item of an inner list: parameters may follow.
    Inner,
    End,
    Broken,
}

/// Reads one structured field from the left, and goes on after whatever the caller does not ask for.
///
/// A field over several lines is one field, joined by commas: join them, or read each on its own and void all of a list
/// if one is [`Malformed`]. A line must be without the spaces at its ends, or have spaces only.
///
/// A key that comes twice counts once, with its last value (RFC 9651 sections 4.2.2 and 4.2.3.2): assign what is read, and
/// the last one wins.
///
/// Nothing here panics, and work is linear in the length of the line. `Copy`: a copy is a place to come back to.
///
/// # Example
/// ```
/// use tollgate::headers::structured::{Malformed, Reader, Value};
///
/// // RFC 9218: how urgent is it, and does half of it help?
/// fn priority(line: &[u8]) -> Result<(i64, bool), Malformed> {
///     let (mut urgency, mut incremental) = (3, false);
///     let mut field = Reader::dictionary(line);
///     while let Some((key, value)) = field.member()? {
///         match (key, value) {
///             (b"u", Value::Integer(level @ 0..=7)) => urgency = level,
///             (b"i", Value::Boolean(yes)) => incremental = yes,
///             _ => {} // what nobody knows is ignored, but must be well formed
///         }
///     }
///     Ok((urgency, incremental))
/// }
///
/// assert_eq!(priority(b"u=5, i"), Ok((5, true)));
/// assert_eq!(priority(b"i, note=(a \"b\";x=1.5), u=1, i=?0"), Ok((1, false)));
/// assert_eq!(priority(b"u=5,"), Err(Malformed));
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Reader<'a> {
    scan: Scan<'a>,
    form: Form,
    place: Place,
}

impl<'a> Reader<'a> {
    /// Of a list, `"a";q=1, (b c)`.
    pub const fn list(line: &'a [u8]) -> Self {
        Self::new(line, Form::List)
    }

    /// Of a dictionary, `limit=100, partial`.
    pub const fn dictionary(line: &'a [u8]) -> Self {
        Self::new(line, Form::Dictionary)
    }

    /// Of one item, `"8e03978e"; v=1`.
    ///
    /// # Example
    /// ```
    /// use tollgate::headers::structured::{Malformed, Reader, Value};
    ///
    /// fn duration_millis(line: &[u8]) -> Result<i64, Malformed> {
    ///     let mut field = Reader::item(line);
    ///     let (_, value) = field.member()?.ok_or(Malformed)?;
    ///     field.member()?; // nothing may follow
    ///     match value {
    ///         Value::Integer(secs) => Ok(secs * 1000),
    ///         Value::Decimal { thousandths } => Ok(thousandths),
    ///         _ => Err(Malformed),
    ///     }
    /// }
    /// assert_eq!(duration_millis(b"0.1;unit=s"), Ok(100));
    /// assert_eq!(duration_millis(b"0.1, 0.2"), Err(Malformed));
    /// ```
    pub const fn item(line: &'a [u8]) -> Self {
        Self::new(line, Form::Item)
    }

    const fn new(line: &'a [u8], form: Form) -> Self {
        Self { scan: Scan::new(line), form, place: Place::Start }
    }

    /// The next member, with its key in a dictionary and an empty one elsewhere. What was not read of the last one is
    /// skipped, and checked.
    ///
    /// `None` is the end, and only then the field is known to be well formed; go on until it comes.
    ///
    /// # Errors
    /// [`Malformed`], then and ever after.
    pub fn member(&mut self) -> Result<Option<(&'a [u8], Value<'a>)>, Malformed> {
        match self.place {
            Place::Broken => return Err(Malformed),
            Place::End => return Ok(None),
            Place::Start => {
                self.scan.spaces();
                if self.scan.peek().is_none() && self.form != Form::Item {
                    self.place = Place::End;
                    return Ok(None);
                }
            }
            Place::Member | Place::Opened | Place::Inner => {
                while self.inner()?.is_some() {}
                while self.param()?.is_some() {}
                self.place = Place::Broken;
                if !self.comma().ok_or(Malformed)? {
                    self.place = Place::End;
                    return Ok(None);
                }
            }
        }
        let of = if self.form == Form::Item { Of::Item } else { Of::Member };
        self.value(self.form == Form::Dictionary, of, Place::Member)
    }

    /// The next item of the inner list that [`member`](Self::member) has handed out; `None` at its end, and where there is
    /// no such list.
    ///
    /// # Errors
    /// [`Malformed`], then and ever after.
    ///
    /// # Example
    /// ```
    /// use tollgate::headers::structured::{Reader, Value};
    ///
    /// let mut field = Reader::list(b"(1 2);sum=3");
    /// assert_eq!(field.member(), Ok(Some((&b""[..], Value::InnerList))));
    /// let mut sum = 0;
    /// while let Some(Value::Integer(part)) = field.inner()? {
    ///     sum += part;
    /// }
    /// assert_eq!(field.param(), Ok(Some((&b"sum"[..], Value::Integer(sum)))));
    /// # Ok::<(), tollgate::headers::structured::Malformed>(())
    /// ```
    pub fn inner(&mut self) -> Result<Option<Value<'a>>, Malformed> {
        match self.place {
            Place::Broken => return Err(Malformed),
            Place::Start | Place::Member | Place::End => return Ok(None),
            Place::Opened => {}
            Place::Inner => {
                while self.parameter(Place::Inner)?.is_some() {}
                if !matches!(self.scan.peek(), Some(b' ' | b')')) {
                    self.place = Place::Broken;
                    return Err(Malformed);
                }
            }
        }
        self.scan.spaces();
        if self.scan.byte(b')').is_some() {
            self.place = Place::Member;
            return Ok(None);
        }
        Ok(self.value(false, Of::Item, Place::Inner)?.map(|(_, value)| value))
    }

    /// The next parameter of what was handed out last; `None` if there are no more.
    ///
    /// Where that was an inner list, its items that were not read are skipped.
    ///
    /// # Errors
    /// [`Malformed`], then and ever after.
    pub fn param(&mut self) -> Result<Option<(&'a [u8], Value<'a>)>, Malformed> {
        match self.place {
            Place::Broken => return Err(Malformed),
            Place::Start | Place::End => return Ok(None),
            Place::Opened => while self.inner()?.is_some() {},
            Place::Member | Place::Inner => {}
        }
        self.parameter(self.place)
    }

    fn parameter(&mut self, of: Place) -> Result<Option<(&'a [u8], Value<'a>)>, Malformed> {
        if self.scan.byte(b';').is_none() {
            return Ok(None);
        }
        self.scan.spaces();
        self.value(true, Of::Item, of)
    }

    /// A value, behind a key if there are keys; the only place where values are read, so that it is there once.
    ///
    /// The field is broken until it is known not to be.
    fn value(&mut self, keyed: bool, of: Of, next: Place) -> Result<Option<(&'a [u8], Value<'a>)>, Malformed> {
        self.place = Place::Broken;
        let key = if keyed { self.scan.key().ok_or(Malformed)? } else { &[] };
        if keyed && self.scan.byte(b'=').is_none() {
            self.place = next;
            return Ok(Some((key, Value::Boolean(true))));
        }
        if of == Of::Member && self.scan.byte(b'(').is_some() {
            self.place = Place::Opened;
            return Ok(Some((key, Value::InnerList)));
        }
        let value = self.scan.bare_item().ok_or(Malformed)?;
        self.place = next;
        Ok(Some((key, value)))
    }

    /// Whether a comma follows with something behind it, and not the end.
    fn comma(&mut self) -> Option<bool> {
        if self.form == Form::Item {
            self.scan.spaces();
            return self.scan.peek().is_none().then_some(false);
        }
        self.scan.blanks();
        if self.scan.peek().is_none() {
            return Some(false);
        }
        self.scan.byte(b',')?;
        self.scan.blanks();
        self.scan.peek().map(|_| true)
    }
}
