//! `C_CreateObject` of private RSA keys, and what files and envelopes have of keys.

use std::sync::OnceLock;
use token::backend::PublicExponent;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use cryptoki_sys::*;
use token::Error;
use token::backend::PrivateValue;
use token::object::import::{PrivateKeyDer, Purpose, of_file, usage};

use crate::rsa::sign;
use crate::support::{Application, INCONSISTENT, Items, call};

/// A key of 2048 bits in PKCS#8.
pub fn der() -> &'static [u8] {
    static KEY: OnceLock<Vec<u8>> = OnceLock::new();
    KEY.get_or_init(|| {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        der.as_ref().to_vec()
    })
}

/// n, e, d, p, q, and the three that nobody needs.
fn numbers() -> [(u64, Vec<u8>); 8] {
    let info = pkcs8::PrivateKeyInfo::try_from(der()).unwrap();
    let key = pkcs1::RsaPrivateKey::try_from(info.private_key).unwrap();
    [
        (CKA_MODULUS, key.modulus),
        (CKA_PUBLIC_EXPONENT, key.public_exponent),
        (CKA_PRIVATE_EXPONENT, key.private_exponent),
        (CKA_PRIME_1, key.prime1),
        (CKA_PRIME_2, key.prime2),
        (CKA_EXPONENT_1, key.exponent1),
        (CKA_EXPONENT_2, key.exponent2),
        (CKA_COEFFICIENT, key.coefficient),
    ]
    .map(|(id, number)| (id, number.as_bytes().to_vec()))
}

fn template(numbers: &[(u64, Vec<u8>)]) -> Items {
    let base =
        Items::new().ulong(CKA_CLASS, CKO_PRIVATE_KEY).ulong(CKA_KEY_TYPE, CKK_RSA).bool(CKA_TOKEN, true);
    numbers.iter().fold(base, |items, (id, number)| items.bytes(*id, number))
}

#[test]
fn an_imported_key_is_marked_and_has_the_usages_of_its_template() {
    let application = Application::new();
    let session = application.user();
    let all = numbers();
    for given in [&all[..], &all[..3], &all[..5]] {
        let key = application.create(session, &template(given)).unwrap();
        for id in [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_EXTRACTABLE, CKA_UNWRAP] {
            assert!(!application.get_bool(session, key, id), "{id:#x}");
        }
        for id in [CKA_SENSITIVE, CKA_PRIVATE, CKA_TOKEN, CKA_SIGN, CKA_DECRYPT] {
            assert!(application.get_bool(session, key, id), "{id:#x}");
        }
        assert_eq!(application.get(session, key, CKA_MODULUS).unwrap(), all[0].1);
        assert_eq!(application.get(session, key, CKA_PUBLIC_EXPONENT).unwrap(), all[1].1);
        for (id, _) in &all[2..] {
            assert_eq!(application.get(session, key, *id), Err(Error::AttributeSensitive), "{id:#x}");
        }
        let mechanism = application.get(session, key, CKA_KEY_GEN_MECHANISM).unwrap();
        assert_eq!(mechanism, CK_UNAVAILABLE_INFORMATION.to_ne_bytes());
        let mechanism = call(CKM_SHA256_RSA_PKCS);
        assert_eq!(sign(&application, session, mechanism, key, b"message").unwrap().len(), 256);
    }
    // Zeros in front of a number are no part of it; a bare usage is what the template says.
    let mut padded = all.clone();
    padded.iter_mut().for_each(|(_, number)| number.insert(0, 0));
    let items = template(&padded).bool(CKA_DECRYPT, false).bool(CKA_SIGN, false).bool(CKA_UNWRAP, true);
    let key = application.create(session, &items).unwrap();
    assert_eq!(application.get(session, key, CKA_MODULUS).unwrap(), all[0].1);
    assert!(application.get_bool(session, key, CKA_UNWRAP));
    assert!(
        !application.get_bool(session, key, CKA_DECRYPT) && !application.get_bool(session, key, CKA_SIGN)
    );
}

#[test]
fn what_is_wrong_with_a_key_gets_its_code_and_nothing_is_stored() {
    let application = Application::new();
    let session = application.user();
    let all = numbers();
    let with = |at: usize, value: &[u8]| {
        let mut changed = all.clone();
        changed[at].1 = value.to_vec();
        template(&changed)
    };
    let without = |at: usize| {
        let left: Vec<_> = all.iter().filter(|(id, _)| *id != all[at].0).cloned().collect();
        template(&left)
    };
    let invalid = Error::AttributeValueInvalid;
    for (items, error) in [
        (with(0, &all[0].1[1..]), invalid.clone()),
        (with(0, &[0xff; 128]), invalid.clone()),
        (with(0, &[0xff; 1024]), invalid.clone()),
        (with(0, &[0xfe; 256]), invalid.clone()),
        (with(1, &[3]), invalid.clone()),
        (with(1, &[1, 0, 0]), invalid.clone()),
        (with(1, &[1, 0, 0, 0, 1]), invalid.clone()),
        (with(2, &[1]), invalid.clone()),
        (template(&all).bytes(CKA_PUBLIC_KEY_INFO, &[0x30, 0]), invalid.clone()),
        (template(&all).bool(CKA_EXTRACTABLE, true), invalid.clone()),
        (template(&all).bool(CKA_SENSITIVE, false), invalid),
        (template(&all).bool(CKA_LOCAL, true), Error::AttributeReadOnly),
        (template(&all).bytes(CKA_VALUE, &[1]), INCONSISTENT),
        (without(0), Error::TemplateIncomplete),
        (without(1), Error::TemplateIncomplete),
        (without(2), Error::TemplateIncomplete),
        (without(3), Error::TemplateIncomplete),
        // Beyond 64 bits an exponent wants the primes.
        (
            template(&[all[0].clone(), (CKA_PUBLIC_EXPONENT, vec![1; 9]), all[2].clone()]),
            Error::TemplateIncomplete,
        ),
        (with(1, &[1; 33]), Error::AttributeValueInvalid),
        (with(2, &[]), Error::TemplateIncomplete),
    ] {
        let created = application.create(session, &items).map_err(|refused| refused.rv());
        assert_eq!(created, Err(error.rv()), "{items:?}");
    }
    assert_eq!(application.find(session, &Items::new().ulong(CKA_CLASS, CKO_PRIVATE_KEY)), [0; 0]);
}

#[test]
fn a_file_says_what_the_attributes_say() {
    let all = numbers();
    let info = pkcs8::PrivateKeyInfo::try_from(der()).unwrap();
    for key in [PrivateKeyDer::pkcs8(der()).unwrap(), PrivateKeyDer::pkcs1(info.private_key).unwrap()] {
        let purpose = Purpose { label: "file", id: None, usage: &[usage::DECRYPT] };
        let import = of_file(&key, &purpose).unwrap();
        let PrivateValue::Rsa { modulus, exponent, private_exponent, primes } = &import.value else {
            panic!()
        };
        assert_eq!((modulus, *exponent), (&all[0].1, PublicExponent::F4));
        assert_eq!(**private_exponent, all[2].1);
        assert_eq!(
            primes.as_ref().unwrap().each_ref().map(|prime| prime.to_vec()),
            [all[3].1.clone(), all[4].1.clone()]
        );
        assert_eq!((&import.private[&CKA_SIGN], &import.private[&CKA_DECRYPT]), (&vec![0], &vec![1]));
    }
    for wrong in [&der()[1..], &der()[..der().len() - 1], &[], &[der(), &[0]].concat()] {
        assert!(PrivateKeyDer::pkcs8(wrong).is_err());
    }
    assert!(PrivateKeyDer::sec1(der()).is_err() && PrivateKeyDer::pkcs1(der()).is_err());
}
