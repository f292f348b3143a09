//! C_Digest*.

use cryptoki_sys::*;
use token::Error;

use crate::support::*;

/// The digests of "abc": FIPS 180-4 and FIPS 202 example values (NIST, "SHA_All" and "SHA3-xxx_Msg24").
const ABC: [(u64, &str); 11] = [
    (CKM_SHA_1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (CKM_SHA224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
    (CKM_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
        CKM_SHA384,
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    ),
    (
        CKM_SHA512,
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
    (CKM_SHA512_224, "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa"),
    (CKM_SHA512_256, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
    (CKM_SHA3_224, "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"),
    (CKM_SHA3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
    (
        CKM_SHA3_384,
        "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25",
    ),
    (
        CKM_SHA3_512,
        "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e\
         10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
    ),
];

#[test]
fn fips_examples_at_once_and_in_parts() {
    let application = Application::new();
    let session = application.session();
    let provider = &application.provider;
    for (mechanism, expected) in ABC {
        let expected = hex::decode(expected).unwrap();
        provider.digest_init(session, Some(call(mechanism))).unwrap();
        let mut out = Buffer::of(64);
        provider.digest(session, b"abc", &mut out).unwrap();
        assert_eq!(out.bytes, expected);
        provider.digest_init(session, Some(call(mechanism))).unwrap();
        provider.digest_update(session, b"a").unwrap();
        provider.digest_update(session, b"bc").unwrap();
        let mut out = Buffer::of(64);
        provider.digest_final(session, &mut out).unwrap();
        assert_eq!(out.bytes, expected);
    }
}

#[test]
fn a_length_query_keeps_the_operation_active() {
    let application = Application::new();
    let session = application.session();
    let provider = &application.provider;
    provider.digest_init(session, Some(call(CKM_SHA256))).unwrap();
    let mut null = Buffer::null();
    provider.digest(session, b"abc", &mut null).unwrap();
    assert_eq!(null.length, Some(32));
    let mut out = Buffer::of(32);
    provider.digest(session, b"abc", &mut out).unwrap();
    assert_eq!(hex::encode(out.bytes), ABC[2].1);
}

#[test]
fn nothing_is_digested_without_an_init_or_with_an_unknown_mechanism() {
    let application = Application::new();
    let session = application.session();
    let provider = &application.provider;
    assert_eq!(provider.digest_update(session, b"x"), Err(Error::OperationNotInitialized));
    assert_eq!(provider.digest(session, b"x", &mut Buffer::null()), Err(Error::OperationNotInitialized));
    assert_eq!(provider.digest_init(session, Some(call(999))), Err(Error::MechanismInvalid));
    assert_eq!(provider.digest_init(session, Some(call(CKM_ECDSA))), Err(Error::MechanismInvalid));
    let parameter = token::MechanismCall { id: CKM_SHA256, parameter: token::Parameter::Bytes(b"x") };
    assert_eq!(provider.digest_init(session, Some(parameter)), Err(Error::MechanismParamInvalid));
}

#[test]
fn keys_are_indigestible() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    let provider = &application.provider;
    for (key, error) in [
        (pair.private, Error::KeyIndigestible),
        (pair.public, Error::KeyIndigestible),
        (0, Error::KeyHandleInvalid),
    ] {
        provider.digest_init(session, Some(call(CKM_SHA256))).unwrap();
        assert_eq!(provider.digest_key(session, key), Err(error));
        provider.digest_init(session, None).unwrap();
    }
}
