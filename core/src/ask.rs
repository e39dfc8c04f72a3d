//! A ledger as one limiter among others: `reserve_all` over requests, slots and money.
//!
//! The cost of [`Ledger::ask`] counts copies of its amounts, usually 1; that of [`Ledger::account`] counts millionths.
//!
//! ```text
//! reserve_all(now, wait, [(&mut bucket, 1), (&mut slots.job(id, lease)?, 1), (&mut ledger.ask(id, ttl, &cost)?, 1)])
//! ```
//! A budget cannot be booked ahead. What does not fit now gets the first instant at which, left alone, it will: the end of
//! a hold, of a slice, or of a period, debts of several periods included. What only a release can help is `Busy`; what
//! exceeds all that there can be is `Never`.

use heapless::Vec;

use crate::bounded::Bounded;
use crate::division::divide;
use crate::hold::{AccountId, HeldLine, Hold, HoldState, LedgerError, Line, OnExpiry, Receipt};
use crate::job::JobId;
use crate::ledger::Ledger;
use crate::limiter::{Book, Denied, Reservation, Token};
use crate::terms::Renewal;
use crate::time::{Duration, Instant};

/// Some amounts of a [`Ledger`] as a one-shot limiter, or one of its accounts as an ordinary one.
///
/// A commit never fails: what a budget cannot take is unaccounted. A denial is not remembered.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ask<'l, 'a, const N: usize, const H: usize, const L: usize, const R: usize, const S: usize> {
    ledger: &'l mut Ledger<'a, N, H, L, R, S>,
    /// `None` for an account, whose holds have no ids.
    id: Option<JobId>,
    ttl: Duration,
    /// What one copy costs.
    lines: Vec<Line, L>,
}

impl<'a, const N: usize, const H: usize, const L: usize, const R: usize, const S: usize> Ledger<'a, N, H, L, R, S> {
    /// These amounts as a limiter, whose cost says how many times they are wanted: usually once. Joins
    /// [`reserve_all`](crate::reserve_all).
    ///
    /// Settle the reservation with [`commit`](Self::commit), or by its id: [`settle`](Self::settle), [`void`](Self::void).
    ///
    /// # Errors
    /// [`LedgerError::IdInUse`]; [`LedgerError::Absorbed`]; what is wrong with the lines.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Amount, BudgetSpec, Credits, Denied, Duration, Instant, JobId, Ledger, Limiter, Line, Refused};
    /// use tollgate::{Renewal, Slots, reserve_all};
    /// static CREDITS: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
    ///
    /// let (now, minute) = (Instant::ORIGIN, Duration::from_mins(1));
    /// let mut slots = Slots::<4>::new(2);
    /// let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    /// let credits = ledger.open(now, &CREDITS)?;
    ///
    /// let cost = [Line::new::<Credits>(credits, Amount::whole(70))];
    /// let mut job = slots.job(JobId(1), minute)?;
    /// let mut ask = ledger.ask(JobId(1), minute, &cost)?;
    /// let [slot, money] = reserve_all(now, Duration::ZERO, [(&mut job, 1), (&mut ask, 1)])?;
    /// slots.commit(now, slot, 1);
    /// let _ = ledger.commit(now, money, 1)?;
    ///
    /// // 30 are left, for ever: the slot is not touched.
    /// let mut job = slots.job(JobId(2), minute)?;
    /// let mut ask = ledger.ask(JobId(2), minute, &cost)?;
    /// let refused = reserve_all(now, Duration::ZERO, [(&mut job, 1), (&mut ask, 1)]).unwrap_err();
    /// assert_eq!(refused, Refused { index: 1, denied: Denied::Never { max: 0 } });
    /// assert_eq!(slots.in_flight(now), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ask(&mut self, id: JobId, ttl: Duration, lines: &[Line]) -> Result<Ask<'_, 'a, N, H, L, R, S>, LedgerError> {
        if self.hold(id).is_some() {
            return Err(LedgerError::IdInUse);
        }
        self.fresh(id)?;
        self.resolve(lines)?;
        Ok(Ask { lines: Vec::of(lines.iter().copied()), ledger: self, id: Some(id), ttl })
    }

    /// One account as a limiter, whose cost is in millionths of its unit; a reservation is held for `ttl`.
    ///
    /// # Errors
    /// [`LedgerError::UnknownBudget`], of line 0; [`LedgerError::TooManyLines`] in a ledger whose holds have no lines.
    pub fn account(&mut self, account: AccountId, ttl: Duration) -> Result<Ask<'_, 'a, N, H, L, R, S>, LedgerError> {
        let known = self.accounts.get(usize::from(account.0)).ok_or(LedgerError::UnknownBudget { line: 0 })?;
        let mut lines = Vec::new();
        let line = Line { account, unit: known.spec.unit, micros: 1 };
        lines.put(line).map_err(|_| LedgerError::TooManyLines)?;
        Ok(Ask { ledger: self, id: None, ttl, lines })
    }

    /// Settles a reservation of [`ask`](Self::ask) or [`account`](Self::account): `actual` copies, or millionths, were
    /// used. Never refused for money: what a budget cannot take is unaccounted. Zero voids it.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`]: not of this ledger, or its time was up and it is forgotten;
    /// [`LedgerError::AlreadyPosted`] or [`LedgerError::AlreadyVoided`]: settled by its id before.
    #[expect(clippy::needless_pass_by_value, reason = "settling twice must not compile")]
    pub fn commit(&mut self, now: Instant, held: Reservation, actual: u64) -> Result<Receipt, LedgerError> {
        if held.cost() == 0 && actual == 0 {
            return Ok(Receipt::of(HoldState::Voided));
        }
        let eff = self.effective(now);
        let mark = held.token().mark;
        let known = self.holds.iter().chain(&self.resolved).find(|hold| hold.mark == mark && mark != 0);
        let known =
            known.filter(|hold| hold.anonymous || hold.id.0 == held.token().key).ok_or(LedgerError::NotFound)?;
        if known.anonymous && self.is_over(known, eff) {
            return Err(LedgerError::NotFound);
        }
        match known.state {
            HoldState::Live | HoldState::Expired => {}
            HoldState::Posted | HoldState::PostedLate => return Err(LedgerError::AlreadyPosted),
            HoldState::Voided => return Err(LedgerError::AlreadyVoided),
            HoldState::Denied(_) => return Err(LedgerError::NotFound),
        }
        // Reserved was a whole number of copies; a division, but not on a decision.
        let copies = |reserved: u64| divide(reserved, held.cost()).0.saturating_mul(actual).min(i64::MAX as u64);
        let line = |line: &HeldLine| Line { account: line.account, unit: 0, micros: copies(line.reserved) };
        let lines = Vec::<Line, L>::of(known.lines.iter().map(line));
        self.act(now);
        let ours = self.remove(|known| known.mark == mark).ok_or(LedgerError::NotFound)?;
        if actual == 0 && ours.state == HoldState::Live {
            self.release_hold(ours);
            return Ok(Receipt::of(HoldState::Voided));
        }
        Ok(self.post(ours, &lines, true))
    }
}

impl<const N: usize, const H: usize, const L: usize, const R: usize, const S: usize> Ask<'_, '_, N, H, L, R, S> {
    fn is_used(&self) -> bool {
        self.id.is_some_and(|id| self.ledger.hold(id).is_some())
    }

    /// The amounts of so many copies; `None` above what an amount can be.
    fn copies(&self, cost: u64) -> Option<Vec<Line, L>> {
        let mut lines = self.lines.clone();
        for line in &mut lines {
            line.micros = line.micros.checked_mul(cost).filter(|micros| i64::try_from(*micros).is_ok())?;
        }
        Some(lines)
    }

    /// How many copies can ever pass in one call, as things stand: a limit and all that may roll over, or what is left of
    /// a budget that does not renew itself.
    fn most(&self, eff: Instant) -> u64 {
        let most = self.lines.iter().filter_map(|line| {
            let (spec, budget) = self.ledger.view(line.account, eff)?;
            let most = match spec.renewal {
                Renewal::Lifetime => budget.left_without_holds(spec),
                Renewal::Rolling(_) => spec.limit,
                Renewal::Calendar(_) | Renewal::Zone(_) => {
                    spec.limit.saturating_add(budget.bonus.max(spec.max_bonus()))
                }
            };
            most.checked_div(line.micros)
        });
        most.min().unwrap_or(u64::MAX)
    }

    /// Whether it is more than [`most`](Self::most), without a division.
    fn is_too_big(&self, lines: &[Line], eff: Instant) -> bool {
        lines.iter().any(|line| {
            self.ledger.view(line.account, eff).is_some_and(|(spec, budget)| match spec.renewal {
                Renewal::Lifetime => line.micros > budget.left_without_holds(spec),
                Renewal::Rolling(_) => line.micros > spec.limit,
                Renewal::Calendar(_) | Renewal::Zone(_) => {
                    line.micros > spec.limit.saturating_add(budget.bonus.max(spec.max_bonus()))
                }
            })
        })
    }

    /// When this will fit, left alone. A few dozen periods ahead at most; then it is to be asked again.
    fn until(&self, lines: &[Line], eff: Instant) -> Denied {
        let (mut t, events) = (eff, 2 * H + S + 64);
        for _ in 0..events {
            let changes = lines.iter().filter_map(|line| self.ledger.next_change(line.account, t));
            let ends = self.ledger.holds.iter().flat_map(|hold| self.ends(hold, lines));
            let Some(next) = changes.chain(ends.filter(|end| *end > t && *end < Instant::MAX)).min() else {
                return Denied::Busy;
            };
            t = next;
            if self.ledger.admit(lines, t).is_ok() {
                break;
            }
        }
        Denied::Until(t)
    }

    /// When a hold stops counting in one of these accounts.
    fn ends(&self, hold: &Hold<L>, lines: &[Line]) -> impl Iterator<Item = Instant> + use<N, H, L, R, S> {
        let mut ends = [Instant::MAX; 2];
        let deadline = self.ledger.deadline(hold);
        for line in lines.iter().filter(|line| hold.line(line.account).is_some()) {
            let account = self.ledger.accounts.get(usize::from(line.account.0));
            ends = match account.map(|account| account.spec.renewal) {
                // Posted when its time is up, it is in the window for that long and a slice.
                Some(Renewal::Rolling(rolling)) if hold.on_expiry == OnExpiry::Post => {
                    let leaves = deadline.saturating_add(rolling.length()).saturating_add(rolling.slice());
                    [deadline, leaves.min(ends[1])]
                }
                _ => [deadline, ends[1]],
            };
        }
        ends.into_iter()
    }
}

impl<const N: usize, const H: usize, const L: usize, const R: usize, const S: usize> Book
    for Ask<'_, '_, N, H, L, R, S>
{
    fn room(&self, now: Instant) -> u64 {
        let eff = self.ledger.effective(now);
        if self.is_used() || !self.ledger.has_place(eff) {
            return 0;
        }
        let fits = self.lines.iter().filter_map(|line| {
            let (spec, budget) = self.ledger.view(line.account, eff)?;
            budget.free(spec).checked_div(line.micros)
        });
        fits.min().unwrap_or(u64::MAX)
    }

    /// `Busy` while the table of holds is full.
    fn quote(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
        let eff = self.ledger.effective(now);
        let Some(lines) = self.copies(cost).filter(|lines| !self.is_too_big(lines, eff)) else {
            return Err(Denied::Never { max: self.most(eff) });
        };
        if self.is_used() || !self.ledger.has_place(eff) {
            return Err(Denied::Busy);
        }
        if self.ledger.admit(&lines, eff).is_ok() { Ok(from) } else { Err(self.until(&lines, eff)) }
    }

    fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
        self.quote(now, at, cost)?;
        let lines = self.copies(cost).ok_or(Denied::Busy)?;
        let eff = self.ledger.act(now);
        let (id, anonymous) = (self.id.unwrap_or(JobId(0)), self.id.is_none());
        let mark = self.ledger.insert(id, &lines, eff.max(at).saturating_add(self.ttl), anonymous);
        Ok(Reservation::new(at, cost, Token { key: id.0, mark }))
    }

    /// Late, or for a reservation of nothing, it is a fresh charge.
    fn settle(&mut self, now: Instant, held: Reservation, actual: u64) {
        if self.ledger.commit(now, held, actual) == Err(LedgerError::NotFound) && actual > 0 {
            let mut copies = self.lines.clone();
            for line in &mut copies {
                line.micros = line.micros.saturating_mul(actual).min(i64::MAX as u64);
            }
            self.ledger.act(now);
            if let Ok(mut hold) = self.ledger.strange(self.id.unwrap_or(JobId(0)), &copies) {
                hold.anonymous = self.id.is_none();
                let _ = self.ledger.post(hold, &copies, true);
            }
        }
    }

    fn take(&mut self, now: Instant, cost: u64) -> Result<(), Denied> {
        self.quote(now, now, cost)?;
        let lines = self.copies(cost).ok_or(Denied::Busy)?;
        self.ledger.act(now);
        self.ledger.charge_admitted(self.id, &lines);
        Ok(())
    }
}
