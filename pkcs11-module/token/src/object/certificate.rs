//! X.509 certificates (PKCS#11 3.1 section 4.6). We store what the application brings and read none of it: the
//! application that trusts a certificate parses it.

use cryptoki_sys::{CKA_CERTIFICATE_TYPE, CKA_URL, CKA_VALUE, CKC_X_509};

use crate::attribute::Class;
use crate::backend::Attributes;
use crate::rv::{Error, Result};
use crate::template::Template;

/// The attributes of a new certificate.
///
/// # Errors
/// [`Error::AttributeValueInvalid`] for other types than X.509 and for a certificate with neither value nor URL;
/// what [`Template::build`] says.
pub(crate) fn create(template: Template) -> Result<Attributes> {
    match template.ulong(CKA_CERTIFICATE_TYPE) {
        Some(CKC_X_509) | None => {}
        Some(_) => return Err(Error::AttributeValueInvalid),
    }
    let attributes = template.build(Class::Certificate, &[])?;
    let is_empty = |id| attributes.get(&id).is_none_or(|value: &Vec<u8>| value.is_empty());
    if is_empty(CKA_VALUE) && is_empty(CKA_URL) {
        return Err(Error::AttributeValueInvalid);
    }
    Ok(attributes)
}
