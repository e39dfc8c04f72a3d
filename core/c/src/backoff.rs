//! `tollgate_backoff`: later and later, never later than promised.

use core::num::NonZeroU32;

use tollgate::{Backoff, Duration, Entropy, Growth, Instant, Jitter, Policy, PolicyError};

use crate::call::{Place, given, plain};
use crate::handle::{self, handle};
use crate::status::tollgate_status;

/// Words of 64 bits in a `tollgate_backoff`.
pub const TOLLGATE_BACKOFF_WORDS: usize = 12;

/// The delays of one call and its retries. In the caller's storage, which stays where it is from `tollgate_backoff_init`
/// on.
#[repr(C)]
#[derive(Debug)]
pub struct tollgate_backoff {
    opaque: [u64; TOLLGATE_BACKOFF_WORDS],
}
handle!(tollgate_backoff, 5, Backoff);

/// How a delay is spread, so that many clients do not come back at once.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_jitter {
    /// Not at all.
    None = 0,
    /// Between 0 and the delay.
    Full = 1,
    /// Between half of the delay and the delay.
    Equal = 2,
    /// Between the base and three times the previous delay; the growth is not used.
    Decorrelated = 3,
    /// Between `jitter_from` and `jitter_to` permille of the delay.
    Range = 4,
}

/// How to back off.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct tollgate_backoff_config {
    /// The first delay in microseconds; 0 for "at once, every time".
    pub base_us: u64,
    /// The largest delay in microseconds, jitter included; not below the base.
    pub max_us: u64,
    /// No sleep ends later than this after the start, in microseconds; 0 for no such end.
    pub deadline_us: u64,
    /// Each delay is so many permille of the one before; 0 for 2000, which doubles.
    pub growth_permille: u32,
    /// How many delays at most; 0 for one call and no delay.
    pub retries: u32,
    /// One of `tollgate_jitter`.
    pub jitter: u32,
    /// For `TOLLGATE_JITTER_RANGE`, in permille.
    pub jitter_from: u16,
    /// For `TOLLGATE_JITTER_RANGE`, in permille; not below `jitter_from`.
    pub jitter_to: u16,
}

impl TryFrom<tollgate_backoff_config> for Policy {
    type Error = tollgate_status;

    fn try_from(config: tollgate_backoff_config) -> Result<Self, tollgate_status> {
        let jitter = match config.jitter {
            _ if config.jitter == tollgate_jitter::None as u32 => Jitter::None,
            _ if config.jitter == tollgate_jitter::Full as u32 => Jitter::Full,
            _ if config.jitter == tollgate_jitter::Equal as u32 => Jitter::Equal,
            _ if config.jitter == tollgate_jitter::Decorrelated as u32 => Jitter::Decorrelated,
            _ if config.jitter == tollgate_jitter::Range as u32 => {
                Jitter::TimesRange { from: config.jitter_from, to: config.jitter_to }
            }
            _ => return Err(tollgate_status::ErrorBackoffJitter),
        };
        let mut policy = Self::new(Duration::from_micros(config.base_us), Duration::from_micros(config.max_us));
        if let Some(permille) = NonZeroU32::new(config.growth_permille) {
            policy = policy.and_then(|policy| policy.with_growth(Growth::Exponential { permille }));
        }
        let policy = policy.and_then(|policy| policy.with_jitter(jitter)).map_err(|error| match error {
            PolicyError::BaseAboveMax { .. } => tollgate_status::ErrorBackoffBase,
            PolicyError::Shrinking { .. } => tollgate_status::ErrorBackoffGrowth,
            PolicyError::EmptyRange { .. } => tollgate_status::ErrorBackoffJitter,
            _ => tollgate_status::ErrorOther,
        })?;
        let deadline = if config.deadline_us == 0 { Duration::MAX } else { Duration::from_micros(config.deadline_us) };
        Ok(policy.with_retries(config.retries).with_deadline(deadline))
    }
}

/// Makes a backoff in `backoff`, whatever was there, for a call that starts now.
///
/// Errors: `TOLLGATE_STATUS_ERROR_BACKOFF_...`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_backoff_init(
    backoff: *mut tollgate_backoff,
    config: *const tollgate_backoff_config,
    now_us: u64,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let policy = Policy::try_from(given(config)?)?;
            Ok(handle::put(backoff, Backoff::new(policy, Instant::from_micros(now_us)))?)
        })
    }
}

/// Writes how long to sleep before the next attempt to `delay_us`. `entropy` is any 32 random bits.
///
/// `TOLLGATE_STATUS_RETRIES` and `TOLLGATE_STATUS_DEADLINE` if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_backoff_next(
    backoff: *mut tollgate_backoff,
    now_us: u64,
    entropy: u32,
    delay_us: *mut u64,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (backoff, place) = (handle::open(backoff)?, Place::new(delay_us)?);
            place.put(backoff.next(Instant::from_micros(now_us), entropy)?.as_micros());
            Ok(())
        })
    }
}

/// The same after a server has said how long to wait: never less than `server_us`, and more only by what spreads it. May
/// exceed the max, which binds us and not the server.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_backoff_after(
    backoff: *mut tollgate_backoff,
    server_us: u64,
    now_us: u64,
    entropy: u32,
    delay_us: *mut u64,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (backoff, place) = (handle::open(backoff)?, Place::new(delay_us)?);
            let delay = backoff.after(Duration::from_micros(server_us), Instant::from_micros(now_us), entropy)?;
            place.put(delay.as_micros());
            Ok(())
        })
    }
}

/// Begins again: on success, or for the next call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_backoff_reset(backoff: *mut tollgate_backoff, now_us: u64) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            handle::open(backoff)?.reset(Instant::from_micros(now_us));
            Ok(())
        })
    }
}

/// 32 bits for jitter where there is no source of randomness, from what tells this device from its neighbours (a serial
/// number), from its earlier boots, and from its earlier draws. Good enough to spread clients, not for secrets.
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_entropy(device: u64, boot: u32, draw: u32) -> u32 {
    Entropy::of_device(device).at_boot(boot).at_boot(draw).next()
}
