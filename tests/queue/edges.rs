//! Tables of what is known: deadlines to the microsecond, cancelling anywhere, full, old stamps, coming back.

use tollgate::{Entry, Instant, JobId, Queue, QueueError, QueuePolicy, Rejected, SkipAhead};

use crate::{at, micros, serve_all};

fn due(id: u64, deadline: Instant) -> Entry<u64> {
    Entry::new(JobId(id), id).deadline(deadline)
}

fn of_key(id: u64, key: u32) -> Entry<u64> {
    Entry::new(JobId(id), id).key(key)
}

/// With these entries in it.
fn queue<const N: usize, const C: usize>(entries: impl IntoIterator<Item = Entry<u64>>) -> Queue<u64, N, C> {
    let mut queue = Queue::new(QueuePolicy::DEFAULT);
    for entry in entries {
        queue.submit(at(0), at(0), entry).expect("a place");
    }
    queue
}

#[test]
fn a_deadline_is_the_last_instant_that_is_in_time() {
    let t = 9_000_000;
    // (now, in time)
    for (now, in_time) in [(t - 1, true), (t, true), (t + 1, false)] {
        let now = micros(now);
        let mut newcomers = Queue::<u64, 4>::new(QueuePolicy::DEFAULT);
        assert_eq!(newcomers.submit(now, now, due(1, micros(t))).is_ok(), in_time, "submitted at {now}");

        let mut waits = queue::<4, 1>([due(1, micros(t))]);
        assert_eq!(waits.next_expiry(), Some(micros(t + 1)));
        assert_eq!(waits.head(now).is_some(), in_time, "looked at {now}");
        assert_eq!(waits.candidates(now).count(), usize::from(in_time));
        assert_eq!(waits.clone().pop(now).is_some(), in_time, "served at {now}");
        assert_eq!(waits.clone().take(now, JobId(1)).is_some(), in_time);
        assert_eq!(waits.expire(now).is_none(), in_time, "expired at {now}");
        assert_eq!(waits.len(), usize::from(in_time));
        assert_eq!(waits.next_expiry().is_some(), in_time);
    }
}

#[test]
fn a_deadline_that_the_quote_misses_is_refused_at_once() {
    for (earliest, in_time) in [(29_999_999, true), (30_000_000, true), (30_000_001, false)] {
        let mut newcomers = Queue::<u64, 4>::new(QueuePolicy::DEFAULT);
        let answer = newcomers.submit(at(0), micros(earliest), due(1, at(30)));
        let why = QueueError::TooLate { deadline: at(30), earliest: micros(earliest) };
        assert_eq!(answer, if in_time { Ok(()) } else { Err(Rejected { why, entry: due(1, at(30)) }) });

        let mut back = queue::<4, 1>([due(1, at(30))]);
        let served = back.pop(at(1)).unwrap();
        assert_eq!(back.requeue(at(1), served, micros(earliest)).is_ok(), in_time, "back at {earliest}");
    }
    let mut newcomers = Queue::<u64, 4>::new(QueuePolicy::DEFAULT);
    let refused = newcomers.submit(at(31), at(0), due(1, at(30))).unwrap_err();
    assert_eq!(refused.why, QueueError::TooLate { deadline: at(30), earliest: at(31) }, "a quote of the past is now");
    assert!(newcomers.submit(at(31), Instant::MAX, Entry::new(JobId(1), 1)).is_ok(), "no deadline, any quote");
}

#[test]
fn all_that_expire_come_out_by_deadline_and_none_is_lost() {
    let mut waits = queue::<8, 1>([due(1, at(5)), due(2, at(3)), due(3, Instant::MAX), due(4, at(3)), due(5, at(9))]);
    let out: Vec<_> = std::iter::from_fn(|| waits.expire(at(6))).map(|entry| entry.payload).collect();
    assert_eq!(out, [2, 4, 1]);
    assert_eq!(waits.next_expiry(), Some(micros(9_000_001)));
    assert_eq!(serve_all(&mut waits, at(6)), [3, 5]);
    assert_eq!((waits.next_expiry(), waits.next_ready(at(6))), (None, None));
}

#[test]
fn one_that_expired_is_not_served_even_if_nobody_collects_it() {
    let mut waits = queue::<8, 1>([due(1, at(5)), due(2, Instant::MAX), due(3, at(5)), due(4, Instant::MAX)]);
    assert_eq!(serve_all(&mut waits, at(6)), [2, 4]);
    assert_eq!(waits.len(), 2, "they keep their places");
    assert_eq!(waits.cancel(JobId(3)).map(|entry| entry.payload), Some(3), "and can be cancelled");
    assert_eq!(waits.expire(at(6)).map(|entry| entry.payload), Some(1));
    assert!(waits.is_empty());
}

#[test]
fn old_stamps_bring_no_deadline_back_and_looking_ahead_passes_none() {
    let mut waits = queue::<8, 1>([due(1, at(5)), due(2, Instant::MAX), due(3, at(50))]);
    assert_eq!(waits.head(at(100)).map(|waiting| waiting.id), Some(JobId(2)), "a look");
    let full = QueuePolicy { room_for_returns: 8, ..QueuePolicy::DEFAULT };
    let mut closed = Queue::<u64, 8>::new(full);
    assert!(closed.submit(at(100), at(100), due(9, at(100))).is_err(), "a refusal");
    assert!(matches!(closed.submit(at(1), at(1), due(9, at(1))).unwrap_err().why, QueueError::Full { waiting: 0 }));
    assert_eq!(waits.head(at(1)).map(|waiting| waiting.id), Some(JobId(1)), "which changed nothing");

    assert_eq!(waits.pop(at(10)).map(|entry| entry.payload), Some(2), "an act");
    assert_eq!(waits.clock_faults(), 0);
    assert_eq!(waits.pop(at(2)).map(|entry| entry.payload), Some(3), "the first has expired, whatever this clock says");
    assert_eq!(waits.clock_faults(), 1);
    let why = waits.submit(at(2), at(2), due(4, at(9))).unwrap_err().why;
    assert_eq!(why, QueueError::TooLate { deadline: at(9), earliest: at(10) });
    waits.restart(at(2));
    assert_eq!(waits.pop(at(2)).map(|entry| entry.payload), Some(1), "a known clock fault is another matter");
}

#[test]
fn a_job_is_cancelled_wherever_it_waits_and_all_others_keep_their_places() {
    // Keys 7, 8, 9 in turn: 1 4 6, 2 5, 3.
    let entries = || [(1, 7), (2, 8), (3, 9), (4, 7), (5, 8), (6, 7)].map(|(id, key)| of_key(id, key));
    assert_eq!(serve_all(&mut queue::<8, 1>(entries()), at(0)), [1, 2, 3, 4, 5, 6]);
    let table: [(u64, [u64; 5]); 6] = [
        (1, [4, 2, 3, 6, 5]), // the first of its line: the next stands in for it, in the same turn
        (2, [1, 5, 3, 4, 6]),
        (3, [1, 2, 4, 5, 6]), // the only one of its line
        (4, [1, 2, 3, 6, 5]), // the middle
        (5, [1, 2, 3, 4, 6]),
        (6, [1, 2, 3, 4, 5]), // the last
    ];
    for (id, left) in table {
        let mut waits = queue::<8, 1>(entries());
        assert_eq!(waits.cancel(JobId(id)).map(|entry| (entry.id, entry.payload)), Some((JobId(id), id)));
        assert_eq!(waits.cancel(JobId(id)), None, "once");
        assert_eq!(serve_all(&mut waits, at(0)), left, "without {id}");
    }
}

#[test]
fn full_is_an_answer_that_gives_the_job_back() {
    let mut waits = queue::<3, 1>([1, 2, 3].map(|id| of_key(id, 0)));
    let refused = waits.submit(at(0), at(0), of_key(4, 0)).unwrap_err();
    assert_eq!(refused, Rejected { why: QueueError::Full { waiting: 3 }, entry: of_key(4, 0) });
    assert_eq!(refused.to_string(), "queue is full: 3 wait, expected a free place");
    waits.cancel(JobId(2)).unwrap();
    assert!(waits.submit(at(0), at(0), refused.entry).is_ok());
    assert_eq!(serve_all(&mut waits, at(0)), [1, 3, 4]);
}

#[test]
fn newcomers_leave_room_for_those_who_come_back() {
    let mut waits = Queue::<u64, 3>::new(QueuePolicy { room_for_returns: 1, ..QueuePolicy::DEFAULT });
    for id in [1, 2] {
        waits.submit(at(0), at(0), of_key(id, 0)).unwrap();
    }
    assert!(waits.submit(at(0), at(0), of_key(3, 0)).is_err());
    let sent = waits.pop(at(0)).unwrap();
    waits.submit(at(0), at(0), of_key(3, 0)).unwrap();
    assert!(waits.submit(at(0), at(0), of_key(4, 0)).is_err());
    assert!(waits.requeue(at(0), sent, at(0)).is_ok());
    assert_eq!(serve_all(&mut waits, at(0)), [1, 2, 3]);
}

#[test]
fn refusals_have_an_order() {
    let mut waits = queue::<2, 2>([of_key(1, 0), of_key(2, 0)]);
    let late = |entry: Entry<u64>| entry.deadline(at(1));
    let mut why = |entry| waits.submit(at(2), at(2), entry).unwrap_err().why;
    assert_eq!(why(late(of_key(1, 0)).class(2)), QueueError::UnknownClass { class: 2, classes: 2 });
    assert_eq!(why(late(of_key(1, 0)).class(1)), QueueError::AlreadyQueued(JobId(1)));
    assert_eq!(why(late(of_key(3, 0)).class(1)), QueueError::TooLate { deadline: at(1), earliest: at(2) });
    assert_eq!(why(of_key(3, 0).class(1)), QueueError::Full { waiting: 2 });
}

#[test]
fn a_job_that_comes_back_blocks_nobody_until_its_time_and_then_has_its_old_place() {
    let mut waits = queue::<8, 1>([(1, 7), (2, 7), (3, 8), (4, 8)].map(|(id, key)| of_key(id, key)));
    let [first, second] = [0, 0].map(|_| waits.pop(at(0)).unwrap());
    assert_eq!((first.payload, second.payload), (1, 3));
    // The younger is ready first; when both are, the older goes first again.
    waits.requeue(at(0), second, at(5)).unwrap();
    waits.requeue(at(0), first, at(9)).unwrap();
    let head = |now| waits.head(now).map(|waiting| *waiting.payload);
    assert_eq!([at(0), micros(4_999_999), at(5), micros(8_999_999), at(9)].map(head), [2, 2, 3, 3, 1].map(Some));
    assert_eq!([at(0), at(5), at(9)].map(|now| waits.next_ready(now)), [Some(at(5)), Some(at(9)), None]);
    // No turn is counted twice: key 7 is next, as it was.
    assert_eq!(serve_all(&mut waits, at(9)), [1, 3, 2, 4]);
}

#[test]
fn those_who_wait_for_their_time_are_no_head() {
    let mut waits = queue::<4, 1>([of_key(1, 0).deadline(at(8))]);
    let sent = waits.pop(at(0)).unwrap();
    waits.requeue(at(0), sent, at(5)).unwrap();
    assert!(waits.head(at(4)).is_none() && waits.pop(at(4)).is_none() && waits.take(at(4), JobId(1)).is_none());
    assert_eq!((waits.len(), waits.next_ready(at(4)), waits.next_expiry()), (1, Some(at(5)), Some(micros(8_000_001))));
    assert_eq!(waits.expire(at(9)).map(|entry| entry.payload), Some(1), "its deadline passes all the same");
}

#[test]
fn one_that_was_never_queued_may_come_back_and_arrives_now() {
    let mut waits = queue::<4, 1>([of_key(1, 0)]);
    waits.requeue(at(0), of_key(2, 0), at(1)).unwrap();
    assert_eq!(serve_all(&mut waits.clone(), at(0)), [1]);
    assert_eq!(serve_all(&mut waits, at(1)), [2, 1]);
}

#[test]
fn take_serves_candidates_only() {
    let skip_ahead = Some(SkipAhead { past: 1, times: 2 });
    let mut waits = Queue::<u64, 8>::new(QueuePolicy { skip_ahead, ..QueuePolicy::DEFAULT });
    for id in 1..=4 {
        waits.submit(at(0), at(0), of_key(id, 0)).unwrap();
    }
    assert_eq!(waits.candidates(at(0)).map(|waiting| waiting.id.0).collect::<Vec<_>>(), [1, 2]);
    assert!(waits.take(at(0), JobId(3)).is_none(), "too far behind");
    assert_eq!(waits.get(JobId(1)).unwrap().overtaken, 0, "and nobody was overtaken");
    assert_eq!(waits.take(at(0), JobId(2)).unwrap().payload, 2);
    assert_eq!(waits.take(at(0), JobId(3)).unwrap().payload, 3);
    assert!(waits.take(at(0), JobId(4)).is_none(), "the first was overtaken twice");
    assert_eq!(serve_all(&mut waits, at(0)), [1, 4]);
}

#[test]
fn the_ends_of_the_ranges_are_ordinary() {
    let end = Instant::MAX;
    let mut waits = Queue::<u64, 4, 255>::new(QueuePolicy { patience: u16::MAX, ..QueuePolicy::DEFAULT });
    for (id, key, class) in [(u64::MAX, u32::MAX, 254), (0, 0, 0)] {
        waits.submit(end, end, Entry::new(JobId(id), id).key(key).class(class).deadline(end)).unwrap();
    }
    assert_eq!((waits.next_expiry(), waits.next_ready(end)), (None, None));
    assert!(waits.expire(end).is_none());
    let sent = waits.pop(end).unwrap();
    assert_eq!(sent.payload, 0);
    waits.requeue(end, sent, end).unwrap();
    assert_eq!(serve_all(&mut waits, end), [0, u64::MAX]);
}

#[test]
fn a_place_costs_64_bytes_beside_the_payload() {
    assert!(size_of::<Queue<(), 16, 2>>() <= 16 * (64 + 1) + 2 * 8 + 64);
    assert_eq!(size_of::<Queue<u64, 1024, 1>>() - size_of::<Queue<u64, 1023, 1>>(), 64 + 16);
}
