//! Lists need T matching answers: fewer liars than T can then add, drop or change nothing.

use std::collections::BTreeMap;

use proto::client::v1::{ListObjectsRequest, ListTokensRequest, ReadObjectsRequest, request, response};
use proto::registry::v1::{ObjectRecord, TokenRecord};
use proto::statement::{self, LIST_PARTS};
use token::backend::{BackendError, BackendResult, TokenId};

use crate::call::{Said, Setback, Terms, wrong_kind};
use crate::connect::Answer;
use crate::core::Core;
use crate::deadline::Deadline;
use crate::failure::NodeFailure;
use crate::record::tokens_bytes;

impl Core {
    /// All tokens, as T nodes have them.
    pub(crate) fn agreed_tokens(&self, deadline: Deadline) -> BackendResult<Vec<TokenRecord>> {
        let op = || request::Op::ListTokens(ListTokensRequest {});
        let read = |answer: Answer| match answer.result {
            response::Result::ListTokens(reply) => Some((tokens_bytes(&reply.tokens), reply.tokens)),
            _ => None,
        };
        self.agreed(None, deadline, |_| op(), read)
    }

    /// The digests of the parts of what our login may see of a token. One node is asked for those of the parts, the others for the
    /// list's; `None`, and all asked only for that, when `known` is the one we have.
    pub(crate) fn agreed_list(
        &self,
        token: TokenId,
        known: Option<[u8; 32]>,
        deadline: Deadline,
    ) -> BackendResult<Option<Vec<[u8; 32]>>> {
        let list = |digest_only| {
            request::Op::ListObjects(ListObjectsRequest { token_id: token.0.to_vec(), digest_only })
        };
        let replied = |answer: Answer| match answer.result {
            response::Result::ListObjects(reply) => Some(reply),
            _ => None,
        };
        if let Some(known) = known {
            let digest = |answer| replied(answer).map(|reply| (reply.digest.clone(), reply.digest));
            if self.agreed(Some(token), deadline, |_| list(true), digest)? == known {
                return Ok(None);
            }
        }
        let whole = |answer: Answer| {
            let reply = replied(answer)?;
            let (parts, rest) = reply.parts.as_chunks();
            // The parts must be those that the digest says.
            let digest = statement::list_digest(parts);
            let is_whole = rest.is_empty() && parts.len() == LIST_PARTS && digest.as_slice() == reply.digest;
            let parts = is_whole.then(|| parts.to_vec());
            Some((reply.digest, parts))
        };
        self.agreed_some(Some(token), deadline, |first| list(!first), whole).map(Some)
    }

    /// The records of some parts of a token's list, as one node has them: nothing of it is checked. Another node is asked
    /// in each `turn`.
    pub(crate) fn read_parts(
        &self,
        token: TokenId,
        parts: &[u8],
        turn: usize,
        deadline: Deadline,
    ) -> BackendResult<Vec<ObjectRecord>> {
        let floor = self.read_floor();
        self.with_quorum(self.threshold(), deadline, |set, attempt| {
            let terms =
                Terms { token: Some(token), min_registry_index: floor, repeatable: true, deadline: attempt };
            let node = set.get(turn % set.len().max(1)).copied().ok_or(Setback::Set)?;
            let mut records: Vec<ObjectRecord> = Vec::new();
            loop {
                let read = ReadObjectsRequest {
                    token_id: token.0.to_vec(),
                    parts: parts.iter().map(|part| u32::from(*part)).collect(),
                    after: records.last().map(|last| last.object_id.clone()).unwrap_or_default(),
                };
                let answers =
                    Self::all_answered(self.ask(vec![(node, request::Op::ReadObjects(read))], terms))?;
                let Some((_, Answer { result: response::Result::ReadObjects(reply), .. })) =
                    answers.into_iter().next()
                else {
                    return Err(wrong_kind(node));
                };
                let endless = reply.more && (reply.objects.is_empty() || records.len() > OBJECTS_MAX);
                if endless {
                    let failure = NodeFailure::Misbehaved("its list of objects does not end".into());
                    return Err(Setback::Nodes(vec![(node, failure)]));
                }
                records.extend(reply.objects);
                if !reply.more {
                    return Ok(records);
                }
            }
        })
    }

    fn agreed<V: Clone>(
        &self,
        token: Option<TokenId>,
        deadline: Deadline,
        op: impl Fn(bool) -> request::Op,
        read: impl Fn(Answer) -> Option<(Vec<u8>, V)>,
    ) -> BackendResult<V> {
        self.agreed_some(token, deadline, op, |answer| read(answer).map(|(key, value)| (key, Some(value))))
    }

    /// Asks T nodes, then T others and so on, until T answers of all nodes asked so far agree and
    /// one of them has a value. `op` is told whether it is for the first of a set.
    fn agreed_some<V>(
        &self,
        token: Option<TokenId>,
        deadline: Deadline,
        op: impl Fn(bool) -> request::Op,
        read: impl Fn(Answer) -> Option<(Vec<u8>, Option<V>)>,
    ) -> BackendResult<V> {
        let mut floor = self.read_floor();
        let mut turn = 0;
        self.with_quorum(self.threshold(), deadline, |set, attempt| {
            let terms = Terms { token, min_registry_index: floor, repeatable: true, deadline: attempt };
            // Another node gives the whole list each time: the first may be the liar.
            let first = set.get(turn % set.len().max(1)).copied();
            turn += 1;
            let requests = set.iter().map(|node| (*node, op(Some(*node) == first))).collect();
            let said: Vec<Said> = self.ask(requests, terms);
            let mut camps: BTreeMap<Vec<u8>, (usize, Option<V>)> = BTreeMap::new();
            for (node, answer) in Self::all_answered(said)? {
                let (key, value) = read(answer).ok_or_else(|| wrong_kind(node))?;
                let camp = camps.entry(key).or_default();
                camp.0 += 1;
                camp.1 = camp.1.take().or(value);
            }
            let agreed = camps.into_values().find(|(votes, _)| *votes >= self.threshold());
            match (agreed, first) {
                (Some((_, Some(value))), _) => Ok(value),
                (Some((_, None)), Some(node)) => {
                    let failure = NodeFailure::Misbehaved("its list is not the one of its digest".into());
                    self.nodes.failed(node, &failure);
                    Err(Setback::Nodes(vec![(node, failure)]))
                }
                // One of them may only be behind: the next set answers at the newest index known.
                _ => {
                    floor = floor.max(self.nodes.registry_index());
                    Err(self.differ(set, attempt))
                }
            }
        })
    }

    fn differ(&self, set: &[u8], attempt: Deadline) -> Setback {
        self.log.info(format_args!("nodes {set:?} give different lists"));
        if attempt.is_over() {
            return Setback::Final(BackendError::Unavailable(format!("nodes {set:?} give different lists")));
        }
        Setback::Set
    }
}

/// No registry has room for more.
const OBJECTS_MAX: usize = 1 << 20;
