//! Right and wrong templates.

use cryptoki_sys::*;

use super::rules::*;
use super::values::{CURVES, LENGTHS, Value};
use crate::rsa::MODULUS;

type Entry<'a> = (CK_ATTRIBUTE_TYPE, Option<&'a [u8]>, usize);

const fn bytes<'a>(kind: CK_ATTRIBUTE_TYPE, value: &'a [u8]) -> Entry<'a> {
    (kind, Some(value), value.len())
}

const DATA_CLASS: [u8; 8] = CKO_DATA.to_ne_bytes();
const SECRET_CLASS: [u8; 8] = CKO_SECRET_KEY.to_ne_bytes();
const GENERIC: [u8; 8] = CKK_GENERIC_SECRET.to_ne_bytes();
/// The default differs from token to token.
const PUBLIC_OBJECT: Entry<'_> = bytes(CKA_PRIVATE, &[0]);
const PUBLIC_CLASS: [u8; 8] = CKO_PUBLIC_KEY.to_ne_bytes();
const CERTIFICATE_CLASS: [u8; 8] = CKO_CERTIFICATE.to_ne_bytes();
const RSA: [u8; 8] = CKK_RSA.to_ne_bytes();
const EC: [u8; 8] = CKK_EC.to_ne_bytes();
const X509: [u8; 8] = CKC_X_509.to_ne_bytes();
/// An attribute that says nothing wrong, in the place of one that is left out.
const NAMED: Entry<'_> = bytes(CKA_LABEL, b"grid");
/// The generator of P-256 as CKA_EC_POINT has it, and a point that is not on the curve.
const POINTS: [[u8; 67]; 2] = {
    let mut point = [0; 67];
    (point[0], point[1]) = (4, 65);
    let mut at = 0;
    while at < 65 {
        point[2 + at] = super::values::POINT[at];
        at += 1;
    }
    let mut off = point;
    off[66] ^= 1;
    [point, off]
};
const UNKNOWN: CK_ATTRIBUTE_TYPE = 0x7fff_1234;

/// One value that is a template at an address that may be odd.
macro_rules! t {
    ($name:literal, $rule:ident, $entries:expr) => {
        t!($name, $rule, $entries, 0)
    };
    ($name:literal, $rule:ident, $entries:expr, $odd:literal) => {
        Value {
            name: $name,
            rule: &$rule,
            words: |_, a| {
                let entries: &[Entry<'_>] = $entries;
                vec![a.template(entries, $odd), entries.len()]
            },
        }
    };
}

/// Pointers and counts that are wrong whatever the template is for.
macro_rules! with_bad_pointers {
    ($($values:expr,)*) => {
        &[
            $($values,)*
            Value { name: "null template", rule: &TEMPLATE, words: |_, _| vec![0, 2] },
            Value { name: "template of -1 entries", rule: &TEMPLATE, words: |_, a| vec![a.room(64, 0), LENGTHS[0]] },
            Value { name: "template of 2^40 entries", rule: &TEMPLATE, words: |_, a| vec![a.room(64, 0), LENGTHS[2]] },
        ]
    };
}

const RSA_KEY: &[Entry<'_>] = &[
    bytes(CKA_CLASS, &PUBLIC_CLASS),
    bytes(CKA_KEY_TYPE, &RSA),
    PUBLIC_OBJECT,
    bytes(CKA_MODULUS, &MODULUS),
    bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 1]),
];

const EC_KEY: &[Entry<'_>] = &[
    bytes(CKA_CLASS, &PUBLIC_CLASS),
    bytes(CKA_KEY_TYPE, &EC),
    PUBLIC_OBJECT,
    bytes(CKA_EC_PARAMS, CURVES[0]),
    bytes(CKA_EC_POINT, &POINTS[0]),
];

/// No library has to look into it.
const CERTIFICATE: &[Entry<'_>] = &[
    bytes(CKA_CLASS, &CERTIFICATE_CLASS),
    bytes(CKA_CERTIFICATE_TYPE, &X509),
    PUBLIC_OBJECT,
    bytes(CKA_SUBJECT, &[0x30, 0]),
    bytes(CKA_VALUE, &[0x30, 0]),
];

pub static NEW_OBJECTS: &[Value] = with_bad_pointers![
    t!("data object", GOOD, &[bytes(CKA_CLASS, &DATA_CLASS), PUBLIC_OBJECT, bytes(CKA_LABEL, b"grid")]),
    t!(
        "misaligned template",
        ODD,
        &[bytes(CKA_CLASS, &DATA_CLASS), PUBLIC_OBJECT, bytes(CKA_LABEL, b"grid")],
        1
    ),
    t!("empty template", INCOMPLETE, &[]),
    t!("template without class", INCOMPLETE, &[bytes(CKA_LABEL, b"grid")]),
    t!("class of 4 bytes", ATTRIBUTE_VALUE, &[bytes(CKA_CLASS, &[0; 4])]),
    t!("class of length -1", ATTRIBUTE_VALUE, &[(CKA_CLASS, Some(&DATA_CLASS), usize::MAX)]),
    t!("null class", ATTRIBUTE_VALUE, &[(CKA_CLASS, None, 8)]),
    t!("flag of 2 bytes", ATTRIBUTE_VALUE, &[bytes(CKA_CLASS, &DATA_CLASS), bytes(CKA_PRIVATE, &[0, 0])]),
    t!(
        "unknown attribute",
        UNKNOWN_ATTRIBUTE,
        &[bytes(CKA_CLASS, &DATA_CLASS), PUBLIC_OBJECT, bytes(UNKNOWN, &[1])]
    ),
    t!(
        "class twice",
        TWICE,
        &[bytes(CKA_CLASS, &DATA_CLASS), PUBLIC_OBJECT, bytes(CKA_CLASS, &[3, 0, 0, 0, 0, 0, 0, 0])]
    ),
    t!(
        "attribute of a key",
        FOREIGN_ATTRIBUTE,
        &[bytes(CKA_CLASS, &DATA_CLASS), PUBLIC_OBJECT, bytes(CKA_SIGN, &[1])]
    ),
    t!("RSA key", GOOD, RSA_KEY),
    t!("RSA key without type", INCOMPLETE, &[RSA_KEY[0], NAMED, RSA_KEY[2], RSA_KEY[3], RSA_KEY[4]]),
    t!("RSA key without modulus", INCOMPLETE, &[RSA_KEY[0], RSA_KEY[1], RSA_KEY[2], NAMED, RSA_KEY[4]]),
    t!("RSA key without exponent", INCOMPLETE, &[RSA_KEY[0], RSA_KEY[1], RSA_KEY[2], RSA_KEY[3], NAMED]),
    t!(
        "RSA key with its size",
        FIXED,
        &[
            RSA_KEY[0],
            RSA_KEY[1],
            RSA_KEY[2],
            RSA_KEY[3],
            RSA_KEY[4],
            bytes(CKA_MODULUS_BITS, &[0, 8, 0, 0, 0, 0, 0, 0])
        ]
    ),
    t!(
        "local RSA key",
        FIXED,
        &[RSA_KEY[0], RSA_KEY[1], RSA_KEY[2], RSA_KEY[3], RSA_KEY[4], bytes(CKA_LOCAL, &[1])]
    ),
    t!(
        "RSA key with null modulus",
        ATTRIBUTE_VALUE,
        &[RSA_KEY[0], RSA_KEY[1], RSA_KEY[2], (CKA_MODULUS, None, 256), RSA_KEY[4]]
    ),
    t!("EC key", GOOD, EC_KEY),
    t!("EC key without curve", INCOMPLETE, &[EC_KEY[0], EC_KEY[1], EC_KEY[2], NAMED, EC_KEY[4]]),
    t!("EC key without point", INCOMPLETE, &[EC_KEY[0], EC_KEY[1], EC_KEY[2], EC_KEY[3], NAMED]),
    t!(
        "EC key on unknown curve",
        CURVE,
        &[EC_KEY[0], EC_KEY[1], EC_KEY[2], bytes(CKA_EC_PARAMS, CURVES[1]), EC_KEY[4]]
    ),
    t!(
        "EC key off its curve",
        PUBLIC_KEY,
        &[EC_KEY[0], EC_KEY[1], EC_KEY[2], EC_KEY[3], bytes(CKA_EC_POINT, &POINTS[1])]
    ),
    t!(
        "EC key with empty point",
        PUBLIC_KEY,
        &[EC_KEY[0], EC_KEY[1], EC_KEY[2], EC_KEY[3], bytes(CKA_EC_POINT, &[])]
    ),
    t!("certificate", GOOD, CERTIFICATE),
    t!(
        "certificate without type",
        INCOMPLETE,
        &[CERTIFICATE[0], NAMED, CERTIFICATE[2], CERTIFICATE[3], CERTIFICATE[4]]
    ),
    t!(
        "certificate without value",
        INCOMPLETE,
        &[CERTIFICATE[0], CERTIFICATE[1], CERTIFICATE[2], CERTIFICATE[3], NAMED]
    ),
    t!(
        "certificate of unknown type",
        ATTRIBUTE_VALUE,
        &[
            CERTIFICATE[0],
            bytes(CKA_CERTIFICATE_TYPE, &[0x7f; 8]),
            CERTIFICATE[2],
            CERTIFICATE[3],
            CERTIFICATE[4]
        ]
    ),
];

pub static CHANGES: &[Value] = with_bad_pointers![
    t!("label", GOOD, &[bytes(CKA_LABEL, b"grid two")]),
    t!("misaligned template", ODD, &[bytes(CKA_LABEL, b"grid two")], 1),
    t!("empty template", NOTHING_TO_DO, &[]),
    t!("class", FIXED, &[bytes(CKA_CLASS, &DATA_CLASS)]),
    t!("unknown attribute", UNKNOWN_ATTRIBUTE, &[bytes(UNKNOWN, &[1])]),
    t!("null label", ATTRIBUTE_VALUE, &[(CKA_LABEL, None, 8)]),
    t!("label of length -1", ATTRIBUTE_VALUE, &[(CKA_LABEL, Some(b"grid"), usize::MAX)]),
    t!("attribute of a key", FOREIGN_ATTRIBUTE, &[bytes(CKA_SIGN, &[1])]),
];

pub static WANTED: &[Value] = with_bad_pointers![
    t!("room for a label", GOOD, &[bytes(CKA_LABEL, &[0; 64])]),
    t!("misaligned template", ODD, &[bytes(CKA_LABEL, &[0; 64])], 1),
    t!("length of a label", LENGTH_QUERY, &[(CKA_LABEL, None, 0)]),
    t!("length of a label, 64", LENGTH_QUERY, &[(CKA_LABEL, None, 64)]),
    t!("empty template", NOTHING_TO_DO, &[]),
    t!("unknown attribute", NO_SUCH_ATTRIBUTE, &[bytes(UNKNOWN, &[0; 64])]),
    t!("attribute of a key", NO_SUCH_ATTRIBUTE, &[bytes(CKA_EC_POINT, &[0; 64])]),
    t!("room of 1 byte", SMALL_ATTRIBUTE, &[bytes(CKA_CLASS, &[0])]),
];

pub static SEARCHES: &[Value] = with_bad_pointers![
    t!("search for a label", GOOD, &[bytes(CKA_LABEL, b"no such label")]),
    t!("misaligned template", ODD, &[bytes(CKA_LABEL, b"no such label")], 1),
    t!("empty template", LENGTH_QUERY, &[]),
    t!("unknown attribute", FINDS_NOTHING, &[bytes(UNKNOWN, &[1])]),
    t!("class of 4 bytes", FINDS_NOTHING, &[bytes(CKA_CLASS, &[0; 4])]),
    t!("null label", ATTRIBUTE_VALUE, &[(CKA_LABEL, None, 8)]),
    t!("label of length -1", ATTRIBUTE_VALUE, &[(CKA_LABEL, Some(b"grid"), usize::MAX)]),
];

const BITS: Entry<'_> = bytes(CKA_MODULUS_BITS, &[0, 8, 0, 0, 0, 0, 0, 0]);

pub static PUBLIC: &[Value] = with_bad_pointers![
    t!("curve", GOOD, &[bytes(CKA_EC_PARAMS, CURVES[0])]),
    t!("empty template", INCOMPLETE, &[]),
    t!("unknown curve", CURVE, &[bytes(CKA_EC_PARAMS, CURVES[1])]),
    t!("no OID", CURVE, &[bytes(CKA_EC_PARAMS, &[1, 2, 3])]),
    t!("other class", TWICE, &[bytes(CKA_EC_PARAMS, CURVES[0]), bytes(CKA_CLASS, &DATA_CLASS)]),
    t!("local", FIXED, &[bytes(CKA_EC_PARAMS, CURVES[0]), bytes(CKA_LOCAL, &[1])]),
    t!("RSA of 0 bits", RSA_SIZE, &[bytes(CKA_MODULUS_BITS, &[0; 8])]),
    t!("RSA of 2^63 bits", RSA_SIZE, &[bytes(CKA_MODULUS_BITS, &[0, 0, 0, 0, 0, 0, 0, 0x80])]),
    t!("RSA of a size of 4 bytes", RSA_SIZE, &[bytes(CKA_MODULUS_BITS, &[0, 8, 0, 0])]),
    t!("RSA with empty exponent", RSA_SIZE, &[BITS, bytes(CKA_PUBLIC_EXPONENT, &[])]),
    t!("RSA with exponent 1", RSA_SIZE, &[BITS, bytes(CKA_PUBLIC_EXPONENT, &[1])]),
    t!("RSA with even exponent", RSA_SIZE, &[BITS, bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 0])]),
    t!("RSA with its modulus", RSA_SIZE, &[BITS, bytes(CKA_MODULUS, &MODULUS)]),
    t!("unknown attribute", UNKNOWN_ATTRIBUTE, &[bytes(CKA_EC_PARAMS, CURVES[0]), bytes(UNKNOWN, &[1])]),
];

pub static PRIVATE: &[Value] = with_bad_pointers![
    t!("on the token", GOOD, &[bytes(CKA_TOKEN, &[1])]),
    t!("other class", TWICE, &[bytes(CKA_TOKEN, &[1]), bytes(CKA_CLASS, &DATA_CLASS)]),
    t!("flag of 2 bytes", ATTRIBUTE_VALUE, &[bytes(CKA_TOKEN, &[1, 0])]),
    t!("always sensitive", FIXED, &[bytes(CKA_TOKEN, &[1]), bytes(CKA_ALWAYS_SENSITIVE, &[1])]),
    t!("unknown attribute", UNKNOWN_ATTRIBUTE, &[bytes(CKA_TOKEN, &[1]), bytes(UNKNOWN, &[1])]),
];

pub static SECRET: &[Value] = with_bad_pointers![
    t!(
        "generic secret",
        GOOD,
        &[
            bytes(CKA_CLASS, &SECRET_CLASS),
            bytes(CKA_KEY_TYPE, &GENERIC),
            bytes(CKA_VALUE_LEN, &[32, 0, 0, 0, 0, 0, 0, 0])
        ]
    ),
    t!("empty template", INCOMPLETE, &[]),
    t!("no key type", INCOMPLETE, &[bytes(CKA_CLASS, &SECRET_CLASS)]),
    t!("other class", OTHER_CLASS, &[bytes(CKA_CLASS, &DATA_CLASS), bytes(CKA_KEY_TYPE, &GENERIC)]),
    t!(
        "length of 4 bytes",
        ATTRIBUTE_VALUE,
        &[
            bytes(CKA_CLASS, &SECRET_CLASS),
            bytes(CKA_KEY_TYPE, &GENERIC),
            bytes(CKA_VALUE_LEN, &[8, 0, 0, 0])
        ]
    ),
    t!(
        "longer than the secret",
        ATTRIBUTE_VALUE,
        &[
            bytes(CKA_CLASS, &SECRET_CLASS),
            bytes(CKA_KEY_TYPE, &GENERIC),
            bytes(CKA_VALUE_LEN, &[33, 0, 0, 0, 0, 0, 0, 0])
        ]
    ),
    t!(
        "always sensitive",
        FIXED,
        &[bytes(CKA_CLASS, &SECRET_CLASS), bytes(CKA_KEY_TYPE, &GENERIC), bytes(CKA_ALWAYS_SENSITIVE, &[1])]
    ),
    t!(
        "unknown attribute",
        UNKNOWN_ATTRIBUTE,
        &[bytes(CKA_CLASS, &SECRET_CLASS), bytes(CKA_KEY_TYPE, &GENERIC), bytes(UNKNOWN, &[1])]
    ),
];

pub static ANY: &[Value] = with_bad_pointers![t!("empty template", GOOD, &[]),];
