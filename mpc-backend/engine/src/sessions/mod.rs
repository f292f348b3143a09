//! Protocols with peers: pair set-up, key generation, presigning. `threshold` says what each message means;
//! here is who may begin, what is checked before, how long it may take and what a failure costs.

mod births;
mod early;
mod generation;
mod making;
mod moduli;
mod orders;
mod pair;
mod pool;
pub mod pools;
mod presign;
mod quota;
mod refill;
mod sets;
mod work;

use std::collections::BTreeMap;

use proto::client::v1::GenerationStatus;
use proto::peer::v1::Protocol;
use rand_core::CryptoRngCore;
use threshold::ecdsa::Pairs;
use threshold::party::PartyIndex;
use threshold::round::Outbox;

use self::early::Early;
use self::generation::Generation;
use self::moduli::Moduli;
pub(crate) use self::orders::Order;
use self::orders::Waiting;
use self::pair::Setup;
pub(crate) use self::pool::{PoolKey, PresignatureId};
use self::pools::Pools;
use self::presign::Presigning;
use self::quota::Quotas;
use self::sets::Sets;
pub(crate) use self::work::{Step, StepDone};
use crate::engine::Engine;
use crate::input::NodeIndex;
use crate::peers::Why;
use crate::registry::PublicKey;

/// 32 random bytes by whoever begins the session.
pub(crate) type SessionId = [u8; 32];

/// Everything in flight with peers, and what came of it.
#[derive(Default)]
pub(crate) struct Sessions {
    pub(crate) pairs: Pairs,
    pub(crate) setups: BTreeMap<NodeIndex, Setup>,
    pub(crate) generations: BTreeMap<SessionId, Generation>,
    pub(crate) moduli: Moduli,
    pub(crate) presigns: BTreeMap<SessionId, Presigning>,
    pub(crate) pools: Pools,
    pub(crate) quotas: Quotas,
    pub(crate) early: Early,
    pub(crate) orders: Vec<Waiting>,
    pub(crate) sets: Sets,
}

impl Sessions {
    /// How far the generations of RSA keys are that clients wait for.
    pub(crate) fn generations_of_rsa(
        &self,
        asker: &PublicKey,
        now: u64,
    ) -> impl Iterator<Item = GenerationStatus> {
        self.generations.values().filter_map(move |open| open.status(asker, now))
    }

    /// When the first deadline passes.
    pub(crate) fn timeout(&self) -> Option<u64> {
        let setups = self.setups.values().map(|setup| setup.deadline).min();
        let generations = self.generations.values().map(|generation| generation.deadline).min();
        let fillings = self.moduli.fillings.values().map(|filling| filling.deadline).min();
        let presigns = self.presigns.values().map(|presign| presign.deadline).min();
        let orders = self.orders.iter().map(|order| order.deadline).min();
        let pools = self.pools.expires_at();
        [setups, generations, fillings, presigns, orders, pools].into_iter().flatten().min()
    }
}

impl Engine {
    /// Ends what took too long. Nobody is blamed: a slow network looks the same.
    pub(crate) fn expire_sessions(&mut self, rng: &mut dyn CryptoRngCore) {
        let now = self.now;
        let late = |deadline: u64| deadline <= now;
        let setups: Vec<NodeIndex> =
            self.sessions.setups.iter().filter(|(_, s)| late(s.deadline)).map(|(peer, _)| *peer).collect();
        setups.into_iter().for_each(|peer| self.setup_timed_out(peer, rng));
        let generations: Vec<SessionId> =
            self.sessions.generations.iter().filter(|(_, g)| late(g.deadline)).map(|(id, _)| *id).collect();
        for id in generations {
            self.fail_generation(&id, "the deadline passed", true);
        }
        let fillings = self.sessions.moduli.fillings.iter();
        let fillings: Vec<SessionId> =
            fillings.filter(|(_, f)| late(f.deadline)).map(|(id, _)| *id).collect();
        fillings.iter().for_each(|id| self.fail_filling(id, "the deadline passed", true));
        let presigns: Vec<SessionId> =
            self.sessions.presigns.iter().filter(|(_, p)| late(p.deadline)).map(|(id, _)| *id).collect();
        for id in presigns {
            self.presign_timed_out(&id);
        }
    }

    /// A member is gone: its sessions cannot finish.
    pub(crate) fn end_sessions_with(&mut self, peer: NodeIndex, why: Why) {
        let generations: Vec<SessionId> = self.sessions.generations.keys().copied().collect();
        for id in generations {
            self.fail_generation(&id, why, true);
        }
        let fillings: Vec<SessionId> = self.sessions.moduli.fillings.keys().copied().collect();
        fillings.iter().for_each(|id| self.fail_filling(id, why, true));
        self.end_presigns_with(peer, why);
    }

    /// A peer gave up a session that it is a member of.
    pub(crate) fn session_failed(&mut self, peer: NodeIndex, session: &SessionId) -> Result<(), Why> {
        self.sessions.orders.retain(|waiting| waiting.session != *session);
        if let Some(generation) = self.sessions.generations.get(session) {
            // Whoever refuses an order tells its coordinator alone.
            let tell = generation.coordinator == self.me.index;
            self.fail_generation(session, "another node gave up", tell);
            return Ok(());
        }
        if self.modulus_failed(peer, session) {
            return Ok(());
        }
        match self.sessions.presigns.get(session) {
            Some(presign) if presign.has_member(peer) => {
                self.presign_given_up(session, peer);
                Ok(())
            }
            // The notice may cross with the end of the session here: what it made is of no use.
            _ => {
                self.sessions.early.end(*session);
                self.sessions.pools.drop_session(peer, session);
                Ok(())
            }
        }
    }

    pub(crate) fn send_all(&mut self, protocol: Protocol, session: &SessionId, outbox: Outbox) {
        for (to, message) in outbox {
            self.send(to.get(), protocol, session, message);
        }
    }
}

/// A peer's position in protocols.
pub(crate) fn party(node: NodeIndex) -> PartyIndex {
    PartyIndex::new(node).expect("manifest indices begin at 1")
}
