//! Objects: what each class is made of, how it may change, what of it can be read.

pub(crate) mod certificate;
pub mod key;
pub(crate) mod pair;
pub(crate) mod profile;
pub(crate) mod read;
pub mod summary;

use cryptoki_sys::*;

use crate::attribute::{self, Change, Class};
use crate::backend::{Attributes, Role};
use crate::rv::{Error, Result};
use crate::template::Template;

/// The attributes of an object that `C_CreateObject` makes.
///
/// # Errors
/// [`Error::TemplateInconsistent`] for private and secret keys: a key is born shared and never handed in whole; and for
/// profiles, which are what the token is.
/// Otherwise what [`Template::build`] and the rules of the class say.
pub(crate) fn create(template: Template, role: Option<Role>) -> Result<Attributes> {
    let number = template.ulong(CKA_CLASS).ok_or(Error::TemplateIncomplete)?;
    if number == CKO_SECRET_KEY {
        return Err(Error::TemplateInconsistent);
    }
    let class = Class::from_number(number).ok_or(Error::AttributeValueInvalid)?;
    let attributes = match class {
        Class::Data => template.build(class, &[])?,
        Class::Certificate => certificate::create(template)?,
        Class::PublicKey => key::create_public(template)?,
        Class::PrivateKey | Class::Profile => return Err(Error::TemplateInconsistent),
    };
    check_trusted(attribute::bool_of(&attributes, CKA_TRUSTED), role)?;
    check_dates(&attributes)?;
    check_size(&attributes)?;
    Ok(attributes)
}

/// Applies a template of `C_SetAttributeValue`, or of `C_CopyObject` if `copying`.
///
/// # Errors
/// [`Error::AttributeTypeInvalid`] for what the class does not have, [`Error::AttributeReadOnly`] for what may not
/// change, or not in this direction, [`Error::AttributeValueInvalid`], [`Error::TemplateInconsistent`] for a public
/// copy of a private object.
pub(crate) fn change(
    attributes: &mut Attributes,
    template: &Template,
    copying: bool,
    role: Option<Role>,
) -> Result<()> {
    let class = attribute::class_of(attributes).ok_or(Error::GeneralError)?;
    for (id, value) in template.attributes() {
        let declared = attribute::find(*id, class).ok_or(Error::AttributeTypeInvalid)?;
        if value.len() > declared.bytes_max {
            return Err(Error::AttributeValueInvalid);
        }
        let given = template.bool(*id);
        let current = attribute::bool_of(attributes, *id);
        let allowed = match declared.change {
            Change::Never => false,
            Change::OnCopy => copying,
            Change::Free => true,
            Change::ToTrue => given == Some(true) || given == current,
            Change::ToFalse => given == Some(false) || given == current,
        };
        if !allowed {
            return Err(Error::AttributeReadOnly);
        }
        if *id == CKA_PRIVATE && current == Some(true) && given == Some(false) {
            return Err(Error::TemplateInconsistent);
        }
        attributes.insert(*id, value.clone());
    }
    check_trusted(template.bool(CKA_TRUSTED), role)?;
    check_dates(attributes)?;
    check_size(attributes)
}

/// A validity that ends does not end before it starts (PKCS#11 3.1 sections 4.6.3 and 4.7).
pub(crate) fn check_dates(attributes: &Attributes) -> Result<()> {
    // YYYYMMDD in digits: the order of the bytes is that of the days.
    let date = |id| attributes.get(&id).filter(|date| !date.is_empty());
    match (date(CKA_START_DATE), date(CKA_END_DATE)) {
        (Some(start), Some(end)) if end < start => Err(Error::TemplateInconsistent),
        _ => Ok(()),
    }
}

/// Only the security officer declares an object trusted (PKCS#11 3.1 sections 4.6 and 4.8).
fn check_trusted(given: Option<bool>, role: Option<Role>) -> Result<()> {
    if given == Some(true) && role != Some(Role::SecurityOfficer) {
        return Err(Error::AttributeReadOnly);
    }
    Ok(())
}

fn check_size(attributes: &Attributes) -> Result<()> {
    if attributes.values().map(Vec::len).sum::<usize>() > OBJECT_BYTES_MAX {
        return Err(Error::DeviceMemory);
    }
    Ok(())
}

/// Most bytes of all attribute values of one object.
const OBJECT_BYTES_MAX: usize = 128 * 1024;
