//! What this token does not do. Applications probe for these functions and take the answer for what it is.

use cryptoki_sys::CKR_FUNCTION_NOT_SUPPORTED;

use super::{Answer, Failure};

/// The answer of every function that `functions.rs` marks so: at once, and without a look at the arguments.
pub(super) fn not_supported() -> Answer {
    Err(Failure::Interface(CKR_FUNCTION_NOT_SUPPORTED))
}
