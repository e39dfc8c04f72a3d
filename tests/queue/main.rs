//! The queue: against a slow list, against adversaries, at the edges of its deadlines, and in front of limits.

mod dispatch;
mod edges;
mod fairness;
mod model;
mod random;

use tollgate::{Instant, Queue};

fn at(seconds: u64) -> Instant {
    Instant::from_secs(seconds)
}

fn micros(micros: u64) -> Instant {
    Instant::from_micros(micros)
}

/// The payloads of all that can be served at `now`, in order.
fn serve_all<T, const N: usize, const C: usize>(queue: &mut Queue<T, N, C>, now: Instant) -> Vec<T> {
    std::iter::from_fn(|| queue.pop(now)).map(|entry| entry.payload).collect()
}
