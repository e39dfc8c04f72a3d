//! The image of a [`Gate`]: all its parts, its block, and where every job stands.
//!
//! Requests on their way are not in it, because nobody can answer their permits after a reboot. One that was not sent is
//! settled as cancelled, on copies of the limits that it had booked; one that was sent counts.
//!
//! ```text
//! state 110 │ adaptation │ requests │ window │ money │ breaker │ restraint │ count 4 │ jobs, 40 + 13 an amount
//! ```

use core::mem::size_of;

use heapless::Vec;

use super::job::{HeldAmount, Job, JobState};
use super::money::Money;
use super::part::{Adapt, Fuse, Part, Requests, Restrain};
use super::{Counters, Gate, Limits, State};
use crate::bounded::{Bounded, Counting};
use crate::hold::AccountId;
use crate::image::{Body, Config, Piece, Reader, Shift, Writer, number_on};
use crate::job::JobId;
use crate::retry::Health;
use crate::time::{Duration, Instant};

/// Five stamps, three numbers, fifteen counters.
const STATE: usize = 5 * 8 + 4 + 4 + 2 + 15 * 4;
const AMOUNT: usize = 8 + 4 + 1;
/// Amounts are below 2^63.
const PARTIAL: u64 = 1 << 63;

const fn amounts<M: Money>() -> usize {
    size_of::<M::Amounts>() / size_of::<HeldAmount>()
}

const fn job_len<M: Money>() -> usize {
    4 * 8 + 4 + 2 + 2 + amounts::<M>() * AMOUNT
}

impl<Q, W, M, B, R, A, const JOBS: usize, const CALLS: usize> Body for Gate<Limits<Q, W, M, B, R, A>, JOBS, CALLS>
where
    Q: Requests + Piece + Clone,
    W: Part + Piece + Clone,
    M: Money + Piece,
    B: Fuse + Piece + Clone,
    R: Restrain + Piece,
    A: Adapt + Piece,
{
    const HAS_PARTS: bool = true;
    const KIND: u8 = 17;
    const LEN: usize = STATE + A::LEN + Q::LEN + W::LEN + M::LEN + B::LEN + R::LEN + 4 + JOBS * job_len::<M>();

    fn config(&self) -> Config {
        let patience = &self.state.patience;
        let [send, answer, block] = [patience.to_send, patience.to_answer, patience.max_block].map(Duration::as_micros);
        Config::of(&[JOBS as u64, amounts::<M>() as u64], &[u64::from(self.state.slots), send, answer, block])
    }

    fn write(&self, saved: Instant, to: &mut Writer<'_>) {
        let (limits, eff) = (&self.limits, self.effective(saved));
        self.state.write(to);
        limits.adaptation.write(saved, to);
        let unsent = || self.calls.iter().filter(|call| !call.sent);
        let mut requests = limits.requests.clone();
        unsent().for_each(|call| requests.part_settle(eff, call.held.requests, false));
        requests.write(saved, to);
        let mut window = limits.window.clone();
        unsent().for_each(|call| window.part_settle(eff, call.held.window, false));
        window.write(saved, to);
        limits.money.write(saved, to);
        let mut breaker = limits.breaker.clone();
        unsent().for_each(|call| breaker.verdict(eff, call.held.breaker, Health::Unknown));
        breaker.write(saved, to);
        limits.restraint.write(saved, to);
        to.count(self.jobs.len());
        for job in &self.jobs {
            write_job(job, to);
        }
        to.blank(JOBS.saturating_sub(self.jobs.len()).saturating_mul(job_len::<M>()));
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        let state = State::read(&self.state, from);
        let way = when.behind(state.last);
        let limits = &mut self.limits;
        limits.adaptation.read(from, when);
        let mut retuned = false;
        if limits.adaptation.adaptation().is_some_and(|adaptation| adaptation.retunes()) {
            retuned = when.leniently(|when| limits.requests.read(from, when));
        } else {
            limits.requests.read(from, when);
        }
        limits.window.read(from, when);
        limits.money.read(from, when);
        limits.breaker.read(from, when);
        limits.restraint.read(from, when);
        let mut jobs: Vec<Job<M::Amounts>, JOBS, u16> = Vec::new();
        let count = from.count(JOBS);
        for _ in 0..count {
            let job = read_job::<M>(from, &way);
            from.expect(jobs.iter().all(|known| known.id != job.id));
            when.found_open(u32::from(job.state == JobState::Sent));
            // There is room: it was counted.
            let _ = jobs.put(job);
        }
        from.skip(JOBS.saturating_sub(count).saturating_mul(job_len::<M>()));
        if when.applies(from) {
            (self.jobs, self.state) = (jobs, state.moved(&way));
            self.calls.iter_mut().for_each(|call| _ = call.leave());
            self.reboot();
            if retuned {
                // The owner's is in force now, with what was used of the other one.
                self.retune(when.now());
            }
        }
    }
}

impl<L: super::AnyLimits, const JOBS: usize, const CALLS: usize> Gate<L, JOBS, CALLS> {
    /// A reboot: what was asked for is given back, and what was sent is unknown.
    fn reboot(&mut self) {
        let last = self.state.last;
        for _ in 0..JOBS {
            let Some(place) = self.jobs.iter().place(|job| job.state == JobState::Asked) else { break };
            self.free(last, place);
        }
        for job in self.jobs.iter_mut().filter(|job| job.state == JobState::Sent) {
            job.enter(JobState::Unknown, true);
        }
        self.state.next_due = self.first_end().0;
        self.recount();
    }
}

impl State {
    fn write(&self, to: &mut Writer<'_>) {
        for stamp in [self.last, self.block, self.block_set, self.paced, self.listed] {
            to.instant(stamp);
        }
        to.u32(self.foreign);
        to.u32(self.mark);
        to.u16(self.order);
        let Counters { granted, refusals, refunded, expired, forgotten, late, clock_faults, parse_rejects } =
            self.counters;
        for count in
            refusals.into_iter().chain([granted, refunded, expired, forgotten, late, clock_faults, parse_rejects])
        {
            to.u32(count);
        }
    }

    /// What is configuration stays that of `own`.
    fn read(own: &Self, from: &mut Reader<'_>) -> Self {
        let [last, block, block_set, paced, listed] = core::array::from_fn(|_| from.instant());
        let (foreign, mark, order) = (from.u32(), from.u32(), from.u16());
        let refusals = core::array::from_fn(|_| from.u32());
        let [granted, refunded, expired, forgotten, late, clock_faults, parse_rejects] =
            core::array::from_fn(|_| from.u32());
        let counters = Counters { granted, refusals, refunded, expired, forgotten, late, clock_faults, parse_rejects };
        let mark = number_on(mark, own.mark);
        Self { last, block, block_set, paced, listed, foreign, mark, order, counters, ..*own }
    }

    fn moved(self, way: &Shift) -> Self {
        let [last, block, block_set, paced, listed] =
            [self.last, self.block, self.block_set, self.paced, self.listed].map(|stamp| way.at(stamp));
        Self { last, block, block_set, paced, listed, ..self }
    }
}

fn write_job<A: AsRef<[HeldAmount]>>(job: &Job<A>, to: &mut Writer<'_>) {
    to.u64(job.id.0);
    to.u64(job.tag);
    to.instant(job.sent);
    to.instant(job.ends);
    to.u32(job.weight);
    to.u16(job.order);
    to.u8(job.state as u8);
    to.u8(job.flags());
    for amount in job.amounts.as_ref() {
        to.u64(amount.micros | if amount.partial { PARTIAL } else { 0 });
        to.i32(amount.tag);
        to.u8(amount.account.0);
    }
}

/// By their numbers in an image.
const STATES: [JobState; 7] = [
    JobState::Asked,
    JobState::Sent,
    JobState::Unknown,
    JobState::Running,
    JobState::NeedsActual,
    JobState::Overdue,
    JobState::Settled,
];

fn read_job<M: Money>(from: &mut Reader<'_>, way: &Shift) -> Job<M::Amounts> {
    let (id, tag) = (JobId(from.u64()), from.u64());
    let (sent, ends) = (way.at(from.instant()), way.at(from.instant()));
    let (weight, order, state, flags) = (from.u32(), from.u16(), from.u8(), from.u8());
    let mut amounts = M::NOTHING;
    for amount in amounts.as_mut() {
        let (micros, tag, account) = (from.u64(), from.i32(), AccountId(from.u8()));
        *amount = HeldAmount { micros: micros & !PARTIAL, tag, account, partial: micros & PARTIAL != 0, spare: 0 };
    }
    let known = STATES.get(usize::from(state)).copied();
    from.expect(known.is_some());
    let mut job = Job::new(id, weight, amounts, sent, ends);
    (job.tag, job.order) = (tag, order);
    from.expect(job.resume(known.unwrap_or(JobState::Asked), flags));
    job
}
