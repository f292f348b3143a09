//! The state of one node, and where each input goes.

use std::collections::{BTreeMap, VecDeque};

use ed25519_dalek::SigningKey;
use proto::client::v1::{OprfReply, response};
use proto::manifest::Manifest;
use rand_core::CryptoRngCore;
use threshold::party::{PartyIndex, Threshold};

use crate::bugs::{self, Bugs};
use crate::client::{Clients, ReplyTo};
use crate::counters::Counters;
use crate::effect::{Effect, Write};
use crate::event::Event;
use crate::input::{EngineConfig, Input, Limits, NodeIndex, Restored, StartError};
use crate::peers::Peers;
use crate::persist;
use crate::registry::heads::{Head, Heads};
use crate::registry::{Change, Id, Registry};
use crate::sessions::Sessions;
use crate::shares::Shares;
use crate::startup::Startup;
use crate::witness::Book;

/// Who this node is: fixed for the life of the process.
pub(crate) struct Me {
    pub(crate) index: NodeIndex,
    pub(crate) party: PartyIndex,
    pub(crate) identity: SigningKey,
    pub(crate) boot_id: [u8; 16],
    pub(crate) cluster_id: [u8; 32],
    pub(crate) manifest: Manifest,
    pub(crate) threshold: Threshold,
    pub(crate) wall_clock_ms: u64,
    pub(crate) software: String,
    pub(crate) limits: Limits,
    pub(crate) bugs: Bugs,
}

/// What to do once a write is durable.
pub(crate) enum AfterPersist {
    /// Nothing waits for it.
    Nothing,
    /// The own head may be sent.
    Head(Head),
    /// The birth of this generation session may be signed.
    Birth([u8; 32]),
    /// The birth of this imported key may be signed, for whoever asked.
    Import(ReplyTo, Id),
    /// The birth of this copy may be signed.
    Copy {
        /// Who asked for it.
        reply: ReplyTo,
        /// Of the copy.
        key_id: Id,
    },
    /// The try that this evaluation took is counted: it may leave.
    Try {
        /// Who asked for it.
        reply: ReplyTo,
        /// The evaluation.
        answer: OprfReply,
    },
}

/// One node.
pub struct Engine {
    pub(crate) me: Me,
    /// Engine time in ms; only ever moves forward.
    pub(crate) now: u64,
    started: Option<u64>,
    effects: VecDeque<Effect>,
    next_ticket: u64,
    persisting: BTreeMap<u64, AfterPersist>,
    pub(crate) registry: Registry,
    pub(crate) heads: Heads,
    pub(crate) startup: Startup,
    pub(crate) leader: Option<NodeIndex>,
    pub(crate) peers: Peers,
    pub(crate) shares: Shares,
    pub(crate) sessions: Sessions,
    /// A pool runs low since the last input.
    refill_due: bool,
    pub(crate) clients: Clients,
    pub(crate) book: Book,
    pub(crate) counters: Counters,
    #[cfg(feature = "sim")]
    pub(crate) kept: bugs::Kept,
}

impl Engine {
    /// A node at its start. It serves nobody until peers have answered for its registry (design 3a).
    ///
    /// # Errors
    /// When manifest, identity, store or registry snapshot do not belong together.
    pub fn new(config: EngineConfig, restored: Restored) -> Result<Self, StartError> {
        config.manifest.check()?;
        let entry = config.manifest.node(config.index).ok_or(StartError::Identity(config.index))?;
        if entry.key != config.identity.verifying_key().to_bytes() {
            return Err(StartError::Identity(config.index));
        }
        let mut registry = Registry::new(&config.manifest);
        if let Some(snapshot) = &restored.registry {
            registry.restore(snapshot).map_err(StartError::Registry)?;
        }
        let party = PartyIndex::new(config.index).expect("manifest indices begin at 1");
        let threshold = Threshold::new(config.manifest.threshold, config.manifest.nodes.len() as u8)
            .expect("a checked manifest has N = 2T - 1 and T at least 2");
        let (mut heads, mut shares) = (Heads::default(), Shares::default());
        let mut quarantines = Vec::new();
        let mut clients = Clients::default();
        for record in &restored.records {
            match record.table.as_str() {
                persist::SHARE => shares.restore(record, threshold, party)?,
                persist::HEAD => {
                    let (_, signed) = persist::read_head(record)?;
                    let head = Head::verify(registry.trust(), &signed);
                    heads.keep(head.ok_or_else(|| persist::RecordError::damaged(record))?);
                }
                persist::TRIES => {
                    let (key_id, tries) = persist::read_tries(record)?;
                    clients.tries.insert(key_id, tries);
                }
                persist::QUARANTINE => quarantines.push((persist::read_quarantine(record)?, record)),
                other => return Err(persist::RecordError::Table(other.to_owned()).into()),
            }
        }
        let me = Me {
            index: config.index,
            party,
            cluster_id: config.manifest.cluster_id(),
            threshold,
            identity: config.identity,
            boot_id: config.boot_id,
            manifest: config.manifest,
            wall_clock_ms: config.wall_clock_ms,
            software: bugs::software(config.software),
            limits: config.limits,
            bugs: Bugs::default(),
        };
        let mut peers = Peers::new(&me);
        for ((node, evidence), record) in quarantines {
            let peer = peers.get_mut(node).ok_or_else(|| persist::RecordError::damaged(record))?;
            peer.quarantined = Some(evidence);
        }
        let own = heads.of(me.index).map_or(0, |head| head.index);
        let mut engine = Self {
            startup: Startup::new(own),
            peers,
            me,
            now: 0,
            started: None,
            effects: VecDeque::from([Effect::AllowVoting(false)]),
            next_ticket: 1,
            persisting: BTreeMap::new(),
            registry,
            heads,
            leader: None,
            shares,
            sessions: Sessions::default(),
            refill_due: false,
            clients,
            book: Book::new(config.boot_id),
            counters: Counters::default(),
            #[cfg(feature = "sim")]
            kept: bugs::Kept::default(),
        };
        engine.reconcile_shares();
        Ok(engine)
    }

    /// Takes one input at engine time `now_ms`, in ms since any fixed point.
    pub fn handle(&mut self, now_ms: u64, input: Input, rng: &mut dyn CryptoRngCore) {
        self.now = self.now.max(now_ms);
        self.started.get_or_insert(self.now);
        self.startup.begin(self.now);
        let asked = matches!(input, Input::ClientFrame { .. });
        match input {
            Input::PeerConnected { peer } => self.peer_connected(peer),
            Input::PeerDisconnected { peer } => self.peer_disconnected(peer),
            Input::PeerMessage { peer, envelope } => self.peer_message(peer, envelope, rng),
            Input::ClientOpened { conn, client_key, exporter } => {
                self.client_opened(conn, client_key, exporter);
            }
            Input::ClientFrame { conn, frame } => self.client_frame(conn, frame, rng),
            Input::ClientClosed { conn } => self.client_closed(conn),
            Input::Applied { index, command } => self.applied(index, &command, rng),
            Input::RegistryRestored { snapshot } => self.registry_restored(&snapshot, rng),
            Input::ProposalDone { ticket, result } => self.proposal_done(ticket, result),
            Input::Persisted { ticket } => self.persisted(ticket),
            Input::Worked(worked) => self.worked(worked),
            Input::Leadership { leader } => self.leader = leader,
            Input::Tick => {}
        }
        self.advance(rng);
        // Presigning takes milliseconds and must not stand between a request and its answer: it is
        // left to the next input, a tick at the latest.
        self.refill_due = asked && self.wants_refill();
        if !asked {
            self.refill_pools(rng);
        }
    }

    /// The next thing to do; `None` until the next input.
    pub fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Engine time in ms at which [`Input::Tick`] is due, if anything waits.
    pub fn poll_timeout(&self) -> Option<u64> {
        let refill = self.refill_due.then_some(self.now).or_else(|| self.refill_timeout());
        let (startup, sessions) = (self.startup.timeout(self.now), self.sessions.timeout());
        let (session_keys, moduli) = (self.shares.timeout(), self.modulus_timeout());
        let (kms, clients) = (self.kms_timeout(), self.clients.timeout());
        [refill, moduli, startup, sessions, session_keys, kms, clients].into_iter().flatten().min()
    }

    /// The registry's state as bytes, for the log's snapshots.
    pub fn registry_snapshot(&self) -> Vec<u8> {
        self.registry.snapshot()
    }

    /// The registry, to look at.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What was counted since the start.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether clients are served.
    pub fn is_serving(&self) -> bool {
        self.startup.is_serving()
    }

    pub(crate) fn uptime_ms(&self) -> u64 {
        self.started.map_or(0, |started| self.now - started)
    }

    pub(crate) fn emit(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    pub(crate) fn log(&mut self, event: Event) {
        self.emit(Effect::Log(event));
    }

    pub(crate) fn ticket(&mut self) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        ticket
    }

    pub(crate) fn persist(&mut self, writes: Vec<Write>, after: AfterPersist) {
        let ticket = self.ticket();
        self.persisting.insert(ticket, after);
        self.emit(Effect::Persist { ticket, writes });
    }

    /// Whatever time or the last input made possible.
    fn advance(&mut self, rng: &mut dyn CryptoRngCore) {
        self.advance_startup();
        self.retry_orders(rng);
        self.expire_sessions(rng);
        self.expire_requests();
        self.retry_parked(rng);
        self.presign_for_waiting(rng);
        self.expire_pools();
        self.expire_session_keys();
        self.fill_moduli(rng);
        self.erase_deleted_kms_keys();
    }

    fn persisted(&mut self, ticket: u64) {
        match self.persisting.remove(&ticket) {
            Some(AfterPersist::Head(head)) => self.own_head_durable(head),
            Some(AfterPersist::Birth(session)) => self.share_kept(&session),
            Some(AfterPersist::Import(reply, key_id)) => self.import_durable(reply, &key_id),
            Some(AfterPersist::Copy { reply, key_id }) => self.copy_durable(reply, &key_id),
            Some(AfterPersist::Try { reply, answer }) => self.answer(reply, response::Result::Oprf(answer)),
            Some(AfterPersist::Nothing) | None => {}
        }
    }

    fn applied(&mut self, index: u64, command: &[u8], rng: &mut dyn CryptoRngCore) {
        let applied = self.registry.apply(index, command);
        let result = match applied.result {
            Ok(changes) => {
                self.log(Event::CommandApplied { index, command: applied.command });
                changes.into_iter().for_each(|change| self.changed(index, change));
                Ok(())
            }
            Err(refusal) => {
                self.log(Event::CommandRefused { index, why: refusal.to_string() });
                Err(refusal)
            }
        };
        self.proposal_applied(index, command, &result);
        self.emit(Effect::AppliedResult { index, result });
        self.registry_moved(rng);
    }

    fn registry_restored(&mut self, snapshot: &[u8], rng: &mut dyn CryptoRngCore) {
        let result = self.registry.restore(snapshot).map(|()| self.registry.index());
        if let Ok(index) = result {
            self.log(Event::RegistryReplaced { index });
            self.reconcile_shares();
            self.drop_unenrolled();
            self.drop_replaced_logins();
            self.drop_orphaned_session_keys();
        }
        self.emit(Effect::RegistryReplaced { result });
        self.registry_moved(rng);
    }

    fn registry_moved(&mut self, rng: &mut dyn CryptoRngCore) {
        self.drop_stale_shares();
        self.check_for_fork();
        self.sign_head();
        self.retry_parked(rng);
    }

    fn changed(&mut self, index: u64, change: Change) {
        match change {
            Change::ClientEnrolled(_) => {}
            Change::ClientRevoked(_) => self.drop_unenrolled(),
            Change::LoginReplaced(..) => self.drop_replaced_logins(),
            Change::TokenInitialised(_) => self.drop_orphaned_session_keys(),
            Change::KeyRecorded(key_id) => self.activate_share(&key_id, index),
            Change::KeyRemoved(key_id) => {
                self.forget_tries(&key_id);
                self.erase_share(&key_id, "destroyed");
            }
        }
    }
}
