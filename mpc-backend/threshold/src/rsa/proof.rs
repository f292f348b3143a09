//! Proof that a partial is right up to its sign (`spec/rsa.md`, 3.5; Shoup 2000, section 4.1).

use alloc::vec::Vec;

use arith::integer::Integer;
use arith::modulus::Residue;
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use super::encode::Block;
use super::partial::Partial;
use super::public::PublicKey;
use super::share::{KeyShare, Values};
use crate::fault::{Checks, Error, Fault, Misuse, Rule};
use crate::party::{PartyIndex, SignerSet};
use crate::sharing::replicated::Pieces;
use crate::transcript::{RSA_CHALLENGE, hash};

/// Bytes of a challenge.
const CHALLENGE_BYTES: usize = 16;
/// Limbs by which the nonce exceeds a piece: challenge, and as much again to hide the product.
const NONCE_LIMBS: usize = 4;

/// Challenge, then response: [`Proof::bytes`] in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof(Vec<u8>);

/// What is proven: the logarithms of V to g and of x^2 to B^2 are equal.
struct Claim<'a> {
    key: &'a PublicKey,
    party: PartyIndex,
    set: &'a SignerSet,
    block: &'a Block,
    partial: &'a Partial,
    /// B^2 and x^2.
    base: Residue<'a>,
    result: Residue<'a>,
}

impl Proof {
    /// Length of a proof for `key`.
    pub fn bytes(key: &PublicKey) -> usize {
        CHALLENGE_BYTES + 8 * response_limbs(key)
    }

    /// Takes the bytes over; [`Proof::verify`] decides.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Checks 5.1 and 5.2: whether `partial` of `party` is what its pieces give for `block` in `set`.
    /// Variable-time.
    ///
    /// # Errors
    /// [`Rule::Malformed`] and [`Rule::RsaProof`] naming `party`; [`Misuse`] for a set or block that is
    /// none.
    pub fn verify(
        &self,
        key: &PublicKey,
        layout: &Pieces,
        values: &Values,
        (party, partial): (PartyIndex, &Partial),
        (block, set): (&Block, &SignerSet),
        checks: Checks,
    ) -> Result<(), Error> {
        let claim = Claim::new(key, party, set, block, partial)?;
        // Check 5.1
        let (challenge, response) =
            self.0.split_first_chunk::<CHALLENGE_BYTES>().ok_or(Fault::of(party, Rule::Malformed))?;
        if self.0.len() != Self::bytes(key) {
            return Err(Fault::of(party, Rule::Malformed).into());
        }
        // Check 5.2
        let assigned = layout.assigned(set)?;
        let value = values.product(key, |piece| assigned.get(piece.position()) == Some(&party));
        let without = |of: &Residue<'_>| of.power(challenge).inverse().map(|one| one.to_be_bytes());
        let commitment = |base: &Residue<'_>, of: &Residue<'_>| {
            let inverse = key.modulus().residue(without(of)?.as_slice())?;
            Some(base.power(response).times(&inverse).to_be_bytes())
        };
        let commitments = commitment(&key.generator(), &value).zip(commitment(&claim.base, &claim.result));
        let holds = commitments
            .is_some_and(|(of_generator, of_base)| claim.challenge(&of_generator, &of_base) == *challenge);
        checks.enforce(holds, Fault::of(party, Rule::RsaProof))?;
        Ok(())
    }
}

impl KeyShare {
    /// Proves that `partial`, this party's own, is right. Constant time in the pieces.
    ///
    /// # Errors
    /// As [`KeyShare::partial`].
    pub fn prove(
        &self,
        key: &PublicKey,
        block: &Block,
        set: &SignerSet,
        partial: &Partial,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<Proof, Misuse> {
        let exponent = self.exponent(set)?;
        let claim = Claim::new(key, self.party, set, block, partial).map_err(|_| Misuse::Block)?;
        let limbs = response_limbs(key);
        // r has its highest bit set, so that r + c s has one length.
        let mut random = Zeroizing::new(alloc::vec![0; 8 * (limbs - 1)]);
        rng.fill_bytes(&mut random);
        let mut nonce = Integer::from_be_bytes(&random, limbs);
        let mut top = Zeroizing::new(alloc::vec![0; 8 * limbs]);
        top.iter_mut().skip(7).take(1).for_each(|byte| *byte = 1);
        nonce.add(&Integer::from_be_bytes(&top, limbs));

        let secret = nonce.to_be_bytes();
        let committed = |base: &Residue<'_>| base.power_secret(&secret).to_be_bytes();
        let challenge = claim.challenge(&committed(&key.generator()), &committed(&claim.base));
        let mut response = Integer::from_be_bytes(&challenge, limbs).product(&exponent.resized(limbs));
        response.add(&nonce);
        Ok(Proof([challenge.as_slice(), &response.to_be_bytes()].concat()))
    }
}

/// Limbs of a nonce, whose highest is 1, and of a response.
fn response_limbs(key: &PublicKey) -> usize {
    key.limbs() + NONCE_LIMBS + 1
}

impl<'a> Claim<'a> {
    fn new(
        key: &'a PublicKey,
        party: PartyIndex,
        set: &'a SignerSet,
        block: &'a Block,
        partial: &'a Partial,
    ) -> Result<Self, Error> {
        let base = block.residue(key).ok_or(Misuse::Block)?;
        let result = key.modulus().residue(partial.as_bytes());
        let result = result.ok_or(Fault::of(party, Rule::Malformed))?;
        let (base, result) = (base.times(&base), result.times(&result));
        Ok(Self { key, party, set, block, partial, base, result })
    }

    fn challenge(&self, of_generator: &[u8], of_base: &[u8]) -> [u8; CHALLENGE_BYTES] {
        let digest = hash(
            RSA_CHALLENGE,
            &[
                &self.key.id(),
                &self.party.to_bytes(),
                &self.set.to_bytes(),
                self.block.as_bytes(),
                self.partial.as_bytes(),
                of_generator,
                of_base,
            ],
        );
        let mut challenge = [0; CHALLENGE_BYTES];
        challenge.iter_mut().zip(digest).for_each(|(byte, from)| *byte = from);
        challenge
    }
}
