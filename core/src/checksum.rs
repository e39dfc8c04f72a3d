//! CRC-32 of what is kept in flash, half a byte at a time: the table takes 64 bytes of flash, and nothing in RAM.
//!
//! Our own, so that it is in the proof of panic freedom also where every sum is checked.

/// A checksum that grows: that of Ethernet, zlib and PNG (IEEE 802.3); `123456789` has 0xCBF43926.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crc32(u32);

/// What half a byte makes of a checksum of zero.
static HALVES: [u32; 16] = [
    half(0),
    half(1),
    half(2),
    half(3),
    half(4),
    half(5),
    half(6),
    half(7),
    half(8),
    half(9),
    half(10),
    half(11),
    half(12),
    half(13),
    half(14),
    half(15),
];

/// Four bits, each taken out by the polynomial 0x04C11DB7, reflected.
const fn half(bits: u32) -> u32 {
    let (mut rest, mut left) = (bits, 4u32);
    while left > 0 {
        rest = if rest & 1 == 1 { rest >> 1 ^ 0xEDB8_8320 } else { rest >> 1 };
        left = left.wrapping_sub(1);
    }
    rest
}

impl Crc32 {
    pub(crate) const NEW: Self = Self(u32::MAX);

    /// With these bytes behind the others.
    pub(crate) fn with(self, bytes: &[u8]) -> Self {
        let step = |rest: u32, bits: u8| {
            let [low, ..] = (rest ^ u32::from(bits)).to_le_bytes();
            // Sixteen halves, so there always is one.
            rest >> 4 ^ HALVES.get(usize::from(low & 0xF)).copied().unwrap_or(0)
        };
        Self(bytes.iter().fold(self.0, |rest, byte| step(step(rest, *byte), *byte >> 4)))
    }

    pub(crate) const fn get(self) -> u32 {
        !self.0
    }
}

#[cfg(feature = "image")]
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    Crc32::NEW.with(bytes).get()
}

#[cfg(test)]
mod tests {
    use super::Crc32;

    #[test]
    fn the_check_value_of_the_catalogue() {
        assert_eq!(Crc32::NEW.with(b"1234").with(b"56789").get(), 0xCBF4_3926);
        assert_eq!(Crc32::NEW.get(), 0);
    }

    /// Bit by bit, by its definition.
    #[test]
    fn halves_are_the_bits_together() {
        let bytes: std::vec::Vec<u8> = (0..=u8::MAX).collect();
        let slowly = bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
        });
        assert_eq!(Crc32::NEW.with(&bytes).get(), !slowly);
    }
}
