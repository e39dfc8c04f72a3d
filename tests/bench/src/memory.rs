//! What values take in memory; the same on all three chips, as `cargo xtask size` makes sure.

use core::fmt;

use tollgate::headers::{Feedback, FeedbackReader};
use tollgate::{
    Aimd, Backoff, Breaker, Budget, Dispatcher, Gate, Limits, Permit, Queue, Quota, Reservation, Restraint, Retry,
    Slots, TokenBucket, WindowLog, WindowSlices,
};

use crate::case::Goal;
use crate::gates::FiveLimits;
use crate::money::{Accounts, Books};
use crate::queues::Clip;

/// A row of bytes.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Of what.
    pub name: &'static str,
    /// How many.
    pub bytes: usize,
    /// And how many it should be at most.
    pub goal: Goal,
}

impl fmt::Display for Size {
    /// The row, tab separated.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes\t{}\t{}", self.name, self.bytes)?;
        match self.goal {
            Some((target, stretch)) => write!(f, "\t{target}\t{stretch}"),
            None => write!(f, "\t\t"),
        }
    }
}

const fn of<T>(name: &'static str) -> Size {
    Size { name, bytes: size_of::<T>(), goal: None }
}

/// The rows.
pub static SIZES: [Size; 23] = [
    Size { goal: Some((48, 40)), ..of::<TokenBucket>("TokenBucket, with its quota") },
    of::<Quota>("Quota"),
    of::<Reservation>("Reservation"),
    of::<WindowLog<16>>("WindowLog<16>"),
    of::<WindowSlices<60>>("WindowSlices<60>"),
    of::<Slots<8>>("Slots<8>"),
    of::<Backoff>("Backoff"),
    of::<Retry>("Retry"),
    of::<Restraint>("Restraint: the stock of retries, their share, bursts"),
    of::<Breaker>("Breaker"),
    of::<Aimd>("Aimd"),
    of::<Budget>("Budget"),
    of::<Accounts>("Ledger of 4 accounts"),
    of::<Books>("Ledger of 4 accounts, 16 holds of 2 amounts, 16 remembered"),
    of::<Queue<u32, 16>>("Queue of 16, payload of 4 bytes"),
    of::<Queue<u32, 1_024>>("Queue of 1024, payload of 4 bytes"),
    of::<Permit>("Permit"),
    of::<Gate<Limits<TokenBucket>, 8, 2>>("Gate of a quota and slots: 8 jobs, 2 requests"),
    Size {
        goal: Some((2_047, 2_047)),
        ..of::<Gate<Limits<TokenBucket, (), Accounts>, 16, 2>>(
            "Gate of a quota, slots and 4 accounts: 16 jobs, 2 requests",
        )
    },
    of::<Gate<FiveLimits, 16, 4>>("Gate of five limits, 4 accounts: 16 jobs, 4 requests"),
    of::<Dispatcher<Gate<FiveLimits, 16, 4>, Clip, 16>>("Dispatcher: the same gate and a queue of 16"),
    of::<FeedbackReader>("FeedbackReader"),
    of::<Feedback>("Feedback"),
];
