//! Key agreement: T answers to one request, each proven, combined here and nowhere else.
//!
//! An answer that fails its check names its node, whose signature over it is put into the log as evidence. The
//! nodes are not told of it, as they are of signatures that fail: T answers are the secret, and a node that was
//! shown another's would have two.

use proto::client::v1::{DeriveReply, DeriveRequest, request, response};
use proto::statement;
use threshold::ecdh::{AgreementCurve, CombineError, Request, combine};
use threshold::fault::Misuse;
use threshold::party::{PartyIndex, SignerSet, Threshold};
use threshold::secret::Secret;
use token::backend::{BackendError, BackendResult, Curve, TokenId};
use zeroize::Zeroizing;

use crate::birth::Birth;
use crate::call::{ATTEMPT_MIN, Setback, Terms, wrong_kind};
use crate::core::{Core, fresh_nonce};
use crate::failure::NodeFailure;
use crate::kms::Ask;
use crate::login::Shown;
use crate::record::Trusted;

/// What stays the same whichever nodes answer.
struct Job<'a> {
    core: &'a Core,
    birth: &'a Birth,
    threshold: Threshold,
    key_id: [u8; 16],
    curve: AgreementCurve,
    mechanism: u32,
    peer: Vec<u8>,
    /// Whether each request is a signed statement.
    shown: &'a Shown,
}

/// One node's answer, wiped.
pub(crate) struct Part {
    pub(crate) node: u8,
    pub(crate) partial: Zeroizing<Vec<u8>>,
    pub(crate) node_signature: Vec<u8>,
}

impl Core {
    /// What a key and a peer's public point have in common.
    pub(crate) fn derive(
        &self,
        token: TokenId,
        (key, shown): (&Trusted, &Shown),
        curve: Curve,
        mechanism: u64,
        peer: &[u8],
    ) -> BackendResult<Zeroizing<Vec<u8>>> {
        let deadline = self.start()?;
        if self.logins.get(token).is_none() {
            return Err(BackendError::NotLoggedIn);
        }
        let birth = key.birth.as_ref().ok_or(BackendError::KeyUseForbidden)?;
        let internal = |what: &dyn std::fmt::Display| BackendError::Internal(what.to_string());
        let parties = u8::try_from(self.manifest.nodes.len()).map_err(|error| internal(&error))?;
        let job = Job {
            core: self,
            birth,
            threshold: Threshold::new(self.manifest.threshold, parties).map_err(|error| internal(&error))?,
            key_id: key.record.id.0,
            curve: to_agreement(curve).ok_or(BackendError::KeyUseForbidden)?,
            mechanism: mechanism.try_into().map_err(|error| internal(&error))?,
            peer: compressed(curve, peer).ok_or_else(|| internal(&"the peer's point was not checked"))?,
            shown,
        };
        let mut attempts = 0;
        let secret = self.with_quorum(self.threshold(), deadline, |set, attempt| {
            // Nothing is spent by asking others, so a slow quorum is left soon, but not twice.
            attempts += 1;
            let soon = deadline.at_most(self.nodes.patience().max(ATTEMPT_MIN));
            let attempt = if attempts > HASTY_ATTEMPTS { attempt } else { soon };
            let terms = Terms {
                token: Some(token),
                min_registry_index: self.read_floor(),
                // A node takes a statement once.
                repeatable: !shown.stated,
                deadline: attempt,
            };
            job.attempt(set, terms)
        });
        let mut secret = secret.map_err(|error| match error {
            BackendError::Refused(text) => {
                self.log.warn(format_args!("deriving with key {}: {text}", key.record.id));
                BackendError::KeyUseForbidden
            }
            other => other,
        })?;
        Ok(Zeroizing::new(std::mem::take(secret.expose_mut())))
    }
}

impl Job<'_> {
    fn attempt(&self, set: &[u8], terms: Terms) -> Result<Secret<Vec<u8>>, Setback> {
        let nonce = fresh_nonce();
        let mut asked = DeriveRequest {
            key_id: self.key_id.to_vec(),
            quorum: set.iter().copied().map(u32::from).collect(),
            mechanism: u64::from(self.mechanism),
            peer: self.peer.clone(),
            request_nonce: nonce.to_vec(),
            statement: None,
        };
        if self.shown.stated {
            let ask = Ask { operation: "DeriveSharedSecret", context: &[] };
            let parameter = proto::kms::derive_hash(&asked);
            asked.statement = Some(self.core.kms_statement(&self.key_id, ask, set, &nonce, &parameter));
        }
        let requests = set.iter().map(|node| (*node, request::Op::Derive(asked.clone()))).collect();
        let mut parts = Vec::with_capacity(set.len());
        for (node, answer) in Core::all_answered(self.core.ask(requests, terms))? {
            let response::Result::Derive(reply) = answer.result else { return Err(wrong_kind(node)) };
            let DeriveReply { partial, node_signature } = reply;
            parts.push(Part { node, partial: Zeroizing::new(partial), node_signature });
        }
        self.combine(set, nonce, &parts)
    }

    fn combine(&self, set: &[u8], nonce: [u8; 32], parts: &[Part]) -> Result<Secret<Vec<u8>>, Setback> {
        let internal = |what: String| Setback::Final(BackendError::Internal(what));
        let members = set.iter().filter_map(|node| PartyIndex::new(*node));
        let request = Request {
            cluster_id: self.core.cluster_id,
            key_id: self.key_id,
            epoch: self.birth.statement().epoch,
            curve: self.curve,
            public_key: self.birth.statement().public_key.clone(),
            quorum: SignerSet::new(members).map_err(|misuse| internal(misuse.to_string()))?,
            client: self.core.identity.public(),
            mechanism: self.mechanism,
            peer: self.peer.clone(),
            request_nonce: nonce,
        };
        let answers: Vec<(PartyIndex, &[u8])> = parts
            .iter()
            .filter_map(|part| Some((PartyIndex::new(part.node)?, part.partial.as_slice())))
            .collect();
        let commitments = &self.birth.statement().commitments;
        combine(&answers, commitments, self.threshold, &request).map_err(|error| match named(&error) {
            Err(misuse) => internal(misuse.to_string()),
            Ok(liars) if liars.is_empty() => internal(error_text(&error)),
            Ok(liars) => {
                self.core.blame("key agreement", &self.key_id, nonce, parts, &liars);
                Setback::Nodes(liars)
            }
        })
    }
}

impl Core {
    /// Names the liars in the log, each with its own signature over what it said, and leaves them out from now on.
    pub(crate) fn blame(
        &self,
        what: &str,
        key_id: &[u8; 16],
        nonce: [u8; 32],
        parts: &[Part],
        named: &[(u8, NodeFailure)],
    ) {
        for (node, failure) in named {
            let Some(part) = parts.iter().find(|part| part.node == *node) else { continue };
            let said = statement::agreement(&self.cluster_id, u32::from(*node), &nonce, &part.partial);
            let key = self.manifest.node(*node).map(|node| node.key);
            let signed = key.is_some_and(|key| said.verify(&key, &part.node_signature));
            self.log.error(format_args!(
                "{what} with key {}, request {}, answer of node {node} hashed {}, signed by it: {signed}, signature {}: {failure}",
                hex::encode(key_id),
                hex::encode(nonce),
                hex::encode(said.0),
                hex::encode(&part.node_signature),
            ));
            self.nodes.failed(*node, failure);
        }
    }
}

/// The nodes whose answers failed their checks.
///
/// # Errors
/// A mistake of the caller, and no node's.
pub(crate) fn named(error: &CombineError) -> Result<Vec<(u8, NodeFailure)>, Misuse> {
    match error {
        CombineError::Misuse(misuse) => Err(*misuse),
        CombineError::Faults(faults) => Ok(faults
            .iter()
            .filter_map(|fault| {
                let failure = NodeFailure::Misbehaved(fault.rule.to_string());
                Some((fault.culprit?.get(), failure))
            })
            .collect()),
    }
}

/// The check that failed.
pub(crate) fn error_text(error: &CombineError) -> String {
    match error {
        CombineError::Misuse(misuse) => misuse.to_string(),
        CombineError::Faults(faults) => {
            faults.first().map_or_else(String::new, |fault| fault.rule.to_string())
        }
    }
}

/// A checked point as the nodes take it: compressed SEC1, or a u-coordinate as it is.
fn compressed(curve: Curve, point: &[u8]) -> Option<Vec<u8>> {
    if curve == Curve::Curve25519 {
        return Some(point.to_vec());
    }
    let (form, coordinates) = point.split_first()?;
    let (x, y) = coordinates.split_at_checked(curve.field_bytes())?;
    let parity = y.last()? & 1;
    (*form == 4 && y.len() == x.len()).then(|| [&[2 + parity], x].concat())
}

/// The curve as the nodes call it; none where keys only sign.
const fn to_agreement(curve: Curve) -> Option<AgreementCurve> {
    Some(match curve {
        Curve::P256 => AgreementCurve::P256,
        Curve::P384 => AgreementCurve::P384,
        Curve::Secp256k1 => AgreementCurve::Secp256k1,
        Curve::Curve25519 => AgreementCurve::Curve25519,
        Curve::Edwards25519 => return None,
    })
}

/// Quorums that are given no more time than answers usually take.
const HASTY_ATTEMPTS: u32 = 2;
