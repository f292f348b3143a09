//! `CK_MECHANISM`, copied.

use cryptoki_sys::CK_MECHANISM;
use token::{Error, MechanismCall};

use super::Answer;
use super::ptr::Ptr;

/// A copy of a mechanism and its parameter.
pub(super) struct Mechanism {
    id: u64,
    parameter: Vec<u8>,
}

impl Mechanism {
    /// Null where a mechanism may be absent: an init function with null ends the active operation (PKCS#11 3.0).
    ///
    /// # Errors
    /// `CKR_MECHANISM_PARAM_INVALID` if the parameter is too long, `CKR_ARGUMENTS_BAD` if it is null with a length.
    pub(super) fn optional(mechanism: Ptr<'_, CK_MECHANISM>) -> Answer<Option<Self>> {
        if mechanism.is_null() {
            return Ok(None);
        }
        let (id, parameter, len) = mechanism.mechanism()?;
        let parameter = parameter.bytes(len, PARAMETER_BYTES_MAX, Error::MechanismParamInvalid)?;
        Ok(Some(Self { id, parameter }))
    }

    /// A mechanism that must be there.
    ///
    /// # Errors
    /// As [`Mechanism::optional`], and `CKR_ARGUMENTS_BAD` for null.
    pub(super) fn required(mechanism: Ptr<'_, CK_MECHANISM>) -> Answer<Self> {
        Self::optional(mechanism.required()?)?.ok_or(super::Failure::ARGUMENTS_BAD)
    }

    /// The mechanism as crate `token` takes it.
    pub(super) fn call(&self) -> MechanismCall<'_> {
        MechanismCall { id: self.id, parameter: &self.parameter }
    }
}

/// Longest parameter; those we know have none.
const PARAMETER_BYTES_MAX: usize = 64 * 1024;
