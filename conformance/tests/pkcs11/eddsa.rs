//! Ed25519: signatures under another implementation, RFC 8032's vectors, and what parameters are refused.

use std::ptr::null_mut;

use conformance::call;
use conformance::lab::skipped;
use conformance::session::{ED25519, Session, labelled, mechanism, number, on_token};
use conformance::token::Token;
use cryptoki_sys::*;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha512};

/// The curve's name as `CKA_EC_PARAMS`.
const NAME: &[u8] = b"\x13\x0cedwards25519";

/// A parameter of `CKM_EDDSA`, and the mechanism with it.
struct Variant(Option<CK_EDDSA_PARAMS>);

impl Variant {
    const PURE: Self = Self(None);

    fn of(prehashed: bool, context: &[u8]) -> Self {
        Self(Some(CK_EDDSA_PARAMS {
            phFlag: CK_BBOOL::from(prehashed),
            ulContextDataLen: context.len() as CK_ULONG,
            pContextData: context.as_ptr().cast_mut(),
        }))
    }

    fn mechanism(&mut self) -> CK_MECHANISM {
        match &mut self.0 {
            None => mechanism(CKM_EDDSA),
            Some(parameter) => CK_MECHANISM {
                mechanism: CKM_EDDSA,
                ulParameterLen: size_of::<CK_EDDSA_PARAMS>() as CK_ULONG,
                pParameter: std::ptr::from_mut(parameter).cast(),
            },
        }
    }
}

fn sign_init(session: &Session<'_>, mut variant: Variant, key: CK_OBJECT_HANDLE) -> CK_RV {
    let mut mechanism = variant.mechanism();
    call!(session.module, C_SignInit(session.handle, &mut mechanism, key))
}

fn sign(session: &Session<'_>, variant: Variant, key: CK_OBJECT_HANDLE, message: &[u8]) -> Vec<u8> {
    assert_eq!(sign_init(session, variant, key), CKR_OK);
    let (mut message, mut signature, mut len) = (message.to_vec(), vec![0; 100], 100);
    let (at, bytes) = (message.as_mut_ptr(), message.len() as CK_ULONG);
    let rv = call!(session.module, C_Sign(session.handle, at, bytes, signature.as_mut_ptr(), &mut len));
    assert_eq!((rv, len), (CKR_OK, 64));
    signature.truncate(64);
    signature
}

fn verify(
    session: &Session<'_>,
    mut variant: Variant,
    key: CK_OBJECT_HANDLE,
    message: &[u8],
    signature: &[u8],
) -> CK_RV {
    let mut mechanism = variant.mechanism();
    assert_eq!(call!(session.module, C_VerifyInit(session.handle, &mut mechanism, key)), CKR_OK);
    let (mut message, mut signature) = (message.to_vec(), signature.to_vec());
    let (at, bytes) = (message.as_mut_ptr(), message.len() as CK_ULONG);
    let (signature, length) = (signature.as_mut_ptr(), signature.len() as CK_ULONG);
    call!(session.module, C_Verify(session.handle, at, bytes, signature, length))
}

fn generate(session: &Session<'_>, params: &[u8], label: &str) -> conformance::session::Pair {
    let public = [(CKA_EC_PARAMS, params.to_vec()), on_token(true), labelled(label)];
    let private = [on_token(true), labelled(label)];
    session.generate_with(CKM_EC_EDWARDS_KEY_PAIR_GEN, &public, &private).unwrap()
}

fn public_key(session: &Session<'_>, point: &[u8]) -> Result<CK_OBJECT_HANDLE, CK_RV> {
    session.create(&[
        number(CKA_CLASS, CKO_PUBLIC_KEY),
        number(CKA_KEY_TYPE, CKK_EC_EDWARDS),
        (CKA_EC_PARAMS, ED25519.to_vec()),
        (CKA_EC_POINT, [&[4, point.len() as u8], point].concat()),
    ])
}

#[test]
fn every_variant_signs() {
    let token = Token::shared();
    let session = token.user();
    for params in [&ED25519[..], NAME] {
        let pair = generate(&session, params, "edwards");
        for key in [pair.private, pair.public] {
            assert_eq!(session.get(key, CKA_EC_PARAMS), Ok(ED25519.to_vec()));
            assert_eq!(session.get(key, CKA_KEY_TYPE), Ok(CKK_EC_EDWARDS.to_ne_bytes().to_vec()));
        }
        let point = session.get(pair.public, CKA_EC_POINT).unwrap();
        assert_eq!(point[..2], [4, 32], "a DER OCTET STRING");
        let spki = [&b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"[..], &point[2..]].concat();
        assert_eq!(session.get(pair.public, CKA_PUBLIC_KEY_INFO), Ok(spki));
        let key = VerifyingKey::from_bytes(point[2..].try_into().unwrap()).unwrap();
        let long = vec![7; 100_000];
        for message in [&b""[..], b"a message", &long] {
            let signature = sign(&session, Variant::PURE, pair.private, message);
            key.verify_strict(message, &Signature::from_slice(&signature).unwrap()).unwrap();
            assert_eq!(verify(&session, Variant::PURE, pair.public, message, &signature), CKR_OK);
            for (prehashed, context) in
                [(false, &b""[..]), (false, b"context"), (true, b""), (true, &long[..255])]
            {
                let signature = sign(&session, Variant::of(prehashed, context), pair.private, message);
                if prehashed {
                    let (hash, context) = (Sha512::new().chain_update(message), Some(context));
                    let signature = Signature::from_slice(&signature).unwrap();
                    key.verify_prehashed_strict(hash, context, &signature).unwrap();
                }
                let verify = |variant| verify(&session, variant, pair.public, message, &signature);
                assert_eq!(verify(Variant::of(prehashed, context)), CKR_OK);
                assert_eq!(verify(Variant::of(!prehashed, context)), CKR_SIGNATURE_INVALID);
                assert_eq!(verify(Variant::of(prehashed, b"another")), CKR_SIGNATURE_INVALID);
                assert_eq!(verify(Variant::PURE), CKR_SIGNATURE_INVALID);
            }
        }
    }
}

#[test]
fn a_message_comes_in_parts_too() {
    let token = Token::shared();
    let session = token.user();
    let pair = generate(&session, &ED25519, "edwards parts");
    for prehashed in [None, Some(true)] {
        let variant = || prehashed.map_or(Variant::PURE, |prehashed| Variant::of(prehashed, b""));
        assert_eq!(sign_init(&session, variant(), pair.private), CKR_OK);
        for part in [&b"in "[..], b"", b"parts"] {
            let (part, len) = (part.as_ptr().cast_mut(), part.len() as CK_ULONG);
            assert_eq!(call!(token.module, C_SignUpdate(session.handle, part, len)), CKR_OK);
        }
        let (mut signature, mut len) = ([0; 64], 0);
        assert_eq!(call!(token.module, C_SignFinal(session.handle, null_mut(), &mut len)), CKR_OK);
        assert_eq!(len, 64);
        assert_eq!(
            call!(token.module, C_SignFinal(session.handle, signature.as_mut_ptr(), &mut len)),
            CKR_OK
        );
        assert_eq!(verify(&session, variant(), pair.public, b"in parts", &signature), CKR_OK);
    }
}

/// What is signed whole has a bound; what is hashed first has none.
#[test]
fn a_message_too_long_for_the_nodes_is_refused() {
    if skipped("a limit of our nodes") {
        return;
    }
    let token = Token::shared();
    let session = token.user();
    let pair = generate(&session, &ED25519, "edwards long");
    let mut long = vec![1; (256 << 10) + 1];
    let (at, len) = (long.as_mut_ptr(), long.len() as CK_ULONG);
    let (mut signature, mut length) = ([0; 64], 64);
    assert_eq!(sign_init(&session, Variant::PURE, pair.private), CKR_OK);
    let rv = call!(token.module, C_Sign(session.handle, at, len, signature.as_mut_ptr(), &mut length));
    assert_eq!(rv, CKR_DATA_LEN_RANGE);
    let signature = sign(&session, Variant::PURE, pair.private, &long[1..]);
    assert_eq!(verify(&session, Variant::PURE, pair.public, &long[1..], &signature), CKR_OK);
    let signature = sign(&session, Variant::of(true, b""), pair.private, &long);
    assert_eq!(verify(&session, Variant::of(true, b""), pair.public, &long, &signature), CKR_OK);
}

/// Public key, message, parameter, signature.
type Vector = (&'static str, Vec<u8>, Option<(bool, &'static [u8])>, &'static str);

/// RFC 8032, 7.1 (tests 1, 2 and SHA(abc)), 7.2 and 7.3.
#[test]
fn rfc8032_ed25519() {
    let token = Token::shared();
    let session = token.user();
    let hex = |text: &str| hex::decode(text).unwrap();
    let contextual = "dfc9425e4f968f7f0c29f0259cf5f9aed6851c2bb4ad8bfb860cfee0ab248292";
    let abc = "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf";
    let vectors: [Vector; 6] = [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            vec![],
            None,
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            vec![0x72],
            None,
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            abc,
            Sha512::digest(b"abc").to_vec(),
            None,
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
        ),
        (
            contextual,
            hex("f726936d19c800494e3fdaff20b276a8"),
            Some((false, b"foo")),
            "55a4cc2f70a54e04288c5f4cd1e45a7bb520b36292911876cada7323198dd87a8b36950b95130022907a7fb7c4e9b2d5f6cca685a587b4b21f4b888e4e7edb0d",
        ),
        (
            contextual,
            hex("f726936d19c800494e3fdaff20b276a8"),
            Some((false, b"bar")),
            "fc60d5872fc46b3aa69f8b5b4351d5808f92bcc044606db097abab6dbcb1aee3216c48e8b3b66431b5b186d1d28f8ee15a5ca2df6668346291c2043d4eb3e90d",
        ),
        (
            abc,
            b"abc".to_vec(),
            Some((true, b"")),
            "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
        ),
    ];
    for (point, message, parameter, signature) in vectors {
        let key = public_key(&session, &hex(point)).unwrap();
        let variant =
            || parameter.map_or(Variant::PURE, |(prehashed, context)| Variant::of(prehashed, context));
        let mut signature = hex(signature);
        assert_eq!(verify(&session, variant(), key, &message, &signature), CKR_OK);
        let longer = [&message[..], b"x"].concat();
        assert_eq!(verify(&session, variant(), key, &longer, &signature), CKR_SIGNATURE_INVALID);
        signature[40] ^= 1;
        assert_eq!(verify(&session, variant(), key, &message, &signature), CKR_SIGNATURE_INVALID);
        assert_eq!(verify(&session, variant(), key, &message, &signature[1..]), CKR_SIGNATURE_LEN_RANGE);
    }
}

#[test]
fn other_parameters_and_keys_are_refused() {
    let token = Token::shared();
    let session = token.user();
    let pair = generate(&session, &ED25519, "edwards refused");
    assert_eq!(sign_init(&session, Variant::of(false, &[1; 256]), pair.private), CKR_MECHANISM_PARAM_INVALID);
    let mut flag = Variant::of(true, b"");
    flag.0.as_mut().unwrap().phFlag = 2;
    assert_eq!(sign_init(&session, flag, pair.private), CKR_MECHANISM_PARAM_INVALID);
    let mut short = Variant::of(true, b"");
    let mut mechanism = CK_MECHANISM { ulParameterLen: 3, ..short.mechanism() };
    let rv = call!(token.module, C_SignInit(session.handle, &mut mechanism, pair.private));
    assert_eq!(rv, CKR_MECHANISM_PARAM_INVALID);
    assert_eq!(session.sign_init(CKM_ECDSA, pair.private), CKR_KEY_TYPE_INCONSISTENT);
    let p256 = session.p256("no edwards key");
    assert_eq!(sign_init(&session, Variant::PURE, p256.private), CKR_KEY_TYPE_INCONSISTENT);
    // Not canonical, the identity, and a point of small order.
    for point in [
        [[0xf0].as_slice(), &[0xff; 30], &[0x7f]].concat().try_into().unwrap(),
        [[1].as_slice(), &[0; 31]].concat().try_into().unwrap(),
        [0; 32],
    ] {
        assert!(public_key(&session, &point).is_err(), "{point:?}");
    }
    let wrong = [(CKA_EC_PARAMS, conformance::session::P256.to_vec())];
    let refused = session.generate_with(CKM_EC_EDWARDS_KEY_PAIR_GEN, &wrong, &[on_token(true)]);
    assert_eq!(refused.err(), Some(CKR_CURVE_NOT_SUPPORTED));
}
