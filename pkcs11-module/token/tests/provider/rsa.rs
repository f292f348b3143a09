//! RSA keys: generation, attributes, signatures. AWS-LC verifies what it can.

use aws_lc_rs::signature::{self, UnparsedPublicKey};
use cryptoki_sys::*;
use token::{Error, KeyPairHandles, MechanismCall, Parameter};

use crate::support::*;

pub const EXPONENT: [u8; 3] = [1, 0, 1];

pub fn public_template(bits: u64) -> Items {
    Items::new().bool(CKA_TOKEN, true).ulong(CKA_MODULUS_BITS, bits)
}

pub fn generate(
    application: &Application,
    session: u64,
    public: &Items,
    private: &Items,
) -> Result<KeyPairHandles, Error> {
    application.generate_with(session, CKM_RSA_PKCS_KEY_PAIR_GEN, public, private)
}

pub fn pair(application: &Application, session: u64) -> KeyPairHandles {
    generate(application, session, &public_template(2048), &private_template()).unwrap()
}

const HASHES: [(u64, u64, u64, u64, usize); 5] = [
    (CKM_SHA_1, CKG_MGF1_SHA1, CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS, 20),
    (CKM_SHA224, CKG_MGF1_SHA224, CKM_SHA224_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS, 28),
    (CKM_SHA256, CKG_MGF1_SHA256, CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS, 32),
    (CKM_SHA384, CKG_MGF1_SHA384, CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS, 48),
    (CKM_SHA512, CKG_MGF1_SHA512, CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS, 64),
];

fn pss(id: u64, hash: u64, mgf: u64, salt_bytes: u64) -> MechanismCall<'static> {
    MechanismCall { id, parameter: Parameter::RsaPss { hash, mgf, salt_bytes } }
}

pub fn sign(
    application: &Application,
    session: u64,
    mechanism: MechanismCall<'_>,
    key: u64,
    data: &[u8],
) -> Result<Vec<u8>, Error> {
    application.provider.sign_init(session, Some(mechanism), key)?;
    let mut buffer = Buffer::of(512);
    application.provider.sign(session, data, &mut buffer)?;
    Ok(buffer.bytes)
}

fn verify(
    application: &Application,
    session: u64,
    mechanism: MechanismCall<'_>,
    key: u64,
    data: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    application.provider.verify_init(session, Some(mechanism), key)?;
    application.provider.verify(session, data, signature)
}

/// The key as AWS-LC takes it: RSAPublicKey of RFC 8017, which is the end of `CKA_PUBLIC_KEY_INFO`.
fn public_key(application: &Application, session: u64, key: u64) -> Vec<u8> {
    application.get(session, key, CKA_PUBLIC_KEY_INFO).unwrap()[24..].to_vec()
}

#[test]
fn every_size_is_generated_with_the_numbers_in_both_halves() {
    let application = Application::new();
    let session = application.user();
    for bits in [2048, 3072, 4096] {
        let pair = generate(&application, session, &public_template(bits), &private_template()).unwrap();
        let get = |key, id| application.get(session, key, id).unwrap();
        for key in [pair.public, pair.private] {
            assert_eq!(get(key, CKA_KEY_TYPE), CKK_RSA.to_ne_bytes());
            assert_eq!(get(key, CKA_MODULUS).len() as u64 * 8, bits);
            assert_eq!(get(key, CKA_PUBLIC_EXPONENT), EXPONENT);
            assert_eq!(get(key, CKA_KEY_GEN_MECHANISM), CKM_RSA_PKCS_KEY_PAIR_GEN.to_ne_bytes());
            assert!(application.get_bool(session, key, CKA_LOCAL));
        }
        assert_eq!(get(pair.public, CKA_MODULUS_BITS), bits.to_ne_bytes());
        for id in [CKA_ID, CKA_MODULUS, CKA_PUBLIC_KEY_INFO] {
            assert_eq!(get(pair.public, id), get(pair.private, id));
        }
        for id in [CKA_ENCRYPT, CKA_VERIFY] {
            assert!(application.get_bool(session, pair.public, id));
        }
        for id in [CKA_DECRYPT, CKA_SIGN, CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE] {
            assert!(application.get_bool(session, pair.private, id));
        }
        for id in
            [CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT]
        {
            assert_eq!(application.get(session, pair.private, id), Err(Error::AttributeSensitive));
            assert_eq!(application.get(session, pair.public, id), Err(Error::AttributeTypeInvalid));
        }
        assert_eq!(application.get(session, pair.private, CKA_EC_PARAMS), Err(Error::AttributeTypeInvalid));
        assert_eq!(application.get(session, pair.private, CKA_VALUE), Err(Error::AttributeTypeInvalid));
        assert_eq!(
            application.get(session, pair.private, CKA_MODULUS_BITS),
            Err(Error::AttributeTypeInvalid)
        );
    }
}

#[test]
fn a_template_asks_for_a_size_and_an_exponent_that_there_are() {
    let application = Application::new();
    let session = application.user();
    let private = private_template();
    let refused =
        |public: &Items, private: &Items| generate(&application, session, public, private).unwrap_err();
    assert_eq!(refused(&Items::new(), &private), Error::TemplateIncomplete);
    for bits in [0, 512, 1024, 2047, 2049, 8192, u64::MAX] {
        assert_eq!(refused(&public_template(bits), &private), Error::KeySizeRange, "{bits}");
    }
    // Whether it is prime, the cluster says.
    for exponent in [&[][..], &[3], &[1, 0, 0], &[1, 0, 2], &[0xff, 0xff], &[1; 33], &[0; 8]] {
        let public = public_template(2048).bytes(CKA_PUBLIC_EXPONENT, exponent);
        assert_eq!(refused(&public, &private), Error::AttributeValueInvalid, "{exponent:?}");
    }
    let padded = public_template(2048).bytes(CKA_PUBLIC_EXPONENT, &[0, 0, 1, 0, 1]);
    let pair =
        generate(&application, session, &padded, &private.clone().bytes(CKA_PUBLIC_EXPONENT, &EXPONENT));
    assert_eq!(application.get(session, pair.unwrap().public, CKA_PUBLIC_EXPONENT).unwrap(), EXPONENT);
    let modulus = Items::new().bytes(CKA_MODULUS, &[0xff; 256]);
    contradicts::<()>(
        Err(refused(&public_template(2048).bytes(CKA_MODULUS, &[0xff; 256]), &private)),
        CKA_MODULUS,
    );
    contradicts::<()>(Err(refused(&public_template(2048), &modulus)), CKA_MODULUS);
    let other = private.clone().bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 3]);
    contradicts::<()>(Err(refused(&public_template(2048), &other)), CKA_PUBLIC_EXPONENT);
    let other = public_template(2048).ulong(CKA_KEY_TYPE, CKK_EC);
    contradicts::<()>(Err(refused(&other, &private)), CKA_KEY_TYPE);
    let curve = public_template(2048).bytes(CKA_EC_PARAMS, P256_OID);
    contradicts::<()>(Err(refused(&curve, &private)), CKA_EC_PARAMS);
    let sensitive = private.clone().bytes(CKA_PRIVATE_EXPONENT, &[7]);
    assert_eq!(refused(&public_template(2048), &sensitive), Error::AttributeReadOnly);
}

#[test]
fn a_public_key_is_brought_with_its_two_numbers() {
    let application = Application::new();
    let session = application.user();
    let own = pair(&application, session);
    let modulus = application.get(session, own.public, CKA_MODULUS).unwrap();
    let key = |modulus: &[u8], exponent: &[u8]| {
        Items::new()
            .ulong(CKA_CLASS, CKO_PUBLIC_KEY)
            .ulong(CKA_KEY_TYPE, CKK_RSA)
            .bytes(CKA_MODULUS, modulus)
            .bytes(CKA_PUBLIC_EXPONENT, exponent)
    };
    let brought = application.create(session, &key(&[&[0], &modulus[..]].concat(), &EXPONENT)).unwrap();
    for id in [CKA_MODULUS, CKA_MODULUS_BITS, CKA_PUBLIC_EXPONENT, CKA_PUBLIC_KEY_INFO, CKA_ID] {
        assert_eq!(application.get(session, brought, id), application.get(session, own.public, id));
    }
    assert!(!application.get_bool(session, brought, CKA_LOCAL));
    let signature = application_sign(&application, session, own.private);
    verify(&application, session, call(CKM_SHA256_RSA_PKCS), brought, b"text", &signature).unwrap();

    let mut even = modulus.clone();
    even[255] &= 0xfe;
    for (modulus, exponent) in [
        (&modulus[1..], &EXPONENT[..]),
        (&even, &EXPONENT),
        (&modulus, &[1]),
        (&modulus, &[2]),
        (&modulus, &[1; 33]),
    ] {
        let refused = application.create(session, &key(modulus, exponent));
        assert_eq!(refused, Err(Error::AttributeValueInvalid), "{} {exponent:?}", modulus.len());
    }
    let without = Items::new().ulong(CKA_CLASS, CKO_PUBLIC_KEY).ulong(CKA_KEY_TYPE, CKK_RSA);
    assert_eq!(application.create(session, &without), Err(Error::TemplateIncomplete));
    let with_bits = key(&modulus, &EXPONENT).ulong(CKA_MODULUS_BITS, 2048);
    contradicts(application.create(session, &with_bits), CKA_MODULUS_BITS);
}

fn application_sign(application: &Application, session: u64, key: u64) -> Vec<u8> {
    sign(application, session, call(CKM_SHA256_RSA_PKCS), key, b"text").unwrap()
}

#[test]
fn every_mechanism_signs_at_once_and_in_parts_and_aws_lc_agrees() {
    let application = Application::new();
    let session = application.user();
    let pair = pair(&application, session);
    let public = public_key(&application, session, pair.public);
    let provider = &application.provider;
    let data: Vec<u8> = (0..100).collect();
    for (hash, mgf, pkcs1_id, pss_id, digest_bytes) in HASHES {
        for mechanism in
            [call(pkcs1_id), pss(pss_id, hash, mgf, digest_bytes as u64), pss(pss_id, hash, CKG_MGF1_SHA1, 0)]
        {
            let signature = sign(&application, session, mechanism, pair.private, &data).unwrap();
            assert_eq!(signature.len(), 256);
            provider.verify_init(session, Some(mechanism), pair.public).unwrap();
            data.chunks(7).for_each(|part| provider.verify_update(session, part).unwrap());
            provider.verify_final(session, &signature).unwrap();

            provider.sign_init(session, Some(mechanism), pair.private).unwrap();
            data.chunks(9).for_each(|part| provider.sign_update(session, part).unwrap());
            let mut in_parts = Buffer::of(256);
            provider.sign_final(session, &mut in_parts).unwrap();
            let check = |data: &[u8], signature: &[u8]| {
                verify(&application, session, mechanism, pair.public, data, signature)
            };
            check(&data, &in_parts.bytes).unwrap();
            assert_eq!(check(b"other", &signature), Err(Error::SignatureInvalid));
            assert_eq!(check(&data, &signature[1..]), Err(Error::SignatureLenRange));
            assert_eq!(check(&data, &[&signature[..], &[0]].concat()), Err(Error::SignatureLenRange));
            assert_eq!(check(&data, &[0xff; 256]), Err(Error::SignatureInvalid));
            assert_eq!(check(&data, &[0; 256]), Err(Error::SignatureInvalid));
        }
        let theirs: Option<(&signature::RsaParameters, &signature::RsaParameters)> = match hash {
            CKM_SHA256 => {
                Some((&signature::RSA_PKCS1_2048_8192_SHA256, &signature::RSA_PSS_2048_8192_SHA256))
            }
            CKM_SHA384 => {
                Some((&signature::RSA_PKCS1_2048_8192_SHA384, &signature::RSA_PSS_2048_8192_SHA384))
            }
            CKM_SHA512 => {
                Some((&signature::RSA_PKCS1_2048_8192_SHA512, &signature::RSA_PSS_2048_8192_SHA512))
            }
            _ => None,
        };
        let Some((pkcs1, with_salt)) = theirs else { continue };
        let ours = sign(&application, session, call(pkcs1_id), pair.private, &data).unwrap();
        UnparsedPublicKey::new(pkcs1, &public).verify(&data, &ours).unwrap();
        let mechanism = pss(pss_id, hash, mgf, digest_bytes as u64);
        let ours = sign(&application, session, mechanism, pair.private, &data).unwrap();
        UnparsedPublicKey::new(with_salt, &public).verify(&data, &ours).unwrap();
    }
}

#[test]
fn raw_pkcs1_takes_what_has_room_and_raw_pss_a_digest() {
    let application = Application::new();
    let session = application.user();
    let pair = pair(&application, session);
    for length in [0, 1, 51, 245] {
        let data = vec![7; length];
        let signature = sign(&application, session, call(CKM_RSA_PKCS), pair.private, &data).unwrap();
        verify(&application, session, call(CKM_RSA_PKCS), pair.public, &data, &signature).unwrap();
    }
    let long = sign(&application, session, call(CKM_RSA_PKCS), pair.private, &[7; 246]);
    assert_eq!(long, Err(Error::DataLenRange));
    // DigestInfo by the application is what the hashed mechanism makes.
    let info =
        [&b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"[..], &[9; 32]]
            .concat();
    let raw = sign(&application, session, call(CKM_RSA_PKCS), pair.private, &info).unwrap();
    assert_eq!(raw, sign(&application, session, call(CKM_RSA_PKCS), pair.private, &info).unwrap());
    for (hash, mgf, _, _, bytes) in HASHES {
        let mechanism = pss(CKM_RSA_PKCS_PSS, hash, mgf, 17);
        let signature = sign(&application, session, mechanism, pair.private, &vec![5; bytes]).unwrap();
        verify(&application, session, mechanism, pair.public, &vec![5; bytes], &signature).unwrap();
        let other_salt = pss(CKM_RSA_PKCS_PSS, hash, mgf, 18);
        let verdict = verify(&application, session, other_salt, pair.public, &vec![5; bytes], &signature);
        assert_eq!(verdict, Err(Error::SignatureInvalid));
        for wrong in [0, bytes - 1, bytes + 1] {
            let short = sign(&application, session, mechanism, pair.private, &vec![5; wrong]);
            assert_eq!(short, Err(Error::DataLenRange), "{hash:#x} {wrong}");
        }
    }
}

#[test]
fn parameters_of_pss_are_held_against_mechanism_and_modulus() {
    let application = Application::new();
    let session = application.user();
    let pair = pair(&application, session);
    let init = |mechanism, key| application.provider.sign_init(session, Some(mechanism), key);
    let most = 256 - 32 - 2;
    for wrong in [
        pss(CKM_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, most + 1),
        pss(CKM_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, u64::MAX),
        pss(CKM_RSA_PKCS_PSS, CKM_SHA3_256, CKG_MGF1_SHA256, 32),
        pss(CKM_RSA_PKCS_PSS, 0, 0, 0),
        pss(CKM_RSA_PKCS_PSS, CKM_SHA256, 0, 32),
        pss(CKM_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA3_512, 32),
        pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA384, CKG_MGF1_SHA384, 32),
        call(CKM_RSA_PKCS_PSS),
        call(CKM_SHA256_RSA_PKCS_PSS),
        pss(CKM_RSA_PKCS, CKM_SHA256, CKG_MGF1_SHA256, 32),
        pss(CKM_SHA256_RSA_PKCS, CKM_SHA256, CKG_MGF1_SHA256, 32),
    ] {
        assert_eq!(init(wrong, pair.private), Err(Error::MechanismParamInvalid), "{wrong:?}");
        let verifying = application.provider.verify_init(session, Some(wrong), pair.public);
        assert_eq!(verifying, Err(Error::MechanismParamInvalid), "{wrong:?}");
    }
    let longest = pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, most);
    let signature = sign(&application, session, longest, pair.private, b"text").unwrap();
    verify(&application, session, longest, pair.public, b"text", &signature).unwrap();
}

#[test]
fn keys_and_mechanisms_of_the_two_families_do_not_mix() {
    let application = Application::new();
    let session = application.user();
    let (rsa, ec) = (pair(&application, session), application.pair(session));
    let init = |mechanism, key| application.provider.sign_init(session, Some(call(mechanism)), key);
    assert_eq!(init(CKM_ECDSA, rsa.private), Err(Error::KeyTypeInconsistent));
    assert_eq!(init(CKM_SHA256_RSA_PKCS, ec.private), Err(Error::KeyTypeInconsistent));
    let of_rsa = application.get(session, rsa.private, CKA_ALLOWED_MECHANISMS).unwrap();
    let of_ec = application.get(session, ec.private, CKA_ALLOWED_MECHANISMS).unwrap();
    let has = |list: &[u8], id: u64| list.chunks(8).any(|word| word == id.to_ne_bytes());
    assert!(has(&of_rsa, CKM_RSA_PKCS_OAEP) && has(&of_rsa, CKM_SHA512_RSA_PKCS_PSS));
    assert!(!has(&of_rsa, CKM_ECDSA) && !has(&of_ec, CKM_RSA_PKCS));
    let limited = private_template().bytes(CKA_ALLOWED_MECHANISMS, &CKM_SHA256_RSA_PKCS.to_ne_bytes());
    let limited = generate(&application, session, &public_template(2048), &limited).unwrap();
    assert_eq!(init(CKM_SHA384_RSA_PKCS, limited.private), Err(Error::MechanismInvalid));
    init(CKM_SHA256_RSA_PKCS, limited.private).unwrap();
}
