//! Secrets as a type: wiped when dropped, never printed, never cloned.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use arith::wipe;
use rand_core::CryptoRngCore;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

/// A secret of type `T`.
///
/// It stands on the heap, so that moving the owner leaves no copy behind, and is wiped on drop.
/// There is no `Clone` and `Debug` shows nothing of the content.
pub struct Secret<T: Zeroize>(Box<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes `value` over. The caller's own copy, if its type is `Copy`, is the caller's to wipe.
    pub fn new(value: T) -> Self {
        Self(Box::new(value))
    }

    /// The content, for the length of one computation.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// The content, to be changed in place.
    pub fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// Many values that are wiped together when dropped, each word of memory once.
///
/// For long vectors that live within one computation; what outlives it is a [`Secret`].
pub(crate) struct Wiped<T: Words>(pub(crate) Vec<T>);

impl<T: Words> Drop for Wiped<T> {
    fn drop(&mut self) {
        T::wipe_all(&mut self.0);
    }
}

/// Values that consist of integers.
pub trait Words: Sized {
    /// Zeros for all.
    fn wipe_all(values: &mut [Self]);
}

impl<const N: usize> Words for [u8; N] {
    fn wipe_all(values: &mut [Self]) {
        wipe(values.as_flattened_mut());
    }
}

impl<const N: usize> Words for [u64; N] {
    fn wipe_all(values: &mut [Self]) {
        wipe(values.as_flattened_mut());
    }
}

impl<const N: usize> Secret<[u8; N]> {
    /// `N` fresh random bytes, written straight into their final place.
    pub fn random(rng: &mut dyn CryptoRngCore) -> Self {
        let mut secret = Self::new([0; N]);
        rng.fill_bytes(secret.expose_mut());
        secret
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize + ConstantTimeEq> ConstantTimeEq for Secret<T> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_content() {
        let secret = Secret::new([0x5a_u8; 4]);
        assert_eq!(alloc::format!("{secret:?}"), "Secret");
    }
}
