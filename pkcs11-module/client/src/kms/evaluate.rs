//! One-time keys from a symmetric key: T nodes answer their parts, each proven, and the value is known here alone.

use proto::client::v1::{Code, request, response};
use proto::kms::v1::{
    Fresh, Input, Kind, KmsCheckRequest, KmsEvaluateReply, KmsEvaluateRequest, KmsNoncesReply,
    KmsNoncesRequest, KmsSealReply, KmsSealRequest,
};
use proto::kms::{NONCES_MAX, context_hash, context_is_canonical, input_hash, sealed};
use threshold::dprf::{self, VALUE_BYTES};
use threshold::party::{PartyIndex, SignerSet, Threshold};
use token::backend::{BackendError, BackendResult, Freshness, ObjectId};
use zeroize::Zeroizing;

use super::{Ask, Kms, KmsError, KmsRecord, Parts};
use crate::call::{ATTEMPT_MIN, Said, Setback, Terms, wrong_kind};
use crate::connect::Answer;
use crate::core::{Core, fresh_nonce};
use crate::deadline::Deadline;
use crate::derive::{Part, error_text, named};
use crate::failure::NodeFailure;
use crate::record::Shared;

/// A one-time key: 32 bytes.
pub type OneTimeKey = Zeroizing<[u8; VALUE_BYTES]>;

impl Kms<'_> {
    /// A one-time key that nobody but this process can have now, under the newest material, and what the ciphertext must
    /// carry so that those who may decrypt find it again. `commitment` is to what will be encrypted. One round trip when
    /// nonces are in stock.
    ///
    /// # Errors
    /// [`KmsError::Denied`] for an operation that the policy does not allow with this context, [`KmsError::State`],
    /// [`KmsError::Usage`], [`KmsError::Stale`] when the key was rotated since `record` was read,
    /// [`KmsError::TooFewNodes`].
    pub fn encrypt_key(
        &self,
        record: &KmsRecord,
        kind: Kind,
        ask: Ask<'_>,
        commitment: [u8; 32],
    ) -> Result<(Parts, OneTimeKey), KmsError> {
        let job = Job::new(self, record, record.newest(), ask)?;
        Ok(job.quorums(|set, terms| {
            let input = job.fresh_input(set, kind, commitment, terms)?;
            let value = job.evaluate(set, &input, &[], terms)?;
            Ok((Parts { input, seals: Vec::new() }, value))
        })?)
    }

    /// The one-time key of a ciphertext with these parts.
    ///
    /// # Errors
    /// As [`Kms::encrypt_key`]; [`KmsError::NotFound`] for a version that the key does not have, [`KmsError::Refused`] for parts
    /// that are not of this cluster's nodes, and signatures that are not theirs.
    pub fn decrypt_key(
        &self,
        record: &KmsRecord,
        parts: &Parts,
        ask: Ask<'_>,
    ) -> Result<OneTimeKey, KmsError> {
        let job = Job::new(self, record, parts.version(), ask)?;
        if !job.is_of_our_nodes(&parts.input) {
            return Err(KmsError::Refused("an input of other nodes".into()));
        }
        Ok(job.quorums(|set, terms| job.evaluate(set, &parts.input, &parts.seals, terms))?)
    }

    /// The parts of a data key that nobody has seen: T nodes sign that the input is fresh, and none evaluates it. Whoever
    /// may decrypt finds the key by [`Kms::decrypt_key`].
    ///
    /// # Errors
    /// As [`Kms::encrypt_key`].
    pub fn seal_without_plaintext(
        &self,
        record: &KmsRecord,
        ask: Ask<'_>,
        commitment: [u8; 32],
    ) -> Result<Parts, KmsError> {
        let job = Job::new(self, record, record.newest(), ask)?;
        Ok(job.quorums(|set, terms| {
            let input = job.fresh_input(set, Kind::Sealed, commitment, terms)?;
            let seals = job.seal(set, &input, terms)?;
            Ok(Parts { input, seals })
        })?)
    }

    /// Whether T nodes would let this client do it: for what is computed with the public key alone, and for dry runs.
    ///
    /// # Errors
    /// As [`Kms::encrypt_key`].
    pub fn check(&self, record: &KmsRecord, ask: Ask<'_>) -> Result<(), KmsError> {
        let core = &self.client.core;
        let job = Job { core, kms: self, key: record.object.id, version: 0, material: None, ask };
        Ok(job.quorums(|set, terms| {
            let statement = Some(core.kms_statement(&job.key.0, ask, set, &fresh_nonce(), &[]));
            let op = request::Op::KmsCheck(KmsCheckRequest { statement });
            let said = core.ask(set.iter().map(|node| (*node, op.clone())).collect(), terms);
            let answers = Core::all_answered(said)?;
            let other = |(_, answer): &&(u8, Answer)| !matches!(answer.result, response::Result::KmsCheck(_));
            answers.iter().find(other).map_or(Ok(()), |(node, _)| Err(wrong_kind(*node)))
        })?)
    }
}

/// What stays the same whichever nodes answer.
struct Job<'a> {
    core: &'a Core,
    kms: &'a Kms<'a>,
    key: ObjectId,
    version: u32,
    material: Option<Shared>,
    ask: Ask<'a>,
}

impl<'a> Job<'a> {
    fn new(kms: &'a Kms<'a>, record: &KmsRecord, version: u32, ask: Ask<'a>) -> Result<Self, KmsError> {
        let client = kms.client;
        if client.core.logins.get(kms.token).is_none() {
            return Err(KmsError::NotLoggedIn);
        }
        if !context_is_canonical(ask.context) {
            return Err(KmsError::Limit("encryption context".into()));
        }
        let material = record.material(version).ok_or(KmsError::NotFound)?;
        let listing = client.registry.listing(&client.core, kms.token, Freshness::Cached)?;
        let material = listing.get(material)?.clone();
        Ok(Self { core: &client.core, kms, key: record.object.id, version, material: Some(material), ask })
    }

    fn quorums<R>(&self, mut attempt: impl FnMut(&[u8], Terms) -> Result<R, Setback>) -> BackendResult<R> {
        let core = self.core;
        let deadline = core.start()?;
        let mut attempts = 0;
        core.with_quorum(core.threshold(), deadline, |set, limit| {
            // Little is spent by asking others, so a slow quorum is left soon, but not twice.
            attempts += 1;
            let soon = deadline.at_most(core.nodes.patience().max(ATTEMPT_MIN));
            let limit = if attempts > HASTY_ATTEMPTS { limit } else { soon };
            let first = attempt(set, self.terms(limit));
            let Err(Setback::Nodes(failures)) = &first else { return first };
            let forgot = |(_, failure): &(u8, NodeFailure)| failure.code() == Some(Code::NonceGone);
            if !failures.iter().any(forgot) {
                return first;
            }
            // It has restarted since: its nonces are gone, and the node is well.
            failures
                .iter()
                .filter(|failed| forgot(failed))
                .for_each(|(node, _)| self.kms.client.nonces.clear(*node));
            attempt(set, self.terms(limit))
        })
    }

    fn terms(&self, deadline: Deadline) -> Terms {
        let min_registry_index = self.core.read_floor();
        Terms { token: Some(self.kms.token), min_registry_index, repeatable: false, deadline }
    }

    /// An input with a nonce of each node of the set.
    fn fresh_input(
        &self,
        set: &[u8],
        kind: Kind,
        commitment: [u8; 32],
        terms: Terms,
    ) -> Result<Input, Setback> {
        let nonces = &self.kms.client.nonces;
        let mut freshness: Vec<(u8, Option<[u8; 16]>)> =
            set.iter().map(|node| (*node, nonces.take(*node))).collect();
        let lacking: Vec<u8> =
            freshness.iter().filter(|(_, nonce)| nonce.is_none()).map(|(node, _)| *node).collect();
        if !lacking.is_empty() {
            let op = request::Op::KmsNonces(KmsNoncesRequest { count: NONCES_MAX });
            let asked = lacking.iter().map(|node| (*node, op.clone())).collect();
            for (node, answer) in Core::all_answered(self.core.ask(asked, terms))? {
                let response::Result::KmsNonces(KmsNoncesReply { nonces: given }) = answer.result else {
                    return Err(wrong_kind(node));
                };
                nonces.keep(node, given);
            }
        }
        let mut input = Input {
            version: self.version,
            kind: kind.into(),
            encryptor: self.core.identity.public().to_vec(),
            commitment: commitment.to_vec(),
            freshness: Vec::new(),
        };
        for (node, nonce) in &mut freshness {
            let none = || NodeFailure::Misbehaved("it gave no nonce".into());
            let nonce = nonce.take().or_else(|| nonces.take(*node));
            let nonce = nonce.ok_or_else(|| Setback::Nodes(vec![(*node, none())]))?;
            input.freshness.push(Fresh { node: u32::from(*node), nonce: nonce.to_vec() });
        }
        input.freshness.sort_by_key(|fresh| fresh.node);
        Ok(input)
    }

    /// Whether T nodes of this cluster helped to make an input, as far as it says. Every node asks the same; found out
    /// here, it is no node that misbehaves.
    fn is_of_our_nodes(&self, input: &Input) -> bool {
        let manifest = &self.core.manifest;
        let known = |fresh: &Fresh| u8::try_from(fresh.node).is_ok_and(|node| manifest.node(node).is_some());
        input.freshness.len() == self.core.threshold()
            && input.freshness.is_sorted_by(|one, next| one.node < next.node)
            && input.freshness.iter().all(known)
    }

    fn hash(&self, input: &Input) -> [u8; 32] {
        input_hash(&self.core.cluster_id, &self.key.0, &context_hash(self.ask.context), input)
    }

    /// Asks each node of the set; `op` makes the request, with the number of nonces that the node is to add.
    fn ask_all(
        &self,
        set: &[u8],
        op: impl Fn(u32) -> request::Op,
        terms: Terms,
    ) -> Result<Vec<(u8, Answer)>, Setback> {
        let nonces = &self.kms.client.nonces;
        let asked = set.iter().map(|node| (*node, op(nonces.wanted(*node)))).collect();
        let said: Vec<Said> = self.core.ask(asked, terms);
        Core::all_answered(said)
    }

    fn seal(&self, set: &[u8], input: &Input, terms: Terms) -> Result<Vec<Vec<u8>>, Setback> {
        let hash = self.hash(input);
        let statement = self.core.kms_statement(&self.key.0, self.ask, set, &fresh_nonce(), &hash);
        let op = |lease| {
            request::Op::KmsSeal(KmsSealRequest {
                statement: Some(statement.clone()),
                input: Some(input.clone()),
                lease,
            })
        };
        let mut seals = Vec::new();
        for (node, answer) in self.ask_all(set, op, terms)? {
            let response::Result::KmsSeal(KmsSealReply { seal, nonces }) = answer.result else {
                return Err(wrong_kind(node));
            };
            self.kms.client.nonces.keep(node, nonces);
            let key = self.core.manifest.node(node).map(|node| node.key);
            let said = sealed(&self.core.cluster_id, u32::from(node), &hash);
            if !key.is_some_and(|key| said.verify(&key, &seal)) {
                let failure = NodeFailure::Misbehaved("its signature is wrong".into());
                self.core.nodes.failed(node, &failure);
                self.core.log.error(format_args!("node {node}: {failure}"));
                return Err(Setback::Nodes(vec![(node, failure)]));
            }
            seals.push((node, seal));
        }
        seals.sort_by_key(|(node, _)| *node);
        Ok(seals.into_iter().map(|(_, seal)| seal).collect())
    }

    fn evaluate(
        &self,
        set: &[u8],
        input: &Input,
        seals: &[Vec<u8>],
        terms: Terms,
    ) -> Result<OneTimeKey, Setback> {
        let internal = |what: String| Setback::Final(BackendError::Internal(what));
        let material = self.material.as_ref().ok_or_else(|| internal("no material".into()))?;
        let birth = material.birth.as_ref().map(crate::birth::Birth::statement);
        let birth = birth.filter(|birth| birth.curve == dprf::NAME);
        let birth = birth.ok_or(Setback::Final(BackendError::KeyUseForbidden))?;
        let hash = self.hash(input);
        let request_nonce = fresh_nonce();
        let statement = self.core.kms_statement(&self.key.0, self.ask, set, &request_nonce, &hash);
        let op = |lease| {
            request::Op::KmsEvaluate(KmsEvaluateRequest {
                statement: Some(statement.clone()),
                input: Some(input.clone()),
                seals: seals.to_vec(),
                lease,
            })
        };
        let mut parts = Vec::with_capacity(set.len());
        for (node, answer) in self.ask_all(set, op, terms)? {
            let response::Result::KmsEvaluate(reply) = answer.result else { return Err(wrong_kind(node)) };
            let KmsEvaluateReply { partial, node_signature, nonces } = reply;
            self.kms.client.nonces.keep(node, nonces);
            parts.push(Part { node, partial: Zeroizing::new(partial), node_signature });
        }
        let members = set.iter().filter_map(|node| PartyIndex::new(*node));
        let request = dprf::Request {
            cluster_id: self.core.cluster_id,
            key_id: material.record.id.0,
            epoch: birth.epoch,
            public_key: birth.public_key.clone(),
            quorum: SignerSet::new(members).map_err(|misuse| internal(misuse.to_string()))?,
            client: self.core.identity.public(),
            input: hash,
            request_nonce,
        };
        let nodes =
            u8::try_from(self.core.manifest.nodes.len()).map_err(|error| internal(error.to_string()))?;
        let threshold = Threshold::new(self.core.manifest.threshold, nodes)
            .map_err(|misuse| internal(misuse.to_string()))?;
        let answers: Vec<(PartyIndex, &[u8])> = parts
            .iter()
            .filter_map(|part| Some((PartyIndex::new(part.node)?, part.partial.as_slice())))
            .collect();
        let value = dprf::combine(&answers, &birth.commitments, threshold, &request);
        let value = value.map_err(|error| match named(&error) {
            Err(misuse) => internal(misuse.to_string()),
            Ok(liars) if liars.is_empty() => internal(error_text(&error)),
            Ok(liars) => {
                self.core.blame("evaluation", &self.key.0, request_nonce, &parts, &liars);
                Setback::Nodes(liars)
            }
        })?;
        Ok(Zeroizing::new(*value.expose()))
    }
}

/// Quorums that are given no more time than answers usually take.
const HASTY_ATTEMPTS: u32 = 2;
