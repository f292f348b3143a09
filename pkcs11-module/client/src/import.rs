//! Import: this process splits a key that exists, every node holds its share against the same commitments, and the
//! certificate of all N makes it a key. Afterwards nothing of it is left here.

use prost::Message;
use proto::client::v1::{ImportRequest, KeepImportRequest, request, response};
use proto::limits::FORMAT;
use proto::manifest::NodeEntry;
use proto::registry::v1::{Attribute, BirthCertificate, BirthStatement, NewObject, NodeSignature, Purpose};
use proto::statement;
use rand_core::{OsRng, RngCore};
use threshold::party::{PartyIndex, Threshold};
use threshold::rsa;
use threshold::rsa::generate::Wanted;
use threshold::secret::Secret;
use threshold::sharing::dealing::{Dealt, deal};
use threshold::sharing::replicated::Pieces;
use token::backend::{BackendError, BackendResult, ObjectRecord, PrivateKeyImport, PrivateValue, TokenId};

use crate::call::Terms;
use crate::commands::new_object_id;
use crate::connect::Answer;
use crate::core::Core;
use crate::deadline::Deadline;
use crate::failure::NodeFailure;
use crate::record::{is_of_session, to_group, to_wire};
use crate::registry::Registry;
use crate::session_keys::SessionKeys;

impl Registry {
    /// Splits the key among all nodes and records it.
    pub(crate) fn import_private_key(
        &self,
        core: &Core,
        session_keys: &SessionKeys,
        token: TokenId,
        import: PrivateKeyImport,
    ) -> BackendResult<ObjectRecord> {
        if core.logins.get(token).is_none() {
            return Err(BackendError::NotLoggedIn);
        }
        let PrivateKeyImport { value, private } = import;
        let internal = |what: &dyn std::fmt::Display| BackendError::Internal(what.to_string());
        let parties = u8::try_from(core.manifest.nodes.len()).map_err(|error| internal(&error))?;
        let threshold = Threshold::new(core.manifest.threshold, parties).map_err(|error| internal(&error))?;
        let Split { name, public_key, commitments, shares } = split(value, threshold)?;
        // Splitting a large key among many nodes takes a while; what waits is what comes now.
        let deadline = core.start()?;
        if core.nodes.registry_index() == 0 {
            core.agreed_tokens(deadline)?;
        }
        let (id, attributes) = (new_object_id(), to_wire(&private));
        let of_session = is_of_session(&private);
        let mut session = [0; 32];
        OsRng.fill_bytes(&mut session);
        let statement = BirthStatement {
            format: FORMAT,
            cluster_id: core.cluster_id.to_vec(),
            purpose: Purpose::SigningKey.into(),
            token_id: token.0.to_vec(),
            key_id: id.0.to_vec(),
            curve: name,
            public_key,
            commitments,
            attributes_hash: statement::attributes_hash(&attributes).to_vec(),
            transcript: session.to_vec(),
            base_index: core.nodes.registry_index(),
            epoch: FIRST_EPOCH,
            client_key: core.identity.public().to_vec(),
            instance: if of_session { core.instance.to_vec() } else { Vec::new() },
            imported: true,
            ..BirthStatement::default()
        }
        .encode_to_vec();
        let early = if of_session { attributes.clone() } else { Vec::new() };
        let certified =
            core.certify_import(token, &statement, (shares, early), deadline).and_then(|signatures| {
                let birth = BirthCertificate { statement, signatures };
                if of_session {
                    core.keep_import(token, &birth, deadline)?;
                }
                Ok(birth)
            });
        if certified.is_err() && of_session {
            // Some nodes may hold it all the same.
            session_keys.destroy(core, &[id], deadline);
        }
        let object = NewObject { object_id: id.0.to_vec(), attributes, birth: Some(certified?) };
        if of_session {
            return session_keys.keep(core, token, &object, deadline);
        }
        let records = self.create(core, token, vec![object], deadline)?;
        records.into_iter().next().ok_or_else(|| internal(&"no record was made"))
    }
}

impl Core {
    /// Gives each node its share; what all of them sign.
    fn certify_import(
        &self,
        token: TokenId,
        statement: &[u8],
        (shares, attributes): (Shares, Vec<Attribute>),
        deadline: Deadline,
    ) -> BackendResult<Vec<NodeSignature>> {
        let terms =
            Terms { token: Some(token), min_registry_index: self.read_floor(), repeatable: false, deadline };
        let ask = |(party, share): &(PartyIndex, Secret<Vec<u8>>)| {
            let (statement, share) = (statement.to_vec(), share.expose().clone());
            let request = ImportRequest { statement, share, attributes: attributes.clone() };
            (party.get(), request::Op::Import(request))
        };
        let requests = shares.iter().map(ask).collect();
        let said = self.ask(requests, terms);
        drop(shares);
        let mut signatures = Vec::with_capacity(said.len());
        let mut failed = Vec::new();
        for (node, outcome) in said {
            let signed = outcome.and_then(|answer| {
                let misbehaved = |what: &str| NodeFailure::Misbehaved(what.into());
                let response::Result::Import(reply) = answer.result else {
                    return Err(misbehaved("answered another question"));
                };
                let key = self.manifest.node(node).map(|node| node.key);
                let said = statement::birth(statement);
                match key.is_some_and(|key| said.verify(&key, &reply.signature)) {
                    true => Ok(NodeSignature { node: node.into(), signature: reply.signature }),
                    false => Err(misbehaved("its signature of an imported key is not valid")),
                }
            });
            match signed {
                Ok(signature) => signatures.push(signature),
                Err(failure) => failed.push((node, failure)),
            }
        }
        for (node, failure) in &failed {
            self.log.warn(format_args!("node {node} took no part in importing a key: {failure}"));
            if matches!(failure, NodeFailure::Misbehaved(_)) {
                self.nodes.failed(*node, failure);
            }
        }
        match failed.split_first() {
            None if signatures.len() == self.manifest.nodes.len() => Ok(signatures),
            None => Err(BackendError::Unavailable("importing a key needs all nodes".into())),
            Some(((node, failure), [])) if failure.code().is_some() => Err(failure.to_backend(*node)),
            Some(_) => {
                let each: Vec<String> =
                    failed.iter().map(|(node, failure)| format!("node {node}: {failure}")).collect();
                Err(BackendError::Unavailable(format!(
                    "importing a key needs all nodes; {}",
                    each.join("; ")
                )))
            }
        }
    }
}

impl Core {
    /// Shows all nodes that each of them signed the statement of an imported session key.
    fn keep_import(&self, token: TokenId, birth: &BirthCertificate, deadline: Deadline) -> BackendResult<()> {
        let keep = KeepImportRequest { birth: Some(birth.clone()) };
        let request = |node: &NodeEntry| (node.index, request::Op::KeepImport(keep.clone()));
        let requests = self.manifest.nodes.iter().map(request).collect();
        let terms =
            Terms { token: Some(token), min_registry_index: self.read_floor(), repeatable: true, deadline };
        self.ask(requests, terms).into_iter().try_for_each(|(node, said)| match said {
            Ok(Answer { result: response::Result::KeepImport(_), .. }) => Ok(()),
            Ok(_) => Err(BackendError::Internal(format!("node {node} answered another question"))),
            Err(failure) => Err(failure.to_backend(node)),
        })
    }
}

/// Each node's share of a key.
type Shares = Vec<(PartyIndex, Secret<Vec<u8>>)>;

/// A private key in shares, and what its birth statement says of it.
struct Split {
    name: String,
    public_key: Vec<u8>,
    commitments: Vec<Vec<u8>>,
    shares: Shares,
}

/// Splits a key, of which nothing is left here afterwards.
fn split(value: PrivateValue, threshold: Threshold) -> BackendResult<Split> {
    match value {
        PrivateValue::Curve { curve, mut scalar } => {
            let (key, curve) = (Secret::new(std::mem::take(&mut *scalar)), to_group(curve));
            let dealt = deal(curve, &key, threshold, &mut OsRng);
            let Dealt { public_key, commitments, shares } = dealt.map_err(|_| BackendError::KeyInvalid)?;
            Ok(Split { name: curve.name().into(), public_key, commitments, shares })
        }
        PrivateValue::Rsa { modulus, exponent, private_exponent, primes } => {
            let invalid = |_| BackendError::KeyInvalid;
            let exponent = rsa::Exponent::new(exponent.as_bytes()).map_err(invalid)?;
            let key = rsa::PublicKey::new(&modulus, exponent).map_err(invalid)?;
            let wanted = Wanted::of_name(&Wanted { bits: 8 * key.bytes(), exponent }.name());
            let wanted = wanted.ok_or(BackendError::KeyInvalid)?;
            let layout =
                Pieces::new(threshold).map_err(|misuse| BackendError::Internal(misuse.to_string()))?;
            let primes = primes.as_ref().map(|[p, q]| [p.as_slice(), q.as_slice()]);
            let private = rsa::import::PrivateKey { exponent: &private_exponent, primes };
            let (shares, values) =
                rsa::import::split(&key, &private, &layout, &mut OsRng).map_err(invalid)?;
            let encode = |share| Secret::new(std::mem::take(&mut *rsa::Stored::encode(share, &values)));
            Ok(Split {
                name: wanted.name(),
                public_key: key.encode(),
                commitments: vec![values.digest(&key).to_vec()],
                shares: threshold.all().iter().zip(shares.iter().map(encode)).collect(),
            })
        }
    }
}

/// Epoch of every key until refresh exists.
const FIRST_EPOCH: u64 = 1;
