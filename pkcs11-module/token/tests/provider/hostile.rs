//! Whatever an application passes, the answer is a result or an error of the standard, never a panic, and what was
//! accepted can be read, found and destroyed.

use cryptoki_sys::*;
use proptest::collection::vec;
use proptest::prelude::*;
use token::{MechanismCall, Parameter};

use crate::support::*;

fn attribute_type() -> impl Strategy<Value = u64> {
    prop_oneof![
        prop::sample::select(vec![
            CKA_CLASS,
            CKA_TOKEN,
            CKA_PRIVATE,
            CKA_LABEL,
            CKA_VALUE,
            CKA_ID,
            CKA_KEY_TYPE,
            CKA_EC_PARAMS,
            CKA_EC_POINT,
            CKA_CERTIFICATE_TYPE,
            CKA_SUBJECT,
            CKA_TRUSTED,
            CKA_SENSITIVE,
            CKA_EXTRACTABLE,
            CKA_ALLOWED_MECHANISMS,
            CKA_START_DATE,
            CKA_COPYABLE,
            CKA_UNIQUE_ID,
            CKA_WRAP_WITH_TRUSTED,
        ]),
        any::<u64>(),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<bool>().prop_map(|value| vec![u8::from(value)]),
        (0..5u64).prop_map(|value| value.to_ne_bytes().to_vec()),
        Just(P256_OID.to_vec()),
        vec(any::<u8>(), 0..80),
    ]
}

fn items() -> impl Strategy<Value = Items> {
    vec((attribute_type(), value()), 0..8)
        .prop_map(|entries| entries.iter().fold(Items::new(), |items, (id, value)| items.bytes(*id, value)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_template_creates_an_object_or_is_refused(template in items(), class in 0..4u64) {
        let application = Application::new();
        let session = application.user();
        // The first may happen to name a class of its own.
        for (template, known) in [(template.clone(), None), (template.ulong(CKA_CLASS, class), Some(class))] {
            let Ok(object) = application.create(session, &template) else { continue };
            let found = application.get(session, object, CKA_CLASS).unwrap();
            prop_assert!(known.is_none_or(|class| found == class.to_ne_bytes()));
            prop_assert_eq!(application.find(session, &template), [object]);
            application.provider.destroy_object(session, object).unwrap();
        }
    }

    #[test]
    fn any_templates_make_a_pair_that_signs_or_are_refused(public in items(), private in items()) {
        let application = Application::new();
        let session = application.user();
        let Ok(pair) = application.generate(session, &public, &private) else {
            prop_assert!(application.find(session, &Items::new()).is_empty());
            return Ok(());
        };
        prop_assert!(!application.get_bool(session, pair.private, CKA_EXTRACTABLE));
        prop_assert!(application.get_bool(session, pair.private, CKA_SENSITIVE));
    }

    #[test]
    fn any_change_keeps_a_private_key_private(template in items()) {
        let application = Application::new();
        let session = application.user();
        let key = application.pair(session).private;
        let _ = application.set(session, key, &template);
        prop_assert!(!application.get_bool(session, key, CKA_EXTRACTABLE));
        prop_assert!(application.get_bool(session, key, CKA_SENSITIVE));
        prop_assert!(application.get_bool(session, key, CKA_PRIVATE));
        prop_assert!(application.get(session, key, CKA_VALUE).is_err());
    }

    #[test]
    fn any_signature_that_was_not_made_is_refused(data in vec(any::<u8>(), 1..64), forged in vec(any::<u8>(), 0..70)) {
        let application = Application::new();
        let session = application.user();
        let pair = application.pair(session);
        prop_assert!(application.verify(session, CKM_ECDSA, pair.public, &data, &forged).is_err());
    }

    #[test]
    fn any_mechanism_is_known_or_refused(id in any::<u64>(), parameter in vec(any::<u8>(), 0..40), handle in 0..9u64) {
        let application = Application::new();
        let session = application.user();
        application.pair(session);
        let mechanism = MechanismCall { id, parameter: Parameter::Bytes(&parameter) };
        prop_assert!(application.provider.sign_init(session, Some(mechanism), handle).is_err());
        prop_assert!(application.provider.verify_init(session, Some(mechanism), handle).is_err());
        prop_assert!(application.provider.digest_init(session, Some(mechanism)).is_err());
        prop_assert!(application.provider.generate_key_pair(session, mechanism, &[], &[]).is_err());
    }
}
