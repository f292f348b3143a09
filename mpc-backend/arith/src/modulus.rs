//! Arithmetic modulo an odd public number, with secret exponents.

use core::ptr::NonNull;

use aws_lc_sys::{
    BN_CTX, BN_CTX_free, BN_CTX_new, BN_MONT_CTX, BN_MONT_CTX_free, BN_MONT_CTX_new_for_modulus,
    BN_mod_exp_mont, BN_mod_exp_mont_consttime, BN_mod_inverse_odd, BN_mod_mul_montgomery, BN_mod_sub_quick,
    BN_to_montgomery, BN_ucmp,
};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::number::Number;
use crate::point::clear_errors;

/// Longest modulus, in bytes: RSA of 4096 bits.
pub const MODULUS_BYTES_MAX: usize = 512;

const NO_FAILURE: &str = "AWS-LC fails here only out of memory or after a hardware fault";

/// An odd public modulus, with what Montgomery multiplication needs of it.
pub struct Modulus {
    context: NonNull<BN_MONT_CTX>,
    number: Number,
    bytes: usize,
    /// For secret exponents, where the CPU has the instructions; made when first used.
    #[cfg(target_arch = "x86_64")]
    powers: std::sync::OnceLock<Option<crate::ifma::Powers>>,
}

// SAFETY: context and number hold plain words on the heap; they are tied to no thread.
unsafe impl Send for Modulus {}
// SAFETY: through `&Modulus` only AWS-LC functions that take `const` pointers to both are reached,
// and those write nothing behind them.
unsafe impl Sync for Modulus {}

/// A number below a [`Modulus`].
///
/// Operations on two residues want the same modulus object: another is a mistake of the program, and
/// panics.
pub struct Residue<'m> {
    modulus: &'m Modulus,
    number: Number,
}

impl Modulus {
    /// The modulus `bytes`, big-endian without leading zeros. Variable-time.
    ///
    /// `None` for an even number, for 1, for a leading zero byte, and for more than
    /// [`MODULUS_BYTES_MAX`] bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let odd = bytes.last().is_some_and(|last| last & 1 == 1);
        let canonical = bytes.first().is_some_and(|first| *first != 0);
        if !odd || !canonical || bytes == [1] || bytes.len() > MODULUS_BYTES_MAX {
            return None;
        }
        let number = Number::from_be_bytes(bytes);
        let scratch = Scratch::new();
        // SAFETY: a live number, odd and above 1, which is copied, and a live scratch area; the new
        // context is ours to free.
        let raw = unsafe { BN_MONT_CTX_new_for_modulus(number.as_ptr(), scratch.0.as_ptr()) };
        let context = NonNull::new(raw).expect(NO_FAILURE);
        Some(Self {
            context,
            number,
            bytes: bytes.len(),
            #[cfg(target_arch = "x86_64")]
            powers: std::sync::OnceLock::new(),
        })
    }

    #[cfg(target_arch = "x86_64")]
    fn powers(&self) -> Option<&crate::ifma::Powers> {
        let make = || {
            let mut two = vec![0; self.bytes];
            two.iter_mut().next_back().into_iter().for_each(|last| *last = 2);
            let two = self.residue(&two)?;
            let n = self.number.to_be_bytes(self.bytes);
            crate::ifma::Powers::new(&n, |exponent| two.power(&exponent.to_be_bytes()).to_be_bytes())
        };
        self.powers.get_or_init(make).as_ref()
    }

    /// Length of the modulus, and so of every residue.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The residue `bytes`: exactly as long as the modulus, and below it. Whether they are is told, and
    /// nothing else.
    #[must_use]
    #[inline(never)] // So that the branch has this function's name where it is looked for.
    pub fn residue(&self, bytes: &[u8]) -> Option<Residue<'_>> {
        if bytes.len() != self.bytes {
            return None;
        }
        let number = Number::from_be_bytes(bytes);
        // SAFETY: two live numbers, only read.
        let order = unsafe { BN_ucmp(number.as_ptr(), self.number.as_ptr()) };
        if order < 0 { Some(Residue { modulus: self, number }) } else { None }
    }

    /// The residue 1.
    #[must_use]
    pub fn one(&self) -> Residue<'_> {
        let mut bytes = vec![0; self.bytes];
        if let Some(last) = bytes.last_mut() {
            *last = 1;
        }
        Residue { modulus: self, number: Number::from_be_bytes(&bytes) }
    }
}

impl<'m> Residue<'m> {
    /// `self` to the secret big-endian `exponent`, in constant time: only its length shows.
    #[must_use]
    pub fn power_secret(&self, exponent: &[u8]) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(powers) = self.modulus.powers() {
            let power = powers.power(&self.to_be_bytes(), exponent);
            return Self { modulus: self.modulus, number: Number::from_be_bytes(&power) };
        }
        let (mut power, scratch) = (Number::new(), Scratch::new());
        let exponent = Number::from_be_bytes(exponent);
        // SAFETY: all six objects are live; the result is distinct from the inputs and nobody else
        // refers to it; base below the modulus, and the context is of this modulus.
        let ok = unsafe {
            BN_mod_exp_mont_consttime(
                power.as_mut_ptr(),
                self.number.as_ptr(),
                exponent.as_ptr(),
                self.modulus.number.as_ptr(),
                scratch.0.as_ptr(),
                self.modulus.context.as_ptr(),
            )
        };
        assert_eq!(ok, 1, "{NO_FAILURE}");
        Self { modulus: self.modulus, number: power }
    }

    /// `self` to the public big-endian `exponent`, in constant time for the residue.
    #[must_use]
    pub fn power(&self, exponent: &[u8]) -> Self {
        let (mut power, scratch) = (Number::new(), Scratch::new());
        let exponent = Number::from_be_bytes(exponent);
        // SAFETY: as in `power_secret`.
        let ok = unsafe {
            BN_mod_exp_mont(
                power.as_mut_ptr(),
                self.number.as_ptr(),
                exponent.as_ptr(),
                self.modulus.number.as_ptr(),
                scratch.0.as_ptr(),
                self.modulus.context.as_ptr(),
            )
        };
        assert_eq!(ok, 1, "{NO_FAILURE}");
        Self { modulus: self.modulus, number: power }
    }

    /// The product, in constant time.
    #[must_use]
    pub fn times(&self, other: &Self) -> Self {
        assert!(core::ptr::eq(self.modulus, other.modulus), "both residues are of one modulus");
        let (mut product, mut scaled, scratch) = (Number::new(), Number::new(), Scratch::new());
        let context = self.modulus.context.as_ptr();
        // SAFETY: four live objects; nobody else refers to the result; the factor is below the modulus.
        let ok = unsafe {
            BN_to_montgomery(scaled.as_mut_ptr(), self.number.as_ptr(), context, scratch.0.as_ptr())
        };
        assert_eq!(ok, 1, "{NO_FAILURE}");
        // SAFETY: five live objects; nobody else refers to the result; both factors are below the
        // modulus, and the Montgomery factor of the first is removed by this product.
        let ok = unsafe {
            BN_mod_mul_montgomery(
                product.as_mut_ptr(),
                scaled.as_ptr(),
                other.number.as_ptr(),
                context,
                scratch.0.as_ptr(),
            )
        };
        assert_eq!(ok, 1, "{NO_FAILURE}");
        Self { modulus: self.modulus, number: product }
    }

    /// n less the residue, or zero for zero, in constant time.
    #[must_use]
    pub fn negated(&self) -> Self {
        let mut negated = Number::new();
        let zero = Number::new();
        // SAFETY: four live numbers; nobody else refers to the result; both operands are below the
        // modulus.
        let ok = unsafe {
            BN_mod_sub_quick(
                negated.as_mut_ptr(),
                zero.as_ptr(),
                self.number.as_ptr(),
                self.modulus.number.as_ptr(),
            )
        };
        assert_eq!(ok, 1, "{NO_FAILURE}");
        Self { modulus: self.modulus, number: negated }
    }

    /// The inverse, or `None` where there is none. Variable-time: public residues only.
    #[must_use]
    pub fn inverse(&self) -> Option<Self> {
        let (mut inverse, scratch) = (Number::new(), Scratch::new());
        let mut none = 0;
        // SAFETY: four live objects and a place for the flag; nobody else refers to the result; the
        // modulus is odd and the residue below it.
        let ok = unsafe {
            BN_mod_inverse_odd(
                inverse.as_mut_ptr(),
                &raw mut none,
                self.number.as_ptr(),
                self.modulus.number.as_ptr(),
                scratch.0.as_ptr(),
            )
        };
        if ok != 1 {
            assert_eq!(none, 1, "{NO_FAILURE}");
            clear_errors();
            return None;
        }
        Some(Self { modulus: self.modulus, number: inverse })
    }

    /// Big-endian bytes, as many as the modulus has, in constant time.
    #[must_use]
    pub fn to_be_bytes(&self) -> Zeroizing<Vec<u8>> {
        self.number.to_be_bytes(self.modulus.bytes)
    }
}

impl ConstantTimeEq for Residue<'_> {
    fn ct_eq(&self, other: &Self) -> Choice {
        assert!(core::ptr::eq(self.modulus, other.modulus), "both residues are of one modulus");
        // SAFETY: two live numbers, only read.
        let order = unsafe { BN_ucmp(self.number.as_ptr(), other.number.as_ptr()) };
        order.ct_eq(&0)
    }
}

/// For public residues, or where the answer is told.
impl PartialEq for Residue<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Drop for Modulus {
    fn drop(&mut self) {
        // SAFETY: we own the context and this is its only release.
        unsafe { BN_MONT_CTX_free(self.context.as_ptr()) }
    }
}

/// AWS-LC's area for intermediate numbers.
pub(crate) struct Scratch(NonNull<BN_CTX>);

impl Scratch {
    pub(crate) fn new() -> Self {
        // SAFETY: takes no argument; the new area is ours to free.
        let raw = unsafe { BN_CTX_new() };
        Self(NonNull::new(raw).expect("allocation fails only when out of memory"))
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut BN_CTX {
        self.0.as_ptr()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: we own the area and this is its only release; its numbers are wiped by
        // `OPENSSL_free`.
        unsafe { BN_CTX_free(self.0.as_ptr()) }
    }
}
