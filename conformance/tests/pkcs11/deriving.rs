//! Key agreement: both sides of it, and what is refused.

use conformance::session::{Agreement, Attribute, P256, P384, Pair, SECP256K1, Session};
use conformance::session::{flag, labelled, number, on_token, readable};
use conformance::token::Token;
use cryptoki_sys::*;
use p256::elliptic_curve::sec1::ToEncodedPoint;

/// A key pair on the curve that may derive.
pub fn deriving_pair(session: &Session<'_>, params: &[u8], label: &str) -> Pair {
    let public = [(CKA_EC_PARAMS, params.to_vec()), on_token(true), labelled(label)];
    let private = [on_token(true), labelled(label), flag(CKA_DERIVE, true)];
    session.generate(&public, &private).expect("C_GenerateKeyPair")
}

/// A generic secret that may be read.
fn generic(more: &[Attribute]) -> Vec<Attribute> {
    let kind = [number(CKA_CLASS, CKO_SECRET_KEY), number(CKA_KEY_TYPE, CKK_GENERIC_SECRET)];
    let said: Vec<_> = more.iter().map(|(kind, _)| *kind).collect();
    let open = readable().into_iter().filter(|(kind, _)| !said.contains(kind));
    kind.into_iter().chain(open).chain(more.iter().cloned()).collect()
}

fn bare(public_data: &[u8]) -> Agreement<'_> {
    Agreement { kdf: CKD_NULL, shared_data: &[], public_data }
}

fn sha256_of(parts: &[&[u8]]) -> Vec<u8> {
    use sha2::Digest;
    parts.iter().fold(sha2::Sha256::new(), |hash, part| hash.chain_update(part)).finalize().to_vec()
}

/// The other side's private key is a portable crate's.
macro_rules! agree_on {
    ($portable:ident, $params:expr, $bytes:literal, $session:expr) => {{
        let pair = deriving_pair($session, &$params, "agrees");
        let own = $portable::SecretKey::from_slice(&[3; $bytes]).unwrap();
        let raw = own.public_key().to_encoded_point(false).as_bytes().to_vec();
        let der = [&[4, raw.len() as u8][..], &raw].concat();
        let point = $session.get(pair.public, CKA_EC_POINT).unwrap();
        let public = $portable::PublicKey::from_sec1_bytes(&point[2..]).unwrap();
        let common = public.to_projective() * own.to_nonzero_scalar().as_ref();
        let expected = common.to_affine().to_encoded_point(false).x().unwrap().to_vec();
        for id in [CKM_ECDH1_DERIVE, CKM_ECDH1_COFACTOR_DERIVE] {
            for public_data in [&raw, &der] {
                let key = $session.derive(id, pair.private, &bare(public_data), &generic(&[])).unwrap();
                assert_eq!($session.get(key, CKA_VALUE), Ok(expected.clone()));
            }
        }
        let stretched = Agreement { kdf: CKD_SHA256_KDF, shared_data: b"info", public_data: &raw };
        let template = generic(&[number(CKA_VALUE_LEN, 40)]);
        let key = $session.derive(CKM_ECDH1_DERIVE, pair.private, &stretched, &template).unwrap();
        let blocks = [1_u32, 2].map(|counter| sha256_of(&[&expected, &counter.to_be_bytes(), b"info"]));
        assert_eq!($session.get(key, CKA_VALUE).unwrap(), blocks.concat()[..40]);
    }};
}

#[test]
fn two_sides_agree_on_every_curve() {
    let token = Token::shared();
    let session = token.user();
    agree_on!(p256, P256, 32, &session);
    agree_on!(p384, P384, 48, &session);
    agree_on!(k256, SECP256K1, 32, &session);
}

/// P-256's generator.
fn peer() -> Vec<u8> {
    p256::PublicKey::from_affine(p256::AffinePoint::GENERATOR)
        .unwrap()
        .to_encoded_point(false)
        .as_bytes()
        .to_vec()
}

#[test]
fn keys_derive_only_as_their_attributes_allow() {
    let token = Token::shared();
    let session = token.user();
    let peer = peer();
    let signs = session.p256("signs only");
    let derive = |key| session.derive(CKM_ECDH1_DERIVE, key, &bare(&peer), &generic(&[]));
    assert_eq!(derive(signs.private), Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
    assert_eq!(derive(signs.public), Err(CKR_KEY_TYPE_INCONSISTENT));
    let public = [(CKA_EC_PARAMS, P256.to_vec()), on_token(true)];
    let only = CKM_ECDH1_COFACTOR_DERIVE.to_ne_bytes().to_vec();
    let private =
        [on_token(true), flag(CKA_DERIVE, true), flag(CKA_SIGN, false), (CKA_ALLOWED_MECHANISMS, only)];
    let pair = session.generate(&public, &private).unwrap();
    assert_eq!(derive(pair.private), Err(CKR_MECHANISM_INVALID));
    let allowed = session.derive(CKM_ECDH1_COFACTOR_DERIVE, pair.private, &bare(&peer), &generic(&[]));
    assert!(allowed.is_ok());
    assert_eq!(session.sign(CKM_ECDSA, pair.private, &[1; 32]), Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
}

#[test]
fn a_secret_that_the_application_may_not_have_is_not_derived() {
    let token = Token::shared();
    let session = token.user();
    let pair = deriving_pair(&session, &P256, "refuses");
    let peer = peer();
    for (attribute, rv) in [
        (flag(CKA_SENSITIVE, true), CKR_ATTRIBUTE_VALUE_INVALID),
        (flag(CKA_EXTRACTABLE, false), CKR_ATTRIBUTE_VALUE_INVALID),
        (on_token(true), CKR_TEMPLATE_INCONSISTENT),
    ] {
        let derived = session.derive(
            CKM_ECDH1_DERIVE,
            pair.private,
            &bare(&peer),
            &generic(std::slice::from_ref(&attribute)),
        );
        assert_eq!(derived, Err(rv), "{attribute:?}");
    }
}

#[test]
fn a_peer_that_is_no_point_of_the_curve_is_refused() {
    let token = Token::shared();
    let session = token.user();
    let pair = deriving_pair(&session, &P256, "validates");
    let good = peer();
    let mut off_curve = good.clone();
    off_curve[64] ^= 1;
    let other_curve = [&[4][..], &[1; 96]].concat();
    for bad in [&[][..], &[0], &off_curve, &other_curve, &good[..33], &[&good[..], &[0]].concat()] {
        let derived = session.derive(CKM_ECDH1_DERIVE, pair.private, &bare(bad), &generic(&[]));
        assert_eq!(derived, Err(CKR_MECHANISM_PARAM_INVALID), "{bad:02x?}");
    }
}
