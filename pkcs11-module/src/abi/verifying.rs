//! Functions for verifying signatures (PKCS#11 3.0 section 5.15). They need no cluster.

use cryptoki_sys::*;
use token::{Error, Provider};

use super::mechanism::Mechanism;
use super::ptr::Ptr;
use super::{Answer, arguments};

/// `C_VerifyInit`.
pub(super) fn verify_init(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    mechanism: Ptr<'_, CK_MECHANISM>,
    key: CK_OBJECT_HANDLE,
) -> Answer {
    let mechanism = Mechanism::optional(mechanism)?;
    Ok(provider.verify_init(session, mechanism.as_ref().map(Mechanism::call), key)?)
}

/// `C_Verify`.
pub(super) fn verify(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    data: Ptr<'_, CK_BYTE>,
    data_len: CK_ULONG,
    signature: Ptr<'_, CK_BYTE>,
    signature_len: CK_ULONG,
) -> Answer {
    let (data, signature) = arguments(provider, session, CKF_VERIFY, || {
        Ok((data.data(data_len)?, signature_bytes(signature, signature_len)?))
    })?;
    Ok(provider.verify(session, &data, &signature)?)
}

/// `C_VerifyUpdate`.
pub(super) fn verify_update(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    part: Ptr<'_, CK_BYTE>,
    part_len: CK_ULONG,
) -> Answer {
    let part = arguments(provider, session, CKF_VERIFY, || part.data(part_len))?;
    Ok(provider.verify_update(session, &part)?)
}

/// `C_VerifyFinal`.
pub(super) fn verify_final(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    signature: Ptr<'_, CK_BYTE>,
    signature_len: CK_ULONG,
) -> Answer {
    let signature = arguments(provider, session, CKF_VERIFY, || signature_bytes(signature, signature_len))?;
    Ok(provider.verify_final(session, &signature)?)
}

fn signature_bytes(signature: Ptr<'_, CK_BYTE>, len: CK_ULONG) -> Answer<Vec<u8>> {
    signature.bytes(len, SIGNATURE_BYTES_MAX, Error::SignatureLenRange)
}

/// Longest signature that is looked at; every scheme's is shorter.
const SIGNATURE_BYTES_MAX: usize = 64 * 1024;
