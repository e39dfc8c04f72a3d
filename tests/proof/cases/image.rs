//! Images of every kind: saved anywhere, restored from any bytes at all.

use tollgate::{
    Adaptation, Aimd, Backoff, Boot, Breaker, Burst, Credits, Gate, Grants, Image, Ledger, Limits, RatioBudget,
    Restraint, RetryQuota,
};
use tollgate::{Slots, TokenBucket, Usage, Wall, WindowLog, WindowSlices, saved_at};
use tollgate_proof::{any, cases, seen};

type Money = Ledger<'static, 2, 0, 2, 0, 25>;
type Full = Gate<Limits<TokenBucket, WindowSlices<60>, Money, Breaker, Restraint, Adaptation>, 8, 4>;

/// Both ways, with nothing known of the state, the instants and the bytes.
#[inline(always)]
fn both_ways<T: Image + 'static>() {
    seen(any::<&T>().save(any(), any()));
    seen(any::<&mut T>().restore(any(), any(), any(), any()));
}

cases! {
    images_of_limiters {
        both_ways::<TokenBucket>();
        both_ways::<WindowLog<16>>();
        both_ways::<WindowSlices<60>>();
        both_ways::<Slots<8>>();
    }

    /// The smallest ones, whose arithmetic differs.
    images_of_small_windows {
        both_ways::<WindowLog<1>>();
        both_ways::<WindowSlices<1>>();
    }

    images_of_retries {
        both_ways::<Backoff>();
        both_ways::<RetryQuota>();
        both_ways::<RatioBudget>();
        both_ways::<Burst>();
        both_ways::<Restraint>();
        both_ways::<Breaker>();
        both_ways::<Aimd>();
    }

    images_of_time {
        both_ways::<Wall>();
        both_ways::<Boot>();
        seen((any::<Boot>().count(), any::<Boot>().last()));
        seen(saved_at(any()));
    }

    /// Every place filled, none, and every place one that may be empty.
    images_of_gates {
        both_ways::<Full>();
        both_ways::<Gate<Limits, 8, 4>>();
        both_ways::<Gate<Limits<Option<TokenBucket>, Option<WindowLog<8>>, (), Option<Breaker>, Option<Restraint>, Option<Adaptation>>, 4, 2>>();
    }

    images_of_money {
        both_ways::<Ledger<'static, 4, 8, 2, 8, 25>>();
        both_ways::<Grants<Credits, 4, 8, 4, 8>>();
        both_ways::<Usage<Credits, 8>>();
    }
}
