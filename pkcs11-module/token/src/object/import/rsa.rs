//! RSA keys (PKCS#11 3.1 section 6.1.3). Modulus and both exponents are needed; the primes are held against the modulus
//! where they are given, and the other numbers of a key are dropped: nothing of ours computes with them.

use cryptoki_sys::*;
use zeroize::Zeroizing;

use crate::attribute::canonical_bool;
use crate::backend::{Attributes, PrivateValue, without_zeros};
use crate::mechanism::rsa::{GENERATED_BITS, PublicKey};
use crate::object::rsa::complete_private;
use crate::rv::{Error, Result};
use crate::template::Template;

/// Takes what is secret out of the template, and tells what follows from the public half.
///
/// # Errors
/// [`Error::TemplateIncomplete`] without modulus, exponents, or one of two primes, and without primes for a public exponent
/// above 2^64; [`Error::AttributeValueInvalid`] for another size than the nodes have, and for a public exponent that is even
/// or not between 2^16 and 2^256.
pub(super) fn take(template: &mut Template) -> Result<(PrivateValue, Attributes)> {
    let mut secret = |id| {
        template.take(id).map(Zeroizing::new).map(|number| Zeroizing::new(without_zeros(&number).to_vec()))
    };
    let private_exponent = secret(CKA_PRIVATE_EXPONENT).filter(|number| !number.is_empty());
    let primes = match (secret(CKA_PRIME_1), secret(CKA_PRIME_2)) {
        (Some(p), Some(q)) => Some([p, q]),
        (None, None) => None,
        _ => return Err(Error::TemplateIncomplete),
    };
    for id in [CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT] {
        drop(secret(id));
    }
    let private_exponent = private_exponent.ok_or(Error::TemplateIncomplete)?;
    let number = |id| template.attributes().get(&id).ok_or(Error::TemplateIncomplete);
    let key = PublicKey::new(number(CKA_MODULUS)?, number(CKA_PUBLIC_EXPONENT)?)?;
    let has_size = GENERATED_BITS.iter().any(|bits| usize::from(*bits) == key.bits());
    let exponent = key.exponent();
    if !has_size || !exponent.is_of_private_keys() {
        return Err(Error::AttributeValueInvalid);
    }
    if primes.is_none() && exponent.as_bytes().len() > size_of::<u64>() {
        return Err(Error::TemplateIncomplete);
    }
    let mut derived = Attributes::new();
    complete_private(&mut derived, key.modulus(), exponent.as_bytes());
    for id in [CKA_MODULUS, CKA_PUBLIC_EXPONENT] {
        template.set(id, derived.get(&id).cloned().unwrap_or_default());
    }
    // As where the nodes make the pair: Java and others say nothing of what it is for.
    template.set_default(CKA_DECRYPT, canonical_bool(true));
    let modulus = key.modulus().to_vec();
    Ok((PrivateValue::Rsa { modulus, exponent, private_exponent, primes }, derived))
}
