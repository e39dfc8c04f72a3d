//! The laws by name, and the machine that runs random traces against them.

use core::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tollgate::Limiter;

use super::report::{Broken, Log};
use super::subject::{Scale, Subject};
use super::trace::{Driver, Mood, Trace, traces};
use super::world::World;

mod answers;
mod atomic;
mod limits;
mod settling;
mod twins;

/// What every limiter keeps. The order is that in which [`contract`] tries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Law {
    /// What the subject's constructors must reject, they reject.
    ConstructorsReject,
    /// No input panics: any stamp, any cost, a reservation of another limiter.
    NoPanic,
    /// Zero always passes, at once, and leaves no entry.
    ZeroCostIsFree,
    /// More than the maximum is refused as `Never { max }` at once; no other cost ever is.
    TooBigIsNever,
    /// `allow(now, n)` succeeds exactly when `n <= available(now)`; so do `reserve` without patience, `fits` and `charge`.
    AllowIffAvailable,
    /// A refused call is refused at every fraction of the wait and a microsecond before its end, and granted at its end.
    UntilIsExact,
    /// Neither a refusal nor a call of zero cost changes any later answer; not even the limiter's time moves.
    RefusalChangesNothing,
    /// What is granted depends on what was granted, not on how often somebody asked.
    PollInvariance,
    /// A stamp older than the latest one acted on counts as that one: it adds nothing, drains nothing, locks nobody out.
    TimeBackwardsMintsNothing,
    /// The subject's bound holds over every interval of effective time, without debt.
    NeverOver,
    /// What is released at once leaves no trace, unless somebody was promised behind it.
    SettlesOnce,
    /// Who settles less than he held is never better off than had he held no more than that.
    GivesBackOnlyWhatTimeHasNot,
    /// Committing more than was held never fails; the difference is gone for those who come after.
    DebtIsPaidByLaterCallers,
    /// `reserve_all` changes all of its limits or none, whatever their order.
    AllOrNothing,
    /// However long the trace, the footprint stays within what the subject says.
    BoundedMemory,
}

impl Law {
    /// All of them, in the order in which they are tried.
    pub const ALL: [Self; 15] = [
        Self::ConstructorsReject,
        Self::NoPanic,
        Self::ZeroCostIsFree,
        Self::TooBigIsNever,
        Self::AllowIffAvailable,
        Self::UntilIsExact,
        Self::RefusalChangesNothing,
        Self::PollInvariance,
        Self::TimeBackwardsMintsNothing,
        Self::NeverOver,
        Self::SettlesOnce,
        Self::GivesBackOnlyWhatTimeHasNot,
        Self::DebtIsPaidByLaterCallers,
        Self::AllOrNothing,
        Self::BoundedMemory,
    ];

    /// The name, as in `until_is_exact`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConstructorsReject => "constructors_reject",
            Self::NoPanic => "no_panic",
            Self::ZeroCostIsFree => "zero_cost_is_free",
            Self::TooBigIsNever => "too_big_is_never",
            Self::AllowIffAvailable => "allow_iff_available",
            Self::UntilIsExact => "until_is_exact",
            Self::RefusalChangesNothing => "refusal_changes_nothing",
            Self::PollInvariance => "poll_invariance",
            Self::TimeBackwardsMintsNothing => "time_backwards_mints_nothing",
            Self::NeverOver => "never_over",
            Self::SettlesOnce => "settles_once",
            Self::GivesBackOnlyWhatTimeHasNot => "gives_back_only_what_time_has_not",
            Self::DebtIsPaidByLaterCallers => "debt_is_paid_by_later_callers",
            Self::AllOrNothing => "all_or_nothing",
            Self::BoundedMemory => "bounded_memory",
        }
    }

    /// What it says, in a sentence.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::ConstructorsReject => "what cannot be represented exactly is an error",
            Self::NoPanic => "no input panics",
            Self::ZeroCostIsFree => "zero always passes and leaves no entry",
            Self::TooBigIsNever => "more than the maximum is `Never`, at once, and nothing else is",
            Self::AllowIffAvailable => "allow(now, n) succeeds exactly when n <= available(now)",
            Self::UntilIsExact => "refused a microsecond before `Until(t)`, granted at `t`",
            Self::RefusalChangesNothing => "a refused or free call changes no later answer",
            Self::PollInvariance => "what is granted depends on grants, not on how often it was asked",
            Self::TimeBackwardsMintsNothing => "an old stamp counts as the latest one acted on",
            Self::NeverOver => "the bound holds over every interval",
            Self::SettlesOnce => "what is released at once leaves no trace",
            Self::GivesBackOnlyWhatTimeHasNot => "a release never returns what time has returned already",
            Self::DebtIsPaidByLaterCallers => "what was used beyond the booking is gone for those who come after",
            Self::AllOrNothing => "all limits change, or none",
            Self::BoundedMemory => "the footprint stays within its limit",
        }
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the body of a law works with.
pub(super) struct Case<'a, L> {
    pub(super) subject: &'a Subject<L>,
    pub(super) scale: Scale,
    pub(super) trace: &'a Trace,
}

/// What was expected and what came instead.
pub(super) type Verdict = Result<(), String>;

impl<L: Limiter + Clone> Case<'_, L> {
    pub(super) fn driver(&self, mood: Mood) -> Driver {
        Driver::new(mood, self.scale, self.trace.start)
    }

    pub(super) fn world(&self, driver: &Driver) -> World<L> {
        World::new(self.subject.make(driver.now), driver.now)
    }

    /// Costs to look with: the smallest, the largest, and one between.
    pub(super) fn costs(&self) -> [u64; 3] {
        let max = self.scale.max_cost;
        [1, max.div_ceil(2), max]
    }
}

type Body<L> = fn(&Case<'_, L>, &mut Log) -> Verdict;

fn body<L: Limiter + Clone>(law: Law) -> Body<L> {
    match law {
        Law::ConstructorsReject => limits::constructors_reject,
        Law::NoPanic => limits::no_panic,
        Law::ZeroCostIsFree => answers::zero_cost_is_free,
        Law::TooBigIsNever => answers::too_big_is_never,
        Law::AllowIffAvailable => answers::allow_iff_available,
        Law::UntilIsExact => answers::until_is_exact,
        Law::RefusalChangesNothing => twins::refusal_changes_nothing,
        Law::PollInvariance => twins::poll_invariance,
        Law::TimeBackwardsMintsNothing => twins::time_backwards_mints_nothing,
        Law::NeverOver => limits::never_over,
        Law::SettlesOnce => settling::settles_once,
        Law::GivesBackOnlyWhatTimeHasNot => settling::gives_back_only_what_time_has_not,
        Law::DebtIsPaidByLaterCallers => settling::debt_is_paid_by_later_callers,
        Law::AllOrNothing => atomic::all_or_nothing,
        Law::BoundedMemory => limits::bounded_memory,
    }
}

/// Runs all laws on a limiter.
///
/// # Panics
/// With the first law that is broken: its name, the shortest trace found, and what was expected.
pub fn contract<L: Limiter + Clone>(subject: &Subject<L>) {
    for law in Law::ALL {
        if let Err(broken) = check(subject, law) {
            panic!("{broken}");
        }
    }
}

/// Runs one law on a limiter, and answers instead of panicking.
///
/// # Errors
/// The law, if it is broken, with the shortest trace that was found.
pub fn check<L: Limiter + Clone>(subject: &Subject<L>, law: Law) -> Result<(), Broken> {
    let seed = environment("TOLLGATE_SEED").unwrap_or(0);
    let cases = environment("TOLLGATE_CASES").and_then(|cases| u32::try_from(cases).ok()).unwrap_or(subject.cases);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 4096, ..Config::default() };
    let mut bytes = [0u8; 32];
    bytes.iter_mut().zip(seed.to_le_bytes()).for_each(|(byte, part)| *byte = part);
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));

    let scale = subject.scale();
    let body = body::<L>(law);
    let outcome = runner.run(&traces(subject.steps), |trace| {
        body(&Case { subject, scale, trace: &trace }, &mut Log::off()).map_err(TestCaseError::fail)
    });
    let trace = match outcome {
        Ok(()) => return Ok(()),
        Err(TestError::Fail(_, trace)) => trace,
        Err(TestError::Abort(reason)) => unreachable!("no trace is ever rejected, yet: {reason}"),
    };
    // Once more, with the pen in hand.
    let mut log = Log::on();
    let verdict = catch_unwind(AssertUnwindSafe(|| body(&Case { subject, scale, trace: &trace }, &mut log)));
    let expected = match verdict {
        Ok(Err(expected)) => expected,
        Ok(Ok(())) => "the same answers to the same calls, but a second run of this trace went well".into(),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            format!("no panic after this, got \"{}\"", text.unwrap_or_default())
        }
    };
    Err(Broken { law, expected, trace: log.table(), seed })
}

fn environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.trim().parse().ok()
}
