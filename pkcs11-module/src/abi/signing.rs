//! Signing functions (PKCS#11 3.0 section 5.13).

use cryptoki_sys::*;
use token::Provider;

use super::buffer::OutBuffer;
use super::mechanism::Mechanism;
use super::ptr::Ptr;
use super::{Answer, arguments};

/// `C_SignInit`.
pub(super) fn sign_init(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    mechanism: Ptr<'_, CK_MECHANISM>,
    key: CK_OBJECT_HANDLE,
) -> Answer {
    let mechanism = Mechanism::optional(mechanism)?;
    Ok(provider.sign_init(session, mechanism.as_ref().map(Mechanism::call), key)?)
}

/// `C_Sign`. A null `signature` asks for the length, which is answered here without a word to the cluster.
pub(super) fn sign(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    data: Ptr<'_, CK_BYTE>,
    data_len: CK_ULONG,
    signature: Ptr<'_, CK_BYTE>,
    signature_len: Ptr<'_, CK_ULONG>,
) -> Answer {
    let (data, mut out) = arguments(provider, session, CKF_SIGN, || {
        Ok((data.data(data_len)?, OutBuffer::new(signature, signature_len)?))
    })?;
    Ok(provider.sign(session, &data, &mut out)?)
}

/// `C_SignUpdate`.
pub(super) fn sign_update(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    part: Ptr<'_, CK_BYTE>,
    part_len: CK_ULONG,
) -> Answer {
    let part = arguments(provider, session, CKF_SIGN, || part.data(part_len))?;
    Ok(provider.sign_update(session, &part)?)
}

/// `C_SignFinal`.
pub(super) fn sign_final(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    signature: Ptr<'_, CK_BYTE>,
    signature_len: Ptr<'_, CK_ULONG>,
) -> Answer {
    let mut out = arguments(provider, session, CKF_SIGN, || OutBuffer::new(signature, signature_len))?;
    Ok(provider.sign_final(session, &mut out)?)
}
