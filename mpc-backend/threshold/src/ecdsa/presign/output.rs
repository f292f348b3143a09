//! Presign output: every check on round 2, in the order of the specification, then the sums.
//!
//! T1 is compared first, because a third party who showed two honest ones different first rounds
//! would otherwise make each blame the other. A failed multiplication, nonce or key check is that
//! peer's fault and kills the pair.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use subtle::ConstantTimeEq;

use super::Session;
use super::round1_commit::commit;
use super::round2_open::{AwaitingOpenings, Opening, OpeningMessage};
use crate::ecdsa::BootId;
use crate::ecdsa::mul::{INPUTS, Outputs, bob_finish};
use crate::ecdsa::pair::Pairs;
use crate::fault::{Fault, Rule};
use crate::group::{Curve, Point};
use crate::party::{PartyIndex, SignerSet};
use crate::presigning::Witness;
use crate::round::Inbox;
use crate::secret::Secret;
use crate::transcript::{PRESIGN_ROUND2, hash_all};

/// One party's part of a nonce that is ready to sign one digest.
///
/// There is one owner, no copy and no stored form. Answering consumes it.
pub struct Presignature<C: Curve> {
    /// T2: equal at all signers who saw the same session.
    pub(crate) id: [u8; 32],
    pub(crate) session: Session<C>,
    /// R.
    pub(crate) nonce_point: C::Point,
    /// phi_i.
    pub(crate) mask: Secret<C::Scalar>,
    /// u_i: a share of r phi.
    pub(crate) masked_nonce: Secret<C::Scalar>,
    /// v_i: a share of sk phi.
    pub(crate) masked_key: Secret<C::Scalar>,
}

impl<C: Curve> Presignature<C> {
    /// T2, the name under which a client asks for it.
    pub const fn id(&self) -> &[u8; 32] {
        &self.id
    }

    /// pid, the name of the session that made it.
    pub const fn session_id(&self) -> &[u8; 32] {
        &self.session.id
    }

    /// The exact signers.
    pub const fn signers(&self) -> &SignerSet {
        &self.session.context.signers
    }

    /// Q.
    pub const fn public_key(&self) -> &C::Point {
        &self.session.context.public_key
    }

    /// The key.
    pub const fn key_id(&self) -> &[u8; 16] {
        &self.session.context.key_id
    }

    /// Epoch of the key.
    pub const fn epoch(&self) -> u64 {
        self.session.context.epoch
    }

    /// The client to whom it is assigned.
    pub const fn client(&self) -> &[u8; 32] {
        &self.session.context.client
    }

    /// The block and the position that it was made for.
    pub const fn position(&self) -> (&[u8; 16], u64) {
        (&self.session.context.block_id, self.session.context.number)
    }

    /// Without whose grant no signer may answer, in strict mode.
    pub const fn witness(&self) -> Option<Witness> {
        self.session.context.witness
    }

    /// Boot ids of the signers when it was made.
    pub const fn boot_ids(&self) -> &BTreeMap<PartyIndex, BootId> {
        &self.session.context.boot_ids
    }

    /// R: public, for ledgers that must never see one twice.
    pub const fn nonce_point(&self) -> &C::Point {
        &self.nonce_point
    }
}

impl<C: Curve> AwaitingOpenings<C> {
    /// Output of the specification, steps 1 to 8.
    pub(crate) fn finish<const RHO: usize>(
        self,
        inbox: &Inbox<OpeningMessage<C, RHO>>,
        pairs: &mut Pairs,
    ) -> Result<Presignature<C>, Fault> {
        let session = &self.session;
        // Step 1: all saw the same first round.
        for (peer, message) in inbox.iter() {
            let same = message.opening.view == self.opening.view;
            session.enforce(same, Fault::of(peer, Rule::ViewsDiffer))?;
        }
        // Step 2: usable points, and the committed ones.
        for (peer, message) in inbox.iter() {
            self.check_opening(peer, &message.opening)?;
        }
        // Steps 3 to 5.
        let mut bob_outputs = BTreeMap::new();
        for (peer, message) in inbox.iter() {
            bob_outputs.insert(peer, self.check_reply(pairs, peer, message)?);
        }
        // Step 6.
        let sum = |of: fn(&Opening<C>) -> &C::Point| {
            inbox.iter().fold(of(&self.opening).clone(), |sum, (_, message)| sum.add(of(&message.opening)))
        };
        let key_sum = sum(|opening| &opening.key_point);
        let nonce_point = sum(|opening| &opening.nonce_point).with_encoding();
        let whole = key_sum == session.context.public_key;
        session.enforce(whole, Fault::of_nobody(Rule::PublicKeySum))?;
        session.enforce(!nonce_point.is_identity(), Fault::of_nobody(Rule::NoncePoint))?;

        // Steps 7 and 8.
        let id = round2_view(session, &self.opening, inbox);
        let [masked_nonce, masked_key] = self.sums(inbox, &bob_outputs);
        Ok(Presignature { id, nonce_point, mask: self.mask, masked_nonce, masked_key, session: self.session })
    }

    fn check_opening(&self, peer: PartyIndex, opening: &Opening<C>) -> Result<(), Fault> {
        let usable = !opening.nonce_point.is_identity() && !opening.key_point.is_identity();
        self.session.enforce(usable, Fault::of(peer, Rule::IdentityPoint))?;
        let opened = commit::<C>(&self.session.id, peer, &opening.nonce_point, &opening.salt);
        let held = self.commitments.get(&peer).is_some_and(|commitment| bool::from(opened.ct_eq(commitment)));
        self.session.enforce(held, Fault::of(peer, Rule::Commitment))
    }

    /// d^u and d^v of the multiplication in which `peer` was Alice.
    fn check_reply<const RHO: usize>(
        &self,
        pairs: &mut Pairs,
        peer: PartyIndex,
        message: &OpeningMessage<C, RHO>,
    ) -> Result<Outputs<C>, Fault> {
        let session = &self.session;
        let pair = session.pair(pairs, peer)?;
        let bob = self.bobs.get(&peer).ok_or(Fault::of_nobody(Rule::PairDead))?;
        // Step 3.
        let (outputs, verdict) = bob_finish(&pair.bob.sid, bob, &self.opening.view, &message.reply);
        // Steps 4 and 5: chi R_j = d^u G + Gamma^u, chi pk_j = d^v G + Gamma^v.
        let points = [&message.opening.nonce_point, &message.opening.key_point];
        let mut rows = points.into_iter().zip(outputs.expose()).zip(&message.gammas);
        let inputs = [Rule::NonceInput, Rule::KeyInput].map(|rule| {
            let held = rows.next().is_some_and(|((point, output), gamma)| {
                point.mul(bob.product_share.expose()) == C::Point::mul_base(output).add(gamma)
            });
            (held, rule)
        });
        // All three are computed before the first that failed is named.
        for (held, rule) in [(verdict.into(), Rule::Multiplication)].into_iter().chain(inputs) {
            session.enforce_or_kill(pair, held, rule)?;
        }
        Ok(outputs)
    }

    /// u_i = r_i Phi_i + sum (c^u + d^u) and v_i = sk_i Phi_i + sum (c^v + d^v),
    /// Phi_i = phi_i + sum psi_{j,i}.
    fn sums<const RHO: usize>(
        &self,
        inbox: &Inbox<OpeningMessage<C, RHO>>,
        bob_outputs: &BTreeMap<PartyIndex, Outputs<C>>,
    ) -> [Secret<C::Scalar>; INPUTS] {
        let mut mask_sum = Secret::new(*self.mask.expose());
        for (_, message) in inbox.iter() {
            *mask_sum.expose_mut() += message.mask_difference.expose();
        }
        let mut sums = [&self.nonce_share, &self.key_share]
            .map(|share| Secret::new(*share.expose() * mask_sum.expose()));
        for outputs in self.outputs.values().chain(bob_outputs.values()) {
            for (sum, output) in sums.iter_mut().zip(outputs.expose()) {
                *sum.expose_mut() += output;
            }
        }
        sums
    }
}

/// T2 = H(presign/T2; T1, (j, R_j, pk_j) ascending).
fn round2_view<C: Curve, const RHO: usize>(
    session: &Session<C>,
    mine: &Opening<C>,
    inbox: &Inbox<OpeningMessage<C, RHO>>,
) -> [u8; 32] {
    let entries: Vec<([u8; 2], Vec<u8>, Vec<u8>)> = session
        .in_order(mine, |peer| inbox.get(peer).map(|message| &message.opening))
        .map(|(party, said)| (party.to_bytes(), said.nonce_point.encode(), said.key_point.encode()))
        .collect();
    let parts =
        entries.iter().flat_map(|(party, nonce, key)| [party.as_slice(), nonce.as_slice(), key.as_slice()]);
    hash_all(PRESIGN_ROUND2, core::iter::once(mine.view.as_slice()).chain(parts))
}
