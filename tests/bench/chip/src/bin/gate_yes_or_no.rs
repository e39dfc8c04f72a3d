//! A gate of a quota and slots, for who comes back anyway: a job is asked for, sent, accepted and finished.

#![no_std]
#![no_main]

use core::hint::black_box;

use tollgate::{Duration, Fate, Gate, Instant, JobId, Limits, Quota, Request, Start, TokenBucket, valid};
use tollgate_chip::{config, firmware};

const MINUTE: Duration = Duration::from_mins(1);
const LEASE: Duration = Duration::from_mins(10);

type Two = Gate<Limits<TokenBucket>, 8, 2>;

/// Whether the next job went out, and another has ended.
#[inline(never)]
fn work(gate: &mut Two, now: Instant) -> bool {
    let Some(permit) = gate.try_ask(now, &Request::new(JobId(black_box(17)), LEASE)) else { return false };
    let sent = gate.sending(now, &permit).is_ok() && gate.resolved(now, &permit, black_box(Fate::Runs)).is_ok();
    sent && gate.finished(now, JobId(black_box(3)), &[]).is_ok()
}

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let quota = config(valid!(Quota::new_with_burst(60, MINUTE, 5)), || {
        Quota::new_with_burst(black_box(60), black_box(MINUTE), black_box(5)).ok()
    });
    let start = |now| Two::new(Limits::new().requests(TokenBucket::new(quota, Start::Full, now)), now).with_slots(8);
    firmware(start, work)
}
