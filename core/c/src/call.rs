//! What every function has in common: its answer, and where it is written.

use tollgate::JobId;

use crate::handle::{sound, sound_mut};
use crate::slots::TOLLGATE_LIST_MAX;
use crate::status::tollgate_status as Status;
use crate::why::tollgate_why as Why;

/// What a function has done inside.
pub(crate) type Done = Result<(), Why>;

/// Runs a call whose reasons are asked for, unless they cannot be written.
///
/// # Safety
/// A `why` that is neither NULL nor misaligned points to a `tollgate_why` that nobody else uses during the call.
pub(crate) unsafe fn explained(why: *mut Why, call: impl FnOnce() -> Done) -> Status {
    if !why.is_null() && !why.is_aligned() {
        return Status::ErrorMisaligned;
    }
    match call() {
        Ok(()) => Status::Ok,
        Err(reason) => {
            if !why.is_null() {
                // SAFETY: neither NULL nor misaligned, and the caller promises the rest.
                unsafe { why.write(reason) };
            }
            reason.status
        }
    }
}

/// Runs a call whose answer says all.
pub(crate) fn plain(call: impl FnOnce() -> Done) -> Status {
    match call() {
        Ok(()) => Status::Ok,
        Err(reason) => reason.status,
    }
}

/// What a pointer points to.
///
/// # Safety
/// A `pointer` that is neither NULL nor misaligned points to a valid `T`.
pub(crate) unsafe fn given<T: Copy>(pointer: *const T) -> Result<T, Status> {
    // SAFETY: it is neither, and the caller promises the rest.
    sound(pointer).map(|pointer| unsafe { pointer.read() })
}

/// Where an answer goes. Made before anything is done, so that a call without a place for its answer changes nothing.
pub(crate) struct Place<T>(*mut T);

impl<T> Place<T> {
    /// # Safety
    /// A `pointer` that is neither NULL nor misaligned can be written to during the call.
    pub(crate) unsafe fn new(pointer: *mut T) -> Result<Self, Status> {
        sound_mut(pointer).map(Self)
    }

    /// The same for an answer that nobody may want.
    ///
    /// # Safety
    /// As [`new`](Self::new), unless it is NULL.
    pub(crate) unsafe fn optional(pointer: *mut T) -> Result<Self, Status> {
        if pointer.is_null() { Ok(Self(pointer)) } else { sound_mut(pointer).map(Self) }
    }

    pub(crate) fn put(self, value: T) {
        if !self.0.is_null() {
            // SAFETY: it is not misaligned either, and who made it has promised the rest.
            unsafe { self.0.write(value) };
        }
    }
}

/// A list of the caller's, as the core wants it.
pub(crate) struct List<T, const N: usize> {
    items: [T; N],
    len: usize,
}

impl<T, const N: usize> List<T, N> {
    pub(crate) fn as_slice(&self) -> &[T] {
        self.items.get(..self.len).unwrap_or_default()
    }
}

/// Reads `count` items, one after the other, with their positions.
///
/// # Safety
/// A `pointer` that is neither NULL nor misaligned points to `count` valid items, unless `count` is 0.
pub(crate) unsafe fn each<T: Copy>(
    pointer: *const T,
    count: usize,
    mut see: impl FnMut(u32, T) -> Result<(), Why>,
) -> Result<(), Why> {
    if count == 0 {
        return Ok(());
    }
    let mut next = sound(pointer)?;
    for (position, _) in (0u32..).zip(0..count) {
        // SAFETY: neither NULL nor misaligned, and the caller promises `count` items.
        unsafe {
            see(position, next.read())?;
            next = next.add(1);
        }
    }
    Ok(())
}

/// Reads `count` items, each of which is converted with its position; the places behind them hold `empty`.
///
/// # Safety
/// As [`each`].
pub(crate) unsafe fn list<T: Copy, U: Copy, const N: usize>(
    pointer: *const T,
    count: usize,
    empty: U,
    convert: impl Fn(u32, T) -> Result<U, Why>,
) -> Result<List<U, N>, Why> {
    let mut items = [empty; N];
    if count > N {
        return Err(Status::ErrorTooMany.into());
    }
    let mut places = items.iter_mut();
    let see = |position, item| {
        if let Some(place) = places.next() {
            *place = convert(position, item)?;
        }
        Ok(())
    };
    // SAFETY: the caller's promise.
    unsafe { each(pointer, count, see)? };
    Ok(List { items, len: count })
}

/// Reads a list of jobs.
///
/// # Safety
/// As [`list`].
pub(crate) unsafe fn jobs(pointer: *const u64, count: usize) -> Result<List<JobId, TOLLGATE_LIST_MAX>, Why> {
    // SAFETY: the caller's promise.
    unsafe { list(pointer, count, JobId(0), |_, job| Ok(JobId(job))) }
}

/// A flag of the caller's.
pub(crate) fn flag(value: u32) -> Result<bool, Status> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Status::ErrorValue),
    }
}

/// Text of the caller's, which may be NULL if it is empty.
///
/// # Safety
/// A `pointer` that is not NULL points to `length` bytes that nobody changes during the call.
pub(crate) unsafe fn bytes<'b>(pointer: *const u8, length: usize) -> Result<&'b [u8], Status> {
    match length {
        0 => Ok(&[]),
        length if isize::try_from(length).is_err() => Err(Status::ErrorTooMany),
        // SAFETY: not NULL, as just seen, always aligned, not too long, and the caller promises the rest.
        length => sound(pointer).map(|pointer| unsafe { core::slice::from_raw_parts(pointer, length) }),
    }
}
