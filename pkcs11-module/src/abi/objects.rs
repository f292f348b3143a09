//! Object management (PKCS#11 3.0 section 5.7).

use cryptoki_sys::*;
use token::Provider;

use super::Answer;
use super::ptr::Ptr;
use super::template::{Template, Wanted};

/// `C_CreateObject`.
pub(super) fn create_object(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    template: Ptr<'_, CK_ATTRIBUTE>,
    count: CK_ULONG,
    object: Ptr<'_, CK_OBJECT_HANDLE>,
) -> Answer {
    let object = object.required()?;
    let template = Template::read(template, count)?;
    object.write(provider.create_object(session, &template.items())?)
}

/// `C_CopyObject`.
pub(super) fn copy_object(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: Ptr<'_, CK_ATTRIBUTE>,
    count: CK_ULONG,
    copy: Ptr<'_, CK_OBJECT_HANDLE>,
) -> Answer {
    let copy = copy.required()?;
    let template = Template::read(template, count)?;
    copy.write(provider.copy_object(session, object, &template.items())?)
}

/// `C_DestroyObject`.
pub(super) fn destroy_object(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
) -> Answer {
    Ok(provider.destroy_object(session, object)?)
}

/// `C_GetObjectSize`.
pub(super) fn object_size(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    size: Ptr<'_, CK_ULONG>,
) -> Answer {
    let size = size.required()?;
    size.write(provider.object_size(session, object)?)
}

/// `C_GetAttributeValue`.
pub(super) fn get_attributes(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: Ptr<'_, CK_ATTRIBUTE>,
    count: CK_ULONG,
) -> Answer {
    let mut wanted = Wanted::read(template, count)?;
    Ok(provider.get_attributes(session, object, &mut wanted.outputs())?)
}

/// `C_SetAttributeValue`.
pub(super) fn set_attributes(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: Ptr<'_, CK_ATTRIBUTE>,
    count: CK_ULONG,
) -> Answer {
    let template = Template::read(template, count)?;
    Ok(provider.set_attributes(session, object, &template.items())?)
}

/// `C_FindObjectsInit`.
pub(super) fn find_init(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    template: Ptr<'_, CK_ATTRIBUTE>,
    count: CK_ULONG,
) -> Answer {
    let template = Template::read(template, count)?;
    Ok(provider.find_init(session, &template.items())?)
}

/// `C_FindObjects`.
pub(super) fn find(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    objects: Ptr<'_, CK_OBJECT_HANDLE>,
    objects_max: CK_ULONG,
    count: Ptr<'_, CK_ULONG>,
) -> Answer {
    let count = count.required()?;
    let objects = if objects_max == 0 { objects } else { objects.required()? };
    let found = provider.find(session, usize::try_from(objects_max).unwrap_or(usize::MAX))?;
    count.write(found.len() as CK_ULONG)?;
    found.iter().enumerate().try_for_each(|(index, object)| objects.element(index).write(*object))
}

/// `C_FindObjectsFinal`.
pub(super) fn find_final(provider: &Provider, session: CK_SESSION_HANDLE) -> Answer {
    Ok(provider.find_final(session)?)
}
