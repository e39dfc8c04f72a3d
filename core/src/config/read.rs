//! From JSON to values, with the path at hand: what every section of a document is read with.
//!
//! `serde-json-core` says what is wrong, but not where. So each field is read under a path and an expectation; if the parser
//! fails there, those two are the error. A section is an object with its own list of fields: another field, or one that
//! stands there twice, is an error.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

use heapless::Vec;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::error::{ConfigError, Problem};
use super::path::FieldPath;
use super::span;
use crate::amount::Amount;
use crate::bounded::{Bounded, Counting};
use crate::ratio::Ratio;
use crate::time::Duration;

/// What is wrong, should reading stop now.
pub(super) struct Reader {
    path: Cell<FieldPath>,
    expected: Cell<Problem>,
    /// What was found out here and not by the parser.
    found: Cell<Option<ConfigError>>,
}

impl Reader {
    fn expect(&self, expected: Problem) {
        self.expected.set(expected);
    }

    /// What was found to be wrong becomes the parser's error.
    fn fail<E: serde::de::Error>(&self, error: ConfigError) -> E {
        self.found.set(Some(error));
        E::custom("")
    }

    #[inline(never)]
    fn here(&self, problem: Problem) -> ConfigError {
        self.path.get().says(problem)
    }

    /// Goes on to a field of the object that is here; whether it is one of the known, and not one of those seen before.
    #[inline(never)]
    fn enter(&self, here: &FieldPath, field: &str, known: &'static [&'static str], seen: &mut u32) -> bool {
        self.path.set(here.then(field));
        let index = known.iter().place(|known| *known == field).and_then(|index| u32::try_from(index).ok());
        let bit = index.and_then(|index| 1u32.checked_shl(index)).unwrap_or(0);
        let problem = match (bit, *seen & bit) {
            (0, _) => Problem::UnknownField { known },
            (_, 0) => {
                *seen |= bit;
                return true;
            }
            _ => Problem::Twice,
        };
        self.found.set(Some(self.here(problem)));
        false
    }
}

/// An object of the document: what its fields are read into, in place, because stacks are small.
pub(super) trait Section {
    /// Its fields.
    const FIELDS: &'static [&'static str];
    /// Reads one of them.
    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error>;
}

/// A section that becomes something else once all its fields were read.
pub(super) trait Draft: Section + Default {
    /// What it becomes.
    type Value;
    /// All fields were read; the object stands here.
    fn finish(self, here: FieldPath) -> Result<Self::Value, ConfigError>;
}

/// Reads a whole text.
pub(super) fn read<T: Section>(text: &str, section: &mut T) -> Result<(), ConfigError> {
    let (path, expected) = (Cell::new(FieldPath::ROOT), Cell::new(OBJECT));
    let reader = Reader { path, expected, found: Cell::new(None) };
    let mut parser = serde_json_core::de::Deserializer::new(text.as_bytes(), None);
    let done = Object { reader: &reader, section }.deserialize(&mut parser);
    done.map_err(|_| reader.found.get().unwrap_or(reader.here(reader.expected.get())))
}

const OBJECT: Problem = Problem::Expected("an object");
const LIST: Problem = Problem::Expected("a list");
const SPAN: Problem = Problem::Expected("a duration such as \"500ms\", \"10s\", \"5m\", \"1h\" or \"30d\"");
const AMOUNT: Problem = Problem::Expected("a decimal amount such as \"2.40\"");
const RATIO: Problem = Problem::Expected("a ratio such as \"4/5\" or \"0.8\"");
const FLAG: Problem = Problem::Expected("true or false");

/// An element that must be there.
pub(super) fn need<T>(value: Option<T>, here: FieldPath, field: &str) -> Result<T, ConfigError> {
    match value {
        Some(value) => Ok(value),
        None => Err(missing(here, field)),
    }
}

#[cold]
#[inline(never)]
fn missing(here: FieldPath, field: &str) -> ConfigError {
    here.then(field).says(Problem::Missing)
}

/// The value of a field, not read yet.
///
/// Its readers are not inlined: there are sixty fields, and flash is small.
pub(super) struct Value<'v, A> {
    reader: &'v Reader,
    map: &'v mut A,
}

impl<'de, A: MapAccess<'de>> Value<'_, A> {
    fn any<T: Deserialize<'de>>(&mut self, expected: Problem) -> Result<T, A::Error> {
        self.reader.expect(expected);
        self.map.next_value()
    }

    fn refuse<T>(&self, problem: Problem) -> Result<T, A::Error> {
        Err(self.reader.fail(self.reader.here(problem)))
    }

    /// This field is none of the section.
    pub(super) fn unknown(self, known: &'static [&'static str]) -> Result<(), A::Error> {
        self.refuse(Problem::UnknownField { known })
    }

    /// A text that `read` makes something of.
    pub(super) fn read<T>(
        mut self,
        what: &'static str,
        read: impl FnOnce(&'de str) -> Result<T, Problem>,
    ) -> Result<T, A::Error> {
        let text = self.any(Problem::Expected(what))?;
        read(text).or_else(|problem| self.refuse(problem))
    }

    /// A whole number in this range, both ends included.
    #[inline(never)]
    pub(super) fn whole<T: TryFrom<u64>>(mut self, min: u32, max: u64) -> Result<T, A::Error> {
        let range = |found| Problem::Number { found, min: i64::from(min), max };
        let found: u64 = self.any(range(None))?;
        let fits = Some(found).filter(|found| (u64::from(min)..=max).contains(found));
        match fits.and_then(|found| T::try_from(found).ok()) {
            Some(value) => Ok(value),
            None => self.refuse(range(Some(found))),
        }
    }

    /// A whole number from `min` on that fits 32 bits.
    pub(super) fn count(self, min: u32) -> Result<u32, A::Error> {
        self.whole(min, u64::from(u32::MAX))
    }

    /// A whole number with a sign, at most `most` away from zero.
    #[inline(never)]
    pub(super) fn signed(mut self, most: u16) -> Result<i16, A::Error> {
        let range = Problem::Number { found: None, min: -i64::from(most), max: u64::from(most) };
        let found: i64 = self.any(range)?;
        match i16::try_from(found) {
            Ok(value) if value.unsigned_abs() <= most => Ok(value),
            _ => self.refuse(range),
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(mut self) -> Result<bool, A::Error> {
        self.any(FLAG)
    }

    /// A duration, perhaps of zero.
    #[inline(never)]
    pub(super) fn span(mut self) -> Result<Duration, A::Error> {
        let text: &str = self.any(SPAN)?;
        span::parse(text).map_or_else(|| self.refuse(SPAN), Ok)
    }

    /// A duration above zero.
    #[inline(never)]
    pub(super) fn time(mut self) -> Result<Duration, A::Error> {
        let text: &str = self.any(SPAN)?;
        match span::parse(text) {
            Some(span) if !span.is_zero() => Ok(span),
            Some(_) => self.refuse(Problem::Expected("a duration of more than 0")),
            None => self.refuse(SPAN),
        }
    }

    /// An amount, in millionths.
    #[inline(never)]
    pub(super) fn amount(mut self) -> Result<u64, A::Error> {
        let text: &str = self.any(AMOUNT)?;
        match Amount::<()>::parse(text) {
            Ok(amount) => Ok(amount.as_micros()),
            Err(error) => self.refuse(Problem::Amount(error)),
        }
    }

    /// A ratio.
    #[inline(never)]
    pub(super) fn ratio(mut self) -> Result<Ratio, A::Error> {
        let text: &str = self.any(RATIO)?;
        Ratio::parse(text).or_else(|error| self.refuse(Problem::Ratio(error)))
    }

    /// One of these words, by its position.
    #[inline(never)]
    pub(super) fn word(mut self, known: &'static [&'static str]) -> Result<&'static str, A::Error> {
        let text: &str = self.any(Problem::Word { known })?;
        let word = known.iter().find(|word| **word == text);
        word.map_or_else(|| self.refuse(Problem::Word { known }), |word| Ok(*word))
    }

    /// An object that is read into this.
    pub(super) fn section<T: Section>(self, section: &mut T) -> Result<(), A::Error> {
        self.map.next_value_seed(Object { reader: self.reader, section })
    }

    /// An object.
    pub(super) fn object<T: Draft>(self) -> Result<T::Value, A::Error> {
        self.map.next_value_seed(Whole::<T>::of(self.reader))
    }

    /// A list of objects, behind those that are there.
    pub(super) fn objects<T: Draft, const N: usize>(self, into: &mut Vec<T::Value, N, u8>) -> Result<(), A::Error> {
        self.map.next_value_seed(List { reader: self.reader, item: Whole::<T>::of, into })
    }

    /// A list of ratios.
    pub(super) fn ratios<const N: usize>(self, into: &mut Vec<Ratio, N, u8>) -> Result<(), A::Error> {
        self.map.next_value_seed(List { reader: self.reader, item: OneRatio, into })
    }
}

/// Reads an object and makes of it what it becomes.
struct Whole<'r, T> {
    reader: &'r Reader,
    section: PhantomData<T>,
}

impl<'r, T> Whole<'r, T> {
    const fn of(reader: &'r Reader) -> Self {
        Self { reader, section: PhantomData }
    }
}

impl<'de, T: Draft> DeserializeSeed<'de> for Whole<'_, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<T::Value, D::Error> {
        let (mut section, here) = (T::default(), self.reader.path.get());
        Object { reader: self.reader, section: &mut section }.deserialize(parser)?;
        section.finish(here).map_err(|error| self.reader.fail(error))
    }
}

/// Reads the fields of an object into a section.
struct Object<'r, 's, T> {
    reader: &'r Reader,
    section: &'s mut T,
}

impl<'de, T: Section> DeserializeSeed<'de> for Object<'_, '_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        self.reader.expect(OBJECT);
        parser.deserialize_map(self)
    }
}

impl<'de, T: Section> Visitor<'de> for Object<'_, '_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (reader, here, mut seen) = (self.reader, self.reader.path.get(), 0u32);
        // Where the parser stops after a value, it is that value which is wrong, such as 1.5 for a whole number.
        while let Some(field) = next_field(&mut map)? {
            if !reader.enter(&here, field, T::FIELDS, &mut seen) {
                return Err(A::Error::custom(""));
            }
            self.section.take(field, Value { reader, map: &mut map })?;
        }
        Ok(())
    }
}

/// The name of the next field. Not inlined, for there are a dozen sections.
#[inline(never)]
fn next_field<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<&'de str>, A::Error> {
    map.next_key()
}

/// Reads one ratio of a list.
struct OneRatio<'r>(&'r Reader);

impl<'de> DeserializeSeed<'de> for OneRatio<'_> {
    type Value = Ratio;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Ratio, D::Error> {
        self.0.expect(RATIO);
        let text = <&str>::deserialize(parser)?;
        Ratio::parse(text).map_err(|error| self.0.fail(self.0.here(Problem::Ratio(error))))
    }
}

/// Refuses one element more than there is room for.
struct Full<'r>(&'r Reader, usize);

impl<'de> DeserializeSeed<'de> for Full<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, _parser: D) -> Result<(), D::Error> {
        Err(self.0.fail(self.0.here(Problem::TooMany { max: self.1 })))
    }
}

/// Reads a list, each element with what `item` makes.
struct List<'r, 'v, F, T, const N: usize> {
    reader: &'r Reader,
    item: F,
    into: &'v mut Vec<T, N, u8>,
}

impl<'r, 'de, S, F, const N: usize> DeserializeSeed<'de> for List<'r, '_, F, S::Value, N>
where
    S: DeserializeSeed<'de>,
    F: Fn(&'r Reader) -> S,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        self.reader.expect(LIST);
        parser.deserialize_seq(self)
    }
}

impl<'r, 'de, S, F, const N: usize> Visitor<'de> for List<'r, '_, F, S::Value, N>
where
    S: DeserializeSeed<'de>,
    F: Fn(&'r Reader) -> S,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let (reader, here) = (self.reader, self.reader.path.get());
        for index in 0..N {
            // Until the parser has found an element, what it finds wrong belongs to the one before.
            let item = At { reader, here: here.at(index), item: (self.item)(reader) };
            let Some(item) = list.next_element_seed(item)? else { return Ok(()) };
            // There are N places.
            let _ = self.into.put(item);
        }
        list.next_element_seed(At { reader, here, item: Full(reader, N) })?;
        Ok(())
    }
}

/// Reads an element under its own path.
struct At<'r, S> {
    reader: &'r Reader,
    here: FieldPath,
    item: S,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for At<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<S::Value, D::Error> {
        self.reader.path.set(self.here);
        self.item.deserialize(parser)
    }
}
