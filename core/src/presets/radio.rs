//! Radio duty cycles: the airtime of a `LoRa` frame in whole microseconds, and the EU868 sub-bands.
//!
//! One unit is one microsecond on the air. Charge the estimate before sending and commit it when the transmission
//! *ends*; then no hour, the first after a reboot included, holds more than the sub-band allows.
//!
//! ```
//! use tollgate::presets::radio::{LoRa, sub_band};
//! use tollgate::{History, Instant, Limiter, WindowSlices};
//!
//! let band = sub_band(868_100_000).unwrap();
//! // Restarted without a memory: the last hour counts as used up.
//! let mut airtime = WindowSlices::<60>::new(band.window(), History::UsedUp, Instant::ORIGIN)?;
//! let frame = LoRa { spreading_factor: 12, ..LoRa::EU868 }.airtime(64).unwrap();
//! assert_eq!(frame.as_micros(), 2_793_472);
//! assert!(airtime.allow(Instant::from_secs(10), frame.as_micros()).is_err());
//! assert!(airtime.allow(Instant::from_secs(3_660), frame.as_micros()).is_ok());
//! # Ok::<(), tollgate::WindowError>(())
//! ```

use crate::time::Duration;
use crate::window::Window;

/// A stretch of spectrum with its own duty cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SubBand {
    /// The lower edge in hertz, inside the band.
    pub from_hz: u32,
    /// The upper edge in hertz, outside the band where another begins there.
    pub to_hz: u32,
    /// The duty cycle in permille of any hour.
    pub permille: u16,
    window: Window,
}

impl SubBand {
    const fn new(from_hz: u32, to_hz: u32, permille: u16) -> Option<Self> {
        // One permille of an hour is 3.6 s of airtime.
        match Window::new(permille as u32 * 3_600_000, Duration::from_hours(1)) {
            Ok(window) => Some(Self { from_hz, to_hz, permille, window }),
            Err(_) => None,
        }
    }

    /// The sub-band's limit: microseconds of airtime in any hour, 36 s at 1 %.
    pub const fn window(&self) -> Window {
        self.window
    }
}

macro_rules! bands {
    ($(($from:literal, $to:literal, $permille:literal)),* $(,)?) => {
        [$(const {
            match SubBand::new($from, $to, $permille) {
                Some(band) => band,
                None => panic!("a duty cycle of zero"),
            }
        }),*]
    };
}

/// The EU868 sub-bands as `LoRaMac-node` and ERC recommendation 70-03 list them.
///
/// 865 to 868 MHz and 868.0 to 868.6 MHz meet at 868.0, which belongs to the upper one; both have 1 %.
pub const EU868: [SubBand; 6] = bands![
    (863_000_000, 865_000_000, 1),
    (865_000_000, 868_000_000, 10),
    (868_000_000, 868_600_000, 10),
    (868_700_000, 869_200_000, 1),
    (869_400_000, 869_650_000, 100),
    (869_700_000, 870_000_000, 10),
];

/// The EU868 sub-band in which this frequency lies; `None` in the gaps between them, where nothing may be sent.
///
/// An upper edge with a gap behind it still belongs to its band.
pub fn sub_band(hz: u32) -> Option<&'static SubBand> {
    static BANDS: [SubBand; 6] = EU868;
    BANDS.iter().rev().find(|band| (band.from_hz..=band.to_hz).contains(&hz))
}

/// How a `LoRa` frame is modulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LoRa {
    /// 5 to 12.
    pub spreading_factor: u8,
    /// In hertz: 125 000, 250 000, 500 000, or what the chip can do.
    pub bandwidth_hz: u32,
    /// The denominator of the coding rate 4/x: 5 to 8.
    pub coding_rate: u8,
    /// Preamble symbols, without the 4.25 of the sync word.
    pub preamble: u16,
    /// Whether the header is sent.
    pub explicit_header: bool,
    /// Whether a CRC is sent.
    pub crc: bool,
}

impl LoRa {
    /// What `LoRaWAN` uses in EU868 at SF7: 125 kHz, 4/5, 8 preamble symbols, header and CRC.
    pub const EU868: Self = Self {
        spreading_factor: 7,
        bandwidth_hz: 125_000,
        coding_rate: 5,
        preamble: 8,
        explicit_header: true,
        crc: true,
    };

    /// How long a frame of `payload` bytes is on the air, rounded up to a microsecond; `None` for settings
    /// out of range.
    ///
    /// The formula of the Semtech `SX127x` data sheet in integers:
    /// `(4 x (preamble + 4.25 + 8 + n) x 2^SF x 10^6) / (4 x BW)`, with the low data rate optimisation where a symbol is
    /// longer than 16 ms.
    pub const fn airtime(&self, payload: u8) -> Option<Duration> {
        let sf = self.spreading_factor as u64;
        let bandwidth = self.bandwidth_hz as u64;
        if sf < 5 || sf > 12 || bandwidth == 0 || self.coding_rate < 5 || self.coding_rate > 8 {
            return None;
        }
        let slow = (1_u64 << sf) * 1_000 > 16 * bandwidth;
        // Everything left of the division, counted so that it does not go below zero.
        let gained = 8 * payload as u64 + 28 + if self.crc { 16 } else { 0 };
        let spent = 4 * sf + if self.explicit_header { 0 } else { 20 };
        let per_block = 4 * (sf - if slow { 2 } else { 0 });
        let symbols = gained.saturating_sub(spent).div_ceil(per_block) * self.coding_rate as u64;
        let quarters = 4 * (self.preamble as u64 + 8 + symbols) + 17;
        Some(Duration::from_micros(((quarters << sf) * 1_000_000).div_ceil(4 * bandwidth)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn airtime_is_exact_in_microseconds() {
        for (sf, payload, micros) in [
            (12, 64, 2_793_472),
            (12, 51, 2_465_792),
            (11, 12, 577_536),
            (10, 12, 288_768),
            (7, 12, 41_216),
            (7, 222, 348_416),
            (7, 0, 25_856),
        ] {
            let frame = LoRa { spreading_factor: sf, ..LoRa::EU868 };
            assert_eq!(frame.airtime(payload), Some(Duration::from_micros(micros)), "SF{sf}, {payload} bytes");
        }
    }

    #[test]
    fn settings_out_of_range_have_no_airtime() {
        for bad in [
            LoRa { spreading_factor: 4, ..LoRa::EU868 },
            LoRa { spreading_factor: 13, ..LoRa::EU868 },
            LoRa { bandwidth_hz: 0, ..LoRa::EU868 },
            LoRa { coding_rate: 4, ..LoRa::EU868 },
            LoRa { coding_rate: 9, ..LoRa::EU868 },
        ] {
            assert_eq!(bad.airtime(10), None);
        }
    }

    #[test]
    fn a_frequency_has_at_most_one_sub_band() {
        for (hz, permille) in [
            (862_999_999, None),
            (863_000_000, Some(1)),
            (865_000_000, Some(10)),
            (868_000_000, Some(10)),
            (868_600_000, Some(10)),
            (868_650_000, None),
            (868_700_000, Some(1)),
            (869_525_000, Some(100)),
            (869_675_000, None),
            (870_000_000, Some(10)),
            (870_000_001, None),
        ] {
            assert_eq!(sub_band(hz).map(|band| band.permille), permille, "{hz} Hz");
        }
        assert_eq!(sub_band(868_000_000).map(|band| band.from_hz), Some(868_000_000));
        let seconds = EU868.map(|band| band.window().limit() / 100_000);
        assert_eq!(seconds, [36, 360, 360, 36, 3_600, 360], "tenths of a second an hour");
    }
}
