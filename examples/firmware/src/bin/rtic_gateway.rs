//! A limiter that two tasks share, on RTIC.

#![no_std]
#![no_main]

#[rtic::app(device = lm3s6965, dispatchers = [SSI0, QEI0])]
mod app {
    use board::{HZ, exit, println};
    use rtic_monotonics::systick::prelude::*;
    use tollgate::{Clock, Denied, Duration, Instant, Limiter, Quota, Start, TokenBucket, valid};

    systick_monotonic!(Mono, 1_000);

    const LINES: Quota = valid!(Quota::new_with_burst(10, Duration::from_secs(1), 4));

    #[derive(Clone, Copy)]
    struct Ticks;
    impl Clock for Ticks {
        fn now(&self) -> Instant {
            Mono::now().into()
        }
    }

    #[shared]
    struct Shared {
        limiter: TokenBucket,
    }

    #[local]
    struct Local {}

    #[init]
    fn init(cx: init::Context) -> (Shared, Local) {
        Mono::start(cx.core.SYST, HZ);
        one::spawn().ok();
        two::spawn().ok();
        (Shared { limiter: TokenBucket::new(LINES, Start::Full, Ticks.now()) }, Local {})
    }

    #[task(shared = [limiter], priority = 1)]
    async fn one(mut cx: one::Context) {
        loop {
            match cx.shared.limiter.lock(|limiter| limiter.allow(Ticks.now(), 1)) {
                Ok(()) => println!("{} one", Ticks.now().as_millis()),
                Err(Denied::Until(at)) => Mono::delay_until(at.to_fugit_ceil()).await,
                Err(_) => exit(1),
            }
        }
    }

    #[task(shared = [limiter], priority = 2)]
    async fn two(mut cx: two::Context) {
        while Ticks.now() < Instant::from_secs(2) {
            Mono::delay(130.millis()).await;
            let answer = cx.shared.limiter.lock(|limiter| limiter.allow(Ticks.now(), 1));
            println!("{} two {:?}", Ticks.now().as_millis(), answer);
        }
        exit(0)
    }
}
