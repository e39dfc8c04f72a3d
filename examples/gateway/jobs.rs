//! The jobs file: read whole, checked whole, before anything is sent.
//!
//! A JSON array of objects, one a line for people's sake; any layout is read. Every complaint names the line and, where
//! there is one, the field: whoever wrote the file by hand should not have to count braces.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The models, and the longest video of each in seconds (source document 003).
pub(crate) const MODELS: [(&str, u32); 3] = [("kling-v1", 10), ("kling-v1.5", 30), ("kling-pro", 60)];
/// The resolutions (source document 003).
pub(crate) const RESOLUTIONS: [&str; 3] = ["720p", "1080p", "4k"];
const FIELDS: [&str; 7] = ["id", "project", "priority", "model", "duration_s", "resolution", "prompt"];
/// As many as the queue has places.
pub(crate) const MOST_JOBS: usize = 1_000;

/// Who goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    Low,
    Normal,
    High,
}

impl Priority {
    pub(crate) const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    /// The class in the queue: 0 is the most urgent.
    pub(crate) const fn class(self) -> u8 {
        match self {
            Self::High => 0,
            Self::Normal => 1,
            Self::Low => 2,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

/// One video to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) project: String,
    pub(crate) priority: Priority,
    pub(crate) model: &'static str,
    pub(crate) duration_s: u32,
    pub(crate) resolution: &'static str,
    pub(crate) prompt: String,
}

/// What is wrong with the file; nothing has been sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadJobs {
    /// Counted from 1; 0 if the file could not be read at all.
    pub(crate) line: usize,
    pub(crate) field: Option<&'static str>,
    pub(crate) problem: String,
}

impl fmt::Display for BadJobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        if let Some(field) = self.field {
            write!(f, "field \"{field}\": ")?;
        }
        f.write_str(&self.problem)
    }
}

/// Reads and checks a jobs file.
pub(crate) fn load(path: &Path) -> Result<Vec<Job>, BadJobs> {
    let text = std::fs::read_to_string(path).map_err(|error| BadJobs {
        line: 0,
        field: None,
        problem: format!("cannot be read: {error}"),
    })?;
    parse(&text)
}

/// Checks the text of a jobs file.
pub(crate) fn parse(text: &str) -> Result<Vec<Job>, BadJobs> {
    let file = Source { text };
    let objects: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| {
        let problem = format!("not a JSON array of jobs: {error}");
        BadJobs { line: error.line().max(1), field: None, problem }
    })?;
    if objects.is_empty() || objects.len() > MOST_JOBS {
        let problem = format!("{} jobs: expected 1 to {MOST_JOBS}", objects.len());
        return Err(BadJobs { line: 1, field: None, problem });
    }
    let mut lines = HashMap::new();
    let mut jobs = Vec::with_capacity(objects.len());
    for object in objects {
        let (job, line) = file.job(object)?;
        if let Some(first) = lines.insert(job.id, line) {
            let problem = format!("{} is taken already, in line {first}: expected an id of its own", job.id);
            return Err(BadJobs { line, field: Some("id"), problem });
        }
        jobs.push(job);
    }
    Ok(jobs)
}

/// The text, to tell in which line a piece of it stands.
struct Source<'a> {
    text: &'a str,
}

impl<'a> Source<'a> {
    fn line(&self, piece: &str) -> usize {
        // The pieces are slices of the text, so the difference of their addresses is an offset.
        let offset = (piece.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let before = self.text.as_bytes().iter().take(offset);
        1 + before.filter(|byte| **byte == b'\n').count()
    }

    fn job(&self, object: &'a RawValue) -> Result<(Job, usize), BadJobs> {
        let line = self.line(object.get());
        let Fields(fields) = serde_json::from_str(object.get()).map_err(|_| BadJobs {
            line,
            field: None,
            problem: "expected a job, { ... }".to_owned(),
        })?;
        let mut row: [Option<&RawValue>; FIELDS.len()] = [None; FIELDS.len()];
        for (name, value) in fields {
            let line = self.line(value.get());
            let Some(index) = FIELDS.iter().position(|field| *field == name) else {
                let problem = format!("unknown field {name:?}: expected {}", FIELDS.join(", "));
                return Err(BadJobs { line, field: None, problem });
            };
            if row[index].replace(value).is_some() {
                return Err(BadJobs { line, field: Some(FIELDS[index]), problem: "given twice".to_owned() });
            }
        }
        let column = |name: &'static str| {
            let value = FIELDS.iter().position(|field| *field == name).and_then(|index| row[index]);
            let missing = || BadJobs { line, field: Some(name), problem: "missing".to_owned() };
            value.ok_or_else(missing).map(|value| Field { name, value, line: self.line(value.get()) })
        };
        let (model, longest) = column("model")?.one_of(&MODELS, |model| model.0)?;
        let levels = Priority::ALL.map(|level| (level.name(), level));
        let job = Job {
            id: column("id")?.whole(1, u64::from(u32::MAX), "an id")?,
            project: column("project")?.text(80)?,
            priority: column("priority")?.one_of(&levels, |level| level.0)?.1,
            model,
            duration_s: u32::try_from(column("duration_s")?.whole(1, longest.into(), model)?).unwrap_or(longest),
            resolution: column("resolution")?.one_of(&RESOLUTIONS, |resolution| resolution)?,
            prompt: column("prompt")?.text(2_500)?,
        };
        Ok((job, line))
    }
}

/// A field of a job, not looked at yet.
struct Field<'a> {
    name: &'static str,
    value: &'a RawValue,
    line: usize,
}

impl Field<'_> {
    fn wrong(&self, expected: &str) -> BadJobs {
        let shown: String = self.value.get().chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
        BadJobs { line: self.line, field: Some(self.name), problem: format!("{shown}: expected {expected}") }
    }

    fn whole(&self, least: u64, most: u64, what: &str) -> Result<u64, BadJobs> {
        let number = serde_json::from_str::<u64>(self.value.get()).ok();
        let fits = number.filter(|number| (least..=most).contains(number));
        fits.ok_or_else(|| self.wrong(&format!("a whole number from {least} to {most} for {what}")))
    }

    fn text(&self, most: usize) -> Result<String, BadJobs> {
        let text = serde_json::from_str::<String>(self.value.get()).ok();
        let fits = text.filter(|text| !text.trim().is_empty() && text.chars().count() <= most);
        fits.ok_or_else(|| self.wrong(&format!("a text of 1 to {most} characters")))
    }

    fn one_of<T: Copy>(&self, known: &[T], name: impl Fn(&T) -> &'static str) -> Result<T, BadJobs> {
        let text = serde_json::from_str::<String>(self.value.get()).ok();
        let found = known.iter().find(|entry| text.as_deref() == Some(name(entry))).copied();
        found.ok_or_else(|| self.wrong(&known.iter().map(&name).collect::<Vec<_>>().join(", ")))
    }
}

/// The fields of an object in their order, doubles included, each still as it is written.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a job")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(pair) = map.next_entry::<String, &'de RawValue>()? {
                    fields.push(pair);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;
