//! Lists need T matching answers: fewer liars than T can then add, drop or change nothing.

use std::collections::BTreeMap;

use proto::client::v1::{ListObjectsReply, ListObjectsRequest, ListTokensRequest, request, response};
use proto::registry::v1::TokenRecord;
use proto::statement;
use token::backend::{BackendError, BackendResult, TokenId};

use crate::call::{Said, Setback, Terms, wrong_kind};
use crate::connect::Answer;
use crate::core::Core;
use crate::deadline::Deadline;
use crate::failure::NodeFailure;
use crate::record::tokens_bytes;

/// What T nodes say of a token's objects.
pub(crate) struct AgreedObjects {
    pub(crate) digest: [u8; 32],
    /// `None` when the digest is the one already known.
    pub(crate) objects: Option<ListObjectsReply>,
}

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

    /// The objects of a token that our login may see. One node is asked for the whole list, the
    /// others for its digest; all only for the digest when `known` is the one we have.
    pub(crate) fn agreed_objects(
        &self,
        token: TokenId,
        known: Option<[u8; 32]>,
        deadline: Deadline,
    ) -> BackendResult<AgreedObjects> {
        let list = |digest_only| {
            let request = ListObjectsRequest { token_id: token.0.to_vec(), if_changed_since: 0, digest_only };
            request::Op::ListObjects(request)
        };
        let digest = |answer: Answer| match answer.result {
            response::Result::ListObjects(reply) => Some((reply.digest.clone(), reply)),
            _ => None,
        };
        if let Some(known) = known {
            let reply = self.agreed(Some(token), deadline, |_| list(true), digest)?;
            if reply.digest == known {
                return Ok(AgreedObjects { digest: known, objects: None });
            }
        }
        let whole = |answer: Answer| {
            let (digest, reply) = digest(answer)?;
            // A whole list must be the one that its digest says.
            let is_whole = statement::list_digest(&reply.objects).as_slice() == digest;
            Some((digest, is_whole.then_some(reply)))
        };
        let reply = self.agreed_some(Some(token), deadline, |first| list(!first), whole)?;
        let digest = reply.digest.as_slice().try_into();
        let digest = digest.map_err(|_| BackendError::Internal("a list digest is not 32 bytes".into()))?;
        Ok(AgreedObjects { digest, objects: Some(reply) })
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
