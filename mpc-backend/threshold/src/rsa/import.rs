//! Splitting an existing private key, in the client (`spec/rsa.md`, 3.1).
//!
//! The dealer knows the key; afterwards it should not. All computing on d, p and q is constant-time but for
//! their lengths in bytes, which whoever read the key's file has seen already, and everything that holds them
//! is wiped.

use alloc::vec::Vec;

use arith::integer::Integer;
use rand_core::CryptoRngCore;
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::exponent::SHORT;
use super::public::{KeyError, PublicKey};
use super::share::{HIDING_BITS, KeyShare, Values, power};
use crate::fault::verdict;
use crate::sharing::replicated::{Piece, Pieces, Shared};

/// A private key as its file has it, big-endian.
pub struct PrivateKey<'a> {
    /// d.
    pub exponent: &'a [u8],
    /// p and q, where they are known.
    pub primes: Option<[&'a [u8]; 2]>,
}

/// Splits a private key: a share for every party of `layout`, ascending, and the values for all.
///
/// # Errors
/// [`KeyError::Primes`] and [`KeyError::Private`] when the parts of the key do not fit together,
/// [`KeyError::PrimesMissing`].
pub fn split(
    key: &PublicKey,
    private: &PrivateKey<'_>,
    layout: &Pieces,
    rng: &mut dyn CryptoRngCore,
) -> Result<(Vec<KeyShare>, Values), KeyError> {
    let mut first = exponent(key, private, layout)?;
    let (limbs, mut pieces) = (key.limbs(), Vec::new());
    for _ in layout.all().skip(1) {
        let mut bytes = Zeroizing::new(alloc::vec![0; key.bytes() + HIDING_BITS / 8]);
        rng.fill_bytes(&mut bytes);
        let piece = Integer::from_be_bytes(&bytes, limbs);
        first.subtract(&piece);
        pieces.push(piece);
    }
    pieces.insert(0, first);

    let generator = key.generator();
    let values = pieces.iter().map(|piece| power(key, &generator, piece).to_be_bytes().to_vec()).collect();
    let share = |party| {
        let held = |piece: Piece| pieces.get(piece.position()).map(|value| value.resized(limbs));
        let pieces = Shared::new(layout, party, limbs, |piece| held(piece).unwrap_or(Integer::zero(limbs)));
        KeyShare { layout: layout.clone(), party, pieces }
    };
    Ok((layout.threshold().all().iter().map(share).collect(), Values::new(values)))
}

/// A private exponent that is larger than all pieces but the first together, and less than one of them larger, so
/// that the first is not negative. Checks 1.2 and 1.3.
fn exponent(key: &PublicKey, private: &PrivateKey<'_>, layout: &Pieces) -> Result<Integer, KeyError> {
    if private.exponent.len() > key.bytes() {
        return Err(KeyError::Private);
    }
    let limbs = key.limbs();
    let one = Integer::from_word(1, limbs);
    let mut exponent = Integer::from_be_bytes(private.exponent, limbs);
    let multiple = match private.primes {
        Some(primes) => totient(key, primes)?,
        // Otherwise the multiple would not be small beside what hides it.
        None if key.e().padded().len() > SHORT => return Err(KeyError::PrimesMissing),
        None => {
            let mut multiple = exponent.product(&key.e().to_integer(limbs));
            multiple.subtract(&one);
            multiple
        }
    };
    // d + x - (x modulo the multiple), for x = 2^(bits(n) + 128) times the number of pieces.
    let mut least = alloc::vec![0; 1 + key.bytes() + HIDING_BITS / 8];
    least.iter_mut().take(1).for_each(|top| *top = layout.all().len() as u8);
    let least = Integer::from_be_bytes(&least, limbs);
    let (_, rest) = least.divided_by_number(&multiple);
    exponent.add(&least);
    exponent.subtract(&rest);

    let mut two = key.modulus().one().to_be_bytes();
    two.iter_mut().rev().take(1).for_each(|last| *last = 2);
    let two = key.modulus().residue(&two).ok_or(KeyError::Size)?;
    let fits = [key.generator(), two].iter().fold(Choice::from(1), |fits, base| {
        fits & key.public_power(&power(key, base, &exponent)).ct_eq(base)
    });
    verdict(fits, KeyError::Private)?;
    Ok(exponent)
}

/// (p - 1)(q - 1), when p and q are factors of n (check 1.2).
fn totient(key: &PublicKey, primes: [&[u8]; 2]) -> Result<Integer, KeyError> {
    // Wide enough for any product, so that none wraps around to n, and with room for a sign.
    let limbs = primes.iter().map(|prime| prime.len()).sum::<usize>().div_ceil(8).max(key.limbs());
    let [mut p, mut q] = primes.map(|prime| Integer::from_be_bytes(prime, limbs));
    let n = Integer::from_be_bytes(key.n(), limbs);
    let one = Integer::from_word(1, limbs);
    let trivial = p.ct_eq(&one) | q.ct_eq(&one);
    verdict(p.product(&q).ct_eq(&n) & !trivial, KeyError::Primes)?;
    p.subtract(&one);
    q.subtract(&one);
    Ok(p.product(&q).resized(key.limbs()))
}
