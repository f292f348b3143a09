//! Where results go: PKCS#11's rule for output of variable length (3.0 section 5.2), once for bytes, once for lists.

use cryptoki_sys::*;
use token::{Offer, Output};

use super::ptr::Ptr;
use super::{Answer, Failure};

/// A buffer and the variable that holds its size before the call and the length of the result after it.
pub(super) struct OutBuffer<'a> {
    buffer: Ptr<'a, u8>,
    len: Ptr<'a, CK_ULONG>,
    room: CK_ULONG,
}

impl<'a> OutBuffer<'a> {
    /// `buffer` may be null: the application asks for the length only.
    ///
    /// # Errors
    /// `CKR_ARGUMENTS_BAD` if `len` is null.
    pub(super) fn new(buffer: Ptr<'a, u8>, len: Ptr<'a, CK_ULONG>) -> Answer<Self> {
        Ok(Self { buffer, len, room: len.read()? })
    }
}

impl Output for OutBuffer<'_> {
    fn offer(&mut self, len: usize) -> Offer {
        self.len.write(len as CK_ULONG).map_or(Offer::LengthOnly, |()| offer(self.buffer, self.room, len))
    }

    fn write(&mut self, bytes: &[u8]) {
        self.buffer.fill(bytes).expect("a null buffer was answered with LengthOnly");
    }
}

/// What a buffer can take.
pub(super) fn offer(buffer: Ptr<'_, u8>, room: CK_ULONG, len: usize) -> Offer {
    if buffer.is_null() {
        Offer::LengthOnly
    } else if room < len as CK_ULONG {
        Offer::TooSmall
    } else {
        Offer::Ready
    }
}

/// Gives a list to the application: its length always, its elements if `list` is not null and `count` says that they
/// fit.
///
/// # Errors
/// `CKR_ARGUMENTS_BAD` if `count` is null, `CKR_BUFFER_TOO_SMALL`.
pub(super) fn give_list<T: Copy>(list: Ptr<'_, T>, count: Ptr<'_, CK_ULONG>, items: &[T]) -> Answer {
    let room = count.read()?;
    count.write(items.len() as CK_ULONG)?;
    if list.is_null() {
        return Ok(());
    }
    if room < items.len() as CK_ULONG {
        return Err(Failure::Token(token::Error::BufferTooSmall));
    }
    items.iter().enumerate().try_for_each(|(index, item)| list.element(index).write(*item))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::ptr::FromC;
    use super::*;

    /// A buffer of `size` bytes, as the application declares it, over `memory`.
    fn answer(memory: *mut u8, size: CK_ULONG, result: &[u8]) -> (Offer, CK_ULONG) {
        let mut len = size;
        // SAFETY: the tests pass null, or an array of at least `size` bytes.
        let buffer = unsafe { Ptr::from_c(memory) };
        // SAFETY: a variable on the stack.
        let len_ptr = unsafe { Ptr::from_c(&raw mut len) };
        let mut out = OutBuffer::new(buffer, len_ptr).unwrap();
        let offer = out.offer(result.len());
        if offer == Offer::Ready {
            out.write(result);
        }
        (offer, len)
    }

    #[test]
    fn the_length_is_told_in_every_case_and_bytes_only_where_they_fit() {
        let mut memory = [0u8; 4];
        assert_eq!(answer(std::ptr::null_mut(), 0, b"abc"), (Offer::LengthOnly, 3));
        assert_eq!(answer(memory.as_mut_ptr(), 2, b"abc"), (Offer::TooSmall, 3));
        assert_eq!(memory, [0; 4]);
        assert_eq!(answer(memory.as_mut_ptr(), 4, b"abc"), (Offer::Ready, 3));
        assert_eq!(&memory, b"abc\0");
    }
}
