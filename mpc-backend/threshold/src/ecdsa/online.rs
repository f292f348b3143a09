//! Section 7, a signer's side: one presignature, one digest, one answer.
//!
//! The nonce is re-randomised by a hash of the whole request, and both values are masked by shares
//! of zero over the same hash: signers who saw different requests produce noise, not equations.
//! DEVIATION D10: both are ours, not the paper's. The caller has authorised the request, and has
//! taken the presignature out of its pool, before it calls [`answer`].

use alloc::vec::Vec;

use elliptic_curve::ff::Field;

use super::DIGEST_BYTES_MAX;
use super::pair::Pairs;
use super::presign::{Presignature, zero_part};
use crate::codec::{DecodeError, Reader, Writer};
use crate::fault::{Error, Fault, Misuse, Rule};
use crate::group::{Curve, Point};
use crate::party::SignerSet;
use crate::secret::Secret;
use crate::transcript::{ONLINE_CONTEXT, ONLINE_DELTA, ONLINE_U, ONLINE_W, hash, hash_to_scalar};

/// What is to be signed, and by whom for whom: equal at the client and at every signer.
#[derive(Clone)]
pub struct OnlineRequest<C: Curve> {
    /// Hash of the genesis manifest.
    pub cluster_id: [u8; 32],
    /// The key.
    pub key_id: [u8; 16],
    /// Epoch of the key.
    pub epoch: u64,
    /// Q.
    pub public_key: C::Point,
    /// The exact signers.
    pub signers: SignerSet,
    /// Identity of the client, authenticated by the channel.
    pub client: [u8; 32],
    /// Number of the mechanism that the client asked for.
    pub mechanism: u32,
    /// The digest: at most [`DIGEST_BYTES_MAX`] bytes, the leftmost kappa bits count.
    pub digest: Vec<u8>,
    /// Fresh for each request.
    pub request_nonce: [u8; 32],
}

impl<C: Curve> OnlineRequest<C> {
    /// ctx: everything that an answer depends on.
    pub(crate) fn context(&self, presignature: &[u8; 32], nonce_point: &C::Point) -> [u8; 32] {
        let parts: [&[u8]; 11] = [
            presignature,
            &self.cluster_id,
            &self.key_id,
            &self.epoch.to_be_bytes(),
            &self.public_key.encode(),
            &self.signers.to_bytes(),
            &nonce_point.encode(),
            &self.client,
            &self.mechanism.to_be_bytes(),
            &self.digest,
            &self.request_nonce,
        ];
        hash(ONLINE_CONTEXT, &parts)
    }

    /// Whether an answer's context is the one that an honest signer makes of this request.
    pub fn is_answered_by(&self, answer: &PartialSignature<C>) -> bool {
        answer.context == self.context(&answer.presignature, &answer.nonce_point)
    }

    fn matches(&self, presignature: &Presignature<C>) -> bool {
        let made_for = &presignature.session.context;
        self.cluster_id == made_for.cluster_id
            && self.key_id == made_for.key_id
            && self.epoch == made_for.epoch
            && self.public_key == made_for.public_key
            && self.signers == made_for.signers
            && self.client == made_for.client
    }
}

/// delta, and R' = R + delta G with its x-coordinate mod q.
pub(crate) struct Shifted<C: Curve> {
    pub(crate) delta: C::Scalar,
    /// r_x, not zero.
    pub(crate) r: C::Scalar,
}

impl<C: Curve> Shifted<C> {
    /// # Errors
    /// [`Rule::NoncePoint`] when R' is the identity or r_x is zero: chance 2^-kappa, nobody's fault.
    pub(crate) fn new(nonce_point: &C::Point, context: &[u8; 32]) -> Result<Self, Fault> {
        let delta = hash_to_scalar::<C>(ONLINE_DELTA, &[context]);
        let shifted = nonce_point.add(&C::Point::mul_base(&delta));
        let r = C::x_mod_order(&shifted);
        if shifted.is_identity() || bool::from(r.is_zero()) {
            return Err(Fault::of_nobody(Rule::NoncePoint));
        }
        Ok(Self { delta, r })
    }
}

/// One signer's answer to the client.
#[derive(Clone, Debug, PartialEq)]
pub struct PartialSignature<C: Curve> {
    /// T2.
    pub presignature: [u8; 32],
    /// R.
    pub nonce_point: C::Point,
    /// ctx.
    pub context: [u8; 32],
    /// u''_i.
    pub(crate) u: C::Scalar,
    /// w''_i.
    pub(crate) w: C::Scalar,
}

impl<C: Curve> PartialSignature<C> {
    /// Bytes of an encoded answer.
    pub const BYTES: usize = 64 + C::POINT_BYTES + 2 * C::SCALAR_BYTES;

    /// The bytes that are sent (and signed by the node).
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(Self::BYTES);
        writer.bytes(&self.presignature).point::<C>(&self.nonce_point).bytes(&self.context);
        writer.scalar::<C>(&self.u).scalar::<C>(&self.w);
        writer.finish()
    }

    /// The answer with exactly these bytes.
    ///
    /// # Errors
    /// [`DecodeError`] for another length or a value that is not canonical.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::decode_beside(bytes, None)
    }

    /// The answer with exactly these bytes. R is taken from `other`, an answer of the same signature,
    /// when the bytes name the same: decoding a point costs more than all the rest.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn decode_beside(bytes: &[u8], other: Option<&Self>) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let answer = Self {
            presignature: reader.array()?,
            nonce_point: point_beside::<C>(&mut reader, other.map(|other| &other.nonce_point))?,
            context: reader.array()?,
            u: reader.scalar::<C>()?,
            w: reader.scalar::<C>()?,
        };
        reader.finish()?;
        Ok(answer)
    }
}

fn point_beside<C: Curve>(
    reader: &mut Reader<'_>,
    known: Option<&C::Point>,
) -> Result<C::Point, DecodeError> {
    let bytes = reader.clone().bytes(C::POINT_BYTES)?;
    match known.filter(|known| known.encode() == bytes) {
        // Of a point that was decoded these are the only bytes.
        Some(known) => reader.bytes(C::POINT_BYTES).map(|_| known.clone()),
        None => reader.point::<C>(),
    }
}

/// Answers `request` with `presignature`, which is gone afterwards whatever happens.
///
/// # Errors
/// [`Misuse`] when the request does not belong to the presignature, [`Fault`] when a pair has died
/// or was replaced since, or the shifted nonce point is unusable.
pub fn answer<C: Curve>(
    presignature: Presignature<C>,
    pairs: &Pairs,
    request: &OnlineRequest<C>,
) -> Result<PartialSignature<C>, Error> {
    if request.digest.len() > DIGEST_BYTES_MAX {
        return Err(Misuse::DigestTooLong.into());
    }
    if !request.matches(&presignature) {
        return Err(Misuse::WrongPresignature.into());
    }
    let context = request.context(&presignature.id, &presignature.nonce_point);
    let Shifted { delta, r } = Shifted::<C>::new(&presignature.nonce_point, &context)?;
    let m = C::digest_to_scalar(&request.digest);

    let mask = presignature.mask.expose();
    let mut u = Secret::new(*presignature.masked_nonce.expose() + delta * mask);
    let mut w = Secret::new(m * mask + r * presignature.masked_key.expose());
    let me = presignature.session.context.me;
    for (peer, id) in &presignature.session.pair_ids {
        let pair = pairs
            .get(*peer)
            .filter(|pair| !pair.is_dead() && pair.id() == id)
            .ok_or(Fault::of_nobody(Rule::PairDead))?;
        *u.expose_mut() += zero_part::<C>(ONLINE_U, me, *peer, &pair.online_u, &context);
        *w.expose_mut() += zero_part::<C>(ONLINE_W, me, *peer, &pair.online_w, &context);
    }
    let answer = PartialSignature {
        presignature: presignature.id,
        nonce_point: presignature.nonce_point.clone(),
        context,
        u: *u.expose(),
        w: *w.expose(),
    };
    // The shares are wiped before the answer leaves.
    drop(presignature);
    Ok(answer)
}
