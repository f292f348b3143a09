//! Message digesting functions (PKCS#11 3.0 section 5.12).

use cryptoki_sys::*;
use token::Provider;

use super::buffer::OutBuffer;
use super::mechanism::Mechanism;
use super::ptr::Ptr;
use super::{Answer, arguments};

/// `C_DigestInit`.
pub(super) fn digest_init(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    mechanism: Ptr<'_, CK_MECHANISM>,
) -> Answer {
    let mechanism = Mechanism::optional(mechanism)?;
    Ok(provider.digest_init(session, mechanism.as_ref().map(Mechanism::call))?)
}

/// `C_Digest`.
pub(super) fn digest(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    data: Ptr<'_, CK_BYTE>,
    data_len: CK_ULONG,
    digest: Ptr<'_, CK_BYTE>,
    digest_len: Ptr<'_, CK_ULONG>,
) -> Answer {
    let (data, mut out) = arguments(provider, session, CKF_DIGEST, || {
        Ok((data.data(data_len)?, OutBuffer::new(digest, digest_len)?))
    })?;
    Ok(provider.digest(session, &data, &mut out)?)
}

/// `C_DigestUpdate`.
pub(super) fn digest_update(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    part: Ptr<'_, CK_BYTE>,
    part_len: CK_ULONG,
) -> Answer {
    let part = arguments(provider, session, CKF_DIGEST, || part.data(part_len))?;
    Ok(provider.digest_update(session, &part)?)
}

/// `C_DigestKey`.
pub(super) fn digest_key(provider: &Provider, session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE) -> Answer {
    Ok(provider.digest_key(session, key)?)
}

/// `C_DigestFinal`.
pub(super) fn digest_final(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    digest: Ptr<'_, CK_BYTE>,
    digest_len: Ptr<'_, CK_ULONG>,
) -> Answer {
    let mut out = arguments(provider, session, CKF_DIGEST, || OutBuffer::new(digest, digest_len))?;
    Ok(provider.digest_final(session, &mut out)?)
}
