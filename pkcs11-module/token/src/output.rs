//! Where results go. The two-call length rule (PKCS#11 5.2) lives in the implementation, `OutBuffer` of the C
//! interface; this crate only asks what the caller's buffer can take before it does the work.

use zeroize::Zeroizing;

use crate::rv::{Error, Result};

/// What a caller's buffer can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// The caller asked only for the length (a null pointer).
    LengthOnly,
    /// The buffer is smaller than the result.
    TooSmall,
    /// The buffer takes the result: exactly one [`Output::write`] may follow.
    Ready,
}

/// An output buffer of the application.
pub trait Output {
    /// Tells the caller the length of the result in bytes and answers whether it fits.
    fn offer(&mut self, len: usize) -> Offer;

    /// Delivers the result, exactly as long as offered. Called only after [`Offer::Ready`].
    fn write(&mut self, bytes: &[u8]);
}

/// The output of one attribute in a template of `C_GetAttributeValue`.
pub trait AttributeOutput: Output {
    /// Sets the length to `CK_UNAVAILABLE_INFORMATION`.
    fn unavailable(&mut self);
}

/// Whether a call delivered its result or only told the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Delivery {
    /// The result is in the caller's buffer.
    Written,
    /// The caller knows the length and will call again.
    LengthOnly,
}

/// Does the work if anything is wanted, tells the length of the result, at most `most` bytes, and writes it if it fits. A
/// caller who asks only for the length is told `most`: it "need not be exact" (PKCS#11 3.1 section 5.2). Work that is done
/// `only_once` is done only where every result fits.
///
/// # Errors
/// [`Error::BufferTooSmall`], or what `work` returns.
pub(crate) fn deliver_up_to(
    out: &mut dyn Output,
    most: usize,
    only_once: bool,
    work: impl FnOnce() -> Result<Zeroizing<Vec<u8>>>,
) -> Result<Delivery> {
    match out.offer(most) {
        Offer::LengthOnly => return Ok(Delivery::LengthOnly),
        Offer::TooSmall if only_once => return Err(Error::BufferTooSmall),
        Offer::TooSmall | Offer::Ready => {}
    }
    let bytes = work()?;
    match out.offer(bytes.len()) {
        Offer::Ready => {
            out.write(&bytes);
            Ok(Delivery::Written)
        }
        Offer::TooSmall => Err(Error::BufferTooSmall),
        Offer::LengthOnly => Err(Error::GeneralError),
    }
}

/// Offers `len` bytes, and does the work only if they are wanted and fit.
///
/// # Errors
/// [`Error::BufferTooSmall`], or what `work` returns.
pub(crate) fn deliver(
    out: &mut dyn Output,
    len: usize,
    work: impl FnOnce() -> Result<Vec<u8>>,
) -> Result<Delivery> {
    match out.offer(len) {
        Offer::LengthOnly => Ok(Delivery::LengthOnly),
        Offer::TooSmall => Err(Error::BufferTooSmall),
        Offer::Ready => {
            let bytes = work()?;
            if bytes.len() != len {
                return Err(Error::GeneralError);
            }
            out.write(&bytes);
            Ok(Delivery::Written)
        }
    }
}
