//! The queue, with all of its places taken but one, small and large: what a step costs grows with log2(N). And a dispatcher.

use core::hint::black_box;

use tollgate::{
    Dispatcher, Duration, Entry, Gate, Instant, JobId, Limits, Next, Queue, QueuePolicy, Quota, Request, Start,
};
use tollgate::{TokenBucket, Work, valid};

use crate::case::{BEGIN, Case, anew};
use crate::gates::QUOTA;

/// What waits: a number of the caller's own.
pub type Line<const N: usize> = Queue<u32, N>;

/// All places but one are taken, by sixteen users, each job with a deadline of its own.
fn line<const N: usize>() -> Line<N> {
    let mut queue = Queue::new(QueuePolicy::DEFAULT);
    // At most 1024.
    let most = u32::try_from(N).unwrap_or(1_024) - 1;
    for id in 0..most {
        let deadline = BEGIN.saturating_add(Duration::from_secs(u64::from(id * 7 % most) + 1));
        let _ = queue.submit(BEGIN, BEGIN, Entry::new(JobId(u64::from(id)), id).key(id % 16).deadline(deadline));
    }
    queue
}

/// One more.
#[inline(never)]
pub fn queue_submit<const N: usize>(queue: &mut Line<N>, now: Instant) -> bool {
    let deadline = now.saturating_add(Duration::from_secs(9));
    queue.submit(now, now, Entry::new(JobId(black_box(4_000)), 1).key(3).deadline(deadline)).is_ok()
}

/// The next one.
#[inline(never)]
pub fn queue_pop<const N: usize>(queue: &mut Line<N>, now: Instant) -> bool {
    queue.pop(now).is_some()
}

/// One in the middle.
#[inline(never)]
pub fn queue_cancel<const N: usize>(queue: &mut Line<N>, now: Instant) -> bool {
    let _ = now;
    queue.cancel(JobId(black_box(7))).is_some()
}

/// One whose deadline has passed.
#[inline(never)]
pub fn queue_expire<const N: usize>(queue: &mut Line<N>, now: Instant) -> bool {
    queue.expire(now.saturating_add(Duration::from_secs(2))).is_some()
}

/// One that was served, and comes back later.
#[inline(never)]
pub fn queue_requeue<const N: usize>(queue: &mut Line<N>, now: Instant) -> bool {
    queue.requeue(now, Entry::new(JobId(black_box(4_000)), 1), now.saturating_add(Duration::from_secs(5))).is_ok()
}

/// A job that costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct Clip;

impl Work for Clip {
    fn request(&self, id: JobId) -> Request<'_> {
        Request::new(id, Duration::from_mins(10))
    }
}

/// A quota and two slots, and sixteen places to wait.
pub type Desk = Dispatcher<Gate<Limits<TokenBucket>, 8, 2>, Clip, 16>;

/// So many wait, for so many slots.
fn desk(jobs: u64, slots: u32, quota: Quota) -> Desk {
    let gate = Gate::new(Limits::new().requests(TokenBucket::new(black_box(quota), Start::Full, BEGIN)), BEGIN);
    let mut desk = Dispatcher::new(gate.with_slots(slots), Queue::new(QueuePolicy::DEFAULT));
    for id in 0..jobs {
        let _ = desk.submit(BEGIN, Entry::new(JobId(id), Clip));
    }
    desk
}

/// One more.
#[inline(never)]
pub fn dispatcher_submit(desk: &mut Desk, now: Instant) -> bool {
    desk.submit(now, Entry::new(JobId(black_box(4_000)), Clip)).is_ok()
}

/// What to do next: 1 to send, 2 to wait until then, 3 to wait for a release.
#[inline(never)]
pub fn dispatcher_next(desk: &mut Desk, now: Instant) -> u8 {
    match desk.next(now) {
        Next::Send { entry, permit } => {
            let _ = black_box((entry, permit));
            1
        }
        Next::WaitUntil(at) => {
            black_box(at);
            2
        }
        Next::WaitForRelease => 3,
        _ => 0,
    }
}

/// One a second.
const SLOW: Quota = valid!(Quota::every(Duration::from_secs(1)));

const SMALL: &str = "Queue of 16, 15 wait";
const LARGE: &str = "Queue of 1024, 1023 wait";
const DISPATCHER: &str = "Dispatcher of a quota and slots, 15 wait";

/// The rows.
pub static CASES: [Case; 13] = [
    Case::anew(SMALL, "submit", |run| anew(line::<16>, &[], queue_submit, run, |_, ok| ok)),
    Case::anew(SMALL, "pop", |run| anew(line::<16>, &[], queue_pop, run, |_, ok| ok)),
    Case::anew(SMALL, "cancel", |run| anew(line::<16>, &[], queue_cancel, run, |_, ok| ok)),
    Case::anew(SMALL, "expire", |run| anew(line::<16>, &[], queue_expire, run, |_, ok| ok)),
    Case::anew(SMALL, "requeue", |run| anew(line::<16>, &[], queue_requeue, run, |_, ok| ok)),
    large("submit", |run| anew(line::<1_024>, &[], queue_submit, run, |_, ok| ok)),
    large("pop", |run| anew(line::<1_024>, &[], queue_pop, run, |_, ok| ok)),
    large("cancel", |run| anew(line::<1_024>, &[], queue_cancel, run, |_, ok| ok)),
    large("expire", |run| anew(line::<1_024>, &[], queue_expire, run, |_, ok| ok)),
    large("requeue", |run| anew(line::<1_024>, &[], queue_requeue, run, |_, ok| ok)),
    Case::anew(DISPATCHER, "submit", |run| anew(|| desk(15, 8, QUOTA), &[], dispatcher_submit, run, |_, ok| ok)),
    Case::anew(DISPATCHER, "next, to send", |run| {
        anew(|| desk(15, 8, QUOTA), &[], dispatcher_next, run, |_, what| what == 1)
    }),
    Case::anew(DISPATCHER, "next, to wait", |run| {
        anew(
            || desk(15, 8, SLOW),
            &[|desk, now| dispatcher_next(desk, now) == 1],
            dispatcher_next,
            run,
            |_, what| what == 2,
        )
    }),
];

const fn large(name: &'static str, run: fn(crate::case::Run<'_>) -> bool) -> Case {
    Case { large: true, ..Case::anew(LARGE, name, run) }
}
