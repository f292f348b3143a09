//! Secrets as memory that valgrind's memcheck takes for undefined.
//!
//! Memcheck follows undefined bits through every computation and reports a branch or an address that
//! depends on one. Requests to it are a sequence of instructions that changes nothing on a real
//! processor (valgrind.h, amd64-linux); there nothing is marked and nothing counted.

use core::arch::asm;

/// valgrind.h
const RUNNING_ON_VALGRIND: usize = 0x1001;
const COUNT_ERRORS: usize = 0x1201;
/// memcheck.h: the tool's base `MC`, then its requests in order.
const MAKE_MEM_UNDEFINED: usize = 0x4d43_0001;
const MAKE_MEM_DEFINED: usize = 0x4d43_0002;

/// Whether memcheck is watching.
#[must_use]
pub fn is_watched() -> bool {
    request(RUNNING_ON_VALGRIND, 0, 0) != 0
}

/// Marks the bytes of `value` as secret, which what it points to is not.
pub fn secret<T: ?Sized>(value: &mut T) {
    request(MAKE_MEM_UNDEFINED, core::ptr::from_mut(value).addr(), size_of_val(value));
}

/// Marks the bytes of `value` as public: what the protocol sends or may show.
pub fn public<T: ?Sized>(value: &mut T) {
    request(MAKE_MEM_DEFINED, core::ptr::from_mut(value).addr(), size_of_val(value));
}

/// Branches and addresses on secrets so far.
#[must_use]
pub fn findings() -> usize {
    request(COUNT_ERRORS, 0, 0)
}

fn request(code: usize, address: usize, bytes: usize) -> usize {
    let arguments = [code, address, bytes, 0, 0, 0];
    let mut answer = 0_usize;
    // SAFETY: the rotations of rdi add up to 128 and leave it as it was, and so does the exchange of rbx
    // with itself. Valgrind reads six words behind rax and writes rdx; the compiler assumes that all
    // memory may have changed, so it forgets what it knew of the bytes that are marked.
    unsafe {
        asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
            in("rax") arguments.as_ptr(), inout("rdx") answer,
        );
    }
    answer
}
