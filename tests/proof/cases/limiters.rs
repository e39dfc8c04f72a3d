//! Limiters: what decides whether a call may go.

use tollgate::{
    Book, Clocked, Duration, Job, JobId, Limiter, ManualClock, Quota, Reservation, Slots, TokenBucket, Window,
};
use tollgate::{Denied, WindowLog, WindowSlices, reserve_all};
use tollgate_proof::{any, cases, seen};

/// The questions that every limiter answers, each with any state.
#[inline(always)]
pub fn verbs<L: Limiter + 'static>() {
    let limiter = any::<&mut L>;
    seen(limiter().available(any()));
    seen(limiter().earliest(any(), any()));
    seen(limiter().allow(any(), any()));
    seen(limiter().reserve(any(), any(), any()));
    limiter().commit(any(), any(), any());
    limiter().release(any(), any());
    seen(limiter().quote(any(), any(), any()));
    seen(limiter().book(any(), any(), any()));
}

cases! {
    /// Configuration known only at run time.
    quota {
        seen(Quota::new(any(), any()));
        seen(Quota::new_with_burst(any(), any(), any()));
        seen(Quota::every(any()));
        let quota = any::<&Quota>;
        seen(quota().with_burst(any()));
        seen((quota().units(), quota().per(), quota().burst(), quota().worst_case(any())));
        seen(*quota() == any());
        seen(any::<tollgate::QuotaError>().message());
    }

    token_bucket {
        seen(TokenBucket::new(any(), any(), any()));
        verbs::<TokenBucket>();
        let bucket = any::<&mut TokenBucket>;
        seen((bucket().quota(), bucket().worst_case(any()), bucket().clock_faults()));
        bucket().credit(any(), any());
        bucket().restart(any());
        bucket().set_quota(any(), any(), any());
    }

    window {
        seen(Window::new(any(), any()));
        seen(any::<&Window>().with_lease(any()));
        seen(any::<tollgate::WindowError>().message());
    }

    window_log {
        seen(WindowLog::<16>::new(any(), any(), any(), any()));
        verbs::<WindowLog<16>>();
        let log = any::<&mut WindowLog<16>>;
        seen((log().window(), log().usage_permille(any()), log().clock_faults()));
        seen(log().pace(any(), any()));
        log().restart(any());
    }

    window_slices {
        seen(WindowSlices::<60>::new(any(), any(), any()));
        verbs::<WindowSlices<60>>();
        let slices = any::<&mut WindowSlices<60>>;
        seen((slices().window(), slices().usage_permille(any()), slices().clock_faults()));
        seen(slices().pace(any(), any()));
        slices().restart(any());
    }

    /// The smallest ones, whose arithmetic differs.
    small_windows {
        verbs::<WindowLog<1>>();
        verbs::<WindowSlices<1>>();
    }

    slots {
        let slots = any::<&mut Slots<8>>;
        seen(slots().close(any(), any()));
        seen(slots().renew(any(), any(), any()));
        seen(slots().expire(any()));
        seen(slots().reconcile(any(), any(), any::<&[JobId]>(), any()));
        slots().restart(any());
        slots().set_limit(any());
        seen((slots().limit(), slots().in_flight(any()), slots().expired(), slots().clock_faults()));
        slots().jobs().for_each(seen);
        slots().commit(any(), any(), any());
        slots().release(any(), any());
        seen(Slots::<8>::new(any()));
    }

    slots_of_a_job {
        seen(any::<&mut Slots<8>>().job(any(), any()));
        verbs::<Job<'static, 8>>();
    }

    denials {
        seen((any::<Denied>().worse(any()), any::<&Reservation>().at(), any::<&Reservation>().cost()));
    }

    all_or_none {
        let limits: [(&mut dyn Book, u64); 3] = [
            (any::<&mut TokenBucket>(), any()),
            (any::<&mut WindowLog<16>>(), any()),
            (any::<&mut WindowSlices<60>>(), any()),
        ];
        seen(reserve_all(any(), any(), limits));
        seen(reserve_all(any(), any(), any::<[(&mut dyn Book, u64); 5]>()));
    }

    clocked {
        let clocked = any::<&mut Clocked<&ManualClock, TokenBucket>>;
        seen((clocked().now(), clocked().available(), clocked().earliest(any()), clocked().allow(any())));
        seen(clocked().reserve(any(), any()));
        clocked().commit(any::<Reservation>(), any());
        clocked().release(any::<Reservation>());
        clocked().clock().advance(any::<Duration>());
        seen(clocked().limiter_mut());
    }
}
