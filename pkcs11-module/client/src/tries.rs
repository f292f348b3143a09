//! Which of the ten tries of a PIN an attempt takes (design 3a): the same one at all of its T nodes, and one that no other
//! attempt has.

use std::thread;
use std::time::Duration;

use proto::client::v1::{Code, OprfReply, OprfRequest, request, response};
use rand_core::{OsRng, RngCore};
use token::backend::BackendError;

use crate::call::{Setback, Terms, wrong_kind};
use crate::connect::Answer;
use crate::core::Core;
use crate::deadline::Deadline;
use crate::failure::NodeFailure;

impl Core {
    /// How the tries stand, whatever T - 1 of the nodes claim: `None` unless T nodes say what they have.
    pub(crate) fn standing(&self, key_id: &[u8], terms: Terms) -> Option<Standing> {
        let nodes = self.manifest.nodes.iter().map(|node| node.index);
        let said = self.ask(nodes.map(|node| (node, how_tries_stand(key_id))).collect(), terms);
        let answers = said.into_iter().filter_map(|(node, answer)| Some((node, answer.ok()?)));
        let told: Vec<OprfReply> =
            answers.filter_map(|(node, answer)| oprf_reply(node, answer).ok()).collect();
        let at_a_quorum = |bit: &u32| {
            told.iter().filter(|reply| reply.free_tries & (1 << bit) != 0).count() >= self.threshold()
        };
        (told.len() >= self.threshold()).then(|| Standing {
            usable: (0..TRIES).filter(at_a_quorum).count() as u32,
            stirred: told.iter().filter(|reply| reply.quiet_ms < ATTEMPT_MS_MAX).count(),
        })
    }

    /// Has each node of the set evaluate under one try that all of them still have.
    ///
    /// One after the other in ascending order: of processes that want the same try, the one that gets it at the lowest
    /// node meets no other at the next, so that no try is lost between two of them.
    pub(crate) fn take_try(
        &self,
        set: &[u8],
        key_id: &[u8],
        blinded: &[u8],
        credulous: Deadline,
        terms: Terms,
    ) -> Result<Vec<(u8, Answer)>, Setback> {
        let mut nodes = set.to_vec();
        nodes.sort_unstable();
        let (mut try_number, mut lost) = (1, 0);
        let mut answers = Vec::with_capacity(nodes.len());
        while let Some(node) = nodes.get(answers.len()).copied() {
            if answers.is_empty() {
                try_number = self.free_try(&nodes, key_id, credulous, terms)?;
            }
            let (key_id, blinded) = (key_id.to_vec(), blinded.to_vec());
            let request = request::Op::Oprf(OprfRequest { key_id, blinded, try_number, only_ask: false });
            match Self::all_answered(self.ask(vec![(node, request)], terms)) {
                Ok(answer) => answers.extend(answer),
                Err(Setback::Nodes(failures)) if is_taken(&failures) => {
                    // The nodes before it have given this try for nothing. A liar could have all of them given so.
                    lost += usize::from(!answers.is_empty());
                    if lost > TRIES_LOST_MAX || terms.deadline.is_over() {
                        return Err(Setback::Nodes(vec![(node, contended())]));
                    }
                    answers.clear();
                    pause();
                }
                Err(setback) => return Err(setback),
            }
        }
        Ok(answers)
    }

    /// One of the tries that all of these nodes say are free, any of them, since other processes look for one as well.
    ///
    /// When all are taken, an attempt that took one just now may be right, and all are free again: this waits for it.
    fn free_try(
        &self,
        nodes: &[u8],
        key_id: &[u8],
        credulous: Deadline,
        terms: Terms,
    ) -> Result<u32, Setback> {
        while !terms.deadline.is_over() {
            let said = self.ask(nodes.iter().map(|node| (*node, how_tries_stand(key_id))).collect(), terms);
            let mut common = u32::MAX;
            for (node, answer) in Self::all_answered(said)? {
                common &= oprf_reply(node, answer)?.free_tries;
            }
            let free: Vec<u32> = (0..TRIES).filter(|bit| common & (1 << bit) != 0).collect();
            let any = (OsRng.next_u32() as usize).checked_rem(free.len());
            if let Some(bit) = any.and_then(|at| free.get(at)) {
                return Ok(bit + 1);
            }
            let Some(Standing { usable: 0, stirred }) = self.standing(key_id, terms) else { break };
            // One liar could have us wait, but not for long.
            let enough = if credulous.is_over() { self.threshold() } else { 1 };
            if stirred < enough {
                return Err(Setback::Final(BackendError::PinLocked));
            }
            pause();
        }
        Err(Setback::Set)
    }
}

/// The tries of a login, as the nodes tell.
pub(crate) struct Standing {
    /// How many a quorum can serve.
    pub(crate) usable: u32,
    /// How many nodes have given one just now.
    stirred: usize,
}

/// Before the nodes are asked again whether a try is free; not at the same time as others who wait.
fn pause() {
    thread::sleep(PAUSE_MIN + Duration::from_millis(u64::from(OsRng.next_u32() % PAUSE_MORE_MS)));
}

/// Asks a node which tries it has left, and how long ago it gave the last one.
fn how_tries_stand(key_id: &[u8]) -> request::Op {
    request::Op::Oprf(OprfRequest { key_id: key_id.to_vec(), only_ask: true, ..OprfRequest::default() })
}

pub(crate) fn oprf_reply(node: u8, answer: Answer) -> Result<OprfReply, Setback> {
    match answer.result {
        response::Result::Oprf(reply) => Ok(reply),
        _ => Err(wrong_kind(node)),
    }
}

/// A node that says tries are free, which others then have. In one case out of many it lies.
fn contended() -> NodeFailure {
    let message = "others have the tries that it says are free".into();
    NodeFailure::Refused { code: Code::ResourceExhausted, message, nodes: Vec::new() }
}

/// Whether another attempt has the try that this one wanted, or the last one.
fn is_taken(failures: &[(u8, NodeFailure)]) -> bool {
    failures.iter().any(|(_, failure)| matches!(failure.code(), Some(Code::Conflict | Code::PinLocked)))
}

/// Until when one node that speaks of an attempt on its way is enough to wait for it.
pub(crate) fn credulous(deadline: Deadline) -> Deadline {
    Deadline::after(ATTEMPT_MAX.min(deadline.remaining().unwrap_or_default() / 2))
}

/// How many tries a role has until it logs in, as the nodes count them.
pub(crate) const TRIES: u32 = 10;
/// How many tries a node may cost that says a try is free and does not give it: two other processes at most.
const TRIES_LOST_MAX: usize = 2;
/// How long an attempt with the right PIN may take from its try to the proof that ends the count.
const ATTEMPT_MS_MAX: u32 = 2000;
const ATTEMPT_MAX: Duration = Duration::from_millis(ATTEMPT_MS_MAX as u64);
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MORE_MS: u32 = 40;
