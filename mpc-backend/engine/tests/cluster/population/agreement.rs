//! Key agreements between signatures: with the key of X25519, and with the signing key where its curve allows it. A
//! wrong secret must never be taken, and nobody honest named.

use std::collections::BTreeMap;

use proto::client::v1::request::Op;
use proto::statement;
use rand_core::RngCore;
use threshold::ecdh::{CombineError, combine};
use threshold::party::Threshold;
use threshold::signing::SigningCurve;

use super::{Stage, Worker};
use crate::agree::{self, peer_of};
use crate::sim::Sim;
use crate::user::{Key, party};

/// What is to be agreed on.
pub(super) struct Agreement {
    key: Key,
    /// The other side's public key.
    peer: Vec<u8>,
    /// What the other side computes.
    expected: Vec<u8>,
}

impl Worker {
    pub(super) fn new_agreement(&self, sim: &mut Sim) -> Agreement {
        let mut own = [0; 32];
        sim.rng.fill_bytes(&mut own);
        let only_x25519 = self.key.curve() == SigningCurve::Edwards25519 || own[0].is_multiple_of(2);
        let key = if only_x25519 { self.agreement_key.clone() } else { self.key.clone() };
        let (peer, expected) = peer_of(&key, own);
        Agreement { key, peer, expected }
    }

    pub(super) fn ask_for_agreement(&mut self, sim: &mut Sim, set: Vec<u8>) {
        let Some(agreement) = &self.agreement else { return };
        let mut nonce = [0; 32];
        sim.rng.fill_bytes(&mut nonce);
        let mut request = self.user.derive_request(&agreement.key, &set, &agreement.peer);
        request.request_nonce = nonce.to_vec();
        let mut open = BTreeMap::new();
        for node in set.iter().copied() {
            let Some(conn) = self.lines.get(&node).map(|line| line.conn.id) else { continue };
            open.insert(self.post(sim, node, conn, Op::Derive(request.clone())), node);
        }
        self.stage = Stage::Agreeing { set, nonce, open, parts: Vec::new() };
        self.stage_until = sim.now + super::TRY_MS;
    }

    /// T answers: they combine to the secret that the other side has, or somebody lied and is named.
    pub(super) fn agree(&mut self, sim: &mut Sim) {
        let Stage::Agreeing { set, nonce, parts, .. } = std::mem::replace(&mut self.stage, Stage::Idle)
        else {
            return;
        };
        let Some(Agreement { key, peer, expected }) = &self.agreement else { return };
        let request = agree::request(sim, &self.user, key, &set, peer, nonce);
        let is_honest = |node: u8| !sim.liars.contains_key(&node);
        let (mut answers, mut wrong) = (Vec::new(), Vec::new());
        for (node, reply) in &parts {
            let said = statement::agreement(&request.cluster_id, u32::from(*node), &nonce, &reply.partial);
            let signed = said.verify(&sim.manifest.node(*node).unwrap().key, &reply.node_signature);
            if !signed && is_honest(*node) {
                wrong.push(format!("node {node} did not sign its answer"));
            }
            answers.push((party(*node), reply.partial.as_slice()));
        }
        let threshold = Threshold::new(sim.shape.needed, sim.shape.parties).unwrap();
        match combine(&answers, &key.birth.commitments, threshold, &request) {
            Ok(secret) if secret.expose() == expected => {
                self.agreements += 1;
                self.done(sim, &set);
                return;
            }
            Ok(_) => wrong.push(format!("a secret of {set:?} was accepted and is another one")),
            Err(CombineError::Misuse(misuse)) => wrong.push(format!("agreement of {set:?}: {misuse}")),
            Err(CombineError::Faults(faults)) => {
                let culprits = faults.iter().map(|fault| fault.culprit.map(|culprit| culprit.get()));
                for culprit in culprits.filter(|culprit| culprit.is_none_or(is_honest)) {
                    wrong.push(format!("an agreement of {set:?} names {culprit:?}"));
                }
            }
        }
        wrong.into_iter().for_each(|violation| sim.ledger.violation(violation));
        self.stage = Stage::Leasing { set, request: 0 };
        self.failed(sim.now);
    }
}
