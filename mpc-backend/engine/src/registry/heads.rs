//! Signed heads: each node's word on the chain of commands. Two words at one index mean that somebody
//! forked the registry, which consensus among honest-but-crashing nodes cannot do by itself.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use prost::Message;
use proto::registry::v1::{HeadStatement, NodeSignature, SignedHead};
use proto::statement;

use super::{Registry, Trust};
use crate::input::NodeIndex;

/// How many own chain hashes are remembered to hold peers' heads against.
pub const HISTORY: usize = 4096;

/// A head whose signature verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Who signed.
    pub node: NodeIndex,
    /// Up to which command.
    pub index: u64,
    /// The chain over all commands up to there.
    pub chain: [u8; 32],
    /// As it travels.
    pub signed: SignedHead,
}

impl Head {
    /// Verifies a head against the manifest.
    pub(crate) fn verify(trust: &Trust, signed: &SignedHead) -> Option<Self> {
        let signature = signed.signature.as_ref()?;
        let key = trust.node_key(signature.node)?;
        if !statement::head(&trust.cluster_id, &signed.statement).verify(key, &signature.signature) {
            return None;
        }
        let body = HeadStatement::decode(signed.statement.as_slice()).ok()?;
        Some(Self {
            node: NodeIndex::try_from(signature.node).ok()?,
            index: body.index,
            chain: body.chain_hash.as_slice().try_into().ok()?,
            signed: signed.clone(),
        })
    }

    /// Signs the registry's present head.
    pub(crate) fn sign(registry: &Registry, node: NodeIndex, key: &SigningKey) -> Self {
        let (index, chain) = (registry.index(), *registry.chain());
        let encoded = HeadStatement { index, chain_hash: chain.to_vec() }.encode_to_vec();
        let signature = statement::head(registry.cluster_id(), &encoded).sign(key);
        let signature = Some(NodeSignature { node: u32::from(node), signature });
        Self { node, index, chain, signed: SignedHead { statement: encoded, signature } }
    }
}

/// How a peer's head compares with our own chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Same chain up to there.
    Equal,
    /// At an index that we have not reached, or have forgotten.
    Unknown,
    /// Another chain at the same index: somebody forked the registry.
    Different,
}

impl Registry {
    /// Compares a head with our own chain at its index.
    pub fn compare(&self, head: &Head) -> Comparison {
        match self.history.get(&head.index) {
            Some(chain) if *chain == head.chain => Comparison::Equal,
            Some(_) => Comparison::Different,
            // Between two of ours, where our chain has no command: not our chain either.
            None => match self.history.first_key_value() {
                Some((first, _)) if *first < head.index && head.index < self.index => Comparison::Different,
                _ => Comparison::Unknown,
            },
        }
    }
}

/// The last head known of each node, this one's own among them.
#[derive(Default)]
pub struct Heads {
    last: BTreeMap<NodeIndex, Head>,
}

impl Heads {
    /// Keeps a head when it is newer than the last one of its node. Returns whether it was.
    pub fn keep(&mut self, head: Head) -> bool {
        let newer = self.last.get(&head.node).is_none_or(|last| last.index < head.index);
        if newer {
            self.last.insert(head.node, head);
        }
        newer
    }

    /// The last head of a node.
    pub fn of(&self, node: NodeIndex) -> Option<&Head> {
        self.last.get(&node)
    }

    /// A node other than `own` whose last head is on another chain than ours.
    pub fn fork(&self, registry: &Registry, own: NodeIndex) -> Option<&Head> {
        self.last.values().find(|head| head.node != own && registry.compare(head) == Comparison::Different)
    }
}
