//! A client's complaint: T answers, signed by their nodes, that belong to one request and do not make a
//! signature. Honest answers always do, so the set holds a node that lies or is broken. Which one, nobody
//! can tell, and nobody is named, but where each answer can be checked on its own (FROST without masks). A
//! client cannot make this up: what counts are the nodes' signatures over answers whose context names this
//! client.

use std::collections::BTreeMap;

use proto::client::v1::{Code, ComplainRequest, Empty, response};
use proto::statement;
use threshold::fault::Rule;
use threshold::party::PartyIndex;
use threshold::signing::{Answer, combine};

use super::{Failure, short};
use crate::engine::Engine;
use crate::event::Event;
use crate::registry::PublicKey;
use crate::sessions::{PoolKey, party};

/// Complaints of one client that are looked at within one window: each costs about a millisecond.
const PER_WINDOW_MAX: u32 = 8;
/// The window, in ms.
const WINDOW_MS: u64 = 60_000;
/// Clients that are counted at a time.
const CLIENTS_MAX: usize = 4096;

/// How often each client has complained of late: the window's beginning and the number.
#[derive(Default)]
pub(super) struct Complaints(BTreeMap<PublicKey, (u64, u32)>);

impl Complaints {
    fn count(&mut self, client: PublicKey, now: u64) -> Result<(), Failure> {
        self.0.retain(|_, (since, _)| *since + WINDOW_MS > now);
        let full = self.0.len() >= CLIENTS_MAX;
        let (_, count) = self.0.entry(client).or_insert((now, 0));
        *count += 1;
        if full || *count > PER_WINDOW_MAX {
            return Err(Failure::new(Code::ResourceExhausted, "too many complaints"));
        }
        Ok(())
    }
}

impl Engine {
    /// Checks a complaint and keeps it against the set.
    pub(super) fn complain(
        &mut self,
        conn: u64,
        complaint: &ComplainRequest,
    ) -> Result<response::Result, Failure> {
        let said = complaint.request.as_ref().ok_or(Failure::invalid("no request"))?;
        let pool = self.authorise(conn, &said.key_id, &said.signers, said.mechanism)?;
        let sizes = |_| Failure::invalid("presignature id and request nonce: 32 bytes");
        let presignature = <[u8; 32]>::try_from(said.presignature_id.as_slice()).map_err(sizes)?;
        let nonce = <[u8; 32]>::try_from(said.request_nonce.as_slice()).map_err(sizes)?;
        if self.sessions.sets.knows(&pool.signers, &presignature) {
            return Ok(response::Result::Complain(Empty {}));
        }
        self.clients.complaints.count(pool.client, self.now)?;
        let request = self.online_request(&pool, said, nonce, (None, !said.grant.is_empty()))?;
        let answers = self.signed_answers(complaint, &pool, &nonce)?;
        if answers.iter().any(|(_, answer)| *answer.presignature() != presignature) {
            return Err(Failure::invalid("an answer is for another presignature"));
        }
        let key = self.registry.key(&pool.key_id).ok_or(Failure::new(Code::NotFound, "no such key"))?;
        let fault = match combine(answers, &request, &key.statement.commitments) {
            Ok(_) => return Err(Failure::invalid("these answers make a signature")),
            Err(fault) => fault,
        };
        let rule = fault.rule;
        if !matches!(rule, Rule::FinalVerification | Rule::ZeroMask | Rule::SignatureShare) {
            return Err(Failure::invalid("these answers are not of one context"));
        }
        self.counters.failed_checks += 1;
        self.log(Event::SignatureFailed {
            signers: format!("{:?}", pool.signers),
            rule: rule.to_string(),
            named: fault.culprit.map_or_else(|| "nobody".to_owned(), |culprit| culprit.get().to_string()),
            key: hex::encode(pool.key_id),
            presignature: hex::encode(presignature),
            client: short(&pool.client),
        });
        self.leave_set(&pool.signers, presignature);
        Ok(response::Result::Complain(Empty {}))
    }

    /// One answer of each member, each signed by its node.
    fn signed_answers(
        &self,
        complaint: &ComplainRequest,
        pool: &PoolKey,
        nonce: &[u8; 32],
    ) -> Result<Vec<(PartyIndex, Answer)>, Failure> {
        let senders = complaint.parts.iter().map(|part| part.node);
        if !senders.eq(pool.signers.iter().copied().map(u32::from)) {
            return Err(Failure::invalid("not one answer of each member of the set"));
        }
        let answers = complaint.parts.iter().zip(&pool.signers).map(|(part, node)| {
            let key = self.registry.trust().node_key(part.node);
            let said = statement::partial(&self.me.cluster_id, part.node, nonce, &part.partial);
            if !key.is_some_and(|key| said.verify(key, &part.node_signature)) {
                return Err(Failure::invalid("an answer is not signed by its node"));
            }
            let answer = Answer::decode(pool.scheme, &part.partial, None);
            let answer = answer.map_err(|_| Failure::invalid("an answer does not decode"))?;
            Ok((party(*node), answer))
        });
        answers.collect()
    }
}
