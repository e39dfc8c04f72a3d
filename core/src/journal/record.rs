//! Slots of 32 bytes, and what one or several of them say together.
//!
//! ```text
//!  0        4     5     6      8         12            20            28       32
//!  ├─ seq ──┼kind─┼part─┼─ who ┼── a u32 ┼──── b u64 ──┼──── c u64 ──┼─ crc32 ┤     little-endian
//! ```
//! `part` has the number of the part in its low and the number of parts in its high half. All kinds share the three words
//! `a`, `b` and `c`, so that there is one encoder. An erased slot is all ones; its checksum would not be right.

use heapless::Vec;

use crate::bounded::Bounded;
use crate::checksum::Crc32;
use crate::hold::AccountId;
use crate::job::JobId;
use crate::time::Instant;
use crate::wall::UnixMicros;

/// The bytes of a slot.
pub const SLOT: u32 = 32;

/// The most slots that one record takes.
pub(crate) const PARTS: u8 = 4;

pub(crate) type Bytes = [u8; SLOT as usize];

/// The three words of a slot that are the record's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Words {
    pub(crate) a: u32,
    pub(crate) b: u64,
    pub(crate) c: u64,
}

impl Words {
    pub(crate) const fn new(a: u32, b: u64, c: u64) -> Self {
        Self { a, b, c }
    }
}

/// One slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Slot {
    pub(crate) seq: u32,
    pub(crate) kind: u8,
    pub(crate) part: u8,
    pub(crate) who: u16,
    pub(crate) words: Words,
}

/// What 32 bytes turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Erased,
    Bad,
    Good(Slot),
}

impl Slot {
    pub(crate) fn encode(&self) -> Bytes {
        let ([s0, s1, s2, s3], [w0, w1]) = (self.seq.to_le_bytes(), self.who.to_le_bytes());
        let [a0, a1, a2, a3] = self.words.a.to_le_bytes();
        let [[b0, b1, b2, b3, b4, b5, b6, b7], [c0, c1, c2, c3, c4, c5, c6, c7]] =
            [self.words.b, self.words.c].map(u64::to_le_bytes);
        // Written out: words are stored as words.
        let mut bytes = [
            s0, s1, s2, s3, self.kind, self.part, w0, w1, a0, a1, a2, a3, b0, b1, b2, b3, b4, b5, b6, b7, c0, c1, c2,
            c3, c4, c5, c6, c7, 0, 0, 0, 0,
        ];
        let crc = checksum(&bytes);
        let [.., c0, c1, c2, c3] = &mut bytes;
        [*c0, *c1, *c2, *c3] = crc.to_le_bytes();
        bytes
    }

    pub(crate) fn decode(bytes: &Bytes) -> Found {
        if bytes.iter().all(|byte| *byte == 0xFF) {
            return Found::Erased;
        }
        let [s0, s1, s2, s3, kind, part, w0, w1, a0, a1, a2, a3, words @ .., c0, c1, c2, c3] = *bytes;
        if u32::from_le_bytes([c0, c1, c2, c3]) != checksum(bytes) {
            return Found::Bad;
        }
        let [b0, b1, b2, b3, b4, b5, b6, b7, c @ ..] = words;
        Found::Good(Self {
            seq: u32::from_le_bytes([s0, s1, s2, s3]),
            kind,
            part,
            who: u16::from_le_bytes([w0, w1]),
            words: Words::new(
                u32::from_le_bytes([a0, a1, a2, a3]),
                u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7]),
                u64::from_le_bytes(c),
            ),
        })
    }
}

fn checksum(bytes: &Bytes) -> u32 {
    let [covered @ .., _, _, _, _] = bytes;
    Crc32::NEW.with(covered).get()
}

/// A checksum over some numbers, for the fingerprint of a configuration.
pub(crate) fn fingerprint(of: impl Iterator<Item = u64>) -> u32 {
    of.fold(Crc32::NEW, |crc, word| crc.with(&word.to_le_bytes())).get()
}

const LEASE: u8 = 1;
const JOB: u8 = 2;
const IDS: u8 = 3;
const ALERT: u8 = 4;
const CLOCK: u8 = 5;
const BLOCK: u8 = 6;
const SNAPSHOT: u8 = 7;

/// Where a job was when its record was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum JobPhase {
    /// About to be sent: from here on it may have reached the provider.
    Sent,
    /// The provider has accepted it.
    Running,
    /// It was settled; the amounts are what was booked for it.
    Settled,
    /// It did not run, and everything was given back.
    Freed,
    /// The provider no longer lists it, and nobody has said what it cost.
    NeedsActual,
    /// Its lease was over: what it held was posted, and the first word about its cost corrects that.
    Overdue,
}

/// A job as it is kept: up to four amounts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct JobRecord {
    /// Ours.
    pub id: JobId,
    /// The provider's name for it, or a hash of that; 0 while it has none.
    pub tag: u64,
    /// What it weighs in a limit of concurrency.
    pub weight: u16,
    /// Where it is.
    pub phase: JobPhase,
    /// How long it may run from a reboot on, in minutes: 65 535 for ever, 0 where nothing was said.
    pub minutes: u16,
    /// The date was unknown when its amounts were set aside or, in a last record, booked.
    pub undated: bool,
    /// What was booked for it is inside the leases already: a copy of an earlier record.
    pub counted: bool,
    /// Which of its amounts belong to an earlier period: one bit each, from the lowest.
    pub previous: u8,
    /// Of which of its amounts more was said than is booked: one bit each.
    pub partial: u8,
    /// What it holds, or took in the end: in millionths of the account's unit.
    pub amounts: Vec<(AccountId, u64), 4>,
}

/// What there is to know about a budget after a reboot. Amounts in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Figures {
    /// The period; 0 without a calendar.
    pub period: i32,
    /// What is used at most until a later record says otherwise; holds of kept jobs are not in it.
    pub high: u64,
    /// How much of that may belong to a later period, because the date was unknown.
    pub undated: u64,
    /// The date was known once; it is closed by a cap; it is closed by a damage.
    pub flags: u8,
    /// Thresholds that are armed.
    pub armed: u8,
    /// Alerts that were not acknowledged.
    pub pending: u8,
    /// What was used above the limit.
    pub debt: u64,
    /// What came on top from the period before.
    pub bonus: u64,
    /// What was posted in the period before.
    pub previous: u64,
    /// What was used and could not be booked.
    pub unaccounted: u64,
    /// What was posted when this was written, for people.
    pub posted: u64,
    /// What was held then, for people.
    pub held: u64,
}

/// One record: what one operation writes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Record {
    /// Up to so much may be used without another record.
    Lease {
        /// Whose.
        account: AccountId,
        /// The period it belongs to.
        period: i32,
        /// What is used at most, in millionths.
        high: u64,
        /// How much of that may belong to a later period.
        undated: u64,
    },
    /// A job, from before it is sent until it has ended.
    Job(JobRecord),
    /// Ids below this one may have been given out.
    Ids {
        /// The first that was not.
        high: u64,
    },
    /// An alert was acknowledged.
    Alert {
        /// Whose.
        account: AccountId,
        /// Thresholds that are armed.
        armed: u8,
        /// Alerts that are still pending.
        pending: u8,
    },
    /// What time it is at least.
    Clock {
        /// The instant at which it was written.
        base: Instant,
        /// The date then, if it was known: no date that a stranger names later may be earlier.
        floor: UnixMicros,
    },
    /// A server said to wait.
    Block {
        /// Whom, by the caller's numbering.
        who: u16,
        /// Until when.
        until: Instant,
        /// When that was written: after a reboot it is at least so late.
        base: Instant,
    },
    /// Everything about a budget.
    Snapshot {
        /// Which.
        account: AccountId,
        /// Its figures.
        figures: Figures,
    },
}

const PHASES: [JobPhase; 6] =
    [JobPhase::Sent, JobPhase::Running, JobPhase::Settled, JobPhase::Freed, JobPhase::NeedsActual, JobPhase::Overdue];

/// Two flags beside the phase of a job.
const UNDATED: u8 = 1 << 6;
const COUNTED: u8 = 1 << 7;

impl Record {
    /// How many slots it takes.
    pub fn parts(&self) -> u8 {
        match self {
            Self::Job(job) => u8::try_from(job.amounts.len().div_ceil(2)).unwrap_or(0).saturating_add(1),
            Self::Snapshot { .. } => PARTS,
            _ => 1,
        }
    }

    pub(crate) fn slot(&self, part: u8, seq: u32) -> Slot {
        let (kind, who, words) = self.words(part);
        Slot { seq, kind, part: part | self.parts() << 4, who, words }
    }

    fn words(&self, part: u8) -> (u8, u16, Words) {
        match self {
            Self::Lease { account, period, high, undated } => {
                (LEASE, account.0.into(), Words::new(period.cast_unsigned(), *high, *undated))
            }
            Self::Job(job) => (JOB, job.minutes, job.words(part)),
            Self::Ids { high } => (IDS, 0, Words::new(0, *high, 0)),
            Self::Alert { account, armed, pending } => {
                (ALERT, account.0.into(), Words::new(u32::from_le_bytes([0, *armed, *pending, 0]), 0, 0))
            }
            Self::Clock { base, floor } => {
                (CLOCK, 0, Words::new(0, base.as_micros(), floor.as_micros().cast_unsigned()))
            }
            Self::Block { who, until, base } => (BLOCK, *who, Words::new(0, until.as_micros(), base.as_micros())),
            Self::Snapshot { account, figures } => (SNAPSHOT, account.0.into(), figures.words(part)),
        }
    }

    /// Puts a record together from all its parts, in order.
    pub(crate) fn from_parts(first: &Slot, rest: &[Words]) -> Option<Self> {
        let (words, account) = (first.words, AccountId(u8::try_from(first.who).unwrap_or(u8::MAX)));
        Some(match (first.kind, rest) {
            (LEASE, []) => Self::Lease { account, period: words.a.cast_signed(), high: words.b, undated: words.c },
            (JOB, _) => Self::Job(JobRecord::from_words(first.who, words, rest)?),
            (IDS, []) => Self::Ids { high: words.b },
            (ALERT, []) => {
                let [_, armed, pending, _] = words.a.to_le_bytes();
                Self::Alert { account, armed, pending }
            }
            (CLOCK, []) => Self::Clock {
                base: Instant::from_micros(words.b),
                floor: UnixMicros::from_micros(words.c.cast_signed()),
            },
            (BLOCK, []) => {
                let [until, base] = [words.b, words.c].map(Instant::from_micros);
                Self::Block { who: first.who, until, base }
            }
            (SNAPSHOT, [second, third, fourth]) => {
                Self::Snapshot { account, figures: Figures::from_words([&words, second, third, fourth]) }
            }
            _ => return None,
        })
    }
}

impl JobRecord {
    fn words(&self, part: u8) -> Words {
        if part == 0 {
            let phase = PHASES.iter().position(|phase| *phase == self.phase).unwrap_or(0);
            let (phase, n) = (u8::try_from(phase).unwrap_or(0), u8::try_from(self.amounts.len()).unwrap_or(0));
            let flags = if self.undated { UNDATED } else { 0 } | if self.counted { COUNTED } else { 0 };
            let (phase, n) = (phase | flags, n | self.previous << 4);
            let [w0, w1] = self.weight.to_le_bytes();
            return Words::new(u32::from_le_bytes([phase, n, w0, w1]), self.id.0, self.tag);
        }
        let mut amounts = self.amounts.iter().skip(usize::from(part - 1) * 2).copied();
        let mut next = || amounts.next().unwrap_or((AccountId(0), 0));
        let ((one, b), (two, c)) = (next(), next());
        let partial = if part == 1 { self.partial & 3 } else { self.partial >> 2 };
        Words::new(u32::from_le_bytes([one.0, two.0, partial, 0]), b, c)
    }

    fn from_words(minutes: u16, head: Words, rest: &[Words]) -> Option<Self> {
        let [phase, n, w0, w1] = head.a.to_le_bytes();
        let (undated, counted) = (phase & UNDATED != 0, phase & COUNTED != 0);
        let (phase, n, previous) = (phase & !(UNDATED | COUNTED), n & 0xF, n >> 4);
        let pairs = rest.iter().flat_map(|words| {
            let [one, two, ..] = words.a.to_le_bytes();
            [(AccountId(one), words.b), (AccountId(two), words.c)]
        });
        let partial = rest.iter().rev().fold(0, |bits, words| {
            let [_, _, pair, _] = words.a.to_le_bytes();
            bits << 2 | pair & 3
        });
        let amounts: Vec<_, 4> = Vec::of(pairs.take(usize::from(n).min(4)));
        let whole = amounts.len() == usize::from(n) && rest.len() == amounts.len().div_ceil(2);
        let phase = *PHASES.get(usize::from(phase)).filter(|_| whole)?;
        let (id, tag, weight) = (JobId(head.b), head.c, u16::from_le_bytes([w0, w1]));
        Some(Self { id, tag, weight, phase, minutes, undated, counted, previous, partial, amounts })
    }
}

impl Figures {
    fn words(&self, part: u8) -> Words {
        match part {
            0 => Words::new(self.period.cast_unsigned(), self.high, self.undated),
            1 => Words::new(u32::from_le_bytes([self.flags, self.armed, self.pending, 0]), self.debt, self.bonus),
            2 => Words::new(0, self.previous, self.unaccounted),
            _ => Words::new(0, self.posted, self.held),
        }
    }

    fn from_words([one, two, three, four]: [&Words; PARTS as usize]) -> Self {
        let [flags, armed, pending, _] = two.a.to_le_bytes();
        Self {
            period: one.a.cast_signed(),
            high: one.b,
            undated: one.c,
            flags,
            armed,
            pending,
            debt: two.b,
            bonus: two.c,
            previous: three.b,
            unaccounted: three.c,
            posted: four.b,
            held: four.c,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> [Record; 9] {
        let job = |n: u8| JobRecord {
            id: JobId(7),
            tag: 0x1122_3344_5566_7788,
            weight: 3,
            phase: if n == 3 { JobPhase::Overdue } else { JobPhase::Running },
            minutes: 700,
            undated: n == 3,
            counted: n == 4,
            previous: n,
            partial: if n == 3 { 5 } else { 0 },
            amounts: (0..n).map(|at| (AccountId(at), 1_000 + u64::from(at))).collect(),
        };
        let figures = Figures {
            period: -3,
            high: 1,
            undated: 2,
            flags: 3,
            armed: 4,
            pending: 5,
            debt: 6,
            bonus: 7,
            previous: 8,
            unaccounted: 9,
            posted: 10,
            held: 11,
        };
        let account = AccountId(200);
        [
            Record::Lease { account, period: i32::MIN, high: u64::MAX, undated: 5 },
            Record::Job(job(0)),
            Record::Job(job(3)),
            Record::Job(job(4)),
            Record::Ids { high: 64 },
            Record::Alert { account, armed: 0xF0, pending: 0x0F },
            Record::Clock { base: Instant::MAX, floor: UnixMicros::from_micros(i64::MIN) },
            Record::Block { who: 65_535, until: Instant::from_secs(9), base: Instant::from_secs(5) },
            Record::Snapshot { account, figures },
        ]
    }

    #[test]
    fn a_record_reads_back_from_its_slots() {
        for record in examples() {
            let slots: std::vec::Vec<Slot> = (0..record.parts())
                .map(|part| match Slot::decode(&record.slot(part, 9 + u32::from(part)).encode()) {
                    Found::Good(slot) => slot,
                    other => panic!("{other:?}"),
                })
                .collect();
            let rest: std::vec::Vec<Words> = slots[1..].iter().map(|slot| slot.words).collect();
            assert_eq!(Record::from_parts(&slots[0], &rest).as_ref(), Some(&record));
            assert!((1..=PARTS).contains(&record.parts()));
        }
    }

    #[test]
    fn the_bytes_of_a_slot_stay_what_they_are() {
        let lease = Record::Lease { account: AccountId(2), period: 20_000, high: 1_000_000, undated: 0 };
        let bytes = lease.slot(0, 0x0102_0304).encode();
        assert_eq!(
            bytes[..28],
            *b"\x04\x03\x02\x01\x01\x10\x02\x00\x20\x4e\x00\x00\x40\x42\x0f\0\0\0\0\0\0\0\0\0\0\0\0\0"
        );
        assert_eq!(bytes[28..], crc_of(&bytes[..28]).to_le_bytes());
    }

    /// CRC-32 as in IEEE 802.3, by its definition.
    fn crc_of(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
        })
    }

    #[test]
    fn a_slot_with_any_bit_flipped_is_bad() {
        let bytes = examples()[0].slot(0, 1).encode();
        for bit in 0..256 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Slot::decode(&flipped), Found::Bad, "bit {bit}");
        }
        assert_eq!(Slot::decode(&[0xFF; 32]), Found::Erased);
        assert_eq!(Slot::decode(&[0; 32]), Found::Bad);
    }
}
