//! A duty cycle against `LoRaMac-node`'s rule and a bucket: the worst rolling hour, the first after a reboot included.

use tollgate::presets::radio::{LoRa, sub_band};
use tollgate::{
    Book, Denied, Duration, History, Instant, Limiter, Quota, Start, TokenBucket, WhenFull, WindowLog, WindowSlices,
};

use crate::{at, golden_json, wait};

const HOUR: u64 = 3_600_000_000;

/// Sends frames of this length whenever it may, for so long; the start and end of each, in microseconds.
fn send(band: &mut impl Book, frame: Duration, from: u64, until: u64) -> Vec<(u64, u64)> {
    let (mut now, mut sent) = (Instant::from_micros(from), Vec::new());
    while now.as_micros() < until {
        match band.reserve(now, frame.as_micros(), Duration::ZERO) {
            Ok(held) => {
                let end = now.saturating_add(frame);
                band.commit(end, held, frame.as_micros()); // when the transmission ends
                sent.push((now.as_micros(), end.as_micros()));
                now = end;
            }
            Err(Denied::Until(then)) => now = wait(now, then),
            Err(denied) => panic!("{denied}"),
        }
    }
    sent
}

/// The most airtime in any hour, to the microsecond: it is found in one that begins with a frame or ends with one.
fn worst_hour(sent: &[(u64, u64)]) -> u64 {
    let edges = sent.iter().flat_map(|(start, end)| [*start, end.saturating_sub(HOUR)]);
    let airtime = |from: u64| {
        let inside = |(start, end): &(u64, u64)| (*end).min(from + HOUR).saturating_sub((*start).max(from));
        sent.iter().map(inside).sum::<u64>()
    };
    edges.map(airtime).max().unwrap_or(0)
}

fn frame_of_64_bytes() -> Duration {
    LoRa { spreading_factor: 12, ..LoRa::EU868 }.airtime(64).unwrap()
}

#[test]
fn no_hour_holds_more_than_36_seconds_the_first_after_a_reboot_included() {
    let recorded = golden_json("ref_lora_dutycycle_sim.json");
    let (frame, window) = (frame_of_64_bytes(), sub_band(868_100_000).unwrap().window());
    assert_eq!(frame.as_micros().div_ceil(1_000), recorded["frame_ms_SF12_64B"].as_u64().unwrap());
    let limit = recorded["limit_ms"].as_u64().unwrap() * 1_000;
    assert_eq!(u64::from(window.limit()), limit);
    let theirs = recorded["loramac_fixed_window_max_rolling_hour_ms"].as_u64().unwrap() * 1_000;
    assert!(theirs > limit, "the defect is recorded: {theirs} us in an hour");

    // Twelve entries are enough, and are used up. Reboots at odd moments; the log has no memory, so it starts used up.
    let entries = recorded["exact_ring_entries_needed"].as_u64().unwrap();
    let mut sent = Vec::new();
    let mut boot = 0;
    for reboot in [HOUR + 5, HOUR + 17_000_003, 2 * HOUR, 5 * HOUR, 9 * HOUR] {
        let history = if boot == 0 { History::Empty } else { History::UsedUp };
        let mut log = WindowLog::<12>::new(window, WhenFull::Refuse, history, Instant::from_micros(boot));
        sent.extend(send(&mut log, frame, boot, reboot));
        boot = sent.last().map_or(reboot, |last| last.1.max(reboot));
    }
    assert!(sent.len() > 60, "{} frames", sent.len());
    assert_eq!(worst_hour(&sent), entries * frame.as_micros(), "33.5 s, and never 36");
    let in_millis = entries * frame.as_micros().div_ceil(1_000);
    assert_eq!(Some(in_millis), recorded["exact_log_max_rolling_hour_ms"].as_u64());
}

/// Held at 0 and sent at 10 s, a frame counts until 3610 s: stamped when it was held, it would leave the window ten seconds
/// before the band has forgotten it.
#[test]
fn a_frame_counts_from_its_transmission_and_not_from_its_booking() {
    fn held_then_sent(band: &mut impl Book, late: Duration) {
        let held = band.reserve(at(0), 20_000_000, Duration::ZERO).unwrap();
        assert_eq!(band.available(at(10)), 16_000_000, "held in full");
        band.commit(at(10), held, 20_000_000);
        assert_eq!(band.available(at(3_600)), 16_000_000);
        let free = band.earliest(at(10), 36_000_000).unwrap();
        assert!(free >= at(3_610) && free <= at(3_610).saturating_add(late), "{free}");
        assert_eq!(band.available(at(3_609)), 16_000_000);
        assert_eq!(band.available(free), 36_000_000);
    }
    let window = sub_band(868_100_000).unwrap().window();
    held_then_sent(&mut WindowLog::<12>::new(window, WhenFull::Refuse, History::Empty, at(0)), Duration::ZERO);
    held_then_sent(&mut WindowSlices::<60>::new(window, History::Empty, at(0)).unwrap(), Duration::from_mins(1));
}

/// A short frame fills the hour to within itself, in slices of a minute as in a log, and never beyond.
#[test]
fn a_short_frame_uses_the_hour_up_and_no_more() {
    let (frame, window) = (LoRa::EU868.airtime(12).unwrap(), sub_band(868_100_000).unwrap().window());
    let start = Instant::ORIGIN;
    let mut log = WindowLog::<900>::new(window, WhenFull::Refuse, History::Empty, start);
    let exact = send(&mut log, frame, 0, 3 * HOUR);
    assert_eq!(worst_hour(&exact), 873 * frame.as_micros(), "873 frames fit");

    let mut coarse = WindowSlices::<60>::new(window, History::Empty, start).unwrap();
    let sliced = send(&mut coarse, frame, 0, 3 * HOUR);
    assert!(worst_hour(&sliced) <= 36_000_000);
    assert!(sliced.len() * 61 >= exact.len() * 60, "{} of {}: a sixtieth later at most", sliced.len(), exact.len());
}

/// The same airtime as a bucket that starts full: 48 join frames and 71 s in the first hour, as recorded.
#[test]
fn a_bucket_that_starts_full_is_no_duty_cycle() {
    let recorded = golden_json("ref_lora_dutycycle_sim.json");
    let frame = Duration::from_millis(recorded["token_bucket_join_frame_ms"].as_u64().unwrap());
    let quota = Quota::new(36_000_000, Duration::from_hours(1)).unwrap();
    let frames = |start| {
        let mut bucket = TokenBucket::new(quota, start, Instant::ORIGIN);
        let mut now = Instant::ORIGIN;
        let mut count = 0;
        while now.as_micros() < HOUR {
            match bucket.allow(now, frame.as_micros()) {
                Ok(()) => count += 1,
                Err(Denied::Until(then)) => now = wait(now, then),
                Err(denied) => panic!("{denied}"),
            }
        }
        count
    };
    let full: u64 = frames(Start::Full);
    assert_eq!(Some(full), recorded["token_bucket_frames_first_hour"].as_u64());
    assert_eq!(Some(full * frame.as_millis()), recorded["token_bucket_airtime_first_hour_ms"].as_u64());
    assert!(full * frame.as_micros() <= quota.worst_case(Duration::from_hours(1)), "and it said so");
    assert_eq!(frames(Start::Empty), 24, "35.6 s");
}
