//! What was bought: the numbers of a plan. They are data, because they change and because sources contradict each other.

use clap::ValueEnum;

/// A row of source document 001, "Rate Limit Tiers".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    /// Requests in any minute.
    pub(crate) per_minute: u32,
    /// Tasks that may run at once.
    pub(crate) concurrent: u32,
}

/// The plans that `--plan` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanName {
    /// 10 requests a minute, 1 task at once.
    Free,
    /// 30 requests a minute, 3 tasks at once.
    Standard,
    /// 60 requests a minute, 5 tasks at once.
    Pro,
}

impl PlanName {
    pub(crate) const fn plan(self) -> Plan {
        match self {
            Self::Free => Plan { name: "free", per_minute: 10, concurrent: 1 },
            Self::Standard => Plan { name: "standard", per_minute: 30, concurrent: 3 },
            Self::Pro => Plan { name: "pro", per_minute: 60, concurrent: 5 },
        }
    }
}
