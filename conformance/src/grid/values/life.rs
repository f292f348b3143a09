//! For `C_Initialize`.

use std::ffi::c_void;

use cryptoki_sys::*;

use super::super::rules::*;
use super::{Value, v};

unsafe extern "C" fn create(mutex: *mut *mut c_void) -> CK_RV {
    // SAFETY: a library asks for a mutex with a place for it.
    unsafe { mutex.write(std::ptr::dangling_mut::<u64>().cast()) };
    CKR_OK
}

/// A worker has one thread: there is nothing to keep out.
unsafe extern "C" fn other(_: *mut c_void) -> CK_RV {
    CKR_OK
}

/// `CK_C_INITIALIZE_ARGS` with as many of the four functions, flags, and the reserved pointer.
fn arguments(functions: usize, flags: CK_FLAGS, reserved: usize) -> [usize; 6] {
    let (create, other) = (create as *const () as usize, other as *const () as usize);
    let mut words = [create, other, other, other, flags as usize, reserved];
    words[functions..4].fill(0);
    words
}

pub(super) static INIT_ARGS: &[Value] = &[
    v("null", &GOOD, |_, _| vec![0]),
    v("no arguments", &GOOD, |_, a| vec![a.words(&arguments(0, 0, 0), 0)]),
    v("misaligned arguments", &ODD, |_, a| vec![a.words(&arguments(0, CKF_OS_LOCKING_OK, 0), 1)]),
    v("locking", &GOOD, |_, a| vec![a.words(&arguments(0, CKF_OS_LOCKING_OK, 0), 0)]),
    v("locking without threads", &GOOD, |_, a| {
        vec![a.words(&arguments(0, CKF_OS_LOCKING_OK | CKF_LIBRARY_CANT_CREATE_OS_THREADS, 0), 0)]
    }),
    v("all flags", &INIT_FLAGS, |_, a| vec![a.words(&arguments(0, CK_FLAGS::MAX, 0), 0)]),
    v("mutexes", &MUTEXES, |_, a| vec![a.words(&arguments(4, 0, 0), 0)]),
    v("mutexes or locking", &GOOD, |_, a| vec![a.words(&arguments(4, CKF_OS_LOCKING_OK, 0), 0)]),
    v("one mutex function", &SOME_MUTEXES, |_, a| vec![a.words(&arguments(1, 0, 0), 0)]),
    v("three mutex functions", &SOME_MUTEXES, |_, a| vec![a.words(&arguments(3, CKF_OS_LOCKING_OK, 0), 0)]),
    v("reserved string", &INIT_RESERVED, |_, a| {
        let string = a.put(b"configdir='/nowhere'\0", 0);
        vec![a.words(&arguments(0, CKF_OS_LOCKING_OK, string), 0)]
    }),
    v("reserved string and mutexes", &INIT_RESERVED_AND_MUTEXES, |_, a| {
        let string = a.put(b"\0", 0);
        vec![a.words(&arguments(2, 0, string), 0)]
    }),
];
