//! Threads and tasks in one line.

use tollgate::{Denied, Duration, Instant};
use tollgate_std::{Cancel, Wait, WaitError};

use crate::scene::{Task, assert_nothing_left, bucket, office, until, wait_on_a_thread};

#[test]
fn threads_and_tasks_are_served_in_the_order_in_which_they_came() {
    let office = office(1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let first = Task::in_line(&office, 1, Wait::forever());
    let second = wait_on_a_thread(&office, 1, Wait::forever());
    let mut third = Task::in_line(&office, 1, Wait::forever());
    let fourth = wait_on_a_thread(&office, 1, Wait::forever());
    assert_eq!(office.waiting(), 4);

    drop(held);
    let permit = first.granted();
    assert_eq!((office.waiting(), office.allow(1)), (3, Err(Denied::Busy)));
    assert!(!second.is_finished() && third.poll().is_none());
    drop(permit);
    let permit = second.join().unwrap().unwrap();
    assert_eq!(office.waiting(), 2);
    assert!(third.poll().is_none());
    drop(permit);
    let permit = third.granted();
    assert!(!fourth.is_finished());
    drop(permit);
    drop(fourth.join().unwrap().unwrap());
    assert_nothing_left(&office);
}

#[test]
fn whoever_leaves_calls_the_next_of_whatever_kind() {
    let office = office(2);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let cancel = Cancel::new();
    let task = Task::in_line(&office, 2, Wait::forever());
    let thread = wait_on_a_thread(&office, 1, Wait::forever());
    drop(task);
    let permit = thread.join().unwrap().unwrap();

    let thread = wait_on_a_thread(&office, 2, Wait::forever().or_cancelled(&cancel));
    drop(held);
    let task = Task::in_line(&office, 1, Wait::forever());
    cancel.cancel();
    assert_eq!(thread.join().unwrap().unwrap_err(), WaitError::Cancelled);
    until(|| office.waiting() == 1);
    drop(task.granted());
    drop(permit);
    assert_nothing_left(&office);
}

#[test]
fn a_permit_won_by_a_task_is_settled_by_a_thread_and_back() {
    let bucket = bucket(10);
    bucket.with(|bucket, now| bucket.credit(now, 10));
    let won = Task::new(&bucket, 6, Duration::ZERO).poll().unwrap().unwrap();
    let (task, thread) = (Task::in_line(&bucket, 5, Wait::forever()), wait_on_a_thread(&bucket, 5, Wait::forever()));
    std::thread::spawn(move || won.release()).join().unwrap();
    task.granted().commit(5);
    thread.join().unwrap().unwrap().commit(5);
    assert_eq!((bucket.available(), bucket.waiting()), (0, 0));
}

#[test]
fn time_serves_the_line_whoever_stands_in_it() {
    let bucket = bucket(10);
    let tasks =
        [(); 3].map(|()| (Task::in_line(&bucket, 2, Wait::forever()), wait_on_a_thread(&bucket, 1, Wait::forever())));
    let mut time = 0;
    for (task, thread) in tasks {
        time += 2;
        bucket.clock().set(Instant::from_secs(time));
        bucket.wake();
        let permit = task.granted();
        assert_eq!(permit.at(), Instant::from_secs(time));
        permit.commit(2);
        time += 1;
        bucket.clock().set(Instant::from_secs(time));
        bucket.wake();
        let permit = thread.join().unwrap().unwrap();
        assert_eq!(permit.at(), Instant::from_secs(time));
        permit.commit(1);
    }
}
