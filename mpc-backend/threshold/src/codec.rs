//! Strict encoding: fixed lengths, canonical values, no trailing bytes.
//!
//! Integers are big-endian. A decoder reads exactly what the encoder wrote; whoever decodes a
//! peer's message turns a [`DecodeError`] into a fault of that peer.

use alloc::vec::Vec;

use elliptic_curve::ff::PrimeField;

use crate::group::{Curve, Point};

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Fewer bytes than the fixed length.
    #[error("message is truncated")]
    Truncated,
    /// More bytes than the fixed length.
    #[error("message has trailing bytes")]
    Trailing,
    /// A value out of range or not in its one canonical form.
    #[error("message holds a value that is not canonical")]
    Value,
}

/// Writes a message.
#[derive(Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// An empty message with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    /// Two bytes.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Four bytes.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Eight bytes.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// `bytes` as they are, without a length: the reader knows it.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A scalar, `SCALAR_BYTES` big-endian.
    pub fn scalar<C: Curve>(&mut self, scalar: &C::Scalar) -> &mut Self {
        self.bytes(scalar.to_repr().as_ref())
    }

    /// A point, compressed SEC1.
    pub fn point<C: Curve>(&mut self, point: &C::Point) -> &mut Self {
        self.bytes(&point.encode())
    }

    /// The message.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads a message front to back.
#[derive(Clone)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the front of `message`.
    pub const fn new(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] when fewer are left.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(DecodeError::Truncated)?;
        self.0 = tail;
        Ok(head)
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, tail) = self.0.split_first_chunk::<N>().ok_or(DecodeError::Truncated)?;
        self.0 = tail;
        Ok(*head)
    }

    /// One byte.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_be_bytes)
    }

    /// Two bytes.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_be_bytes)
    }

    /// A canonical scalar (zero allowed).
    ///
    /// # Errors
    /// [`DecodeError::Value`] for a value not below the order.
    pub fn scalar<C: Curve>(&mut self) -> Result<C::Scalar, DecodeError> {
        scalar_from_bytes::<C>(self.bytes(C::SCALAR_BYTES)?)
    }

    /// A canonical compressed point other than the identity.
    ///
    /// # Errors
    /// [`DecodeError::Value`] for anything else of that length.
    pub fn point<C: Curve>(&mut self) -> Result<C::Point, DecodeError> {
        C::Point::decode(self.bytes(C::POINT_BYTES)?).ok_or(DecodeError::Value)
    }

    /// Ends the message.
    ///
    /// # Errors
    /// [`DecodeError::Trailing`] when bytes are left.
    pub const fn finish(self) -> Result<(), DecodeError> {
        if self.0.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }
}

/// A canonical scalar from exactly `SCALAR_BYTES` big-endian bytes.
///
/// # Errors
/// [`DecodeError::Value`] for another length or a value not below the order.
pub fn scalar_from_bytes<C: Curve>(bytes: &[u8]) -> Result<C::Scalar, DecodeError> {
    scalar(bytes)
}

/// A canonical scalar from exactly the bytes of its field's own form.
///
/// # Errors
/// As [`scalar_from_bytes`].
pub fn scalar<F: PrimeField>(bytes: &[u8]) -> Result<F, DecodeError> {
    let mut repr = F::Repr::default();
    if bytes.len() != repr.as_ref().len() {
        return Err(DecodeError::Value);
    }
    repr.as_mut().copy_from_slice(bytes);
    Option::from(F::from_repr(repr)).ok_or(DecodeError::Value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use crate::group::P256;

    #[test]
    fn readers_refuse_short_and_long_messages() {
        let mut writer = Writer::default();
        writer.u8(1).u16(2).u32(3).u64(4);
        let message = writer.finish();
        let mut reader = Reader::new(&message);
        assert_eq!((reader.u8(), reader.u16(), reader.u32(), reader.u64()), (Ok(1), Ok(2), Ok(3), Ok(4)));
        assert_eq!(reader.u8(), Err(DecodeError::Truncated));
        assert_eq!(Reader::new(&message).finish(), Err(DecodeError::Trailing));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn scalars_not_below_the_order_are_refused() {
        let order = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").unwrap();
        assert_eq!(Reader::new(&order).scalar::<P256>(), Err(DecodeError::Value));
        assert_eq!(Reader::new(&[0; 31]).scalar::<P256>(), Err(DecodeError::Truncated));
        assert!(Reader::new(&[0; 32]).scalar::<P256>().is_ok());
    }

    #[test]
    fn identity_and_uncompressed_points_are_refused() {
        assert!(Reader::new(&[0; 33]).point::<P256>().is_err());
        let mut generator = <P256 as Curve>::Point::generator().encode();
        generator[0] = 4;
        assert!(Reader::new(&generator).point::<P256>().is_err());
    }
}
