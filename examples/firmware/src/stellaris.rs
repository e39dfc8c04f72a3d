//! The Ethernet controller of the LM3S6965, for embassy-net: frames in and out of its two FIFOs, word by word.
//!
//! It holds one frame that came and one that goes. The controller pads frames, adds and checks their check sequence; the
//! checksums inside are the stack's. Register names and bits are those of the datasheet, chapter "Ethernet Controller".
//!
//! ```text
//! wire ──> FIFO ──> DATA: length, frame, check sequence ──> rx ──> embassy-net
//!           └── interrupt ──> wakes embassy-net                        │
//! wire <── FIFO <── DATA: length, frame <─────────────────── tx <──────┘
//! ```

use core::fmt;
use core::task::Context;

use cortex_m::peripheral::NVIC;
use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use embassy_sync::waitqueue::AtomicWaker;
use lm3s6965::{Interrupt, interrupt};

/// A register of the controller, or the one that switches its clock on.
#[derive(Clone, Copy)]
struct Register(usize);

/// Interrupt status; writing ones acknowledges.
const RIS: Register = Register(0x4004_8000);
const IM: Register = Register(0x4004_8004);
const RCTL: Register = Register(0x4004_8008);
const TCTL: Register = Register(0x4004_800C);
const DATA: Register = Register(0x4004_8010);
const IA0: Register = Register(0x4004_8014);
const IA1: Register = Register(0x4004_8018);
/// How many frames wait.
const NP: Register = Register(0x4004_8034);
/// Writing 1 sends; it reads as 1 until that is done.
const TR: Register = Register(0x4004_8038);
/// Clocks that run: bit 28 the controller's, bit 30 that of its line driver.
const RCGC2: Register = Register(0x400F_E108);

/// A frame has come, and the last one has gone: bits of `RIS` and `IM`.
const RX_INT: u32 = 1;
const TX_EMPTY: u32 = 1 << 2;

/// The longest frame, without its check sequence.
const LONGEST: usize = 1_514;
/// Two addresses and the type, which the length of a frame to be sent leaves out.
const HEADER: usize = 14;

static EVENT: AtomicWaker = AtomicWaker::new();

impl Register {
    fn read(self) -> u32 {
        // SAFETY: only made with the addresses above, which are registers of this chip and aligned.
        unsafe { (self.0 as *const u32).read_volatile() }
    }

    fn write(self, value: u32) {
        // SAFETY: as for `read`; none of these makes the controller touch memory.
        unsafe { (self.0 as *mut u32).write_volatile(value) }
    }
}

#[interrupt]
fn ETHERNET() {
    RIS.write(RIS.read());
    EVENT.wake();
}

/// The controller, switched on.
pub struct Ethernet {
    address: [u8; 6],
    rx: [u8; LONGEST],
    tx: [u8; LONGEST],
}

impl fmt::Debug for Ethernet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ethernet").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Ethernet {
    /// Switches the controller on, with this hardware address. There is one: a second one would get half of the frames.
    pub fn new(address: [u8; 6]) -> Self {
        RCGC2.write(RCGC2.read() | 1 << 28 | 1 << 30);
        let _ = RCGC2.read(); // the clock takes some cycles to come
        let mut bytes = address.into_iter();
        for register in [IA0, IA1] {
            register.write(u32::from_le_bytes(core::array::from_fn(|_| bytes.next().unwrap_or(0))));
        }
        RCTL.write(1 << 4); // an empty FIFO
        RCTL.write(1 << 3 | 1); // on; frames with a bad check sequence stay outside
        TCTL.write(1 << 4 | 1 << 2 | 1 << 1 | 1); // on, both ways at once; pads, and adds the check sequence
        IM.write(RX_INT | TX_EMPTY);
        // SAFETY: its handler is above, and no critical section depends on it.
        unsafe { NVIC::unmask(Interrupt::ETHERNET) };
        Self { address, rx: [0; LONGEST], tx: [0; LONGEST] }
    }

    /// Takes the next frame out of the FIFO, into `rx`. What is too long is drained and dropped.
    fn take(&mut self) -> Option<usize> {
        while NP.read() & 0x3F != 0 {
            // The length counts itself and the check sequence, and shares its word with the start of the frame.
            let [low, high, first @ ..] = DATA.read().to_le_bytes();
            let total = usize::from(u16::from_le_bytes([low, high]));
            let mut free = self.rx.iter_mut();
            let mut keep = |bytes: &[u8]| bytes.iter().zip(&mut free).for_each(|(byte, place)| *place = *byte);
            keep(&first);
            for _ in 1..total.div_ceil(4) {
                keep(&DATA.read().to_le_bytes());
            }
            let frame = total.saturating_sub(2 + 4);
            if (HEADER..=LONGEST).contains(&frame) {
                return Some(frame);
            }
        }
        None
    }

    fn is_sending() -> bool {
        TR.read() & 1 != 0
    }
}

/// A frame that came.
#[derive(Debug)]
pub struct Received<'a>(&'a mut [u8]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// Room for a frame that goes.
#[derive(Debug)]
pub struct Sending<'a>(&'a mut [u8; LONGEST]);

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        // The stack keeps to the longest frame that `capabilities` names.
        let frame = self.0.get_mut(..len).unwrap_or_default();
        let result = f(frame);
        let [low, high] = u16::try_from(frame.len().saturating_sub(HEADER)).unwrap_or(0).to_le_bytes();
        let mut bytes = [low, high].into_iter().chain(frame.iter().copied());
        while let Some(first) = bytes.next() {
            let mut next = || bytes.next().unwrap_or(0);
            DATA.write(u32::from_le_bytes([first, next(), next(), next()]));
        }
        TR.write(1);
        result
    }
}

impl Driver for Ethernet {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(Received<'_>, Sending<'_>)> {
        // Before the look: a frame that comes in between wakes, too.
        EVENT.register(context.waker());
        let len = if Self::is_sending() { None } else { self.take() }?;
        Some((Received(self.rx.get_mut(..len)?), Sending(&mut self.tx)))
    }

    fn transmit(&mut self, context: &mut Context<'_>) -> Option<Sending<'_>> {
        EVENT.register(context.waker());
        (!Self::is_sending()).then_some(Sending(&mut self.tx))
    }

    /// Up: the emulator has no line driver to ask. Without a network nobody answers the stack's search for an address.
    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = LONGEST;
        capabilities.max_burst_size = Some(1);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.address)
    }
}
