//! What the device says: its log while it works, and the summary at the end.

use core::fmt;

use board::println;
use heapless::Vec;
use tollgate::{Duration, Instant, JobId, Reason};

use crate::http::Heard;

/// The most jobs that are named in the summary; more are counted.
const NAMED: usize = 32;

/// An order was answered, or not. A line that starts with a time is the log's.
pub(crate) fn log(now: Instant, JobId(id): JobId, heard: &Heard<'_>) {
    match heard {
        Ok((feedback, page)) => {
            let (status, verdict) = (feedback.status(), feedback.verdict());
            let wait = feedback.gate().unwrap_or(Duration::ZERO);
            let rest = if page.is_some() || status >= 300 { "" } else { ", nothing to be read in it" };
            println!("[{now}] job {id}: {status} {verdict:?}, wait {wait}{rest}");
        }
        Err(failure) => println!("[{now}] job {id}: no answer, {failure:?}"),
    }
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It is made and paid for.
    Made,
    /// Its task failed, and costs nothing.
    Failed,
    /// It was never started, and costs nothing.
    Refused(Reason),
    /// Nobody knows whether it runs: its money stays set aside, and its slot until the lease is over.
    Unknown(Reason),
}

/// What has become of the jobs.
#[derive(Debug, Default)]
pub(crate) struct Report {
    made: u32,
    /// All that are not made, in the order of their numbers.
    others: Vec<(u64, End), NAMED>,
    unnamed: usize,
}

impl Report {
    pub(crate) fn add(&mut self, id: u64, end: End) {
        if end == End::Made {
            self.made += 1;
        } else {
            let place = self.others.iter().take_while(|(other, _)| *other < id).count();
            if self.others.insert(place, (id, end)).is_err() {
                self.unnamed += 1;
            }
        }
    }

    /// `books`: spent and set aside, in millionths of a credit and of a dollar.
    pub(crate) fn print(&self, [credits, dollars]: [(u64, u64); 2]) {
        for (id, end) in &self.others {
            println!("{:<20}{id:>3} {end}", "not made");
        }
        let others = self.others.len() + self.unnamed;
        println!("{:<20}{} made, {others} not", "jobs", self.made);
        println!("{:<20}{} credits, {} dollars", "set aside", Micros(credits.1), Micros(dollars.1));
        println!("{:<20}{} credits, {} dollars", "bill", Micros(credits.0), Micros(dollars.0));
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Made => f.write_str("made"),
            Self::Failed => f.write_str("failed, and costs nothing"),
            Self::Refused(reason) => write!(f, "not started: {reason}"),
            Self::Unknown(reason) => write!(f, "may run: {reason}"),
        }
    }
}

/// Millionths, as a decimal number.
struct Micros(u64);

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}
