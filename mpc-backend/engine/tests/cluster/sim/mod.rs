//! A seeded cluster in memory: engines, links that keep order, stores, and an ordered log in Raft's place.
//! One seed gives one execution, whose every input enters [`Sim::trace`].

mod ledger;
mod network;
mod run;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use self::ledger::Ledger;
use self::world::FirstStart;
pub use self::world::World;
use crate::liars::Liar;
use ed25519_dalek::SigningKey;
use engine::bugs::Bug;
use engine::{
    Effect, Engine, EngineConfig, Event, Input, Limits, ProposalError, Record, Restored, Worked, Write,
};
use prost::Message;
use proto::client::v1::{ClientFrame, NodeFrame};
use proto::limits::FORMAT;
use proto::manifest::{Manifest, NodeEntry, OperatorEntry};
use proto::peer::v1::Envelope;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Nodes of the usual cluster.
pub const NODES: u8 = TWO_OF_THREE.parties;

/// T and N.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub needed: u8,
    pub parties: u8,
}

pub const TWO_OF_THREE: Shape = Shape { needed: 2, parties: 3 };
pub const THREE_OF_FIVE: Shape = Shape { needed: 3, parties: 5 };

/// Sees a message between nodes with its sender; whether it changed it.
pub type Alter = Box<dyn FnMut(u8, &mut Envelope) -> bool>;
pub type Store = BTreeMap<(String, Vec<u8>), Vec<u8>>;

pub struct Node {
    pub engine: Option<Engine>,
    pub rng: ChaCha20Rng,
    pub store: Store,
    /// What was in the store at earlier times, to be put back.
    pub old_stores: Vec<Store>,
    /// How far the node's clock is ahead of the simulation's, in ms.
    pub skew: u64,
    /// Nothing becomes durable; the node stops at its next write, as the shell has it.
    pub disk_full: bool,
    /// Planted again at every start.
    pub bug: Option<Bug>,
    /// Start with this boot id: a shell that breaks nonce rule R4.
    pub boot_id: Option<[u8; 16]>,
    /// With what its first start goes on.
    pub first_start: Option<&'static FirstStart>,
    /// Commands of the log that were delivered to this run of the engine.
    pub applied: usize,
    pub voting: bool,
    pub serving: bool,
    pub boots: u32,
    pub events: Vec<Event>,
}

pub enum Delivery {
    Peer { from: u8, to: u8, link: u64, envelope: Envelope },
    Connect { one: u8, other: u8 },
    Durable { node: u8, boot: u32, ticket: u64, writes: Vec<Write> },
    Worked { node: u8, boot: u32, worked: Box<Worked> },
    Commit { node: u8, boot: u32, ticket: u64, command: Vec<u8> },
    Apply { node: u8, boot: u32 },
    Done { node: u8, boot: u32, ticket: u64, result: Result<u64, ProposalError> },
    Client { node: u8, boot: u32, conn: u64, frame: Box<ClientFrame> },
    Start { node: u8 },
}

pub struct Sim {
    pub shape: Shape,
    pub now: u64,
    pub manifest: Manifest,
    pub nodes: Vec<Node>,
    /// Of nodes that start from now on.
    pub limits: Limits,
    /// Decided commands; index 1 is the first.
    pub log: Vec<Vec<u8>>,
    pub queue: BTreeMap<(u64, u64), Delivery>,
    sequence: u64,
    /// Deliveries and ticks so far.
    steps: u64,
    pub rng: ChaCha20Rng,
    /// Generation of each link, raised when it breaks; messages of an older one are lost.
    pub links: BTreeMap<(u8, u8), (bool, u64)>,
    last_on_link: BTreeMap<(u8, u8), u64>,
    pub delay_max_ms: u64,
    /// Deliver some protocol messages twice.
    pub duplicates: bool,
    /// Break a link with this chance in 1000 for each message.
    pub breaks: u32,
    pub replies: BTreeMap<u64, Vec<NodeFrame>>,
    pub closed: Vec<u64>,
    pub trace: Sha256,
    /// Crash this node when it emits this many more effects.
    pub crash_after: Option<(u8, u32)>,
    pub crashed: bool,
    /// Nodes that the log does not reach.
    pub hold_log: BTreeSet<u8>,
    /// Nodes that do not connect to anybody for now.
    pub isolated: BTreeSet<u8>,
    /// Dishonest nodes: honest engines whose messages are altered on their way out.
    pub liars: BTreeMap<u8, Liar>,
    /// What must never happen, and what did.
    pub ledger: Ledger,
    /// Alters messages between nodes, for one whose every word is a test of its own.
    pub alter: Option<Alter>,
}

pub fn node_key(index: u8) -> SigningKey {
    SigningKey::from_bytes(&[index; 32])
}

pub fn operator_key(index: u8) -> SigningKey {
    SigningKey::from_bytes(&[100 + index; 32])
}

pub fn manifest(shape: Shape) -> Manifest {
    let node = |index: u8| NodeEntry {
        index,
        key: node_key(index).verifying_key().to_bytes(),
        peer: format!("n{index}:1"),
        client: format!("n{index}:2"),
    };
    let operator = |index: u8| OperatorEntry {
        name: format!("o{index}"),
        key: operator_key(index).verifying_key().to_bytes(),
    };
    Manifest {
        format: FORMAT,
        threshold: shape.needed,
        nodes: (1..=shape.parties).map(node).collect(),
        operators: (1..=shape.needed).map(operator).collect(),
    }
}

impl Sim {
    /// A running cluster with nothing in its registry.
    pub fn of(shape: Shape, seed: u64) -> Self {
        Self::empty(shape, seed).started()
    }

    /// The same with these limits at every node, 2 of 3.
    pub fn with(seed: u64, limits: Limits) -> Self {
        Self { limits, ..Self::empty(TWO_OF_THREE, seed) }.started()
    }

    fn started(mut self) -> Self {
        self.start_all();
        self.run(4_000);
        self
    }

    /// A cluster of which no node runs yet.
    pub fn empty(shape: Shape, seed: u64) -> Self {
        let node = |index: u8| Node {
            engine: None,
            rng: ChaCha20Rng::seed_from_u64(seed ^ (u64::from(index) << 32)),
            store: Store::new(),
            old_stores: Vec::new(),
            skew: 0,
            disk_full: false,
            bug: None,
            boot_id: None,
            first_start: None,
            applied: 0,
            voting: false,
            serving: false,
            boots: 0,
            events: Vec::new(),
        };
        Self {
            shape,
            now: 1_000,
            manifest: manifest(shape),
            nodes: (1..=shape.parties).map(node).collect(),
            log: Vec::new(),
            queue: BTreeMap::new(),
            steps: 0,
            sequence: 0,
            rng: ChaCha20Rng::seed_from_u64(seed),
            links: BTreeMap::new(),
            last_on_link: BTreeMap::new(),
            delay_max_ms: 3,
            duplicates: false,
            breaks: 0,
            replies: BTreeMap::new(),
            closed: Vec::new(),
            trace: Sha256::new(),
            crash_after: None,
            crashed: false,
            hold_log: BTreeSet::new(),
            isolated: BTreeSet::new(),
            liars: BTreeMap::new(),
            ledger: Ledger::default(),
            limits: Limits { presign_pool: 2, presignatures_max: 100, ..Limits::default() },
            alter: None,
        }
    }

    /// All indices.
    pub fn all(&self) -> std::ops::RangeInclusive<u8> {
        1..=self.shape.parties
    }

    /// Nodes that do not lie.
    pub fn honest(&self) -> Vec<u8> {
        self.all().filter(|node| !self.liars.contains_key(node)).collect()
    }

    /// Every set of T nodes, ascending.
    pub fn signer_sets(&self) -> Vec<Vec<u8>> {
        let bits = |set: &u16| {
            (0..self.shape.parties).filter(|bit| set & (1 << bit) != 0).map(|bit| bit + 1).collect()
        };
        let sets =
            (0u16..1 << self.shape.parties).filter(|set| set.count_ones() == u32::from(self.shape.needed));
        sets.map(|set| bits(&set)).collect()
    }

    pub fn start_all(&mut self) {
        for index in self.all() {
            if self.node(index).engine.is_none() {
                self.start(index);
            }
        }
    }

    pub fn runs(&self, index: u8) -> bool {
        self.nodes[usize::from(index) - 1].engine.is_some()
    }

    pub fn node(&mut self, index: u8) -> &mut Node {
        &mut self.nodes[usize::from(index) - 1]
    }

    fn others(&self, index: u8) -> impl Iterator<Item = u8> + use<> {
        self.all().filter(move |other| *other != index)
    }

    /// A fresh process on the node's store.
    pub fn start(&mut self, index: u8) {
        let first = self.node(index).first_start.take();
        let mut config = self.config(index);
        first.iter().for_each(|first| config.boot_id = first.boot_id);
        let node = self.node(index);
        let records = node.store.iter().map(|((table, key), value)| Record {
            table: table.clone(),
            key: key.clone(),
            value: Zeroizing::new(value.clone()),
        });
        let restored = Restored { records: records.collect(), registry: None };
        let mut engine = Engine::new(config, restored).unwrap();
        node.bug.into_iter().for_each(|bug| engine.plant(bug));
        first.iter().for_each(|first| engine.adopt_pairs(&first.pairs));
        node.engine = Some(engine);
        node.disk_full = false;
        (node.applied, node.voting, node.serving) = (0, false, false);
        self.collect(index);
        for other in self.others(index) {
            if self.runs(other) {
                self.schedule(5, Delivery::Connect { one: index, other });
            }
        }
        self.deliver_log(index);
    }

    fn config(&mut self, index: u8) -> EngineConfig {
        let mut boot_id = [0; 16];
        self.rng.fill_bytes(&mut boot_id);
        self.node(index).boots += 1;
        boot_id = self.node(index).boot_id.unwrap_or(boot_id);
        EngineConfig {
            manifest: self.manifest.clone(),
            index,
            identity: node_key(index),
            boot_id,
            wall_clock_ms: 0,
            software: "sim".into(),
            limits: self.limits,
        }
    }

    /// The process dies; what was not durable is gone.
    pub fn stop(&mut self, index: u8) {
        self.node(index).engine = None;
        self.node(index).serving = false;
        self.others(index).for_each(|other| self.disconnect(index, other));
    }

    pub fn schedule(&mut self, delay: u64, delivery: Delivery) {
        self.sequence += 1;
        self.queue.insert((self.now + delay, self.sequence), delivery);
    }

    pub fn delay(&mut self) -> u64 {
        1 + u64::from(self.rng.next_u32()) % self.delay_max_ms
    }

    pub fn input(&mut self, index: u8, input: Input) {
        let now = self.now + self.node(index).skew;
        self.trace.update(now.to_be_bytes());
        self.trace.update([index]);
        let node = self.node(index);
        let Some(engine) = node.engine.as_mut() else { return };
        engine.handle(now, input, &mut node.rng);
        self.collect(index);
    }

    fn collect(&mut self, index: u8) {
        while let Some(effect) = self.node(index).engine.as_mut().and_then(Engine::poll) {
            if let Some((node, left)) = self.crash_after.as_mut().filter(|(node, _)| *node == index) {
                let node = *node;
                if *left == 0 {
                    self.crash_after = None;
                    self.crashed = true;
                    return self.stop(node);
                }
                *left -= 1;
            }
            self.effect(index, effect);
        }
    }

    fn effect(&mut self, index: u8, effect: Effect) {
        let boot = self.node(index).boots;
        match effect {
            Effect::SendPeer { peer, envelope } => self.send(index, peer, envelope),
            Effect::ReplyClient { conn, frame } => {
                let frame = self.reply(index, frame);
                self.trace.update(frame.encode_to_vec());
                self.replies.entry(conn).or_default().push(frame);
            }
            Effect::CloseClient { conn } => self.closed.push(conn),
            Effect::Persist { writes, .. } if self.node(index).disk_full => {
                drop(writes);
                self.stop(index);
            }
            Effect::Persist { ticket, writes } => {
                self.ledger.writes(index, &writes);
                let delay = self.delay();
                self.schedule(delay, Delivery::Durable { node: index, boot, ticket, writes });
            }
            Effect::Propose { ticket, command, .. } => {
                let delay = self.delay();
                self.schedule(delay, Delivery::Commit { node: index, boot, ticket, command });
            }
            Effect::Work(work) => {
                let worked = Box::new(work.run(&mut self.node(index).rng));
                let delay = self.delay();
                self.schedule(delay, Delivery::Worked { node: index, boot, worked });
            }
            Effect::AppliedResult { .. } | Effect::RegistryReplaced { .. } => {}
            Effect::AllowVoting(voting) => self.node(index).voting = voting,
            Effect::ServingChanged(serving) => self.node(index).serving = serving,
            Effect::Log(event) => {
                if !self.liars.contains_key(&index) {
                    self.ledger.event(index, &event, &self.liars);
                }
                self.node(index).events.push(event);
            }
        }
    }

    pub fn trace_hash(&self) -> String {
        hex::encode(self.trace.clone().finalize())
    }

    pub fn logged(&self, index: u8, name: &str) -> usize {
        self.nodes[usize::from(index) - 1].events.iter().filter(|event| event.name() == name).count()
    }
}
