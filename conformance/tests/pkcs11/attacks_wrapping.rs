//! Attacks that take a key out of the token, or get at it piece by piece: by wrapping, unwrapping, deriving, or an oracle.

use conformance::attacks::{absent, generous_pair, wraps_nothing};
use conformance::mechanisms::listed;
use conformance::rsa::RsaMechanism;
use conformance::session::{P256, flag, number, on_token};
use conformance::token::Token;
use conformance::wrapping::{Decision, WRAPPING};
use cryptoki_sys::*;

use crate::importing_rsa::{known, numbers};
use crate::wrapping::{private_key, secret_key, wrapping_key};

/// **Wrap, then decrypt the blob with the same symmetric key** (Clulow 2003; Tookan A1): there is no symmetric key to
/// make, and no mechanism that wraps or decrypts with one.
#[test]
fn a_secret_key_wraps_and_decrypts_nothing() {
    let token = Token::shared();
    let session = token.user();
    let pair = generous_pair(&session);
    for id in [CKM_AES_KEY_GEN, CKM_DES3_KEY_GEN, CKM_GENERIC_SECRET_KEY_GEN, CKM_DES3_ECB, CKM_DES3_CBC] {
        absent(&token, &session, id, pair.private);
    }
    for kind in [CKK_AES, CKK_DES3, CKK_GENERIC_SECRET] {
        let key = [number(CKA_CLASS, CKO_SECRET_KEY), number(CKA_KEY_TYPE, kind), (CKA_VALUE, vec![7; 24])];
        let wrapping = [&key[..], &[flag(CKA_WRAP, true), flag(CKA_DECRYPT, true)]].concat();
        assert_eq!(session.create(&wrapping), Err(CKR_TEMPLATE_INCONSISTENT), "{kind:#x}");
    }
}

/// **Wrap with a public key, decrypt the blob with its private half** (Clulow 2003; Tookan A2): private keys are not wrapped,
/// whatever the pair that wraps may do, and a secret key that is, was readable before.
#[test]
fn a_key_pair_wraps_nothing_that_it_decrypts() {
    let token = Token::shared();
    let session = token.user();
    let pair = generous_pair(&session);
    for id in [CKM_RSA_PKCS, CKM_RSA_X_509, CKM_ECDH_AES_KEY_WRAP] {
        wraps_nothing(&token, &session, id, pair.public);
        wraps_nothing(&token, &session, id, pair.private);
    }
    let numbers = numbers(&known());
    let wrapping = wrapping_key(&session, &numbers);
    let transport =
        session.rsa_private(&numbers, &[flag(CKA_UNWRAP, true), flag(CKA_DECRYPT, true)]).unwrap();
    let oaep = RsaMechanism::usual(CKM_RSA_PKCS_OAEP);
    let envelope = RsaMechanism::usual(CKM_RSA_AES_KEY_WRAP);
    for mechanism in [&oaep, &envelope] {
        for private in [pair.private, transport] {
            assert_eq!(session.wrap(mechanism, wrapping, private), Err(CKR_KEY_UNEXTRACTABLE));
        }
    }
    let wrapped = session.rsa_encrypt(&oaep, wrapping, &[7; 32]).unwrap();
    let secret = session.unwrap(&oaep, transport, &wrapped, &secret_key(CKK_AES, &[])).unwrap();
    assert_eq!(session.get(secret, CKA_VALUE), Ok(vec![7; 32]), "what can be wrapped can be read");
    let again = session.wrap(&oaep, wrapping, secret).unwrap();
    assert_eq!(session.rsa_decrypt(&oaep, transport, &again), Ok(vec![7; 32]));
    assert_eq!(session.destroy(transport), CKR_OK);
}

/// **Export a private key under any wrapping mechanism** (Bortolozzo, Centenaro, Focardi and Steel 2010): every mechanism
/// that PKCS#11 defines for wrapping is decided in a table, and each that is refused answers so.
#[test]
fn every_wrapping_mechanism_does_as_decided() {
    let token = Token::shared();
    let session = token.user();
    let pair = generous_pair(&session);
    let offered = listed(&token);
    for wrapping in WRAPPING {
        let flags = offered.iter().find(|known| known.id == wrapping.id).map_or(0, |known| known.info.flags);
        let wraps = flags & (CKF_WRAP | CKF_UNWRAP) != 0;
        assert_eq!(wraps, wrapping.decision == Decision::Offered, "{}", wrapping.name);
        if !wraps {
            wraps_nothing(&token, &session, wrapping.id, pair.private);
        }
    }
    for known in offered.iter().filter(|known| known.info.flags & (CKF_WRAP | CKF_UNWRAP) != 0) {
        assert!(WRAPPING.iter().any(|wrapping| wrapping.id == known.id), "{} is not decided", known.name);
    }
}

/// **Wrap a strong key under a weak one** (Clulow 2003, weaker keys and algorithms): there is no weak cipher to wrap with,
/// and no RSA key of 512 bits.
#[test]
fn there_is_no_weak_cipher() {
    let token = Token::shared();
    let session = token.user();
    let pair = generous_pair(&session);
    for id in [CKM_DES_ECB, CKM_DES_CBC, CKM_DES_CBC_PAD, CKM_RC2_CBC, CKM_RC4, CKM_CDMF_CBC, CKM_DES_KEY_GEN]
    {
        absent(&token, &session, id, pair.private);
    }
    for mechanism in
        listed(&token).iter().filter(|known| known.name.contains("RSA") && known.info.ulMinKeySize > 0)
    {
        assert!(mechanism.info.ulMinKeySize >= 2048, "{}", mechanism.name);
    }
}

/// **Wrap for a public key of one's own** (Clulow 2003, Trojan public key): the key can be stored, but it is not trusted:
/// it wraps no private key, and no secret key that is for trusted keys alone.
#[test]
fn a_brought_public_key_wraps_nothing() {
    let token = Token::shared();
    let session = token.user();
    let pair = generous_pair(&session);
    let brought = |more: &[_]| {
        let point = session.get(pair.public, CKA_EC_POINT).unwrap();
        let key = [number(CKA_CLASS, CKO_PUBLIC_KEY), number(CKA_KEY_TYPE, CKK_EC), flag(CKA_WRAP, true)];
        session.create(&[&key[..], &[(CKA_EC_PARAMS, P256.to_vec()), (CKA_EC_POINT, point)], more].concat())
    };
    assert_eq!(brought(&[flag(CKA_TRUSTED, true)]), Err(CKR_ATTRIBUTE_READ_ONLY));
    let trojan = brought(&[]).unwrap();
    assert_eq!(session.get(trojan, CKA_TRUSTED), Ok(vec![CK_FALSE]));
    wraps_nothing(&token, &session, CKM_ECDH_AES_KEY_WRAP, trojan);
    let numbers = numbers(&known());
    let trojan = wrapping_key(&session, &numbers);
    let transport = session.rsa_private(&numbers, &[flag(CKA_UNWRAP, true)]).unwrap();
    let oaep = RsaMechanism::usual(CKM_RSA_PKCS_OAEP);
    let wrapped = session.rsa_encrypt(&oaep, trojan, &[7; 32]).unwrap();
    let template = secret_key(CKK_AES, &[flag(CKA_WRAP_WITH_TRUSTED, true)]);
    let secret = session.unwrap(&oaep, transport, &wrapped, &template).unwrap();
    assert_eq!(session.wrap(&oaep, trojan, secret), Err(CKR_KEY_NOT_WRAPPABLE));
    assert_eq!(session.set(secret, &[flag(CKA_WRAP_WITH_TRUSTED, false)]), CKR_ATTRIBUTE_READ_ONLY);
    assert_eq!(session.wrap(&oaep, trojan, pair.private), Err(CKR_KEY_UNEXTRACTABLE));
    assert_eq!(session.destroy(transport), CKR_OK);
}

/// **Unwrap a known key, then wrap others under it** (Delaune, Kremer and Steel 2008, unwrap and encrypt): no mechanism wraps
/// or unwraps with a secret key.
#[test]
fn a_known_key_is_not_unwrapped() {
    let token = Token::shared();
    let session = token.user();
    let pair = generous_pair(&session);
    for id in [CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_PAD, CKM_AES_KEY_WRAP_KWP, CKM_AES_GCM, CKM_AES_CBC_PAD] {
        wraps_nothing(&token, &session, id, pair.private);
    }
}

/// **Unwrap one blob twice, with different attributes** (Delaune, Kremer and Steel 2008, re-import): no template makes a key that
/// its sender could not use already: a secret key is readable, a private key is marked, and neither calls itself sensitive
/// from the start. Mechanisms that wrap with secret keys are refused.
#[test]
fn one_blob_does_not_become_two_keys() {
    let token = Token::shared();
    let session = token.user();
    let pair = generous_pair(&session);
    let loose = WRAPPING.iter().filter(|wrapping| {
        matches!(wrapping.decision, Decision::Refused(why) if why.contains("attributes of the key are not bound"))
    });
    let loose: Vec<_> = loose.collect();
    assert!(loose.len() >= 5);
    for wrapping in loose {
        wraps_nothing(&token, &session, wrapping.id, pair.private);
    }
    let numbers = numbers(&known());
    let public = wrapping_key(&session, &numbers);
    let transport = session.rsa_private(&numbers, &[flag(CKA_UNWRAP, true)]).unwrap();
    let oaep = RsaMechanism::usual(CKM_RSA_PKCS_OAEP);
    let wrapped = session.rsa_encrypt(&oaep, public, &[7; 32]).unwrap();
    for (refused, rv) in [
        (flag(CKA_SENSITIVE, true), CKR_ATTRIBUTE_VALUE_INVALID),
        (flag(CKA_EXTRACTABLE, false), CKR_ATTRIBUTE_VALUE_INVALID),
        (flag(CKA_ALWAYS_SENSITIVE, true), CKR_ATTRIBUTE_READ_ONLY),
        (flag(CKA_NEVER_EXTRACTABLE, true), CKR_ATTRIBUTE_READ_ONLY),
        (flag(CKA_LOCAL, true), CKR_ATTRIBUTE_READ_ONLY),
        (flag(CKA_TRUSTED, true), CKR_TEMPLATE_INCONSISTENT),
        (on_token(true), CKR_TEMPLATE_INCONSISTENT),
    ] {
        let template = secret_key(CKK_AES, std::slice::from_ref(&refused));
        assert_eq!(session.unwrap(&oaep, transport, &wrapped, &template), Err(rv), "{refused:?}");
    }
    for kind in [CKK_AES, CKK_GENERIC_SECRET] {
        let key = session.unwrap(&oaep, transport, &wrapped, &secret_key(kind, &[])).unwrap();
        for kind in [CKA_LOCAL, CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE] {
            assert_eq!(session.get(key, kind), Ok(vec![CK_FALSE]), "{kind:#x}");
        }
    }
    assert_eq!(session.destroy(transport), CKR_OK);
}

/// **Conjure keys by unwrapping random blobs** (Clulow 2003, key conjuring; Bond 2001): OAEP and RFC 5649 tell a random blob from
/// a wrapped key, with one error for all, and no object appears.
#[test]
fn random_bytes_become_no_key() {
    let token = Token::shared();
    let session = token.user();
    let pair = generous_pair(&session);
    let before = session.find(&[number(CKA_CLASS, CKO_SECRET_KEY)]);
    for id in [CKM_DES_ECB, CKM_DES3_ECB, CKM_AES_ECB, CKM_AES_CBC, CKM_RSA_X_509] {
        wraps_nothing(&token, &session, id, pair.private);
    }
    let numbers = numbers(&known());
    let public = wrapping_key(&session, &numbers);
    let transport = session.rsa_private(&numbers, &[flag(CKA_UNWRAP, true)]).unwrap();
    let envelope = RsaMechanism::usual(CKM_RSA_AES_KEY_WRAP);
    let (oaep, inner) = (RsaMechanism::usual(CKM_RSA_PKCS_OAEP), vec![9; 40]);
    let outer = |aes: &[u8]| session.rsa_encrypt(&oaep, public, aes).unwrap();
    for (mechanism, blob) in [
        (&oaep, vec![7; 256]),
        (&oaep, vec![0; 256]),
        (&envelope, [vec![7; 256], inner.clone()].concat()),
        (&envelope, [outer(&[1; 32]), inner.clone()].concat()),
        (&envelope, [outer(&[1; 16]), inner].concat()),
    ] {
        for template in [secret_key(CKK_GENERIC_SECRET, &[]), private_key(CKK_EC)] {
            let unwrapped = session.unwrap(mechanism, transport, &blob, &template);
            assert_eq!(unwrapped, Err(CKR_WRAPPED_KEY_INVALID));
        }
    }
    assert_eq!(session.destroy(transport), CKR_OK);
    assert_eq!(session.find(&[number(CKA_CLASS, CKO_SECRET_KEY)]), before);
}

/// **Take halves of a wrapped key apart** (Clulow 2003, key binding; Bond and Anderson 2001): no mechanism wraps in
/// blocks that are not bound to each other.
#[test]
fn a_wrapped_key_has_no_halves() {
    let token = Token::shared();
    let session = token.user();
    let pair = generous_pair(&session);
    for id in [CKM_DES3_ECB, CKM_AES_ECB, CKM_AES_CTR, CKM_CAMELLIA_ECB, CKM_ARIA_ECB, CKM_SEED_ECB] {
        absent(&token, &session, id, pair.private);
    }
}

/// **Ask for the padding of a wrapped key** (Bardou, Focardi, Kawamoto, Simionato, Steel and Tsay 2012): no mechanism
/// unwraps with PKCS #1 v1.5 or CBC padding.
#[test]
fn unwrapping_is_no_padding_oracle() {
    let token = Token::shared();
    let session = token.user();
    let pair = generous_pair(&session);
    for id in [CKM_RSA_PKCS, CKM_AES_CBC_PAD, CKM_DES3_CBC_PAD, CKM_CAMELLIA_CBC_PAD] {
        wraps_nothing(&token, &session, id, pair.private);
    }
}

/// **Decrypt by asking for the padding** (Bleichenbacher 1998; ROBOT 2018; Marvin 2023): no mechanism decrypts with
/// PKCS #1 v1.5.
#[test]
fn decryption_is_no_padding_oracle() {
    let token = Token::shared();
    for mechanism in listed(&token).iter().filter(|known| [CKM_RSA_PKCS, CKM_RSA_X_509].contains(&known.id)) {
        assert_eq!(mechanism.info.flags & (CKF_DECRYPT | CKF_UNWRAP), 0, "{}", mechanism.name);
    }
}

/// **Derive a key from a few bits of another, and guess it** (Clulow 2003, reduced key space): no mechanism slices or
/// joins keys.
#[test]
fn a_key_is_not_sliced() {
    let token = Token::shared();
    let session = token.user();
    let pair = generous_pair(&session);
    for id in [
        CKM_EXTRACT_KEY_FROM_KEY,
        CKM_CONCATENATE_BASE_AND_KEY,
        CKM_CONCATENATE_BASE_AND_DATA,
        CKM_CONCATENATE_DATA_AND_BASE,
    ] {
        absent(&token, &session, id, pair.private);
    }
}

/// **Derive keys that differ by a chosen value** (Clulow 2003, related keys): no mechanism XORs a key.
#[test]
fn a_key_has_no_relatives() {
    let token = Token::shared();
    let session = token.user();
    let pair = generous_pair(&session);
    for id in [CKM_XOR_BASE_AND_DATA, CKM_AES_ECB_ENCRYPT_DATA, CKM_DES3_ECB_ENCRYPT_DATA] {
        absent(&token, &session, id, pair.private);
    }
}

/// **Shorten a MAC to a byte and guess it** (Clulow 2003; NIST SP 800-107 on truncated tags): no mechanism lets
/// the application choose the length of a tag.
#[test]
fn a_tag_is_not_shortened() {
    let token = Token::shared();
    let session = token.user();
    let pair = generous_pair(&session);
    for id in [
        CKM_SHA_1_HMAC_GENERAL,
        CKM_SHA256_HMAC_GENERAL,
        CKM_SHA384_HMAC_GENERAL,
        CKM_SHA512_HMAC_GENERAL,
        CKM_AES_MAC_GENERAL,
        CKM_AES_CMAC_GENERAL,
        CKM_DES3_MAC_GENERAL,
    ] {
        absent(&token, &session, id, pair.private);
    }
}

/// **Multiply the key with a point of another curve** (Biehl, Meyer and Müller 2000, invalid curve): a public key that is
/// not on its curve is not stored.
#[test]
fn a_point_off_the_curve_is_no_key() {
    let token = Token::shared();
    let session = token.user();
    let mut point = session.get(generous_pair(&session).public, CKA_EC_POINT).unwrap();
    *point.last_mut().unwrap() ^= 1;
    let key = |point: Vec<u8>| {
        session.create(&[
            number(CKA_CLASS, CKO_PUBLIC_KEY),
            number(CKA_KEY_TYPE, CKK_EC),
            (CKA_EC_PARAMS, P256.to_vec()),
            (CKA_EC_POINT, point),
        ])
    };
    for wrong in [point.clone(), vec![4, 1, 0], vec![0], Vec::new(), [&point[..], &[0]].concat()] {
        assert_eq!(key(wrong.clone()), Err(CKR_PUBLIC_KEY_INVALID), "{wrong:02x?}");
    }
}

/// **Choose the generator of the curve** (CVE-2020-0601, CurveBall): explicit curve parameters are refused, in a key that is
/// generated and in one that is brought.
#[test]
fn a_curve_is_not_described_by_its_user() {
    let token = Token::shared();
    let session = token.user();
    // ECParameters: version 1, prime field of 13, a, b, a base point, order, cofactor.
    let explicit = b"\x30\x22\x02\x01\x01\x30\x0c\x06\x07\x2a\x86\x48\xce\x3d\x01\x01\x02\x01\x0d\x30\x06\x04\x01\x01\x04\x01\x01\x04\x03\x04\x01\x01\x02\x01\x07\x02\x01\x01";
    let params = || (CKA_EC_PARAMS, explicit.to_vec());
    assert_eq!(session.generate(&[params()], &[on_token(true)]).unwrap_err(), CKR_DOMAIN_PARAMS_INVALID);
    let key = [
        number(CKA_CLASS, CKO_PUBLIC_KEY),
        number(CKA_KEY_TYPE, CKK_EC),
        params(),
        (CKA_EC_POINT, vec![4, 1, 1]),
    ];
    assert_eq!(session.create(&key), Err(CKR_DOMAIN_PARAMS_INVALID));
}
