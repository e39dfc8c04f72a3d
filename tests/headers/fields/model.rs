//! What a whole field means, as three sources tell it: our reader, `sfparse`, and the public suite.

use serde_json::Value as Json;
use tollgate::headers::structured::{Malformed, Reader, Value};

/// A bare item, with the bytes that its text means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bare {
    Integer(i64),
    Thousandths(i64),
    String(Vec<u8>),
    Token(Vec<u8>),
    Bytes(Vec<u8>),
    Boolean(bool),
    Date(i64),
    Display(Vec<u8>),
}

/// In the sequence of their first appearance, each with its last value.
pub(super) type Keyed<T> = Vec<(Vec<u8>, T)>;

pub(super) type Item = (Bare, Keyed<Bare>);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Member {
    Item(Item),
    List(Vec<Item>, Keyed<Bare>),
}

pub(super) type Field = Keyed<Member>;

pub(super) fn set<T>(keyed: &mut Keyed<T>, key: &[u8], value: T) {
    match keyed.iter_mut().find(|(old, _)| !key.is_empty() && old == key) {
        Some((_, old)) => *old = value,
        None => keyed.push((key.to_vec(), value)),
    }
}

/// What our reader says.
pub(super) fn ours(form: &str, line: &[u8]) -> Result<Field, Malformed> {
    fn bare(value: Value<'_>) -> Bare {
        match value {
            Value::Integer(number) => Bare::Integer(number),
            Value::Decimal { thousandths } => Bare::Thousandths(thousandths),
            Value::String(text) => Bare::String(text.bytes().collect()),
            Value::Token(text) => Bare::Token(text.to_vec()),
            Value::Bytes(bytes) => Bare::Bytes(bytes.bytes().collect()),
            Value::Boolean(yes) => Bare::Boolean(yes),
            Value::Date(secs) => Bare::Date(secs),
            Value::Display(text) => Bare::Display(text.bytes().collect()),
            Value::InnerList => panic!("a list is no item"),
        }
    }
    fn params(reader: &mut Reader<'_>) -> Result<Keyed<Bare>, Malformed> {
        let mut params = Vec::new();
        while let Some((key, value)) = reader.param()? {
            set(&mut params, key, bare(value));
        }
        Ok(params)
    }
    let mut reader = match form {
        "item" => Reader::item(line),
        "list" => Reader::list(line),
        _ => Reader::dictionary(line),
    };
    let mut field = Field::new();
    while let Some((key, value)) = reader.member()? {
        let member = if value == Value::InnerList {
            let mut items = Vec::new();
            while let Some(value) = reader.inner()? {
                items.push((bare(value), params(&mut reader)?));
            }
            Member::List(items, params(&mut reader)?)
        } else {
            Member::Item((bare(value), params(&mut reader)?))
        };
        set(&mut field, key, member);
    }
    assert_eq!((reader.member(), reader.inner(), reader.param()), (Ok(None), Ok(None), Ok(None)));
    Ok(field)
}

/// What `sfparse` says, its text decoded here, slowly.
///
/// It takes a list for an item, which the RFC does not (section 4.2.3).
pub(super) fn theirs(form: &str, line: &[u8]) -> Option<Field> {
    use sfparse::{Parser, Value};

    let bare = |value: Value| match value {
        Value::Integer(number) => Bare::Integer(number),
        Value::Decimal { numer, denom } => Bare::Thousandths(numer * 1000 / denom),
        Value::String { range, .. } => Bare::String(unescaped(&line[range])),
        Value::Token(range) => Bare::Token(line[range].to_vec()),
        Value::ByteSeq(range) => Bare::Bytes(unpacked(&line[range], &BASE64, 6)),
        Value::Bool(yes) => Bare::Boolean(yes),
        Value::Date(secs) => Bare::Date(secs),
        Value::DispString(range) => Bare::Display(percent_decoded(&line[range])),
        Value::InnerList => panic!("a list is no item"),
    };
    let params = |parser: &mut Parser<'_>| -> Option<Keyed<Bare>> {
        let mut params = Vec::new();
        while let Some((key, value)) = parser.parse_param().ok()? {
            set(&mut params, key.as_bytes(), bare(value));
        }
        Some(params)
    };
    let mut parser = Parser::new(line);
    let mut field = Field::new();
    loop {
        let (key, value) = match form {
            "dictionary" => match parser.parse_dict().ok()? {
                Some((key, value)) => (key.as_bytes().to_vec(), value),
                None => return Some(field),
            },
            _ => match if form == "item" { parser.parse_item().ok()? } else { parser.parse_list().ok()? } {
                Some(value) => (Vec::new(), value),
                None => return Some(field),
            },
        };
        let member = if matches!(value, Value::InnerList) {
            if form == "item" {
                return None;
            }
            let mut items = Vec::new();
            while let Some(value) = parser.parse_inner_list().ok()? {
                items.push((bare(value), params(&mut parser)?));
            }
            Member::List(items, params(&mut parser)?)
        } else {
            Member::Item((bare(value), params(&mut parser)?))
        };
        set(&mut field, &key, member);
    }
}

const BASE64: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32: [u8; 32] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The bytes in a row of symbols that stand for so many bits each.
fn unpacked(text: &[u8], alphabet: &[u8], each: usize) -> Vec<u8> {
    let symbols = text.iter().filter_map(|symbol| alphabet.iter().position(|known| known == symbol));
    let bits: Vec<bool> = symbols.flat_map(|number| (0..each).rev().map(move |bit| number >> bit & 1 == 1)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect()
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(text.to_vec()).unwrap();
    text.replace("\\\\", "\0").replace('\\', "").replace('\0', "\\").into_bytes()
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(text.to_vec()).unwrap();
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    bytes
}

fn thousandths(text: &str) -> i64 {
    let (whole, places) = text.split_once('.').unwrap();
    format!("{whole}{places:0<3}").parse().unwrap()
}

/// What the suite says, in its own JSON.
pub(super) fn expected(form: &str, json: &Json) -> Field {
    fn bare(json: &Json) -> Bare {
        if let Some(kind) = json["__type"].as_str() {
            let text = || json["value"].as_str().unwrap().as_bytes();
            return match kind {
                "token" => Bare::Token(text().to_vec()),
                "binary" => Bare::Bytes(unpacked(text(), &BASE32, 5)),
                "displaystring" => Bare::Display(text().to_vec()),
                "date" => Bare::Date(json["value"].as_i64().unwrap()),
                _ => panic!("an unknown type {kind}"),
            };
        }
        match json {
            Json::Bool(yes) => Bare::Boolean(*yes),
            Json::String(text) => Bare::String(text.as_bytes().to_vec()),
            Json::Number(number) => match number.as_i64() {
                Some(number) => Bare::Integer(number),
                // As text, which has what binary has not.
                None => Bare::Thousandths(thousandths(&number.to_string())),
            },
            _ => panic!("no item: {json}"),
        }
    }
    fn params(json: &Json) -> Keyed<Bare> {
        json.as_array().unwrap().iter().map(|pair| (pair[0].as_str().unwrap().into(), bare(&pair[1]))).collect()
    }
    fn item(json: &Json) -> Item {
        (bare(&json[0]), params(&json[1]))
    }
    fn member(json: &Json) -> Member {
        match json[0].as_array() {
            Some(items) => Member::List(items.iter().map(item).collect(), params(&json[1])),
            None => Member::Item(item(json)),
        }
    }
    match form {
        "item" => vec![(Vec::new(), Member::Item(item(json)))],
        "list" => json.as_array().unwrap().iter().map(|json| (Vec::new(), member(json))).collect(),
        _ => json.as_array().unwrap().iter().map(|pair| (pair[0].as_str().unwrap().into(), member(&pair[1]))).collect(),
    }
}
