//! What an attribute can be: its type, the classes that have it, who sets it, how it may change, and its value when
//! nobody gave one. `attribute/table.rs` declares each once.

mod name;
mod table;

use cryptoki_sys::*;

use crate::backend::Attributes;
pub(crate) use name::name;
use table::{ATTRIBUTES, CERTIFICATE, DATA, PRIVATE, PROFILE, PUBLIC, SECRET};

/// The object classes of this token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Data,
    Certificate,
    PublicKey,
    PrivateKey,
    SecretKey,
    Profile,
}

/// How the value of an attribute is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// CK_BBOOL.
    Bool,
    /// CK_ULONG and its aliases.
    Ulong,
    /// Array of CK_ULONG.
    UlongArray,
    /// CK_DATE: empty or `YYYYMMDD`.
    Date,
    /// Anything else.
    Bytes,
}

/// Who gives an attribute its first value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Application,
    /// Only the token; a template that has it is refused with `CKR_ATTRIBUTE_READ_ONLY`.
    Token,
}

/// What `C_SetAttributeValue` may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Never,
    /// Only in a copy.
    OnCopy,
    Free,
    /// Sticky: once true, always true.
    ToTrue,
    /// Sticky: once false, always false.
    ToFalse,
}

/// The value when the template has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Initial {
    /// The template must have it.
    Required,
    /// There is none, or it is computed.
    Absent,
    False,
    True,
    Zero,
    Empty,
}

/// The keys that have an attribute, where not all of a class do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Ec,
    Rsa,
}

/// One attribute of one or more classes.
#[derive(Debug)]
pub(crate) struct Attribute {
    pub id: u64,
    pub kind: Kind,
    pub origin: Origin,
    pub change: Change,
    pub initial: Initial,
    /// Revealed to nobody.
    pub sensitive: bool,
    pub bytes_max: usize,
    /// Of keys of this family only.
    pub family: Option<Family>,
    classes: u8,
}

/// The declaration of `id` for objects of `class`.
pub(crate) fn find(id: u64, class: Class) -> Option<&'static Attribute> {
    ATTRIBUTES.iter().find(|attribute| attribute.id == id && attribute.classes & class.bit() != 0)
}

/// All attributes of `class`.
pub(crate) fn of_class(class: Class) -> impl Iterator<Item = &'static Attribute> {
    ATTRIBUTES.iter().filter(move |attribute| attribute.classes & class.bit() != 0)
}

/// The type of `id`, the same in every class that has it.
pub(crate) fn kind_of(id: u64) -> Option<Kind> {
    ATTRIBUTES.iter().find(|attribute| attribute.id == id).map(|attribute| attribute.kind)
}

impl Class {
    const ALL: [Self; 6] =
        [Self::Data, Self::Certificate, Self::PublicKey, Self::PrivateKey, Self::SecretKey, Self::Profile];

    /// The class with this `CKO_` number.
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.number() == number)
    }

    /// `CKO_`.
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Data => CKO_DATA,
            Self::Certificate => CKO_CERTIFICATE,
            Self::PublicKey => CKO_PUBLIC_KEY,
            Self::PrivateKey => CKO_PRIVATE_KEY,
            Self::SecretKey => CKO_SECRET_KEY,
            Self::Profile => CKO_PROFILE,
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Data => DATA,
            Self::Certificate => CERTIFICATE,
            Self::PublicKey => PUBLIC,
            Self::PrivateKey => PRIVATE,
            Self::SecretKey => SECRET,
            Self::Profile => PROFILE,
        }
    }
}

impl Attribute {
    /// Whether an object of the declaration's class has it: keys of another family do not.
    pub(crate) fn is_of(&self, object: &Attributes) -> bool {
        self.family.is_none_or(|family| Some(family) == family_of(object))
    }
}

impl Kind {
    /// From an application's memory to the canonical form; `None` if the size or value is impossible.
    pub(crate) fn canonical(self, native: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Bool => matches!(native, [CK_FALSE | CK_TRUE]).then(|| native.to_vec()),
            Self::Ulong => Some(u64::from_ne_bytes(native.try_into().ok()?).to_be_bytes().to_vec()),
            Self::UlongArray => swap_words(native, u64::from_ne_bytes, u64::to_be_bytes),
            Self::Date => (native.is_empty() || is_date(native)).then(|| native.to_vec()),
            Self::Bytes => Some(native.to_vec()),
        }
    }

    /// From the canonical form to an application's memory.
    pub(crate) fn native(self, canonical: &[u8]) -> Vec<u8> {
        let words = match self {
            Self::Ulong | Self::UlongArray => swap_words(canonical, u64::from_be_bytes, u64::to_ne_bytes),
            Self::Bool | Self::Date | Self::Bytes => None,
        };
        words.unwrap_or_else(|| canonical.to_vec())
    }
}

impl Initial {
    /// The canonical value, if there is one.
    pub(crate) fn value(self) -> Option<Vec<u8>> {
        match self {
            Self::Required | Self::Absent => None,
            Self::False => Some(canonical_bool(false)),
            Self::True => Some(canonical_bool(true)),
            Self::Zero => Some(canonical_ulong(0)),
            Self::Empty => Some(Vec::new()),
        }
    }
}

/// A CK_BBOOL in canonical form.
pub(crate) fn canonical_bool(value: bool) -> Vec<u8> {
    vec![u8::from(value)]
}

/// A CK_ULONG in canonical form.
pub(crate) fn canonical_ulong(value: u64) -> Vec<u8> {
    value.to_be_bytes().to_vec()
}

/// A boolean of `attributes`, if it is there and well formed.
pub(crate) fn bool_of(attributes: &Attributes, id: u64) -> Option<bool> {
    match attributes.get(&id)?.as_slice() {
        [value] => Some(*value != CK_FALSE),
        _ => None,
    }
}

/// A number of `attributes`, if it is there and well formed.
pub(crate) fn ulong_of(attributes: &Attributes, id: u64) -> Option<u64> {
    Some(u64::from_be_bytes(attributes.get(&id)?.as_slice().try_into().ok()?))
}

/// The class of an object.
pub(crate) fn class_of(attributes: &Attributes) -> Option<Class> {
    Class::from_number(ulong_of(attributes, CKA_CLASS)?)
}

/// The family of a key.
pub(crate) fn family_of(attributes: &Attributes) -> Option<Family> {
    Some(if ulong_of(attributes, CKA_KEY_TYPE)? == CKK_RSA { Family::Rsa } else { Family::Ec })
}

/// Eight digits with a month and a day of a month.
fn is_date(text: &[u8]) -> bool {
    let [_, _, _, _, m1, m2, d1, d2] = text else { return false };
    text.iter().all(u8::is_ascii_digit)
        && (*b"01"..=*b"12").contains(&[*m1, *m2])
        && (*b"01"..=*b"31").contains(&[*d1, *d2])
}

fn swap_words(bytes: &[u8], from: fn([u8; 8]) -> u64, to: fn(u64) -> [u8; 8]) -> Option<Vec<u8>> {
    let (words, rest) = bytes.as_chunks::<8>();
    rest.is_empty().then(|| words.iter().flat_map(|word| to(from(*word))).collect())
}

/// Longest label and identifier.
pub(crate) const NAME_BYTES_MAX: usize = 255;
/// Longest value of any attribute: a certificate with a long chain of extensions is far below.
pub(crate) const VALUE_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

    use super::*;

    #[test]
    fn an_attribute_has_one_type_and_at_most_one_row_a_class() {
        for attribute in ATTRIBUTES {
            assert_eq!(kind_of(attribute.id), Some(attribute.kind), "{:#x}", attribute.id);
        }
        for class in Class::ALL {
            let mut ids: Vec<_> = of_class(class).map(|attribute| attribute.id).collect();
            ids.sort_unstable();
            assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{class:?}");
        }
    }

    #[test]
    fn numbers_travel_big_endian_and_come_back_native() {
        let native = [7u64.to_ne_bytes(), 9u64.to_ne_bytes()].concat();
        let canonical = Kind::UlongArray.canonical(&native).unwrap();
        assert_eq!(canonical, [[0, 0, 0, 0, 0, 0, 0, 7], [0, 0, 0, 0, 0, 0, 0, 9]].concat());
        assert_eq!(Kind::UlongArray.native(&canonical), native);
    }

    #[test]
    fn impossible_sizes_and_values_are_refused() {
        assert_eq!(Kind::Bool.canonical(&[2]), None);
        assert_eq!(Kind::Bool.canonical(&[]), None);
        assert_eq!(Kind::Ulong.canonical(&[0; 4]), None);
        assert_eq!(Kind::UlongArray.canonical(&[0; 9]), None);
        for bad in [&b"2026"[..], b"20261301", b"20260132", b"20260100", b"2026010x", b"202601011"] {
            assert_eq!(Kind::Date.canonical(bad), None, "{bad:?}");
        }
        assert!(Kind::Date.canonical(b"20261231").is_some() && Kind::Date.canonical(b"").is_some());
    }
}
