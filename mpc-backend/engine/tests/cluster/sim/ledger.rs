//! What must never happen at an honest node, watched on every message, answer, write and log line: nonces used
//! twice, honest nodes blamed, secrets on disk.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Event, Write, persist};
use prost::Message;
use proto::client::v1::{NodeFrame, node_frame, response};
use proto::peer::v1::{Control, Envelope, Hello, Protocol, control::Body};
use proto::registry::v1::BirthStatement;
use threshold::signing::{Answer, SigningScheme};

use super::Sim;
use crate::curves::point_bytes;
use crate::liars::Liar;

/// Everything that was ever seen, whatever restarted since.
#[derive(Default)]
pub struct Ledger {
    /// By node: ids of presignatures that it answered with.
    answered: BTreeSet<(u8, [u8; 32])>,
    /// R at a node, and the one context in which it was used there.
    contexts: BTreeMap<(u8, Vec<u8>), [u8; 32]>,
    /// Boot ids, and the start of a node that each belongs to.
    boots: BTreeMap<Vec<u8>, (u8, u32)>,
    /// r of every signature.
    signed: BTreeSet<Vec<u8>>,
    /// By node: nonces, commitments and nonce points of presigning, and their one session.
    announced: BTreeMap<(u8, Vec<u8>), Vec<u8>>,
    /// By node: public keys, and the one birth that it signed of each.
    births: BTreeMap<(u8, Vec<u8>), Vec<u8>>,
    /// Each broken invariant, one line.
    pub violations: Vec<String>,
}

impl Ledger {
    pub fn violation(&mut self, what: String) {
        self.violations.push(what);
    }

    /// An answer leaves an honest node.
    pub fn reply(&mut self, node: u8, frame: &NodeFrame) {
        let Some(node_frame::Frame::Response(reply)) = &frame.frame else { return };
        if let Some(response::Result::Generate(reply)) = &reply.result
            && let Some(birth) = &reply.birth
        {
            self.birth(node, &birth.statement);
        }
        let Some(response::Result::Sign(sign)) = &reply.result else { return };
        // Answers on the two curves of 256 bits are equally long; read as either, they say the same here.
        let decode = |scheme| Answer::decode(scheme, &sign.partial, None).ok();
        let partial =
            SigningScheme::ALL.into_iter().find_map(decode).expect("an honest answer is well formed");
        if !self.answered.insert((node, *partial.presignature())) {
            self.violation(format!("node {node} answered twice with one presignature"));
        }
        let nonce = (node, partial.nonce());
        if self.contexts.entry(nonce).or_insert(*partial.context()) != partial.context() {
            self.violation(format!("node {node} used one R in two contexts"));
        }
    }

    /// Whether a node answered in both with one presignature, for different requests.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.contexts
            .iter()
            .any(|(nonce, context)| other.contexts.get(nonce).is_some_and(|theirs| theirs != context))
    }

    /// A client got a signature and verified it.
    pub fn signature(&mut self, signature: &[u8]) {
        if !self.signed.insert(signature[..signature.len() / 2].to_vec()) {
            self.violation("two signatures with one r".into());
        }
    }

    /// A message leaves an honest node.
    pub fn message(&mut self, node: u8, boots: u32, envelope: &Envelope) {
        if let (Protocol::Hello, Ok(hello)) =
            (envelope.protocol(), Hello::decode(envelope.payload.as_slice()))
        {
            let start = self.boots.entry(hello.boot_id).or_insert((node, boots));
            if *start != (node, boots) {
                self.violations.push(format!("node {node} starts with the boot id of an earlier start"));
            }
            return;
        }
        if let (Protocol::Control, Ok(Control { body: Some(Body::GenerationSigned(signed)) })) =
            (envelope.protocol(), Control::decode(envelope.payload.as_slice()))
        {
            self.birth(node, &signed.statement);
        }
        if envelope.protocol() != Protocol::Presign {
            return;
        }
        let point = 1 + point_bytes(&envelope.payload);
        let fields = match envelope.payload.first() {
            // FROST's only round: D and E, of 32 or 33 bytes.
            Some(1) if envelope.payload.len() == 97 => [33..65, 65..97],
            Some(1) if envelope.payload.len() == 99 => [33..66, 66..99],
            // Round 1: nonce and commitment. Round 2: nonce point and salt.
            Some(1) => [33..65, 65..97],
            Some(2) => [1..point, point..point + 32],
            _ => return,
        };
        for field in fields {
            let bytes = envelope.payload[field].to_vec();
            let session = self.announced.entry((node, bytes)).or_insert_with(|| envelope.session.clone());
            if *session != envelope.session {
                self.violations.push(format!("node {node} used a nonce of presigning in two sessions"));
            }
        }
    }

    /// An honest node signed a birth.
    fn birth(&mut self, node: u8, statement: &[u8]) {
        let public = BirthStatement::decode(statement).expect("an honest node's statement").public_key;
        if self.births.entry((node, public)).or_insert_with(|| statement.to_vec()) != statement {
            self.violation(format!("node {node} signed one public key as two keys"));
        }
    }

    /// A node writes to its store.
    pub fn writes(&mut self, node: u8, writes: &[Write]) {
        for write in writes {
            let length = match write.table {
                persist::SHARE | persist::TRIES => 16,
                _ => 1,
            };
            if !persist::TABLES.contains(&write.table) || write.key.len() != length {
                self.violation(format!("node {node} writes what is no share, head, quarantine or try"));
            }
        }
    }

    /// An honest node writes a line.
    pub fn event(&mut self, node: u8, event: &Event, liars: &BTreeMap<u8, Liar>) {
        if let Event::PeerQuarantined { peer, rule } = event
            && !liars.contains_key(peer)
        {
            self.violation(format!("honest node {node} blames honest node {peer}: {rule}"));
        }
    }
}

/// Bounds of the engine's queues, as its sources have them.
const EARLY_MESSAGES_MAX: usize = 64;
const EARLY_BYTES_MAX: usize = 1 << 20;
const ORDERS_MAX: usize = 64;
const GENERATIONS_MAX: usize = 32;
const PRESIGNS_MAX: usize = 128;

impl Sim {
    /// Every honest node holds no more than its bounds.
    pub fn check_bounds(&mut self) {
        for index in self.honest() {
            let Some(engine) = &self.nodes[usize::from(index) - 1].engine else { continue };
            let sizes = engine.sizes();
            let within = sizes.early_messages <= EARLY_MESSAGES_MAX
                && sizes.early_bytes <= EARLY_BYTES_MAX
                && sizes.orders <= ORDERS_MAX
                && sizes.generations <= GENERATIONS_MAX
                && sizes.presigns <= PRESIGNS_MAX
                && sizes.presignatures <= self.limits.presignatures_max as usize;
            if !within {
                self.ledger.violation(format!("node {index} is over its bounds: {sizes:?}"));
            }
        }
    }
}
