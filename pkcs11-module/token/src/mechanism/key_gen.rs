//! Generation of EC key pairs (PKCS#11 3.1 section 6.3).

use cryptoki_sys::CKM_EC_KEY_PAIR_GEN;

use super::ecdsa::CURVES;
use super::{Keys, Mechanism, Use, Work};

pub(crate) static EC_KEY_PAIR_GEN: Mechanism = Mechanism {
    id: CKM_EC_KEY_PAIR_GEN,
    uses: &[Use::GenerateKeyPair],
    keys: Keys::Ec(CURVES),
    work: Work::EcKeyPair,
};
