//! `Entropy`: random bits for jitter, and how they spread a delay.
//!
//! Nothing here has a source of randomness: whoever has one passes its bits to [`Backoff`](crate::Backoff) himself. Who
//! has none starts this generator from what tells his device from the others. Four bytes, a dozen instructions.

/// Random bits for jitter: a small generator that a device can seed without a source of randomness.
///
/// Good enough to spread clients, not for secrets. There is no default seed: devices that share one come back together.
///
/// # Example
/// ```
/// use tollgate::Entropy;
/// let mut mine = Entropy::of_device(0x0011_2233_4455_6677).at_boot(41);
/// let mut neighbour = Entropy::of_device(0x0011_2233_4455_6678).at_boot(41);
/// assert_ne!(mine.next(), neighbour.next());
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Entropy(u32);

impl Entropy {
    /// From what tells this device from its neighbours: a serial number, a MAC address.
    #[expect(clippy::cast_possible_truncation, reason = "both halves are mixed in")]
    pub const fn of_device(id: u64) -> Self {
        Self(mix(mix(id as u32) ^ (id >> 32) as u32))
    }

    /// The same device, told from its earlier boots.
    #[must_use]
    pub const fn at_boot(self, count: u32) -> Self {
        Self(mix(self.0 ^ mix(count)))
    }

    /// The next 32 bits.
    pub const fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9);
        mix(self.0)
    }
}

/// A bijection that spreads every input bit over all output bits: multiply and shift, 32-bit so that a Cortex-M0 does it
/// in a dozen instructions.
const fn mix(x: u32) -> u32 {
    let x = (x ^ (x >> 16)).wrapping_mul(0x7FEB_352D);
    let x = (x ^ (x >> 15)).wrapping_mul(0x846C_A68B);
    x ^ (x >> 16)
}

/// Even over `low..=high`: `low + (high - low) x r`, where `r` is the entropy as a fraction of 2^32, rounded to nearest.
pub(crate) fn draw(low: u64, high: u64, entropy: u32) -> u64 {
    low.saturating_add(share(high.saturating_sub(low), entropy))
}

/// `span x r`, rounded to nearest, so at most `span`.
#[inline]
pub(crate) fn share(span: u64, entropy: u32) -> u64 {
    if cfg!(target_pointer_width = "64") {
        #[expect(clippy::cast_possible_truncation, reason = "at most the span")]
        return (u128::from(span).wrapping_mul(u128::from(entropy)).wrapping_add(1 << 31) >> 32) as u64;
    }
    let r = u64::from(entropy);
    // 64 x 32 bits in two halves, each at most (2^32 - 1)^2. Nothing wraps: the sum is at most the span.
    let upper = (span >> 32).wrapping_mul(r);
    let lower = (span & 0xFFFF_FFFF).wrapping_mul(r);
    upper.wrapping_add(lower >> 32).wrapping_add(lower >> 31 & 1)
}
