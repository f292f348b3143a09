//! An object in words, for tools that list a token without going through the C interface.

use cryptoki_sys::{CKA_EC_PARAMS, CKA_ID, CKA_LABEL};

use crate::attribute::{self, Class};
use crate::backend::{Attributes, Curve};
use crate::object::key;

/// What a person wants to know of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// `private key`, `public key`, `secret key`, `certificate`, `data` or `profile`.
    pub class: &'static str,
    /// `CKA_LABEL`; bytes that are no UTF-8 are replaced.
    pub label: String,
    /// `CKA_ID`.
    pub id: Vec<u8>,
    /// The curve of a key.
    pub curve: Option<Curve>,
}

/// Sums up an object; `None` for a class that this token does not have.
pub fn summary(attributes: &Attributes) -> Option<Summary> {
    let bytes = |id| attributes.get(&id).map(Vec::as_slice).unwrap_or_default();
    Some(Summary {
        class: match attribute::class_of(attributes)? {
            Class::Data => "data",
            Class::Certificate => "certificate",
            Class::PublicKey => "public key",
            Class::PrivateKey => "private key",
            Class::SecretKey => "secret key",
            Class::Profile => "profile",
        },
        label: String::from_utf8_lossy(bytes(CKA_LABEL)).into_owned(),
        id: bytes(CKA_ID).to_vec(),
        curve: key::curve_of(bytes(CKA_EC_PARAMS)),
    })
}

#[cfg(test)]
mod tests {
    use cryptoki_sys::{CKA_CLASS, CKO_PRIVATE_KEY};

    use super::*;

    #[test]
    fn private_key_is_summed_up() {
        let attributes = Attributes::from([
            (CKA_CLASS, CKO_PRIVATE_KEY.to_be_bytes().to_vec()),
            (CKA_LABEL, b"web".to_vec()),
            (CKA_ID, vec![1, 2]),
            (CKA_EC_PARAMS, key::curve_oid(Curve::P256).to_vec()),
        ]);
        let expected =
            Summary { class: "private key", label: "web".into(), id: vec![1, 2], curve: Some(Curve::P256) };
        assert_eq!(summary(&attributes), Some(expected));
        assert_eq!(summary(&Attributes::new()), None);
    }
}
