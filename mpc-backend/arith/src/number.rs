//! Scalars on their way into AWS-LC: reduced in constant time, wiped when dropped.

use core::ptr::NonNull;

use aws_lc_sys::{BIGNUM, BN_bin2bn, BN_bn2bin_padded, BN_clear_free, BN_new};
use zeroize::Zeroizing;

use crate::curve::{Bytes, Curve};

/// An owned `BIGNUM`, wiped by `BN_clear_free` when dropped.
pub(crate) struct Number(NonNull<BIGNUM>);

impl Number {
    /// Copies big-endian bytes. The width of the number depends on their count, not their value.
    pub(crate) fn from_be_bytes(bytes: &[u8]) -> Self {
        // SAFETY: the pointer and the length describe `bytes`, which outlives the call; a null
        // `ret` asks for a new number that we own.
        let raw = unsafe { BN_bin2bn(bytes.as_ptr(), bytes.len(), core::ptr::null_mut()) };
        Self(NonNull::new(raw).expect("allocation fails only when the process is out of memory"))
    }

    /// Copies a scalar modulo the order of `C`.
    pub(crate) fn scalar<C: Curve>(scalar: &C::Word) -> Self {
        Self::from_be_bytes(reduced::<C>(scalar).as_ref())
    }

    /// Zero, for a result.
    pub(crate) fn new() -> Self {
        // SAFETY: takes no argument; the new number is ours to free.
        let raw = unsafe { BN_new() };
        Self(NonNull::new(raw).expect("allocation fails only when the process is out of memory"))
    }

    /// The number as `length` big-endian bytes, in constant time.
    ///
    /// # Panics
    /// When it is longer, which is a mistake of this crate.
    pub(crate) fn to_be_bytes(&self, length: usize) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(vec![0; length]);
        // SAFETY: pointer and length describe `bytes`, which nobody else refers to; the number is
        // live and only read.
        let ok = unsafe { BN_bn2bin_padded(bytes.as_mut_ptr(), length, self.as_ptr()) };
        assert_eq!(ok, 1, "the number fits");
        bytes
    }

    pub(crate) fn as_ptr(&self) -> *const BIGNUM {
        self.0.as_ptr()
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut BIGNUM {
        self.0.as_ptr()
    }

    /// Gives the number away; the receiver frees it.
    pub(crate) fn into_raw(self) -> *mut BIGNUM {
        let raw = self.0.as_ptr();
        core::mem::forget(self);
        raw
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        // SAFETY: we own the number and this is its only release.
        unsafe { BN_clear_free(self.0.as_ptr()) }
    }
}

/// `scalar mod n` by one masked subtraction (n exceeds half the range of a word).
fn reduced<C: Curve>(scalar: &C::Word) -> Zeroizing<C::Word> {
    let mut difference = Zeroizing::new(C::Word::ZERO);
    let mut borrow = 0u16;
    let order = C::ORDER;
    let columns = scalar.as_ref().iter().zip(order.as_ref());
    for (out, (a, n)) in difference.as_mut().iter_mut().zip(columns).rev() {
        let column = u16::from(*a).wrapping_sub(u16::from(*n)).wrapping_sub(borrow);
        *out = column as u8;
        borrow = column >> 15;
    }
    // A borrow out of the top byte says scalar < n: keep the scalar, else take the difference.
    let keep = core::hint::black_box((borrow as u8).wrapping_neg());
    for (out, a) in difference.as_mut().iter_mut().zip(scalar.as_ref()) {
        *out = (a & keep) | (*out & !keep);
    }
    difference
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::reduced;
    use crate::curve::{Bytes, Curve, P256, P384};

    fn reduction_is_exact_around_the_order<C: Curve>() {
        let is = |input: &C::Word, expected: &[u8]| assert_eq!(reduced::<C>(input).as_ref(), expected);
        let changed = |change: &dyn Fn(&mut [u8])| {
            let mut word = C::ORDER;
            change(word.as_mut());
            word
        };
        let last = C::ORDER.as_ref().len() - 1;
        let zero = C::Word::ZERO;
        let mut one = zero;
        one.as_mut()[last] = 1;
        let below = changed(&|word| word[last] -= 1);
        is(&below, below.as_ref());
        is(&C::ORDER, zero.as_ref());
        is(&changed(&|word| word[last] += 1), one.as_ref());
        is(&zero, zero.as_ref());
        // The largest word less n, computed by complementing n.
        let complement = changed(&|word| word.iter_mut().for_each(|byte| *byte = !*byte));
        is(&changed(&|word| word.fill(0xff)), complement.as_ref());
    }

    #[test]
    fn reduction_is_exact_around_the_order_on_both_curves() {
        reduction_is_exact_around_the_order::<P256>();
        reduction_is_exact_around_the_order::<P384>();
    }
}
