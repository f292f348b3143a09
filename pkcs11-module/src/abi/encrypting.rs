//! Functions for encrypting, which need no cluster, and for decrypting (PKCS#11 3.0 sections 5.8 and 5.10).

use cryptoki_sys::*;
use token::{Error, Provider};
use zeroize::Zeroizing;

use super::buffer::OutBuffer;
use super::mechanism::Mechanism;
use super::ptr::Ptr;
use super::{Answer, arguments};

/// `C_EncryptInit`.
pub(super) fn encrypt_init(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    mechanism: Ptr<'_, CK_MECHANISM>,
    key: CK_OBJECT_HANDLE,
) -> Answer {
    let mechanism = Mechanism::optional(mechanism)?;
    Ok(provider.encrypt_init(session, mechanism.as_ref().map(Mechanism::call), key)?)
}

/// `C_Encrypt`. A null `ciphertext` asks for the length.
pub(super) fn encrypt(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    data: Ptr<'_, CK_BYTE>,
    data_len: CK_ULONG,
    ciphertext: Ptr<'_, CK_BYTE>,
    ciphertext_len: Ptr<'_, CK_ULONG>,
) -> Answer {
    let (data, mut out) = arguments(provider, session, CKF_ENCRYPT, || {
        Ok((Zeroizing::new(data.data(data_len)?), OutBuffer::new(ciphertext, ciphertext_len)?))
    })?;
    Ok(provider.encrypt(session, &data, &mut out)?)
}

/// `C_DecryptInit`.
pub(super) fn decrypt_init(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    mechanism: Ptr<'_, CK_MECHANISM>,
    key: CK_OBJECT_HANDLE,
) -> Answer {
    let mechanism = Mechanism::optional(mechanism)?;
    Ok(provider.decrypt_init(session, mechanism.as_ref().map(Mechanism::call), key)?)
}

/// `C_Decrypt`. A null `data` asks for the length, which is answered here without a word to the cluster.
pub(super) fn decrypt(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    ciphertext: Ptr<'_, CK_BYTE>,
    ciphertext_len: CK_ULONG,
    data: Ptr<'_, CK_BYTE>,
    data_len: Ptr<'_, CK_ULONG>,
) -> Answer {
    let (ciphertext, mut out) = arguments(provider, session, CKF_DECRYPT, || {
        let ciphertext =
            ciphertext.bytes(ciphertext_len, CIPHERTEXT_BYTES_MAX, Error::EncryptedDataLenRange)?;
        Ok((ciphertext, OutBuffer::new(data, data_len)?))
    })?;
    Ok(provider.decrypt(session, &ciphertext, &mut out)?)
}

/// More than any ciphertext here has.
const CIPHERTEXT_BYTES_MAX: usize = 64 * 1024;
