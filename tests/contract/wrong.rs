//! Limiters that are wrong on purpose: the contract must catch each of them, by the law that it breaks.

use tollgate::{Book, Denied, Duration, Instant, Limiter, Quota, Reservation, Start, Token, TokenBucket};
use tollgate_std::testing::{BucketBound, Concurrency, Law, Subject, WindowBound, check};

const PER: Duration = Duration::from_micros(10);
const BURST: u64 = 5;

/// What is wrong with a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    RefundsEverything,
    RefundsWhatIsNotSinceAt,
    MintsWhenTimeGoesBack,
    ForgetsOldStamps,
    AdvancesOnRefusal,
    RoundsAwayWhenAsked,
    StartsTwiceAsFull,
    UntilIsOneLate,
    UntilIsOneEarly,
    IgnoresPatience,
    ChargesForZero,
    ForgivesDebt,
    PanicsOnHugeDebt,
    HidesOneUnit,
    CallsTheBigBusy,
    GrowsWithEveryGrant,
    NeverReturnsReleases,
    BooksUnseen,
}

/// One unit in 10 us, five at once, in obvious arithmetic, with at most one flaw.
#[derive(Clone, Debug)]
struct Flawed {
    flaw: Flaw,
    /// Tenths of a unit, below zero in debt.
    level: i128,
    last: Instant,
    tail: Instant,
    log: Vec<u64>,
}

impl Flawed {
    fn new(flaw: Flaw, now: Instant) -> Self {
        let level = if flaw == Flaw::StartsTwiceAsFull { 100 } else { 50 };
        Self { flaw, level, last: now, tail: now, log: Vec::new() }
    }

    fn level(&self, now: Instant) -> i128 {
        let gone = match self.flaw {
            Flaw::MintsWhenTimeGoesBack => now.as_micros().abs_diff(self.last.as_micros()),
            _ => now.saturating_since(self.last).as_micros(),
        };
        (self.level + i128::from(gone)).min(self.level.max(50))
    }

    fn act(&mut self, now: Instant) {
        self.level = self.level(now);
        self.last = if self.flaw == Flaw::ForgetsOldStamps { now } else { self.last.max(now) };
    }
}

impl Book for Flawed {
    fn room(&self, now: Instant) -> u64 {
        let room = u64::try_from(self.level(now) / 10).unwrap_or(0);
        if self.flaw == Flaw::HidesOneUnit { room.saturating_sub(1) } else { room }
    }

    fn quote(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
        if cost > BURST {
            return Err(if self.flaw == Flaw::CallsTheBigBusy { Denied::Busy } else { Denied::Never { max: BURST } });
        }
        let need = i128::from(cost) * 10;
        if self.level(from) >= need {
            return Ok(from);
        }
        let wait = u64::try_from(need - self.level).unwrap_or(u64::MAX);
        let at = self.last.saturating_add(Duration::from_micros(wait));
        match self.flaw {
            _ if at == Instant::MAX => Err(Denied::Until(at)),
            Flaw::UntilIsOneLate => {
                Ok(at.saturating_add(Duration::from_micros(1)).min(Instant::from_micros(u64::MAX - 1)))
            }
            Flaw::IgnoresPatience => Ok(now),
            _ => Ok(at),
        }
    }

    fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
        let earliest = self.quote(now, at, cost);
        if self.flaw != Flaw::BooksUnseen && earliest? > at {
            return Err(Denied::Until(at));
        }
        self.act(now);
        let key = self.last.max(at).as_micros();
        let ahead = i128::from(at.saturating_since(self.last).as_micros());
        self.level = (self.level + ahead).min(self.level.max(50)) - i128::from(cost) * 10 - ahead;
        self.tail = self.tail.max(at);
        self.log.push(cost);
        Ok(Reservation::new(at, cost, Token { key, mark: 1 }))
    }

    fn settle(&mut self, now: Instant, held: Reservation, actual: u64) {
        let (cost, key) = (i128::from(held.cost()), Instant::from_micros(held.token().key));
        self.level -= i128::from(held.cost() == 0 && self.flaw == Flaw::ChargesForZero);
        if held.cost() == 0 && (actual == 0 || self.flaw == Flaw::ForgivesDebt) {
            return;
        }
        let extra = i128::from(actual) - cost;
        if extra >= 0 {
            assert!(self.flaw != Flaw::PanicsOnHugeDebt || extra < 1 << 60, "a debt of {extra}");
            if extra > 0 && self.flaw != Flaw::ForgivesDebt {
                self.act(now);
                self.level -= extra * 10;
            }
            return;
        }
        let until = if self.flaw == Flaw::RefundsWhatIsNotSinceAt { now } else { now.max(self.last).max(self.tail) };
        let returned = i128::from(until.saturating_since(key).as_micros());
        let back = match self.flaw {
            Flaw::RefundsEverything => -extra * 10,
            Flaw::NeverReturnsReleases => 0,
            _ => (-extra * 10).min(cost * 10 - returned).max(0),
        };
        self.act(now);
        self.level = (self.level + back).min(self.level.max(50));
    }

    fn take(&mut self, now: Instant, cost: u64) -> Result<(), Denied> {
        if self.flaw == Flaw::RoundsAwayWhenAsked {
            self.act(now);
            self.level -= self.level.rem_euclid(10);
        }
        match self.quote(now, now, cost) {
            Ok(at) if at <= now => {
                self.act(now);
                self.level -= i128::from(cost) * 10;
                self.log.extend((self.flaw == Flaw::GrowsWithEveryGrant).then_some(cost));
                Ok(())
            }
            Ok(at) => {
                if self.flaw == Flaw::AdvancesOnRefusal {
                    self.act(now);
                }
                let early = u64::from(self.flaw == Flaw::UntilIsOneEarly);
                Err(Denied::Until(at.saturating_sub(Duration::from_micros(early))))
            }
            Err(denied) => Err(denied),
        }
    }
}

fn flawed(flaw: Flaw) -> Subject<Flawed> {
    Subject::new(move |now| Flawed::new(flaw, now))
        .bound(BucketBound { units: 1, per: PER, burst: 5 })
        .max_cost(BURST)
        .footprint(if flaw == Flaw::GrowsWithEveryGrant { 20 } else { usize::MAX }, |bucket: &Flawed| bucket.log.len())
        .cases(400)
}

#[test]
fn the_bucket_without_a_flaw_keeps_every_law() {
    for law in Law::ALL {
        check(&flawed(Flaw::None), law).unwrap_or_else(|broken| panic!("{broken}"));
    }
}

#[test]
fn every_flaw_is_caught_by_the_law_it_breaks() {
    for (flaw, law) in [
        (Flaw::RefundsEverything, Law::NeverOver),
        (Flaw::RefundsEverything, Law::GivesBackOnlyWhatTimeHasNot),
        (Flaw::RefundsWhatIsNotSinceAt, Law::NeverOver),
        (Flaw::MintsWhenTimeGoesBack, Law::TimeBackwardsMintsNothing),
        (Flaw::MintsWhenTimeGoesBack, Law::NeverOver),
        (Flaw::ForgetsOldStamps, Law::TimeBackwardsMintsNothing),
        (Flaw::BooksUnseen, Law::AllowIffAvailable),
        (Flaw::AdvancesOnRefusal, Law::RefusalChangesNothing),
        (Flaw::RoundsAwayWhenAsked, Law::PollInvariance),
        (Flaw::RoundsAwayWhenAsked, Law::RefusalChangesNothing),
        (Flaw::StartsTwiceAsFull, Law::NeverOver),
        (Flaw::UntilIsOneLate, Law::UntilIsExact),
        (Flaw::UntilIsOneEarly, Law::UntilIsExact),
        (Flaw::ChargesForZero, Law::ZeroCostIsFree),
        (Flaw::IgnoresPatience, Law::AllowIffAvailable),
        (Flaw::ForgivesDebt, Law::DebtIsPaidByLaterCallers),
        (Flaw::PanicsOnHugeDebt, Law::NoPanic),
        (Flaw::HidesOneUnit, Law::AllowIffAvailable),
        (Flaw::CallsTheBigBusy, Law::TooBigIsNever),
        (Flaw::GrowsWithEveryGrant, Law::BoundedMemory),
        (Flaw::NeverReturnsReleases, Law::SettlesOnce),
        (Flaw::NeverReturnsReleases, Law::AllOrNothing),
    ] {
        let broken = check(&flawed(flaw), law).expect_err(&format!("{flaw:?} breaks {law}"));
        assert_eq!(broken.law, law);
        assert!(broken.to_string().contains(law.name()), "{broken}");
    }
}

#[test]
fn a_report_has_the_law_the_shortest_trace_and_what_was_expected() {
    let broken = check(&flawed(Flaw::ForgivesDebt), Law::DebtIsPaidByLaterCallers).expect_err("debts are forgiven");
    let report = broken.to_string();
    for part in ["debt_is_paid_by_later_callers", "stamp", "reserve(", "commit(#0, ", "expected: ", "got "] {
        assert!(report.contains(part), "{part} is missing in\n{report}");
    }
    assert_eq!(broken.trace.lines().count(), 3, "title, reserve, commit:\n{}", broken.trace);
}

#[test]
fn the_same_seed_finds_the_same_trace() {
    let find = || check(&flawed(Flaw::RefundsEverything), Law::NeverOver).expect_err("too much is refunded").trace;
    assert_eq!(find(), find());
}

#[test]
fn a_constructor_that_accepts_everything_is_caught() {
    let subject = flawed(Flaw::None).rejects("a burst of zero", || Quota::new_with_burst(1, PER, 0).is_ok());
    let broken = check(&subject, Law::ConstructorsReject).expect_err("it is accepted");
    assert!(broken.expected.contains("a burst of zero"));
}

/// The counter that so many write first: so many a period, all at once when the next begins.
#[derive(Clone, Debug)]
struct FixedWindow {
    limit: u64,
    length: u64,
    window: u64,
    used: u64,
}

impl FixedWindow {
    fn used(&self, now: Instant) -> u64 {
        if now.as_micros() / self.length > self.window { 0 } else { self.used }
    }
}

impl Book for FixedWindow {
    fn room(&self, now: Instant) -> u64 {
        self.limit.saturating_sub(self.used(now))
    }

    fn quote(&self, _now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
        if cost > self.limit {
            return Err(Denied::Never { max: self.limit });
        }
        let next = self.window.max(from.as_micros() / self.length).saturating_add(1).saturating_mul(self.length);
        if cost <= self.room(from) { Ok(from) } else { Ok(Instant::from_micros(next)) }
    }

    fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
        if at > now {
            return Err(Denied::Until(at));
        }
        self.used = self.used(now) + cost;
        self.window = self.window.max(now.as_micros() / self.length);
        Ok(Reservation::new(at, cost, Token::default()))
    }

    fn settle(&mut self, _now: Instant, held: Reservation, actual: u64) {
        self.used = self.used.saturating_sub(held.cost()).saturating_add(actual);
    }
}

#[test]
fn a_fixed_window_lets_twice_its_limit_through_at_the_boundary() {
    let fixed = |now: Instant| FixedWindow { limit: 10, length: 100, window: now.as_micros() / 100, used: 0 };
    let bound = WindowBound { limit: 10, window: Duration::from_micros(100) };
    let subject = Subject::new(fixed).bound(bound).time_scale(Duration::from_micros(100)).cases(400);
    assert!(check(&subject, Law::NeverOver).is_err());
}

/// Frees a place twice: once when a job is committed and once when the next is released.
#[derive(Clone, Debug)]
struct Leaky(u64);

impl Book for Leaky {
    fn room(&self, _now: Instant) -> u64 {
        self.0
    }

    fn quote(&self, _now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
        match cost {
            0..=3 if cost <= self.0 => Ok(from),
            0..=3 => Err(Denied::Busy),
            _ => Err(Denied::Never { max: 3 }),
        }
    }

    fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
        let at = self.quote(now, at, cost)?;
        self.0 -= cost;
        Ok(Reservation::new(at, cost, Token::default()))
    }

    fn settle(&mut self, _now: Instant, held: Reservation, _actual: u64) {
        self.0 = (self.0 + held.cost()).min(3);
    }
}

#[test]
fn a_place_that_is_freed_by_a_commit_is_caught() {
    let subject = Subject::new(|_now| Leaky(3)).bound(Concurrency::new(3)).cases(400);
    assert!(check(&subject, Law::NeverOver).is_err());
}

#[test]
fn a_bucket_behind_a_clock_of_whole_milliseconds_is_late() {
    #[derive(Clone, Debug)]
    struct Coarse(TokenBucket);
    impl Book for Coarse {
        fn room(&self, now: Instant) -> u64 {
            self.0.available(Instant::from_millis(now.as_millis()))
        }
        fn quote(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
            self.0.quote(Instant::from_millis(now.as_millis()), from, cost)
        }
        fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
            self.0.book(Instant::from_millis(now.as_millis()), at, cost)
        }
        fn settle(&mut self, now: Instant, held: Reservation, actual: u64) {
            self.0.commit(Instant::from_millis(now.as_millis()), held, actual);
        }
    }
    let quota = tollgate::valid!(Quota::new_with_burst(7, Duration::from_secs(1), 3));
    let subject = Subject::new(move |now| Coarse(TokenBucket::new(quota, Start::Full, now))).cases(400);
    assert!(check(&subject, Law::UntilIsExact).is_err() || check(&subject, Law::AllowIffAvailable).is_err());
}
