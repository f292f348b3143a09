//! The one table from what went wrong to the `CKR_` number an application sees.

use cryptoki_sys::*;

use crate::backend::{BackendError, KmsRefusal};

/// Result of every method of [`crate::Provider`].
pub type Result<T> = core::result::Result<T, Error>;

/// Declares [`Error`] with one variant a `CKR_` and its number, and no second place to keep in step.
macro_rules! errors {
    ($($(#[$doc:meta])* $variant:ident = $rv:ident, $text:literal;)*) => {
        /// Why a call failed. The texts go to the log; the number goes to the application.
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[non_exhaustive]
        pub enum Error {
            $(
                #[doc = concat!("`", stringify!($rv), "`: ", $text, ".")]
                #[error($text)]
                $variant,
            )*
            /// `CKR_TEMPLATE_INCONSISTENT`: the template contradicts itself, or what is supported, in this attribute.
            #[error("{}: {why}", crate::attribute::name(*attribute))]
            Contradiction {
                /// `CKA_`.
                attribute: u64,
                /// What is wrong with it, in words.
                why: &'static str,
            },
            /// The backend failed; see [`BackendError`].
            #[error(transparent)]
            Backend(#[from] BackendError),
        }

        impl Error {
            /// The `CKR_` number.
            pub fn rv(&self) -> u64 {
                match self {
                    $(Self::$variant => $rv,)*
                    Self::Contradiction { .. } => CKR_TEMPLATE_INCONSISTENT,
                    Self::Backend(error) => backend_rv(error),
                }
            }
        }
    };
}

errors! {
    SlotIdInvalid = CKR_SLOT_ID_INVALID, "no such slot";
    EncryptedDataLenRange = CKR_ENCRYPTED_DATA_LEN_RANGE, "the ciphertext is not as long as the modulus";
    GeneralError = CKR_GENERAL_ERROR, "internal error";
    FunctionFailed = CKR_FUNCTION_FAILED, "the function could not be completed";
    ArgumentsBad = CKR_ARGUMENTS_BAD, "bad arguments";
    AttributeReadOnly = CKR_ATTRIBUTE_READ_ONLY, "an attribute cannot be set by the application";
    AttributeSensitive = CKR_ATTRIBUTE_SENSITIVE, "an attribute is sensitive and never revealed";
    AttributeTypeInvalid = CKR_ATTRIBUTE_TYPE_INVALID, "an attribute does not exist for this object";
    AttributeValueInvalid = CKR_ATTRIBUTE_VALUE_INVALID, "an attribute has a value that is not accepted";
    ActionProhibited = CKR_ACTION_PROHIBITED, "the object does not allow this action";
    DataInvalid = CKR_DATA_INVALID, "the data are no number below the modulus";
    DataLenRange = CKR_DATA_LEN_RANGE, "the data are too short or too long for the mechanism";
    DeviceMemory = CKR_DEVICE_MEMORY, "the limit of objects or of their size is reached";
    KeyHandleInvalid = CKR_KEY_HANDLE_INVALID, "no such key";
    KeySizeRange = CKR_KEY_SIZE_RANGE, "keys of this size are not made here";
    KeyTypeInconsistent = CKR_KEY_TYPE_INCONSISTENT, "the key is of the wrong type for the mechanism";
    KeyNotWrappable = CKR_KEY_NOT_WRAPPABLE, "this key is not wrapped, or not with that key";
    KeyUnextractable = CKR_KEY_UNEXTRACTABLE, "the key never leaves the token";
    WrappedKeyInvalid = CKR_WRAPPED_KEY_INVALID, "what was unwrapped is not the key that the template asks for";
    WrappedKeyLenRange = CKR_WRAPPED_KEY_LEN_RANGE, "no wrapped key has this length";
    WrappingKeyHandleInvalid = CKR_WRAPPING_KEY_HANDLE_INVALID, "no such wrapping key";
    WrappingKeyTypeInconsistent = CKR_WRAPPING_KEY_TYPE_INCONSISTENT, "the wrapping key is of the wrong type for the mechanism";
    UnwrappingKeyHandleInvalid = CKR_UNWRAPPING_KEY_HANDLE_INVALID, "no such unwrapping key";
    UnwrappingKeyTypeInconsistent = CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, "the unwrapping key is of the wrong type for the mechanism";
    KeyIndigestible = CKR_KEY_INDIGESTIBLE, "the value of this key cannot be digested";
    KeyFunctionNotPermitted = CKR_KEY_FUNCTION_NOT_PERMITTED, "the key's attributes forbid this use";
    MechanismInvalid = CKR_MECHANISM_INVALID, "the mechanism does not exist, or not for this use";
    MechanismParamInvalid = CKR_MECHANISM_PARAM_INVALID, "the mechanism takes no such parameter";
    ObjectHandleInvalid = CKR_OBJECT_HANDLE_INVALID, "no such object";
    OperationActive = CKR_OPERATION_ACTIVE, "another operation is active in this session";
    OperationNotInitialized = CKR_OPERATION_NOT_INITIALIZED, "no such operation is active in this session";
    PinIncorrect = CKR_PIN_INCORRECT, "the PIN is wrong";
    PinLenRange = CKR_PIN_LEN_RANGE, "the new PIN is too short or too long";
    SessionCount = CKR_SESSION_COUNT, "too many sessions";
    SessionHandleInvalid = CKR_SESSION_HANDLE_INVALID, "no such session";
    SessionParallelNotSupported = CKR_SESSION_PARALLEL_NOT_SUPPORTED, "CKF_SERIAL_SESSION is not set";
    SessionAsyncNotSupported = CKR_SESSION_ASYNC_NOT_SUPPORTED, "asynchronous sessions are not supported";
    SessionReadOnly = CKR_SESSION_READ_ONLY, "the session is read-only";
    SessionExists = CKR_SESSION_EXISTS, "a session with the token is open";
    SessionReadOnlyExists = CKR_SESSION_READ_ONLY_EXISTS, "a read-only session is open";
    SessionReadWriteSoExists = CKR_SESSION_READ_WRITE_SO_EXISTS, "the security officer is logged in";
    SignatureInvalid = CKR_SIGNATURE_INVALID, "the signature is wrong";
    SignatureLenRange = CKR_SIGNATURE_LEN_RANGE, "the signature has the wrong length";
    TemplateIncomplete = CKR_TEMPLATE_INCOMPLETE, "the template lacks an attribute";
    TokenNotRecognized = CKR_TOKEN_NOT_RECOGNIZED, "the token has not been initialised";
    UserAlreadyLoggedIn = CKR_USER_ALREADY_LOGGED_IN, "already logged in";
    UserNotLoggedIn = CKR_USER_NOT_LOGGED_IN, "not logged in";
    UserTypeInvalid = CKR_USER_TYPE_INVALID, "no such type of user";
    UserAnotherAlreadyLoggedIn = CKR_USER_ANOTHER_ALREADY_LOGGED_IN, "the other role is logged in";
    DomainParamsInvalid = CKR_DOMAIN_PARAMS_INVALID, "the curve is not given by its name";
    CurveNotSupported = CKR_CURVE_NOT_SUPPORTED, "the curve is not supported";
    PublicKeyInvalid = CKR_PUBLIC_KEY_INVALID, "the public key is not a point of its curve";
    BufferTooSmall = CKR_BUFFER_TOO_SMALL, "the output buffer is too small";
}

impl Error {
    /// A template that contradicts itself in `attribute`.
    pub(crate) const fn contradiction(attribute: u64, why: &'static str) -> Self {
        Self::Contradiction { attribute, why }
    }

    /// The same error where the object is a key given to an operation: PKCS#11 has a code of its own for that.
    pub(crate) fn of_key(self) -> Self {
        match self {
            Self::ObjectHandleInvalid | Self::Backend(BackendError::NoSuchObject) => Self::KeyHandleInvalid,
            other => other,
        }
    }

    /// The same error where the key is one that wraps another.
    pub(crate) fn of_wrapping_key(self) -> Self {
        match self.of_key() {
            Self::KeyHandleInvalid => Self::WrappingKeyHandleInvalid,
            Self::KeyTypeInconsistent => Self::WrappingKeyTypeInconsistent,
            other => other,
        }
    }

    /// The same error where the key is one that unwraps another.
    pub(crate) fn of_unwrapping_key(self) -> Self {
        match self.of_key() {
            Self::KeyHandleInvalid => Self::UnwrappingKeyHandleInvalid,
            Self::KeyTypeInconsistent => Self::UnwrappingKeyTypeInconsistent,
            other => other,
        }
    }
}

/// `CKR_DEVICE_REMOVED` is never an answer: applications drop their sessions and handles on it, and ours outlive
/// every outage.
fn backend_rv(error: &BackendError) -> u64 {
    match error {
        BackendError::PinIncorrect => CKR_PIN_INCORRECT,
        BackendError::PinLocked => CKR_PIN_LOCKED,
        BackendError::PinLenRange => CKR_PIN_LEN_RANGE,
        BackendError::PinInvalid => CKR_PIN_INVALID,
        BackendError::PinNotInitialized => CKR_USER_PIN_NOT_INITIALIZED,
        BackendError::TokenNotInitialized => CKR_TOKEN_NOT_RECOGNIZED,
        BackendError::NoSuchToken => CKR_TOKEN_NOT_PRESENT,
        BackendError::NotLoggedIn => CKR_USER_NOT_LOGGED_IN,
        BackendError::NoSuchObject => CKR_OBJECT_HANDLE_INVALID,
        BackendError::Stale => CKR_FUNCTION_FAILED,
        BackendError::KeyInvalid => CKR_ATTRIBUTE_VALUE_INVALID,
        BackendError::Kms(KmsRefusal::Quota, _) | BackendError::Unavailable(_) => CKR_DEVICE_ERROR,
        BackendError::KeyUseForbidden | BackendError::Kms(..) => CKR_KEY_FUNCTION_NOT_PERMITTED,
        BackendError::DataInvalid => CKR_DATA_INVALID,
        BackendError::CiphertextInvalid => CKR_ENCRYPTED_DATA_INVALID,
        BackendError::Full(_) => CKR_DEVICE_MEMORY,
        BackendError::Refused(_) => CKR_FUNCTION_REJECTED,
        BackendError::Configuration(_) | BackendError::Internal(_) => CKR_GENERAL_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_outage_or_mistake_of_ours_looks_like_a_removed_token() {
        assert_eq!(Error::from(BackendError::Unavailable("node 2".into())).rv(), CKR_DEVICE_ERROR);
        assert_eq!(Error::from(BackendError::Configuration("no file".into())).rv(), CKR_GENERAL_ERROR);
        assert_eq!(Error::from(BackendError::Internal("bug".into())).rv(), CKR_GENERAL_ERROR);
    }

    #[test]
    fn a_missing_object_is_a_missing_key_to_an_operation() {
        assert_eq!(Error::from(BackendError::NoSuchObject).of_key().rv(), CKR_KEY_HANDLE_INVALID);
        assert_eq!(Error::ObjectHandleInvalid.of_key(), Error::KeyHandleInvalid);
        assert_eq!(Error::PinIncorrect.of_key(), Error::PinIncorrect);
    }
}
