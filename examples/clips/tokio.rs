//! Five clips on tokio: one task orders, and each clip is a task of its own.
//!
//! ```text
//! cargo run --example clips_tokio
//! ```

pub mod studio;

use studio::Studio;
use tollgate::Clock;
use tollgate_std::{Shared, TokioClock, Wait};

// As in a test, time jumps to the next alarm. Without `start_paused` the clips take their seven seconds.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    let clock = TokioClock::default();
    let studio = Shared::with_clock(Studio::open(clock.now()), clock);

    while let Ok(Some(started)) = studio.wait_for(Wait::forever(), Studio::next).await {
        println!("{started}");
        let studio = studio.clone();
        tokio::spawn(async move {
            tokio::time::sleep(started.takes.into()).await;
            println!("{}", studio.with(|studio, now| studio.ready(now, started.id)));
        });
    }
}
