//! The runner where tasks really run at the same time: tokio's threads, threads of one's own, and a clock moved by hand.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use tollgate::{Duration, JobState};
use tollgate_std::testing::HandClock;
use tollgate_std::{Call, Wait};

use crate::scene::*;
use crate::stress::{Pause, Witness, assert_books_are_equal, customer, hush};

/// Says that it is over, also by a panic.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Time goes on while others work, until they are done.
fn tick_until(plant: &Plant<HandClock>, done: &AtomicBool) {
    while !done.load(Ordering::SeqCst) {
        plant.clock().advance(Duration::from_millis(20));
        plant.wake();
        thread::yield_now();
    }
}

#[test]
fn crowds_on_many_threads_leave_the_books_equal() {
    hush();
    for seed in 0..4 {
        let plant = plant_on(6, HandClock::default());
        let (witness, done) = (Arc::new(Witness::default()), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| tick_until(&plant, &done));
            let _over = Over(&done);
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
            runtime.block_on(async {
                let drivers: Vec<_> = (0..2)
                    .map(|_| {
                        let plant = plant.clone();
                        tokio::spawn(async move { plant.run(|job| drop(tokio::spawn(job))).await })
                    })
                    .collect();
                let customers: Vec<_> = (0..16)
                    .map(|who| {
                        let dice = Dice::of(7_000 + seed * 100 + who);
                        tokio::spawn(customer(plant.clone(), dice, Arc::clone(&witness), 15, Pause::Turns(20)))
                    })
                    .collect();
                for customer in customers {
                    customer.await.unwrap();
                }
                plant.drain(Wait::forever()).await.unwrap();
                for driver in drivers {
                    driver.await.unwrap();
                }
            });
        });
        plant.clock().advance(Duration::from_mins(3));
        assert_books_are_equal(&plant, &witness);
    }
}

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The smallest executor there is.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// No runtime at all: a thread for each job, and handles that block.
#[test]
fn threads_can_run_it_and_wait_for_it() {
    let plant = plant_on(2, HandClock::default());
    let driver = thread::spawn({
        let plant = plant.clone();
        move || block_on(plant.run(|job| drop(thread::spawn(move || block_on(job)))))
    });
    let jobs: Vec<_> = (0..20)
        .map(|n| {
            let job = plant.submit(clip(), move |mut call: Call| async move {
                call.sending()?;
                call.completed(&OK, &credits(n))?;
                Ok(thread::current().id())
            });
            job.unwrap()
        })
        .collect();
    for job in jobs {
        assert_ne!(job.blocking_wait().unwrap(), thread::current().id());
    }
    let hanging = plant.submit(clip(), hang).unwrap();
    while state(&plant, hanging.id()) != Some(JobState::Sent) {
        thread::yield_now();
    }
    let id = hanging.id();
    drop(hanging);
    block_on(plant.close(Wait::forever())).unwrap();
    driver.join().unwrap();
    assert_eq!((load(&plant), state(&plant, id)), ((1, 0, 0, 0), Some(JobState::Unknown)));
    assert_eq!(spent(&plant), ((0..20).sum(), 40));
}
