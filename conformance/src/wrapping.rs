//! Which mechanisms wrap and unwrap keys, decided one by one. `README.md` shows the table; a test holds it against what the
//! library answers, in both directions.
//!
//! A private key of ours is never whole, so there is nothing to wrap. What is wrapped are secret keys, which the application can
//! read anyway: wrapping hands out nothing more. What is unwrapped came from somewhere else, and is marked so for its life:
//! neither local nor never extractable. A secret key that is unwrapped is readable, and a template that wants it otherwise is
//! refused.

use cryptoki_sys::*;

/// What was decided of a mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It wraps or unwraps.
    Offered,
    /// It does neither, whatever else it may do, and why.
    Refused(&'static str),
}

/// One mechanism that PKCS#11 3.2 or an older version defines for `C_WrapKey` or `C_UnwrapKey`.
#[derive(Debug)]
pub struct Wrapping {
    /// `CKM_` name.
    pub name: &'static str,
    /// `CKM_`.
    pub id: CK_MECHANISM_TYPE,
    /// What was decided.
    pub decision: Decision,
}

const NO_TAG: Decision =
    Decision::Refused("not authenticated: blocks of a wrapped key can be cut, moved and guessed at");
const NO_ATTRIBUTES: Decision = Decision::Refused(
    "the attributes of the key are not bound to it: the same blob is unwrapped for another use",
);
const PADDING: Decision = Decision::Refused("its padding is an oracle");
const BARE: Decision =
    Decision::Refused("no padding: what is unwrapped has relations that its sender chooses");
const WEAK: Decision = Decision::Refused("weaker than the keys it would protect");
const TRANSPORT: Decision = Decision::Refused("a way of transport that nobody has asked for");
const OFFERED: Decision = Decision::Offered;
const LEGACY: Decision = Decision::Refused("a legacy cipher");

/// Declares each once.
macro_rules! wrapping {
    ($($decision:ident: $($name:ident)*;)*) => {
        &[$($(Wrapping { name: stringify!($name), id: $name, decision: $decision },)*)*]
    };
}

/// All of them.
pub static WRAPPING: &[Wrapping] = wrapping! {
    NO_TAG: CKM_AES_ECB CKM_AES_CBC CKM_AES_CTR CKM_AES_CTS CKM_AES_OFB CKM_AES_CFB8 CKM_AES_CFB64 CKM_AES_CFB128
        CKM_AES_XTS;
    NO_ATTRIBUTES: CKM_AES_KEY_WRAP CKM_AES_KEY_WRAP_PAD CKM_AES_KEY_WRAP_KWP CKM_AES_KEY_WRAP_PKCS7 CKM_AES_GCM
        CKM_AES_CCM CKM_CHACHA20_POLY1305;
    PADDING: CKM_AES_CBC_PAD CKM_RSA_PKCS CKM_RSA_PKCS_TPM_1_1;
    OFFERED: CKM_RSA_PKCS_OAEP CKM_RSA_AES_KEY_WRAP;
    BARE: CKM_RSA_X_509;
    TRANSPORT: CKM_RSA_PKCS_OAEP_TPM_1_1 CKM_ECDH_AES_KEY_WRAP CKM_ECDH_COF_AES_KEY_WRAP CKM_ECDH_X_AES_KEY_WRAP
        CKM_KEY_WRAP_SET_OAEP;
    WEAK: CKM_DES_ECB CKM_DES_CBC CKM_DES_CBC_PAD CKM_DES3_ECB CKM_DES3_CBC CKM_DES3_CBC_PAD CKM_CDMF_ECB CKM_CDMF_CBC
        CKM_CDMF_CBC_PAD CKM_RC2_ECB CKM_RC2_CBC CKM_RC2_CBC_PAD CKM_RC5_ECB CKM_RC5_CBC CKM_RC5_CBC_PAD
        CKM_CAST_CBC_PAD CKM_CAST3_CBC_PAD CKM_CAST128_CBC_PAD CKM_IDEA_CBC_PAD CKM_BLOWFISH_CBC_PAD;
    LEGACY: CKM_TWOFISH_CBC_PAD CKM_SKIPJACK_WRAP CKM_SKIPJACK_PRIVATE_WRAP CKM_BATON_WRAP CKM_JUNIPER_WRAP
        CKM_KEY_WRAP_LYNKS CKM_KIP_WRAP CKM_GOST28147_KEY_WRAP CKM_GOSTR3410_KEY_WRAP CKM_CAMELLIA_ECB
        CKM_CAMELLIA_CBC CKM_CAMELLIA_CBC_PAD CKM_ARIA_ECB CKM_ARIA_CBC CKM_ARIA_CBC_PAD CKM_SEED_ECB CKM_SEED_CBC
        CKM_SEED_CBC_PAD;
};
