//! The test of Boneh and Franklin: for n = p q with p = 4 u + 3 and q = 4 w + 3 and (g / n) = 1,
//! g^((n - 5) / 4) = +-g^(u + w) (`spec/rsa-generation.md`, section 4).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use arith::integer::Integer;
use arith::modulus::{Modulus, Residue};
use subtle::{Choice, ConstantTimeEq as _};

use super::Setting;
use super::jacobi::jacobi;
use crate::fault::{Checks, Fault, Misuse, Rule};
use crate::party::PartyIndex;
use crate::sharing::replicated::audit::Account;
use crate::sharing::replicated::{Piece, Shared};
use crate::transcript::{RSA_BASE, expand};

/// A candidate n of the right size.
pub(super) struct Candidate {
    modulus: Modulus,
    n: Vec<u8>,
}

/// What was sent for one test.
pub(super) struct Sent {
    pub(super) candidate: Candidate,
    /// Who includes the public part.
    pub(super) leader: PartyIndex,
    pub(super) powers: BTreeMap<PartyIndex, Vec<u8>>,
}

impl Candidate {
    /// `None` unless n, a number of one limb more, has exactly the bits asked for and is 1 modulo 4.
    pub(super) fn new(setting: &Setting, n: &Integer) -> Option<Self> {
        let bytes = n.to_be_bytes();
        let (above, n) = bytes.split_at_checked(bytes.len().checked_sub(setting.bytes())?)?;
        let full = above.iter().all(|byte| *byte == 0) && n.first().is_some_and(|top| top & 0x80 != 0);
        let form = n.last().is_some_and(|last| last & 3 == 1);
        let modulus = Modulus::new(n).filter(|_| full && form)?;
        Some(Self { modulus, n: n.to_vec() })
    }

    pub(super) fn n(&self) -> &[u8] {
        &self.n
    }

    /// Base number `index` of those that `seed` gives, with (g / n) = 1.
    ///
    /// # Errors
    /// [`Rule::RsaBiprime`], naming nobody, when none is found: n is then a square, or no number of
    /// the sieve.
    pub(super) fn base(&self, seed: &[u8], index: u32) -> Result<Residue<'_>, Fault> {
        // Half of all numbers have the symbol.
        (0..u32::from(u8::MAX))
            .find_map(|attempt| {
                let mut bytes = alloc::vec![0; self.n.len()];
                expand(RSA_BASE, &[&self.n, seed, &index.to_be_bytes(), &attempt.to_be_bytes()], &mut bytes);
                // n has its highest bit set, so a number without it is below n.
                bytes.iter_mut().take(1).for_each(|top| *top &= 0x7f);
                self.modulus.residue(&bytes).filter(|_| jacobi(&bytes, &self.n) == 1)
            })
            .ok_or(Fault::of_nobody(Rule::RsaBiprime))
    }

    /// (n - 5) / 4.
    pub(super) fn public_exponent(&self) -> Integer {
        let limbs = self.n.len() / 8;
        let mut exponent = Integer::from_be_bytes(&self.n, limbs);
        exponent.subtract(&Integer::from_word(5, limbs));
        exponent.divided_by(4).map_or(Integer::zero(limbs), |(quarter, _)| quarter)
    }

    /// A number below n that was sent, and not zero.
    pub(super) fn read(&self, bytes: &[u8]) -> Option<Residue<'_>> {
        self.modulus.residue(bytes).filter(|_| bytes.iter().any(|byte| *byte != 0))
    }

    /// The product of numbers that were sent.
    pub(super) fn product<'a>(&self, powers: impl Iterator<Item = &'a [u8]>) -> Option<Residue<'_>> {
        powers.map(|power| self.read(power)).try_fold(self.modulus.one(), |all, one| Some(all.times(&one?)))
    }
}

/// Whether left and right are equal up to the sign.
pub(super) fn equal_up_to_sign(left: &Residue<'_>, right: &Residue<'_>) -> bool {
    left == right || left.negated() == *right
}

/// Whether what was said of pieces is what this party has itself for those that it holds. In constant time: our own
/// is a secret until whoever stands for the piece has sent it.
pub(super) fn agree(own: &BTreeMap<Piece, Vec<u8>>, said: &BTreeMap<Piece, Vec<u8>>) -> bool {
    let both = said.iter().filter_map(|(piece, said)| Some((own.get(piece)?, said)));
    both.fold(Choice::from(1), |all, (own, said)| all & own.ct_eq(said)).into()
}

/// What `party` sends: the base of the candidate's own seed to its exponent, in constant time.
///
/// # Errors
/// As [`Candidate::base`].
pub(super) fn power(
    candidate: &Candidate,
    leader: PartyIndex,
    party: PartyIndex,
    part: &Integer,
) -> Result<Vec<u8>, Fault> {
    let base = candidate.base(&[], 0)?;
    if party != leader {
        return Ok(base.power_secret(&part.to_be_bytes()).to_be_bytes().to_vec());
    }
    let mut exponent = candidate.public_exponent();
    exponent.subtract(&part.resized(exponent.limbs()));
    Ok(base.power_secret(&exponent.to_be_bytes()).to_be_bytes().to_vec())
}

/// The sum of this party's assigned pieces of u + w.
///
/// # Errors
/// As [`Shared::part`].
pub(super) fn part(setting: &Setting, sum: &Shared) -> Result<Integer, Misuse> {
    sum.part(&setting.layout, setting.me, &setting.all)
}

impl Sent {
    /// Whether the candidate passes.
    pub(super) fn passes(&self) -> bool {
        let others = self.powers.iter().filter(|(party, _)| **party != self.leader);
        let product = self.candidate.product(others.map(|(_, power)| power.as_slice()));
        let leader = self.powers.get(&self.leader).and_then(|power| self.candidate.read(power));
        product.zip(leader).is_some_and(|(product, leader)| equal_up_to_sign(&product, &leader))
    }

    /// Computes every power again, from what an audit opened of p and q.
    ///
    /// # Errors
    /// [`Rule::RsaPower`], naming who sent another.
    pub(super) fn audit(&self, setting: &Setting, account: &Account, checks: Checks) -> Result<(), Fault> {
        for (party, sent) in &self.powers {
            let mut part = Integer::zero(setting.shape.limbs());
            for [x, y, _] in setting.assigned_to(*party).filter_map(|piece| account.at(piece)) {
                // p + q = 4 (u + w) + 6, and the piece that takes the 6 gives one too much.
                let mut sum = x.resized(x.limbs());
                sum.add(y);
                let quarter = sum.divided_by(4).map(|(quarter, _)| quarter.resized(part.limbs()));
                quarter.iter().for_each(|quarter| part.add(quarter));
            }
            if setting.assigned_to(*party).any(|piece| piece == Piece::FIRST) {
                part.subtract(&Integer::from_word(1, part.limbs()));
            }
            let right = power(&self.candidate, self.leader, *party, &part)? == *sent;
            // Checks 4.2
            checks.enforce(right, Fault::of(*party, Rule::RsaPower))?;
        }
        Ok(())
    }
}
