//! The gate: every limit of an upstream behind one admission, with all of its parts and with none.

use tollgate::{Adaptation, Breaker, Gate, Ledger, Limits, Request, Restraint, TokenBucket, WindowSlices};
use tollgate::{JobState, Offer, Permit};
use tollgate_proof::{any, cases, seen};

type Money = Ledger<'static, 2, 0, 2, 0, 25>;
type Full = Gate<Limits<TokenBucket, WindowSlices<60>, Money, Breaker, Restraint, Adaptation>, 8, 4>;
type Empty = Gate<Limits, 8, 4>;

/// The questions that every gate answers, each with any state.
macro_rules! questions {
    ($gate:ty) => {{
        let gate = any::<&mut $gate>;
        seen(gate().ask(any(), any()));
        seen(gate().try_ask(any(), any()));
        seen(gate().earliest(any(), any()));
        seen(gate().poll(any(), any()));
        seen(gate().sending(any(), any()));
        seen(gate().cancel(any(), any()));
        seen(gate().answered(any(), any(), any(), any(), any()));
        seen(gate().cancel_retry(any()));
        seen(gate().resolved(any(), any(), any()));
        seen(gate().tag(any(), any()));
        seen(gate().finished(any(), any(), any()));
        seen(gate().refund(any(), any(), any()));
        seen(gate().renew(any(), any(), any()));
        seen(gate().job(any(), any()));
        gate().jobs().for_each(seen);
        seen(gate().money_mut(any()));
        seen(gate().requests_mut());
        seen(gate().report(any(), any()));
        seen((gate().in_flight(any()), gate().slots(), gate().status(any()), gate().counters().refused(any())));
        seen(gate().status(any()).jobs_in(any()));
        seen(gate().reconcile(any(), any(), any(), any()));
        seen((gate().expire(any()), gate().next_event(any())));
        seen(gate().set_wall(any(), any(), any(), any()));
        gate().block_until(any(), any());
        gate().restart(any());
        gate().set_slots(any());
        gate().set_patience(any());
        gate().heard(any(), any());
        seen(gate().refund(any(), any(), any()));
    }};
}

cases! {
    gate_of_everything {
        let new = Full::new(any(), any()).with_slots(any()).with_patience(any());
        seen(new);
        questions!(Full);
    }

    gate_of_nothing {
        seen(Empty::new(any(), any()));
        questions!(Empty);
    }

    states {
        let state = any::<JobState>();
        seen((state.has_slot(), state.has_hold(), any::<&Permit>().job(), any::<&Permit>().until()));
        seen((any::<&Offer>().rate(), any::<&Offer>().jobs()));
    }

    requests {
        let request = any::<Request<'static>>;
        seen(Request::new(any(), any()));
        seen((request().weighs(any()), request().counts(any()), request().costs(any())));
        seen((request().repeatable(any()), request().attempt(any()), request().job()));
    }
}
