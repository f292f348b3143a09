//! Generation of an RSA key that no party ever holds (`spec/rsa-generation.md`).
//!
//! Boneh and Franklin (CRYPTO 1997) on replicated pieces, with a constructive sieve (Malkin, Wu, Boneh,
//! NDSS 1999): pieces of p and q are outputs of the holders' common PRF, so that nobody chooses any,
//! candidates are worthless until one passes, and only the winner is proven.
//!
//! | step | file | rounds |
//! |---|---|---|
//! | key set-up of the sharing, then all of the following | `ceremony.rs` | 3 |
//! | constants of a size | `shape.rs` | |
//! | sieve, products, one test, audit of a rejected candidate | `batch.rs`, `test.rs` | 5 a batch |
//! | every test on the winner, its product | `winner.rs` | 13 |
//! | private exponent | `exponent.rs` | 2 |
//! | public values, trial signatures, confirmation | `closing.rs` | 3 |
//! | who spoilt a candidate | `accuse.rs` | up to 4 |
//!
//! All N parties take part; whatever fails ends the session, and what it held is never used again.
//! The caller guarantees authenticated, confidential channels.

mod accuse;
mod batch;
mod ceremony;
mod closing;
mod exponent;
mod jacobi;
mod session;
mod shape;
mod test;
mod trial;
mod winner;

use alloc::string::String;

pub use self::ceremony::{Ceremony, Step};
pub use self::session::{Generation, Progress};
use self::shape::Shape;
use super::exponent::Exponent;
use super::public::PublicKey;
use super::share::{KeyShare, Values};
use crate::fault::Misuse;
use crate::party::{PartyIndex, SignerSet, Threshold};
use crate::sharing::replicated::{Piece, Pieces};
use crate::transcript::HASH_BYTES;

/// What is generated, equal at all parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Bits of the modulus: 2048, 3072 or 4096.
    pub bits: usize,
    /// The public exponent: a prime.
    pub exponent: Exponent,
}

impl Wanted {
    /// What `name` names, if it is a key that we generate: `RSA-2048-65537` is 2048 bits and the exponent
    /// 65537.
    pub fn of_name(name: &str) -> Option<Self> {
        let (bits, exponent) = name.strip_prefix("RSA-")?.split_once('-')?;
        let wanted = Self { bits: bits.parse().ok()?, exponent: Exponent::of_name(exponent)? };
        // One spelling only.
        (wanted.is_offered() && wanted.name() == name).then_some(wanted)
    }

    /// The name that [`Self::of_name`] reads.
    pub fn name(&self) -> String {
        alloc::format!("RSA-{}-{}", self.bits, self.exponent.name())
    }

    /// Whether `key` has this size and exponent.
    pub fn is(&self, key: &PublicKey) -> bool {
        8 * key.bytes() == self.bits && key.e() == self.exponent
    }

    /// Length of [`PublicKey::encode`].
    pub fn key_bytes(&self) -> usize {
        self.exponent.padded().len() + self.bits / 8
    }

    fn is_offered(&self) -> bool {
        super::public::SIZES.contains(&self.bits) && self.exponent.is_prime()
    }

    /// Whether N parties of which T are needed can make such a key, `me` being one of them.
    fn check(self, threshold: Threshold, me: PartyIndex) -> Result<(), Misuse> {
        let layout = Pieces::new(threshold)?;
        layout.terms()?;
        Setting::new(self, &layout, me).map(drop)
    }
}

/// A party's part of a new key, which all parties have confirmed.
pub struct Generated {
    /// n and e.
    pub key: PublicKey,
    /// This party's pieces of d.
    pub share: KeyShare,
    /// The public values of all pieces.
    pub values: Values,
    /// Hash of all messages, equal at all parties.
    pub transcript: [u8; HASH_BYTES],
}

/// What a generation knows from the start.
struct Setting {
    shape: Shape,
    layout: Pieces,
    me: PartyIndex,
    all: SignerSet,
    /// Who stands for each piece when all parties take part.
    assigned: alloc::vec::Vec<PartyIndex>,
    exponent: Exponent,
}

impl Setting {
    /// # Errors
    /// [`Misuse::KeySize`], [`Misuse::Exponent`], [`Misuse::Threshold`].
    fn new(wanted: Wanted, layout: &Pieces, me: PartyIndex) -> Result<Self, Misuse> {
        let supported = super::public::SIZES.contains(&wanted.bits);
        let shape = Shape::new(layout, wanted.bits).ok().filter(|_| supported).ok_or(Misuse::KeySize)?;
        let exponent = Some(wanted.exponent).filter(Exponent::is_prime).ok_or(Misuse::Exponent)?;
        let all = layout.threshold().all();
        let assigned = layout.assigned(&all)?;
        Ok(Self { shape, layout: layout.clone(), me, all, assigned, exponent })
    }

    /// The pieces that `party` stands for.
    fn assigned_to(&self, party: PartyIndex) -> impl Iterator<Item = Piece> + '_ {
        self.layout.all().zip(&self.assigned).filter(move |(_, one)| **one == party).map(|(piece, _)| piece)
    }

    /// Bytes of n.
    const fn bytes(&self) -> usize {
        self.shape.bits / 8
    }
}

#[cfg(test)]
mod tests;
