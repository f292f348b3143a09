//! The list of nonce commitments, the binding factors over it, and the nonce that they make (RFC 9591,
//! sections 4.3 to 4.5). All of it is public.

use alloc::vec::Vec;
use core::marker::PhantomData;

use elliptic_curve::ff::PrimeField;
use frost_core::Ciphersuite;

use super::suite::{Message, Schnorr};
use crate::codec::{DecodeError, Reader};
use crate::group::Point;
use crate::party::{PartyIndex, SignerSet};

/// One signer's D and E.
#[derive(Clone)]
pub(crate) struct Commitment<S: Schnorr> {
    pub(crate) hiding: S::Point,
    pub(crate) binding: S::Point,
}

impl<S: Schnorr> Commitment<S> {
    /// Bytes of D || E.
    pub(crate) const BYTES: usize = 2 * S::POINT_BYTES;

    pub(crate) fn encode(&self) -> Vec<u8> {
        [self.hiding.encode(), self.binding.encode()].concat()
    }

    /// # Errors
    /// [`DecodeError::Value`] for the identity or another point that is not canonical.
    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut point = || S::Point::decode(reader.bytes(S::POINT_BYTES)?).ok_or(DecodeError::Value);
        Ok(Self { hiding: point()?, binding: point()? })
    }

    /// What stands in a [`CommitmentList`].
    fn decode_again(entry: &[u8]) -> Self {
        let (hiding, binding) = entry.split_at(S::POINT_BYTES);
        let point = |bytes| S::Point::decode_again(bytes).expect("it was decoded or encoded before");
        Self { hiding: point(hiding), binding: point(binding) }
    }
}

/// The commitments of all signers, in the order of their positions. Only their encoding is kept: pools hold
/// many of these.
#[derive(Clone)]
pub(crate) struct CommitmentList<S: Schnorr> {
    parties: Vec<PartyIndex>,
    /// D || E of each, one after the other; all of it was decoded or encoded here.
    encoded: Vec<u8>,
    scheme: PhantomData<S>,
}

impl<S: Schnorr> CommitmentList<S> {
    pub(crate) fn new(entries: &[(PartyIndex, Commitment<S>)]) -> Self {
        let parties = entries.iter().map(|(party, _)| *party).collect();
        let encoded = entries.iter().flat_map(|(_, commitment)| commitment.encode()).collect();
        Self { parties, encoded, scheme: PhantomData }
    }

    /// The list with exactly these bytes, for these signers.
    ///
    /// # Errors
    /// [`DecodeError`] for another length or a point that is not canonical.
    pub(crate) fn decode(bytes: &[u8], signers: &SignerSet) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        for _ in signers.iter() {
            Commitment::<S>::decode(&mut reader)?;
        }
        reader.finish()?;
        Ok(Self { parties: signers.iter().collect(), encoded: bytes.to_vec(), scheme: PhantomData })
    }

    /// D || E of every signer, one after the other.
    pub(crate) fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// Each signer and its D || E.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (PartyIndex, &[u8])> + Clone {
        self.parties.iter().copied().zip(self.encoded.chunks(Commitment::<S>::BYTES))
    }
}

/// The binding factor of each signer, and its part of the nonce.
pub(crate) struct Bound<S: Schnorr> {
    /// rho_j and D_j + rho_j E_j, in the order of the list.
    pub(crate) parts: Vec<(PartyIndex, S::Scalar, S::Point)>,
    /// R, the sum of the parts.
    pub(crate) nonce: S::Point,
}

impl<S: Schnorr> Bound<S> {
    /// rho and the part of one signer.
    pub(crate) fn of(&self, party: PartyIndex) -> Option<(&S::Scalar, &S::Point)> {
        self.parts.iter().find(|(own, ..)| *own == party).map(|(_, rho, part)| (rho, part))
    }
}

/// Binds the list to key and message: rho_j = H1(Q || H4(m) || H5(list) || ctx || j).
///
/// DEVIATION F1: RFC 9591 has no `context` there, and what it defines is this function with an empty one.
pub(crate) fn bind<S: Schnorr>(
    list: &CommitmentList<S>,
    public_key: &S::Point,
    message: Message<'_>,
    context: &[u8],
) -> Bound<S> {
    let identifier = |party: PartyIndex| S::Scalar::from(u64::from(party.get())).to_repr();
    let commitments: Vec<u8> =
        list.entries().flat_map(|(party, entry)| [identifier(party).as_ref(), entry].concat()).collect();
    let taken = if S::takes_negative(public_key) { public_key.neg() } else { public_key.clone() };
    let mut input = taken.encode();
    input.extend_from_slice(S::Frost::H4(message.bytes).as_ref());
    input.extend_from_slice(S::Frost::H5(&commitments).as_ref());
    input.extend_from_slice(context);
    let prefix = input.len();
    let mut nonce = S::Point::identity();
    let mut parts = Vec::with_capacity(list.parties.len());
    for (party, entry) in list.entries() {
        input.truncate(prefix);
        input.extend_from_slice(identifier(party).as_ref());
        let rho = S::Frost::H1(&input);
        let Commitment { hiding, binding } = Commitment::<S>::decode_again(entry);
        let part = hiding.add(&binding.mul_public(&rho));
        nonce = nonce.add(&part);
        parts.push((party, rho, part));
    }
    Bound { parts, nonce }
}
