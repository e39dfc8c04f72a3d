//! State over a reboot: what is the same afterwards, what is refused, and what nobody may gain.

mod contracts;
mod gate;
mod kinds;
mod reboots;
mod support;
mod twins;
