//! Specification, section 4, a signer's side: one pair of nonces, one message, one answer.
//!
//! In strict mode the answer is masked by a share of zero over the whole request; else it is not, so that
//! a wrong one names its author (specification, section 5).

use alloc::vec::Vec;

use elliptic_curve::ff::{Field as _, PrimeField as _};

use super::MESSAGE_BYTES_MAX;
use super::binding::bind;
use super::nonces::Nonces;
use super::suite::{Message, Schnorr};
use crate::codec::{DecodeError, Reader, Writer, scalar};
use crate::ecdsa::Pairs;
use crate::fault::{Error, Fault, Misuse, Rule};
use crate::group::Point;
use crate::party::{PartyIndex, SignerSet};
use crate::secret::Secret;
use crate::transcript::{FROST_CONTEXT, FROST_MASK, expand, hash};

/// What is to be signed, and by whom for whom: equal at the client and at every signer.
#[derive(Clone)]
pub struct OnlineRequest<S: Schnorr> {
    /// Hash of the genesis manifest.
    pub cluster_id: [u8; 32],
    /// The key.
    pub key_id: [u8; 16],
    /// Epoch of the key.
    pub epoch: u64,
    /// Q.
    pub public_key: S::Point,
    /// The exact signers.
    pub signers: SignerSet,
    /// Identity of the client, authenticated by the channel.
    pub client: [u8; 32],
    /// Number of the mechanism that the client asked for.
    pub mechanism: u32,
    /// The variant of the scheme: [`Message::parameter`].
    pub parameter: Vec<u8>,
    /// The message: [`Message::bytes`].
    pub message: Vec<u8>,
    /// Fresh for each request.
    pub request_nonce: [u8; 32],
    /// Whether the nonces name a witness, and the answers are masked.
    pub witnessed: bool,
}

impl<S: Schnorr> OnlineRequest<S> {
    /// ctx: everything that an answer depends on, but for the commitments, which the name of the nonces
    /// covers.
    pub(crate) fn context(&self, nonces: &[u8; 32]) -> [u8; 32] {
        let parts: [&[u8]; 12] = [
            nonces,
            &self.cluster_id,
            &self.key_id,
            &self.epoch.to_be_bytes(),
            &self.public_key.encode(),
            &self.signers.to_bytes(),
            &self.client,
            &self.mechanism.to_be_bytes(),
            &self.parameter,
            &self.message,
            &self.request_nonce,
            &[u8::from(self.witnessed)],
        ];
        hash(FROST_CONTEXT, &parts)
    }

    pub(crate) fn message(&self) -> Message<'_> {
        Message { parameter: &self.parameter, bytes: &self.message }
    }

    /// Whether an answer's context is the one that an honest signer makes of this request.
    pub fn is_answered_by(&self, answer: &PartialSignature<S>) -> bool {
        answer.context == self.context(&answer.presignature)
    }

    fn matches(&self, nonces: &Nonces<S>) -> bool {
        let made_for = &nonces.context;
        self.cluster_id == made_for.cluster_id
            && self.key_id == made_for.key_id
            && self.epoch == made_for.epoch
            && self.public_key == nonces.public_key
            && self.signers == made_for.signers
            && self.client == made_for.client
            && self.witnessed == made_for.witness.is_some()
    }
}

/// One signer's answer to the client.
#[derive(Clone, Debug, PartialEq)]
pub struct PartialSignature<S: Schnorr> {
    /// Name of the nonces.
    pub presignature: [u8; 32],
    /// ctx.
    pub context: [u8; 32],
    /// R as it stands in the signature.
    pub nonce: Vec<u8>,
    /// D || E of every signer, in the order of their positions. Not decoded: only the naming of a liar
    /// needs the points.
    pub commitments: Vec<u8>,
    /// z_i.
    pub(crate) response: S::Scalar,
}

impl<S: Schnorr> PartialSignature<S> {
    /// Bytes of an answer of one of `signers` signers.
    pub const fn bytes(signers: usize) -> usize {
        64 + S::NONCE_BYTES + signers * 2 * S::POINT_BYTES + S::SCALAR_BYTES
    }

    /// The bytes that are sent (and signed by the node).
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.bytes(&self.presignature).bytes(&self.context).bytes(&self.nonce).bytes(&self.commitments);
        writer.bytes(self.response.to_repr().as_ref());
        writer.finish()
    }

    /// The answer with exactly these bytes.
    ///
    /// # Errors
    /// [`DecodeError`] for a length that no number of signers has, or a response that is not canonical.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let rest = bytes.len().checked_sub(Self::bytes(0)).ok_or(DecodeError::Truncated)?;
        if rest == 0 || rest % (2 * S::POINT_BYTES) != 0 || rest > 255 * 2 * S::POINT_BYTES {
            return Err(DecodeError::Trailing);
        }
        let mut reader = Reader::new(bytes);
        let answer = Self {
            presignature: reader.array()?,
            context: reader.array()?,
            nonce: reader.bytes(S::NONCE_BYTES)?.to_vec(),
            commitments: reader.bytes(rest)?.to_vec(),
            response: scalar(reader.bytes(S::SCALAR_BYTES)?)?,
        };
        reader.finish()?;
        Ok(answer)
    }
}

/// Answers `request` with `nonces`, which are gone afterwards whatever happens.
///
/// # Errors
/// [`Misuse`] when the request does not belong to the nonces, [`Fault`] when a pair has died or was
/// replaced since, or R is the identity.
pub fn answer<S: Schnorr>(
    nonces: Nonces<S>,
    pairs: &Pairs,
    request: &OnlineRequest<S>,
) -> Result<PartialSignature<S>, Error> {
    // Step 2.1.
    if request.message.len() > MESSAGE_BYTES_MAX || !S::accepts(request.message()) {
        return Err(Misuse::Message.into());
    }
    if !request.matches(&nonces) {
        return Err(Misuse::WrongPresignature.into());
    }
    // Step 2.2.
    let alive = |(peer, id): (&PartyIndex, &[u8; 32])| {
        pairs.get(*peer).is_some_and(|pair| !pair.is_dead() && pair.id() == id)
    };
    if !nonces.pair_ids.iter().all(alive) {
        return Err(Fault::of_nobody(Rule::PairDead).into());
    }
    let context = request.context(&nonces.id);
    let (nonce, mut response) = respond(&nonces, request.message(), &context)?;
    if request.witnessed {
        *response.expose_mut() += zero_share::<S>(&nonces, pairs, &context).expose();
    }
    let answer = PartialSignature {
        presignature: nonces.id,
        context,
        nonce,
        commitments: nonces.list.encoded().to_vec(),
        response: *response.expose(),
    };
    // The secrets are wiped before the answer leaves.
    drop(nonces);
    Ok(answer)
}

/// Steps 2.3 and 2.4: R and z_i = d_i + rho_i e_i + c lambda_i share_i.
pub(crate) fn respond<S: Schnorr>(
    nonces: &Nonces<S>,
    message: Message<'_>,
    context: &[u8],
) -> Result<(Vec<u8>, Secret<S::Scalar>), Error> {
    let bound = bind(&nonces.list, &nonces.public_key, message, context);
    if bound.nonce.is_identity() {
        return Err(Fault::of_nobody(Rule::NoncePoint).into());
    }
    let (rho, _) = bound.of(nonces.context.me).ok_or(Misuse::NotASigner)?;
    let nonce = S::encode_nonce(&bound.nonce);
    let mut challenge = S::challenge(&nonce, &nonces.public_key, message);
    // Both signs are public: they are those of R and Q.
    if S::takes_negative(&nonces.public_key) != S::takes_negative(&bound.nonce) {
        challenge = -challenge;
    }
    let own = &nonces.own;
    let mut response = Secret::new(*own.binding.expose() * rho);
    *response.expose_mut() += own.hiding.expose();
    *response.expose_mut() += challenge * nonces.weighted_share.expose();
    if S::takes_negative(&bound.nonce) {
        let negative = -*response.expose();
        *response.expose_mut() = negative;
    }
    Ok((nonce, response))
}

/// Step 2.5: sum over j of sgn(i, j) H2S(frost/mask; K_ij, ctx). The shares of all signers sum to zero.
pub(crate) fn zero_share<S: Schnorr>(
    nonces: &Nonces<S>,
    pairs: &Pairs,
    context: &[u8; 32],
) -> Secret<S::Scalar> {
    let me = nonces.context.me;
    let mut sum = Secret::new(S::Scalar::ZERO);
    for pair in nonces.pair_ids.keys().filter_map(|peer| pairs.get(*peer)) {
        let mut wide = Secret::new([0; 64]);
        expand(FROST_MASK, &[pair.online_u.expose(), context], wide.expose_mut());
        let part = Secret::new(S::reduce_wide(wide.expose()));
        if me < pair.peer() {
            *sum.expose_mut() += part.expose();
        } else {
            *sum.expose_mut() -= part.expose();
        }
    }
    sum
}
