//! Five clips on RTIC: the studio is a shared resource, one task orders, and each clip is a task of its own.

#![no_std]
#![no_main]

pub mod studio;

#[rtic::app(device = lm3s6965, dispatchers = [SSI0, QEI0])]
mod app {
    use super::studio::{Started, Studio};
    use board::{HZ, exit, println};
    use embassy_sync::{blocking_mutex::raw::CriticalSectionRawMutex, signal::Signal};
    use rtic_monotonics::systick::prelude::*;
    use tollgate::{Denied, Instant};

    systick_monotonic!(Mono, 1_000);
    /// A clip is ready.
    static READY: Signal<CriticalSectionRawMutex, ()> = Signal::new();

    fn now() -> Instant {
        Mono::now().into()
    }

    #[shared]
    struct Shared {
        studio: Studio,
    }
    #[local]
    struct Local {}

    #[init]
    fn init(cx: init::Context) -> (Shared, Local) {
        Mono::start(cx.core.SYST, HZ);
        order::spawn().expect("the only one");
        (Shared { studio: Studio::open(now()) }, Local {})
    }

    #[task(shared = [studio], priority = 1)]
    async fn order(mut cx: order::Context) {
        loop {
            let wake = match cx.shared.studio.lock(|studio| studio.next(now())) {
                Ok(Some(started)) => {
                    println!("{started}");
                    clip::spawn(started).or_else(other_clip::spawn).expect("two at once");
                    continue;
                }
                Ok(None) => exit(0),
                Err(Denied::Until(at)) => at,
                Err(_) => Instant::MAX,
            };
            // Sooner than said, if a clip is ready.
            let _ = Mono::timeout_at(wake.to_fugit_ceil(), READY.wait()).await;
        }
    }

    #[task(shared = [studio], priority = 1)]
    async fn clip(mut cx: clip::Context, started: Started) {
        Mono::delay(started.takes.to_fugit_ceil()).await;
        cx.shared.studio.lock(|studio| ready(studio, started));
    }

    /// A task runs once at a time, and there are two slots.
    #[task(shared = [studio], priority = 1)]
    async fn other_clip(mut cx: other_clip::Context, started: Started) {
        Mono::delay(started.takes.to_fugit_ceil()).await;
        cx.shared.studio.lock(|studio| ready(studio, started));
    }

    fn ready(studio: &mut Studio, started: Started) {
        println!("{}", studio.ready(now(), started.id));
        READY.signal(());
    }
}
