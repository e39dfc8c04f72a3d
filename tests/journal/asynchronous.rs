//! The same journal with a driver that is asynchronous.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tollgate::journal::{Async, Keeper};
use tollgate::{Instant, JobId};

use crate::support::*;

/// The flash for tests is always ready.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("not ready"),
    }
}

#[test]
fn both_kinds_of_driver_write_the_same_bytes() {
    let mut blocking = open(Small::new(1024), lease(3)).unwrap();
    let keeping = [lease(3)];
    let opened = Keeper::<_, 1, 4>::open_async(Async(Small::new(1024)), LAYOUT, ledger(&PLENTY), &keeping);
    let mut other = ready(opened).unwrap();
    for id in 1..=300 {
        assert!(charge(&mut blocking, id, 2));
        let _ = ready(other.charge(Instant::ORIGIN, JobId(id), &credits(2))).unwrap();
    }
    ready(other.shutdown(Instant::ORIGIN)).unwrap();
    blocking.shutdown(Instant::ORIGIN).unwrap();
    let Async(flash) = other.into_flash();
    assert_eq!(flash.bytes(), blocking.into_flash().bytes());
    assert_eq!(used(&open(flash, lease(3)).unwrap()), micros(600));
}
