//! C_Encrypt*, C_Decrypt*.

use cryptoki_sys::*;
use token::{Error, MechanismCall, Parameter};

use crate::rsa::{generate, pair, public_template};
use crate::support::*;

pub fn oaep(hash: u64, mgf: u64, label: &[u8]) -> MechanismCall<'_> {
    let parameter = Parameter::RsaOaep { hash, mgf, source: CKZ_DATA_SPECIFIED, label };
    MechanismCall { id: CKM_RSA_PKCS_OAEP, parameter }
}

fn encrypt(
    application: &Application,
    session: u64,
    mechanism: MechanismCall<'_>,
    key: u64,
    data: &[u8],
) -> Result<Vec<u8>, Error> {
    application.provider.encrypt_init(session, Some(mechanism), key)?;
    let mut buffer = Buffer::of(512);
    application.provider.encrypt(session, data, &mut buffer)?;
    Ok(buffer.bytes)
}

fn decrypt(
    application: &Application,
    session: u64,
    mechanism: MechanismCall<'_>,
    key: u64,
    ciphertext: &[u8],
) -> Result<Vec<u8>, Error> {
    application.provider.decrypt_init(session, Some(mechanism), key)?;
    let mut buffer = Buffer::of(512);
    application.provider.decrypt(session, ciphertext, &mut buffer)?;
    assert_eq!(buffer.length, Some(buffer.bytes.len()));
    Ok(buffer.bytes)
}

const PLAIN: fn() -> MechanismCall<'static> = || oaep(CKM_SHA256, CKG_MGF1_SHA256, &[]);

#[test]
fn oaep_decrypts_what_it_encrypts_with_every_hash_and_label() {
    let application = Application::new();
    let session = application.user();
    let pair = pair(&application, session);
    for (hash, bytes) in
        [(CKM_SHA_1, 20), (CKM_SHA224, 28), (CKM_SHA256, 32), (CKM_SHA384, 48), (CKM_SHA512, 64)]
    {
        for (mgf, label) in [(CKG_MGF1_SHA1, &b""[..]), (CKG_MGF1_SHA512, b"label")] {
            let mechanism = oaep(hash, mgf, label);
            let most = 256 - 2 * bytes - 2;
            for length in [0, 1, most] {
                let data = vec![7; length];
                let ciphertext = encrypt(&application, session, mechanism, pair.public, &data).unwrap();
                assert_ne!(
                    ciphertext,
                    encrypt(&application, session, mechanism, pair.public, &data).unwrap()
                );
                let plaintext = decrypt(&application, session, mechanism, pair.private, &ciphertext);
                assert_eq!(plaintext, Ok(data));
                for other in [oaep(hash, mgf, b"Label"), oaep(hash, CKG_MGF1_SHA224, label)] {
                    let refused =
                        decrypt(&application, session, other, pair.private, &ciphertext).unwrap_err();
                    assert_eq!(refused.rv(), CKR_ENCRYPTED_DATA_INVALID);
                }
            }
            let long = encrypt(&application, session, mechanism, pair.public, &vec![7; most + 1]);
            assert_eq!(long, Err(Error::DataLenRange));
        }
    }
}

#[test]
fn pkcs1_encrypts_and_decrypts_nothing() {
    let application = Application::new();
    let session = application.user();
    let pair = pair(&application, session);
    let one = encrypt(&application, session, call(CKM_RSA_PKCS), pair.public, &[7; 245]).unwrap();
    let other = encrypt(&application, session, call(CKM_RSA_PKCS), pair.public, &[7; 245]).unwrap();
    assert_ne!(one, other);
    let long = encrypt(&application, session, call(CKM_RSA_PKCS), pair.public, &[7; 246]);
    assert_eq!(long, Err(Error::DataLenRange));
    let init = application.provider.decrypt_init(session, Some(call(CKM_RSA_PKCS)), pair.private);
    assert_eq!(init, Err(Error::MechanismInvalid));
}

#[test]
fn whatever_is_wrong_with_a_ciphertext_is_one_error() {
    let application = Application::new();
    let session = application.user();
    let pair = pair(&application, session);
    let good = encrypt(&application, session, PLAIN(), pair.public, b"secret").unwrap();
    let mut changed = good.clone();
    changed[200] ^= 1;
    for wrong in [changed, vec![0; 256], vec![0xff; 256], [&[0; 255][..], &[1]].concat()] {
        let error = decrypt(&application, session, PLAIN(), pair.private, &wrong).unwrap_err();
        assert_eq!(error.rv(), CKR_ENCRYPTED_DATA_INVALID);
    }
    for wrong in [&good[1..], &[], &[&good[..], &[0]].concat()] {
        let error = decrypt(&application, session, PLAIN(), pair.private, wrong);
        assert_eq!(error, Err(Error::EncryptedDataLenRange));
    }
}

#[test]
fn a_length_is_told_without_the_cluster_and_a_small_buffer_keeps_the_operation() {
    let application = Application::new();
    let session = application.user();
    let pair = pair(&application, session);
    let provider = &application.provider;
    let ciphertext = encrypt(&application, session, PLAIN(), pair.public, b"secret").unwrap();

    application.backend.set_reachable(false);
    provider.encrypt_init(session, Some(PLAIN()), pair.public).unwrap();
    let (mut null, mut small) = (Buffer::null(), Buffer::of(255));
    provider.encrypt(session, b"secret", &mut null).unwrap();
    assert_eq!(null.length, Some(256));
    assert_eq!(provider.encrypt(session, b"secret", &mut small), Err(Error::BufferTooSmall));
    assert_eq!(provider.encrypt_init(session, Some(PLAIN()), pair.public), Err(Error::OperationActive));
    provider.encrypt(session, b"secret", &mut Buffer::of(256)).unwrap();
    assert_eq!(provider.encrypt(session, b"secret", &mut null), Err(Error::OperationNotInitialized));

    provider.decrypt_init(session, Some(PLAIN()), pair.private).unwrap();
    provider.decrypt(session, &ciphertext, &mut null).unwrap();
    assert_eq!(null.length, Some(256 - 2 * 32 - 2));
    application.backend.set_reachable(true);
    let mut small = Buffer::of(5);
    assert_eq!(provider.decrypt(session, &ciphertext, &mut small), Err(Error::BufferTooSmall));
    assert_eq!(small.length, Some(6), "the true length is known now");
    assert_eq!(provider.decrypt_init(session, Some(PLAIN()), pair.private), Err(Error::OperationActive));
    let mut exact = Buffer::of(6);
    provider.decrypt(session, &ciphertext, &mut exact).unwrap();
    assert_eq!(exact.bytes, b"secret");
    assert_eq!(provider.decrypt(session, &ciphertext, &mut exact), Err(Error::OperationNotInitialized));
}

#[test]
fn operations_end_by_errors_by_cancelling_and_by_name() {
    let application = Application::new();
    let session = application.user();
    let pair = pair(&application, session);
    let provider = &application.provider;
    let start = || {
        provider.encrypt_init(session, Some(PLAIN()), pair.public).unwrap();
        provider.decrypt_init(session, Some(PLAIN()), pair.private).unwrap();
    };
    start();
    assert!(provider.encrypt(session, &[0; 500], &mut Buffer::of(512)).is_err());
    assert!(provider.decrypt(session, &[0; 500], &mut Buffer::of(512)).is_err());
    start();
    provider.encrypt_init(session, None, 0).unwrap();
    provider.decrypt_init(session, None, 0).unwrap();
    start();
    provider.session_cancel(session, CKF_SIGN).unwrap();
    assert_eq!(provider.encrypt_init(session, Some(PLAIN()), pair.public), Err(Error::OperationActive));
    provider.session_cancel(session, CKF_ENCRYPT | CKF_DECRYPT).unwrap();
    start();
    provider.logout(session).unwrap();
    assert_eq!(provider.decrypt(session, &[1; 256], &mut Buffer::of(512)), Err(Error::UserNotLoggedIn));
}

#[test]
fn keys_encrypt_and_decrypt_only_as_they_and_their_mechanism_allow() {
    let application = Application::new();
    let session = application.user();
    let provider = &application.provider;
    let public = public_template(2048).bool(CKA_ENCRYPT, false);
    let silent =
        generate(&application, session, &public, &private_template().bool(CKA_DECRYPT, false)).unwrap();
    let encrypting = |mechanism, key| provider.encrypt_init(session, Some(mechanism), key);
    let decrypting = |mechanism, key| provider.decrypt_init(session, Some(mechanism), key);
    assert_eq!(encrypting(PLAIN(), silent.public), Err(Error::KeyFunctionNotPermitted));
    assert_eq!(decrypting(PLAIN(), silent.private), Err(Error::KeyFunctionNotPermitted));
    let (rsa, ec) = (pair(&application, session), application.pair(session));
    assert_eq!(encrypting(PLAIN(), ec.public), Err(Error::KeyTypeInconsistent));
    assert_eq!(decrypting(PLAIN(), rsa.public), Err(Error::KeyTypeInconsistent));
    assert_eq!(encrypting(PLAIN(), rsa.private), Err(Error::KeyTypeInconsistent));
    assert_eq!(encrypting(PLAIN(), 0), Err(Error::KeyHandleInvalid));
    assert_eq!(encrypting(call(CKM_SHA256_RSA_PKCS), rsa.public), Err(Error::MechanismInvalid));
    assert_eq!(encrypting(call(CKM_RSA_X_509), rsa.public), Err(Error::MechanismInvalid));
    let with = |hash, mgf, source, label| MechanismCall {
        id: CKM_RSA_PKCS_OAEP,
        parameter: Parameter::RsaOaep { hash, mgf, source, label },
    };
    for wrong in [
        call(CKM_RSA_PKCS_OAEP),
        with(CKM_SHA256, CKG_MGF1_SHA256, 0, &[1]),
        with(CKM_SHA256, CKG_MGF1_SHA256, 2, &[]),
        with(CKM_SHA256, 0, CKZ_DATA_SPECIFIED, &[]),
        with(0, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, &[]),
        with(CKM_SHA3_256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, &[]),
        with(CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, &[1; 5000]),
    ] {
        assert_eq!(encrypting(wrong, rsa.public), Err(Error::MechanismParamInvalid));
        assert_eq!(decrypting(wrong, rsa.private), Err(Error::MechanismParamInvalid));
    }
}
