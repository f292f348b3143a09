//! What a failed check leaves behind: evidence in the log and in status, quarantine of the peer where the
//! rule says so, and the operator's way out of it.
//!
//! Evidence is this node's own conclusion, no proof for others: a lying accuser could show anything. So it
//! costs the accused nothing but its pair with the accuser.

use std::collections::{BTreeMap, VecDeque};

use proto::client::v1::{Code, Evidence, MessageDigest, RuleCount};
use proto::peer::v1::Protocol;
use rand_core::CryptoRngCore;
use sha2::{Digest, Sha256};
use threshold::fault::{Fault, Rule, Severity};
use zeroize::Zeroizing;

use crate::client::Failure;
use crate::engine::{AfterPersist, Engine};
use crate::event::Event;
use crate::input::NodeIndex;
use crate::persist;

/// Latest pieces of evidence that are kept of each peer.
const LATEST_MAX: usize = 8;
/// Least time between two renewals of one pair, in ms: an operator's key in the wrong hands can not make
/// a liar's guesses any faster than this, and each guess is at a fresh secret.
const RENEW_PAUSE_MS: u64 = 10_000;

/// What the members of one session have sent in it, kept until it ends: a check may fail on an earlier
/// message than the last. At most one message of each sender and round, whose length was checked. They may
/// hold secret shares, and are wiped.
#[derive(Default)]
pub(crate) struct Sent(Vec<(NodeIndex, Zeroizing<Vec<u8>>)>);

impl Sent {
    /// Keeps what a session has accepted; a repeat is not kept.
    pub(crate) fn accepted(&mut self, from: NodeIndex, message: Vec<u8>) {
        let message = Zeroizing::new(message);
        let known =
            |(node, kept): &(NodeIndex, Zeroizing<Vec<u8>>)| *node == from && kept.first() == message.first();
        if !self.0.iter().any(known) {
            self.0.push((from, message));
        }
    }

    /// Adds the message on which a check failed, whatever it is.
    pub(crate) fn and(mut self, from: NodeIndex, message: Vec<u8>) -> Self {
        self.0.push((from, Zeroizing::new(message)));
        self
    }

    /// What tells whether a recorded message was one of these, without showing any.
    fn digests(&self, of: NodeIndex) -> Vec<MessageDigest> {
        let own = self.0.iter().filter(|(from, _)| *from == of);
        own.map(|(_, message)| MessageDigest {
            round: message.first().copied().map_or(0, u32::from),
            length: message.len() as u32,
            sha256: Sha256::digest(message.as_slice()).to_vec(),
        })
        .collect()
    }
}

/// Where a check failed.
pub(crate) struct Scene<'a> {
    pub(crate) protocol: Protocol,
    pub(crate) session: &'a [u8; 32],
    /// Whose message completed the check.
    pub(crate) from: NodeIndex,
    pub(crate) sent: Sent,
}

/// The failed checks on one peer's messages since this node's start.
#[derive(Default)]
pub(crate) struct Record {
    counts: BTreeMap<Rule, u64>,
    latest: VecDeque<Evidence>,
    pub(crate) refused_messages: u64,
    renewed_at: Option<u64>,
}

impl Record {
    fn note(&mut self, rule: Rule, evidence: Evidence) {
        *self.counts.entry(rule).or_default() += 1;
        if self.latest.len() >= LATEST_MAX {
            self.latest.pop_front();
        }
        self.latest.push_back(evidence);
    }

    /// Counts by rule.
    pub(crate) fn counts(&self) -> Vec<RuleCount> {
        let count = |(rule, count): (&Rule, &u64)| RuleCount { rule: format!("{rule:?}"), count: *count };
        self.counts.iter().map(count).collect()
    }

    /// The latest, oldest first.
    pub(crate) fn latest(&self) -> Vec<Evidence> {
        self.latest.iter().cloned().collect()
    }
}

impl Engine {
    /// What a failed check costs: the session always, the pair or the peer where the rule says so.
    pub(crate) fn failed_check(&mut self, fault: &Fault, scene: Scene<'_>) {
        self.counters.failed_checks += 1;
        let node = fault.culprit.map_or(scene.from, |culprit| culprit.get());
        let evidence = Evidence {
            rule: format!("{:?}", fault.rule),
            text: fault.rule.to_string(),
            node: u32::from(node),
            named: fault.culprit.is_some(),
            protocol: scene.protocol.as_str_name().to_owned(),
            session: scene.session.to_vec(),
            at_unix_ms: self.me.wall_clock_ms.saturating_add(self.now),
            messages: scene.sent.digests(node),
        };
        self.log(Event::CheckFailed {
            peer: node,
            named: evidence.named,
            rule: evidence.rule.clone(),
            protocol: scene.protocol.as_str_name(),
            session: hex::encode(scene.session),
            messages: describe(&evidence.messages),
        });
        if let Some(state) = self.peers.get_mut(node) {
            state.record.note(fault.rule, evidence.clone());
        }
        match fault.rule.severity() {
            Severity::Quarantine | Severity::PairDead if fault.culprit.is_some() => {
                self.quarantine(node, evidence);
            }
            Severity::SessionEnds | Severity::Quarantine | Severity::PairDead => {}
        }
    }

    /// Ends all trust in a peer's protocol messages until an operator renews the pair. Durable, so that a
    /// restart of neither side clears it.
    fn quarantine(&mut self, peer: NodeIndex, evidence: Evidence) {
        if let Some(state) = self.peers.get_mut(peer).filter(|state| state.quarantined.is_none()) {
            let rule = evidence.text.clone();
            let write = persist::put_quarantine(peer, &evidence);
            state.quarantined = Some(evidence);
            self.persist(vec![write], AfterPersist::Nothing);
            self.log(Event::PeerQuarantined { peer, rule });
        }
        self.drop_pair(peer);
        // It learns that no pair stands, and names us to its clients as one it cannot work with.
        if self.peers.is_up(peer) {
            self.send_hello(peer);
        }
    }

    /// An operator's word: ends the quarantine of a peer and makes the pair anew, with fresh secrets.
    pub(crate) fn renew_pair(&mut self, peer: NodeIndex, rng: &mut dyn CryptoRngCore) -> Result<(), Failure> {
        let now = self.now;
        let state = self.peers.get_mut(peer).ok_or(Failure::invalid("no such peer"))?;
        if state.record.renewed_at.is_some_and(|at| now < at + RENEW_PAUSE_MS) {
            let message = format!("a pair is renewed at most once in {} s", RENEW_PAUSE_MS / 1000);
            return Err(Failure::new(Code::ResourceExhausted, message));
        }
        state.record.renewed_at = Some(now);
        let was = state.quarantined.take();
        if was.is_some() {
            self.persist(vec![persist::delete_quarantine(peer)], AfterPersist::Nothing);
        }
        let was = was.map_or_else(|| "not quarantined".to_owned(), |evidence| evidence.text);
        self.log(Event::PairRenewed { peer, was });
        self.sessions.sets.forgive(peer);
        self.drop_pair(peer);
        self.setup_timed_out(peer, rng);
        Ok(())
    }
}

fn describe(messages: &[MessageDigest]) -> String {
    let each = messages
        .iter()
        .map(|message| format!("{}:{}:{}", message.round, message.length, hex::encode(&message.sha256)));
    each.collect::<Vec<_>>().join(",")
}
