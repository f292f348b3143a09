//! The mechanisms of a token, as `C_GetMechanismList` must give them.

use cryptoki_sys::*;

/// One mechanism.
#[derive(Debug, Clone, Copy)]
pub struct Mechanism {
    /// `CKM_` name.
    pub name: &'static str,
    /// `CKM_`.
    pub id: CK_MECHANISM_TYPE,
    /// The functions it may be used with, as `CKF_` bits.
    pub flags: CK_FLAGS,
    /// The chapter that tests it.
    pub test: &'static str,
}

/// Names a mechanism once.
macro_rules! mechanisms {
    ($($name:ident $flags:expr, $test:literal;)*) => {
        &[$(Mechanism { name: stringify!($name), id: $name, flags: $flags, test: $test },)*]
    };
}

/// All of them.
pub static MECHANISMS: &[Mechanism] = mechanisms! {
    CKM_EC_KEY_PAIR_GEN CKF_GENERATE_KEY_PAIR, "keys";
    CKM_ECDSA CKF_SIGN | CKF_VERIFY, "signing";
    CKM_ECDSA_SHA1 CKF_SIGN | CKF_VERIFY, "signing";
    CKM_ECDSA_SHA224 CKF_SIGN | CKF_VERIFY, "signing";
    CKM_ECDSA_SHA256 CKF_SIGN | CKF_VERIFY, "signing";
    CKM_ECDSA_SHA384 CKF_SIGN | CKF_VERIFY, "signing";
    CKM_ECDSA_SHA512 CKF_SIGN | CKF_VERIFY, "signing";
    CKM_ECDSA_SHA3_224 CKF_SIGN | CKF_VERIFY, "signing";
    CKM_ECDSA_SHA3_256 CKF_SIGN | CKF_VERIFY, "signing";
    CKM_ECDSA_SHA3_384 CKF_SIGN | CKF_VERIFY, "signing";
    CKM_ECDSA_SHA3_512 CKF_SIGN | CKF_VERIFY, "signing";
    CKM_SHA_1 CKF_DIGEST, "digesting";
    CKM_SHA224 CKF_DIGEST, "digesting";
    CKM_SHA256 CKF_DIGEST, "digesting";
    CKM_SHA384 CKF_DIGEST, "digesting";
    CKM_SHA512 CKF_DIGEST, "digesting";
    CKM_SHA512_224 CKF_DIGEST, "digesting";
    CKM_SHA512_256 CKF_DIGEST, "digesting";
    CKM_SHA3_224 CKF_DIGEST, "digesting";
    CKM_SHA3_256 CKF_DIGEST, "digesting";
    CKM_SHA3_384 CKF_DIGEST, "digesting";
    CKM_SHA3_512 CKF_DIGEST, "digesting";
};
