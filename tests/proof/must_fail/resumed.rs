//! A future that is asked again after it was ready, which is why `journal-async` is not in the proof.

#![no_std]
#![no_main]

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use tollgate_proof::{any, seen};

async fn one() -> u32 {
    any()
}

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let mut future = pin!(one());
    loop {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            seen(answer);
        }
    }
}
