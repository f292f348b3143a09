//! Presign round 1 (`spec/ecdsa.md`, section 6): draws the nonce share, commits to its point, and
//! starts one multiplication as Bob towards each peer.
//!
//! Finishing this round checks every peer's extension message before anything of round 2 leaves. A
//! failed check is that peer's fault and kills the pair in both directions.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use elliptic_curve::ff::Field;
use elliptic_curve::ops::Invert as _;
use rand_core::CryptoRngCore;

use super::round2_open::{AwaitingOpenings, Opening, OpeningMessage};
use super::{PresignContext, Session, binding, zero_part};
use crate::codec::{DecodeError, Reader, Writer};
use crate::ecdsa::mul::{BobState, alice_check, alice_reply, bob_start};
use crate::ecdsa::ot::extension::{Columns, ExtensionMessage};
use crate::ecdsa::pair::{Acceptance, Pairs};
use crate::fault::{Fault, Misuse, Rule};
use crate::group::{Curve, Point};
use crate::party::PartyIndex;
use crate::round::{Inbox, Outbox};
use crate::secret::Secret;
use crate::sharing::lagrange_fraction;
use crate::transcript::{PRESIGN_COMMITMENT, PRESIGN_ROUND1, ZERO_KEY, hash, hash_all};

pub(super) const ROUND: u8 = 1;

/// B1: what a party says to all in round 1.
#[derive(Clone)]
pub(crate) struct Announcement {
    pub(crate) nonce: [u8; 32],
    /// com = H(com/R; pid, i, R_i, salt_i).
    pub(crate) commitment: [u8; 32],
}

/// B1 and E1.
pub(crate) struct CommitmentMessage {
    /// H(presign/pair; pid, Sigma of the pair with the receiver).
    pub(crate) binding: [u8; 32],
    pub(crate) announcement: Announcement,
    pub(crate) extension: ExtensionMessage,
}

impl CommitmentMessage {
    pub(crate) const fn bytes(width: usize) -> usize {
        1 + 32 + 64 + ExtensionMessage::bytes(width)
    }

    pub(crate) fn encode(&self, width: usize) -> Vec<u8> {
        let mut writer = Writer::with_capacity(Self::bytes(width));
        writer.u8(ROUND).bytes(&self.binding);
        writer.bytes(&self.announcement.nonce).bytes(&self.announcement.commitment);
        self.extension.encode(&mut writer);
        writer.finish()
    }

    pub(crate) fn decode(bytes: &[u8], width: usize) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != ROUND {
            return Err(DecodeError::Value);
        }
        let binding = reader.array()?;
        let announcement = Announcement { nonce: reader.array()?, commitment: reader.array()? };
        let extension = ExtensionMessage::decode(&mut reader, width)?;
        reader.finish()?;
        Ok(Self { binding, announcement, extension })
    }
}

/// Awaits every peer's commitment.
pub(crate) struct AwaitingCommitments<C: Curve> {
    /// r_i.
    pub(crate) nonce_share: Secret<C::Scalar>,
    /// phi_i.
    pub(crate) mask: Secret<C::Scalar>,
    /// lambda_i share_i.
    pub(crate) weighted_share: Secret<C::Scalar>,
    pub(crate) bobs: BTreeMap<PartyIndex, BobState<C>>,
    pub(crate) nonce_point: C::Point,
    pub(crate) salt: Secret<[u8; 32]>,
    pub(crate) announcement: Announcement,
    pub(crate) session: Session<C>,
}

/// Starts a session; the messages are to be sent.
pub(crate) fn start<C: Curve>(
    context: PresignContext<C>,
    share: &Secret<C::Scalar>,
    pairs: &mut Pairs,
    rng: &mut dyn CryptoRngCore,
) -> Result<(AwaitingCommitments<C>, Outbox), Misuse> {
    context.validate(pairs)?;
    let id = context.id();
    let nonce_share = nonzero::<C>(rng);
    let mask = nonzero::<C>(rng);
    let nonce_point = C::Point::mul_base(nonce_share.expose()).with_encoding();
    let salt = Secret::random(rng);
    let mut nonce = [0; 32];
    rng.fill_bytes(&mut nonce);
    let commitment = commit::<C>(&id, context.me, &nonce_point, salt.expose());
    let announcement = Announcement { nonce, commitment };

    let mut outbox = Outbox::default();
    let mut bobs = BTreeMap::new();
    let mut pair_ids = BTreeMap::new();
    for peer in context.peers() {
        let pair = pairs.ready(peer)?;
        let (bob, extension) = bob_start::<C>(&mut pair.bob, rng);
        let binding = binding(&id, &pair.id);
        let message = CommitmentMessage { binding, announcement: announcement.clone(), extension };
        outbox.push(peer, message.encode(C::XI));
        pair_ids.insert(peer, pair.id);
        bobs.insert(peer, bob);
    }
    // lambda_i is public, and a constant-time inversion costs a fixed-base multiplication or two.
    let (numerator, denominator) = lagrange_fraction::<C::Scalar>(context.me, &context.signers)?;
    let inverse = Option::<C::Scalar>::from(denominator.invert_vartime());
    let weight = numerator * inverse.expect("members of a signer set are distinct");
    let weighted_share = Secret::new(weight * share.expose());
    let session = Session { context, id, pair_ids };
    let state = AwaitingCommitments {
        nonce_share,
        mask,
        weighted_share,
        bobs,
        nonce_point,
        salt,
        announcement,
        session,
    };
    Ok((state, outbox))
}

impl<C: Curve> AwaitingCommitments<C> {
    /// Round 2 of the specification, steps 1 to 5.
    pub(crate) fn finish<const RHO: usize>(
        self,
        inbox: &Inbox<CommitmentMessage>,
        pairs: &mut Pairs,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(AwaitingOpenings<C>, Outbox), Fault> {
        let session = self.session;
        let me = session.context.me;
        // Step 0: a message for another session or pair set-up is judged no further. A node that has
        // restarted, or has finished a set-up first, is honest and would fail step 1.
        for (peer, message) in inbox.iter() {
            let pair = session.pair(pairs, peer)?;
            let same = message.binding == binding(&session.id, &pair.id);
            session.enforce(same, Fault::of(peer, Rule::OtherPair))?;
        }
        // Step 1: every check before any reply.
        let mut columns = BTreeMap::new();
        for (peer, message) in inbox.iter() {
            columns.insert(peer, accept(&session, pairs, peer, &message.extension)?);
        }
        let view = round1_view(&session, &self.announcement, inbox);

        // Steps 2 and 3: sk_i = lambda_i share_i + zeta_i.
        let mut key_share = self.weighted_share;
        for (peer, id) in &session.pair_ids {
            let pair = pairs.same(*peer, id)?;
            *key_share.expose_mut() += zero_part::<C>(ZERO_KEY, me, *peer, &pair.zero_key, &view);
        }
        let key_point = C::Point::mul_base(key_share.expose()).with_encoding();

        // Steps 4 and 5: the reply to each peer as Alice, with this party's opening.
        let opening = Opening { nonce_point: self.nonce_point, salt: *self.salt.expose(), key_point, view };
        let mut outbox = Outbox::default();
        let mut outputs = BTreeMap::new();
        for ((peer, message), columns) in inbox.iter().zip(columns.values()) {
            let pair = session.pair(pairs, peer)?;
            let inputs = [&self.nonce_share, &key_share];
            let digest = message.extension.digest();
            let (reply, output) =
                alice_reply::<C, RHO>(&mut pair.alice, columns, &digest, &view, inputs, rng);
            let bob = self.bobs.get(&peer).ok_or(Fault::of_nobody(Rule::PairDead))?;
            let message = OpeningMessage {
                opening: opening.clone(),
                reply,
                gammas: output.expose().each_ref().map(C::Point::mul_base),
                mask_difference: Secret::new(*self.mask.expose() - bob.product_share.expose()),
            };
            outbox.push(peer, message.encode());
            outputs.insert(peer, output);
        }
        let commitments =
            inbox.iter().map(|(peer, message)| (peer, message.announcement.commitment)).collect();
        let next = AwaitingOpenings {
            nonce_share: self.nonce_share,
            key_share,
            mask: self.mask,
            outputs,
            bobs: self.bobs,
            opening,
            commitments,
            session,
        };
        Ok((next, outbox))
    }
}

/// Step 1 for one peer: its extension number is new and its check holds.
fn accept<C: Curve>(
    session: &Session<C>,
    pairs: &mut Pairs,
    peer: PartyIndex,
    message: &ExtensionMessage,
) -> Result<Columns, Fault> {
    let pair = session.pair(pairs, peer)?;
    let number = pair.alice.accepted.accept(message.number);
    session.enforce(number != Acceptance::TooOld, Fault::of(peer, Rule::ExtensionTooOld))?;
    session.enforce(number != Acceptance::Used, Fault::of(peer, Rule::ExtensionReplay))?;
    let (columns, verdict) = alice_check::<C>(&pair.alice, message);
    session.enforce_or_kill(pair, verdict.into(), Rule::Extension)?;
    Ok(columns)
}

/// com_i = H(com/R; pid, i, R_i, salt_i).
pub(crate) fn commit<C: Curve>(
    id: &[u8; 32],
    party: PartyIndex,
    nonce_point: &C::Point,
    salt: &[u8; 32],
) -> [u8; 32] {
    hash(PRESIGN_COMMITMENT, &[id, &party.to_bytes(), &nonce_point.encode(), salt])
}

/// T1 = H(presign/T1; pid, (j, nonce_j, com_j) ascending).
fn round1_view<C: Curve>(
    session: &Session<C>,
    mine: &Announcement,
    inbox: &Inbox<CommitmentMessage>,
) -> [u8; 32] {
    let entries: Vec<([u8; 2], &Announcement)> = session
        .in_order(mine, |peer| inbox.get(peer).map(|message| &message.announcement))
        .map(|(party, announcement)| (party.to_bytes(), announcement))
        .collect();
    let parts = entries
        .iter()
        .flat_map(|(party, said)| [party.as_slice(), said.nonce.as_slice(), said.commitment.as_slice()]);
    hash_all(PRESIGN_ROUND1, core::iter::once(session.id.as_slice()).chain(parts))
}

/// A uniform scalar other than zero.
fn nonzero<C: Curve>(mut rng: &mut dyn CryptoRngCore) -> Secret<C::Scalar> {
    loop {
        let scalar = Secret::new(C::Scalar::random(&mut rng));
        // A second turn has probability 2^-kappa: the loop ends.
        if !bool::from(scalar.expose().is_zero()) {
            return scalar;
        }
    }
}
