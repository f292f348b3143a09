//! RSA keys with other public exponents than 65537. OpenSSL is the judge.

use std::fs;
use std::path::Path;
use std::process::Command;

use conformance::rsa::RsaMechanism;
use conformance::session::{number, on_token};
use conformance::token::Token;
use cryptoki_sys::*;

fn openssl(folder: &Path, arguments: &[&str]) {
    let output =
        Command::new("openssl").current_dir(folder).args(arguments).output().expect("openssl starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn any_prime_exponent_is_generated_and_openssl_takes_the_key() {
    let token = Token::shared();
    let session = token.user();
    let mut largest = [0xff; 32];
    largest[31] = 67;
    // 2^64 + 13 and 2^256 - 189.
    for exponent in [&[1, 0, 0, 0, 0, 0, 0, 0, 13][..], &largest] {
        let public = [
            number(CKA_MODULUS_BITS, 2048),
            (CKA_PUBLIC_EXPONENT, [&[0], exponent].concat()),
            on_token(false),
        ];
        let pair = session.generate_with(CKM_RSA_PKCS_KEY_PAIR_GEN, &public, &[on_token(true)]).unwrap();
        assert_eq!(session.get(pair.public, CKA_PUBLIC_EXPONENT).as_deref(), Ok(exponent));
        assert_eq!(session.get(pair.private, CKA_PUBLIC_EXPONENT).as_deref(), Ok(exponent));

        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).unwrap();
        file("public.der", &session.get(pair.private, CKA_PUBLIC_KEY_INFO).unwrap());
        file("message", b"message");
        openssl(
            folder.path(),
            &["pkey", "-pubin", "-inform", "DER", "-in", "public.der", "-pubout", "-out", "public.pem"],
        );
        let pkcs1 = RsaMechanism::plain(CKM_SHA256_RSA_PKCS);
        let signature = session.rsa_sign(&pkcs1, pair.private, b"message").unwrap();
        assert_eq!(session.rsa_verify(&pkcs1, pair.public, b"message", &signature), CKR_OK);
        file("signature", &signature);
        openssl(
            folder.path(),
            &["dgst", "-sha256", "-verify", "public.pem", "-signature", "signature", "message"],
        );
        openssl(
            folder.path(),
            &[
                &[
                    "pkeyutl",
                    "-encrypt",
                    "-pubin",
                    "-inkey",
                    "public.pem",
                    "-in",
                    "message",
                    "-out",
                    "secret",
                ][..],
                &["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256"],
            ]
            .concat(),
        );
        let secret = fs::read(folder.path().join("secret")).unwrap();
        let oaep = RsaMechanism::oaep(CKM_SHA256, CKG_MGF1_SHA256, b"");
        assert_eq!(session.rsa_decrypt(&oaep, pair.private, &secret), Ok(b"message".to_vec()));
        let secret = session.rsa_encrypt(&oaep, pair.public, b"message").unwrap();
        assert_eq!(session.rsa_decrypt(&oaep, pair.private, &secret), Ok(b"message".to_vec()));
        assert_eq!(session.destroy(pair.private), CKR_OK);
    }
}

#[test]
fn an_exponent_that_is_no_prime_is_refused() {
    let token = Token::shared();
    let session = token.user();
    // 65541 = 3 * 7 * 3121, Carmichael's 825265, 2^64 + 1, and 33 bytes.
    for exponent in [&[1, 0, 5][..], &[12, 151, 177], &[1, 0, 0, 0, 0, 0, 0, 0, 1], &[1; 33]] {
        let public = [number(CKA_MODULUS_BITS, 2048), (CKA_PUBLIC_EXPONENT, exponent.to_vec())];
        let refused = session.generate_with(CKM_RSA_PKCS_KEY_PAIR_GEN, &public, &[on_token(true)]);
        assert_eq!(refused.unwrap_err(), CKR_ATTRIBUTE_VALUE_INVALID, "{exponent:?}");
    }
}
