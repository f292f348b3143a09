//! New keys: all N nodes generate, then the records are created.

use std::time::Duration;

use proto::client::v1::{Code, GenerateRequest, request, response};
use proto::registry::v1::{BirthCertificate, NewObject, Purpose};
use proto::statement;
use threshold::rsa::Exponent;
use threshold::rsa::generate::Wanted;
use token::backend::{
    BackendError, BackendResult, GeneratedPair, KeyPairRequest, KeySpec, ObjectId, PublicHalf, TokenId,
};

use crate::birth::{self, Birth, BirthFault};
use crate::call::{Setback, Terms, wrong_kind};
use crate::commands::new_object_id;
use crate::core::Core;
use crate::deadline::Deadline;
use crate::failure::NodeFailure;
use crate::record::{public_half, to_group, to_wire};
use crate::registry::Registry;
use crate::session_keys::SessionKeys;

impl Core {
    /// Has all nodes generate a key under an id of the client's; any node coordinates. Answers with the certificate,
    /// checked and as received. `tried` gets the id of each attempt.
    pub(crate) fn generate(
        &self,
        asked: GenerateRequest,
        token: Option<TokenId>,
        deadline: Deadline,
        tried: &mut Vec<ObjectId>,
    ) -> BackendResult<(Birth, BirthCertificate)> {
        let patience = deadline.at_most(PATIENCE);
        self.with_quorum(1, deadline, |set, _| {
            // A node that kept its share of the last attempt refuses another under that id.
            let id = new_object_id();
            tried.push(id);
            let asked = GenerateRequest { key_id: id.0.to_vec(), ..asked.clone() };
            let requests = set.iter().map(|node| (*node, request::Op::Generate(asked.clone()))).collect();
            // The coordinator waits for all nodes, so it is given all the time there is. Shares that nobody records
            // are dropped.
            let terms = Terms { token, min_registry_index: self.read_floor(), repeatable: false, deadline };
            let answers = Self::all_answered(self.ask(requests, terms))
                .map_err(|setback| final_if_full(setback, !asked.attributes.is_empty()))
                .map_err(|setback| final_if_a_node_is_missing(setback, patience))?;
            let Some((node, answer)) = answers.into_iter().next() else { return Err(Setback::Set) };
            let response::Result::Generate(reply) = answer.result else { return Err(wrong_kind(node)) };
            let birth = self
                .check_newborn(&asked, reply.birth.as_ref())
                .map_err(|fault| Setback::Nodes(vec![(node, NodeFailure::Misbehaved(fault.to_string()))]))?;
            Ok((birth, reply.birth.unwrap_or_default()))
        })
    }

    /// A new key is believed only when all N nodes signed that they hold their share of it.
    fn check_newborn(
        &self,
        asked: &GenerateRequest,
        certificate: Option<&BirthCertificate>,
    ) -> Result<Birth, BirthFault> {
        let token: &[u8; 16] = asked.token_id.as_slice().try_into().map_err(|_| BirthFault::Malformed)?;
        let birth = birth::verify(&self.manifest, certificate, self.manifest.nodes.len())?;
        birth.is_for(asked.purpose(), token, &asked.key_id)?;
        let statement = birth.statement();
        let ours = statement.curve == asked.curve
            && statement.attributes_hash == asked.attributes_hash
            && statement.client_key == self.identity.public()
            && !statement.imported
            && statement.instance == if asked.attributes.is_empty() { &[][..] } else { &self.instance };
        if ours { Ok(birth) } else { Err(BirthFault::OtherKey) }
    }
}

/// A node that holds as many session keys as it may is not asked again, nor are others: they hold the same.
fn final_if_full(setback: Setback, is_session_key: bool) -> Setback {
    let Setback::Nodes(failures) = setback else { return setback };
    let full = failures.iter().find(|(_, failure)| failure.code() == Some(Code::ResourceExhausted));
    match full {
        Some((node, failure)) if is_session_key => {
            Setback::Final(BackendError::Full(format!("node {node}: {failure}")))
        }
        _ => Setback::Nodes(failures),
    }
}

/// Generation needs every node: what one coordinator misses, the others miss too. A node that is
/// just starting is waited for, but not for as long as the application would wait.
fn final_if_a_node_is_missing(setback: Setback, patience: Deadline) -> Setback {
    let Setback::Nodes(failures) = setback else { return setback };
    let missing = failures.iter().find(|(_, failure)| failure.code() == Some(Code::Unavailable));
    match missing {
        Some((node, failure)) if patience.is_over() => Setback::Final(failure.to_backend(*node)),
        _ => Setback::Nodes(failures),
    }
}

/// How long a generation waits for a node that is missing.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a call that generates an RSA key may take, at least: it has as many batches of candidates as it takes.
const fn rsa_limit(bits: u16) -> Duration {
    Duration::from_secs(if bits <= 2048 { 180 } else { 600 })
}

impl Registry {
    /// Generates a key pair and records it, but for what belongs to a session.
    pub(crate) fn generate_key_pair(
        &self,
        core: &Core,
        session_keys: &SessionKeys,
        token: TokenId,
        wanted: KeyPairRequest,
    ) -> BackendResult<GeneratedPair> {
        let mut deadline = core.start()?;
        let KeyPairRequest { kind, mut public, private, public_on_token, private_on_token } = wanted;
        let name = match kind {
            KeySpec::Curve(curve) => to_group(curve).name().to_owned(),
            KeySpec::Rsa { bits, exponent } => {
                deadline = deadline.at_least(rsa_limit(bits));
                let exponent = Exponent::new(exponent.as_bytes()).ok().filter(Exponent::is_prime);
                Wanted { bits: bits.into(), exponent: exponent.ok_or(BackendError::KeyInvalid)? }.name()
            }
        };
        let private = to_wire(&private);
        let asked = GenerateRequest {
            purpose: Purpose::SigningKey.into(),
            token_id: token.0.to_vec(),
            key_id: Vec::new(),
            curve: name,
            attributes_hash: statement::attributes_hash(&private).to_vec(),
            role: 0,
            pin_version: 0,
            attributes: if private_on_token { Vec::new() } else { private.clone() },
        };
        let mut tried = Vec::new();
        let newborn = core.generate(asked, Some(token), deadline, &mut tried);
        let id = tried.pop_if(|_| newborn.is_ok());
        if !private_on_token && !tried.is_empty() {
            // Some nodes may hold what failed.
            session_keys.destroy(core, &tried, deadline);
        }
        let (birth, certificate) = newborn?;
        let id = id.ok_or_else(|| BackendError::Internal("no key was asked for".into()))?;
        let half = public_half(&birth).map_err(|fault| BackendError::Internal(fault.to_string()))?;
        half.complete_public(&mut public);
        let private = NewObject { object_id: id.0.to_vec(), attributes: private, birth: Some(certificate) };
        let public_object = public_on_token.then(|| NewObject {
            object_id: new_object_id().0.to_vec(),
            attributes: to_wire(&public),
            birth: None,
        });
        let nothing = || BackendError::Internal("no record was made".into());
        let (private, records) = if private_on_token {
            let objects = [private].into_iter().chain(public_object).collect();
            let mut records = self.create(core, token, objects, deadline)?.into_iter();
            (records.next().ok_or_else(nothing)?, records)
        } else {
            let record = session_keys.keep(core, token, &private, deadline)?;
            let created = match public_object {
                None => Ok(Vec::new()),
                Some(public) => self.create(core, token, vec![public], deadline),
            };
            (record, created.inspect_err(|_| session_keys.destroy(core, &[id], deadline))?.into_iter())
        };
        let mut records = records;
        let public = records.next().map_or(PublicHalf::Session(public), PublicHalf::Token);
        Ok(GeneratedPair { private, public })
    }
}
