//! The server's bill: what it charges for each video, in its own arithmetic.
//!
//! As `books.rs`, it shares nothing with the client: no Tollgate in here, only the price list as whole numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::money::Spent;

/// What was billed, by project, and in total under the name of nobody.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Bill {
    pub(crate) by_project: BTreeMap<String, Spent>,
    billed: BTreeMap<u64, u32>,
}

impl Bill {
    /// A video of so many seconds is delivered; once, however often it is asked for.
    pub(crate) fn deliver(&mut self, id: u64, project: &str, model: &str, resolution: &str, seconds: u32) {
        if self.billed.insert(id, seconds).is_some() {
            return;
        }
        // Source document 003: credits a second by model, tenths by resolution; 6000 credits for $150.
        let per_second: u64 = match model {
            "kling-v1" => 5,
            "kling-v1.5" => 10,
            _ => 20,
        };
        let tenths: u64 = match resolution {
            "720p" => 8,
            "1080p" => 10,
            _ => 15,
        };
        let credits = per_second * tenths * u64::from(seconds) * 100_000;
        let dollars = (credits * 150).div_ceil(6_000);
        for name in [project, ""] {
            let spent = self.by_project.entry(name.to_owned()).or_default();
            spent.credits += credits;
            spent.dollars += dollars;
        }
    }
}

/// How long the video really becomes: every seventh is a second shorter than ordered, and `None`: every 23rd fails.
pub(crate) const fn made(id: u64, ordered: u32) -> Option<u32> {
    match (id % 23, id % 7) {
        (10, _) => None,
        (_, 6) if ordered > 1 => Some(ordered - 1),
        _ => Some(ordered),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_video_is_billed_once_to_its_project_and_in_total() {
        let mut bill = Bill::default();
        for _ in 0..3 {
            bill.deliver(1, "archive", "kling-v1", "720p", 7);
        }
        let spent = Spent { credits: 28_000_000, dollars: 700_000 };
        assert_eq!(bill.by_project, BTreeMap::from([("archive".into(), spent), (String::new(), spent)]));
    }

    #[test]
    fn some_videos_are_shorter_and_some_fail() {
        assert_eq!([made(1, 10), made(6, 10), made(6, 1), made(10, 10)], [Some(10), Some(9), Some(1), None]);
    }
}
