//! Splitting an existing private key, in the client (`spec/rsa.md`, 3.1).
//!
//! The dealer knows the key; afterwards it should not. All computing on d is constant-time, and
//! everything that holds it is wiped.

use alloc::vec::Vec;

use arith::integer::Integer;
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use super::public::{KeyError, PublicKey};
use super::share::{HIDING_BITS, KeyShare, Values, power};
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
/// [`KeyError::Primes`] and [`KeyError::Private`] when the parts of the key do not fit together.
pub fn split(
    key: &PublicKey,
    private: &PrivateKey<'_>,
    layout: &Pieces,
    rng: &mut dyn CryptoRngCore,
) -> Result<(Vec<KeyShare>, Values), KeyError> {
    check(key, private)?;
    let limbs = key.limbs();
    let mut first = Integer::from_be_bytes(private.exponent, limbs);
    let mut pieces = Vec::new();
    for _ in layout.all().skip(1) {
        let mut bytes = Zeroizing::new(alloc::vec![0; key.bytes() + HIDING_BITS / 8]);
        rng.fill_bytes(&mut bytes);
        let piece = Integer::from_be_bytes(&bytes, limbs);
        first.subtract(&piece);
        pieces.push(piece);
    }
    pieces.insert(0, first);

    let generator = key.generator();
    let value = |(at, piece): (usize, &Integer)| {
        let value = power(&generator, piece, at == Piece::FIRST.position());
        // The generator shares a factor with n for nobody but who can factor n.
        value.map(|value| value.to_be_bytes().to_vec()).map_err(|_| KeyError::Private)
    };
    let values = pieces.iter().enumerate().map(value).collect::<Result<_, _>>()?;
    let share = |party| {
        let held = |piece: Piece| pieces.get(piece.position()).map(|value| value.resized(limbs));
        let pieces = Shared::new(layout, party, limbs, |piece| held(piece).unwrap_or(Integer::zero(limbs)));
        KeyShare { layout: layout.clone(), party, pieces }
    };
    Ok((layout.threshold().all().iter().map(share).collect(), Values::new(values)))
}

/// Checks 1.2 and 1.3.
fn check(key: &PublicKey, private: &PrivateKey<'_>) -> Result<(), KeyError> {
    if let Some([p, q]) = private.primes {
        // Wide enough for any product, so that none wraps around to n.
        let limbs = (p.len() + q.len()).max(key.bytes()).div_ceil(8);
        let product = Integer::from_be_bytes(p, limbs).product(&Integer::from_be_bytes(q, limbs));
        let n = Integer::from_be_bytes(key.n(), limbs);
        if product.to_be_bytes() != n.to_be_bytes() {
            return Err(KeyError::Primes);
        }
    }
    if private.exponent.len() > key.bytes() {
        return Err(KeyError::Private);
    }
    let one = key.modulus().one();
    let mut two = one.to_be_bytes();
    two.iter_mut().rev().take(1).for_each(|last| *last = 2);
    let two = key.modulus().residue(&two).ok_or(KeyError::Size)?;
    for base in [key.generator(), two] {
        if key.public_power(&base.power_secret(private.exponent)) != base {
            return Err(KeyError::Private);
        }
    }
    Ok(())
}
