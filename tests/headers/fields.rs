//! The reader of structured fields against the public suite, value by value, and against `sfparse` on anything.

mod made;
mod model;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tollgate::headers::structured::{Malformed, Reader, Value};

use crate::structured::suite;
use made::mutated;
use model::{Bare, Member, expected, ours, theirs};

#[test]
fn the_suite_is_read_as_it_says() {
    let mut refused = 0;
    for case in suite() {
        let read = ours(&case.form, case.lines.join(", ").as_bytes());
        match (&read, &case.expected) {
            (Err(_), _) => {
                assert!(case.must_fail, "{}: {:?} is well formed", case.name, case.lines);
                refused += 1;
            }
            (Ok(field), Some(json)) if !case.must_fail => {
                assert_eq!(*field, expected(&case.form, json), "{}: {:?}", case.name, case.lines);
            }
            (Ok(field), _) => panic!("{}: {:?} is malformed, and was read as {field:?}", case.name, case.lines),
        }
    }
    println!("{refused} malformed fields");
}

/// (form, line, whether it is well formed): what the suite leaves out.
const EDGES: &[(&str, &str, bool)] = &[
    ("item", "999999999999999", true),
    ("item", "-999999999999999", true),
    ("item", "1000000000000000", false),
    ("item", "000000000000000", true),
    ("item", "0000000000000000", false),
    ("item", "999999999999.999", true),
    ("item", "1999999999999.9", false),
    ("item", "1.", false),
    ("item", "1.0000", false),
    ("item", "-.5", false),
    ("item", "--1", false),
    ("item", "-", false),
    ("item", "@-1", true),
    ("item", "@1.5", false),
    ("item", "@", false),
    ("item", "?", false),
    ("item", "?2", false),
    ("item", "?10", false),
    ("item", "\"\\", false),
    ("item", "\"\\\"", false),
    ("item", "\"\\\\\"", true),
    ("item", "\"\\n\"", false),
    ("item", "\"\u{7f}\"", false),
    ("item", "%\"%c3%bc\"", true),
    ("item", "%\"%C3%BC\"", false),
    ("item", "%\"%c3\"", false),
    ("item", "%\"%c3ü\"", false),
    ("item", "%\"%ed%a0%80\"", false),
    ("item", "%\"%f4%90%80%80\"", false),
    ("item", "%\"%22%25\"", true),
    ("item", "%\"%2\"", false),
    ("item", "::", true),
    ("item", ":YQ:", true),
    ("item", ":YQ=:", true),
    ("item", ":Y:", false),
    ("item", ":YWE==:", false),
    ("item", ":YWFh=:", false),
    ("item", "", false),
    ("item", "  1  ", true),
    ("item", "\t1", false),
    ("item", "1\t", false),
    ("item", "1 2", false),
    ("item", "(1)", false),
    ("item", "a;b; c=1;d", true),
    ("item", "a ;b", false),
    ("item", "a;=1", false),
    ("item", "a;B", false),
    ("item", "a;b=", false),
    ("list", "", true),
    ("list", "   ", true),
    ("list", "1 \t,\t 2\t", true),
    ("list", "1,,2", false),
    ("list", ",1", false),
    ("list", "1,", false),
    ("list", "1, ", false),
    ("list", "()", true),
    ("list", "(1  2 )", true),
    ("list", "(1\t2)", false),
    ("list", "(1,2)", false),
    ("list", "(1\"a\")", false),
    ("list", "(1;a 2;b=?0);c", true),
    ("list", "((1))", false),
    ("list", "(1", false),
    ("list", "(1;", false),
    ("list", "(", false),
    ("list", ")", false),
    ("dictionary", "", true),
    ("dictionary", "a, b;x, c=1, d=(1)", true),
    ("dictionary", "a=", false),
    ("dictionary", "a =1", false),
    ("dictionary", "=1", false),
    ("dictionary", "1=1", false),
    ("dictionary", "*a_-.*=1", true),
    ("dictionary", "a=1,", false),
];

#[test]
fn edges_are_on_the_right_side() {
    for (form, line, well_formed) in EDGES {
        assert_eq!(ours(form, line.as_bytes()).is_ok(), *well_formed, "{form}: {line:?}");
    }
}

#[test]
fn the_last_of_two_equal_keys_counts() {
    let read = ours("dictionary", b"a=(1 2);x, b=1;y=1;y=2, a=3;z").unwrap();
    let one = |value, key: &[u8], param| Member::Item((Bare::Integer(value), vec![(key.to_vec(), param)]));
    let wanted =
        vec![(b"a".to_vec(), one(3, b"z", Bare::Boolean(true))), (b"b".to_vec(), one(1, b"y", Bare::Integer(2)))];
    assert_eq!(read, wanted);
}

/// Whoever reads only a part gets the same verdict as whoever reads all.
fn skimmed(form: &str, line: &[u8], mut ask: u64) -> Result<(), Malformed> {
    let mut reader = match form {
        "item" => Reader::item(line),
        "list" => Reader::list(line),
        _ => Reader::dictionary(line),
    };
    while reader.member()?.is_some() {
        for _ in 0..ask % 4 {
            ask = ask.rotate_right(2);
            let _ = if ask.is_multiple_of(2) { reader.param()?.is_some() } else { reader.inner()?.is_some() };
        }
    }
    Ok(())
}

#[test]
fn two_readers_agree_about_anything() {
    let config = ProptestConfig { cases: 6_000, failure_persistence: None, ..ProptestConfig::default() };
    let (mut good, mut bad) = (0, 0);
    TestRunner::new(config)
        .run(&(mutated(), any::<u64>()), |(line, ask)| {
            for form in ["item", "list", "dictionary"] {
                let (read, wanted) = (ours(form, &line), theirs(form, &line));
                prop_assert_eq!(read.as_ref().ok(), wanted.as_ref(), "{}: {:?}", form, line.escape_ascii().to_string());
                prop_assert_eq!(skimmed(form, &line, ask).is_ok(), read.is_ok());
            }
            Ok(())
        })
        .unwrap();
    // As many again, to see that they are of both kinds.
    let mut runner = TestRunner::deterministic();
    for _ in 0..1_000 {
        let line = mutated().new_tree(&mut runner).unwrap().current();
        for form in ["item", "list", "dictionary"] {
            if ours(form, &line).is_ok() { good += 1 } else { bad += 1 }
        }
    }
    assert!(good > 300 && bad > 300, "{good} good, {bad} bad");
}

#[test]
fn an_error_stays_one() {
    let mut reader = Reader::list(b"(1 2];a, 3");
    assert_eq!(reader.member(), Ok(Some((&b""[..], Value::InnerList))));
    assert_eq!(reader.inner(), Ok(Some(Value::Integer(1))));
    assert_eq!(reader.inner(), Ok(Some(Value::Integer(2))));
    assert_eq!(reader.inner(), Err(Malformed));
    assert_eq!((reader.inner(), reader.param(), reader.member()), (Err(Malformed), Err(Malformed), Err(Malformed)));
}

#[test]
fn a_long_field_is_read_to_its_end() {
    let (key, token) = ("k".repeat(100), "t".repeat(1_000));
    let string = format!("\"{}\"", "s".repeat(2_000));
    let bytes = format!(":{}:", "YWJj".repeat(10_000));
    let params = format!(";{key}={token};x={string};y={bytes}").repeat(3);
    let inner = format!("({})", vec!["1"; 1_000].join(" "));
    let line = vec![format!("{inner}{params}"); 5].join(", ") + &", 1".repeat(5_000);
    let field = ours("list", line.as_bytes()).unwrap();
    assert_eq!(field.len(), 5_005);
    assert_eq!(Some(field), theirs("list", line.as_bytes()));
}
