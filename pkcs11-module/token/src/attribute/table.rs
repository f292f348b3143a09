//! Every attribute we know, declared once (PKCS#11 3.1 chapter 4 and sections 6.1 and 6.3, tables of attributes with
//! their footnotes).

use cryptoki_sys::*;

use super::Initial::{Absent, Empty, False, Required, True, Zero};
use super::Kind::{Bool, Bytes, Date, Ulong, UlongArray};
use super::{Attribute, Change, Family, Initial, Kind, NAME_BYTES_MAX, Origin, VALUE_BYTES_MAX};

/// `CKA_ID` has no default on keys: the pair gets SHA-1 of its point there. `CKA_ALLOWED_MECHANISMS` absent means
/// all; readers are told the list. Usage flags default to what the key type can do, as Java's keytool expects.
#[rustfmt::skip]
pub(super) static ATTRIBUTES: &[Attribute] = &[
    // Storage objects, section 4.4.
    row(CKA_CLASS, Ulong, ALL).initially(Required),
    row(CKA_TOKEN, Bool, ALL).initially(False).change(Change::OnCopy),
    row(CKA_PRIVATE, Bool, DATA | CERTIFICATE | PUBLIC | PROFILE).initially(False).change(Change::OnCopy),
    row(CKA_PRIVATE, Bool, PRIVATE | SECRET).initially(True).change(Change::OnCopy),
    row(CKA_MODIFIABLE, Bool, ALL).initially(True).change(Change::OnCopy),
    row(CKA_COPYABLE, Bool, ALL).initially(True).change(Change::ToFalse),
    row(CKA_DESTROYABLE, Bool, ALL).initially(True).change(Change::OnCopy),
    row(CKA_LABEL, Bytes, ALL).name(),
    row(CKA_UNIQUE_ID, Bytes, ALL).by_token(),
    // Data, section 4.5.
    row(CKA_APPLICATION, Bytes, DATA).name(),
    row(CKA_OBJECT_ID, Bytes, DATA).name(),
    row(CKA_VALUE, Bytes, DATA).initially(Empty).change(Change::Free),
    // Certificates, section 4.6.
    row(CKA_CERTIFICATE_TYPE, Ulong, CERTIFICATE).initially(Required),
    row(CKA_TRUSTED, Bool, CERTIFICATE | PUBLIC).initially(False).change(Change::Free),
    row(CKA_CERTIFICATE_CATEGORY, Ulong, CERTIFICATE).initially(Zero),
    row(CKA_CHECK_VALUE, Bytes, CERTIFICATE),
    row(CKA_SUBJECT, Bytes, CERTIFICATE).initially(Required),
    row(CKA_ID, Bytes, CERTIFICATE).name(),
    row(CKA_ISSUER, Bytes, CERTIFICATE).initially(Empty).change(Change::Free),
    row(CKA_SERIAL_NUMBER, Bytes, CERTIFICATE).initially(Empty).change(Change::Free),
    row(CKA_VALUE, Bytes, CERTIFICATE).initially(Required),
    row(CKA_URL, Bytes, CERTIFICATE).initially(Empty),
    row(CKA_HASH_OF_SUBJECT_PUBLIC_KEY, Bytes, CERTIFICATE).initially(Empty),
    row(CKA_HASH_OF_ISSUER_PUBLIC_KEY, Bytes, CERTIFICATE).initially(Empty),
    row(CKA_NAME_HASH_ALGORITHM, Ulong, CERTIFICATE),
    row(CKA_JAVA_MIDP_SECURITY_DOMAIN, Ulong, CERTIFICATE).initially(Zero),
    row(CKA_PUBLIC_KEY_INFO, Bytes, CERTIFICATE).initially(Empty),
    // Profiles, section 4.13.
    row(CKA_PROFILE_ID, Ulong, PROFILE).by_token(),
    // Keys, section 4.7.
    row(CKA_KEY_TYPE, Ulong, KEYS).initially(Required),
    row(CKA_ID, Bytes, PAIRS).name().initially(Absent),
    row(CKA_ID, Bytes, SECRET).name(),
    row(CKA_START_DATE, Date, KEYS).initially(Empty).change(Change::Free),
    row(CKA_END_DATE, Date, KEYS).initially(Empty).change(Change::Free),
    row(CKA_START_DATE, Date, CERTIFICATE).initially(Empty),
    row(CKA_END_DATE, Date, CERTIFICATE).initially(Empty),
    row(CKA_DERIVE, Bool, KEYS).initially(False).change(Change::Free),
    row(CKA_LOCAL, Bool, KEYS).initially(False).by_token(),
    row(CKA_KEY_GEN_MECHANISM, Ulong, KEYS).by_token(),
    row(CKA_ALLOWED_MECHANISMS, UlongArray, KEYS),
    row(CKA_SUBJECT, Bytes, PAIRS).initially(Empty).change(Change::Free),
    row(CKA_PUBLIC_KEY_INFO, Bytes, PAIRS).by_token(),
    // Public keys, section 4.8.
    row(CKA_ENCRYPT, Bool, PUBLIC).initially(False).change(Change::Free),
    row(CKA_VERIFY, Bool, PUBLIC).initially(True).change(Change::Free),
    row(CKA_VERIFY_RECOVER, Bool, PUBLIC).initially(False).change(Change::Free),
    row(CKA_WRAP, Bool, PUBLIC).initially(False).change(Change::Free),
    // Private keys, section 4.9.
    row(CKA_SENSITIVE, Bool, PRIVATE).initially(True).change(Change::ToTrue),
    row(CKA_DECRYPT, Bool, PRIVATE).initially(False).change(Change::Free),
    row(CKA_SIGN, Bool, PRIVATE).initially(True).change(Change::Free),
    row(CKA_SIGN_RECOVER, Bool, PRIVATE).initially(False).change(Change::Free),
    row(CKA_UNWRAP, Bool, PRIVATE).initially(False).change(Change::Free),
    row(CKA_EXTRACTABLE, Bool, PRIVATE).initially(False).change(Change::ToFalse),
    row(CKA_ALWAYS_SENSITIVE, Bool, PRIVATE).by_token(),
    row(CKA_NEVER_EXTRACTABLE, Bool, PRIVATE).by_token(),
    row(CKA_WRAP_WITH_TRUSTED, Bool, PRIVATE).initially(False).change(Change::ToTrue),
    row(CKA_ALWAYS_AUTHENTICATE, Bool, PRIVATE).initially(False),
    // Secret keys, section 4.10. Their values are in this process, so that none can be sensitive.
    row(CKA_SENSITIVE, Bool, SECRET).initially(False),
    row(CKA_EXTRACTABLE, Bool, SECRET).initially(True),
    row(CKA_ENCRYPT, Bool, SECRET).initially(False).change(Change::Free),
    row(CKA_DECRYPT, Bool, SECRET).initially(False).change(Change::Free),
    row(CKA_SIGN, Bool, SECRET).initially(False).change(Change::Free),
    row(CKA_VERIFY, Bool, SECRET).initially(False).change(Change::Free),
    row(CKA_WRAP, Bool, SECRET).initially(False).change(Change::Free),
    row(CKA_UNWRAP, Bool, SECRET).initially(False).change(Change::Free),
    row(CKA_ALWAYS_SENSITIVE, Bool, SECRET).initially(False).by_token(),
    row(CKA_NEVER_EXTRACTABLE, Bool, SECRET).initially(False).by_token(),
    row(CKA_WRAP_WITH_TRUSTED, Bool, SECRET).initially(False).change(Change::ToTrue),
    row(CKA_VALUE, Bytes, SECRET).by_token(),
    row(CKA_VALUE_LEN, Ulong, SECRET),
    // Elliptic curve keys, section 6.3.
    row(CKA_EC_PARAMS, Bytes, PAIRS).of(Family::Ec).initially(Required),
    row(CKA_EC_POINT, Bytes, PUBLIC).of(Family::Ec).initially(Required),
    row(CKA_VALUE, Bytes, PRIVATE).of(Family::Ec).sensitive(),
    // RSA keys, section 6.1.
    row(CKA_MODULUS, Bytes, PAIRS).of(Family::Rsa).initially(Required),
    row(CKA_MODULUS_BITS, Ulong, PUBLIC).of(Family::Rsa),
    row(CKA_PUBLIC_EXPONENT, Bytes, PAIRS).of(Family::Rsa).initially(Required),
    row(CKA_PRIVATE_EXPONENT, Bytes, PRIVATE).of(Family::Rsa).sensitive(),
    row(CKA_PRIME_1, Bytes, PRIVATE).of(Family::Rsa).sensitive(),
    row(CKA_PRIME_2, Bytes, PRIVATE).of(Family::Rsa).sensitive(),
    row(CKA_EXPONENT_1, Bytes, PRIVATE).of(Family::Rsa).sensitive(),
    row(CKA_EXPONENT_2, Bytes, PRIVATE).of(Family::Rsa).sensitive(),
    row(CKA_COEFFICIENT, Bytes, PRIVATE).of(Family::Rsa).sensitive(),
];

/// A row of the table: given by the application, never changed, without a default, until said otherwise.
const fn row(id: u64, kind: Kind, classes: u8) -> Attribute {
    Attribute {
        id,
        kind,
        origin: Origin::Application,
        change: Change::Never,
        initial: Initial::Absent,
        sensitive: false,
        bytes_max: VALUE_BYTES_MAX,
        family: None,
        classes,
    }
}

impl Attribute {
    const fn initially(mut self, initial: Initial) -> Self {
        self.initial = initial;
        self
    }

    const fn change(mut self, change: Change) -> Self {
        self.change = change;
        self
    }

    const fn of(mut self, family: Family) -> Self {
        self.family = Some(family);
        self
    }

    const fn by_token(mut self) -> Self {
        self.origin = Origin::Token;
        self
    }

    const fn name(mut self) -> Self {
        self.bytes_max = NAME_BYTES_MAX;
        self.initial = Initial::Empty;
        self.change = Change::Free;
        self
    }

    const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self.origin = Origin::Token;
        self
    }
}

/// The classes, as bits.
pub(super) const DATA: u8 = 1;
pub(super) const CERTIFICATE: u8 = 2;
pub(super) const PUBLIC: u8 = 4;
pub(super) const PRIVATE: u8 = 8;
pub(super) const PROFILE: u8 = 16;
pub(super) const SECRET: u8 = 32;
const PAIRS: u8 = PUBLIC | PRIVATE;
const KEYS: u8 = PAIRS | SECRET;
const ALL: u8 = DATA | CERTIFICATE | KEYS | PROFILE;
