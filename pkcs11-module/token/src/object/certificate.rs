//! X.509 certificates (PKCS#11 3.1 section 4.6). We store what the application brings and read none of it: the
//! application that trusts a certificate parses it.

use cryptoki_sys::*;
use sha1::{Digest, Sha1};

use crate::attribute::Class;
use crate::backend::Attributes;
use crate::rv::{Error, Result};
use crate::template::Template;

/// The attributes of a new certificate.
///
/// # Errors
/// [`Error::AttributeValueInvalid`] for other types than X.509, for a certificate with neither value nor URL, for a
/// category or security domain that does not exist, and for a check value that is not the certificate's;
/// [`Error::TemplateIncomplete`] for a URL without the two hashes that bind what is found there; what
/// [`Template::build`] says.
pub(crate) fn create(template: Template) -> Result<Attributes> {
    match template.ulong(CKA_CERTIFICATE_TYPE) {
        Some(CKC_X_509) | None => {}
        Some(_) => return Err(Error::AttributeValueInvalid),
    }
    for (id, last) in [
        (CKA_CERTIFICATE_CATEGORY, CK_CERTIFICATE_CATEGORY_OTHER_ENTITY),
        (CKA_JAVA_MIDP_SECURITY_DOMAIN, CK_SECURITY_DOMAIN_THIRD_PARTY),
    ] {
        if template.ulong(id).is_some_and(|value| value > last) {
            return Err(Error::AttributeValueInvalid);
        }
    }
    let mut attributes = template.build(Class::Certificate, &[])?;
    let is_empty = |id| attributes.get(&id).is_none_or(Vec::is_empty);
    if is_empty(CKA_VALUE) && is_empty(CKA_URL) {
        return Err(Error::AttributeValueInvalid);
    }
    if !is_empty(CKA_URL) && HASHES.into_iter().any(is_empty) {
        return Err(Error::TemplateIncomplete);
    }
    add_check_value(&mut attributes)?;
    Ok(attributes)
}

/// Computes `CKA_CHECK_VALUE`, three bytes of SHA-1 (section 4.6.2): where it is absent it is added, where it is given it
/// must be right, and given as empty it stays so, which is how an application says that it wants none.
fn add_check_value(attributes: &mut Attributes) -> Result<()> {
    let value = attributes.get(&CKA_VALUE).map(Vec::as_slice).unwrap_or_default();
    let right = match value {
        [] => Vec::new(),
        value => Sha1::digest(value).iter().copied().take(3).collect(),
    };
    let given = attributes.entry(CKA_CHECK_VALUE).or_insert_with(|| right.clone());
    if given.is_empty() || *given == right { Ok(()) } else { Err(Error::AttributeValueInvalid) }
}

const HASHES: [u64; 2] = [CKA_HASH_OF_SUBJECT_PUBLIC_KEY, CKA_HASH_OF_ISSUER_PUBLIC_KEY];
