//! Keys of this process alone: nodes hold their shares in memory, the registry never hears of them, and what is known
//! of them here is all there is.
//!
//! Nodes keep them while a connection of this process stands, and a while longer. No thread renews that: a connection
//! to every node is made with the key, and again, if need be, by calls that use one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use prost::Message;
use proto::client::v1::{CopyKeyRequest, HoldKeysRequest, request, response};
use proto::limits::DESTROYED_MAX;
use proto::registry::v1::{BirthCertificate, BirthStatement, NewObject, NodeSignature};
use proto::statement;
use token::backend::{Attributes, BackendError, BackendResult, ObjectId, ObjectRecord, TokenId};

use crate::birth::{self, Birth};
use crate::call::{Said, Terms};
use crate::commands::{first_record, new_object_id};
use crate::core::Core;
use crate::deadline::Deadline;
use crate::record::{self, Shared, Trusted, is_of_session, to_store, to_wire};
use crate::registry::Registry;
use crate::sync::lock;

/// The session keys of this process.
#[derive(Default)]
pub(crate) struct SessionKeys(Mutex<State>);

#[derive(Default)]
struct State {
    keys: BTreeMap<ObjectId, Shared>,
    /// Keys that are no more, by nodes that have not heard of it.
    destroyed: BTreeMap<u8, BTreeSet<ObjectId>>,
    held_at: Option<Instant>,
}

impl SessionKeys {
    /// A key of this process.
    pub(crate) fn get(&self, id: ObjectId) -> Option<Shared> {
        lock(&self.0).keys.get(&id).cloned()
    }

    /// Keeps what was generated, and lets every node know this process.
    pub(crate) fn keep(
        &self,
        core: &Core,
        token: TokenId,
        new: &NewObject,
        deadline: Deadline,
    ) -> BackendResult<ObjectRecord> {
        let trusted = record::check(&core.manifest, token, first_record(token, new))
            .map_err(|fault| BackendError::Internal(fault.to_string()))?;
        let record = ObjectRecord::clone(&trusted.record);
        lock(&self.0).keys.insert(record.id, Shared::new(trusted));
        self.hold(core, deadline.at_most(HOLD_LIMIT));
        Ok(record)
    }

    /// Has keys destroyed at every node that can be reached by the deadline; the others hear of it later, or their lease
    /// ends.
    pub(crate) fn destroy(&self, core: &Core, ids: &[ObjectId], deadline: Deadline) {
        {
            let mut state = lock(&self.0);
            ids.iter().for_each(|id| drop(state.keys.remove(id)));
            for node in &core.manifest.nodes {
                let waiting = state.destroyed.entry(node.index).or_default();
                waiting.extend(ids);
                while waiting.len() > DESTROYED_MAX {
                    waiting.pop_first();
                }
            }
        }
        if !deadline.is_over() {
            self.hold(core, deadline.at_most(HOLD_LIMIT));
        }
    }

    /// The process ends its use of the library: nothing of it stays.
    pub(crate) fn destroy_all(&self, core: &Core) {
        let ids: Vec<ObjectId> = lock(&self.0).keys.keys().copied().collect();
        if let (false, Ok(deadline)) = (ids.is_empty(), core.start()) {
            self.destroy(core, &ids, deadline);
        }
    }

    /// Once in a while, makes sure that every node still knows this process. Waits for no answer.
    pub(crate) fn renew(&self, core: &Core, deadline: Deadline) {
        let is_due = {
            let mut state = lock(&self.0);
            let is_due = state.held_at.is_none_or(|at| at.elapsed() > RENEW_AFTER);
            if is_due {
                state.held_at = Some(Instant::now());
            }
            is_due
        };
        if is_due {
            drop(core.begin(self.requests(core), terms(deadline.at_most(RENEW_LIMIT))));
        }
    }

    fn hold(&self, core: &Core, deadline: Deadline) {
        let requests = self.requests(core);
        let told: Vec<(u8, Vec<ObjectId>)> =
            requests.iter().map(|(node, op)| (*node, destroyed(op))).collect();
        let said = core.ask(requests, terms(deadline));
        let heard = |node: u8| said.iter().any(|(other, said)| *other == node && said.is_ok());
        let mut state = lock(&self.0);
        state.held_at = Some(Instant::now());
        for (node, ids) in told.into_iter().filter(|(node, _)| heard(*node)) {
            if let Some(waiting) = state.destroyed.get_mut(&node) {
                waiting.retain(|id| !ids.contains(id));
            }
        }
    }

    fn requests(&self, core: &Core) -> Vec<(u8, request::Op)> {
        let state = lock(&self.0);
        let request = |node: &proto::manifest::NodeEntry| {
            let waiting = state.destroyed.get(&node.index).into_iter().flatten();
            let destroyed = waiting.map(|id| id.0.to_vec()).collect();
            (node.index, request::Op::HoldKeys(HoldKeysRequest { destroyed }))
        };
        core.manifest.nodes.iter().map(request).collect()
    }
}

impl Registry {
    /// Copies a private key: every node copies its share under a new id and signs the new birth. The registry records
    /// that as it records any key, unless the copy is of a session.
    pub(crate) fn copy_private_key(
        &self,
        core: &Core,
        session_keys: &SessionKeys,
        token: TokenId,
        source: &Trusted,
        attributes: &Attributes,
    ) -> BackendResult<ObjectRecord> {
        let deadline = core.start()?;
        let from = source.birth.as_ref().map(Birth::statement).ok_or(BackendError::KeyUseForbidden)?;
        if core.nodes.registry_index() == 0 {
            core.agreed_tokens(deadline)?;
        }
        let of_session = is_of_session(attributes);
        let (id, attributes) = (new_object_id(), to_wire(&to_store(source, attributes)));
        let base_index = core.nodes.registry_index();
        let copy = CopyKeyRequest {
            source_id: from.key_id.clone(),
            key_id: id.0.to_vec(),
            attributes: attributes.clone(),
            base_index,
        };
        let born = BirthStatement {
            key_id: id.0.to_vec(),
            attributes_hash: statement::attributes_hash(&attributes).to_vec(),
            base_index,
            client_key: core.identity.public().to_vec(),
            instance: if of_session { core.instance.to_vec() } else { Vec::new() },
            ..from.clone()
        };
        let request = |node: &proto::manifest::NodeEntry| (node.index, request::Op::CopyKey(copy.clone()));
        let requests = core.manifest.nodes.iter().map(request).collect();
        let min_registry_index = core.read_floor();
        let terms = Terms { token: Some(token), min_registry_index, repeatable: false, deadline };
        let signatures = core.ask(requests, terms).into_iter().map(signature_of).collect::<Result<_, _>>();
        let certified = signatures.and_then(|signatures| {
            let certificate = BirthCertificate { statement: born.encode_to_vec(), signatures };
            birth::verify(&core.manifest, Some(&certificate), core.manifest.nodes.len())
                .map_err(|fault| BackendError::Internal(format!("a copied key: {fault}")))?;
            Ok(certificate)
        });
        if certified.is_err() && of_session {
            // Some nodes may hold it all the same.
            session_keys.destroy(core, &[id], deadline);
        }
        let certificate = certified?;
        let new = NewObject { object_id: id.0.to_vec(), attributes, birth: Some(certificate) };
        if of_session {
            return session_keys.keep(core, token, &new, deadline);
        }
        let records = self.create(core, token, vec![new], deadline)?;
        records.into_iter().next().ok_or_else(|| BackendError::Internal("no record was made".into()))
    }
}

/// A copy needs every node: a key that fewer hold could be lost with one disk.
fn signature_of((node, said): Said) -> BackendResult<NodeSignature> {
    match said {
        Ok(answer) => match answer.result {
            response::Result::CopyKey(reply) => {
                Ok(NodeSignature { node: node.into(), signature: reply.signature })
            }
            _ => Err(BackendError::Internal(format!("node {node} answered another question"))),
        },
        Err(failure) if failure.is_passing() => {
            Err(BackendError::Unavailable(format!("copying a key needs all nodes: node {node}: {failure}")))
        }
        Err(failure) => Err(failure.to_backend(node)),
    }
}

fn terms(deadline: Deadline) -> Terms {
    Terms { token: None, min_registry_index: 0, repeatable: true, deadline }
}

fn destroyed(op: &request::Op) -> Vec<ObjectId> {
    let request::Op::HoldKeys(hold) = op else { return Vec::new() };
    hold.destroyed.iter().filter_map(|id| Some(ObjectId(id.as_slice().try_into().ok()?))).collect()
}

/// How long the end of a session may wait for the nodes to hear of it.
const HOLD_LIMIT: Duration = Duration::from_millis(1_000);
/// How often calls with a session key look after the connections, and how long they may take to be made.
const RENEW_AFTER: Duration = Duration::from_secs(60);
const RENEW_LIMIT: Duration = Duration::from_millis(200);
