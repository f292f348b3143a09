//! Presigning: the lowest member of a signer set begins, and every member checks for itself that the key,
//! the set and the client exist, and that it has room. Numbers of one coordinator only rise, so none is
//! ever begun twice; boot ids, which enter each session, cover restarts.

use proto::peer::v1::{PresignStart, Protocol, control};
use proto::registry::v1::Purpose;
use rand_core::CryptoRngCore;
use threshold::ecdsa::Witness;
use threshold::fault::Misuse;
use threshold::party::SignerSet;
use threshold::round::Step;
use threshold::signing::{Session, SessionContext, SigningScheme};

use super::pool::PoolKey;
use super::{Order, SessionId, party};
use crate::blame::{Scene, Sent};
#[cfg(feature = "sim")]
use crate::bugs::Bug;
use crate::engine::Engine;
use crate::event::Event;
use crate::input::NodeIndex;
use crate::peers::Why;
use crate::registry::{Id, PublicKey, birth};

/// How long a presigning may take, in ms.
const PRESIGN_MS: u64 = 10_000;
/// A presigning that has taken so long, in ms, is given up for a client that has no more time. A request that comes with
/// little time left ends none that others wait for.
const STALLED_MS: u64 = 2_000;

/// One presigning on its way.
pub(crate) struct Presigning {
    pub(super) pool: PoolKey,
    /// Taken out while a message is handled; a fault leaves nothing behind.
    state: Option<Session>,
    pub(crate) deadline: u64,
    sent: Sent,
}

/// What one presigning has to itself.
struct Position {
    block_id: [u8; 16],
    number: u64,
    witness: Option<Witness>,
}

impl Presigning {
    pub(crate) fn has_member(&self, peer: NodeIndex) -> bool {
        self.pool.signers.contains(&peer)
    }
}

impl Engine {
    /// Begins one presigning as its coordinator; the caller has checked the pool's members and made
    /// room. `urgent` when a client waits for it.
    pub(crate) fn begin_presign(
        &mut self,
        pool: &PoolKey,
        urgent: bool,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(), Why> {
        let mut session = [0; 32];
        rng.fill_bytes(&mut session);
        let (block_id, number) = self.sessions.pools.next_number(pool, self.now, rng);
        let share = self.shares.active(&pool.key_id, Purpose::SigningKey).ok_or("no share of this key")?;
        let witness = self.choose_witness(pool, number)?;
        let order = PresignStart {
            key_id: pool.key_id.to_vec(),
            scheme: pool.scheme.name().into(),
            signers: pool.signers.iter().copied().map(u32::from).collect(),
            client_key: pool.client.to_vec(),
            block_id: block_id.to_vec(),
            number,
            public_key: share.statement.public_key.clone(),
            registry_index: self.registry.index(),
            urgent,
            witness: witness.map_or(0, |witness| witness.party.get().into()),
            witness_book_id: witness.map_or_else(Vec::new, |witness| witness.book.to_vec()),
        };
        let position = Position { block_id, number, witness };
        self.start_presign(session, pool.clone(), position, Some(&order), rng)
    }

    fn start_presign(
        &mut self,
        session: SessionId,
        pool: PoolKey,
        position: Position,
        order: Option<&PresignStart>,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(), Why> {
        let share = self.shares.active(&pool.key_id, Purpose::SigningKey).ok_or("no share of this key")?;
        if birth::signing_curve(&share.statement) != Some(pool.scheme.curve()) {
            return Err("the key does not sign by this scheme");
        }
        let context = SessionContext {
            cluster_id: self.me.cluster_id,
            key_id: pool.key_id,
            epoch: share.statement.epoch,
            threshold: self.me.threshold,
            signers: SignerSet::new(pool.signers.iter().copied().map(party))
                .map_err(|_| "signer set is not a set")?,
            me: self.me.party,
            boot_ids: self.boot_ids(&pool.signers)?,
            block_id: position.block_id,
            client: pool.client,
            number: position.number,
            witness: position.witness,
            checks: self.me.bugs.checks(),
        };
        #[cfg(feature = "sim")]
        let mut predictable = self.me.bugs.predictable(&context, share.secret.expose());
        #[cfg(feature = "sim")]
        let rng = predictable.as_mut().map_or(rng, |predictable| predictable as &mut dyn CryptoRngCore);
        let (public_key, pairs) = (&share.statement.public_key, &mut self.sessions.pairs);
        let started = Session::start(pool.scheme, public_key, &share.secret, context, pairs, rng);
        let (state, outbox) = started.map_err(|misuse| match misuse {
            Misuse::StoredKey => "stored share or public key is not canonical",
            _ => "no pair set-up with a member",
        })?;
        if let Some(order) = order {
            for peer in pool.peers_of(self.me.index) {
                self.send_control(peer, &session, control::Body::PresignStart(order.clone()));
            }
        }
        let deadline = self.now + PRESIGN_MS;
        self.sessions
            .presigns
            .insert(session, Presigning { pool, state: Some(state), deadline, sent: Sent::default() });
        self.send_all(Protocol::Presign, &session, outbox);
        for (peer, payload) in self.sessions.early.take(&session, self.now) {
            if let Err(why) = self.presign_message(peer, session, payload, rng) {
                self.refuse_message(peer, Protocol::Presign as i32, why);
            }
        }
        Ok(())
    }

    fn boot_ids(
        &self,
        signers: &[NodeIndex],
    ) -> Result<std::collections::BTreeMap<threshold::party::PartyIndex, [u8; 16]>, Why> {
        let boot_id = |node: NodeIndex| match node == self.me.index {
            true => Some(self.me.boot_id),
            false => self.peers.get(node).and_then(|peer| peer.boot_id),
        };
        let all = signers.iter().map(|node| Some((party(*node), boot_id(*node)?)));
        all.collect::<Option<_>>().ok_or("a member is not connected")
    }

    /// A coordinator's order to begin. Its number is used up whatever becomes of it.
    pub(crate) fn presign_start(
        &mut self,
        peer: NodeIndex,
        session: SessionId,
        start: PresignStart,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(), Why> {
        let taken = self.sessions.pools.accept_number(peer, start.number);
        #[cfg(feature = "sim")]
        let taken = taken.or_else(|why| self.me.bugs.forgives(Bug::NumberTwice, why));
        taken?;
        self.order(peer, session, Order::Presign(start), rng)
    }

    /// Nothing of an order is believed that this node does not know itself.
    pub(super) fn join_presign(
        &mut self,
        peer: NodeIndex,
        session: SessionId,
        start: &PresignStart,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(), Why> {
        let (pool, block_id) = self.check_presign(peer, session, start)?;
        self.make_room(&pool, start.urgent).map_err(|_| "no room for one more presignature")?;
        let witness = self.check_witness(&pool, start.witness, &start.witness_book_id)?;
        let position = Position { block_id, number: start.number, witness };
        self.start_presign(session, pool, position, None, rng)
    }

    fn check_presign(
        &self,
        peer: NodeIndex,
        session: SessionId,
        start: &PresignStart,
    ) -> Result<(PoolKey, [u8; 16]), Why> {
        let sizes = "presign order with wrong sizes";
        let pool = PoolKey {
            key_id: Id::try_from(start.key_id.as_slice()).map_err(|_| sizes)?,
            scheme: SigningScheme::of_name(&start.scheme).ok_or("presign order for an unknown scheme")?,
            signers: self.signer_set(&start.signers)?,
            client: PublicKey::try_from(start.client_key.as_slice()).map_err(|_| sizes)?,
        };
        let block_id = <[u8; 16]>::try_from(start.block_id.as_slice()).map_err(|_| sizes)?;
        if pool.coordinator() != peer {
            return Err("presign order by another node than the lowest member");
        }
        if !self.is_serving() {
            return Err("this node is not serving yet");
        }
        let key = self.usable(&pool.key_id).ok_or("no such key")?;
        if key.owner.is_some_and(|(client, _)| *client != pool.client) {
            return Err("presign order for another client's session key");
        }
        if key.statement.public_key != start.public_key {
            return Err("presign order for another public key");
        }
        if birth::signing_curve(key.statement) != Some(pool.scheme.curve()) {
            return Err("presign order for a scheme that the key does not sign by");
        }
        if self.sessions.sets.check(&pool.signers, self.now).is_err() {
            return Err("the signer set is left alone");
        }
        if !self.registry.is_enrolled(&pool.client) {
            return Err("the client is not enrolled");
        }
        if self.sessions.presigns.contains_key(&session) {
            return Err("session exists");
        }
        Ok((pool, block_id))
    }

    /// Exactly T different nodes, ascending, this one among them.
    pub(crate) fn signer_set(&self, signers: &[u32]) -> Result<Vec<NodeIndex>, Why> {
        let nodes: Option<Vec<NodeIndex>> =
            signers.iter().map(|node| NodeIndex::try_from(*node).ok()).collect();
        let nodes = nodes.ok_or("signer set with an unknown node")?;
        let ascending = nodes.iter().zip(nodes.iter().skip(1)).all(|(one, next)| one < next);
        let known = nodes.iter().all(|node| self.me.manifest.node(*node).is_some());
        #[cfg(feature = "sim")]
        if self.me.bugs.has(Bug::AnySigners) {
            return Ok(nodes);
        }
        if nodes.len() != usize::from(self.me.threshold.needed()) || !ascending || !known {
            return Err("signer set is not T different nodes in ascending order");
        }
        if !nodes.contains(&self.me.index) {
            return Err("this node is not in the signer set");
        }
        Ok(nodes)
    }

    pub(crate) fn presign_message(
        &mut self,
        peer: NodeIndex,
        session: SessionId,
        payload: Vec<u8>,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(), Why> {
        let Some(presign) = self.sessions.presigns.get_mut(&session) else {
            return self.sessions.early.keep(peer, session, payload, self.now);
        };
        if !presign.has_member(peer) {
            return Err("sender is no member of the session");
        }
        let state = presign.state.take().ok_or("session is over")?;
        match state.receive(party(peer), &payload, &mut self.sessions.pairs, rng) {
            Ok(Step::Next(next, outbox)) => {
                presign.state = Some(next);
                presign.sent.accepted(peer, payload);
                self.send_all(Protocol::Presign, &session, outbox);
                Ok(())
            }
            Ok(Step::Done(presignature, outbox)) => {
                let pool = presign.pool.clone();
                self.sessions.presigns.remove(&session);
                self.sessions.early.end(session);
                self.counters.presignatures += 1;
                #[cfg(feature = "sim")]
                self.leak_to_disk(&pool, &presignature);
                let coordinates = pool.coordinator() == self.me.index;
                self.sessions.sets.presigned(&pool.signers);
                self.sessions.pools.put(&pool, session, presignature, coordinates, self.now);
                self.send_all(Protocol::Presign, &session, outbox);
                Ok(())
            }
            Err(fault) => {
                let sent = std::mem::take(&mut presign.sent).and(peer, payload);
                let named = fault.culprit.map(|culprit| culprit.get()).into_iter().collect();
                self.presign_went_wrong(&session, &fault.rule.to_string(), true, named);
                let protocol = Protocol::Presign;
                self.failed_check(&fault, Scene { protocol, session: &session, from: peer, sent });
                Err("a check of presigning failed")
            }
        }
    }

    /// Nobody is blamed for silence, but clients are told whose message is missing.
    pub(crate) fn presign_timed_out(&mut self, session: &SessionId) {
        let Some(presign) = self.sessions.presigns.get(session) else { return };
        let silent = presign.state.iter().flat_map(Session::missing).map(|party| party.get()).collect();
        self.presign_went_wrong(session, "the deadline passed", true, silent);
    }

    /// A member gave up. Among two it is its own doing; among more it may be a third one's.
    pub(crate) fn presign_given_up(&mut self, session: &SessionId, peer: NodeIndex) {
        let named = if self.me.threshold.needed() == 2 { vec![peer] } else { Vec::new() };
        self.presign_went_wrong(session, "another member gave up", false, named);
    }

    /// A request has waited too long for a presignature of this pool: what has run since before then, and for
    /// [`STALLED_MS`], is given up, and the client hears in time who is silent. Where all is younger the pool works, and
    /// has only too much to do: a refusal would send the client to other sets, which would have more to do.
    pub(crate) fn presigning_stalled(&mut self, pool: &PoolKey, since: u64) {
        let begun = since.min(self.now.saturating_sub(STALLED_MS));
        let old = |presign: &Presigning| presign.pool == *pool && presign.deadline <= begun + PRESIGN_MS;
        let old: Vec<SessionId> =
            self.sessions.presigns.iter().filter(|(_, presign)| old(presign)).map(|(id, _)| *id).collect();
        if old.is_empty() && self.pairs_ready(pool) {
            return;
        }
        old.iter().for_each(|id| self.presign_timed_out(id));
        let unpaired = |peer: &NodeIndex| self.live_pair(*peer).is_none();
        let named: Vec<NodeIndex> = pool.peers_of(self.me.index).filter(unpaired).collect();
        self.fail_waiting_leases(pool, "no presignature was ready in time", &named);
    }

    fn presign_went_wrong(&mut self, session: &SessionId, why: &str, tell: bool, named: Vec<NodeIndex>) {
        let Some(presign) = self.sessions.presigns.get(session) else { return };
        if presign.pool.coordinator() == self.me.index {
            let signers = presign.pool.signers.clone();
            self.sessions.sets.presigning_failed(&signers, named.clone(), self.now);
        }
        self.fail_presign(session, why, tell, named);
    }

    /// Ends a presigning. `named` are members that clients had better avoid for a while.
    pub(crate) fn fail_presign(&mut self, session: &SessionId, why: &str, tell: bool, named: Vec<NodeIndex>) {
        let Some(presign) = self.sessions.presigns.remove(session) else { return };
        self.sessions.early.end(*session);
        let key = hex::encode(presign.pool.key_id);
        self.log(Event::PresignFailed { key, why: why.to_owned() });
        if tell {
            for peer in presign.pool.peers_of(self.me.index) {
                self.send_failed(peer, session);
            }
        }
        self.fail_waiting_leases(&presign.pool, why, &named);
    }

    pub(crate) fn end_presigns_with(&mut self, peer: NodeIndex, why: Why) {
        let presigns = self.sessions.presigns.iter().filter(|(_, presign)| presign.has_member(peer));
        let presigns: Vec<SessionId> = presigns.map(|(id, _)| *id).collect();
        presigns.iter().for_each(|id| self.fail_presign(id, why, true, Vec::new()));
    }
}
