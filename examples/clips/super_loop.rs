//! Five clips in a super-loop: no tasks, one place to sleep, and one instant to sleep until.

#![no_std]
#![no_main]

pub mod studio;

use board::{Ticks, exit, println, sleep_until};
use studio::Studio;
use tollgate::{Clock, Clocked, Denied, Instant, JobId};

#[board::entry]
fn main() -> ! {
    let clock = Ticks::start();
    let mut studio = Clocked::new(clock, Studio::open(clock.now()));
    // The two that the upstream works on, and when each is ready: here an interrupt would tell.
    let mut running: [Option<(Instant, JobId)>; 2] = [None; 2];

    loop {
        let now = studio.now();
        for place in &mut running {
            if let Some((_, id)) = place.take_if(|(at, _)| *at <= now) {
                println!("{}", studio.with(|studio, now| studio.ready(now, id)));
            }
        }
        let wake = match studio.with(Studio::next) {
            Ok(Some(started)) => {
                println!("{started}");
                if let Some(place) = running.iter_mut().find(|place| place.is_none()) {
                    *place = Some((now.saturating_add(started.takes), started.id));
                }
                continue;
            }
            Ok(None) => exit(0),
            Err(Denied::Until(at)) => at,
            Err(_) => Instant::MAX,
        };
        sleep_until(running.iter().flatten().map(|(at, _)| *at).fold(wake, Instant::min));
    }
}
