//! Pair set-ups: once per pair and boot ids, in memory only. The lower node begins; a failed check ends the
//! set-up and quarantines the peer, and nothing is retried silently. Only a set-up that ran out of time
//! without a failed check begins anew, with fresh secrets.

use rand_core::CryptoRngCore;
use threshold::ecdsa::setup::{PairSetup, SetupContext, SetupStep};
use threshold::fault::Checks;

use super::{SessionId, party};
use crate::engine::Engine;
use crate::event::Event;
use crate::input::NodeIndex;
use crate::peers::{PAIR_EPOCH, Why};
use proto::peer::v1::Protocol;

/// How long a set-up may take, in ms.
const SETUP_MS: u64 = 15_000;

/// A set-up with one peer.
pub(crate) struct Setup {
    session: SessionId,
    /// Taken out while a message is handled; a fault leaves nothing behind.
    state: Option<PairSetup>,
    pub(crate) deadline: u64,
}

impl Engine {
    /// Id of the live pair set-up with a peer.
    pub(crate) fn live_pair(&self, peer: NodeIndex) -> Option<[u8; 32]> {
        let pairs = &self.sessions.pairs;
        pairs.get(party(peer)).filter(|pair| !pair.is_dead()).map(|pair| *pair.id())
    }

    /// After a hello: keeps the pair set-up that both hold, or begins anew.
    pub(crate) fn match_pair(
        &mut self,
        peer: NodeIndex,
        theirs: Option<[u8; 32]>,
        rng: &mut dyn CryptoRngCore,
    ) {
        let ours = self.live_pair(peer);
        if ours.is_some() && ours == theirs {
            return;
        }
        self.drop_pair(peer);
        if self.me.index < peer {
            self.begin_setup(peer, rng);
        }
    }

    fn begin_setup(&mut self, peer: NodeIndex, rng: &mut dyn CryptoRngCore) {
        let mut session = [0; 32];
        rng.fill_bytes(&mut session);
        self.start_setup(peer, session, rng);
    }

    fn start_setup(&mut self, peer: NodeIndex, session: SessionId, rng: &mut dyn CryptoRngCore) {
        let Some(state) = self.peers.get(peer) else { return };
        let (Some(peer_boot), None) = (state.boot_id, &state.quarantined) else { return };
        let context = SetupContext {
            cluster_id: self.me.cluster_id,
            epoch: PAIR_EPOCH,
            me: self.me.party,
            peer: party(peer),
            my_boot: self.me.boot_id,
            peer_boot,
            checks: Checks::all(),
        };
        let (state, message) = PairSetup::start(context, rng);
        let deadline = self.now + SETUP_MS;
        self.sessions.setups.insert(peer, Setup { session, state: Some(state), deadline });
        self.send(peer, Protocol::PairSetup, &session, message);
    }

    pub(crate) fn setup_message(
        &mut self,
        peer: NodeIndex,
        session: SessionId,
        message: &[u8],
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(), Why> {
        let known = self.sessions.setups.get(&peer).is_some_and(|setup| setup.session == session);
        if !known {
            let quarantined = self.peers.get(peer).is_some_and(|peer| peer.quarantined.is_some());
            if peer > self.me.index || quarantined {
                return Err("unknown pair set-up");
            }
            // The lower node begins: whatever stood between the two is over on its side.
            self.drop_pair(peer);
            self.start_setup(peer, session, rng);
        }
        let setup = self.sessions.setups.get_mut(&peer).ok_or("unknown pair set-up")?;
        let state = setup.state.take().ok_or("pair set-up is over")?;
        match state.handle(message, rng) {
            Ok(SetupStep::Continue(next, reply)) => {
                setup.state = Some(next);
                self.send(peer, Protocol::PairSetup, &session, reply);
            }
            Ok(SetupStep::Done(pair)) => {
                self.sessions.setups.remove(&peer);
                self.sessions.pairs.insert(pair);
                self.log(Event::PairReady { peer });
            }
            Err(fault) => {
                self.counters.failed_checks += 1;
                self.quarantine(peer, fault.rule.to_string());
            }
        }
        Ok(())
    }

    pub(crate) fn abandon_setup(&mut self, peer: NodeIndex) {
        self.sessions.setups.remove(&peer);
    }

    /// Begins anew, or asks the lower node to: the hello says that this side holds no pair.
    pub(crate) fn setup_timed_out(&mut self, peer: NodeIndex, rng: &mut dyn CryptoRngCore) {
        self.abandon_setup(peer);
        if !self.peers.is_up(peer) {
            return;
        }
        if self.me.index < peer { self.begin_setup(peer, rng) } else { self.send_hello(peer) }
    }

    /// Ends a pair in both directions with everything that was made of it.
    pub(crate) fn drop_pair(&mut self, peer: NodeIndex) {
        self.abandon_setup(peer);
        if self.sessions.pairs.remove(party(peer)).is_some() {
            self.drop_pools_with(peer);
        }
        self.end_presigns_with(peer, "the pair set-up with a member ended");
    }
}
