//! Logs with defmt: the logger, and the time of a line in milliseconds.

use defmt_semihosting as _;

defmt::timestamp!("{=u64}", crate::Ticks::read().as_millis());
