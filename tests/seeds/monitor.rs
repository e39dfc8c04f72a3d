//! Defects 18 to 20: a monitor that grows, that looks at the wrong entry, and whose threshold is nobody's.

use serde_json::Value;
use tollgate::{Denied, Duration, History, Instant, Limiter, WhenFull, Window, WindowLog, WindowSlices};

use crate::{at, golden_json, golden_rows, millionths, seconds};

const MINUTE: Duration = Duration::from_secs(60);

fn monitor<const N: usize>(limit: u32) -> WindowLog<N> {
    WindowLog::new(Window::new(limit, MINUTE).unwrap(), WhenFull::Refuse, History::Empty, at(0))
}

/// Permille of a percentage in the document's floats: `83.33333333333334` is 833.
fn permille(percent: &impl ToString) -> u32 {
    u32::try_from(millionths(&percent.to_string()) / 100_000).unwrap()
}

fn stamp(value: &impl ToString) -> Instant {
    Instant::ORIGIN.saturating_add(seconds(value))
}

/// All sixty calls are recorded in a log that has room for them; usage is asked against the limit of thirty.
#[test]
fn the_usage_of_every_recorded_call_is_theirs() {
    let mut all = monitor::<60>(60);
    for row in golden_rows("g08_monitor_seed001.csv") {
        let [_, t, usage, ..] = row.as_slice() else { panic!("{row:?}") };
        all.allow(stamp(t), 1).unwrap();
        let calls = 60 - all.available(stamp(t));
        assert_eq!(calls * 1_000 / 30, u64::from(permille(usage)), "at {t} s");
    }
    let mut thirty = monitor::<30>(30);
    for row in golden_json("g08b_monitor_seed001.json")["steady_30_in_58s"].as_array().unwrap() {
        let now = stamp(&row["t"]);
        while thirty.usage_permille(now) < permille(&row["usage_pct"]) {
            thirty.allow(now, 1).unwrap();
        }
        assert_eq!(thirty.usage_permille(now), permille(&row["usage_pct"]), "at {now}");
    }
}

/// Five hundred calls were still stored after 10 000 s of silence, and sixty calls of thirty were "200 %". A log has its
/// size from the start; and it refuses, so that nothing is above 100 %.
#[test]
fn defect_18_a_monitor_has_a_fixed_size_and_can_refuse() {
    let recorded = golden_json("g08b_monitor_seed001.json");
    assert_eq!(
        (&recorded["idle_keeps_list"]["stored"], &recorded["overrun_200pct"]["usage_pct"]),
        (&500.into(), &200.0.into())
    );

    let mut log = monitor::<30>(30);
    let size = size_of_val(&log);
    for call in 0..500 {
        let _ = log.allow(at(call * 2), 1);
    }
    assert_eq!((size_of_val(&log), size <= 30 * 16 + 160), (size, true), "{size} bytes");
    assert_eq!((log.usage_permille(at(10_000)), log.available(at(10_000))), (0, 30));

    // Sixty calls within a second.
    let granted = (0..60).filter(|_| log.allow(at(10_001), 1).is_ok()).count();
    assert_eq!((granted, log.usage_permille(at(10_001))), (30, 1_000));

    // And at the pace of their table, one each 1.5 s: the 31st to 40th are refused, the 41st, at 60 s, passes.
    let mut log = monitor::<30>(30);
    for row in golden_rows("g08_monitor_seed001.csv").iter().take(41) {
        let (call, now): (u32, _) = (row[0].parse().unwrap(), stamp(&row[1]));
        let wanted = if (31..=40).contains(&call) { Err(Denied::Until(at(60))) } else { Ok(()) };
        assert_eq!(log.allow(now, 1), wanted, "call {call}");
    }
}

/// Calls at 0 and 25 times at 59 s: at 61 s usage was 83.3 % and nothing was throttled, because the wait was computed
/// from the first entry, which had left the window. The oldest that lives says 119 s.
#[test]
fn defect_19_the_pace_comes_from_the_oldest_live_call() {
    let recorded = &golden_json("g08b_monitor_seed001.json")["stale_first_call_no_throttle"];
    assert_eq!(recorded["slept"], Value::Array(vec![]), "the defect is recorded");

    let mut log = monitor::<30>(30);
    log.allow(at(0), 1).unwrap();
    for _ in 0..25 {
        log.allow(at(59), 1).unwrap();
    }
    let now = stamp(&recorded["t"]);
    assert_eq!(log.usage_permille(now), permille(&recorded["usage_pct"]));
    assert_eq!(log.pace(now, 800), Some(Instant::from_millis(119_000)), "at most 24 again");

    // In slices of a second it is said at most one slice later, and never earlier.
    let window = Window::new(30, MINUTE).unwrap();
    let mut slices = WindowSlices::<60>::new(window, History::Empty, at(0)).unwrap();
    slices.allow(at(0), 1).unwrap();
    slices.allow(at(59), 25).unwrap();
    assert_eq!(slices.pace(now, 800), Some(at(120)));
}

/// 24 of 30 is 80.0 % and was not throttled; 25 of 30 slept 35 s. The operator is "above", in whole permille of the limit
/// multiplied out, so that no float decides.
#[test]
fn defect_20_exactly_eighty_percent_is_not_above_eighty_percent() {
    let recorded = golden_json("g08b_monitor_seed001.json");
    let mut log = monitor::<30>(30);
    for second in 0..24 {
        log.allow(at(second), 1).unwrap();
    }
    assert_eq!(log.usage_permille(at(24)), permille(&recorded["threshold_exact_80"]["usage_pct"]));
    assert_eq!(log.pace(at(24), 800), None);
    assert_eq!(log.pace(at(24), 799), Some(at(60)), "when the first call leaves, 23 are 766 permille");

    log.allow(at(24), 1).unwrap();
    let slept = seconds(&recorded["threshold_25_of_30"]["slept"][0]);
    let wanted = at(25).saturating_add(slept);
    assert_eq!((log.pace(at(25), 800), wanted), (Some(wanted), at(60)));
    // Their usage after that sleep.
    assert_eq!(log.usage_permille(wanted), permille(&recorded["threshold_25_of_30"]["usage_pct"]));
}

/// A call exactly a window old is out: 59.999 s yes, 60 s no.
#[test]
fn a_call_leaves_when_it_is_a_minute_old() {
    let mut log = monitor::<30>(30);
    for row in golden_json("g08b_monitor_seed001.json")["edge_60s"].as_array().unwrap() {
        let now = stamp(&row["t"]);
        if row["op"] == "call" {
            log.allow(now, 1).unwrap();
        }
        assert_eq!(log.usage_permille(now), permille(&row["usage_pct"]), "at {now}");
    }
}
