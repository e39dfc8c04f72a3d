//! Logs with defmt: the logger, and the time of a line in tenths of a second: finer stamps would depend on the compiler.

use defmt_semihosting as _;

defmt::timestamp!("{=u64}", crate::Ticks::read().as_millis() / 100);
