//! The public half of a sharing.

use alloc::vec::Vec;

use elliptic_curve::ff::PrimeField;

use crate::codec::DecodeError;
use crate::group::Point;
use crate::party::{PartyIndex, Threshold};

/// Feldman commitments: the coefficients of the sharing polynomial times the generator, the
/// constant term (the public key) first. As many as parties are needed.
#[derive(Clone, PartialEq)]
pub struct Commitments<P: Point>(Vec<P>);

impl<P: Point> Commitments<P>
where
    P::Scalar: PrimeField,
{
    /// Reads one encoded point for each needed party.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] or [`DecodeError::Trailing`] for another number of points,
    /// [`DecodeError::Value`] for bytes that are no point or the identity.
    pub fn decode<B: AsRef<[u8]>>(encoded: &[B], threshold: Threshold) -> Result<Self, DecodeError> {
        match encoded.len().cmp(&usize::from(threshold.needed())) {
            core::cmp::Ordering::Less => return Err(DecodeError::Truncated),
            core::cmp::Ordering::Greater => return Err(DecodeError::Trailing),
            core::cmp::Ordering::Equal => {}
        }
        let points = encoded.iter().map(|bytes| P::decode(bytes.as_ref()));
        points.collect::<Option<_>>().map(Self).ok_or(DecodeError::Value)
    }

    /// Each commitment in the group's encoding, the constant term first.
    pub fn encode(&self) -> Vec<Vec<u8>> {
        self.0.iter().map(Point::encode).collect()
    }

    /// Parties needed to use the key.
    pub fn needed(&self) -> usize {
        self.0.len()
    }

    /// The key times the generator.
    pub fn public_key(&self) -> P {
        self.0.first().cloned().expect("a threshold is at least 2")
    }

    /// The share of `party` times the generator.
    pub fn verification_share(&self, party: PartyIndex) -> P {
        let x = u64::from(party.get());
        self.0.iter().rev().fold(P::identity(), |sum, commitment| sum.times(x).add(commitment))
    }

    /// Commitments to the sum of the committed polynomials; `None` for no polynomials and for
    /// different degrees. A sum may be the identity, which has no encoding that decodes.
    pub fn sum<'a>(all: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut all = all.into_iter();
        let first = all.next()?.clone();
        all.try_fold(first, |sum, next| {
            let same = sum.0.len() == next.0.len();
            same.then(|| Self(sum.0.iter().zip(&next.0).map(|(a, b)| a.add(b)).collect()))
        })
    }

    /// Whether a commitment is the identity: a coefficient is zero.
    pub fn holds_identity(&self) -> bool {
        self.0.iter().any(Point::is_identity)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use crate::group::p256::P256Point;
    use crate::sharing::evaluate;
    use curve25519_dalek::RistrettoPoint;
    use elliptic_curve::Field;

    fn committed<P: Point<Scalar: PrimeField>>(coefficients: &[P::Scalar]) -> Commitments<P> {
        let encoded: Vec<_> = coefficients.iter().map(|c| P::mul_base(c).encode()).collect();
        let needed = coefficients.len() as u8;
        Commitments::decode(&encoded, Threshold::new(needed, 5).unwrap()).unwrap()
    }

    fn verification_shares_match_shares<P: Point<Scalar: PrimeField>>() {
        let mut rng = rand_core::OsRng;
        let mut random = || -> Vec<P::Scalar> { (0..3).map(|_| P::Scalar::random(&mut rng)).collect() };
        let (f, g) = (random(), random());
        let sum = Commitments::sum([&committed::<P>(&f), &committed::<P>(&g)]).unwrap();
        for index in [1, 2, 5, 255] {
            let party = PartyIndex::new(index).unwrap();
            let share = evaluate(&f, party) + evaluate(&g, party);
            assert!(sum.verification_share(party) == P::mul_base(&share));
        }
        assert!(sum.public_key() == P::mul_base(&(f[0] + g[0])));
        let negated: Vec<_> = f.iter().map(|c| -*c).collect();
        let zero = Commitments::sum([&committed::<P>(&f), &committed::<P>(&negated)]).unwrap();
        assert!(zero.holds_identity() && !sum.holds_identity());
        assert!(Commitments::sum([&committed::<P>(&f), &committed::<P>(&g[1..])]).is_none());
    }

    #[test]
    fn verification_shares_match_shares_on_both_groups() {
        verification_shares_match_shares::<P256Point>();
        verification_shares_match_shares::<RistrettoPoint>();
    }

    #[test]
    fn decoding_wants_exactly_as_many_points_as_parties_needed() {
        let point = P256Point::generator().encode();
        let threshold = Threshold::new(2, 3).unwrap();
        let decode = |points: &[&[u8]]| Commitments::<P256Point>::decode(points, threshold).map(|_| ());
        assert_eq!(decode(&[&point]), Err(DecodeError::Truncated));
        assert_eq!(decode(&[&point, &point, &point]), Err(DecodeError::Trailing));
        assert_eq!(decode(&[&point, &[0; 33]]), Err(DecodeError::Value));
        assert_eq!(decode(&[&point, &point]), Ok(()));
    }
}
