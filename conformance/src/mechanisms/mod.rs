//! The mechanisms of a token: what the library says of each, its name, and the test that shows it.

mod names;

use std::ptr::null_mut;

use cryptoki_sys::*;

use crate::call;
use crate::lab;
use crate::session::{Pair, SECP256K1, Session};
use crate::token::Token;

/// The `CKM_` number of a name, of those that have a test here or that other people's tests ask for.
pub fn number(name: &str) -> Option<CK_MECHANISM_TYPE> {
    let tested = TESTED.iter().find(|(_, known, _)| *known == name).map(|(number, ..)| *number);
    tested.or_else(|| names::number(name))
}

/// Schnorr on P-256 as FROST(P-256, SHA-256) has it.
pub const CKM_COUNTERFOIL_FROST_P256_SHA256: CK_MECHANISM_TYPE = CKM_VENDOR_DEFINED | 0x4346_0001;
/// BIP-340 on secp256k1.
pub const CKM_COUNTERFOIL_BIP340: CK_MECHANISM_TYPE = CKM_VENDOR_DEFINED | 0x4346_0002;

/// One mechanism.
#[derive(Debug, Clone, Copy)]
pub struct Mechanism {
    /// `CKM_` name.
    pub name: &'static str,
    /// `CKM_`.
    pub id: CK_MECHANISM_TYPE,
    /// What `C_GetMechanismInfo` answers.
    pub info: CK_MECHANISM_INFO,
    /// `chapter::test` that shows it.
    pub test: &'static str,
}

/// All that `C_GetMechanismList` names, in its order; of another library those that ours could have.
///
/// # Panics
/// If the library refuses to answer, or ours names a mechanism that has no test here.
pub fn listed(token: &Token) -> Vec<Mechanism> {
    let mut count = 0;
    assert_eq!(call!(token.module, C_GetMechanismList(token.slot, null_mut(), &mut count)), CKR_OK);
    let mut ids = vec![0; count as usize];
    assert_eq!(call!(token.module, C_GetMechanismList(token.slot, ids.as_mut_ptr(), &mut count)), CKR_OK);
    let describe = |id| {
        let known = TESTED.iter().find(|(known, ..)| *known == id);
        let (_, name, test) = known.unwrap_or_else(|| panic!("mechanism {id:#x} has no test"));
        let mut info = CK_MECHANISM_INFO::default();
        assert_eq!(call!(token.module, C_GetMechanismInfo(token.slot, id, &mut info)), CKR_OK, "{name}");
        Mechanism { name, id, info, test }
    };
    let ours = |id: &CK_MECHANISM_TYPE| !lab::foreign() || TESTED.iter().any(|(known, ..)| known == id);
    ids.into_iter().filter(ours).map(describe).collect()
}

/// A key pair on the token that a mechanism works with; of RSA the one that all tests share.
///
/// # Panics
/// If it is not known which, or not generated.
pub fn key_pair(session: &Session<'_>, mechanism: CK_MECHANISM_TYPE) -> Pair {
    let name = TESTED.iter().find(|(known, ..)| *known == mechanism).map_or("", |(_, name, _)| *name);
    match name {
        ecdsa if ecdsa.starts_with("CKM_ECDSA") => session.p256(name),
        "CKM_EDDSA" => session.ed25519(name),
        rsa if rsa.contains("RSA") => session.rsa(),
        "CKM_COUNTERFOIL_FROST_P256_SHA256" => session.p256(name),
        "CKM_COUNTERFOIL_BIP340" => session.pair_on(&SECP256K1, name),
        _ => panic!("which key for {name} ({mechanism:#x})?"),
    }
}

/// Names a mechanism once.
macro_rules! tested {
    ($($name:ident $test:literal;)*) => { &[$(($name, stringify!($name), $test),)*] };
}

/// The mechanisms that have a test.
pub static TESTED: &[(CK_MECHANISM_TYPE, &str, &str)] = tested! {
    CKM_EC_KEY_PAIR_GEN "keys::both_halves_are_found_by_one_id";
    CKM_EC_EDWARDS_KEY_PAIR_GEN "eddsa::every_variant_signs";
    CKM_EC_MONTGOMERY_KEY_PAIR_GEN "x25519::two_sides_agree";
    CKM_EDDSA "eddsa::every_variant_signs";
    CKM_COUNTERFOIL_FROST_P256_SHA256 "schnorr::frost_p256_and_bip340_sign";
    CKM_COUNTERFOIL_BIP340 "schnorr::frost_p256_and_bip340_sign";
    CKM_ECDSA "signing::raw_ecdsa_takes_digests_of_any_hash";
    CKM_ECDSA_SHA1 "signing::hashed_mechanisms_sign_what_they_hash";
    CKM_ECDSA_SHA224 "signing::hashed_mechanisms_sign_what_they_hash";
    CKM_ECDSA_SHA256 "signing::hashed_mechanisms_sign_what_they_hash";
    CKM_ECDSA_SHA384 "signing::hashed_mechanisms_sign_what_they_hash";
    CKM_ECDSA_SHA512 "signing::hashed_mechanisms_sign_what_they_hash";
    CKM_ECDSA_SHA3_224 "signing::hashed_mechanisms_sign_what_they_hash";
    CKM_ECDSA_SHA3_256 "signing::hashed_mechanisms_sign_what_they_hash";
    CKM_ECDSA_SHA3_384 "signing::hashed_mechanisms_sign_what_they_hash";
    CKM_ECDSA_SHA3_512 "signing::hashed_mechanisms_sign_what_they_hash";
    CKM_ECDH1_DERIVE "deriving::two_sides_agree_on_every_curve";
    CKM_ECDH1_COFACTOR_DERIVE "deriving::two_sides_agree_on_every_curve";
    CKM_RSA_PKCS_KEY_PAIR_GEN "rsa::every_size_is_generated";
    CKM_RSA_PKCS "rsa::every_mechanism_signs_and_others_verify";
    CKM_SHA1_RSA_PKCS "rsa::every_mechanism_signs_and_others_verify";
    CKM_SHA224_RSA_PKCS "rsa::every_mechanism_signs_and_others_verify";
    CKM_SHA256_RSA_PKCS "rsa::every_mechanism_signs_and_others_verify";
    CKM_SHA384_RSA_PKCS "rsa::every_mechanism_signs_and_others_verify";
    CKM_SHA512_RSA_PKCS "rsa::every_mechanism_signs_and_others_verify";
    CKM_RSA_PKCS_PSS "rsa::every_mechanism_signs_and_others_verify";
    CKM_SHA1_RSA_PKCS_PSS "rsa::every_mechanism_signs_and_others_verify";
    CKM_SHA224_RSA_PKCS_PSS "rsa::every_mechanism_signs_and_others_verify";
    CKM_SHA256_RSA_PKCS_PSS "rsa::every_mechanism_signs_and_others_verify";
    CKM_SHA384_RSA_PKCS_PSS "rsa::every_mechanism_signs_and_others_verify";
    CKM_SHA512_RSA_PKCS_PSS "rsa::every_mechanism_signs_and_others_verify";
    CKM_RSA_PKCS_OAEP "rsa::what_is_encrypted_is_decrypted";
    CKM_RSA_AES_KEY_WRAP "wrapping::a_private_key_is_brought_in_an_envelope";
    CKM_SHA_1 "digesting::fips_examples";
    CKM_SHA224 "digesting::fips_examples";
    CKM_SHA256 "digesting::fips_examples";
    CKM_SHA384 "digesting::fips_examples";
    CKM_SHA512 "digesting::fips_examples";
    CKM_SHA512_224 "digesting::fips_examples";
    CKM_SHA512_256 "digesting::fips_examples";
    CKM_SHA3_224 "digesting::fips_examples";
    CKM_SHA3_256 "digesting::fips_examples";
    CKM_SHA3_384 "digesting::fips_examples";
    CKM_SHA3_512 "digesting::fips_examples";
};
