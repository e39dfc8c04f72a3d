//! A `LoRa` node under the duty cycle of EU868 and a prepaid plan, whose chip resets in the middle of a frame.
//!
//! ```text
//! reading, each 2 min ──> 36 s in any hour: 12 frames of 2.8 s ──> a credit is held ──> written ──> on the air ──> settled
//!                                                                                          │
//!                    the 8th: reset. Its airtime counts in the hour, its credit is still held, and it is sent again
//! ```
//! What may be sent is written before it is sent. After a reset nobody knows how long the chip was off, so that nothing
//! has aged meanwhile; without a memory, the last hour counts as used up.

#![no_std]
#![no_main]

mod state;

use board::{Pages, Retained, Ticks, exit, println, reset, sleep_until_by};
use tollgate::presets::radio::{LoRa, sub_band};
use tollgate::{
    AccountId, Amount, Boot, BudgetSpec, Clock, Continued, Credits, Denied, Duration, History, Hold, Instant, JobId,
    Limiter, Line, Offline, Renewal, WhenFull,
};

use state::{Airtime, Books, State};

const CHANNEL_HZ: u32 = 868_100_000;
const FRAME: LoRa = LoRa { spreading_factor: 12, ..LoRa::EU868 };
const PAYLOAD: u8 = 64;
const EVERY: Duration = Duration::from_mins(2);
const STOP: Instant = Instant::from_secs(2 * 3_600 + 1_800);
static PLAN: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(40), Renewal::Lifetime);

#[board::entry]
fn main() -> ! {
    let ticks = Ticks::start_slow();
    let mut pages = Pages::open(Retained::take().expect("nobody has it")).expect("the flash is there");
    let mut page = [0xFF; State::SIZE];
    let known = pages.read(&mut page).expect("the flash is there");

    // A first boot has not sent anything; who has lost his memory may have.
    let history = if known { History::UsedUp } else { History::Empty };
    let band = sub_band(CHANNEL_HZ).expect("a channel of the band").window();
    let airtime = Airtime::new(band, WhenFull::Refuse, history, Instant::ORIGIN);
    let mut books = Books::new(Duration::ZERO);
    let plan = books.open(Instant::ORIGIN, &PLAN).expect("room for one account");
    let mut state = State { boot: Boot::FIRST, airtime, books };
    match state.restore(&page) {
        Ok(()) => println!("boot {}, restored", state.boot.count()),
        Err(error) => println!("boot {}, no memory: {error}", state.boot.count()),
    }
    let clock = Continued::new(ticks, state.boot.last(), Offline::Unknown);
    run(&mut state, &clock, &mut pages, plan);

    let report = state.books.report(clock.now(), plan).expect("the account is open");
    println!("{} frames are settled, {} credits are left", report.posted / 1_000_000, report.available / 1_000_000);
    exit(0)
}

fn run(state: &mut State, clock: &impl Clock, pages: &mut Pages<Retained>, plan: AccountId) {
    let frame = FRAME.airtime(PAYLOAD).expect("settings in range");
    let price = [Line::new::<Credits>(plan, Amount::whole(1))];
    let mut reading = clock.now();
    while reading < STOP {
        let now = clock.now();
        let held = match state.airtime.reserve(now, frame.as_micros(), Duration::ZERO) {
            Ok(held) => held,
            Err(Denied::Until(at)) => {
                println!("{:5} s  no airtime until {} s", now.as_secs(), at.as_secs());
                sleep_until_by(clock, at);
                continue;
            }
            Err(denied) => panic!("{denied}"),
        };
        // The frame that a reset has interrupted, or else the next one.
        let settled = state.books.report(now, plan).map_or(0, |report| report.posted / 1_000_000);
        let id = state.books.holds().next().map_or(JobId(settled + 1), Hold::id);
        let receipt = state.books.reserve(now, id, &price, Duration::MAX).expect("credits are left");
        state.save(now, pages).expect("a page has room for all of it");

        let again = if receipt.replayed { " again" } else { "" };
        println!("{:5} s  frame {} of {frame}{again}", now.as_secs(), id.0);
        if state.boot.count() == 1 && id.0 == 8 {
            sleep_until_by(clock, now.saturating_add(Duration::from_secs(1)));
            reset();
        }
        sleep_until_by(clock, now.saturating_add(frame));
        let end = clock.now();
        state.airtime.commit(end, held, frame.as_micros());
        let _ = state.books.settle(end, id, &price).expect("the frame is held");
        state.save(end, pages).expect("a page has room for all of it");

        // Readings that nobody could send are not made up for.
        reading = reading.max(now).saturating_add(EVERY);
        sleep_until_by(clock, reading);
    }
}
