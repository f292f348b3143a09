//! For each kind of parameter the right value, and every class of wrong one, with the rule that says what it gets.

mod encryption;
mod life;
mod signing;
mod wrapping;

use cryptoki_sys::*;

pub(crate) use encryption::oaep;

use super::arena::Arena;
use super::rules::*;
use super::world::World;
use crate::functions::Parameter;
use crate::session::P256;

/// A value of a parameter, which is one to three arguments.
#[derive(Clone, Copy)]
pub struct Value {
    /// In a few words; the right one is the first of its parameter.
    pub name: &'static str,
    /// What it gets.
    pub rule: &'static Rule,
    /// Puts it into memory.
    pub words: fn(&World, &mut Arena) -> Vec<usize>,
}

type Words = fn(&World, &mut Arena) -> Vec<usize>;

pub(super) const fn v(name: &'static str, rule: &'static Rule, words: Words) -> Value {
    Value { name, rule, words }
}

/// The values of a parameter, the right one first.
pub fn values(parameter: Parameter) -> &'static [Value] {
    match parameter {
        Parameter::Session => SESSIONS,
        Parameter::Slot => SLOTS,
        Parameter::Object => OBJECTS,
        Parameter::SignKey => SIGN_KEYS,
        Parameter::VerifyKey => VERIFY_KEYS,
        Parameter::DigestedKey => DIGESTED_KEYS,
        Parameter::EncryptKey => encryption::ENCRYPT_KEYS,
        Parameter::DecryptKey => encryption::DECRYPT_KEYS,
        Parameter::BaseKey => BASE_KEYS,
        Parameter::WrappingKey => wrapping::WRAPPING_KEYS,
        Parameter::WrappedKey => wrapping::WRAPPED_KEYS,
        Parameter::UnwrappingKey => wrapping::UNWRAPPING_KEYS,
        Parameter::OtherKey | Parameter::Number => NUMBERS,
        Parameter::Bool => BOOLS,
        Parameter::OpenFlags => OPEN_FLAGS,
        Parameter::EventFlags => EVENT_FLAGS,
        Parameter::CancelFlags => CANCEL_FLAGS,
        Parameter::InterfaceFlags => INTERFACE_FLAGS,
        Parameter::UserType => USER_TYPES,
        Parameter::MechanismType => MECHANISM_TYPES,
        Parameter::Out => OUTS,
        Parameter::Reserved => RESERVED_POINTERS,
        Parameter::Ignored => IGNORED,
        Parameter::InitArgs => life::INIT_ARGS,
        Parameter::Label => LABELS,
        Parameter::InterfaceName => INTERFACE_NAMES,
        Parameter::InterfaceVersion => INTERFACE_VERSIONS,
        Parameter::DigestMechanism => DIGEST_MECHANISMS,
        Parameter::SignMechanism => signing::MECHANISMS,
        Parameter::EncryptMechanism => encryption::ENCRYPT_MECHANISMS,
        Parameter::DecryptMechanism => encryption::DECRYPT_MECHANISMS,
        Parameter::PairMechanism => PAIR_MECHANISMS,
        Parameter::DeriveMechanism => DERIVE_MECHANISMS,
        Parameter::WrapMechanism | Parameter::UnwrapMechanism => wrapping::MECHANISMS,
        Parameter::OtherMechanism => OTHER_MECHANISMS,
        Parameter::Data => DATA,
        Parameter::Ciphertext => encryption::CIPHERTEXTS,
        Parameter::Wrapped => wrapping::WRAPPED,
        Parameter::Signature => SIGNATURES,
        Parameter::Pin => PINS,
        Parameter::UserName => USER_NAMES,
        Parameter::OldPin => OLD_PINS,
        Parameter::SoPin => SO_PINS,
        Parameter::NewPin => NEW_PINS,
        Parameter::FirstPin => FIRST_PINS,
        Parameter::Random => RANDOMS,
        Parameter::NewObject => super::templates::NEW_OBJECTS,
        Parameter::Changes => super::templates::CHANGES,
        Parameter::Wanted => super::templates::WANTED,
        Parameter::Search => super::templates::SEARCHES,
        Parameter::PublicTemplate => super::templates::PUBLIC,
        Parameter::PrivateTemplate => super::templates::PRIVATE,
        Parameter::SecretTemplate => super::templates::SECRET,
        Parameter::Template => super::templates::ANY,
        Parameter::Buffer => BUFFERS,
        Parameter::List => LISTS,
        Parameter::Found => FOUND,
    }
}

/// No memory is so long.
pub const LENGTHS: [usize; 3] = [usize::MAX, 1 << 63, 1 << 40];

static SESSIONS: &[Value] = &[
    v("session", &GOOD, |w, _| vec![w.session]),
    v("session 0", &SESSION, |_, _| vec![0]),
    v("session -1", &SESSION, |_, _| vec![usize::MAX]),
    v("closed session", &SESSION, |w, _| vec![w.closed]),
    v("session never given", &SESSION, |w, _| vec![w.session.wrapping_add(1 << 40)]),
];

static SLOTS: &[Value] = &[
    v("slot", &GOOD, |w, _| vec![w.slot]),
    v("slot -1", &SLOT, |_, _| vec![usize::MAX]),
    v("slot unknown", &SLOT, |w, _| vec![w.slot ^ 0x5555_5555_0000]),
];

static OBJECTS: &[Value] = &[
    v("object", &GOOD, |w, _| vec![w.data]),
    v("object 0", &OBJECT, |_, _| vec![0]),
    v("object -1", &OBJECT, |_, _| vec![usize::MAX]),
    v("destroyed object", &OBJECT, |w, _| vec![w.destroyed]),
];

static SIGN_KEYS: &[Value] = &[
    v("private key", &GOOD, |w, _| vec![w.private]),
    v("key 0", &KEY, |_, _| vec![0]),
    v("key -1", &KEY, |_, _| vec![usize::MAX]),
    v("destroyed key", &KEY, |w, _| vec![w.destroyed]),
    v("public key", &WRONG_KEY, |w, _| vec![w.public]),
    v("data as key", &WRONG_KEY, |w, _| vec![w.data]),
];

static VERIFY_KEYS: &[Value] = &[
    v("public key", &GOOD, |w, _| vec![w.public]),
    v("key 0", &KEY, |_, _| vec![0]),
    v("key -1", &KEY, |_, _| vec![usize::MAX]),
    v("destroyed key", &KEY, |w, _| vec![w.destroyed]),
    v("data as key", &WRONG_KEY, |w, _| vec![w.data]),
];

static DIGESTED_KEYS: &[Value] = &[
    v("public key", &INDIGESTIBLE, |w, _| vec![w.public]),
    v("key 0", &KEY, |_, _| vec![0]),
    v("key -1", &KEY, |_, _| vec![usize::MAX]),
    v("destroyed key", &KEY, |w, _| vec![w.destroyed]),
];

static BASE_KEYS: &[Value] = &[
    v("private key", &GOOD, |w, _| vec![w.private]),
    v("key 0", &KEY, |_, _| vec![0]),
    v("destroyed key", &KEY, |w, _| vec![w.destroyed]),
    v("public key", &WRONG_KEY, |w, _| vec![w.public]),
];

static NUMBERS: &[Value] = &[
    v("number 0", &GOOD, |_, _| vec![0]),
    v("number 1", &GOOD, |_, _| vec![1]),
    v("number -1", &GOOD, |_, _| vec![usize::MAX]),
];

static BOOLS: &[Value] =
    &[v("true", &GOOD, |_, _| vec![1]), v("false", &GOOD, |_, _| vec![0]), v("255", &GOOD, |_, _| vec![255])];

static OPEN_FLAGS: &[Value] = &[
    v("read/write", &GOOD, |_, _| vec![(CKF_SERIAL_SESSION | CKF_RW_SESSION) as usize]),
    v("no flags", &PARALLEL, |_, _| vec![0]),
    v("not serial", &PARALLEL, |_, _| vec![CKF_RW_SESSION as usize]),
    v("all flags", &UNKNOWN_FLAGS, |_, _| vec![usize::MAX]),
];

static EVENT_FLAGS: &[Value] = &[
    v("do not block", &GOOD, |_, _| vec![CKF_DONT_BLOCK as usize]),
    v("all flags", &GOOD, |_, _| vec![usize::MAX]),
    v("block", &BLOCKING, |_, _| vec![0]),
];

static CANCEL_FLAGS: &[Value] = &[
    v("nothing", &GOOD, |_, _| vec![0]),
    v("signing", &GOOD, |_, _| vec![CKF_SIGN as usize]),
    v("everything", &GOOD, |_, _| vec![usize::MAX]),
];

static INTERFACE_FLAGS: &[Value] =
    &[v("no flags", &GOOD, |_, _| vec![0]), v("all flags", &INTERFACE, |_, _| vec![usize::MAX])];

static USER_TYPES: &[Value] = &[
    v("user", &GOOD, |_, _| vec![CKU_USER as usize]),
    v("context specific", &CONTEXT, |_, _| vec![CKU_CONTEXT_SPECIFIC as usize]),
    v("user type 3", &USER_TYPE, |_, _| vec![3]),
    v("user type -1", &USER_TYPE, |_, _| vec![usize::MAX]),
];

static MECHANISM_TYPES: &[Value] = &[
    v("mechanism", &GOOD, |_, _| vec![CKM_ECDSA as usize]),
    v("mechanism -1", &MECHANISM, |_, _| vec![usize::MAX]),
    v("mechanism unknown", &MECHANISM, |_, _| vec![0x7fff_1234]),
];

static OUTS: &[Value] = &[
    v("result", &GOOD, |_, a| vec![a.room(512, 0)]),
    v("null result", &NULL, |_, _| vec![0]),
    v("misaligned result", &ODD, |_, a| vec![a.room(512, 3)]),
];

static RESERVED_POINTERS: &[Value] =
    &[v("null", &GOOD, |_, _| vec![0]), v("reserved not null", &RESERVED, |_, a| vec![a.room(64, 0)])];

static IGNORED: &[Value] = &[v("null", &GOOD, |_, _| vec![0])];

static LABELS: &[Value] =
    &[v("label", &GOOD, |_, a| vec![a.put(&[b' '; 32], 0)]), v("null label", &NULL, |_, _| vec![0])];

static INTERFACE_NAMES: &[Value] = &[
    v("any name", &GOOD, |_, _| vec![0]),
    v("the name", &GOOD, |_, a| vec![a.put(b"PKCS 11\0", 1)]),
    v("another name", &INTERFACE, |_, a| vec![a.put(b"PKCS 12\0", 0)]),
    v("empty name", &INTERFACE, |_, a| vec![a.put(b"\0", 0)]),
];

static INTERFACE_VERSIONS: &[Value] = &[
    v("any version", &GOOD, |_, _| vec![0]),
    v("2.40", &GOOD, |_, a| vec![a.put(&[2, 40], 1)]),
    v("9.9", &INTERFACE, |_, a| vec![a.put(&[9, 9], 0)]),
];

static DIGEST_MECHANISMS: &[Value] = &[
    v("digest", &GOOD, |_, a| vec![a.mechanism(CKM_SHA256, 0, 0)]),
    v("misaligned mechanism", &ODD, |_, a| vec![a.words(&[CKM_SHA256 as usize, 0, 0], 1)]),
    v("null mechanism", &CANCEL, |_, _| vec![0]),
    v("mechanism -1", &MECHANISM, |_, a| vec![a.mechanism(CK_ULONG::MAX, 0, 0)]),
    v("mechanism that signs", &MECHANISM, |_, a| vec![a.mechanism(CKM_ECDSA, 0, 0)]),
    v("parameter", &MECHANISM_PARAMETER, |_, a| {
        let parameter = a.room(16, 0);
        vec![a.mechanism(CKM_SHA256, parameter, 16)]
    }),
    v("null parameter with length", &MECHANISM_PARAMETER, |_, a| vec![a.mechanism(CKM_SHA256, 0, 16)]),
    v("absurd parameter", &MECHANISM_PARAMETER, |_, a| {
        let parameter = a.room(16, 0);
        vec![a.mechanism(CKM_SHA256, parameter, usize::MAX)]
    }),
];

static PAIR_MECHANISMS: &[Value] = &[
    v("generation", &GOOD, |_, a| vec![a.mechanism(CKM_EC_KEY_PAIR_GEN, 0, 0)]),
    v("misaligned mechanism", &ODD, |_, a| vec![a.words(&[CKM_EC_KEY_PAIR_GEN as usize, 0, 0], 3)]),
    v("generation of RSA with a curve", &RSA_WITH_A_CURVE, |_, a| {
        vec![a.mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN, 0, 0)]
    }),
    v("null mechanism", &NULL, |_, _| vec![0]),
    v("mechanism -1", &MECHANISM, |_, a| vec![a.mechanism(CK_ULONG::MAX, 0, 0)]),
    v("mechanism that signs", &MECHANISM, |_, a| vec![a.mechanism(CKM_ECDSA, 0, 0)]),
    v("null parameter with length", &MECHANISM_PARAMETER, |_, a| {
        vec![a.mechanism(CKM_EC_KEY_PAIR_GEN, 0, 16)]
    }),
];

/// `CKM_ECDH1_DERIVE` with these fields of its parameter: kdf, shared data and its length, public data and its length.
fn ecdh(a: &mut Arena, kdf: CK_EC_KDF_TYPE, shared: [usize; 2], public: [usize; 2]) -> Vec<usize> {
    let fields = [kdf as usize, shared[1], shared[0], public[1], public[0]];
    let parameter = a.put(&fields.map(usize::to_ne_bytes).concat(), 0);
    vec![a.mechanism(CKM_ECDH1_DERIVE, parameter, 40)]
}

/// The generator of P-256, uncompressed.
pub(super) const POINT: [u8; 65] = *b"\x04\
    \x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96\
    \x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5";

static DERIVE_MECHANISMS: &[Value] = &[
    v("agreement", &GOOD, |_, a| {
        let point = a.put(&POINT, 0);
        ecdh(a, CKD_NULL, [0, 0], [point, 65])
    }),
    v("misaligned point", &ODD, |_, a| {
        let point = a.put(&POINT, 1);
        ecdh(a, CKD_NULL, [0, 0], [point, 65])
    }),
    v("null mechanism", &NULL, |_, _| vec![0]),
    v("mechanism -1", &MECHANISM, |_, a| vec![a.mechanism(CK_ULONG::MAX, 0, 0)]),
    v("mechanism that signs", &MECHANISM, |_, a| vec![a.mechanism(CKM_ECDSA, 0, 0)]),
    v("no parameter", &MECHANISM_PARAMETER, |_, a| vec![a.mechanism(CKM_ECDH1_DERIVE, 0, 0)]),
    v("null parameter with length", &MECHANISM_PARAMETER, |_, a| vec![a.mechanism(CKM_ECDH1_DERIVE, 0, 40)]),
    v("short parameter", &MECHANISM_PARAMETER, |_, a| {
        let parameter = a.room(40, 0);
        vec![a.mechanism(CKM_ECDH1_DERIVE, parameter, 39)]
    }),
    v("absurd parameter", &MECHANISM_PARAMETER, |_, a| {
        let parameter = a.room(40, 0);
        vec![a.mechanism(CKM_ECDH1_DERIVE, parameter, 1 << 63)]
    }),
    v("unknown function", &MECHANISM_PARAMETER, |_, a| {
        let point = a.put(&POINT, 0);
        ecdh(a, CK_EC_KDF_TYPE::MAX, [0, 0], [point, 65])
    }),
    v("null shared data with length", &MECHANISM_PARAMETER, |_, a| {
        let point = a.put(&POINT, 0);
        ecdh(a, CKD_SHA256_KDF, [0, 16], [point, 65])
    }),
    v("null point with length", &MECHANISM_PARAMETER, |_, a| ecdh(a, CKD_NULL, [0, 0], [0, 65])),
    v("no point", &MECHANISM_PARAMETER, |_, a| ecdh(a, CKD_NULL, [0, 0], [0, 0])),
    v("point of length -1", &MECHANISM_PARAMETER, |_, a| {
        let point = a.put(&POINT, 0);
        ecdh(a, CKD_NULL, [0, 0], [point, LENGTHS[0]])
    }),
    v("point at infinity", &MECHANISM_PARAMETER, |_, a| {
        let point = a.put(&[0], 0);
        ecdh(a, CKD_NULL, [0, 0], [point, 1])
    }),
    v("point off the curve", &MECHANISM_PARAMETER, |_, a| {
        let point = a.put(&[4; 65], 0);
        ecdh(a, CKD_NULL, [0, 0], [point, 65])
    }),
];

static OTHER_MECHANISMS: &[Value] = &[
    v("mechanism", &GOOD, |_, a| vec![a.mechanism(CKM_AES_GCM, 0, 0)]),
    v("null mechanism", &GOOD, |_, _| vec![0]),
    v("mechanism -1", &GOOD, |_, a| vec![a.mechanism(CK_ULONG::MAX, 0, 0)]),
    v("absurd parameter", &GOOD, |_, a| vec![a.mechanism(CKM_AES_GCM, 0, usize::MAX)]),
];

static DATA: &[Value] = &[
    v("data", &GOOD, |_, a| vec![a.put(&[7; 32], 0), 32]),
    v("misaligned data", &ODD, |_, a| vec![a.put(&[7; 32], 1), 32]),
    v("null data", &NULL, |_, _| vec![0, 32]),
    v("no data", &NO_DATA, |_, _| vec![0, 0]),
    v("data of length -1", &ABSURD, |_, a| vec![a.put(&[7; 32], 0), LENGTHS[0]]),
    v("data of 2^63 bytes", &ABSURD, |_, a| vec![a.put(&[7; 32], 0), LENGTHS[1]]),
    v("data of 2^40 bytes", &ABSURD, |_, a| vec![a.put(&[7; 32], 0), LENGTHS[2]]),
    v("null data of length -1", &ABSURD, |_, _| vec![0, LENGTHS[0]]),
];

static SIGNATURES: &[Value] = &[
    v("signature", &SIGNATURE, |_, a| vec![a.put(&[1; 64], 0), 64]),
    v("misaligned signature", &SIGNATURE, |_, a| vec![a.put(&[1; 64], 1), 64]),
    v("null signature", &NULL, |_, _| vec![0, 64]),
    v("short signature", &SIGNATURE_LENGTH, |_, a| vec![a.put(&[1; 63], 0), 63]),
    v("long signature", &SIGNATURE_LENGTH, |_, a| vec![a.put(&[1; 65], 0), 65]),
    v("signature of length -1", &ABSURD_SIGNATURE, |_, a| vec![a.put(&[1; 64], 0), LENGTHS[0]]),
    v("signature of 2^40 bytes", &ABSURD_SIGNATURE, |_, a| vec![a.put(&[1; 64], 0), LENGTHS[2]]),
];

static PINS: &[Value] = &[
    v("PIN", &GOOD, |w, a| vec![a.put(w.pin.as_bytes(), 0), w.pin.len()]),
    v("null PIN", &NULL_PIN, |_, _| vec![0, 6]),
    v("null PIN of length 0", &NULL_PIN, |_, _| vec![0, 0]),
    v("empty PIN", &LOGIN_PIN, |_, a| vec![a.room(8, 0), 0]),
    v("PIN of 5000 bytes", &LOGIN_PIN, |_, a| vec![a.put(&[b'9'; 5000], 0), 5000]),
    v("PIN of length -1", &LOGIN_PIN, |_, a| vec![a.put(&[b'9'; 8], 0), LENGTHS[0]]),
];

static USER_NAMES: &[Value] = &[
    v("no name", &GOOD, |_, _| vec![0, 0]),
    v("empty name", &GOOD, |_, a| vec![a.room(8, 0), 0]),
    v("name", &USER_NAME, |_, a| vec![a.put(b"user", 0), 4]),
    v("null name", &USER_NAME, |_, _| vec![0, 4]),
    v("name of length -1", &USER_NAME, |_, a| vec![a.room(8, 0), LENGTHS[0]]),
];

static OLD_PINS: &[Value] = &[
    v("PIN", &GOOD, |w, a| vec![a.put(w.pin_of_role().as_bytes(), 0), w.pin_of_role().len()]),
    v("null PIN", &NULL_PIN, |_, _| vec![0, 6]),
    v("empty PIN", &WRONG_PIN, |_, a| vec![a.room(8, 0), 0]),
    v("PIN of 5000 bytes", &WRONG_PIN, |_, a| vec![a.put(&[b'9'; 5000], 0), 5000]),
    v("PIN of length -1", &WRONG_PIN, |_, a| vec![a.put(&[b'9'; 8], 0), LENGTHS[0]]),
];

static SO_PINS: &[Value] = &[
    v("SO PIN", &GOOD, |w, a| vec![a.put(w.so_pin.as_bytes(), 0), w.so_pin.len()]),
    v("null PIN", &NULL_PIN, |_, _| vec![0, 6]),
    v("empty PIN", &WRONG_PIN, |_, a| vec![a.room(8, 0), 0]),
    v("PIN of length -1", &WRONG_PIN, |_, a| vec![a.put(&[b'9'; 8], 0), LENGTHS[0]]),
];

static NEW_PINS: &[Value] = &[
    v("new PIN", &GOOD, |w, a| vec![a.put(w.pin_of_role().as_bytes(), 0), w.pin_of_role().len()]),
    v("null new PIN", &NEW_PIN, |_, _| vec![0, 6]),
    v("empty new PIN", &NEW_PIN, |_, a| vec![a.room(8, 0), 0]),
    v("new PIN of 5000 bytes", &NEW_PIN, |_, a| vec![a.put(&[b'9'; 5000], 0), 5000]),
    v("new PIN of length -1", &NEW_PIN, |_, a| vec![a.put(&[b'9'; 8], 0), LENGTHS[0]]),
];

static FIRST_PINS: &[Value] = &[
    v("new PIN", &GOOD, |w, a| vec![a.put(w.pin.as_bytes(), 0), w.pin.len()]),
    v("null new PIN", &NEW_PIN, |_, _| vec![0, 6]),
    v("empty new PIN", &NEW_PIN, |_, a| vec![a.room(8, 0), 0]),
    v("new PIN of 5000 bytes", &NEW_PIN, |_, a| vec![a.put(&[b'9'; 5000], 0), 5000]),
];

static RANDOMS: &[Value] = &[
    v("buffer", &GOOD, |_, a| vec![a.room(32, 0), 32]),
    v("misaligned buffer", &ODD, |_, a| vec![a.room(32, 5), 32]),
    v("null buffer", &NULL, |_, _| vec![0, 32]),
    v("buffer of length -1", &ABSURD, |_, a| vec![a.room(32, 0), LENGTHS[0]]),
    v("buffer of 2^40 bytes", &ABSURD, |_, a| vec![a.room(32, 0), LENGTHS[2]]),
];

static BUFFERS: &[Value] = &[
    v("buffer", &GOOD, |_, a| vec![a.room(4096, 0), a.number(4096, 0)]),
    v("misaligned buffer", &ODD, |_, a| vec![a.room(4096, 1), a.number(4096, 1)]),
    v("buffer of length -1", &ODD, |_, a| vec![a.room(4096, 0), a.number(LENGTHS[0], 0)]),
    v("null buffer", &LENGTH_QUERY, |_, a| vec![0, a.number(0, 0)]),
    v("null buffer of 4096 bytes", &LENGTH_QUERY, |_, a| vec![0, a.number(4096, 0)]),
    v("buffer of 0 bytes", &TOO_SMALL, |_, a| vec![a.room(16, 0), a.number(0, 0)]),
    v("buffer of 1 byte", &TOO_SMALL, |_, a| vec![a.room(16, 0), a.number(1, 0)]),
    v("null length", &NULL, |_, a| vec![a.room(4096, 0), 0]),
    v("null buffer and length", &NULL, |_, _| vec![0, 0]),
];

static LISTS: &[Value] = &[
    v("list", &GOOD, |_, a| vec![a.room(4096, 0), a.number(512 / 3, 0)]),
    v("misaligned list", &ODD, |_, a| vec![a.room(4096, 1), a.number(512 / 3, 1)]),
    v("null list", &LENGTH_QUERY, |_, a| vec![0, a.number(0, 0)]),
    v("list of 0", &TOO_SMALL, |_, a| vec![a.room(16, 0), a.number(0, 0)]),
    v("null count", &NULL, |_, a| vec![a.room(4096, 0), 0]),
    v("null list and count", &NULL, |_, _| vec![0, 0]),
];

static FOUND: &[Value] = &[
    v("handles", &GOOD, |_, a| vec![a.room(64, 0), 8, a.number(0, 0)]),
    v("misaligned handles", &ODD, |_, a| vec![a.room(64, 1), 8, a.number(0, 1)]),
    v("no handles", &NO_ROOM, |_, a| vec![a.room(64, 0), 0, a.number(0, 0)]),
    v("null handles", &NULL, |_, a| vec![0, 8, a.number(0, 0)]),
    v("null count", &NULL, |_, a| vec![a.room(64, 0), 8, 0]),
];

/// prime256v1 and a curve that nobody has.
pub const CURVES: [&[u8]; 2] = [&P256, &[0x06, 0x03, 0x2a, 0x03, 0x04]];
