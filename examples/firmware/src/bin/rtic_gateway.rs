//! The same gateway on RTIC, with a fugit monotonic: the desk is a shared resource, and each event a task.
//!
//! ```text
//! customers ──submit──> desk ──next──> dispatch ──200──> clip ──finished──> desk      Until(at): timeout_at(at, CHANGED)
//!              └──────────── CHANGED ─────^─────────────────────────┘                 Busy: CHANGED
//! ```

#![no_std]
#![no_main]

#[rtic::app(device = lm3s6965, dispatchers = [SSI0, QEI0])]
mod app {
    use board::{HZ, desk::Desk, desk::WANTED, exit, println};
    use embassy_sync::{blocking_mutex::raw::CriticalSectionRawMutex, signal::Signal};
    use rtic_monotonics::systick::prelude::*;
    use tollgate::{Answer, Instant};

    systick_monotonic!(Mono, 1_000);
    /// A clip came or ended.
    static CHANGED: Signal<CriticalSectionRawMutex, ()> = Signal::new();

    /// RTIC's time as ours, at a millisecond a tick. The log has tenths of a second: finer ones depend on the compiler.
    fn now() -> Instant {
        Mono::now().into()
    }

    #[shared]
    struct Shared {
        desk: Desk,
    }
    #[local]
    struct Local {}

    #[init]
    fn init(cx: init::Context) -> (Shared, Local) {
        Mono::start(cx.core.SYST, HZ);
        customers::spawn().and_then(|()| dispatch::spawn()).expect("the only ones");
        (Shared { desk: Desk::new(now()) }, Local {})
    }

    #[task(shared = [desk], priority = 2)]
    async fn customers(mut cx: customers::Context) {
        for (number, customer, seconds) in WANTED {
            let taken = cx.shared.desk.lock(|desk| desk.submit(now(), number, customer, seconds));
            println!(
                "{:4} clip {number} of {seconds} s for customer {customer}: taken {taken}",
                now().as_millis() / 100
            );
            CHANGED.signal(());
            Mono::delay(100.millis()).await;
        }
    }

    #[task(shared = [desk], priority = 1)]
    async fn dispatch(mut cx: dispatch::Context) {
        loop {
            let order = match cx.shared.desk.lock(|desk| desk.next(now())) {
                Ok(order) => order,
                Err(denied) => {
                    // Sooner than said, if a clip comes or ends.
                    let _ = Mono::timeout_at(Desk::when(denied).to_fugit_ceil(), CHANGED.wait()).await;
                    continue;
                }
            };
            let (number, seconds) = (order.number(), order.seconds());
            println!("{:4} clip {number} is ordered", now().as_millis() / 100);
            let status = cx.shared.desk.lock(Desk::ask_upstream);
            Mono::delay(50.millis()).await;
            match cx.shared.desk.lock(|desk| desk.answered(now(), order, status)) {
                Answer::Accepted if clip::spawn(number, seconds).is_ok() => {}
                Answer::Accepted => second_clip::spawn(number, seconds).expect("two run at most"),
                answer => {
                    println!("{:4} clip {number}: status {status}, {}", now().as_millis() / 100, Desk::word(answer));
                }
            }
        }
    }

    #[task(shared = [desk], priority = 1)]
    async fn clip(mut cx: clip::Context, number: u64, seconds: u32) {
        Mono::delay(u64::from(seconds).secs()).await;
        cx.shared.desk.lock(|desk| made(desk, number, seconds));
    }

    #[task(shared = [desk], priority = 1)]
    async fn second_clip(mut cx: second_clip::Context, number: u64, seconds: u32) {
        Mono::delay(u64::from(seconds).secs()).await;
        cx.shared.desk.lock(|desk| made(desk, number, seconds));
    }

    fn made(desk: &mut Desk, number: u64, seconds: u32) {
        desk.finished(now(), number, seconds);
        println!("{:4} clip {number} is made", now().as_millis() / 100);
        CHANGED.signal(());
        if let Some((settled, billed, held)) = desk.closing(now()) {
            println!("settled {settled} credits, billed {billed}, held {held}");
            exit(u8::from(settled != billed || held != 0));
        }
    }
}
