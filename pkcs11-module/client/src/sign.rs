//! Threshold signatures: T answers to one request, combined and verified before they are released.

use std::sync::atomic::{AtomicU64, Ordering};

use proto::client::v1::{Code, LeaseRequest, SignReply, SignRequest, SignedPart, request, response};
use proto::kms::sign_hash;
use proto::statement;
use threshold::party::{PartyIndex, SignerSet};
use threshold::signing::{Answer, PublicKey, SigningRequest, SigningScheme, combine};
use token::backend::{BackendError, BackendResult, ObjectId, Scheme, TokenId};

use crate::asking::Asking;
use crate::birth::Birth;
use crate::call::{Setback, Terms, wrong_kind};
use crate::core::Core;
use crate::deadline::Deadline;
use crate::failure::NodeFailure;
use crate::kms::Ask;
use crate::log::Level;
use crate::login::Shown;
use crate::race::{Race, Spent, Try};
use crate::races::Races;
use crate::record::{Trusted, to_signing_scheme};
use crate::stash::{Demand, Lease, Stash};
use crate::throttle::Throttle;
use crate::witness::no_witness;

/// Signs for all threads of this process.
#[derive(Default)]
pub(crate) struct Signer {
    pub(crate) stash: Stash,
    pub(crate) races: Races,
    throttle: Throttle,
    /// Answers that did not combine.
    failed_checks: AtomicU64,
}

/// One signature: what stays the same whichever nodes make it.
pub(crate) struct Job<'a> {
    pub(crate) core: &'a Core,
    throttle: &'a Throttle,
    token: TokenId,
    birth: &'a Birth,
    key_id: [u8; 16],
    pub(crate) scheme: SigningScheme,
    public_key: &'a PublicKey,
    mechanism: u32,
    parameter: &'a [u8],
    digest: &'a [u8],
    shown: &'a Shown,
}

/// One node's answer, and the signature that makes the node answerable for it.
struct Part {
    node: u8,
    reply: SignReply,
}

impl Part {
    fn as_signed(&self) -> SignedPart {
        SignedPart {
            node: self.node.into(),
            partial: self.reply.partial.clone(),
            node_signature: self.reply.node_signature.clone(),
        }
    }
}

impl Signer {
    /// Signs a digest or a message with a private key; the answer was verified.
    pub(crate) fn sign(
        &self,
        core: &Core,
        token: TokenId,
        (key, shown): (&Trusted, &Shown),
        scheme: &Scheme,
        digest: &[u8],
    ) -> BackendResult<Vec<u8>> {
        let deadline = core.start()?;
        let (mechanism, parameter): (_, &[u8]) = match scheme {
            Scheme::Ecdsa { mechanism, .. } | Scheme::Schnorr { mechanism, .. } => (*mechanism, &[]),
            Scheme::Eddsa { mechanism, variant, .. } => (*mechanism, variant),
            Scheme::RsaPkcs1 { .. } | Scheme::RsaRaw { .. } | Scheme::RsaPss { .. } => {
                return core.rsa_sign(token, key, (scheme, shown), digest);
            }
        };
        if core.logins.get(token).is_none() {
            return Err(BackendError::NotLoggedIn);
        }
        let birth = key.birth.as_ref().ok_or(BackendError::KeyUseForbidden)?;
        let internal = |what: &str| BackendError::Internal(what.into());
        let scheme = to_signing_scheme(scheme).ok_or_else(|| internal("keys on the curve do not sign so"))?;
        let job = Job {
            core,
            throttle: &self.throttle,
            token,
            birth,
            key_id: key.record.id.0,
            scheme,
            public_key: birth
                .public_key()
                .filter(|key| key.curve() == scheme.curve())
                .ok_or_else(|| internal("the public key is no point of the curve"))?,
            mechanism: mechanism.try_into().map_err(|_| internal("the mechanism is over 32 bits"))?,
            parameter,
            digest,
            shown,
        };
        let turn = self.throttle.enter(deadline);
        let mut turn = turn.ok_or_else(|| BackendError::Unavailable("too many signatures wait".into()))?;
        let mut race = Race::new(self, &job, deadline);
        let signed = race.run();
        turn.ends(signed.is_ok(), race.has_leased());
        signed.map_err(|error| match error {
            BackendError::Refused(text) => {
                core.log.warn(format_args!("signing with key {}: {text}", key.record.id));
                BackendError::KeyUseForbidden
            }
            BackendError::Unavailable(text) => {
                core.log.warn(format_args!("signing with key {}: {text}", key.record.id));
                BackendError::Unavailable(text)
            }
            other => other,
        })
    }

    /// What became of a presignature that was spent: the verified signature, or why there is none.
    pub(crate) fn signed(
        &self,
        job: &Job<'_>,
        one: &Try<'_>,
        spent: Spent,
        asking: Asking<'_>,
    ) -> Result<Vec<u8>, Setback> {
        let Try { set, demand, .. } = one;
        let took = asking.age();
        let said = asking.finish();
        if said.len() < set.len() {
            // Nothing was sent, so the id is as good as before.
            // It was granted to this request only, so that one that names a witness is lost.
            if spent.grant.is_empty() {
                demand.put(vec![spent.lease]);
            }
            return Err(Core::all_answered(said).err().unwrap_or(Setback::Set));
        }
        let lost = |setback: &Setback| {
            job.core.log.warn(format_args!("signing again, a presignature of {set:?} is lost: {setback}"));
        };
        let answers = Core::all_answered(said).inspect_err(lost)?;
        let mut parts = Vec::with_capacity(answers.len());
        for (node, answer) in answers {
            let response::Result::Sign(mut reply) = answer.result else { return Err(wrong_kind(node)) };
            if set.first() == Some(&node) {
                let ids = std::mem::take(&mut reply.presignature_ids);
                demand.put(Lease::of_wire(ids, std::mem::take(&mut reply.witnesses)));
            }
            parts.push(Part { node, reply });
        }
        let signature = job.combine(set, &spent, &parts).map_err(|fault| {
            let count = self.failed_checks.fetch_add(1, Ordering::Relaxed) + 1;
            let setback = job.blame(set, &spent, &parts, &fault, count);
            lost(&setback);
            setback
        })?;
        job.core.nodes.kept_pace(set, took);
        job.core.log.write(Level::Debug, format_args!("key {} signed by nodes {set:?}", job.object()));
        Ok(signature)
    }
}

impl Job<'_> {
    pub(crate) fn object(&self) -> ObjectId {
        ObjectId(self.key_id)
    }

    /// Whether other signatures wait for this one and those beside it: the nodes have as much to do as they can.
    pub(crate) fn is_awaited(&self) -> bool {
        self.throttle.is_full()
    }

    /// Sends a presignature's id and what is to be signed to all members. The id is spent.
    pub(crate) fn spend(
        &self,
        set: &[u8],
        demand: &Demand<'_>,
        spent: &Spent,
        deadline: Deadline,
    ) -> Asking<'_> {
        let lowest = set.first();
        let request = self.request(set, spent);
        let requests = set.iter().map(|node| {
            let lease = if Some(node) == lowest { demand.wanted() } else { 0 };
            (*node, request::Op::Sign(SignRequest { lease, ..request.clone() }))
        });
        self.core.begin(requests.collect(), self.terms(false, deadline))
    }

    pub(crate) fn terms(&self, repeatable: bool, deadline: Deadline) -> Terms {
        Terms { token: Some(self.token), min_registry_index: self.core.read_floor(), repeatable, deadline }
    }

    pub(crate) fn request(&self, set: &[u8], spent: &Spent) -> SignRequest {
        let mut request = SignRequest {
            key_id: self.key_id.to_vec(),
            signers: set.iter().copied().map(u32::from).collect(),
            presignature_id: spent.lease.id.to_vec(),
            mechanism: u64::from(self.mechanism),
            digest: self.digest.to_vec(),
            request_nonce: spent.nonce.to_vec(),
            grant: spent.grant.clone(),
            lease: 0,
            parameter: self.parameter.to_vec(),
            ..SignRequest::default()
        };
        if self.shown.stated {
            let ask = Ask { operation: "Sign", context: &[] };
            let parameter = sign_hash(&request);
            request.statement =
                Some(self.core.kms_statement(&self.key_id, ask, set, &spent.nonce, &parameter));
        }
        if let Some(again) = &self.shown.again {
            let parameter = sign_hash(&request);
            let SignRequest { key_id, signers, request_nonce, .. } = &request;
            request.consent = again.sign(self.core, key_id, signers, request_nonce, &parameter);
        }
        request
    }

    /// Asks the lowest member for ids; it has some made if there are none.
    pub(crate) fn lease(&self, set: &[u8], demand: &Demand<'_>, deadline: Deadline) -> Asking<'_> {
        let request = LeaseRequest {
            key_id: self.key_id.to_vec(),
            signers: set.iter().copied().map(u32::from).collect(),
            count: demand.wanted().max(1),
            mechanism: u64::from(self.mechanism),
        };
        let lowest = set.first().map(|lowest| (*lowest, request::Op::Lease(request)));
        self.core.begin(lowest.into_iter().collect(), self.terms(true, deadline))
    }

    /// Takes the ids that were leased: the first to use now, because other threads may take the rest.
    pub(crate) fn leased(
        &self,
        set: &[u8],
        demand: &Demand<'_>,
        asking: Asking<'_>,
    ) -> Result<Lease, Setback> {
        let said = asking.finish();
        if let Some((node, Err(failure))) = said.first()
            && let Some(missing) = no_witness(set, *node, failure)
        {
            return Err(Setback::Witness(missing));
        }
        if let Some((_, Err(failure))) = said.first()
            && self.is_due_to_others(set, failure)
        {
            return Err(Setback::Set);
        }
        let Some((node, answer)) = Core::all_answered(said)?.into_iter().next() else {
            return Err(Setback::Set);
        };
        let response::Result::Lease(reply) = answer.result else { return Err(wrong_kind(node)) };
        let mut leases = Lease::of_wire(reply.presignature_ids, reply.witnesses).into_iter();
        let own = leases.next().ok_or(Setback::Set)?;
        demand.put(leases.collect());
        Ok(own)
    }

    /// Whether a refused lease is due to the set and not to the node that said so. Members that it
    /// names are avoided for a while; a lie of it costs no more than another choice of set.
    fn is_due_to_others(&self, set: &[u8], failure: &NodeFailure) -> bool {
        let NodeFailure::Refused { code: Code::Unavailable, nodes, .. } = failure else { return false };
        let Some((lowest, others)) = set.split_first() else { return false };
        for node in others.iter().filter(|node| nodes.contains(node)) {
            self.core.nodes.failed(*node, failure);
        }
        !nodes.contains(lowest)
    }

    fn signing_request(&self, set: &[u8], spent: &Spent) -> Result<SigningRequest, String> {
        let members: Vec<PartyIndex> = set.iter().filter_map(|node| PartyIndex::new(*node)).collect();
        Ok(SigningRequest {
            cluster_id: self.core.cluster_id,
            key_id: self.key_id,
            epoch: self.birth.statement().epoch,
            scheme: self.scheme,
            public_key: self.public_key.clone(),
            signers: SignerSet::new(members).map_err(|misuse| misuse.to_string())?,
            client: self.core.identity.public(),
            mechanism: self.mechanism,
            parameter: self.parameter.to_vec(),
            digest: self.digest.to_vec(),
            request_nonce: spent.nonce,
            witnessed: spent.lease.witness.is_some(),
        })
    }

    /// The verified signature; else why there is none, and the node whose answer is wrong where that can be told.
    fn combine(&self, set: &[u8], spent: &Spent, parts: &[Part]) -> Result<Vec<u8>, Unsigned> {
        let request = self.signing_request(set, spent)?;
        let mut answers = Vec::with_capacity(parts.len());
        for part in parts {
            let party = PartyIndex::new(part.node).ok_or("node 0".to_owned())?;
            let first = answers.first().map(|(_, first)| first);
            let answer = Answer::decode(self.scheme, &part.reply.partial, first)
                .map_err(|error| format!("node {}: {error}", part.node))?;
            answers.push((party, answer));
        }
        combine(answers, &request, &self.birth.statement().commitments)
            .map_err(|fault| Unsigned { why: fault.to_string(), node: fault.culprit.map(PartyIndex::get) })
    }

    /// Answers that do not combine: a node whose answer is unsigned, does not decode, is to another request or
    /// is not its share of the signature is at fault; else nobody can be named, the set is told, and another set is tried.
    fn blame(&self, set: &[u8], spent: &Spent, parts: &[Part], fault: &Unsigned, count: u64) -> Setback {
        let (id, nonce) = (spent.lease.id, spent.nonce);
        let request = self.signing_request(set, spent).ok();
        let is_ours = |answer: &Answer| {
            *answer.presignature() == id
                && request.as_ref().is_none_or(|request| request.is_answered_by(answer))
        };
        let guilty: Vec<(u8, NodeFailure)> = parts
            .iter()
            .filter_map(|part| {
                let key = self.core.manifest.node(part.node)?.key;
                let node = u32::from(part.node);
                let said = statement::partial(&self.core.cluster_id, node, &nonce, &part.reply.partial);
                let problem = match Answer::decode(self.scheme, &part.reply.partial, None) {
                    _ if !said.verify(&key, &part.reply.node_signature) => "its answer is not signed by it",
                    Err(_) => "its answer does not decode",
                    Ok(answer) if !is_ours(&answer) => "its answer is to another request",
                    Ok(_) if fault.node == Some(part.node) => "its answer is not its share of the signature",
                    Ok(_) => return None,
                };
                Some((part.node, NodeFailure::Misbehaved(problem.into())))
            })
            .collect();
        let signed: Vec<u8> = parts.iter().map(|part| part.node).collect();
        self.core.log.error(format_args!(
            "signature {count} that failed its check: {}; presignature {} of key {}, answers of nodes {signed:?}, at fault {guilty:?}",
            fault.why,
            hex::encode(id),
            hex::encode(self.key_id),
        ));
        for (node, failure) in &guilty {
            self.core.nodes.failed(*node, failure);
        }
        if guilty.is_empty() || fault.node.is_some() {
            let parts = parts.iter().map(Part::as_signed).collect();
            self.core.complain(self.token, self.request(set, spent), parts);
        }
        if guilty.is_empty() {
            self.core.nodes.doubted(set);
            return Setback::Set;
        }
        Setback::Nodes(guilty)
    }
}

/// Why answers did not combine.
struct Unsigned {
    why: String,
    /// Whose answer is wrong, where that can be told.
    node: Option<u8>,
}

impl From<String> for Unsigned {
    fn from(why: String) -> Self {
        Self { why, node: None }
    }
}

/// Whether the node does not know the presignature.
pub(crate) fn is_gone(failure: &NodeFailure) -> bool {
    failure.code() == Some(Code::PresignatureGone)
}
