//! RSA keys that are made ahead: whole, proven by all nodes, and bound to no name yet. `C_GenerateKeyPair` takes one
//! and has it in a round trip (decision 0023).
//!
//! Each has an owner, the node that had it made, and only the owner hands it out. Every node takes it out of its
//! memory before it does anything for the key that it becomes, and a key needs the signatures of all N nodes: so no
//! modulus is in two keys while one node is honest. It is in memory alone and goes with the first restart of any
//! node: what was put back from an old disk or snapshot holds none.

use std::collections::{BTreeMap, VecDeque};

use proto::peer::v1::{ModulusStart, Protocol, control};
use proto::registry::v1::BirthStatement;
use proto::statement;
use rand_core::CryptoRngCore;
use threshold::rsa::Exponent;
use threshold::rsa::generate::{Ceremony, Wanted};
use threshold::sharing::replicated::keys::KeysContext;

use super::SessionId;
use super::making::{Made, Making};
use super::work::Computing;
use crate::engine::Engine;
use crate::event::Event;
use crate::input::NodeIndex;
use crate::peers::Why;
use crate::registry::birth;

/// How long the making of one may take, in ms: as long as that of a key that somebody waits for.
const FILLING_MS: u64 = 600_000;
/// How long nothing is made ahead after a client's key, a failure or a peer's return, in ms; and for each index, so
/// that nodes do not begin at once.
const PAUSE_MS: u64 = 3_000;
const PAUSE_OF_INDEX_MS: u64 = 500;
/// How long a node waits after one was made, in ms: until all have it, and for each whose turn comes before its own.
const TURN_MS: u64 = 400;
/// How old one is before it is handed out, in ms: by then the last messages about it have arrived everywhere.
const SETTLED_MS: u64 = 1_000;

/// One on its way.
pub(crate) struct Filling {
    owner: NodeIndex,
    wanted: Wanted,
    pub(super) computing: Computing,
    pub(crate) deadline: u64,
}

/// One that is ready, with this node's share.
struct Modulus {
    session: SessionId,
    owner: NodeIndex,
    wanted: Wanted,
    since: u64,
    made: Made,
}

#[cfg(feature = "sim")]
impl Modulus {
    /// For a planted bug.
    fn copy(&self) -> Self {
        let Made { public_key, commitments, transcript, secret } = &self.made;
        let made = Made {
            public_key: public_key.clone(),
            commitments: commitments.clone(),
            transcript: *transcript,
            secret: threshold::secret::Secret::new(secret.expose().clone()),
        };
        Self { made, ..*self }
    }
}

/// Those that are ready, the oldest first, and the one that is made.
#[derive(Default)]
pub(crate) struct Moduli {
    pub(super) fillings: BTreeMap<SessionId, Filling>,
    ready: VecDeque<Modulus>,
    not_before: u64,
}

impl Moduli {
    /// How many of this kind the owner has.
    pub(crate) fn count(&self, owner: NodeIndex, wanted: Wanted) -> usize {
        self.ready.iter().filter(|one| one.owner == owner && one.wanted == wanted).count()
    }

    /// Batches of candidates for one of this kind that are tried.
    pub(crate) fn filling(&self, wanted: Wanted) -> Option<u32> {
        let filling = self.fillings.values().find(|filling| filling.wanted == wanted)?;
        Some(filling.computing.batches())
    }

    fn is_ready(&self, session: &SessionId) -> bool {
        self.ready.iter().any(|one| one.session == *session)
    }

    /// Takes one out for good.
    fn take(&mut self, is_it: impl Fn(&Modulus) -> bool) -> Option<Modulus> {
        let position = self.ready.iter().position(is_it)?;
        self.ready.remove(position)
    }
}

impl Engine {
    /// What this node keeps ready of each kind; the same at all nodes.
    pub(crate) fn modulus_levels(&self) -> impl Iterator<Item = (Wanted, usize)> + use<> {
        let levels = self.me.limits.rsa_pool;
        let wanted = |bits: u16| Wanted { bits: bits.into(), exponent: Exponent::F4 };
        levels
            .into_iter()
            .filter(|(_, level)| *level > 0)
            .map(move |(bits, level)| (wanted(bits), level as usize))
    }

    fn missing_modulus(&self) -> Option<Wanted> {
        let owner = self.me.index;
        let mut levels = self.modulus_levels();
        levels
            .find(|(wanted, level)| self.sessions.moduli.count(owner, *wanted) < *level)
            .map(|(wanted, _)| wanted)
    }

    fn makes_rsa(&self) -> bool {
        let generations = self.sessions.generations.values();
        !self.sessions.moduli.fillings.is_empty() || generations.into_iter().any(|open| open.computes())
    }

    /// When the next may be begun, if there is one to begin.
    pub(crate) fn modulus_timeout(&self) -> Option<u64> {
        let later = self.sessions.moduli.not_before;
        (later > self.now && self.missing_modulus().is_some()).then_some(later)
    }

    /// Begins one, when this node has too few and all nodes have nothing better to do.
    pub(crate) fn fill_moduli(&mut self, rng: &mut dyn CryptoRngCore) {
        let Some(wanted) = self.missing_modulus() else { return };
        let waits = self.sessions.moduli.not_before > self.now || self.makes_rsa();
        if waits || !self.is_serving() || !self.peers.missing().is_empty() {
            return;
        }
        let mut session = [0; 32];
        rng.fill_bytes(&mut session);
        let peers: Vec<NodeIndex> = self.peers.iter().map(|(peer, _)| peer).collect();
        for peer in peers {
            let start = ModulusStart { kind: wanted.name() };
            self.send_control(peer, &session, control::Body::ModulusStart(start));
        }
        self.begin_filling(session, self.me.index, wanted, rng);
    }

    /// A peer's order to make one for it. One at a time: what comes meanwhile is given up without a word about it.
    pub(crate) fn modulus_start(
        &mut self,
        peer: NodeIndex,
        session: SessionId,
        start: &ModulusStart,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(), Why> {
        let wanted = Wanted::of_name(&start.kind).ok_or("no kind of RSA key")?;
        let level = self.modulus_levels().find(|(kind, _)| *kind == wanted).map(|(_, level)| level);
        let Some(level) = level else {
            self.sessions.early.end(session);
            self.send_failed(peer, &session);
            return Err("this node keeps no such RSA keys ready: rsa_pool differs");
        };
        if self.sessions.generations.contains_key(&session) || self.sessions.moduli.is_ready(&session) {
            return Err("session exists");
        }
        if self.makes_rsa() || !self.is_serving() || !self.peers.missing().is_empty() {
            self.sessions.early.end(session);
            self.send_failed(peer, &session);
            return Ok(());
        }
        // The owner takes the oldest first, and has fewer than its level: what is above was taken or lost there.
        while self.sessions.moduli.count(peer, wanted) >= level {
            self.sessions.moduli.take(|one| one.owner == peer && one.wanted == wanted);
        }
        self.begin_filling(session, peer, wanted, rng);
        Ok(())
    }

    fn begin_filling(
        &mut self,
        session: SessionId,
        owner: NodeIndex,
        wanted: Wanted,
        rng: &mut dyn CryptoRngCore,
    ) {
        let context = KeysContext {
            cluster_id: self.me.cluster_id,
            session_id: session,
            epoch: birth::FIRST_EPOCH,
            threshold: self.me.threshold,
            me: self.me.party,
        };
        let request = statement::modulus(&self.me.cluster_id, u32::from(owner), &wanted.name(), &session);
        let (ceremony, outbox) = Ceremony::start(&context, wanted, &request, self.me.bugs.checks(), rng)
            .expect("a key that is offered, and a checked manifest has N = 2T - 1");
        let deadline = self.now + FILLING_MS;
        let filling = Filling { owner, wanted, computing: Computing::new(ceremony), deadline };
        self.sessions.moduli.fillings.insert(session, filling);
        self.send_all(Protocol::Generation, &session, outbox);
        for (peer, payload) in self.sessions.early.take(&session, self.now) {
            if let Err(why) = self.generation_message(peer, session, payload) {
                self.refuse_message(peer, Protocol::Generation as i32, why);
            }
        }
    }

    /// One is made. Given back if the session makes a client's key.
    pub(super) fn modulus_made(&mut self, session: &SessionId, made: Made) -> Result<(), Made> {
        let Some(filling) = self.sessions.moduli.fillings.remove(session) else { return Err(made) };
        self.sessions.early.end(*session);
        let Filling { owner, wanted, .. } = filling;
        self.log(Event::ModulusReady { owner, kind: wanted.name() });
        let (session, since) = (*session, self.now);
        // The node after the owner is next, so that nodes do not begin at once.
        let parties = self.me.threshold.parties();
        let turn = (self.me.index + parties - owner % parties - 1) % parties;
        self.sessions.moduli.not_before = self.now + TURN_MS * (1 + u64::from(turn));
        self.sessions.moduli.ready.push_back(Modulus { session, owner, wanted, since, made });
        Ok(())
    }

    /// At its owner: one for the key of this statement, if there is one. It is nobody's any more.
    pub(super) fn take_modulus(&mut self, statement: &BirthStatement) -> Option<(SessionId, Made)> {
        let (wanted, me, now) = (birth::rsa(statement)?, self.me.index, self.now);
        let settled = |one: &Modulus| one.since + SETTLED_MS <= now;
        let taken =
            self.sessions.moduli.take(|one| one.owner == me && one.wanted == wanted && settled(one))?;
        self.keep_modulus(&taken);
        Some((taken.session, taken.made))
    }

    /// At another node: the one that its owner names, if it fits the statement.
    pub(super) fn give_modulus(
        &mut self,
        owner: NodeIndex,
        session: &[u8],
        statement: &BirthStatement,
    ) -> Result<Made, Why> {
        let wanted = birth::rsa(statement).ok_or("a modulus for another kind of key")?;
        let taken = self
            .sessions
            .moduli
            .take(|one| one.session == session && one.owner == owner && one.wanted == wanted);
        let taken = taken.ok_or("no such modulus, or it was taken")?;
        self.keep_modulus(&taken);
        Ok(taken.made)
    }

    /// Where that is the planted bug.
    fn keep_modulus(&mut self, _taken: &Modulus) {
        #[cfg(feature = "sim")]
        if self.me.bugs.has(crate::bugs::Bug::ModulusKept) {
            self.sessions.moduli.ready.push_front(_taken.copy());
        }
    }

    /// A client's key comes first: what is made ahead begins anew later. Nothing is lost by it, since every batch of
    /// candidates has the same chance.
    pub(super) fn give_way(&mut self) {
        let open: Vec<SessionId> = self.sessions.moduli.fillings.keys().copied().collect();
        open.iter().for_each(|session| self.fail_filling(session, "a client's key comes first", true));
    }

    pub(super) fn fail_filling(&mut self, session: &SessionId, why: &str, tell: bool) {
        if self.sessions.moduli.fillings.remove(session).is_none() {
            return;
        }
        self.sessions.early.end(*session);
        self.log(Event::ModulusFailed { why: why.to_owned() });
        self.pause_moduli();
        if tell {
            let peers: Vec<NodeIndex> = self.peers.iter().map(|(peer, _)| peer).collect();
            peers.into_iter().for_each(|peer| self.send_failed(peer, session));
        }
    }

    /// Makes none for a while.
    pub(crate) fn pause_moduli(&mut self) {
        self.sessions.moduli.not_before = self.now + PAUSE_MS + PAUSE_OF_INDEX_MS * u64::from(self.me.index);
    }

    /// A peer gave one up: on its way, or ready here and not there.
    pub(super) fn modulus_failed(&mut self, peer: NodeIndex, session: &SessionId) -> bool {
        let (me, moduli) = (self.me.index, &mut self.sessions.moduli);
        if let Some(filling) = moduli.fillings.get(session) {
            // Whoever refuses an order tells its owner alone.
            let tell = filling.owner == me;
            self.fail_filling(session, "another node gave up", tell);
            return true;
        }
        moduli.take(|one| one.session == *session && (one.owner == me || one.owner == peer)).is_some()
    }

    /// A peer has started anew: it holds none of its shares any more.
    pub(crate) fn drop_moduli(&mut self) {
        self.sessions.moduli.ready.clear();
    }
}

impl Making {
    /// Whether it computes for long.
    pub(super) const fn computes(&self) -> bool {
        matches!(self, Self::Rsa(_))
    }
}
