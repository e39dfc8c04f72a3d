//! The public suite of structured fields (RFC 9651), read where it lies and skipped, aloud, where it does not.
//!
//! `sfparse`, to which our reader is compared, must pass it as it is. Whoever reads limits must not take anything from a
//! field that the suite calls malformed, not even where the fault is in a parameter that nobody asks for.

use serde_json::Value;
use sfparse::Parser;
use std::path::PathBuf;
use tollgate::headers::FeedbackReader;

/// A test of the suite: its name, its lines, what they mean, whether it must fail and whether it may.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) form: String,
    pub(crate) lines: Vec<String>,
    pub(crate) expected: Option<Value>,
    pub(crate) must_fail: bool,
    can_fail: bool,
}

/// The suite, from `STRUCTURED_FIELD_TESTS` or from beside the repository.
pub(crate) fn suite() -> Vec<Case> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors/structured-fields");
    let folder = std::env::var_os("STRUCTURED_FIELD_TESTS").map_or_else(beside, PathBuf::from);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no structured field tests in {}", folder.display());
        return Vec::new();
    };
    let mut cases = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "json") {
            continue;
        }
        let file: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for case in file.as_array().unwrap() {
            let lines = case["raw"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned());
            cases.push(Case {
                name: format!("{}: {}", path.display(), case["name"]),
                form: case["header_type"].as_str().unwrap().to_owned(),
                lines: lines.collect(),
                expected: case.get("expected").cloned(),
                must_fail: case["must_fail"].as_bool().unwrap_or(false),
                can_fail: case["can_fail"].as_bool().unwrap_or(false),
            });
        }
    }
    assert!(cases.len() > 100, "only {} cases in {}", cases.len(), folder.display());
    cases
}

/// Whether `sfparse` reads all of it.
fn is_valid(form: &str, value: &[u8]) -> bool {
    let mut parser = Parser::new(value);
    loop {
        let more = match form {
            "item" => parser.parse_item().map(|item| item.is_some()),
            "list" => parser.parse_list().map(|item| item.is_some()),
            _ => parser.parse_dict().map(|member| member.is_some()),
        };
        match more {
            Ok(true) => {}
            Ok(false) => return true,
            Err(_) => return false,
        }
    }
}

#[test]
fn the_other_parser_passes_the_suite() {
    for case in suite() {
        let valid = is_valid(&case.form, case.lines.join(", ").as_bytes());
        assert!(case.can_fail || valid != case.must_fail, "{}: {:?}", case.name, case.lines);
    }
}

/// What our reader takes from these lines of a field: how many limits.
fn taken(name: &str, lines: &[String]) -> usize {
    let mut reader = FeedbackReader::new();
    for line in lines {
        reader.line(name.as_bytes(), line.as_bytes());
    }
    reader.finish(200, None).buckets().count()
}

#[test]
fn nothing_is_taken_from_a_malformed_field() {
    for case in suite() {
        let numbers = ["RateLimit", "RateLimit-Policy"].map(|name| taken(name, &case.lines));
        if case.must_fail && case.form != "item" {
            // A member in front that would be taken, but for what follows.
            for (name, good) in
                [("RateLimit", "\"a\";r=1"), ("RateLimit-Policy", "\"a\";q=1"), ("RateLimit", "limit=1, reset=1")]
            {
                let broken = if good.starts_with('"') { "list" } else { "dictionary" };
                if case.form != broken {
                    continue;
                }
                let mut lines = case.lines.clone();
                if let Some(first) = lines.first_mut() {
                    *first = format!("{good}, {first}");
                }
                assert_eq!(taken(name, &lines), 0, "{}: {lines:?}", case.name);
            }
            assert_eq!(numbers, [0, 0], "{}: {:?}", case.name, case.lines);
        }
    }
}

/// Any bare item may be the value of a parameter that nobody knows; what is none voids the field.
#[test]
fn a_fault_in_an_unknown_parameter_voids_the_field() {
    let (mut good, mut bad) = (0, 0);
    for case in suite() {
        let [value] = &case.lines[..] else { continue };
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        if case.form != "item"
            || case.can_fail
            || value.as_bytes().iter().take(1).chain(value.as_bytes().last()).any(blank)
        {
            continue;
        }
        let lines = [format!("\"a\";r=1;unknown={value}")];
        assert_eq!(taken("RateLimit", &lines), usize::from(!case.must_fail), "{}: {lines:?}", case.name);
        (good, bad) = (good + u32::from(!case.must_fail), bad + u32::from(case.must_fail));
    }
    println!("{good} good and {bad} bad parameters");
}

/// The parser and `parse-net` agree on what we read, but for padding of byte sequences, which the RFC leaves open.
#[test]
fn two_parsers_agree_about_our_fields() {
    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;

    let text = "( ?\"[a\\\\\"]{0,2}\"|a|-?[0-9]{1,16}|\\(1 2\\))([;,] ?[a-z*A]?=?(-?[0-9]{1,16}(\\.[0-9]{1,4})?|\"x\"|:(aQ==|aaQ=|aaaa|a)?:|\\?[012]|@1|%\"a\"| )?){0,3}( ?, ?\"b\")?,? ?";
    TestRunner::new(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })
        .run(&proptest::string::string_regex(text).unwrap(), |line| {
            let ours = is_valid("list", line.as_bytes());
            prop_assert_eq!(ours, parse_net::sfv::parse_list(line.as_bytes()).is_ok(), "{}", line);
            if !ours {
                prop_assert_eq!(taken("RateLimit", &[line]), 0);
            }
            Ok(())
        })
        .unwrap();
}
