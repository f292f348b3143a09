//! RSA with public keys that an application brings: verification and encryption, which need neither a login nor the cluster.
//! The private halves are AWS-LC's.

use std::ptr::null_mut;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{
    KeyPair, KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384,
    OAEP_SHA512_MGF1SHA512, OaepPrivateDecryptingKey, Pkcs1PrivateDecryptingKey, PrivateDecryptingKey,
};
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding,
};
use conformance::call;
use conformance::rsa::{MODULUS, RsaMechanism};
use conformance::session::{Session, flag, number};
use conformance::token::Token;
use cryptoki_sys::*;
use sha2::Digest;

const EXPONENT: [u8; 3] = [1, 0, 1];

/// A public key of the session.
fn brought(session: &Session<'_>, modulus: &[u8]) -> CK_OBJECT_HANDLE {
    session.rsa_public(modulus, &EXPONENT).unwrap()
}

/// The modulus, which stands before the five bytes of the exponent in an RSAPublicKey of RFC 8017.
fn modulus(pair: &KeyPair) -> Vec<u8> {
    let der = pair.public_key().as_ref();
    let end = der.len() - 5;
    der[end - pair.public_modulus_len()..end].to_vec()
}

#[test]
fn a_brought_key_verifies_what_others_sign() {
    let token = Token::shared();
    let session = token.session(0);
    for size in [KeySize::Rsa2048, KeySize::Rsa3072, KeySize::Rsa4096] {
        let pair = KeyPair::generate(size).unwrap();
        let key = brought(&session, &modulus(&pair));
        let sign = |encoding: &'static dyn RsaEncoding| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(encoding, &SystemRandom::new(), b"message", &mut signature).unwrap();
            signature
        };
        let signed: [(&'static dyn RsaEncoding, RsaMechanism); 6] = [
            (&RSA_PKCS1_SHA256, RsaMechanism::plain(CKM_SHA256_RSA_PKCS)),
            (&RSA_PKCS1_SHA384, RsaMechanism::plain(CKM_SHA384_RSA_PKCS)),
            (&RSA_PKCS1_SHA512, RsaMechanism::plain(CKM_SHA512_RSA_PKCS)),
            (&RSA_PSS_SHA256, RsaMechanism::pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32)),
            (&RSA_PSS_SHA384, RsaMechanism::pss(CKM_SHA384_RSA_PKCS_PSS, CKM_SHA384, CKG_MGF1_SHA384, 48)),
            (&RSA_PSS_SHA512, RsaMechanism::pss(CKM_SHA512_RSA_PKCS_PSS, CKM_SHA512, CKG_MGF1_SHA512, 64)),
        ];
        for (encoding, mechanism) in signed {
            let mut signature = sign(encoding);
            let verify = |data: &[u8], signature: &[u8]| session.rsa_verify(&mechanism, key, data, signature);
            assert_eq!(verify(b"message", &signature), CKR_OK);
            assert_eq!(verify(b"massage", &signature), CKR_SIGNATURE_INVALID);
            assert_eq!(verify(b"message", &signature[1..]), CKR_SIGNATURE_LEN_RANGE);
            assert_eq!(verify(b"message", &[&signature[..], &[0]].concat()), CKR_SIGNATURE_LEN_RANGE);
            assert_eq!(verify(b"message", &vec![0xff; signature.len()]), CKR_SIGNATURE_INVALID);
            signature[17] ^= 1;
            assert_eq!(verify(b"message", &signature), CKR_SIGNATURE_INVALID);
        }
        // The raw mechanisms, with a digest made by the application.
        let digest = sha2::Sha256::digest(b"message");
        let info =
            [&b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"[..], &digest]
                .concat();
        let raw = RsaMechanism::plain(CKM_RSA_PKCS);
        assert_eq!(session.rsa_verify(&raw, key, &info, &sign(&RSA_PKCS1_SHA256)), CKR_OK);
        assert_eq!(session.rsa_verify(&raw, key, &digest, &sign(&RSA_PKCS1_SHA256)), CKR_SIGNATURE_INVALID);
        let raw = RsaMechanism::pss(CKM_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32);
        assert_eq!(session.rsa_verify(&raw, key, &digest, &sign(&RSA_PSS_SHA256)), CKR_OK);
        assert_eq!(session.rsa_verify(&raw, key, &digest[1..], &sign(&RSA_PSS_SHA256)), CKR_DATA_LEN_RANGE);
    }
}

#[test]
fn signatures_with_older_hashes_verify() {
    let token = Token::shared();
    let session = token.session(0);
    let key = brought(&session, &hex::decode(THEIR_MODULUS).unwrap());
    for (mechanism, signature) in
        [(CKM_SHA1_RSA_PKCS, SHA1_SIGNATURE), (CKM_SHA224_RSA_PKCS, SHA224_SIGNATURE)]
    {
        let signature = hex::decode(signature).unwrap();
        let mechanism = RsaMechanism::plain(mechanism);
        assert_eq!(session.rsa_verify(&mechanism, key, b"message", &signature), CKR_OK);
        assert_eq!(session.rsa_verify(&mechanism, key, b"massage", &signature), CKR_SIGNATURE_INVALID);
    }
}

#[test]
fn parts_are_verified_as_one_message() {
    let token = Token::shared();
    let session = token.session(0);
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let key = brought(&session, &modulus(&pair));
    let mut signature = vec![0; 256];
    pair.sign(&RSA_PSS_SHA256, &SystemRandom::new(), b"two parts", &mut signature).unwrap();
    let mechanism = RsaMechanism::pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32);
    let (module, handle) = (session.module, session.handle);
    let started = mechanism.with(|mechanism| call!(module, C_VerifyInit(handle, mechanism, key)));
    assert_eq!(started, CKR_OK);
    for part in [&b"two "[..], b"parts"] {
        let rv = call!(module, C_VerifyUpdate(handle, part.as_ptr().cast_mut(), part.len() as CK_ULONG));
        assert_eq!(rv, CKR_OK);
    }
    assert_eq!(call!(module, C_VerifyFinal(handle, signature.as_mut_ptr(), 256)), CKR_OK);
}

#[test]
fn what_is_encrypted_others_decrypt() {
    let token = Token::shared();
    let session = token.session(0);
    for size in [KeySize::Rsa2048, KeySize::Rsa3072, KeySize::Rsa4096] {
        let pair = PrivateDecryptingKey::generate(size).unwrap();
        let der = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
        let bytes = pair.key_size_bytes();
        let key = brought(&session, &modulus(&KeyPair::from_pkcs8(der.as_ref()).unwrap()));
        let oaep = OaepPrivateDecryptingKey::new(pair.clone()).unwrap();
        for (algorithm, hash, mgf, hash_bytes) in [
            (&OAEP_SHA1_MGF1SHA1, CKM_SHA_1, CKG_MGF1_SHA1, 20),
            (&OAEP_SHA256_MGF1SHA256, CKM_SHA256, CKG_MGF1_SHA256, 32),
            (&OAEP_SHA384_MGF1SHA384, CKM_SHA384, CKG_MGF1_SHA384, 48),
            (&OAEP_SHA512_MGF1SHA512, CKM_SHA512, CKG_MGF1_SHA512, 64),
        ] {
            for label in [&b""[..], b"label"] {
                let mechanism = RsaMechanism::oaep(hash, mgf, label);
                let most = bytes - 2 * hash_bytes - 2;
                for length in [0, 1, most] {
                    let data = vec![7; length];
                    let ciphertext = session.rsa_encrypt(&mechanism, key, &data).unwrap();
                    let mut plain = vec![0; bytes];
                    let label = (!label.is_empty()).then_some(label);
                    assert_eq!(oaep.decrypt(algorithm, &ciphertext, &mut plain, label).unwrap(), data);
                    assert_ne!(session.rsa_encrypt(&mechanism, key, &data), Ok(ciphertext));
                }
                let long = session.rsa_encrypt(&mechanism, key, &vec![7; most + 1]);
                assert_eq!(long, Err(CKR_DATA_LEN_RANGE));
            }
        }
        let pkcs1 = Pkcs1PrivateDecryptingKey::new(pair).unwrap();
        let mechanism = RsaMechanism::plain(CKM_RSA_PKCS);
        for length in [0, 1, bytes - 11] {
            let data = vec![9; length];
            let ciphertext = session.rsa_encrypt(&mechanism, key, &data).unwrap();
            let mut plain = vec![0; bytes];
            assert_eq!(pkcs1.decrypt(&ciphertext, &mut plain).unwrap(), data);
        }
        let long = session.rsa_encrypt(&mechanism, key, &vec![7; bytes - 10]);
        assert_eq!(long, Err(CKR_DATA_LEN_RANGE));
    }
}

#[test]
fn parameters_are_held_against_mechanism_and_modulus() {
    let token = Token::shared();
    let session = token.session(0);
    let key = brought(&session, &MODULUS);
    let verifying = |mechanism: &RsaMechanism| session.rsa_verify(mechanism, key, &[7; 32], &[1; 256]);
    let pss = |id, hash, mgf, salt| RsaMechanism::pss(id, hash, mgf, salt);
    for wrong in [
        RsaMechanism::plain(CKM_RSA_PKCS_PSS),
        RsaMechanism::plain(CKM_SHA256_RSA_PKCS_PSS),
        pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA384, CKG_MGF1_SHA384, 32),
        pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 256 - 32 - 1),
        pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, usize::MAX),
        pss(CKM_RSA_PKCS_PSS, CKM_SHA256, 0, 32),
        pss(CKM_RSA_PKCS_PSS, CKM_MD5, CKG_MGF1_SHA1, 20),
        pss(CKM_SHA256_RSA_PKCS, CKM_SHA256, CKG_MGF1_SHA256, 32),
    ] {
        assert_eq!(verifying(&wrong), CKR_MECHANISM_PARAM_INVALID);
    }
    let longest = pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA1, 256 - 32 - 2);
    assert_eq!(verifying(&longest), CKR_SIGNATURE_INVALID);
    let encrypting = |mechanism: &RsaMechanism| session.rsa_encrypt(mechanism, key, &[7; 32]);
    for wrong in [
        RsaMechanism::plain(CKM_RSA_PKCS_OAEP),
        RsaMechanism::oaep(CKM_SHA256, 0, &[]),
        RsaMechanism::oaep(0, CKG_MGF1_SHA256, &[]),
        RsaMechanism::oaep_from(0, CKM_SHA256, CKG_MGF1_SHA256, b"label"),
        RsaMechanism::oaep_from(2, CKM_SHA256, CKG_MGF1_SHA256, b"label"),
        RsaMechanism::oaep(CKM_SHA256, CKG_MGF1_SHA256, &[7; 70_000]),
    ] {
        assert_eq!(encrypting(&wrong), Err(CKR_MECHANISM_PARAM_INVALID));
    }
    for other in [CKM_RSA_X_509, CKM_SHA256_RSA_PKCS, CKM_ECDSA, CKM_SHA256] {
        assert_eq!(encrypting(&RsaMechanism::plain(other)), Err(CKR_MECHANISM_INVALID), "{other:#x}");
    }
    assert_eq!(verifying(&RsaMechanism::plain(CKM_RSA_X_509)), CKR_MECHANISM_INVALID);
    assert_eq!(verifying(&RsaMechanism::plain(CKM_ECDSA)), CKR_KEY_TYPE_INCONSISTENT);
}

#[test]
fn numbers_that_are_no_key_are_not_stored() {
    let token = Token::shared();
    let session = token.session(0);
    let key = brought(&session, &[&[0], &MODULUS[..]].concat());
    assert_eq!(session.get(key, CKA_MODULUS), Ok(MODULUS.to_vec()));
    assert_eq!(session.get(key, CKA_MODULUS_BITS), Ok(2048_u64.to_ne_bytes().to_vec()));
    assert_eq!(session.get(key, CKA_PUBLIC_EXPONENT), Ok(EXPONENT.to_vec()));
    assert_eq!(session.get(key, CKA_LOCAL), Ok(vec![CK_FALSE]));
    assert_eq!(session.get(key, CKA_EC_POINT), Err(CKR_ATTRIBUTE_TYPE_INVALID));
    let info = session.get(key, CKA_PUBLIC_KEY_INFO).unwrap();
    assert_eq!(info[info.len() - 261..info.len() - 5], MODULUS);
    let mut even = MODULUS;
    even[255] = 0;
    for (modulus, exponent) in [
        (&MODULUS[1..], &EXPONENT[..]),
        (&[0xff; 1025], &EXPONENT),
        (&even, &EXPONENT),
        (&[], &EXPONENT),
        (&MODULUS, &[]),
        (&MODULUS, &[1]),
        (&MODULUS, &[2]),
        (&MODULUS, &[1; 33]),
    ] {
        assert_eq!(session.rsa_public(modulus, exponent), Err(CKR_ATTRIBUTE_VALUE_INVALID));
    }
    let class = [number(CKA_CLASS, CKO_PUBLIC_KEY), number(CKA_KEY_TYPE, CKK_RSA)];
    assert_eq!(session.create(&class), Err(CKR_TEMPLATE_INCOMPLETE));
    let numbers = [(CKA_MODULUS, MODULUS.to_vec()), (CKA_PUBLIC_EXPONENT, EXPONENT.to_vec())];
    let with_bits = [&class[..], &numbers, &[number(CKA_MODULUS_BITS, 2048)]].concat();
    assert_eq!(session.create(&with_bits), Err(CKR_TEMPLATE_INCONSISTENT));
    let silent = [&class[..], &numbers, &[flag(CKA_ENCRYPT, false), flag(CKA_VERIFY, false)]].concat();
    let silent = session.create(&silent).unwrap();
    let mechanism = RsaMechanism::plain(CKM_RSA_PKCS);
    assert_eq!(session.rsa_encrypt(&mechanism, silent, b"data"), Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
    assert_eq!(session.rsa_verify(&mechanism, silent, b"data", &[1; 256]), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

#[test]
fn nothing_decrypts_with_a_public_key() {
    let token = Token::shared();
    let session = token.session(0);
    let key = brought(&session, &MODULUS);
    for (mechanism, allowed) in [
        (RsaMechanism::usual(CKM_RSA_PKCS_OAEP), &[CKR_KEY_TYPE_INCONSISTENT, CKR_MECHANISM_INVALID][..]),
        (RsaMechanism::plain(CKM_RSA_PKCS), &[CKR_MECHANISM_INVALID]),
        (RsaMechanism::plain(CKM_RSA_X_509), &[CKR_MECHANISM_INVALID]),
    ] {
        let rv = session.rsa_decrypt(&mechanism, key, &[1; 256]).unwrap_err();
        assert!(allowed.contains(&rv), "{rv:#x}");
    }
    let (mut length, handle) = (256, session.handle);
    let rv = call!(session.module, C_Decrypt(handle, [1; 256].as_mut_ptr(), 256, null_mut(), &mut length));
    assert_eq!(rv, CKR_OPERATION_NOT_INITIALIZED);
}

#[test]
fn encryption_is_one_operation_in_one_part() {
    let token = Token::shared();
    let session = token.session(0);
    let key = brought(&session, &MODULUS);
    let (module, handle) = (session.module, session.handle);
    let init = || RsaMechanism::plain(CKM_RSA_PKCS).with(|it| call!(module, C_EncryptInit(handle, it, key)));
    let mut data = [7; 32];
    let mut encrypt = |out: *mut u8, length: &mut CK_ULONG| {
        call!(module, C_Encrypt(handle, data.as_mut_ptr(), 32, out, length))
    };
    let mut buffer = [0; 300];
    let mut length = 300;
    assert_eq!(encrypt(buffer.as_mut_ptr(), &mut length), CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(init(), CKR_OK);
    assert_eq!(init(), CKR_OPERATION_ACTIVE);
    assert_eq!(encrypt(null_mut(), &mut length), CKR_OK);
    assert_eq!(length, 256);
    length = 255;
    assert_eq!(encrypt(buffer.as_mut_ptr(), &mut length), CKR_BUFFER_TOO_SMALL);
    assert_eq!(length, 256);
    // The functions for parts do not exist here, and so change nothing.
    assert_eq!(
        call!(module, C_EncryptUpdate(handle, null_mut(), 0, buffer.as_mut_ptr(), &mut length)),
        CKR_FUNCTION_NOT_SUPPORTED
    );
    assert_eq!(encrypt(buffer.as_mut_ptr(), &mut length), CKR_OK);
    assert_eq!(encrypt(buffer.as_mut_ptr(), &mut length), CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(init(), CKR_OK);
    assert_eq!(call!(module, C_EncryptInit(handle, null_mut(), 0)), CKR_OK);
    assert_eq!(encrypt(buffer.as_mut_ptr(), &mut length), CKR_OPERATION_NOT_INITIALIZED);
}

/// A key of OpenSSL's.
const THEIR_MODULUS: &str = concat!(
    "d83948ce974ec14eb96324887e84d8f23a26b15cb7374dee18875c9e7ec3939531eb97128a768cd8f5cfe132734ebf75",
    "119e825803ba30f0b45ab1945b8c72e64bb2bb455c6eb083974303c792dd8dd7969d0dbf91a391d4f61ad4d11be2815c",
    "f4d1e7737e56e5799effbacaa1ba4106880e4f115eaa4249ce617a2d144c5bfd7583fb287be4bf471abae1bfef8555d4",
    "efb64abeadc167dc4044dc57f1268b3c16b44d2ee3d0d68947c572e2c1843286813502283f8e8cd2551c90ded5283b42",
    "97e8f4e1a0de33194a4f6a80de540fdfeff01951a3085e6d5d0245627d10d94c0805c67e0c44b57340b1829c17c6e272",
    "34cfdfed01f1c2446a96ad81fa25f579",
);

/// `printf message | openssl dgst -sha1 -sign key.pem`.
const SHA1_SIGNATURE: &str = concat!(
    "8caa460c1351a80536c6e52d365d89190a74fa5615b90363477866b1142d02d85ddc5f349305528e050d1397b9c46e10",
    "def23794c1cfc00ce525eb5f7ddd9f418d7ce031e4691581f3d9f5f2fde4808764b4a9c79120de3a1fb2d8b6eb12036c",
    "4e1ebfdf40fd7b2af375614fa1be405b1129997bb1ef005101afed4e517ed442de69d11169badb84271026d03e4e6d8d",
    "8a6fe429263249fc306c616b432226adb8ca0ec0d238470122b41a6abc36f923ad13b2441997d2bddfabf92afbd9a671",
    "1f0e62303b216dfda1e44720aebdf07dd47211bc4f69fdd7b44b10769d5e1152e1b5036a46aac4d27c2dcdfc6aef3194",
    "ad9ea4b3326bd087bd2b6687466424f8",
);

/// The same with SHA-224.
const SHA224_SIGNATURE: &str = concat!(
    "453676fcbc0225b557d04edab74fc5cf49053462b74c06b66fd661bb787ac8c300afe47bb2a710b29c839706eb574c64",
    "79eacc9d718d3ef877f2f9326c9d7936d0d199d77ca4392f92f34c09af5928ca3dcb7ce0fd53246435389add1b03655a",
    "94d4b2867590691abd13eae632d89ec0e22e8c2128a8dd3287200bf797d0c769b45e8588f307f889cfa6bc65b09fd42d",
    "2fe5b2e2aab3e8cb7f5bc0f2dce9c9edffc65acb867de034f71780a864facaadee4e5a3cf9432cb5f14816d5e22c6233",
    "9fcd69495694a0db1d8032ea01a846a5eb235e00bd1bdd016cbe0a00a43923912575bbe2bcb457b6ea62a350f67f6f46",
    "169b5033c866fb1d66e957a0c577b53e",
);
