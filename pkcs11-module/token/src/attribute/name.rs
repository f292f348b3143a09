//! Names of attributes, for the log.

use cryptoki_sys::*;

macro_rules! names {
    ($($name:ident)*) => {
        /// As the standard calls it; a number where it is none of ours.
        pub(crate) fn name(id: u64) -> String {
            match id {
                $($name => stringify!($name).into(),)*
                other => format!("attribute {other:#x}"),
            }
        }
    };
}

names! {
    CKA_ALLOWED_MECHANISMS CKA_ALWAYS_AUTHENTICATE CKA_ALWAYS_SENSITIVE CKA_APPLICATION
    CKA_CERTIFICATE_CATEGORY CKA_CERTIFICATE_TYPE CKA_CHECK_VALUE CKA_CLASS
    CKA_COPYABLE CKA_DECRYPT CKA_DERIVE CKA_DESTROYABLE
    CKA_COEFFICIENT CKA_EC_PARAMS CKA_EC_POINT CKA_ENCRYPT CKA_END_DATE
    CKA_EXPONENT_1 CKA_EXPONENT_2 CKA_EXTRACTABLE CKA_HASH_OF_ISSUER_PUBLIC_KEY CKA_HASH_OF_SUBJECT_PUBLIC_KEY CKA_ID
    CKA_ISSUER CKA_JAVA_MIDP_SECURITY_DOMAIN CKA_KEY_GEN_MECHANISM CKA_KEY_TYPE
    CKA_LABEL CKA_LOCAL CKA_MODIFIABLE CKA_MODULUS CKA_MODULUS_BITS CKA_NAME_HASH_ALGORITHM
    CKA_NEVER_EXTRACTABLE CKA_OBJECT_ID CKA_PRIME_1 CKA_PRIME_2 CKA_PRIVATE CKA_PRIVATE_EXPONENT CKA_PROFILE_ID
    CKA_PUBLIC_EXPONENT CKA_PUBLIC_KEY_INFO CKA_SENSITIVE CKA_SERIAL_NUMBER CKA_SIGN
    CKA_SIGN_RECOVER CKA_START_DATE CKA_SUBJECT CKA_TOKEN
    CKA_TRUSTED CKA_UNIQUE_ID CKA_UNWRAP CKA_URL
    CKA_VALUE CKA_VALUE_LEN CKA_VERIFY CKA_VERIFY_RECOVER
    CKA_WRAP CKA_WRAP_WITH_TRUSTED
}

#[cfg(test)]
mod tests {
    use super::super::table::ATTRIBUTES;
    use super::*;

    #[test]
    fn every_declared_attribute_has_a_name() {
        let nameless = |id: &u64| !name(*id).starts_with("CKA_");
        assert_eq!(ATTRIBUTES.iter().map(|attribute| attribute.id).find(nameless), None);
        assert_eq!(name(0x8000_1234), "attribute 0x80001234");
    }
}
