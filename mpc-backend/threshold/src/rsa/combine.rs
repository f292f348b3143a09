//! The client's result, verified (`spec/rsa.md`, 3.4).

use alloc::vec::Vec;

use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::encode::Block;
use super::partial::Partial;
use super::public::PublicKey;
use crate::fault::{Checks, Error, Fault, Misuse, Rule};
use crate::party::{PartyIndex, SignerSet};

/// B to the d from one partial of each member of `set`: a signature, or a padded plaintext. As long as
/// the modulus. Constant time in the partials and the result, but for what is said of them in an error.
///
/// # Errors
/// [`Misuse::SignerSet`] when the partials are not one of each member, [`Misuse::Block`] for a block of
/// another key; [`Rule::Malformed`] naming the party whose partial is no number below n;
/// [`Rule::RsaResult`] when the result does not verify: ask for proofs.
pub fn combine(
    key: &PublicKey,
    block: &Block,
    set: &SignerSet,
    partials: &[(PartyIndex, Partial)],
    checks: Checks,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    // Check 4.1
    let answered = SignerSet::new(partials.iter().map(|(party, _)| *party))?;
    if answered != *set {
        return Err(Misuse::SignerSet.into());
    }
    let base = block.residue(key).ok_or(Misuse::Block)?;
    let mut product = key.modulus().one();
    for (party, partial) in partials {
        let residue = key.modulus().residue(partial.as_bytes());
        product = product.times(&residue.ok_or(Fault::of(*party, Rule::Malformed))?);
    }
    // Check 4.2
    let power = key.public_power(&product);
    let (same, opposite) = (power.ct_eq(&base), power.negated().ct_eq(&base));
    checks.enforce((same | opposite).into(), Fault::of_nobody(Rule::RsaResult))?;
    let (mut result, negated) = (product.to_be_bytes(), product.negated().to_be_bytes());
    let bytes = result.iter_mut().zip(negated.iter());
    bytes.for_each(|(byte, negated)| byte.conditional_assign(negated, opposite));
    Ok(result)
}
