//! What every function has in common: its answer, and where it is written.

use crate::handle::{sound, sound_mut};
use crate::status::{Why, tollgate_status as Status};

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

    pub(crate) fn put(self, value: T) {
        // SAFETY: `new` has seen that it is neither NULL nor misaligned, and was promised the rest.
        unsafe { self.0.write(value) };
    }
}
