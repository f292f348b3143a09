//! RSA with keys of the token: generation, signatures, decryption. AWS-LC verifies what it can.

use std::ptr::null_mut;

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    RsaPublicKeyComponents,
};
use conformance::call;
use conformance::rsa::RsaMechanism;
use conformance::session::{flag, number, on_token};
use conformance::token::Token;
use cryptoki_sys::*;

/// The hash, its mask generation function, the mechanisms of both schemes, and the bytes of a digest.
type Hash = (CK_MECHANISM_TYPE, CK_RSA_PKCS_MGF_TYPE, CK_MECHANISM_TYPE, CK_MECHANISM_TYPE, usize);

const HASHES: [Hash; 5] = [
    (CKM_SHA_1, CKG_MGF1_SHA1, CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS, 20),
    (CKM_SHA224, CKG_MGF1_SHA224, CKM_SHA224_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS, 28),
    (CKM_SHA256, CKG_MGF1_SHA256, CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS, 32),
    (CKM_SHA384, CKG_MGF1_SHA384, CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS, 48),
    (CKM_SHA512, CKG_MGF1_SHA512, CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS, 64),
];

/// The nodes make keys of 3072 and 4096 bits too, in their time: `RSA_BITS=3072 cargo test ... every_size`.
#[test]
fn every_size_is_generated() {
    let token = Token::shared();
    let session = token.user();
    let bits = std::env::var("RSA_BITS").map_or(2048, |bits| bits.parse::<usize>().unwrap());
    let pair = if bits == 2048 { session.rsa() } else { session.rsa_of(bits, "another size") };
    let get = |key, id| session.get(key, id).unwrap();
    for key in [pair.public, pair.private] {
        assert_eq!(get(key, CKA_KEY_TYPE), CKK_RSA.to_ne_bytes());
        assert_eq!(get(key, CKA_MODULUS).len() * 8, bits);
        assert_eq!(get(key, CKA_PUBLIC_EXPONENT), [1, 0, 1]);
        assert_eq!(get(key, CKA_KEY_GEN_MECHANISM), CKM_RSA_PKCS_KEY_PAIR_GEN.to_ne_bytes());
        assert_eq!(get(key, CKA_LOCAL), [CK_TRUE]);
        assert_eq!(session.get(key, CKA_EC_PARAMS), Err(CKR_ATTRIBUTE_TYPE_INVALID));
    }
    for id in [CKA_ID, CKA_MODULUS, CKA_PUBLIC_KEY_INFO] {
        assert_eq!(get(pair.public, id), get(pair.private, id));
    }
    assert_eq!(get(pair.public, CKA_MODULUS_BITS), bits.to_ne_bytes());
    for id in [CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_SIGN, CKA_DECRYPT] {
        assert_eq!(get(pair.private, id), [CK_TRUE], "{id:#x}");
    }
    let secrets =
        [CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT];
    for id in secrets {
        assert_eq!(session.get(pair.private, id), Err(CKR_ATTRIBUTE_SENSITIVE), "{id:#x}");
        assert_eq!(session.get(pair.public, id), Err(CKR_ATTRIBUTE_TYPE_INVALID), "{id:#x}");
    }
    let mechanism = RsaMechanism::plain(CKM_SHA256_RSA_PKCS);
    let signature = session.rsa_sign(&mechanism, pair.private, b"message").unwrap();
    assert_eq!(signature.len() * 8, bits);
    assert_eq!(session.rsa_verify(&mechanism, pair.public, b"message", &signature), CKR_OK);
}

#[test]
fn sizes_and_exponents_that_are_not_made_are_refused() {
    let token = Token::shared();
    let session = token.user();
    let refused = |public: &[_], private: &[_]| {
        session.generate_with(CKM_RSA_PKCS_KEY_PAIR_GEN, public, private).unwrap_err()
    };
    let private = [on_token(true)];
    let size = |bits| number(CKA_MODULUS_BITS, bits);
    assert_eq!(refused(&[on_token(true)], &private), CKR_TEMPLATE_INCOMPLETE);
    for bits in [0, 512, 1024, 2047, 2049, 8192, CK_ULONG::MAX] {
        assert_eq!(refused(&[size(bits)], &private), CKR_KEY_SIZE_RANGE, "{bits}");
    }
    for exponent in [&[][..], &[3], &[1, 0, 0], &[1, 0, 2], &[1, 0, 5], &[0xff, 0xff], &[1, 0, 0, 0, 1]] {
        let public = [size(2048), (CKA_PUBLIC_EXPONENT, exponent.to_vec())];
        assert_eq!(refused(&public, &private), CKR_ATTRIBUTE_VALUE_INVALID, "{exponent:?}");
    }
    let chosen = [size(2048), (CKA_MODULUS, vec![0xff; 256])];
    assert_eq!(refused(&chosen, &private), CKR_TEMPLATE_INCONSISTENT);
    let other = [size(2048), number(CKA_KEY_TYPE, CKK_EC)];
    assert_eq!(refused(&other, &private), CKR_TEMPLATE_INCONSISTENT);
    let exponent = [on_token(true), (CKA_PRIVATE_EXPONENT, vec![7])];
    assert_eq!(refused(&[size(2048)], &exponent), CKR_ATTRIBUTE_READ_ONLY);
    let readable = [on_token(true), flag(CKA_SENSITIVE, false)];
    assert_eq!(refused(&[size(2048)], &readable), CKR_ATTRIBUTE_VALUE_INVALID);
}

#[test]
fn every_mechanism_signs_and_others_verify() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.rsa();
    let modulus = session.get(pair.public, CKA_MODULUS).unwrap();
    let theirs = |parameters: &'static RsaParameters, signature: &[u8]| {
        let key = RsaPublicKeyComponents { n: &modulus[..], e: &[1, 0, 1][..] };
        key.verify(parameters, b"message", signature)
    };
    let sign = |mechanism: &RsaMechanism, data: &[u8]| {
        let signature = session.rsa_sign(mechanism, pair.private, data).unwrap();
        assert_eq!(session.rsa_verify(mechanism, pair.public, data, &signature), CKR_OK);
        let other = [&data[..data.len().saturating_sub(1)], &[9]].concat();
        assert_ne!(session.rsa_verify(mechanism, pair.public, &other, &signature), CKR_OK);
        signature
    };
    for (hash, mgf, pkcs1, pss, bytes) in HASHES {
        let pkcs1 = sign(&RsaMechanism::plain(pkcs1), b"message");
        let with_salt = sign(&RsaMechanism::pss(pss, hash, mgf, bytes), b"message");
        sign(&RsaMechanism::pss(pss, hash, CKG_MGF1_SHA1, 0), b"message");
        sign(&RsaMechanism::pss(CKM_RSA_PKCS_PSS, hash, mgf, 5), &vec![7; bytes]);
        let parameters: Option<(&'static RsaParameters, &'static RsaParameters)> = match hash {
            CKM_SHA256 => Some((&RSA_PKCS1_2048_8192_SHA256, &RSA_PSS_2048_8192_SHA256)),
            CKM_SHA384 => Some((&RSA_PKCS1_2048_8192_SHA384, &RSA_PSS_2048_8192_SHA384)),
            CKM_SHA512 => Some((&RSA_PKCS1_2048_8192_SHA512, &RSA_PSS_2048_8192_SHA512)),
            _ => None,
        };
        if let Some((of_pkcs1, of_pss)) = parameters {
            theirs(of_pkcs1, &pkcs1).unwrap();
            theirs(of_pss, &with_salt).unwrap();
        }
    }
    for length in [0, 1, 51, 245] {
        sign(&RsaMechanism::plain(CKM_RSA_PKCS), &vec![7; length]);
    }
    let raw = RsaMechanism::plain(CKM_RSA_PKCS);
    assert_eq!(session.rsa_sign(&raw, pair.private, &[7; 246]), Err(CKR_DATA_LEN_RANGE));
    let raw = RsaMechanism::pss(CKM_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32);
    assert_eq!(session.rsa_sign(&raw, pair.private, &[7; 31]), Err(CKR_DATA_LEN_RANGE));
    let long_salt = RsaMechanism::pss(CKM_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 223);
    assert_eq!(session.rsa_sign(&long_salt, pair.private, &[7; 32]), Err(CKR_MECHANISM_PARAM_INVALID));
}

#[test]
fn every_hashed_mechanism_signs_and_verifies_in_parts() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.rsa();
    let parts = [&b"a mes"[..], b"", b"sage in", b" parts"];
    for (hash, mgf, pkcs1, pss, bytes) in HASHES {
        for mechanism in [RsaMechanism::plain(pkcs1), RsaMechanism::pss(pss, hash, mgf, bytes)] {
            let whole = parts.concat();
            let in_parts = session.rsa_sign_parts(&mechanism, pair.private, &parts).unwrap();
            assert_eq!(session.rsa_verify(&mechanism, pair.public, &whole, &in_parts), CKR_OK);
            let at_once = session.rsa_sign(&mechanism, pair.private, &whole).unwrap();
            let verify = |parts| session.rsa_verify_parts(&mechanism, pair.public, parts, &at_once);
            assert_eq!(verify(&parts), CKR_OK);
            assert_eq!(verify(&parts[..3]), CKR_SIGNATURE_INVALID);
        }
    }
    // The application has hashed for these.
    for mechanism in [
        RsaMechanism::plain(CKM_RSA_PKCS),
        RsaMechanism::pss(CKM_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32),
    ] {
        let signature = session.rsa_sign_parts(&mechanism, pair.private, &[&[7; 16], &[7; 16]]).unwrap();
        assert_eq!(session.rsa_verify(&mechanism, pair.public, &[7; 32], &signature), CKR_OK);
    }
}

#[test]
fn what_is_encrypted_is_decrypted() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.rsa();
    for (hash, mgf, _, _, bytes) in HASHES {
        for (mgf, label) in [(mgf, &b""[..]), (CKG_MGF1_SHA1, b"label")] {
            let mechanism = RsaMechanism::oaep(hash, mgf, label);
            for length in [0, 256 - 2 * bytes - 2] {
                let data = vec![7; length];
                let ciphertext = session.rsa_encrypt(&mechanism, pair.public, &data).unwrap();
                assert_eq!(session.rsa_decrypt(&mechanism, pair.private, &ciphertext), Ok(data));
            }
        }
    }
}

#[test]
fn whatever_is_wrong_with_a_ciphertext_is_one_error() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.rsa();
    let mechanism = RsaMechanism::oaep(CKM_SHA256, CKG_MGF1_SHA256, b"label");
    let good = session.rsa_encrypt(&mechanism, pair.public, b"secret").unwrap();
    let mut changed = good.clone();
    changed[200] ^= 1;
    for wrong in [changed, vec![0; 256], vec![0xff; 256], [&[0; 255][..], &[1]].concat()] {
        let rv = session.rsa_decrypt(&mechanism, pair.private, &wrong);
        assert_eq!(rv, Err(CKR_ENCRYPTED_DATA_INVALID));
    }
    for other in [
        RsaMechanism::oaep(CKM_SHA256, CKG_MGF1_SHA256, b"Label"),
        RsaMechanism::oaep(CKM_SHA256, CKG_MGF1_SHA1, b"label"),
        RsaMechanism::oaep(CKM_SHA384, CKG_MGF1_SHA256, b"label"),
    ] {
        let rv = session.rsa_decrypt(&other, pair.private, &good);
        assert_eq!(rv, Err(CKR_ENCRYPTED_DATA_INVALID));
    }
    for wrong in [&good[1..], &[], &[&good[..], &[0]].concat()] {
        let rv = session.rsa_decrypt(&mechanism, pair.private, wrong);
        assert_eq!(rv, Err(CKR_ENCRYPTED_DATA_LEN_RANGE));
    }
}

#[test]
fn decryption_is_one_operation_in_one_part() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.rsa();
    let mechanism = RsaMechanism::oaep(CKM_SHA256, CKG_MGF1_SHA256, &[]);
    let mut ciphertext = session.rsa_encrypt(&mechanism, pair.public, b"secret").unwrap();
    let (module, handle) = (session.module, session.handle);
    let init = || mechanism.with(|it| call!(module, C_DecryptInit(handle, it, pair.private)));
    let mut decrypt = |out: *mut u8, length: &mut CK_ULONG| {
        call!(module, C_Decrypt(handle, ciphertext.as_mut_ptr(), 256, out, length))
    };
    let (mut buffer, mut length) = ([0; 256], 256);
    assert_eq!(decrypt(buffer.as_mut_ptr(), &mut length), CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(init(), CKR_OK);
    assert_eq!(init(), CKR_OPERATION_ACTIVE);
    assert_eq!(decrypt(null_mut(), &mut length), CKR_OK);
    assert_eq!(length, 256 - 2 * 32 - 2, "the longest that there can be");
    length = 5;
    assert_eq!(decrypt(buffer.as_mut_ptr(), &mut length), CKR_BUFFER_TOO_SMALL);
    assert_eq!(length, 6);
    // A buffer for what is there is large enough.
    assert_eq!(decrypt(buffer.as_mut_ptr(), &mut length), CKR_OK);
    assert_eq!(&buffer[..length as usize], b"secret");
    assert_eq!(decrypt(buffer.as_mut_ptr(), &mut length), CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(init(), CKR_OK);
    assert_eq!(call!(module, C_DecryptInit(handle, null_mut(), 0)), CKR_OK);
    assert_eq!(decrypt(buffer.as_mut_ptr(), &mut length), CKR_OPERATION_NOT_INITIALIZED);
}

#[test]
fn keys_do_only_what_their_family_and_its_mechanisms_allow() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.rsa();
    let pkcs1 = RsaMechanism::plain(CKM_SHA256_RSA_PKCS);
    let oaep = RsaMechanism::usual(CKM_RSA_PKCS_OAEP);
    assert_eq!(session.rsa_decrypt(&oaep, pair.public, &[1; 256]), Err(CKR_KEY_TYPE_INCONSISTENT));
    assert_eq!(session.rsa_sign(&pkcs1, pair.public, b"message"), Err(CKR_KEY_TYPE_INCONSISTENT));
    for id in [CKM_RSA_PKCS, CKM_RSA_X_509] {
        let rv = session.rsa_decrypt(&RsaMechanism::plain(id), pair.private, &[1; 256]);
        assert_eq!(rv, Err(CKR_MECHANISM_INVALID), "{id:#x}");
    }
    let raw = RsaMechanism::plain(CKM_RSA_X_509);
    assert_eq!(session.rsa_sign(&raw, pair.private, &[1; 256]), Err(CKR_MECHANISM_INVALID));
    assert_eq!(session.sign(CKM_ECDSA, pair.private, &[1; 32]), Err(CKR_KEY_TYPE_INCONSISTENT));
    let listed = session.get(pair.private, CKA_ALLOWED_MECHANISMS).unwrap();
    let has = |id: CK_MECHANISM_TYPE| listed.chunks(8).any(|word| word == id.to_ne_bytes());
    assert!(has(CKM_RSA_PKCS_OAEP) && has(CKM_SHA384_RSA_PKCS_PSS) && !has(CKM_ECDSA));
}
