//! What stands in the caller's storage: a seal, and behind it the thing itself.
//!
//! ```text
//! opaque[0]                                 opaque[1] ...
//! kind (low half) │ address (high half)     the limiter
//! ```
//! The seal tells storage that was never initialised, that holds another kind, or that was copied to somewhere else. What
//! it cannot tell is whether somebody has written into the rest of it.

use crate::status::tollgate_status as Status;

/// The alignment of every handle, and of whatever else has 64-bit numbers in it.
pub const TOLLGATE_ALIGNMENT: usize = 8;

/// The caller's storage for something, and the kind by which its seal is known.
///
/// # Safety
/// `Self` is `repr(C)` and made of words of 64 bits, any of which are valid; [`fits`] has been asserted.
pub(crate) unsafe trait Handle: Sized {
    /// What is kept in it; nothing is lost if it is overwritten and never dropped.
    type Inside;
    /// Unique, of [`KINDS`].
    const KIND: u32;
    /// Whether it must stay where it was initialised.
    const PINNED: bool = true;
}

/// All kinds lie in this block of 256.
const KINDS: u32 = 0x7011_6A00;

/// A kind by its number, which is at least 1.
pub(crate) const fn kind(number: u8) -> u32 {
    KINDS | number as u32
}

/// The layout of the storage.
#[repr(C)]
struct Sealed<T> {
    seal: u64,
    inside: T,
}

/// How many bytes of the storage are used.
pub(crate) const fn used<H: Handle>() -> usize {
    size_of::<Sealed<H::Inside>>()
}

/// Whether the storage is large enough and aligned as what it holds.
pub(crate) const fn fits<H: Handle>() -> bool {
    used::<H>() <= size_of::<H>()
        && align_of::<Sealed<H::Inside>>() <= TOLLGATE_ALIGNMENT
        && align_of::<H>() == TOLLGATE_ALIGNMENT
}

/// Implements [`Handle`] and asserts what it promises.
macro_rules! handle {
    ($storage:ty, $number:literal, $inside:ty $(, $copied:ident)?) => {
        // SAFETY: asserted below; the storage is declared as one array of words.
        unsafe impl $crate::handle::Handle for $storage {
            type Inside = $inside;
            const KIND: u32 = $crate::handle::kind($number);
            $(const PINNED: bool = $crate::handle::$copied;)?
        }
        const _: () = assert!($crate::handle::fits::<$storage>(), "the storage of this handle is too small");
    };
}
pub(crate) use handle;

/// For what may be copied: a value and not a place.
pub(crate) const COPIED: bool = false;

fn seal<H: Handle>(storage: *const H) -> u64 {
    let place = if H::PINNED { storage.addr() as u64 } else { 0 };
    place << 32 | u64::from(H::KIND)
}

/// A pointer that is neither NULL nor misaligned.
pub(crate) fn sound<T>(pointer: *const T) -> Result<*const T, Status> {
    match pointer {
        _ if pointer.is_null() => Err(Status::ErrorNull),
        _ if !pointer.is_aligned() => Err(Status::ErrorMisaligned),
        _ => Ok(pointer),
    }
}

/// The same for one that is written to.
pub(crate) fn sound_mut<T>(pointer: *mut T) -> Result<*mut T, Status> {
    sound(pointer).map(<*const T>::cast_mut)
}

/// Where the inside of an initialised handle is.
///
/// # Safety
/// A `storage` that is neither NULL nor misaligned points to a whole `H` that nobody else uses during the call.
pub(crate) unsafe fn inside<H: Handle>(storage: *const H) -> Result<*mut H::Inside, Status> {
    let storage = sound(storage)?;
    let sealed = storage.cast::<Sealed<H::Inside>>().cast_mut();
    // SAFETY: the caller's promise; the seal is a word, valid whatever it is.
    let found = unsafe { (&raw const (*sealed).seal).read() };
    #[expect(clippy::cast_possible_truncation, reason = "the low half")]
    let kind = found as u32;
    match found {
        // SAFETY: within the storage, as `fits` has asserted.
        _ if found == seal(storage) => Ok(unsafe { &raw mut (*sealed).inside }),
        _ if kind == H::KIND => Err(Status::ErrorMoved),
        _ if kind & !0xFF == KINDS => Err(Status::ErrorWrongKind),
        _ => Err(Status::ErrorUninitialised),
    }
}

/// A handle, to look at.
///
/// # Safety
/// As [`inside`], and `'h` ends with the call.
pub(crate) unsafe fn look<'h, H: Handle>(storage: *const H) -> Result<&'h H::Inside, Status> {
    // SAFETY: sealed storage holds a valid inside, and the caller promises the rest.
    unsafe { inside(storage).map(|inside| &*inside) }
}

/// A handle, to use.
///
/// # Safety
/// As [`inside`], and `'h` ends with the call.
pub(crate) unsafe fn open<'h, H: Handle>(storage: *mut H) -> Result<&'h mut H::Inside, Status> {
    // SAFETY: sealed storage holds a valid inside, and the caller promises the rest.
    unsafe { inside(storage).map(|inside| &mut *inside) }
}

/// Puts something into the storage, whatever was there.
///
/// # Safety
/// As [`inside`].
pub(crate) unsafe fn put<H: Handle>(storage: *mut H, value: H::Inside) -> Result<(), Status> {
    let storage = sound_mut(storage)?;
    // SAFETY: the caller's promise, and it fits.
    unsafe { storage.cast::<Sealed<H::Inside>>().write(Sealed { seal: seal(storage), inside: value }) };
    Ok(())
}

/// Takes something out of the storage, which holds nothing then.
///
/// # Safety
/// As [`inside`].
pub(crate) unsafe fn take<H: Handle>(storage: *mut H) -> Result<H::Inside, Status> {
    // SAFETY: the caller's promise; sealed storage holds a valid inside, which is read once.
    unsafe {
        let value = inside(storage)?.read();
        storage.cast::<u64>().write(0);
        Ok(value)
    }
}

/// Where the inside of a handle will be; it holds nothing until it is [`finish`]ed.
///
/// # Safety
/// As [`inside`].
pub(crate) unsafe fn begin<H: Handle>(storage: *mut H) -> Result<*mut H::Inside, Status> {
    let storage = sound_mut(storage)?;
    // SAFETY: the caller's promise, and it fits.
    unsafe {
        storage.cast::<u64>().write(0);
        Ok(&raw mut (*storage.cast::<Sealed<H::Inside>>()).inside)
    }
}

/// Seals what was begun.
///
/// # Safety
/// [`begin`] has returned a place in this storage, and a valid inside has been written there.
pub(crate) unsafe fn finish<H: Handle>(storage: *mut H) {
    // SAFETY: `begin` has seen that it is sound, and the caller promises the rest.
    unsafe { storage.cast::<u64>().write(seal(storage)) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::*;

    /// Where pointers take 64 bits; where they take 32 it is a little less.
    #[test]
    fn no_storage_is_larger_than_what_it_holds() {
        fn words<H: Handle>() -> (usize, usize) {
            (size_of::<H>() / 8, used::<H>().div_ceil(8))
        }
        for (name, (has, needs)) in [
            ("bucket", words::<tollgate_bucket>()),
            ("reservation", words::<tollgate_reservation>()),
            ("window", words::<tollgate_window>()),
            ("slots", words::<tollgate_slots>()),
            ("backoff", words::<tollgate_backoff>()),
            ("ledger", words::<tollgate_ledger>()),
            ("retry", words::<tollgate_retry>()),
            ("response", words::<tollgate_response>()),
            ("gate", words::<tollgate_gate>()),
            ("permit", words::<tollgate_permit>()),
        ] {
            assert_eq!(has, needs, "{name}");
        }
    }
}
