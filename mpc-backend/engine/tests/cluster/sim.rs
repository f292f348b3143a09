//! A seeded cluster in memory: engines, links that keep order, stores, and an ordered log in Raft's place.
//! One seed gives one execution, whose every input enters [`Sim::trace`].

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::SigningKey;
use engine::{Effect, Engine, EngineConfig, Event, Input, Limits, ProposalError, Record, Restored, Write};
use prost::Message;
use proto::client::v1::NodeFrame;
use proto::limits::FORMAT;
use proto::manifest::{Manifest, NodeEntry, OperatorEntry};
use proto::peer::v1::{Envelope, Protocol};
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub const NODES: u8 = 3;
pub type Store = BTreeMap<(String, Vec<u8>), Vec<u8>>;

pub struct Node {
    pub engine: Option<Engine>,
    rng: ChaCha20Rng,
    pub store: Store,
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
    Commit { node: u8, boot: u32, ticket: u64, command: Vec<u8> },
    Apply { node: u8, boot: u32 },
    Done { node: u8, boot: u32, ticket: u64, result: Result<u64, ProposalError> },
}

pub struct Sim {
    pub now: u64,
    pub manifest: Manifest,
    pub nodes: Vec<Node>,
    /// Decided commands; index 1 is the first.
    pub log: Vec<Vec<u8>>,
    pub queue: BTreeMap<(u64, u64), Delivery>,
    sequence: u64,
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
}

pub fn node_key(index: u8) -> SigningKey {
    SigningKey::from_bytes(&[index; 32])
}

pub fn operator_key(index: u8) -> SigningKey {
    SigningKey::from_bytes(&[100 + index; 32])
}

pub fn manifest() -> Manifest {
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
        threshold: 2,
        nodes: (1..=NODES).map(node).collect(),
        operators: (1..=2).map(operator).collect(),
    }
}

impl Sim {
    pub fn new(seed: u64) -> Self {
        let mut sim = Self {
            now: 1_000,
            manifest: manifest(),
            nodes: Vec::new(),
            log: Vec::new(),
            queue: BTreeMap::new(),
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
        };
        for index in 1..=NODES {
            let rng = ChaCha20Rng::seed_from_u64(seed ^ (u64::from(index) << 32));
            let node = Node {
                engine: None,
                rng,
                store: Store::new(),
                applied: 0,
                voting: false,
                serving: false,
                boots: 0,
                events: Vec::new(),
            };
            sim.nodes.push(node);
        }
        (1..=NODES).for_each(|index| sim.start(index));
        sim.run(4_000);
        sim
    }

    pub fn node(&mut self, index: u8) -> &mut Node {
        &mut self.nodes[usize::from(index) - 1]
    }

    fn others(index: u8) -> impl Iterator<Item = u8> {
        (1..=NODES).filter(move |other| *other != index)
    }

    /// A fresh process on the node's store.
    pub fn start(&mut self, index: u8) {
        let config = self.config(index);
        let node = self.node(index);
        let records = node.store.iter().map(|((table, key), value)| Record {
            table: table.clone(),
            key: key.clone(),
            value: Zeroizing::new(value.clone()),
        });
        let restored = Restored { records: records.collect(), registry: None };
        node.engine = Some(Engine::new(config, restored).unwrap());
        (node.applied, node.voting, node.serving) = (0, false, false);
        self.collect(index);
        for other in Self::others(index) {
            if self.node(other).engine.is_some() {
                self.schedule(5, Delivery::Connect { one: index, other });
            }
        }
        self.deliver_log(index);
    }

    fn config(&mut self, index: u8) -> EngineConfig {
        let mut boot_id = [0; 16];
        self.rng.fill_bytes(&mut boot_id);
        self.node(index).boots += 1;
        EngineConfig {
            manifest: self.manifest.clone(),
            index,
            identity: node_key(index),
            boot_id,
            software: "sim".into(),
            limits: Limits { presign_pool: 2, presignatures_max: 100 },
        }
    }

    /// The process dies; what was not durable is gone.
    pub fn stop(&mut self, index: u8) {
        self.node(index).engine = None;
        self.node(index).serving = false;
        Self::others(index).for_each(|other| self.disconnect(index, other));
    }

    pub fn pair(one: u8, other: u8) -> (u8, u8) {
        (one.min(other), one.max(other))
    }

    pub fn disconnect(&mut self, one: u8, other: u8) {
        let link = self.links.entry(Self::pair(one, other)).or_default();
        if !link.0 {
            return;
        }
        *link = (false, link.1 + 1);
        self.input(one, Input::PeerDisconnected { peer: other });
        self.input(other, Input::PeerDisconnected { peer: one });
    }

    pub fn schedule(&mut self, delay: u64, delivery: Delivery) {
        self.sequence += 1;
        self.queue.insert((self.now + delay, self.sequence), delivery);
    }

    pub fn delay(&mut self) -> u64 {
        1 + u64::from(self.rng.next_u32()) % self.delay_max_ms
    }

    pub fn input(&mut self, index: u8, input: Input) {
        let now = self.now;
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
                self.trace.update(frame.encode_to_vec());
                self.replies.entry(conn).or_default().push(frame);
            }
            Effect::CloseClient { conn } => self.closed.push(conn),
            Effect::Persist { ticket, writes } => {
                let delay = self.delay();
                self.schedule(delay, Delivery::Durable { node: index, boot, ticket, writes });
            }
            Effect::Propose { ticket, command, .. } => {
                let delay = self.delay();
                self.schedule(delay, Delivery::Commit { node: index, boot, ticket, command });
            }
            Effect::AppliedResult { .. } | Effect::RegistryReplaced { .. } => {}
            Effect::AllowVoting(voting) => self.node(index).voting = voting,
            Effect::ServingChanged(serving) => self.node(index).serving = serving,
            Effect::Log(event) => self.node(index).events.push(event),
        }
    }

    fn send(&mut self, from: u8, to: u8, envelope: Envelope) {
        self.trace.update(envelope.encode_to_vec());
        let (up, link) = self.links.get(&Self::pair(from, to)).copied().unwrap_or_default();
        if !up {
            return;
        }
        if self.breaks > 0 && self.rng.next_u32() % 1000 < self.breaks {
            self.disconnect(from, to);
            return self.schedule(50, Delivery::Connect { one: from, other: to });
        }
        let delay = self.delay();
        let last = self.last_on_link.entry((from, to)).or_default();
        *last = (*last).max(self.now + delay);
        let delay = *last - self.now;
        // A pair set-up speaks in lockstep: there a repeat is a peer's misbehaviour, not a network's.
        let repeatable = [Protocol::Generation, Protocol::Presign].contains(&envelope.protocol());
        if self.duplicates && repeatable && self.rng.next_u32().is_multiple_of(3) {
            self.schedule(delay, Delivery::Peer { from, to, link, envelope: envelope.clone() });
        }
        self.schedule(delay, Delivery::Peer { from, to, link, envelope });
    }

    pub fn trace_hash(&self) -> String {
        hex::encode(self.trace.clone().finalize())
    }

    pub fn logged(&self, index: u8, name: &str) -> usize {
        self.nodes[usize::from(index) - 1].events.iter().filter(|event| event.name() == name).count()
    }
}
