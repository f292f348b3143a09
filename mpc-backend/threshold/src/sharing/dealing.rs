//! Splitting a key that exists (`spec/import.md`): Feldman's verifiable secret sharing, with the client as dealer.
//!
//! The dealer knows the key; afterwards it should not. Everything that holds the key or a share is wiped, and all
//! computing on it is in constant time. RSA keys are split in another way, into replicated pieces
//! ([`crate::rsa`]): they need what is said in the specification of the certificate, not of the shares.

use alloc::vec::Vec;

use curve25519_dalek::EdwardsPoint;
use elliptic_curve::ff::PrimeField;
use rand_core::CryptoRngCore;
use subtle::CtOption;
use zeroize::{Zeroize, Zeroizing};

use super::{Commitments, evaluate};
use crate::codec::scalar;
use crate::dkg::DkgCurve;
use crate::fault::{Checks, Fault, Misuse, Rule};
use crate::group::edwards25519;
use crate::group::{Curve, P256, P384, Point, Secp256k1};
use crate::party::{PartyIndex, Threshold};
use crate::secret::Secret;

/// A key, split.
pub struct Dealt {
    /// The key times the generator, in the group's encoding; the first commitment.
    pub public_key: Vec<u8>,
    /// Commitments to the T coefficients, the constant term first.
    pub commitments: Vec<Vec<u8>>,
    /// For each party, ascending, its share in the group's canonical encoding.
    pub shares: Vec<(PartyIndex, Secret<Vec<u8>>)>,
}

/// Splits `key`, a canonical scalar in the group's encoding, among all parties of `threshold` (step 1).
///
/// # Errors
/// [`Misuse::StoredKey`] for a key that is zero or not below the order, and for a group whose keys are not
/// imported.
pub fn deal(
    curve: DkgCurve,
    key: &Secret<Vec<u8>>,
    threshold: Threshold,
    rng: &mut dyn CryptoRngCore,
) -> Result<Dealt, Misuse> {
    match curve {
        DkgCurve::P256 => deal_on::<PointOf<P256>>(key, threshold, wide::<P256>(), rng),
        DkgCurve::P384 => deal_on::<PointOf<P384>>(key, threshold, wide::<P384>(), rng),
        DkgCurve::Secp256k1 => deal_on::<PointOf<Secp256k1>>(key, threshold, wide::<Secp256k1>(), rng),
        DkgCurve::Edwards25519 | DkgCurve::Curve25519 => {
            deal_on::<EdwardsPoint>(key, threshold, WIDE_25519, rng)
        }
        DkgCurve::Ristretto255 => Err(Misuse::StoredKey),
    }
}

/// Whether a dealt share is good: it is the value at `me` of the polynomial that `commitments` commit to (step 2).
///
/// # Errors
/// [`Rule::Malformed`] for anything that is not canonical, for an identity among the commitments, for a share
/// that is zero and for a group whose keys are not imported; [`Rule::DealtShare`] for a share off the polynomial. The
/// dealer is no party, so nobody is named.
pub fn accept(
    curve: DkgCurve,
    commitments: &[Vec<u8>],
    threshold: Threshold,
    me: PartyIndex,
    share: &Secret<Vec<u8>>,
    checks: Checks,
) -> Result<(), Fault> {
    match curve {
        DkgCurve::P256 => accept_on::<PointOf<P256>>(commitments, threshold, me, share, checks),
        DkgCurve::P384 => accept_on::<PointOf<P384>>(commitments, threshold, me, share, checks),
        DkgCurve::Secp256k1 => accept_on::<PointOf<Secp256k1>>(commitments, threshold, me, share, checks),
        DkgCurve::Edwards25519 | DkgCurve::Curve25519 => {
            accept_on::<EdwardsPoint>(commitments, threshold, me, share, checks)
        }
        DkgCurve::Ristretto255 => Err(Fault::of_nobody(Rule::Malformed)),
    }
}

type PointOf<C> = <C as Curve>::Point;

/// How random scalars are made, with a bias of at most 2^-128.
struct Wide<F> {
    bytes: usize,
    reduce: fn(&[u8]) -> F,
}

const fn wide<C: Curve>() -> Wide<C::Scalar> {
    Wide { bytes: C::WIDE_BYTES, reduce: C::reduce_wide }
}

const WIDE_25519: Wide<curve25519_dalek::Scalar> =
    Wide { bytes: edwards25519::WIDE_BYTES, reduce: edwards25519::reduce_wide };

/// The coefficients of the dealer's polynomial.
struct Coefficients<F: Zeroize>(Vec<F>);

impl<F: Zeroize> Drop for Coefficients<F> {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(Zeroize::zeroize);
    }
}

fn deal_on<P: Point<Scalar: PrimeField + Zeroize>>(
    key: &Secret<Vec<u8>>,
    threshold: Threshold,
    wide: Wide<P::Scalar>,
    rng: &mut dyn CryptoRngCore,
) -> Result<Dealt, Misuse> {
    // Step 1.1
    let key = scalar::<P::Scalar>(key.expose()).ok().and_then(nonzero);
    let key = Zeroizing::new(key.ok_or(Misuse::StoredKey)?);
    // Step 1.2
    let mut coefficients = Coefficients(Vec::with_capacity(usize::from(threshold.needed())));
    coefficients.0.push(*key);
    while coefficients.0.len() < usize::from(threshold.needed()) {
        let mut bytes = Zeroizing::new(alloc::vec![0; wide.bytes]);
        rng.fill_bytes(&mut bytes);
        coefficients.0.push((wide.reduce)(&bytes));
    }
    // Step 1.3
    let commitments: Vec<Vec<u8>> =
        coefficients.0.iter().map(|coefficient| P::mul_base(coefficient).encode()).collect();
    let public_key = commitments.first().cloned().ok_or(Misuse::Threshold)?;
    let share = |party| {
        let value = Zeroizing::new(evaluate(&coefficients.0, party));
        (party, Secret::new(value.to_repr().as_ref().to_vec()))
    };
    Ok(Dealt { public_key, commitments, shares: threshold.all().iter().map(share).collect() })
}

fn nonzero<F: PrimeField>(scalar: F) -> Option<F> {
    CtOption::new(scalar, !scalar.is_zero()).into()
}

fn accept_on<P: Point<Scalar: PrimeField + Zeroize>>(
    commitments: &[Vec<u8>],
    threshold: Threshold,
    me: PartyIndex,
    share: &Secret<Vec<u8>>,
    checks: Checks,
) -> Result<(), Fault> {
    let malformed = Fault::of_nobody(Rule::Malformed);
    // Step 2.2
    let commitments = Commitments::<P>::decode(commitments, threshold).map_err(|_| malformed)?;
    // Step 2.3
    let share = scalar::<P::Scalar>(share.expose()).ok().and_then(nonzero);
    let share = Zeroizing::new(share.ok_or(malformed)?);
    // Step 2.4
    let on_polynomial = P::mul_base(&share) == commitments.verification_share(me);
    checks.enforce(on_polynomial, Fault::of_nobody(Rule::DealtShare))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use elliptic_curve::Field as _;

    use super::*;
    use crate::party::SignerSet;
    use crate::sharing::lagrange_at_zero;

    const CURVES: [DkgCurve; 4] =
        [DkgCurve::P256, DkgCurve::P384, DkgCurve::Secp256k1, DkgCurve::Edwards25519];

    fn threshold() -> Threshold {
        Threshold::new(3, 5).unwrap()
    }

    fn random_key(curve: DkgCurve) -> Secret<Vec<u8>> {
        use rand_core::RngCore as _;
        let mut key = alloc::vec![0; curve.scalar_bytes()];
        // Below every order, in either order of bytes.
        let last = key.len() - 1;
        rand_core::OsRng.fill_bytes(&mut key[1..last]);
        Secret::new(key)
    }

    fn split(curve: DkgCurve) -> (Secret<Vec<u8>>, Dealt) {
        let key = random_key(curve);
        let dealt = deal(curve, &key, threshold(), &mut rand_core::OsRng).unwrap();
        (key, dealt)
    }

    fn accepted(curve: DkgCurve, dealt: &Dealt, at: usize, share: &Secret<Vec<u8>>) -> Result<(), Fault> {
        accept(curve, &dealt.commitments, threshold(), dealt.shares[at].0, share, Checks::all())
    }

    fn any_t_shares_are_the_key<P: Point<Scalar: PrimeField>>(curve: DkgCurve) {
        let (key, dealt) = split(curve);
        for quorum in [[0, 1, 2], [0, 2, 4], [2, 3, 4]] {
            let set = SignerSet::new(quorum.map(|at| dealt.shares[at].0)).unwrap();
            let sum = quorum.iter().fold(P::Scalar::ZERO, |sum, at| {
                let (party, share) = &dealt.shares[*at];
                let weight = lagrange_at_zero::<P::Scalar>(*party, &set).unwrap();
                sum + weight * scalar::<P::Scalar>(share.expose()).unwrap()
            });
            assert_eq!(sum.to_repr().as_ref(), key.expose().as_slice());
        }
        let whole = scalar::<P::Scalar>(key.expose()).unwrap();
        assert_eq!(dealt.public_key, P::mul_base(&whole).encode());
        assert_eq!(dealt.commitments[0], dealt.public_key);
    }

    #[test]
    fn every_node_accepts_its_share_and_any_t_shares_are_the_key() {
        any_t_shares_are_the_key::<PointOf<P256>>(DkgCurve::P256);
        any_t_shares_are_the_key::<PointOf<P384>>(DkgCurve::P384);
        any_t_shares_are_the_key::<PointOf<Secp256k1>>(DkgCurve::Secp256k1);
        any_t_shares_are_the_key::<EdwardsPoint>(DkgCurve::Edwards25519);
        for curve in CURVES {
            let (_, dealt) = split(curve);
            for (at, (_, share)) in dealt.shares.iter().enumerate() {
                assert_eq!(accepted(curve, &dealt, at, share), Ok(()));
            }
        }
    }

    #[test]
    fn cheating_dealer_with_a_wrong_share_is_caught_and_passes_without_the_check() {
        for curve in CURVES {
            let (_, dealt) = split(curve);
            let wrong = Err(Fault { culprit: None, rule: Rule::DealtShare });
            // Another node's share, one of another key, and one that is a little off.
            assert_eq!(accepted(curve, &dealt, 0, &dealt.shares[1].1), wrong);
            assert_eq!(accepted(curve, &dealt, 0, &split(curve).1.shares[0].1), wrong);
            let mut off = Secret::new(dealt.shares[0].1.expose().clone());
            *off.expose_mut().last_mut().unwrap() ^= 1;
            assert_eq!(accepted(curve, &dealt, 0, &off), wrong);
            let party = dealt.shares[0].0;
            let left_out = Checks::all_but(Rule::DealtShare);
            assert_eq!(accept(curve, &dealt.commitments, threshold(), party, &off, left_out), Ok(()));
        }
    }

    #[test]
    fn shares_and_commitments_out_of_range_are_refused() {
        for curve in CURVES {
            let (_, mut dealt) = split(curve);
            let share = Secret::new(dealt.shares[0].1.expose().clone());
            let malformed = Err(Fault { culprit: None, rule: Rule::Malformed });
            let bytes = curve.scalar_bytes();
            for bad in [alloc::vec![0; bytes], alloc::vec![0xff; bytes], alloc::vec![1; bytes - 1]] {
                assert_eq!(accepted(curve, &dealt, 0, &Secret::new(bad)), malformed);
            }
            let last = dealt.commitments.pop().unwrap();
            assert_eq!(accepted(curve, &dealt, 0, &share), malformed, "fewer nodes would do");
            dealt.commitments.push(alloc::vec![0; curve.element_bytes()]);
            assert_eq!(accepted(curve, &dealt, 0, &share), malformed, "the identity lowers the degree");
            dealt.commitments.pop();
            dealt.commitments.extend([last.clone(), last]);
            assert_eq!(accepted(curve, &dealt, 0, &share), malformed, "more nodes would be needed");
        }
    }

    #[test]
    fn keys_out_of_range_are_not_split() {
        let mut rng = rand_core::OsRng;
        for curve in CURVES {
            let bytes = curve.scalar_bytes();
            for bad in
                [alloc::vec![0; bytes], alloc::vec![0xff; bytes], alloc::vec![1; bytes + 1], Vec::new()]
            {
                assert!(deal(curve, &Secret::new(bad), threshold(), &mut rng).is_err());
            }
        }
        let key = Secret::new(alloc::vec![1; 32]);
        assert!(deal(DkgCurve::Ristretto255, &key, threshold(), &mut rng).is_err());
    }
}
