//! Mechanisms that somebody asks for and that we do not have, by name.

use cryptoki_sys::*;

/// The `CKM_` number of a name, of those that are named here.
pub(super) fn number(name: &str) -> Option<CK_MECHANISM_TYPE> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
}

/// Names each once.
macro_rules! names {
    ($($name:ident)*) => { &[$((stringify!($name), $name),)*] };
}

#[rustfmt::skip]
static NAMES: &[(&str, CK_MECHANISM_TYPE)] = names! {
    CKM_CONCATENATE_BASE_AND_KEY CKM_CONCATENATE_BASE_AND_DATA CKM_CONCATENATE_DATA_AND_BASE CKM_XOR_BASE_AND_DATA
    CKM_EXTRACT_KEY_FROM_KEY CKM_SP800_108_COUNTER_KDF CKM_SP800_108_FEEDBACK_KDF
    CKM_AES_KEY_GEN CKM_AES_ECB CKM_AES_CBC CKM_AES_CBC_PAD CKM_AES_GCM CKM_AES_CMAC CKM_AES_CBC_ENCRYPT_DATA
    CKM_GENERIC_SECRET_KEY_GEN CKM_SHA_1_HMAC CKM_SHA224_HMAC CKM_SHA256_HMAC CKM_SHA384_HMAC CKM_SHA512_HMAC
};
