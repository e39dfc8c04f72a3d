//! Plans, one module for each source document, named by the number of the document, and the provider's own rule for
//! jobs at the same time.
//!
//! The documents contradict each other: the requests per minute of "standard" are 60 in [`seed000`] and 30 in
//! [`seed001`]. The provider itself publishes no such table, only [`concurrency`].

use crate::amount::Amount;
use crate::tier::{BurstRule, Plan, Reset, Scope, Stated};

/// Document 000, "Kling AI Rate Limits": tiers with "typical" limits.
///
/// A short burst may exceed the rate by 10 to 20 percent. Whether a limit is per key or per account, the reader is told
/// to check.
pub mod seed000 {
    use super::{BurstRule, Plan, Stated};

    const fn tier(name: &'static str, requests_per_minute: Stated<u32>, concurrency: Stated<u16>) -> Plan<'static> {
        let burst = BurstRule::Allowed { from_percent: 10, to_percent: 20 };
        Plan { requests_per_minute, concurrency, burst, ..Plan::unstated(name) }
    }

    /// 10 a minute, 2 at a time.
    pub const FREE: Plan<'static> = tier("free", Stated::Exactly(10), Stated::Exactly(2));
    /// 60 a minute, 10 at a time.
    pub const STANDARD: Plan<'static> = tier("standard", Stated::Exactly(60), Stated::Exactly(10));
    /// 200 a minute, 50 at a time.
    pub const PRO: Plan<'static> = tier("pro", Stated::Exactly(200), Stated::Exactly(50));
    /// By agreement.
    pub const ENTERPRISE: Plan<'static> = tier("enterprise", Stated::Custom, Stated::Custom);
}

/// Document 001, "klingai-rate-limits": tiers per API key; several refusals in a row are taken for a burst, and for
/// those it advises waits of 30 to 60 seconds.
pub mod seed001 {
    use super::{Amount, BurstRule, Plan, Scope, Stated};

    const fn tier(name: &'static str, requests_per_minute: Stated<u32>, concurrency: Stated<u16>) -> Plan<'static> {
        Plan { requests_per_minute, concurrency, burst: BurstRule::Punished, scope: Scope::Key, ..Plan::unstated(name) }
    }

    /// 10 a minute, 1 at a time, 66 credits a day.
    pub const FREE: Plan<'static> =
        Plan { daily: Stated::Exactly(Amount::whole(66)), ..tier("free", Stated::Exactly(10), Stated::Exactly(1)) };
    /// 30 a minute, 3 at a time.
    pub const STANDARD: Plan<'static> = tier("standard", Stated::Exactly(30), Stated::Exactly(3));
    /// 60 a minute, 5 at a time.
    pub const PRO: Plan<'static> = tier("pro", Stated::Exactly(60), Stated::Exactly(5));
    /// By agreement, 10 or more at a time.
    pub const ENTERPRISE: Plan<'static> = tier("enterprise", Stated::Custom, Stated::AtLeast(10));
}

/// Document 004, "Kling AI rate limits, context window & usage caps": one plan, without a name.
pub mod seed004 {
    use super::{Amount, Plan, Reset, Scope, Stated};

    /// 66 credits a day, 3000 a month, 4 jobs at a time, 1080p, 3 minutes; credits come back on a rolling basis.
    ///
    /// The credits of a day and of a month are from different columns: 31 days of 66 are 2046.
    pub const PLAN: Plan<'static> = Plan {
        concurrency: Stated::Exactly(4),
        daily: Stated::Exactly(Amount::whole(66)),
        monthly: Stated::Exactly(Amount::whole(3_000)),
        scope: Scope::Plan,
        reset: Reset::Rolling,
        max_seconds: Stated::Exactly(180),
        max_resolution: Stated::Exactly("1080p"),
        ..Plan::unstated("unnamed")
    };
}

/// The provider's published rule for jobs at the same time ("Concurrency Rules").
///
/// It holds for one account, all its keys together, and for one version of the model. A job holds its slots from its
/// submission until it ends, failed or not. There is no stated limit of requests per second.
///
/// # Example
/// ```
/// use tollgate::presets::plans::concurrency::{Kind, Pack, Task, capacity};
/// let pack = |concurrency| Pack { kind: Kind::Video, concurrency, active: true };
/// assert_eq!(capacity(&[pack(5), pack(10)], Kind::Video), 10); // the largest, not the sum
/// assert_eq!((Task::Video.slots(), Task::Image { count: 4 }.slots(), Task::Query.slots()), (1, 4, 0));
/// ```
pub mod concurrency {
    /// What a resource pack is for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[cfg_attr(feature = "defmt", derive(defmt::Format))]
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
    pub enum Kind {
        /// Video, and virtual try-on.
        Video,
        /// Images.
        Image,
    }

    /// A resource pack that the account has bought.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[cfg_attr(feature = "defmt", derive(defmt::Format))]
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
    pub struct Pack {
        /// What it is for.
        pub kind: Kind,
        /// How many slots it gives.
        pub concurrency: u16,
        /// Whether it is in force: neither used up nor expired.
        pub active: bool,
    }

    /// A call to the API.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[cfg_attr(feature = "defmt", derive(defmt::Format))]
    pub enum Task {
        /// Make a video.
        Video,
        /// Virtual try-on; counts as a video.
        TryOn,
        /// Make so many images in one job.
        Image {
            /// The parameter `n`.
            count: u16,
        },
        /// Ask about a job or an account.
        Query,
    }

    impl Task {
        /// How many slots it takes while it runs: its weight.
        pub const fn slots(self) -> u16 {
            match self {
                Self::Video | Self::TryOn => 1,
                Self::Image { count } => count,
                Self::Query => 0,
            }
        }

        /// From which packs the slots come; none for a query.
        pub const fn kind(self) -> Option<Kind> {
            match self {
                Self::Video | Self::TryOn => Some(Kind::Video),
                Self::Image { .. } => Some(Kind::Image),
                Self::Query => None,
            }
        }
    }

    /// How many slots there are: those of the largest active pack of this kind, not the sum; 0 without any.
    pub fn capacity(packs: &[Pack], kind: Kind) -> u16 {
        let active = packs.iter().filter(|pack| pack.active && pack.kind == kind);
        active.map(|pack| pack.concurrency).max().unwrap_or(0)
    }
}
