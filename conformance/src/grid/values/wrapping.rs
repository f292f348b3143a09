//! For wrapping and unwrapping.

use cryptoki_sys::*;

use super::super::arena::Arena;
use super::super::rules::*;
use super::encryption::oaep;
use super::{LENGTHS, Value, v};

pub(super) static WRAPPING_KEYS: &[Value] = &[
    v("public RSA key", &GOOD, |w, _| vec![w.rsa]),
    v("key 0", &WRAPPING_KEY, |_, _| vec![0]),
    v("key -1", &WRAPPING_KEY, |_, _| vec![usize::MAX]),
    v("destroyed key", &WRAPPING_KEY, |w, _| vec![w.destroyed]),
    v("public EC key", &OTHER_WRAPPING_KEY, |w, _| vec![w.public]),
    v("data as key", &OTHER_WRAPPING_KEY, |w, _| vec![w.data]),
];

/// No secret key is among them: they come from the nodes.
pub(super) static WRAPPED_KEYS: &[Value] = &[
    v("private key", &UNEXTRACTABLE, |w, _| vec![w.private]),
    v("key 0", &KEY, |_, _| vec![0]),
    v("key -1", &KEY, |_, _| vec![usize::MAX]),
    v("destroyed key", &KEY, |w, _| vec![w.destroyed]),
    v("public key", &UNEXTRACTABLE, |w, _| vec![w.public]),
    v("data as key", &KEY, |w, _| vec![w.data]),
];

/// No private RSA key is among them: making one takes the cluster seconds.
pub(super) static UNWRAPPING_KEYS: &[Value] = &[
    v("private EC key", &OTHER_UNWRAPPING_KEY, |w, _| vec![w.private]),
    v("key 0", &UNWRAPPING_KEY, |_, _| vec![0]),
    v("key -1", &UNWRAPPING_KEY, |_, _| vec![usize::MAX]),
    v("destroyed key", &UNWRAPPING_KEY, |w, _| vec![w.destroyed]),
    v("public RSA key", &OTHER_UNWRAPPING_KEY, |w, _| vec![w.rsa]),
    v("data as key", &OTHER_UNWRAPPING_KEY, |w, _| vec![w.data]),
];

/// `CKM_RSA_AES_KEY_WRAP` with an inner key of this size, and OAEP's parameters or what stands in their place.
fn envelope(a: &mut Arena, bits: usize, oaep: Option<[usize; 5]>) -> usize {
    let inner = oaep.map_or(0, |fields| a.put(&fields.map(usize::to_ne_bytes).concat(), 0));
    let parameter = a.put(&[bits, inner].map(usize::to_ne_bytes).concat(), 0);
    a.mechanism(CKM_RSA_AES_KEY_WRAP, parameter, 16)
}

const USUAL: [usize; 5] = [CKM_SHA_1 as usize, CKG_MGF1_SHA1 as usize, CKZ_DATA_SPECIFIED as usize, 0, 0];

/// Right and wrong, for both directions.
pub(super) static MECHANISMS: &[Value] = &[
    v("OAEP", &GOOD, |_, a| vec![oaep(a, CKM_SHA_1, CKG_MGF1_SHA1, [0, 0])]),
    v("envelope", &GOOD, |_, a| vec![envelope(a, 256, Some(USUAL))]),
    v("null mechanism", &NULL, |_, _| vec![0]),
    v("mechanism -1", &MECHANISM, |_, a| vec![a.mechanism(CK_ULONG::MAX, 0, 0)]),
    v("mechanism that signs", &MECHANISM, |_, a| vec![a.mechanism(CKM_ECDSA, 0, 0)]),
    v("mechanism that encrypts", &MECHANISM, |_, a| vec![a.mechanism(CKM_RSA_PKCS, 0, 0)]),
    v("no parameter", &MECHANISM_PARAMETER, |_, a| vec![a.mechanism(CKM_RSA_AES_KEY_WRAP, 0, 0)]),
    v("short parameter", &MECHANISM_PARAMETER, |_, a| {
        let parameter = a.room(16, 0);
        vec![a.mechanism(CKM_RSA_AES_KEY_WRAP, parameter, 15)]
    }),
    v("null inner parameter", &MECHANISM_PARAMETER, |_, a| vec![envelope(a, 256, None)]),
    v("size that AES does not have", &MECHANISM_PARAMETER, |_, a| vec![envelope(a, 64, Some(USUAL))]),
    v("absurd size", &MECHANISM_PARAMETER, |_, a| vec![envelope(a, LENGTHS[0], Some(USUAL))]),
    v("unknown hash inside", &MECHANISM_PARAMETER, |_, a| {
        vec![envelope(a, 256, Some([usize::MAX, CKG_MGF1_SHA1 as usize, 1, 0, 0]))]
    }),
    v("null label with length inside", &MECHANISM_PARAMETER, |_, a| {
        vec![envelope(a, 256, Some([CKM_SHA_1 as usize, CKG_MGF1_SHA1 as usize, 1, 0, 5]))]
    }),
];

pub(super) static WRAPPED: &[Value] = &[
    v("wrapped key", &GOOD, |_, a| vec![a.put(&[7; 256], 0), 256]),
    v("misaligned wrapped key", &ODD, |_, a| vec![a.put(&[7; 256], 1), 256]),
    v("null wrapped key", &NULL, |_, _| vec![0, 256]),
    v("no wrapped key", &ABSURD_WRAPPED, |_, _| vec![0, 0]),
    v("short wrapped key", &ABSURD_WRAPPED, |_, a| vec![a.put(&[7; 255], 0), 255]),
    v("wrapped key of length -1", &ABSURD_WRAPPED, |_, a| vec![a.put(&[7; 256], 0), LENGTHS[0]]),
    v("wrapped key of 2^40 bytes", &ABSURD_WRAPPED, |_, a| vec![a.put(&[7; 256], 0), LENGTHS[2]]),
];
