//! The same journal with a driver that is asynchronous.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tollgate::journal::{Async, ImageLog, Keeper, LimiterKeeper};
use tollgate::{Duration, Instant, JobId, Limiter, Mismatch, Offline, Quota, Start, TokenBucket};

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

#[test]
fn one_limiter_is_kept_by_both_kinds_of_driver_in_the_same_bytes() {
    type Blocking = LimiterKeeper<TokenBucket, Small>;
    const QUOTA: Quota = tollgate::valid!(Quota::new(60, Duration::from_mins(1)));
    let (start, unknown) = (Instant::ORIGIN, (Offline::Unknown, Mismatch::Refuse));
    let bucket = || TokenBucket::new(QUOTA, Start::Full, start);
    let log = ImageLog::open(Small::new(1024), LAYOUT).unwrap();
    let mut blocking = Blocking::open(log, bucket(), 3, start, unknown.0, unknown.1).unwrap();
    let log = ready(ImageLog::<_, 96>::open_async(Async(Small::new(1024)), LAYOUT)).unwrap();
    let mut other = ready(LimiterKeeper::open_async(log, bucket(), 3, start, unknown.0, unknown.1)).unwrap();
    for now in 0..300 {
        let now = Instant::from_secs(now);
        assert_eq!(blocking.allow(now, 1).is_ok(), ready(other.allow(now, 1)).is_ok());
    }
    blocking.save(start).unwrap();
    ready(other.save(start)).unwrap();
    let Async(mut flash) = other.into_flash();
    assert_eq!(flash.bytes(), blocking.into_flash().bytes());
    // A future that is dropped has changed nothing.
    let log = ready(ImageLog::<_, 96>::open_async(Async(&mut flash), LAYOUT)).unwrap();
    let mut keeper = ready(LimiterKeeper::open_async(log, bucket(), 3, start, unknown.0, unknown.1)).unwrap();
    let before = keeper.limiter().available(start);
    drop(keeper.allow(start, 1));
    assert_eq!((keeper.limiter().available(start), keeper.log().records()), (before, 0));
    ready(keeper.allow(start, 1)).unwrap();
}
