//! X25519: both sides of an agreement, RFC 7748's vectors by import, and what is refused.

use conformance::session::{Attribute, Pair, Session, X25519, labelled, number, on_token};
use conformance::token::Token;
use cryptoki_sys::*;
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::montgomery::MontgomeryPoint;

use crate::importing::{agree, hex, private_key};

/// The curve's name as `CKA_EC_PARAMS`.
const NAME: &[u8] = b"\x13\x0acurve25519";

fn pair(session: &Session<'_>, params: &[u8], more: &[Attribute]) -> Pair {
    let public = [(CKA_EC_PARAMS, params.to_vec()), on_token(true)];
    let private = [&[on_token(true), labelled("x25519")], more].concat();
    session.generate_with(CKM_EC_MONTGOMERY_KEY_PAIR_GEN, &public, &private).expect("C_GenerateKeyPair")
}

/// The other side's private key is the portable crate's.
#[test]
fn two_sides_agree() {
    let token = Token::shared();
    let session = token.user();
    let own = MontgomeryPoint::mul_base_clamped([3; 32]).to_bytes();
    let der = [&[4, 32][..], &own].concat();
    for params in [&X25519[..], NAME] {
        let pair = pair(&session, params, &[]);
        assert_eq!(session.get(pair.private, CKA_EC_PARAMS), Ok(X25519.to_vec()));
        assert_eq!(session.get(pair.private, CKA_KEY_TYPE), Ok(number(0, CKK_EC_MONTGOMERY).1));
        assert_eq!(session.get(pair.private, CKA_SIGN), Ok(vec![CK_FALSE]));
        assert_eq!(session.get(pair.private, CKA_DERIVE), Ok(vec![CK_TRUE]));
        let point = session.get(pair.public, CKA_EC_POINT).unwrap();
        let public = MontgomeryPoint(point[2..].try_into().unwrap());
        let expected = public.mul_clamped([3; 32]).to_bytes().to_vec();
        for public_data in [&own[..], &der] {
            assert_eq!(agree(&session, pair.private, public_data), Ok(expected.clone()));
        }
        assert_eq!(session.destroy(pair.private), CKR_OK);
        assert_eq!(session.destroy(pair.public), CKR_OK);
    }
}

/// Keys of X25519 do nothing else, and other curves are not made by their mechanism.
#[test]
fn keys_and_mechanisms_go_together() {
    let token = Token::shared();
    let session = token.user();
    let pair = pair(&session, &X25519, &[(CKA_SIGN, vec![CK_TRUE])]);
    for id in [CKM_EDDSA, CKM_ECDSA] {
        assert_eq!(session.sign_init(id, pair.private), CKR_KEY_TYPE_INCONSISTENT);
    }
    let on = |id, params: &[u8]| {
        let public = [(CKA_EC_PARAMS, params.to_vec())];
        session.generate_with(id, &public, &[]).err()
    };
    assert_eq!(on(CKM_EC_KEY_PAIR_GEN, &X25519), Some(CKR_CURVE_NOT_SUPPORTED));
    assert_eq!(on(CKM_EC_EDWARDS_KEY_PAIR_GEN, &X25519), Some(CKR_CURVE_NOT_SUPPORTED));
    assert_eq!(
        on(CKM_EC_MONTGOMERY_KEY_PAIR_GEN, &conformance::session::ED25519),
        Some(CKR_CURVE_NOT_SUPPORTED)
    );
    assert_eq!(on(CKM_EC_MONTGOMERY_KEY_PAIR_GEN, b"\x13\x08curve448"), Some(CKR_CURVE_NOT_SUPPORTED));
    assert_eq!(session.destroy(pair.private), CKR_OK);
}

/// Small orders, whose secret is zero; the twist, of which u = 2 is; other lengths.
#[test]
fn peers_without_a_secret_are_refused() {
    let token = Token::shared();
    let session = token.user();
    let pair = pair(&session, &X25519, &[]);
    let mut twist = vec![0; 32];
    twist[0] = 2;
    let mut bad = vec![twist, vec![], vec![9; 31], vec![9; 33]];
    bad.extend(EIGHT_TORSION.iter().map(|torsion| torsion.to_montgomery().to_bytes().to_vec()));
    for public_data in bad {
        let refused = agree(&session, pair.private, &public_data);
        assert_eq!(refused, Err(CKR_MECHANISM_PARAM_INVALID), "{public_data:02x?}");
    }
    assert_eq!(session.destroy(pair.private), CKR_OK);
}

/// RFC 7748, 5.2 and 6.1. The second vector of 5.2 is a point of the twist, which is refused.
#[test]
fn rfc7748() {
    let token = Token::shared();
    let session = token.user();
    for (private, public, own, shared) in [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            None,
            Some("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"),
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            None,
            None,
        ),
        (
            "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
            Some("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"),
            Some("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"),
        ),
        (
            "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
            Some("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"),
            Some("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"),
        ),
    ] {
        let key = session.create(&private_key(&X25519, &hex(private), &[])).unwrap();
        let info = session.get(key, CKA_PUBLIC_KEY_INFO).unwrap();
        assert!(own.is_none_or(|own| info.ends_with(&hex(own))));
        let expected = shared.map(hex).ok_or(CKR_MECHANISM_PARAM_INVALID);
        assert_eq!(agree(&session, key, &hex(public)), expected);
        assert_eq!(session.destroy(key), CKR_OK);
    }
}
