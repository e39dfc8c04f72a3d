//! Dealing with an upstream: delays, retries, the breaker, adaptation.

use tollgate::{
    Aimd, AimdPolicy, Backoff, Breaker, BreakerPolicy, Burst, Outcome, Pacing, Policy, RatioBudget, Restraint,
};
use tollgate::{Retry, RetryQuota};
use tollgate_proof::{any, cases, seen};

use crate::limiters::verbs;

cases! {
    backoff {
        seen(Policy::new(any(), any()));
        let policy = any::<&Policy>;
        seen((policy().with_growth(any()), policy().with_jitter(any())));
        seen((policy().with_retries(any()), policy().with_deadline(any())));
        seen(Backoff::new(any(), any()));
        let backoff = any::<&mut Backoff>;
        backoff().reset(any());
        seen(backoff().next(any(), any()));
        seen(backoff().after(any(), any(), any()));
        seen(backoff().peek(any(), any()));
        seen((backoff().start(), backoff().retried()));
    }

    retry {
        seen(Retry::new(any(), any(), any()));
        seen(any::<&mut Retry>().decide(any(), any::<&Outcome>(), any(), any()));
        seen(any::<&mut Retry>().cancel(any()));
        seen((any::<&Retry>().retried(), any::<&Retry>().taken()));
        any::<&mut Restraint>().sending(any());
        seen(Outcome::from(any::<&tollgate::headers::Feedback>()));
    }

    retry_quota {
        seen(RetryQuota::new(any()));
        let quota = any::<&mut RetryQuota>;
        seen(quota().take(any()));
        quota().succeeded(any());
        quota().cancelled(any());
        seen(quota().left());
        seen(RatioBudget::new(any(), any(), any()));
        let ratio = any::<&mut RatioBudget>;
        ratio().deposit(any());
        seen(ratio().allows(any()));
        seen(ratio().withdraw(any()));
    }

    burst {
        seen(Burst::new(any(), any(), any()));
        seen(any::<&mut Burst>().refused(any(), any()));
        any::<&mut Burst>().reset();
    }

    breaker {
        seen(BreakerPolicy::new(any(), any()));
        seen(any::<&BreakerPolicy>().with_probes(any()));
        seen(any::<&BreakerPolicy>().with_probe_timeout(any()));
        seen(Breaker::new(any(), any()));
        verbs::<Breaker>();
        let breaker = any::<&mut Breaker>;
        seen(breaker().phase(any()));
        breaker().success(any(), any());
        breaker().failure(any(), any());
    }

    adapt {
        seen(any::<&AimdPolicy>().checked());
        seen(Aimd::new(any()));
        let aimd = any::<&mut Aimd>;
        seen(aimd().congested(any(), any()));
        seen(aimd().crowded(any(), any(), any()));
        aimd().succeeded();
        seen(aimd().value());
        seen(any::<&Pacing>().gap(any(), any(), any()));
    }
}
