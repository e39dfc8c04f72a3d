//! Jobs files, good and bad.

use std::collections::HashSet;
use std::path::Path;

use super::{BadJobs, Job, MODELS, Priority, load, parse};

const GOOD: &str = r#"{"id": 1, "project": "p", "priority": "high", "model": "kling-v1", "duration_s": 10, "resolution": "720p", "prompt": "a cat"}"#;

fn complaint(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

/// The good job in line 2, with one piece of it replaced.
fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    complaint(&format!("[\n{}\n]", GOOD.replace(from, to)))
}

#[test]
fn the_file_that_comes_along_is_good_and_varied() {
    let jobs = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/jobs.json")).unwrap();
    assert!(jobs.len() >= 100);
    let kinds = |of: fn(&Job) -> &str| jobs.iter().map(of).collect::<HashSet<_>>().len();
    assert_eq!(kinds(|job| job.model), MODELS.len());
    assert_eq!(kinds(|job| job.resolution), 3);
    assert_eq!(kinds(|job| job.priority.name()), 3);
    assert!(kinds(|job| &job.project) >= 3);
}

#[test]
fn a_good_job_is_read_as_it_is_written() {
    let jobs = parse(&format!("[{GOOD}]")).unwrap();
    let job = Job {
        id: 1,
        project: "p".into(),
        priority: Priority::High,
        model: "kling-v1",
        duration_s: 10,
        resolution: "720p",
        prompt: "a cat".into(),
    };
    assert_eq!(jobs, [job]);
}

#[test]
fn a_bad_field_is_named_with_its_line() {
    let table = [
        ("kling-v1", "kling-v2", r#"line 2: field "model": "kling-v2": expected kling-v1, kling-v1.5, kling-pro"#),
        ("10", "0", r#"line 2: field "duration_s": 0: expected a whole number from 1 to 10 for kling-v1"#),
        ("10", "11", r#"line 2: field "duration_s": 11: expected a whole number from 1 to 10 for kling-v1"#),
        ("10", "5.5", r#"line 2: field "duration_s": 5.5: expected a whole number from 1 to 10 for kling-v1"#),
        ("10", "\"5\"", r#"line 2: field "duration_s": "5": expected a whole number from 1 to 10 for kling-v1"#),
        ("10", "-1", r#"line 2: field "duration_s": -1: expected a whole number from 1 to 10 for kling-v1"#),
        ("720p", "8k", r#"line 2: field "resolution": "8k": expected 720p, 1080p, 4k"#),
        ("\"high\"", "2", r#"line 2: field "priority": 2: expected high, normal, low"#),
        ("\"p\"", "null", r#"line 2: field "project": null: expected a text of 1 to 80 characters"#),
        ("a cat", "  ", r#"line 2: field "prompt": "  ": expected a text of 1 to 2500 characters"#),
        ("\"id\": 1, ", "", r#"line 2: field "id": missing"#),
        ("\"id\": 1", "\"id\": 1, \"id\": 2", r#"line 2: field "id": given twice"#),
        (
            "\"id\": 1",
            "\"id\": true",
            r#"line 2: field "id": true: expected a whole number from 1 to 4294967295 for an id"#,
        ),
    ];
    for (from, to, expected) in table {
        assert_eq!(with(from, to), expected);
    }
    let unknown = with("\"id\": 1", "\"id\": 1, \"colour\": \"red\"");
    assert!(unknown.starts_with(r#"line 2: unknown field "colour": expected id, project"#), "{unknown}");
}

#[test]
fn every_model_has_its_own_longest_video() {
    for (model, longest) in MODELS {
        let of = |seconds: u32| {
            let job = GOOD.replace("kling-v1", model).replace("10", &seconds.to_string());
            parse(&format!("[{job}]"))
        };
        assert_eq!(of(longest).unwrap()[0].duration_s, longest);
        assert_eq!(of(longest + 1).unwrap_err().field, Some("duration_s"));
    }
}

#[test]
fn a_second_job_with_the_same_id_names_the_first() {
    let expected = r#"line 3: field "id": 1 is taken already, in line 2: expected an id of its own"#;
    assert_eq!(complaint(&format!("[\n{GOOD},\n{GOOD}\n]")), expected);
}

#[test]
fn a_field_in_a_line_of_its_own_is_found_there() {
    let spread = GOOD.replace(", ", ",\n").replace("720p", "8k");
    assert_eq!(complaint(&format!("[{spread}]")), r#"line 6: field "resolution": "8k": expected 720p, 1080p, 4k"#);
}

#[test]
fn a_file_that_is_no_array_of_jobs_names_the_line() {
    for (text, line) in [
        ("", 1),
        ("{}", 1),
        ("[]", 1),
        ("[\n7\n]", 2),
        ("[\n[1]\n]", 2),
        (&format!("[\n{GOOD},\n]"), 3),
        (&format!("[\n{GOOD}\n{GOOD}\n]"), 3),
        (&format!("[\n{GOOD}\n"), 3),
        (&format!("[\n{GOOD}\n]\nmore"), 4),
        (&format!("[\n{GOOD}\n]\n[]"), 4),
    ] {
        let BadJobs { line: named, problem, .. } = parse(text).expect_err(text);
        assert_eq!(named, line, "{text}: {problem}");
    }
}

#[test]
fn a_complaint_is_one_short_line() {
    let long = with("720p", &format!("a\\nb\\u0007{}", "x".repeat(1_000)));
    assert!(!long.contains('\n') && long.len() < 160, "{long}");
    assert!(!with("\"id\"", "\"new\\nline\"").contains('\n'));
    assert!(!complaint(&"[".repeat(100_000)).contains('\n'));
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let bad = load(Path::new("no/such/jobs.json")).unwrap_err();
    assert!(bad.to_string().starts_with("cannot be read"), "{bad}");
}
