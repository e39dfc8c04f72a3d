//! Why a [`Gate`] refuses, and exactly when it will not: only who wants to know pays for it.

use super::limits::AnyLimits;
use super::money::Money;
use super::part::Part;
use super::request::{AskError, Binding, Request};
use super::{Asks, Gate};
use crate::bounded::Counting;
use crate::limiter::{Denied, LOOKAHEAD};
use crate::time::Instant;

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize> Gate<L, JOBS, CALLS> {
    /// When this request would pass, if nothing happens until then; while permits are out that may come back unsent, when
    /// the first of them is void, if that is sooner. Changes nothing.
    ///
    /// # Errors
    /// As [`ask`](Self::ask), but never `Until`.
    pub fn earliest(&self, now: Instant, request: &Request<'_>) -> Result<Instant, AskError> {
        let eff = self.effective(now);
        let asks = self.kind(eff, request)?;
        match self.look_ahead(eff, request, asks) {
            None => Ok(now),
            Some((_, Denied::Until(at))) => Ok(at),
            Some((limit, denied)) => Err(AskError::Refused { limit, denied }),
        }
    }

    /// Exactly when what is refused at `eff` passes, and who binds until then; `None` if it passes now.
    pub(super) fn look_ahead(&self, eff: Instant, request: &Request<'_>, asks: Asks) -> Option<(Binding, Denied)> {
        let look = self.quote(eff, request, asks, Look { worst: None, later: false, paid: asks != Asks::New });
        look.worst.map(|refused| self.look_on(eff, request, asks, look, refused))
    }

    /// The same, for what was `refused` at `eff`. On its own, so that nothing is got ready for it where all agree.
    #[inline(never)]
    fn look_on(
        &self,
        eff: Instant,
        request: &Request<'_>,
        asks: Asks,
        mut look: Look,
        (mut binds, mut denied): (Binding, Denied),
    ) -> (Binding, Denied) {
        let mut asked = eff;
        // As `admit_at`, without patience.
        for _ in 1..LOOKAHEAD {
            let Denied::Until(again) = denied else { break };
            if again <= asked || again == Instant::MAX {
                denied = Denied::Until(again.max(asked));
                break;
            }
            asked = again;
            look = self.quote(asked, request, asks, Look { worst: None, later: true, ..look });
            match look.worst {
                None => break,
                Some((limit, next)) => {
                    // It frees, and then only a release helps: no instant can be promised.
                    (binds, denied) = (limit, if matches!(next, Denied::Until(_)) { next } else { Denied::Busy });
                }
            }
        }
        if let (Denied::Until(at), Asks::Again) = (denied, asks) {
            // When its lease is over it is no longer a question of limits.
            denied = Denied::Until(at.min(self.lease_end_of(request.job)));
        }
        (binds, denied)
    }

    /// Asks every limit that has not agreed for good; the worst refusal counts, and the first wins a tie. `None` if all
    /// agree, which is exactly where [`binds`](Self::binds) names none.
    fn quote(&self, asked: Instant, request: &Request<'_>, asks: Asks, mut look: Look) -> Look {
        let limits = self.limits.all();
        let cost = request.requests;
        let closed = self.state.block.max(self.state.paced);
        if !look.later && closed > asked {
            look.hear(Binding::Block, Denied::Until(closed));
        }
        self.part(asked, Binding::Requests, limits.requests.part_quote(asked, cost), &mut look);
        self.part(asked, Binding::Window, limits.window.part_quote(asked, cost), &mut look);
        if !look.later && asks == Asks::New {
            if let Err(denied) = self.slots_quote(asked, request.weight) {
                look.hear(Binding::Slots, denied);
            }
            if let Err(denied) = self.place_quote(asked) {
                look.hear(Binding::Jobs, denied);
            }
        }
        if !look.paid {
            let quoted = limits.money.quote(asked, request.estimate, &self.ends());
            look.paid = quoted.lasts;
            if let Some((account, denied)) = quoted.worst {
                look.hear(Binding::Money(account), denied);
            }
        }
        self.part(asked, Binding::Breaker, limits.breaker.part_quote(asked, 1), &mut look);
        if !look.later
            && let Err(denied) = self.call_quote(asked)
        {
            look.hear(Binding::Calls, denied);
        }
        look
    }

    /// What a limit answers that books requests.
    #[inline]
    fn part(&self, asked: Instant, limit: Binding, quote: Result<Instant, Denied>, look: &mut Look) {
        match quote {
            Ok(at) if at <= asked => {}
            Ok(at) => look.hear(limit, self.or_void(asked, Denied::Until(at))),
            Err(denied) => look.hear(limit, self.or_void(asked, denied)),
        }
    }

    /// A permit that is not sent gives its request back when it is void, and that may be all that is waited for.
    #[inline(never)]
    fn or_void(&self, asked: Instant, denied: Denied) -> Denied {
        let void = self.calls.iter().filter(|call| !call.sent).map(|call| call.until).soonest();
        match denied {
            Denied::Until(at) => Denied::Until(at.min(void.max(asked))),
            Denied::Busy if void < Instant::MAX => Denied::Until(void.max(asked)),
            denied => denied,
        }
    }

    fn lease_end_of(&self, id: crate::job::JobId) -> Instant {
        self.find(id).map_or(Instant::MAX, |job| job.ends)
    }

    fn slots_quote(&self, asked: Instant, weight: u32) -> Result<(), Denied> {
        if weight > self.state.slots {
            return Err(Denied::Never { max: u64::from(self.state.slots) });
        }
        // What the adaptation has lowered may rise again: not `Never`.
        if self.slots_fit(asked, weight) { Ok(()) } else { Err(self.slots_return(asked, weight)) }
    }

    /// When leases alone free enough slots.
    #[inline(never)]
    fn slots_return(&self, asked: Instant, weight: u32) -> Denied {
        let wanted = self.taken(asked).saturating_add(u64::from(weight));
        let (mut at, mut missing) = (asked, wanted.saturating_sub(u64::from(self.slots())));
        for _ in 0..JOBS {
            let (mut next, mut freed) = (Instant::MAX, 0u64);
            for job in self.jobs.iter().filter(|job| job.state.has_slot() && job.ends > at) {
                if job.ends < next {
                    (next, freed) = (job.ends, 0);
                }
                if job.ends == next {
                    freed = freed.saturating_add(job.weight.into());
                }
            }
            if next == Instant::MAX {
                break;
            }
            if freed >= missing {
                return Denied::Until(next);
            }
            (at, missing) = (next, missing.saturating_sub(freed));
        }
        Denied::Busy
    }

    fn place_quote(&self, asked: Instant) -> Result<(), Denied> {
        if self.has_place(asked) {
            return Ok(());
        }
        let first = self.jobs.iter().map(|job| job.ends).soonest();
        Err(if first == Instant::MAX { Denied::Busy } else { Denied::Until(first) })
    }

    fn call_quote(&self, asked: Instant) -> Result<(), Denied> {
        if self.has_call_place(asked) {
            return Ok(());
        }
        Err(Denied::Until(self.calls.iter().map(|call| call.until).soonest()))
    }
}

/// One look at all limits.
#[derive(Clone, Copy)]
struct Look {
    /// The refusal that binds so far.
    worst: Option<(Binding, Denied)>,
    /// A second one, at the latest `Until` of the first: the block, the slots and the places in the tables agree from there
    /// on.
    later: bool,
    /// The accounts agree at the latest `Until` of the first, and from there on.
    paid: bool,
}

impl Look {
    #[inline(never)]
    fn hear(&mut self, limit: Binding, denied: Denied) {
        if self.worst.is_none_or(|(_, worst)| denied.outranks(worst)) {
            self.worst = Some((limit, denied));
        }
    }
}
