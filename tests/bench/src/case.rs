//! A row of instructions to count, and the two loops around a question: on one state that goes on, or each time on a new
//! one.

use core::fmt;
use core::hint::black_box;

use tollgate::{Duration, Instant};

/// What a row should cost at most, and what would be splendid.
pub type Goal = Option<(u32, u32)>;

/// A question in a state.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What is asked.
    pub limiter: &'static str,
    /// What is asked for, or what the answer is.
    pub name: &'static str,
    /// Of how many things the figure is the cost of one: bytes of a response.
    pub parts: u32,
    /// Each check on a state of its own ([`anew`]), so that all cost the same and a few will do.
    pub anew: bool,
    /// The state takes more memory than the smallest of the chips has.
    pub large: bool,
    /// On this machine, on a Cortex-M3, on a Cortex-M0.
    pub goals: [Goal; 3],
    /// Runs the checks; whether the last one was answered as the case says.
    pub run: fn(Run<'_>) -> bool,
}

impl Case {
    /// A case without goals, on a state that goes on.
    pub const fn new(limiter: &'static str, name: &'static str, run: fn(Run<'_>) -> bool) -> Self {
        Self { limiter, name, parts: 1, anew: false, large: false, goals: [None; 3], run }
    }

    /// A case without goals, each check on a state of its own.
    pub const fn anew(limiter: &'static str, name: &'static str, run: fn(Run<'_>) -> bool) -> Self {
        Self { anew: true, ..Self::new(limiter, name, run) }
    }

    /// The same with goals.
    #[must_use]
    pub const fn goals(self, host: Goal, m3: Goal, m0: Goal) -> Self {
        Self { goals: [host, m3, m0], ..self }
    }
}

impl fmt::Display for Case {
    /// The row as both programs list it: tab separated, the goals at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limiter, name, parts, .. } = self;
        write!(f, "{limiter}\t{name}\t{parts}")?;
        for goal in self.goals {
            match goal {
                Some((target, stretch)) => write!(f, "\t{target}\t{stretch}")?,
                None => write!(f, "\t\t")?,
            }
        }
        Ok(())
    }
}

/// Runs a case between marks, which whoever counts instructions looks for: with `few` checks, with twice as many, and both
/// around nothing. Whether it was answered as the case says.
#[inline(never)]
pub fn counted(case: &Case, few: u32, mark: fn()) -> bool {
    let mut right = true;
    for (empty, checks) in [(false, few), (false, 2 * few), (true, few), (true, 2 * few)] {
        let (ask, run) = black_box((case.run, Run { empty, checks, probe: None }));
        mark();
        right &= ask(run);
        mark();
    }
    right
}

/// Looks at a check from outside: how much stack it takes.
pub trait Probe {
    /// Makes the check.
    fn around(&mut self, check: &mut dyn FnMut());
}

/// How a case is run.
#[expect(missing_debug_implementations, reason = "a probe has none")]
pub struct Run<'p> {
    /// Around nothing, for what the loop costs by itself.
    pub empty: bool,
    /// So many checks.
    pub checks: u32,
    /// Who looks.
    pub probe: Option<&'p mut dyn Probe>,
}

/// Goes on asking the same limiter, with a clock that moves by `step` between the checks; through a pointer that the
/// compiler cannot see through.
pub fn drive<L, A: Default>(
    mut limiter: L,
    ask: fn(&mut L, Instant) -> A,
    step: Duration,
    mut run: Run<'_>,
    right: fn(&L, A) -> bool,
) -> bool {
    let ask = black_box(if run.empty { nothing } else { ask });
    let step = black_box(step);
    let mut now = BEGIN;
    let mut last = A::default();
    for _ in 0..run.checks {
        now = now.saturating_add(step);
        last = black_box(check(&mut run.probe, &mut limiter, now, ask));
    }
    run.empty || right(&limiter, last)
}

/// Asks once in a state that is built, and led on by `steps`, for each check, and equally often around nothing.
pub fn anew<L, A: Default>(
    build: fn() -> L,
    steps: &[fn(&mut L, Instant) -> bool],
    ask: fn(&mut L, Instant) -> A,
    mut run: Run<'_>,
    right: fn(&L, A) -> bool,
) -> bool {
    let (build, ask) = black_box((build, if run.empty { nothing } else { ask }));
    let mut well = true;
    for _ in 0..run.checks {
        let mut limiter = build();
        for step in steps {
            well &= step(&mut limiter, BEGIN);
        }
        let now = black_box((&mut limiter, BEGIN)).1;
        let last = black_box(check(&mut run.probe, &mut limiter, now, ask));
        well &= run.empty || right(&limiter, last);
    }
    well
}

fn check<L, A: Default>(
    probe: &mut Option<&mut dyn Probe>,
    limiter: &mut L,
    now: Instant,
    ask: fn(&mut L, Instant) -> A,
) -> A {
    let Some(probe) = probe else { return ask(limiter, now) };
    let mut answer = A::default();
    probe.around(&mut || answer = ask(limiter, now));
    answer
}

/// The empty limiter: what the loop around a question costs by itself.
#[inline(never)]
fn nothing<L, A: Default>(_limiter: &mut L, _now: Instant) -> A {
    A::default()
}

/// When all cases begin.
pub const BEGIN: Instant = Instant::from_secs(1_000);
