//! Raw memory of the application: every read and write of this library is in this file.
//!
//! The rule of the house: no Rust reference to the application's memory ever exists. Input is copied in, output is
//! copied out. So buffers may overlap, be misaligned or change under our feet, and the worst is a wrong result for the
//! application that did it. What cannot be checked, namely that a pointer which is not null reaches as far as the
//! application says, is what PKCS#11 demands of the caller for each function.

use std::ffi::{CStr, c_void};
use std::marker::PhantomData;
use std::mem::offset_of;

use cryptoki_sys::*;
use token::Error;
use zeroize::Zeroizing;

use super::{Answer, Failure};

/// An argument as a chapter takes it, made from what C passed.
pub(super) trait FromC<Raw> {
    /// # Safety
    /// `raw` is an argument that an application passed to a `C_` function, and the result does not outlive that call.
    /// A pointer is null, or valid as PKCS#11 demands for that argument of that function.
    unsafe fn from_c(raw: Raw) -> Self;
}

/// A pointer of the application: null, or valid until the call returns. Maybe misaligned.
pub(super) struct Ptr<'a, T> {
    raw: *mut T,
    call: PhantomData<&'a T>,
}

/// Types of the C interface for which every pattern of bits is a value.
///
/// # Safety
/// Just that.
pub(super) unsafe trait Plain: Copy {}

// SAFETY: an integer.
unsafe impl Plain for CK_BYTE {}
// SAFETY: an integer.
unsafe impl Plain for CK_ULONG {}
// SAFETY: two integers.
unsafe impl Plain for CK_VERSION {}
// SAFETY: integers and a raw pointer.
unsafe impl Plain for CK_ATTRIBUTE {}
// SAFETY: integers and a raw pointer.
unsafe impl Plain for CK_MECHANISM {}
// SAFETY: integers and raw pointers.
unsafe impl Plain for CK_ECDH1_DERIVE_PARAMS {}
// SAFETY: integers and a raw pointer.
unsafe impl Plain for CK_EDDSA_PARAMS {}
// SAFETY: integers.
unsafe impl Plain for CK_RSA_PKCS_PSS_PARAMS {}
// SAFETY: integers and a raw pointer.
unsafe impl Plain for CK_RSA_PKCS_OAEP_PARAMS {}
// SAFETY: an integer and a raw pointer.
unsafe impl Plain for CK_RSA_AES_KEY_WRAP_PARAMS {}
// SAFETY: an integer, a raw pointer, and function pointers of which null is `None`; we call none of them.
unsafe impl Plain for CK_C_INITIALIZE_ARGS {}

impl<'a, T> FromC<*mut T> for Ptr<'a, T> {
    unsafe fn from_c(raw: *mut T) -> Self {
        Self { raw, call: PhantomData }
    }
}

impl FromC<CK_ULONG> for u64 {
    unsafe fn from_c(raw: CK_ULONG) -> Self {
        raw
    }
}

impl FromC<CK_BBOOL> for bool {
    unsafe fn from_c(raw: CK_BBOOL) -> Self {
        raw != CK_FALSE
    }
}

impl FromC<CK_NOTIFY> for CK_NOTIFY {
    unsafe fn from_c(raw: CK_NOTIFY) -> Self {
        raw
    }
}

impl<T> Clone for Ptr<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ptr<'_, T> {}

impl<'a, T> Ptr<'a, T> {
    /// Whether the application passed NULL_PTR.
    pub(super) fn is_null(self) -> bool {
        self.raw.is_null()
    }

    /// Itself, unless it is null.
    pub(super) fn required(self) -> Answer<Self> {
        if self.is_null() { Err(Failure::ARGUMENTS_BAD) } else { Ok(self) }
    }

    /// The same address as another type, where the C interface has `void *`.
    pub(super) fn cast<U>(self) -> Ptr<'a, U> {
        Ptr { raw: self.raw.cast(), call: PhantomData }
    }

    /// The element `index` of an array. Reaching it is as valid as the array is long.
    pub(super) fn element(self, index: usize) -> Self {
        Self { raw: self.raw.wrapping_add(index), call: PhantomData }
    }

    /// Copies `value` out.
    ///
    /// # Errors
    /// `CKR_ARGUMENTS_BAD` if the pointer is null.
    pub(super) fn write(self, value: T) -> Answer {
        let to = self.required()?.raw;
        // SAFETY: not null, so by the promise of `from_c` it is memory for a T: output arguments of PKCS#11 point to a
        // variable, or to an array whose length the caller gave and the callers of `element` keep to.
        unsafe { to.write_unaligned(value) };
        Ok(())
    }
}

impl<T: Plain> Ptr<'_, T> {
    /// Copies the value in.
    ///
    /// # Errors
    /// `CKR_ARGUMENTS_BAD` if the pointer is null.
    pub(super) fn read(self) -> Answer<T> {
        let from = self.required()?.raw;
        // SAFETY: not null, so by the promise of `from_c` it points to a T, or into an array whose length the caller
        // gave and the callers of `element` keep to; every pattern of bits is a T (`Plain`).
        Ok(unsafe { from.read_unaligned() })
    }
}

impl Ptr<'_, u8> {
    /// Copies `len` bytes in. Null is good for no bytes at all.
    ///
    /// # Errors
    /// `CKR_ARGUMENTS_BAD` if the pointer is null and `len` is not 0, or no memory has that size; `too_long` if it is
    /// above `len_max`; `CKR_HOST_MEMORY` if there is no room for the copy.
    pub(super) fn bytes(self, len: CK_ULONG, len_max: usize, too_long: Error) -> Answer<Vec<u8>> {
        if len == 0 {
            return Ok(Vec::new());
        }
        let from = self.required()?.raw;
        let len = length(len)?;
        if len > len_max {
            return Err(too_long.into());
        }
        let mut copy = Vec::new();
        copy.try_reserve_exact(len).map_err(|_| Failure::Interface(CKR_HOST_MEMORY))?;
        copy.resize(len, 0);
        // SAFETY: `from` is not null, so by the promise of `from_c` it reaches `len` bytes, the length that the caller
        // gave with it; `copy` is a new allocation of that length, which cannot overlap.
        unsafe { std::ptr::copy_nonoverlapping(from, copy.as_mut_ptr(), len) };
        Ok(copy)
    }

    /// A message, or a part of one, up to [`DATA_BYTES_MAX`].
    ///
    /// # Errors
    /// As [`Ptr::bytes`], with `CKR_DATA_LEN_RANGE` for too long.
    pub(super) fn data(self, len: CK_ULONG) -> Answer<Vec<u8>> {
        self.bytes(len, DATA_BYTES_MAX, Error::DataLenRange)
    }

    /// A PIN. Null is not accepted: no token of ours has a keypad of its own (CKF_PROTECTED_AUTHENTICATION_PATH).
    ///
    /// # Errors
    /// As [`Ptr::bytes`], with `CKR_PIN_LEN_RANGE` for too long.
    pub(super) fn pin(self, len: CK_ULONG) -> Answer<Zeroizing<Vec<u8>>> {
        self.required()?.bytes(len, PIN_BYTES_MAX, Error::PinLenRange).map(Zeroizing::new)
    }

    /// A field of exactly `N` bytes.
    ///
    /// # Errors
    /// `CKR_ARGUMENTS_BAD` if the pointer is null.
    pub(super) fn field<const N: usize>(self) -> Answer<[u8; N]> {
        let from = self.required()?.raw.cast::<[u8; N]>();
        // SAFETY: not null, so by the promise of `from_c` it reaches the N bytes that PKCS#11 gives this field; an array
        // of bytes has no alignment and no forbidden pattern.
        Ok(unsafe { from.read_unaligned() })
    }

    /// Copies `bytes` out. The caller has made sure that the application said there is room.
    ///
    /// # Errors
    /// `CKR_ARGUMENTS_BAD` if the pointer is null.
    pub(super) fn fill(self, bytes: &[u8]) -> Answer {
        let to = self.required()?.raw;
        // SAFETY: not null, so by the promise of `from_c` it reaches as many bytes as the application said, which the
        // caller compared with `bytes.len()`; `bytes` is memory of ours.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        Ok(())
    }

    /// Whether it points to the C string `text`. Reads no further than the first difference.
    ///
    /// # Errors
    /// `CKR_ARGUMENTS_BAD` if the pointer is null.
    pub(super) fn is_text(self, text: &CStr) -> Answer<bool> {
        for (index, expected) in text.to_bytes_with_nul().iter().enumerate() {
            if self.element(index).read()? != *expected {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl<'a> Ptr<'a, CK_ATTRIBUTE> {
    /// Where this attribute's `ulValueLen` is.
    pub(super) fn value_len(self) -> Ptr<'a, CK_ULONG> {
        let raw = self.raw.wrapping_byte_add(offset_of!(CK_ATTRIBUTE, ulValueLen)).cast();
        Ptr { raw, call: PhantomData }
    }

    /// Copies the attribute in; its `pValue` lives as long as the template.
    ///
    /// # Errors
    /// `CKR_ARGUMENTS_BAD` if the pointer is null.
    pub(super) fn attribute(self) -> Answer<(u64, Ptr<'a, u8>, CK_ULONG)> {
        let CK_ATTRIBUTE { type_, pValue, ulValueLen } = self.read()?;
        Ok((type_, inner(pValue), ulValueLen))
    }
}

impl<'a> Ptr<'a, CK_MECHANISM> {
    /// Copies the mechanism in; its `pParameter` lives as long as the mechanism.
    ///
    /// # Errors
    /// `CKR_ARGUMENTS_BAD` if the pointer is null.
    pub(super) fn mechanism(self) -> Answer<(u64, Ptr<'a, u8>, CK_ULONG)> {
        let CK_MECHANISM { mechanism, pParameter, ulParameterLen } = self.read()?;
        Ok((mechanism, inner(pParameter), ulParameterLen))
    }
}

/// A field of a parameter: where it is and how long.
type Field<'a> = (Ptr<'a, u8>, CK_ULONG);

impl<'a> Ptr<'a, CK_ECDH1_DERIVE_PARAMS> {
    /// Copies the parameter in: the `CKD_`, the shared data and the public data, which live as long as it.
    ///
    /// # Errors
    /// `CKR_ARGUMENTS_BAD` if the pointer is null.
    pub(super) fn ecdh1_derive(self) -> Answer<(u64, Field<'a>, Field<'a>)> {
        let CK_ECDH1_DERIVE_PARAMS { kdf, ulSharedDataLen, pSharedData, ulPublicDataLen, pPublicData } =
            self.read()?;
        let field = |raw: *mut CK_BYTE, len| (inner(raw.cast()), len);
        Ok((kdf, field(pSharedData, ulSharedDataLen), field(pPublicData, ulPublicDataLen)))
    }
}

impl<'a> Ptr<'a, CK_EDDSA_PARAMS> {
    /// Copies the structure in; its `pContextData` lives as long as the mechanism.
    ///
    /// # Errors
    /// `CKR_ARGUMENTS_BAD` if the pointer is null.
    pub(super) fn eddsa(self) -> Answer<(CK_BBOOL, Ptr<'a, u8>, CK_ULONG)> {
        let CK_EDDSA_PARAMS { phFlag, ulContextDataLen, pContextData } = self.read()?;
        Ok((phFlag, inner(pContextData.cast()), ulContextDataLen))
    }
}

impl<'a> Ptr<'a, CK_RSA_PKCS_OAEP_PARAMS> {
    /// Copies the structure in: `hashAlg`, `mgf` and `source`, and the label, which lives as long as the mechanism.
    ///
    /// # Errors
    /// `CKR_ARGUMENTS_BAD` if the pointer is null.
    pub(super) fn rsa_oaep(self) -> Answer<((u64, u64, u64), Field<'a>)> {
        let CK_RSA_PKCS_OAEP_PARAMS { hashAlg, mgf, source, pSourceData, ulSourceDataLen } = self.read()?;
        Ok(((hashAlg, mgf, source), (inner(pSourceData), ulSourceDataLen)))
    }
}

impl<'a> Ptr<'a, CK_RSA_AES_KEY_WRAP_PARAMS> {
    /// Copies the structure in; its `pOAEPParams` lives as long as the mechanism.
    ///
    /// # Errors
    /// `CKR_ARGUMENTS_BAD` if the pointer is null.
    pub(super) fn rsa_aes_key_wrap(self) -> Answer<(u64, Ptr<'a, u8>)> {
        let CK_RSA_AES_KEY_WRAP_PARAMS { ulAESKeyBits, pOAEPParams } = self.read()?;
        Ok((ulAESKeyBits, inner(pOAEPParams.cast())))
    }
}

/// A pointer found in a structure that was itself an argument; the promise made for the argument covers it.
fn inner<'a>(raw: *mut c_void) -> Ptr<'a, u8> {
    Ptr { raw: raw.cast(), call: PhantomData }
}

/// The C string at an address that may be anything: applications leave garbage in a field that the standard wants null.
/// The kernel copies, and says where nothing can be read. `None` without a string of at most [`TEXT_BYTES_MAX`] bytes.
pub(super) fn text(from: *mut c_void) -> Option<String> {
    let process = std::process::id().cast_signed();
    let mut bytes: Vec<u8> = Vec::new();
    while !from.is_null() && bytes.len() < TEXT_BYTES_MAX {
        let start = from.wrapping_byte_add(bytes.len());
        // Up to the end of a page: the next one may not be there.
        let mut chunk = vec![0u8; PAGE_BYTES - start.addr() % PAGE_BYTES];
        let local = libc::iovec { iov_base: chunk.as_mut_ptr().cast(), iov_len: chunk.len() };
        let remote = libc::iovec { iov_base: start, iov_len: chunk.len() };
        // SAFETY: `local` is memory of ours of that length; `remote` is only looked at by the kernel, which fails with
        // EFAULT where this process cannot read.
        let read = unsafe { libc::process_vm_readv(process, &raw const local, 1, &raw const remote, 1, 0) };
        chunk.truncate(usize::try_from(read).ok().filter(|read| *read > 0)?);
        if let Some(end) = chunk.iter().position(|byte| *byte == 0) {
            bytes.extend(chunk.drain(..end));
            return String::from_utf8(bytes).ok();
        }
        bytes.append(&mut chunk);
    }
    None
}

/// A length of the application as a length of ours; no object is larger than `isize::MAX`.
fn length(len: CK_ULONG) -> Answer<usize> {
    isize::try_from(len).map(isize::cast_unsigned).map_err(|_| Failure::ARGUMENTS_BAD)
}

/// Longest message, or part of one, in one call. Longer ones come in parts.
pub(super) const DATA_BYTES_MAX: usize = 64 << 20;
/// Longest string of parameters.
const TEXT_BYTES_MAX: usize = 8192;
/// The smallest page there is.
const PAGE_BYTES: usize = 4096;
/// Longest PIN that is looked at; what a token accepts is shorter.
const PIN_BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn ptr<'a, T>(raw: *mut T) -> Ptr<'a, T> {
        Ptr { raw, call: PhantomData }
    }

    #[test]
    fn null_is_no_bytes_but_never_some() {
        let null = ptr(std::ptr::null_mut::<u8>());
        assert_eq!(null.data(0).unwrap(), b"");
        assert_eq!(null.data(1).unwrap_err().rv(), CKR_ARGUMENTS_BAD);
        assert_eq!(null.pin(0).unwrap_err().rv(), CKR_ARGUMENTS_BAD);
        assert_eq!(null.fill(b"").unwrap_err().rv(), CKR_ARGUMENTS_BAD);
        assert_eq!(null.is_text(c"").unwrap_err().rv(), CKR_ARGUMENTS_BAD);
    }

    #[test]
    fn absurd_lengths_are_refused_before_anything_is_read() {
        let mut byte = 7u8;
        let one = ptr(&raw mut byte);
        assert_eq!(one.data(CK_ULONG::MAX).unwrap_err().rv(), CKR_ARGUMENTS_BAD);
        assert_eq!(one.data(DATA_BYTES_MAX as CK_ULONG + 1).unwrap_err().rv(), CKR_DATA_LEN_RANGE);
        assert_eq!(one.pin(PIN_BYTES_MAX as CK_ULONG + 1).unwrap_err().rv(), CKR_PIN_LEN_RANGE);
        assert_eq!(one.data(1).unwrap(), [7]);
    }

    #[test]
    fn misaligned_values_are_read_and_written() {
        let mut memory = [0u8; 17];
        let odd = ptr(memory.as_mut_ptr()).element(1).cast::<CK_ULONG>();
        odd.write(0x0102_0304_0506_0708).unwrap();
        assert_eq!(odd.read().unwrap(), 0x0102_0304_0506_0708);
        assert_eq!(memory[1..9], 0x0102_0304_0506_0708u64.to_ne_bytes());
        assert_eq!(memory[0] + memory[9], 0);
    }

    #[test]
    fn text_at_any_address_is_read_or_left_alone() {
        assert_eq!(text(std::ptr::null_mut()), None);
        assert_eq!(text(std::ptr::dangling_mut::<c_void>()), None);
        assert_eq!(text(std::ptr::without_provenance_mut(usize::MAX - 3)), None);
        let long = [vec![b'x'; PAGE_BYTES + 10], vec![0]].concat();
        assert_eq!(text(long.as_ptr().cast_mut().cast()).map(|text| text.len()), Some(PAGE_BYTES + 10));
        let endless = vec![b'x'; 4 * TEXT_BYTES_MAX];
        assert_eq!(text(endless.as_ptr().cast_mut().cast()), None);
    }

    #[test]
    fn text_is_compared_to_its_end() {
        let mut same = *b"PKCS 11\0";
        let mut longer = *b"PKCS 11 plus\0";
        let mut shorter = *b"PKCS\0";
        assert!(ptr(same.as_mut_ptr()).is_text(c"PKCS 11").unwrap());
        assert!(!ptr(longer.as_mut_ptr()).is_text(c"PKCS 11").unwrap());
        assert!(!ptr(shorter.as_mut_ptr()).is_text(c"PKCS 11").unwrap());
    }
}
