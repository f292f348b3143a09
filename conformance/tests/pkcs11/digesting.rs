//! Digests. They are made in this process and need no login.

use std::ptr::null_mut;

use conformance::call;
use conformance::mechanisms::listed;
use conformance::session::{Outcome, Session, number, ok};
use conformance::token::Token;
use cryptoki_sys::*;

/// FIPS 180-4 and FIPS 202 examples: the digests of "abc".
#[rustfmt::skip]
const OF_ABC: [(CK_MECHANISM_TYPE, &str); 11] = [
    (CKM_SHA_1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (CKM_SHA224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
    (CKM_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (CKM_SHA384, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc23\
        58baeca134c825a7"),
    (CKM_SHA512, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a8\
        36ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"),
    (CKM_SHA512_224, "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa"),
    (CKM_SHA512_256, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
    (CKM_SHA3_224, "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"),
    (CKM_SHA3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
    (CKM_SHA3_384, "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f5\
        39f1edf228376d25"),
    (CKM_SHA3_512, "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c9\
        1a7ec57647e3934057340b4cf408d5a56592f8274eec53f0"),
];

fn digest(session: &Session<'_>, id: CK_MECHANISM_TYPE, data: &[u8]) -> Outcome<Vec<u8>> {
    ok(session.digest_init(id))?;
    let (mut digest, mut len) = (vec![0; 64], 64);
    let (data, data_len) = (data.as_ptr().cast_mut(), data.len() as CK_ULONG);
    ok(call!(session.module, C_Digest(session.handle, data, data_len, digest.as_mut_ptr(), &mut len)))?;
    digest.truncate(len as usize);
    Ok(digest)
}

fn update(session: &Session<'_>, part: &[u8]) -> CK_RV {
    call!(session.module, C_DigestUpdate(session.handle, part.as_ptr().cast_mut(), part.len() as CK_ULONG))
}

#[test]
fn fips_examples() {
    let token = Token::shared();
    let session = token.session(0);
    for (id, expected) in OF_ABC {
        assert_eq!(hex::encode(digest(&session, id, b"abc").unwrap()), expected, "{id:#x}");
    }
    let listed = listed(&token).iter().filter(|mechanism| mechanism.info.flags & CKF_DIGEST != 0).count();
    assert_eq!(listed, OF_ABC.len());
}

#[test]
fn parts_make_the_same_digest() {
    let token = Token::shared();
    let session = token.session(0);
    for (id, expected) in OF_ABC {
        assert_eq!(session.digest_init(id), CKR_OK);
        for part in [&b"a"[..], b"", b"bc"] {
            assert_eq!(update(&session, part), CKR_OK);
        }
        let (mut digest, mut len) = ([0u8; 64], 0);
        assert_eq!(call!(token.module, C_DigestFinal(session.handle, null_mut(), &mut len)), CKR_OK);
        assert_eq!(len as usize, expected.len() / 2);
        assert_eq!(call!(token.module, C_DigestFinal(session.handle, digest.as_mut_ptr(), &mut len)), CKR_OK);
        assert_eq!(hex::encode(&digest[..len as usize]), expected, "{id:#x}");
        assert_eq!(update(&session, b"x"), CKR_OPERATION_NOT_INITIALIZED);
    }
}

#[test]
fn nothing_has_a_digest_too() {
    let token = Token::shared();
    let session = token.session(0);
    assert_eq!(session.digest_init(CKM_SHA256), CKR_OK);
    let (mut digest, mut len) = ([0u8; 32], 32);
    assert_eq!(
        call!(token.module, C_Digest(session.handle, null_mut(), 0, digest.as_mut_ptr(), &mut len)),
        CKR_OK
    );
    assert_eq!(hex::encode(digest), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

#[test]
fn a_buffer_that_is_too_small_costs_nothing() {
    let token = Token::shared();
    let session = token.session(0);
    assert_eq!(session.digest_init(CKM_SHA256), CKR_OK);
    let (mut data, mut digest, mut len) = (*b"abc", [0u8; 32], 31);
    let (data, out) = (data.as_mut_ptr(), digest.as_mut_ptr());
    assert_eq!(call!(token.module, C_Digest(session.handle, data, 3, out, &mut len)), CKR_BUFFER_TOO_SMALL);
    assert_eq!((len, digest), (32, [0; 32]));
    assert_eq!(call!(token.module, C_Digest(session.handle, data, 3, out, &mut len)), CKR_OK);
    assert_eq!(hex::encode(digest), OF_ABC[2].1);
}

#[test]
fn single_and_multiple_parts_do_not_mix() {
    let token = Token::shared();
    let session = token.session(0);
    assert_eq!(session.digest_init(CKM_SHA256), CKR_OK);
    assert_eq!(session.digest_init(CKM_SHA256), CKR_OPERATION_ACTIVE);
    assert_eq!(update(&session, b"a"), CKR_OK);
    let (mut digest, mut len) = ([0u8; 32], 32);
    let rv =
        call!(token.module, C_Digest(session.handle, digest.as_mut_ptr(), 1, digest.as_mut_ptr(), &mut len));
    assert_eq!(rv, CKR_OPERATION_ACTIVE);
}

#[test]
fn no_mechanism_but_a_digest_digests() {
    let token = Token::shared();
    let session = token.session(0);
    assert_eq!(session.digest_init(CKM_ECDSA), CKR_MECHANISM_INVALID);
    assert_eq!(session.digest_init(CKM_MD5), CKR_MECHANISM_INVALID);
    let mut parameter = [0u8; 4];
    let mut odd =
        CK_MECHANISM { mechanism: CKM_SHA256, pParameter: parameter.as_mut_ptr().cast(), ulParameterLen: 4 };
    assert_eq!(call!(token.module, C_DigestInit(session.handle, &mut odd)), CKR_MECHANISM_PARAM_INVALID);
}

#[test]
fn the_value_of_our_keys_is_not_digested() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.p256("not digested");
    assert_eq!(session.digest_init(CKM_SHA256), CKR_OK);
    assert_eq!(call!(token.module, C_DigestKey(session.handle, pair.private)), CKR_KEY_INDIGESTIBLE);
    let data = session.create(&[number(CKA_CLASS, CKO_DATA)]).unwrap();
    assert_eq!(session.destroy(data), CKR_OK);
}
