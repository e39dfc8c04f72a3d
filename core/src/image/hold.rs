//! Holds in the image of a [`Ledger`](crate::Ledger), live or remembered.

use heapless::Vec;

use crate::bounded::Bounded;
use crate::hold::{AccountId, HeldLine, Hold, HoldState, Lines, OnExpiry, Shortfall};
use crate::image::Shift;
use crate::image::bytes::{Reader, Writer};
use crate::job::JobId;

/// Account, two tags, five amounts.
const LINE: usize = 1 + 4 + 4 + 5 * 8;

/// How long a hold with up to so many lines is.
pub(crate) const fn hold_len(lines: usize) -> usize {
    8 + 8 + 4 + 1 + STATE + 1 + lines * LINE
}

/// A tag, and of a denial the account, the line, the amount, and all lines.
const STATE: usize = 1 + 1 + 1 + 8 + 4;

pub(crate) fn write_hold<const L: usize>(hold: &Hold<L>, to: &mut Writer<'_>) {
    to.u64(hold.id.0);
    to.instant(hold.until);
    to.u32(hold.order);
    to.u8(u8::from(hold.anonymous) | u8::from(hold.on_expiry == OnExpiry::Post) << 1);
    write_state(hold.state, to);
    // A hold has at most 32 lines.
    to.u8(u8::try_from(hold.lines.len()).unwrap_or(u8::MAX));
    for line in &hold.lines {
        to.u8(line.account.0);
        to.i32(line.tag);
        to.i32(line.extra_tag);
        for amount in [line.reserved, line.actual, line.taken, line.extra, line.refunded] {
            to.u64(amount);
        }
    }
    to.blank((L - hold.lines.len().min(L)) * LINE);
}

/// Reservations of before are stale: the mark is nobody's. `accounts` is how many there are.
pub(crate) fn read_hold<const L: usize>(accounts: usize, from: &mut Reader<'_>, way: &Shift) -> Hold<L> {
    let (id, until, order, flags) = (JobId(from.u64()), way.at(from.instant()), from.u32(), from.u8());
    from.expect(flags <= 3);
    let (anonymous, posts, state) = (flags & 1 == 1, flags & 2 == 2, read_state(from));
    let count = usize::from(from.u8());
    from.expect(count <= L);
    let mut lines = Vec::new();
    for _ in 0..count.min(L) {
        let (account, tag, extra_tag) = (AccountId(from.u8()), from.i32(), from.i32());
        let (reserved, actual, taken) = (from.amount(), from.amount(), from.amount());
        let (extra, refunded) = (from.amount(), from.amount());
        from.expect(usize::from(account.0) < accounts);
        let _ = lines.put(HeldLine { account, tag, extra_tag, reserved, actual, taken, extra, refunded });
    }
    from.skip((L - count.min(L)) * LINE);
    let on_expiry = if posts { OnExpiry::Post } else { OnExpiry::Free };
    Hold { id, until, lines, state, mark: 0, order, on_expiry, anonymous }
}

fn write_state(state: HoldState, to: &mut Writer<'_>) {
    to.u8(tag_of(state));
    match state {
        HoldState::Denied(short) => {
            to.u8(short.account.0);
            to.u8(short.line);
            to.u64(short.micros);
            to.u32(short.failing.bits());
        }
        _ => to.blank(STATE - 1),
    }
}

fn read_state(from: &mut Reader<'_>) -> HoldState {
    let tag = from.u8();
    let (account, line, micros) = (AccountId(from.u8()), from.u8(), from.u64());
    let failing = Lines(from.u32());
    if tag == 5 {
        return HoldState::Denied(Shortfall { account, line, micros, failing });
    }
    state_of(tag, from)
}

/// The number of a state.
pub(crate) const fn tag_of(state: HoldState) -> u8 {
    match state {
        HoldState::Live => 0,
        HoldState::Posted => 1,
        HoldState::PostedLate => 2,
        HoldState::Voided => 3,
        HoldState::Expired => 4,
        HoldState::Denied(_) => 5,
    }
}

/// The state with this number; a denial has more to it than a number.
pub(crate) const fn state_of(tag: u8, from: &mut Reader<'_>) -> HoldState {
    from.expect(tag <= 4);
    match tag {
        0 => HoldState::Live,
        1 => HoldState::Posted,
        2 => HoldState::PostedLate,
        3 => HoldState::Voided,
        _ => HoldState::Expired,
    }
}
