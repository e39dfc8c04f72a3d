//! The same gateway on RTIC, with a fugit monotonic: the desk is a shared resource, and each event a task.
//!
//! ```text
//! customers ──submit──> desk, spawn dispatch        dispatch ──next──> Until(at): delay_until(at)
//! clip ──────finished──> desk, spawn dispatch                         Busy: it ends, and is spawned again
//! ```

#![no_std]
#![no_main]

#[rtic::app(device = lm3s6965, dispatchers = [SSI0, QEI0])]
mod app {
    use board::desk::Desk;
    use board::{HZ, exit, println};
    use rtic_monotonics::systick::prelude::*;
    use tollgate::{Answer, Denied, Instant};

    systick_monotonic!(Mono, 1_000);

    /// Number, customer, seconds; one arrives each 100 ms.
    const WANTED: [(u64, u32, u32); 8] =
        [(1, 1, 5), (2, 1, 3), (3, 1, 4), (4, 2, 2), (5, 2, 6), (6, 1, 1), (7, 2, 3), (8, 1, 2)];

    /// RTIC's time as ours, at a millisecond a tick.
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
        customers::spawn().expect("the only one");
        (Shared { desk: Desk::new(now()) }, Local {})
    }

    #[task(shared = [desk], priority = 2)]
    async fn customers(mut cx: customers::Context) {
        for (number, customer, seconds) in WANTED {
            let taken = cx.shared.desk.lock(|desk| desk.submit(now(), number, customer, seconds));
            println!("{:5} clip {number} of {seconds} s for customer {customer}: taken {taken}", now().as_millis());
            // It may be at work already, and then sees the clip by itself.
            let _ = dispatch::spawn();
            Mono::delay(100.millis()).await;
        }
    }

    #[task(shared = [desk], priority = 1)]
    async fn dispatch(mut cx: dispatch::Context) {
        loop {
            let order = match cx.shared.desk.lock(|desk| desk.next(now())) {
                Ok(order) => order,
                Err(Denied::Until(at)) => {
                    Mono::delay_until(at.to_fugit_ceil()).await;
                    continue;
                }
                Err(Denied::Busy) => return,
                Err(denied) => panic!("{denied}"),
            };
            let (number, seconds) = (order.number(), order.seconds());
            println!("{:5} clip {number} is ordered", now().as_millis());
            let status = cx.shared.desk.lock(Desk::ask_upstream);
            Mono::delay(80.millis()).await;
            let answer = cx.shared.desk.lock(|desk| desk.answered(now(), order, status));
            match answer {
                Answer::Accepted if clip::spawn(number, seconds).is_ok() => {}
                Answer::Accepted => second_clip::spawn(number, seconds).expect("two run at most"),
                answer => println!("{:5} clip {number}: status {status}, {answer:?}", now().as_millis()),
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
        println!("{:5} clip {number} is made", now().as_millis());
        let _ = dispatch::spawn();
        if desk.open() == 0 {
            let (books, bill) = desk.books(now());
            let settled = books.posted / 1_000_000;
            println!("settled {settled} credits, billed {bill}, held {}", books.held);
            exit(u8::from(settled != bill || books.held != 0));
        }
    }
}
