//! The contract, run on every limiter.

use tollgate::{
    Book, Clock, Clocked, Denied, Duration, History, Instant, JobId, Limiter, ManualClock, Quota, Reservation, Slots,
    Start, TokenBucket, WhenFull, Window, WindowLog, WindowSlices,
};
use tollgate_std::testing::{BucketBound, Concurrency, Subject, WindowBound, contract};

const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn bucket(units: u32, per: Duration, burst: u32, start: Start) -> Subject<TokenBucket> {
    let quota = Quota::new_with_burst(units, per, burst).expect("the tables hold only quotas that can be");
    Subject::new(move |now| TokenBucket::new(quota, start, now))
        .bound(BucketBound { units, per, burst })
        .max_cost(u64::from(burst))
        .rejects("no units", move || Quota::new_with_burst(0, per, burst).is_err())
        .rejects("no period", move || Quota::new_with_burst(units, Duration::ZERO, burst).is_err())
        .rejects("no burst", move || Quota::new_with_burst(units, per, 0).is_err())
        .rejects("a period that cannot be exact", move || Quota::new_with_burst(1, Duration::MAX, burst).is_err())
        .rejects("a burst that cannot be exact", || {
            Quota::new_with_burst(1, Duration::from_hours(1), u32::MAX).is_err()
        })
}

#[test]
fn token_bucket_keeps_the_contract() {
    for (units, per, burst) in [
        (1, Duration::from_days(30), 1),
        (1, Duration::from_days(30), 1_000_000),
        (13, Duration::from_days(1), 2),
        (7, Duration::from_secs(60), 7),
        (10, SECOND, 1),
        (300_007, SECOND, 3),
        (1_000_000_001, SECOND, 1_000_000_001),
        (u32::MAX, Duration::from_micros(1), u32::MAX),
        (3, Duration::from_micros(7), 5),
        (1, Duration::from_micros(1), 1),
    ] {
        contract(&bucket(units, per, burst, Start::Full));
    }
    contract(&bucket(10, SECOND, 10, Start::Empty));
    contract(&bucket(10, SECOND, 10, Start::With(4)));
}

/// A limiter that is only reached through its `Clocked` wrapper.
#[derive(Debug, Clone)]
struct Worn<L>(Clocked<ManualClock, L>);

impl<L: Limiter + Clone> Worn<L> {
    fn at(&self, now: Instant) -> &Clocked<ManualClock, L> {
        self.0.clock().set(now);
        &self.0
    }

    fn at_mut(&mut self, now: Instant) -> &mut Clocked<ManualClock, L> {
        self.0.clock().set(now);
        &mut self.0
    }
}

impl<L: Limiter + Clone> Book for Worn<L> {
    fn room(&self, now: Instant) -> u64 {
        self.at(now).available()
    }

    fn quote(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
        let this = self.at(now);
        if from == now && now < Instant::MAX {
            this.earliest(cost)
        } else {
            this.limiter().quote(this.now(), from, cost)
        }
    }

    fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
        let this = self.at_mut(now);
        if at == now {
            return this.reserve(cost, Duration::ZERO);
        }
        let stamp = this.clock().now();
        this.limiter_mut().book(stamp, at, cost)
    }

    fn settle(&mut self, now: Instant, held: Reservation, actual: u64) {
        match actual {
            0 => self.at_mut(now).release(held),
            actual => self.at_mut(now).commit(held, actual),
        }
    }

    fn take(&mut self, now: Instant, cost: u64) -> Result<(), Denied> {
        self.at_mut(now).allow(cost)
    }
}

#[test]
fn a_clocked_limiter_keeps_the_contract() {
    let quota = tollgate::valid!(Quota::new_with_burst(7, Duration::from_secs(60), 3));
    let bound = BucketBound { units: 7, per: Duration::from_secs(60), burst: 3 };
    let worn = move |now| Worn(Clocked::new(ManualClock::new(now), TokenBucket::new(quota, Start::Full, now)));
    contract(&Subject::new(worn).bound(bound).max_cost(3));
}

fn window(limit: u32, length: Duration) -> Window {
    Window::new(limit, length).expect("the tables hold only windows that can be")
}

fn log<const N: usize>(limit: u32, length: Duration, full: WhenFull, history: History) -> Subject<WindowLog<N>> {
    let window = window(limit, length);
    Subject::new(move |now| WindowLog::new(window, full, history, now))
        .bound(WindowBound { limit: u64::from(limit), window: length })
        .max_cost(u64::from(limit))
        // Two merged entries leave at the later one's time.
        .grain(if full == WhenFull::Merge { length } else { Duration::ZERO })
        .cases(32)
        .rejects("a limit of zero", move || Window::new(0, length).is_err())
        .rejects("a length of zero", move || Window::new(limit, Duration::ZERO).is_err())
        .rejects("a lease of zero", move || window.with_lease(Duration::ZERO).is_err())
}

#[test]
fn window_log_keeps_the_contract() {
    for full in [WhenFull::Refuse, WhenFull::Merge] {
        for history in [History::Empty, History::UsedUp] {
            contract(&log::<4>(10, Duration::from_micros(10), full, history));
            contract(&log::<1>(3, SECOND, full, history));
            contract(&log::<3>(5, Duration::from_hours(1), full, history));
            contract(&log::<32>(30, Duration::from_secs(60), full, history));
            contract(&log::<8>(u32::MAX, Duration::from_days(30), full, history));
        }
    }
}

/// What is dropped is forgotten when its lease ends. What is committed after that may exceed the limit, so there is no
/// bound to judge here.
#[test]
fn window_log_with_a_lease_keeps_the_other_laws() {
    for lease in [3, 10, 25] {
        let lease = Duration::from_micros(lease);
        let window = window(4, Duration::from_micros(10)).with_lease(lease).expect("not zero");
        let make = move |now| WindowLog::<5>::new(window, WhenFull::Refuse, History::Empty, now);
        contract(&Subject::new(make).max_cost(4).lease(lease));
    }
}

fn slices<const B: usize>(limit: u32, length: Duration, history: History) -> Subject<WindowSlices<B>> {
    let window = window(limit, length);
    let make = move |now| WindowSlices::new(window, history, now).expect("the tables hold only even windows");
    let uneven = move || {
        let odd = Window::new(limit, Duration::from_micros(length.as_micros() + 1));
        B == 1 || odd.is_ok_and(|odd| WindowSlices::<B>::new(odd, history, Instant::ORIGIN).is_err())
    };
    Subject::new(make)
        .bound(WindowBound { limit: u64::from(limit), window: length })
        .max_cost(u64::from(limit))
        .grain(Duration::from_micros(length.as_micros() / B as u64))
        .rejects("a length that does not divide", uneven)
}

#[test]
fn window_slices_keeps_the_contract() {
    for history in [History::Empty, History::UsedUp] {
        contract(&slices::<1>(3, Duration::from_micros(7), history));
        contract(&slices::<2>(5, Duration::from_micros(10), history));
        contract(&slices::<6>(10, Duration::from_micros(12), history));
        contract(&slices::<6>(100, Duration::from_secs(60), history));
        contract(&slices::<60>(1_000, Duration::from_hours(1), history));
    }
}

/// Every call is a job of its own.
#[derive(Debug, Clone)]
struct Jobs<const N: usize> {
    slots: Slots<N>,
    next: u64,
    lease: Duration,
}

impl<const N: usize> Jobs<N> {
    fn with<R>(&mut self, ask: impl FnOnce(&mut dyn Book) -> R) -> R {
        ask(&mut self.slots.job(JobId(self.next), self.lease).expect("every job has a number of its own"))
    }
}

impl<const N: usize> Book for Jobs<N> {
    fn room(&self, now: Instant) -> u64 {
        self.clone().with(|job| job.room(now))
    }

    fn quote(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
        self.clone().with(|job| job.quote(now, from, cost))
    }

    fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
        let held = self.with(|job| job.book(now, at, cost))?;
        self.next += 1;
        Ok(held)
    }

    fn settle(&mut self, now: Instant, held: Reservation, actual: u64) {
        self.with(|job| job.settle(now, held, actual));
    }
}

fn slots<const N: usize>(limit: u32, lease: Duration) -> Subject<Jobs<N>> {
    let make = move |now| {
        let mut slots = Slots::<N>::new(limit);
        // New slots have not acted on any stamp yet.
        slots.reconcile(now, now, &[], lease);
        Jobs { slots, next: 1, lease }
    };
    Subject::new(make)
        .bound(Concurrency::new(u64::from(limit)).lease(lease))
        .max_cost(u64::from(limit))
        .time_scale(if lease == Duration::MAX { SECOND } else { lease })
        .lease(lease)
        .footprint(N, |jobs: &Jobs<N>| jobs.slots.jobs().count())
}

#[test]
fn slots_keep_the_contract() {
    contract(&slots::<3>(5, Duration::from_micros(10)));
    contract(&slots::<8>(3, Duration::from_mins(10)));
    contract(&slots::<1>(1, SECOND));
    contract(&slots::<4>(9, Duration::MAX));
}
