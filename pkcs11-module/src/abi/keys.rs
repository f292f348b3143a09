//! Key management functions (PKCS#11 3.0 section 5.18).

use cryptoki_sys::*;
use token::{Error, Provider};

use super::Answer;
use super::buffer::OutBuffer;
use super::mechanism::Mechanism;
use super::ptr::Ptr;
use super::template::Template;

/// `C_GenerateKeyPair`. Both places for handles are checked before there is a key that nobody would know of.
#[expect(clippy::too_many_arguments, reason = "the standard's arguments")]
pub(super) fn generate_key_pair(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    mechanism: Ptr<'_, CK_MECHANISM>,
    public: Ptr<'_, CK_ATTRIBUTE>,
    public_count: CK_ULONG,
    private: Ptr<'_, CK_ATTRIBUTE>,
    private_count: CK_ULONG,
    public_key: Ptr<'_, CK_OBJECT_HANDLE>,
    private_key: Ptr<'_, CK_OBJECT_HANDLE>,
) -> Answer {
    let (public_key, private_key) = (public_key.required()?, private_key.required()?);
    let mechanism = Mechanism::required(mechanism)?;
    let public = Template::read(public, public_count)?;
    let private = Template::read(private, private_count)?;
    let pair = provider.generate_key_pair(session, mechanism.call(), &public.items(), &private.items())?;
    public_key.write(pair.public)?;
    private_key.write(pair.private)
}

/// `C_WrapKey`. A null `wrapped` asks for the length.
pub(super) fn wrap_key(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    mechanism: Ptr<'_, CK_MECHANISM>,
    wrapping_key: CK_OBJECT_HANDLE,
    key: CK_OBJECT_HANDLE,
    wrapped: Ptr<'_, CK_BYTE>,
    wrapped_len: Ptr<'_, CK_ULONG>,
) -> Answer {
    let mechanism = Mechanism::required(mechanism)?;
    let mut out = OutBuffer::new(wrapped, wrapped_len)?;
    Ok(provider.wrap_key(session, mechanism.call(), wrapping_key, key, &mut out)?)
}

/// `C_UnwrapKey`. The place for the handle is checked before the nodes are asked.
#[expect(clippy::too_many_arguments, reason = "the standard's arguments")]
pub(super) fn unwrap_key(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    mechanism: Ptr<'_, CK_MECHANISM>,
    unwrapping_key: CK_OBJECT_HANDLE,
    wrapped: Ptr<'_, CK_BYTE>,
    wrapped_len: CK_ULONG,
    template: Ptr<'_, CK_ATTRIBUTE>,
    count: CK_ULONG,
    key: Ptr<'_, CK_OBJECT_HANDLE>,
) -> Answer {
    let key = key.required()?;
    let mechanism = Mechanism::required(mechanism)?;
    let wrapped = wrapped.bytes(wrapped_len, WRAPPED_BYTES_MAX, Error::WrappedKeyLenRange)?;
    let template = Template::read(template, count)?;
    key.write(provider.unwrap_key(session, mechanism.call(), unwrapping_key, &wrapped, &template.items())?)
}

/// `C_DeriveKey`. The place for the handle is checked before the nodes are asked.
pub(super) fn derive_key(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    mechanism: Ptr<'_, CK_MECHANISM>,
    base_key: CK_OBJECT_HANDLE,
    template: Ptr<'_, CK_ATTRIBUTE>,
    count: CK_ULONG,
    key: Ptr<'_, CK_OBJECT_HANDLE>,
) -> Answer {
    let key = key.required()?;
    let mechanism = Mechanism::required(mechanism)?;
    let template = Template::read(template, count)?;
    key.write(provider.derive_key(session, mechanism.call(), base_key, &template.items())?)
}

/// More than any wrapped key here has.
const WRAPPED_BYTES_MAX: usize = 64 * 1024;
