//! A super-loop gateway: no operating system, no threads, one loop that sleeps exactly as long as nothing can happen.
//!
//! A sensor makes three readings every twelve seconds, the uplink takes a frame every three seconds and two at once, and
//! every seventh frame is refused by the other side. The loop asks its limiter, backs off where it has to, and then knows the
//! one instant at which it is worth waking up: on a chip that is the alarm to set before the sleep instruction. Here the
//! clock is moved by hand, so that two virtual minutes are over at once, and the trace is the same on every machine.
//!
//! ```text
//! cargo run --example super_loop
//! ```

use tollgate::{
    Backoff, Clock, Clocked, Denied, Duration, Entropy, Instant, ManualClock, Quota, Start, TokenBucket,
    presets::backoffs, valid,
};

const READINGS: (u32, Duration) = (3, Duration::from_secs(12));
const UPLINK: Quota = valid!(Quota::new_with_burst(1, Duration::from_secs(3), 2));
const STOP: Instant = Instant::from_secs(120);
/// Readings that wait; when there is no room, the oldest goes.
const ROOM: u32 = 8;

/// The other end of the uplink: every seventh frame it is too busy.
fn transmit(frame: u32) -> bool {
    !frame.is_multiple_of(7)
}

fn main() {
    let clock = ManualClock::default();
    let mut uplink = Clocked::new(&clock, TokenBucket::new(UPLINK, Start::Full, clock.now()));
    // What tells this device from its neighbours, so that they do not all come back at once.
    let mut entropy = Entropy::of_device(0x0002_4B00_1CA3_77F1).at_boot(3);
    let mut backoff = Backoff::new(backoffs::SEED_001, clock.now());
    let (mut waiting, mut frames, mut sent, mut lost, mut wakes) = (0, 0, 0, 0, 0);
    let mut next_reading = Instant::from_secs(1);
    let mut retry_at = Instant::ORIGIN;

    while clock.now() < STOP {
        wakes += 1;
        let now = clock.now();
        if now >= next_reading {
            next_reading = next_reading.saturating_add(READINGS.1);
            lost += (waiting + READINGS.0).saturating_sub(ROOM);
            waiting = (waiting + READINGS.0).min(ROOM);
        }

        // Whatever may go now, goes; what is left says when to come back.
        let mut wake = next_reading.min(STOP);
        while waiting > 0 {
            if now < retry_at {
                wake = wake.min(retry_at);
                break;
            }
            match uplink.allow(1) {
                Ok(()) => {}
                Err(Denied::Until(at)) => {
                    wake = wake.min(at);
                    break;
                }
                // A bucket has nothing to release, and one frame fits into the burst.
                Err(Denied::Busy | Denied::Never { .. }) => break,
            }
            frames += 1;
            if transmit(frames) {
                (waiting, sent) = (waiting - 1, sent + 1);
                backoff.reset(now);
                println!("{now}  frame {frames:>2} sent      {waiting} waiting");
            } else if let Ok(delay) = backoff.next(now, entropy.next()) {
                retry_at = now.saturating_add(delay);
                println!("{now}  frame {frames:>2} refused   again in {delay}");
            } else {
                (waiting, lost) = (waiting - 1, lost + 1);
                backoff.reset(now);
                println!("{now}  frame {frames:>2} given up  {waiting} waiting");
            }
        }

        // On a chip: set the alarm to `wake` and sleep. Nothing can change before.
        clock.set(wake);
    }
    println!("{sent} sent, {lost} lost, {waiting} waiting; the processor was awake {wakes} times in {}", clock.now());
}
