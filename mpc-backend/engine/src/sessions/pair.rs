//! Pair set-ups: once per pair and boot ids, in memory only. The lower node begins; a failed check ends the
//! set-up, and quarantines the peer where the rule names it and demands that. Any other failure, like a lack
//! of time, is followed by a new set-up with fresh secrets, after a pause.

use rand_core::CryptoRngCore;
use threshold::ecdsa::setup::{PairSetup, SetupContext, SetupStep};

use super::{SessionId, party};
use crate::blame::{Scene, Sent};
use crate::engine::Engine;
use crate::event::Event;
use crate::input::NodeIndex;
use crate::peers::{PAIR_EPOCH, Why};
use proto::peer::v1::Protocol;

/// How long a set-up may take, in ms.
const SETUP_MS: u64 = 15_000;

/// A set-up that runs for longer is not waited for, in ms.
const SETUP_SLOW_MS: u64 = 2_000;

/// Pause after a set-up that failed without a lie, in ms: neither side can make the other work in a loop.
const PAUSE_MS: u64 = 5_000;

/// A set-up with one peer.
pub(crate) struct Setup {
    session: SessionId,
    /// Taken out while a message is handled; a fault leaves nothing behind but the pause until `deadline`.
    state: Option<PairSetup>,
    pub(crate) deadline: u64,
    sent: Sent,
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
        if self.pauses(peer) {
            return;
        }
        self.drop_pair(peer);
        if self.me.index < peer {
            self.begin_setup(peer, rng);
        }
    }

    /// Whether a set-up failed a moment ago. A new boot of the peer ends the pause.
    fn pauses(&self, peer: NodeIndex) -> bool {
        self.sessions.setups.get(&peer).is_some_and(|setup| setup.state.is_none())
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
            checks: self.me.bugs.checks(),
        };
        let (state, mut message) = PairSetup::start(context, rng);
        let deadline = self.now + SETUP_MS;
        self.sessions
            .setups
            .insert(peer, Setup { session, state: Some(state), deadline, sent: Sent::default() });
        self.send(peer, Protocol::PairSetup, &session, std::mem::take(&mut *message));
    }

    pub(crate) fn setup_message(
        &mut self,
        peer: NodeIndex,
        session: SessionId,
        message: Vec<u8>,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(), Why> {
        let known = self.sessions.setups.get(&peer).is_some_and(|setup| setup.session == session);
        if !known {
            let quarantined = self.peers.get(peer).is_some_and(|peer| peer.quarantined.is_some());
            if peer > self.me.index || quarantined {
                return Err("unknown pair set-up");
            }
            if self.pauses(peer) {
                return Err("a pair set-up failed a moment ago");
            }
            // The lower node begins: whatever stood between the two is over on its side.
            self.drop_pair(peer);
            self.start_setup(peer, session, rng);
        }
        let setup = self.sessions.setups.get_mut(&peer).ok_or("unknown pair set-up")?;
        let state = setup.state.take().ok_or("pair set-up is over")?;
        match state.handle(&message, rng) {
            Ok(SetupStep::Continue(next, mut reply)) => {
                setup.state = Some(next);
                setup.sent.accepted(peer, message);
                self.send(peer, Protocol::PairSetup, &session, std::mem::take(&mut *reply));
            }
            Ok(SetupStep::Done(pair)) => {
                self.sessions.setups.remove(&peer);
                self.sessions.pairs.insert(pair);
                self.log(Event::PairReady { peer });
            }
            Err(fault) => {
                setup.deadline = self.now + PAUSE_MS;
                let sent = std::mem::take(&mut setup.sent).and(peer, message);
                let protocol = Protocol::PairSetup;
                self.failed_check(&fault, Scene { protocol, session: &session, from: peer, sent });
                return Err("a check of the pair set-up failed");
            }
        }
        Ok(())
    }

    /// Whether no pair stands and none is to be expected soon: the last set-up failed or takes long.
    pub(crate) fn pair_is_late(&self, peer: NodeIndex) -> bool {
        let late =
            |setup: &Setup| setup.state.is_none() || self.now + SETUP_MS >= setup.deadline + SETUP_SLOW_MS;
        self.live_pair(peer).is_none() && self.sessions.setups.get(&peer).is_some_and(late)
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
            // Made under the old set-up. Without one, early messages belong to the set-up to come.
            self.sessions.early.forget(peer);
            self.drop_pools_with(peer);
        }
        self.end_presigns_with(peer, "the pair set-up with a member ended");
    }
}
