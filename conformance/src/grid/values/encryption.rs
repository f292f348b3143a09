//! For encryption and decryption.

use cryptoki_sys::*;

use super::super::arena::Arena;
use super::super::rules::*;
use super::{LENGTHS, Value, v};

pub(super) static ENCRYPT_KEYS: &[Value] = &[
    v("public RSA key", &GOOD, |w, _| vec![w.rsa]),
    v("key 0", &KEY, |_, _| vec![0]),
    v("key -1", &KEY, |_, _| vec![usize::MAX]),
    v("destroyed key", &KEY, |w, _| vec![w.destroyed]),
    v("public EC key", &OTHER_FAMILY, |w, _| vec![w.public]),
    v("data as key", &WRONG_KEY, |w, _| vec![w.data]),
];

pub(super) static DECRYPT_KEYS: &[Value] = &[
    v("private RSA key", &GOOD, |w, _| vec![w.rsa_private]),
    v("private EC key", &OTHER_FAMILY, |w, _| vec![w.private]),
    v("key 0", &KEY, |_, _| vec![0]),
    v("key -1", &KEY, |_, _| vec![usize::MAX]),
    v("destroyed key", &KEY, |w, _| vec![w.destroyed]),
    v("public RSA key", &OTHER_FAMILY, |w, _| vec![w.rsa]),
    v("data as key", &WRONG_KEY, |w, _| vec![w.data]),
];

/// `CKM_RSA_PKCS_OAEP` with this hash, mask, and label with its length.
pub(crate) fn oaep(
    a: &mut Arena,
    hash: CK_MECHANISM_TYPE,
    mgf: CK_RSA_PKCS_MGF_TYPE,
    label: [usize; 2],
) -> usize {
    oaep_from(a, CKZ_DATA_SPECIFIED, hash, mgf, label)
}

fn oaep_from(
    a: &mut Arena,
    source: CK_RSA_PKCS_OAEP_SOURCE_TYPE,
    hash: CK_MECHANISM_TYPE,
    mgf: CK_RSA_PKCS_MGF_TYPE,
    label: [usize; 2],
) -> usize {
    let fields = [hash as usize, mgf as usize, source as usize, label[0], label[1]];
    let parameter = a.put(&fields.map(usize::to_ne_bytes).concat(), 0);
    a.mechanism(CKM_RSA_PKCS_OAEP, parameter, 40)
}

/// Right and wrong parameters, for both directions.
macro_rules! mechanisms {
    ($right:literal) => {
        &[
            v($right, &GOOD, |_, a| vec![oaep(a, CKM_SHA_1, CKG_MGF1_SHA1, [0, 0])]),
            v("misaligned mechanism", &ODD, |_, a| {
                let parameter = a.words(&[CKM_SHA_1 as usize, CKG_MGF1_SHA1 as usize, 1, 0, 0], 1);
                vec![a.words(&[CKM_RSA_PKCS_OAEP as usize, parameter, 40], 1)]
            }),
            v("null mechanism", &CANCEL, |_, _| vec![0]),
            v("mechanism -1", &MECHANISM, |_, a| vec![a.mechanism(CK_ULONG::MAX, 0, 0)]),
            v("mechanism that signs", &MECHANISM, |_, a| vec![a.mechanism(CKM_ECDSA, 0, 0)]),
            v("no parameter", &MECHANISM_PARAMETER, |_, a| vec![a.mechanism(CKM_RSA_PKCS_OAEP, 0, 0)]),
            v("null parameter with length", &MECHANISM_PARAMETER, |_, a| {
                vec![a.mechanism(CKM_RSA_PKCS_OAEP, 0, 40)]
            }),
            v("short parameter", &MECHANISM_PARAMETER, |_, a| {
                let parameter = a.room(40, 0);
                vec![a.mechanism(CKM_RSA_PKCS_OAEP, parameter, 39)]
            }),
            v("absurd parameter", &MECHANISM_PARAMETER, |_, a| {
                let parameter = a.room(40, 0);
                vec![a.mechanism(CKM_RSA_PKCS_OAEP, parameter, 1 << 63)]
            }),
            v("unknown hash", &MECHANISM_PARAMETER, |_, a| {
                vec![oaep(a, CK_ULONG::MAX, CKG_MGF1_SHA1, [0, 0])]
            }),
            v("unknown mask", &MECHANISM_PARAMETER, |_, a| vec![oaep(a, CKM_SHA_1, 0, [0, 0])]),
            v("unknown source", &MECHANISM_PARAMETER, |_, a| {
                vec![oaep_from(a, 2, CKM_SHA_1, CKG_MGF1_SHA1, [0, 0])]
            }),
            v("null label with length", &MECHANISM_PARAMETER, |_, a| {
                vec![oaep(a, CKM_SHA_1, CKG_MGF1_SHA1, [0, 5])]
            }),
            v("label of length -1", &MECHANISM_PARAMETER, |_, a| {
                let label = a.put(b"label", 0);
                vec![oaep(a, CKM_SHA_1, CKG_MGF1_SHA1, [label, LENGTHS[0]])]
            }),
        ]
    };
}

pub(super) static ENCRYPT_MECHANISMS: &[Value] = mechanisms!("encryption");
pub(super) static DECRYPT_MECHANISMS: &[Value] = mechanisms!("decryption");

pub(super) static CIPHERTEXTS: &[Value] = &[
    v("ciphertext", &CIPHERTEXT, |_, a| vec![a.put(&[7; 256], 0), 256]),
    v("misaligned ciphertext", &CIPHERTEXT, |_, a| vec![a.put(&[7; 256], 1), 256]),
    v("null ciphertext", &NULL, |_, _| vec![0, 256]),
    v("no ciphertext", &NO_CIPHERTEXT, |_, _| vec![0, 0]),
    v("short ciphertext", &CIPHERTEXT_LENGTH, |_, a| vec![a.put(&[7; 255], 0), 255]),
    v("ciphertext of length -1", &ABSURD_CIPHERTEXT, |_, a| vec![a.put(&[7; 256], 0), LENGTHS[0]]),
    v("ciphertext of 2^40 bytes", &ABSURD_CIPHERTEXT, |_, a| vec![a.put(&[7; 256], 0), LENGTHS[2]]),
];
