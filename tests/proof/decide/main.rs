//! Decisions alone: whether a call may go, and nothing about when.
//!
//! A retry time may divide; whoever does not look at it must not pay for it. So these ask for a plain yes or no, and what
//! the linker brings along says whether a decision divides 64 bits or knows a float.
//!
//! Not among them: a budget, which divides when its calendar period turns, and the gate, which tells with every refusal
//! when to come back.

#![no_std]
#![no_main]

use tollgate::journal::Lease;
use tollgate::{Aimd, Breaker, Job, Limiter, RatioBudget, RetryQuota, TokenBucket, WindowLog, WindowSlices};
use tollgate::{Burst, Queue, Restraint};
use tollgate_proof::{any, cases, seen};

cases! {
    decide_token_bucket {
        seen(any::<&mut TokenBucket>().allow(any(), any()).is_ok());
        seen(any::<&mut TokenBucket>().available(any()) >= 1);
    }

    decide_window_log {
        seen(any::<&mut WindowLog<16>>().allow(any(), any()).is_ok());
    }

    decide_window_slices {
        seen(any::<&mut WindowSlices<60>>().allow(any(), any()).is_ok());
    }

    decide_slots {
        seen(any::<&mut Job<'static, 8>>().allow(any(), any()).is_ok());
    }

    decide_breaker {
        seen(any::<&mut Breaker>().allow(any(), any()).is_ok());
    }

    decide_retries {
        seen(any::<&mut RetryQuota>().take(any()).is_ok());
        seen(any::<&mut RatioBudget>().allows(any()));
        any::<&mut Aimd>().succeeded();
    }

    decide_queue {
        let queue = any::<&mut Queue<u64, 32, 3>>;
        seen(queue().submit(any(), any(), any()).is_ok());
        seen(queue().pop(any()).is_some());
        seen(queue().cancel(any()).is_some());
    }

    /// What a charge inside a lease asks on top of its budget.
    decide_lease {
        let lease = any::<&mut Lease>;
        seen(lease().before(any(), any(), any()).is_none());
        seen(lease().after(any(), any()).is_some());
        lease().written(any());
    }

    decide_retry {
        any::<&mut Restraint>().sending(any());
        seen(any::<&mut Burst>().refused(any(), any()));
    }
}

/// Where the firmware would start.
#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    all();
    loop {
        core::hint::spin_loop();
    }
}
