//! For signing and verifying. The keys are on P-256: with parameters of other families both may be told, what is wrong with the
//! parameter and that the key is not of the family.

use cryptoki_sys::*;

use super::super::arena::Arena;
use super::super::rules::*;
use super::{LENGTHS, Value, v};

/// A mechanism of PSS with these fields of its parameter: hash, mask, bytes of salt.
fn pss(a: &mut Arena, id: CK_MECHANISM_TYPE, fields: [usize; 3]) -> Vec<usize> {
    let parameter = a.words(&fields, 0);
    vec![a.mechanism(id, parameter, 24)]
}

/// `CKM_EDDSA` with these fields of its parameter: whether to hash first, context and its length.
fn eddsa(a: &mut Arena, hashed: u8, context: usize, length: usize) -> Vec<usize> {
    let parameter = a.words(&[hashed.into(), length, context], 0);
    vec![a.mechanism(CKM_EDDSA, parameter, 24)]
}

const HASH: usize = CKM_SHA256 as usize;
const MASK: usize = CKG_MGF1_SHA256 as usize;

pub(super) static MECHANISMS: &[Value] = &[
    v("signature", &GOOD, |w, a| vec![a.mechanism(w.signature, 0, 0)]),
    v("misaligned mechanism", &ODD, |w, a| vec![a.words(&[w.signature as usize, 0, 0], 1)]),
    v("null mechanism", &CANCEL, |_, _| vec![0]),
    v("mechanism -1", &MECHANISM, |_, a| vec![a.mechanism(CK_ULONG::MAX, 0, 0)]),
    v("mechanism that digests", &MECHANISM, |_, a| vec![a.mechanism(CKM_SHA256, 0, 0)]),
    v("mechanism that generates", &MECHANISM, |_, a| vec![a.mechanism(CKM_EC_KEY_PAIR_GEN, 0, 0)]),
    v("parameter", &MECHANISM_PARAMETER, |w, a| {
        let parameter = a.room(16, 0);
        vec![a.mechanism(w.signature, parameter, 16)]
    }),
    v("null parameter with length", &MECHANISM_PARAMETER, |w, a| vec![a.mechanism(w.signature, 0, 16)]),
    v("absurd parameter", &MECHANISM_PARAMETER, |w, a| {
        let parameter = a.room(16, 0);
        vec![a.mechanism(w.signature, parameter, 1 << 63)]
    }),
    v("PSS", &OTHER_FAMILY, |_, a| pss(a, CKM_RSA_PKCS_PSS, [HASH, MASK, 32])),
    v("PSS without parameter", &OTHER_PARAMETER, |_, a| vec![a.mechanism(CKM_RSA_PKCS_PSS, 0, 0)]),
    v("PSS with half a parameter", &OTHER_PARAMETER, |_, a| {
        let parameter = a.room(24, 0);
        vec![a.mechanism(CKM_RSA_PKCS_PSS, parameter, 12)]
    }),
    v("PSS with null parameter and length", &OTHER_PARAMETER, |_, a| {
        vec![a.mechanism(CKM_RSA_PKCS_PSS, 0, 24)]
    }),
    v("PSS with unknown hash", &OTHER_PARAMETER, |_, a| pss(a, CKM_RSA_PKCS_PSS, [usize::MAX, MASK, 32])),
    v("PSS with unknown mask", &OTHER_PARAMETER, |_, a| pss(a, CKM_RSA_PKCS_PSS, [HASH, usize::MAX, 32])),
    v("PSS with salt of -1 bytes", &OTHER_PARAMETER, |_, a| {
        pss(a, CKM_RSA_PKCS_PSS, [HASH, MASK, LENGTHS[0]])
    }),
    v("PSS of another hash", &OTHER_PARAMETER, |_, a| {
        pss(a, CKM_SHA256_RSA_PKCS_PSS, [CKM_SHA_1 as usize, CKG_MGF1_SHA1 as usize, 20])
    }),
    v("EdDSA", &OTHER_FAMILY, |_, a| vec![a.mechanism(CKM_EDDSA, 0, 0)]),
    v("EdDSA with context", &OTHER_FAMILY, |_, a| {
        let context = a.put(b"context", 0);
        eddsa(a, 0, context, 7)
    }),
    v("EdDSA with half a parameter", &OTHER_PARAMETER, |_, a| {
        let parameter = a.room(24, 0);
        vec![a.mechanism(CKM_EDDSA, parameter, 12)]
    }),
    v("EdDSA with flag 2", &OTHER_PARAMETER, |_, a| eddsa(a, 2, 0, 0)),
    v("EdDSA with context of 256 bytes", &OTHER_PARAMETER, |_, a| {
        let context = a.put(&[7; 256], 0);
        eddsa(a, 0, context, 256)
    }),
    v("EdDSA with null context and length", &OTHER_PARAMETER, |_, a| eddsa(a, 0, 0, 7)),
    v("EdDSA with context of -1 bytes", &OTHER_PARAMETER, |_, a| {
        let context = a.put(b"context", 0);
        eddsa(a, 0, context, LENGTHS[0])
    }),
];
