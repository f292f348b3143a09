//! Functions that leak on purpose: a check that does not find them finds nothing.

use std::hint::black_box;

use constant_time::taint;

/// Each with its name.
pub const ALL: [(&str, fn()); 3] =
    [("a branch on a secret", branch), ("an address from a secret", address), ("an early exit", early_exit)];

fn secret_bytes() -> [u8; 32] {
    let mut bytes = black_box([7; 32]);
    taint::secret(&mut bytes);
    bytes
}

fn branch() {
    if secret_bytes()[0] & 1 == 1 {
        black_box(1);
    }
}

fn address() {
    let table = black_box([3_u8; 256]);
    black_box(table[usize::from(secret_bytes()[0])]);
}

fn early_exit() {
    black_box(equal_early(&secret_bytes(), &black_box([7; 32])));
}

/// Compares until the first difference.
#[inline(never)]
pub fn equal_early(left: &[u8], right: &[u8]) -> bool {
    for (a, b) in left.iter().zip(right) {
        if a != b {
            return false;
        }
    }
    true
}
