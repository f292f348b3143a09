//! Presign round 2 (`spec/ecdsa.md`, section 6): opens the nonce point and replies as Alice to each peer.
//!
//! The state awaits every peer's opening; its checks are in `output`.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Session;
use crate::codec::{DecodeError, Reader, Writer};
use crate::ecdsa::mul::{BobState, CHECKS, INPUTS, Outputs, Reply};
use crate::group::{Curve, Point};
use crate::party::PartyIndex;
use crate::secret::Secret;

pub(super) const ROUND: u8 = 2;

/// B2: what a party says to all in round 2.
#[derive(Clone)]
pub(crate) struct Opening<C: Curve> {
    /// R_i.
    pub(crate) nonce_point: C::Point,
    pub(crate) salt: [u8; 32],
    /// pk_i.
    pub(crate) key_point: C::Point,
    /// T1 as this party saw it.
    pub(crate) view: [u8; 32],
}

/// B2 and E2. The points of B2 may still be the identity, which the output step refuses by name.
pub(crate) struct OpeningMessage<C: Curve, const RHO: usize = CHECKS> {
    pub(crate) opening: Opening<C>,
    pub(crate) reply: Reply<C, RHO>,
    /// Gamma^u and Gamma^v: this party's outputs c in the exponent.
    pub(crate) gammas: [C::Point; INPUTS],
    /// psi = phi_i - chi_{i,j}.
    pub(crate) mask_difference: Secret<C::Scalar>,
}

impl<C: Curve, const RHO: usize> OpeningMessage<C, RHO> {
    /// Bytes of an encoded message.
    pub(crate) const BYTES: usize =
        1 + 64 + (2 + INPUTS) * C::POINT_BYTES + Reply::<C, RHO>::BYTES + C::SCALAR_BYTES;

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(Self::BYTES);
        let Opening { nonce_point, salt, key_point, view } = &self.opening;
        writer.u8(ROUND).point::<C>(nonce_point).bytes(salt).point::<C>(key_point).bytes(view);
        self.reply.encode(&mut writer);
        for gamma in &self.gammas {
            writer.point::<C>(gamma);
        }
        writer.scalar::<C>(self.mask_difference.expose());
        writer.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != ROUND {
            return Err(DecodeError::Value);
        }
        let opening = Opening {
            nonce_point: point_or_identity::<C>(&mut reader)?,
            salt: reader.array()?,
            key_point: point_or_identity::<C>(&mut reader)?,
            view: reader.array()?,
        };
        let reply = Reply::decode(&mut reader)?;
        let gammas = [reader.point::<C>()?, reader.point::<C>()?];
        let mask_difference = Secret::new(reader.scalar::<C>()?);
        reader.finish()?;
        Ok(Self { opening, reply, gammas, mask_difference })
    }
}

fn point_or_identity<C: Curve>(reader: &mut Reader<'_>) -> Result<C::Point, DecodeError> {
    let bytes = reader.bytes(C::POINT_BYTES)?;
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(C::Point::identity());
    }
    C::Point::decode(bytes).ok_or(DecodeError::Value)
}

/// Awaits every peer's opening.
pub(crate) struct AwaitingOpenings<C: Curve> {
    /// r_i.
    pub(crate) nonce_share: Secret<C::Scalar>,
    /// sk_i.
    pub(crate) key_share: Secret<C::Scalar>,
    /// phi_i.
    pub(crate) mask: Secret<C::Scalar>,
    /// c^u and c^v towards each peer.
    pub(crate) outputs: BTreeMap<PartyIndex, Outputs<C>>,
    pub(crate) bobs: BTreeMap<PartyIndex, BobState<C>>,
    /// What this party said to all.
    pub(crate) opening: Opening<C>,
    pub(crate) commitments: BTreeMap<PartyIndex, [u8; 32]>,
    pub(crate) session: Session<C>,
}
