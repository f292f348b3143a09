//! Init, update, final: the life of one operation, and the one place that says what ends it (PKCS#11 3.1 sections 5.12
//! to 5.15). The rules are the same for every mechanism:
//!
//! 1. A session has at most one operation of each kind: one search, digest, signature and verification. An init while
//!    one of its kind is active is `CKR_OPERATION_ACTIVE`, and the active one goes on. Other kinds do not matter.
//! 2. A call with the last word (`C_Sign`, `C_SignFinal`, `C_Digest`, `C_Verify`, …) ends the operation, whether it
//!    succeeds or fails. It goes on only if the call told a length (a null buffer) or found the buffer too small.
//! 3. A failed update ends it. So do bad arguments of any of these calls (the C interface sees them, and cancels).
//! 4. One-shot and multi-part calls do not mix. A one-shot call amid parts is `CKR_OPERATION_ACTIVE` and the parts go
//!    on, because it cannot end what it has no part in; a part, or the final call, after a one-shot call that told the
//!    length is the same error and ends the operation.
//! 5. An init with a null mechanism, or `C_SessionCancel` with the kind's flag, ends it without a result. If nothing is
//!    active that is no error.
//! 6. `C_Login` of `CKU_CONTEXT_SPECIFIC` belongs to the active signature or decryption whose key has
//!    `CKA_ALWAYS_AUTHENTICATE` and has not seen the PIN yet. One such login serves one operation, however many parts it
//!    has, and one result of the nodes; a wrong PIN leaves it waiting.
//! 7. `C_Logout` leaves operations active, but nothing is signed or decrypted that was started before it, also after
//!    another login. Closing the session ends all.
//! 8. A private key that is destroyed meanwhile is `CKR_KEY_HANDLE_INVALID` when the operation asks the nodes. One with a
//!    public key has what it needs, and goes on.
//!
//! `conformance/tests/pkcs11/operations.rs` runs these for each listed mechanism, `sequences.rs` in random order.

use crate::output::Delivery;
use crate::rv::{Error, Result};

/// The place in a session for one kind of operation.
pub(crate) struct Operation<O>(Option<Active<O>>);

struct Active<O> {
    calls: Calls,
    work: O,
}

/// Which calls have been made since the init.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Calls {
    None,
    /// A one-shot call that did not end the operation.
    OneShot,
    /// Updates, or a final call that did not end the operation.
    MultiPart,
}

impl<O> Default for Operation<O> {
    fn default() -> Self {
        Self(None)
    }
}

impl<O> Operation<O> {
    /// `C_*Init`. `work` is made only if nothing is active.
    ///
    /// # Errors
    /// [`Error::OperationActive`], or what `make` returns.
    pub(crate) fn start(&mut self, make: impl FnOnce() -> Result<O>) -> Result<()> {
        if self.0.is_some() {
            return Err(Error::OperationActive);
        }
        self.0 = Some(Active { calls: Calls::None, work: make()? });
        Ok(())
    }

    /// `C_*Init` with a null mechanism, or `C_SessionCancel`. Nothing active is no error.
    pub(crate) fn cancel(&mut self) {
        self.0 = None;
    }

    /// The one-shot call.
    ///
    /// # Errors
    /// [`Error::OperationNotInitialized`]; [`Error::OperationActive`] amid a multi-part operation, which goes on; or
    /// what `work` returns.
    pub(crate) fn one_shot(&mut self, work: impl FnOnce(&mut O) -> Result<Delivery>) -> Result<()> {
        let active = self.active()?;
        if active.calls == Calls::MultiPart {
            return Err(Error::OperationActive);
        }
        active.calls = Calls::OneShot;
        let result = work(&mut active.work);
        self.conclude(result)
    }

    /// One more part.
    ///
    /// # Errors
    /// As for [`Operation::last`].
    pub(crate) fn update(&mut self, work: impl FnOnce(&mut O) -> Result<()>) -> Result<()> {
        // A part that was taken leaves the operation waiting, just as a told length does.
        self.last(|operation| work(operation).map(|()| Delivery::LengthOnly))
    }

    /// The final call of a multi-part operation, also without any part.
    ///
    /// # Errors
    /// [`Error::OperationNotInitialized`]; [`Error::OperationActive`] after a one-shot call, which ends it; or what
    /// `work` returns.
    pub(crate) fn last(&mut self, work: impl FnOnce(&mut O) -> Result<Delivery>) -> Result<()> {
        let active = self.active()?;
        let result = match active.calls {
            Calls::OneShot => Err(Error::OperationActive),
            Calls::None | Calls::MultiPart => {
                active.calls = Calls::MultiPart;
                work(&mut active.work)
            }
        };
        self.conclude(result)
    }

    /// The rule: what ends an operation.
    fn conclude(&mut self, result: Result<Delivery>) -> Result<()> {
        let goes_on = matches!(result, Ok(Delivery::LengthOnly) | Err(Error::BufferTooSmall));
        if !goes_on {
            self.0 = None;
        }
        result.map(|_| ())
    }

    /// What is active.
    pub(crate) fn work(&mut self) -> Option<&mut O> {
        self.0.as_mut().map(|active| &mut active.work)
    }

    fn active(&mut self) -> Result<&mut Active<O>> {
        self.0.as_mut().ok_or(Error::OperationNotInitialized)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

    use super::*;

    fn started() -> Operation<u8> {
        let mut operation = Operation::default();
        operation.start(|| Ok(0)).unwrap();
        operation
    }

    fn is_active(operation: &mut Operation<u8>) -> bool {
        operation.start(|| Ok(0)) == Err(Error::OperationActive)
    }

    #[test]
    fn a_told_length_or_a_small_buffer_keeps_the_operation_active() {
        let mut operation = started();
        assert_eq!(operation.one_shot(|_| Ok(Delivery::LengthOnly)), Ok(()));
        assert_eq!(operation.one_shot(|_| Err(Error::BufferTooSmall)), Err(Error::BufferTooSmall));
        assert!(is_active(&mut operation));
        assert_eq!(operation.one_shot(|_| Ok(Delivery::Written)), Ok(()));
        assert!(!is_active(&mut operation));
    }

    #[test]
    fn any_other_error_ends_the_operation() {
        let mut operation = started();
        assert!(operation.one_shot(|_| Err(Error::DataLenRange)).is_err());
        assert!(!is_active(&mut operation));
        let mut operation = started();
        assert!(operation.update(|_| Err(Error::DataLenRange)).is_err());
        assert!(!is_active(&mut operation));
    }

    #[test]
    fn a_one_shot_call_amid_parts_is_refused_and_the_parts_go_on() {
        let mut operation = started();
        operation.update(|_| Ok(())).unwrap();
        assert_eq!(operation.one_shot(|_| Ok(Delivery::Written)), Err(Error::OperationActive));
        assert_eq!(operation.last(|_| Ok(Delivery::Written)), Ok(()));
        assert!(!is_active(&mut operation));
    }

    #[test]
    fn a_final_call_after_a_one_shot_length_query_ends_the_operation() {
        let mut operation = started();
        operation.one_shot(|_| Ok(Delivery::LengthOnly)).unwrap();
        assert_eq!(operation.last(|_| Ok(Delivery::Written)), Err(Error::OperationActive));
        assert!(!is_active(&mut operation));
    }

    #[test]
    fn nothing_works_without_an_init() {
        let mut operation = Operation::<u8>::default();
        assert_eq!(operation.update(|_| Ok(())), Err(Error::OperationNotInitialized));
        assert_eq!(operation.one_shot(|_| Ok(Delivery::Written)), Err(Error::OperationNotInitialized));
        assert_eq!(operation.last(|_| Ok(Delivery::Written)), Err(Error::OperationNotInitialized));
    }
}
