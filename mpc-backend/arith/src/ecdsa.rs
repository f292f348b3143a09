//! ECDSA verification. Public data only: `ECDSA_do_verify` is variable-time.

use core::ptr::NonNull;

use aws_lc_sys::{
    EC_KEY, EC_KEY_free, EC_KEY_new, EC_KEY_set_group, EC_KEY_set_public_key, ECDSA_SIG, ECDSA_SIG_free,
    ECDSA_SIG_new, ECDSA_SIG_set0, ECDSA_do_verify,
};

use crate::curve::Curve;
use crate::number::Number;
use crate::point::{Point, clear_errors};

/// Verifies an ECDSA signature.
///
/// `r`, `s` and `z` are big-endian; `z` is the digest cut or padded to a word, taken modulo the order.
/// False for `r` or `s` that is zero or not below the order, and for the identity as public key. High
/// `s` is accepted, as PKCS#11 verification must. Variable-time.
#[must_use]
pub fn verify_prehashed<C: Curve>(public: &Point<C>, r: &C::Word, s: &C::Word, z: &C::Word) -> bool {
    if public.is_identity() {
        return false;
    }
    let key = Key::new(public);
    let signature = Signature::new(r.as_ref(), s.as_ref());
    let digest = z.as_ref();
    // SAFETY: pointer and length describe `digest`; signature and key are live and only read.
    let answer =
        unsafe { ECDSA_do_verify(digest.as_ptr(), digest.len(), signature.0.as_ptr(), key.0.as_ptr()) };
    if answer != 1 {
        clear_errors();
    }
    answer == 1
}

/// An owned `EC_KEY` that holds a public key only.
struct Key(NonNull<EC_KEY>);

impl Key {
    fn new<C: Curve>(public: &Point<C>) -> Self {
        // SAFETY: takes no argument; the new key is ours to free.
        let raw = unsafe { EC_KEY_new() };
        let key = Self(NonNull::new(raw).expect("allocation fails only when out of memory"));
        // SAFETY: a live key without a group yet, and the static group.
        let ok = unsafe { EC_KEY_set_group(key.0.as_ptr(), C::group()) };
        assert_eq!(ok, 1, "a new key accepts any group");
        // SAFETY: a live key and a live point, which is copied.
        let ok = unsafe { EC_KEY_set_public_key(key.0.as_ptr(), public.as_ptr()) };
        assert_eq!(ok, 1, "the point is finite and of the same group");
        key
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: we hold the only reference and this is its only release.
        unsafe { EC_KEY_free(self.0.as_ptr()) }
    }
}

/// An owned `ECDSA_SIG`.
struct Signature(NonNull<ECDSA_SIG>);

impl Signature {
    fn new(r: &[u8], s: &[u8]) -> Self {
        // SAFETY: takes no argument; the new signature is ours to free.
        let raw = unsafe { ECDSA_SIG_new() };
        let signature = Self(NonNull::new(raw).expect("allocation fails only when out of memory"));
        let r = Number::from_be_bytes(r).into_raw();
        let s = Number::from_be_bytes(s).into_raw();
        // SAFETY: a live signature and two live numbers; on success it owns both.
        let ok = unsafe { ECDSA_SIG_set0(signature.0.as_ptr(), r, s) };
        assert_eq!(ok, 1, "only null numbers are refused");
        signature
    }
}

impl Drop for Signature {
    fn drop(&mut self) {
        // SAFETY: we own the signature with its two numbers; this is its only release.
        unsafe { ECDSA_SIG_free(self.0.as_ptr()) }
    }
}
