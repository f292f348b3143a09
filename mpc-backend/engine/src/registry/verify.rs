//! Signatures: who authored a command, and which nodes witnessed a birth. What passes becomes a type
//! that only this file constructs, and which the rules demand.

use std::collections::BTreeSet;

use prost::Message;
use proto::limits::{BIRTH_WINDOW, FORMAT};
use proto::registry::v1::{BirthCertificate, BirthStatement, Role, SignedCommand, author};
use proto::statement;

use super::{Id, PublicKey, Refusal, Registry, Trust};

/// Most signatures on one command: T of at most 9 operators, a client, a login, and room.
const SIGNATURES_MAX: usize = 16;
/// Curve of signing keys.
pub(crate) const P256: &str = "P-256";
/// Group of OPRF keys.
pub(crate) const RISTRETTO255: &str = "ristretto255";
/// Epoch of every key until refresh exists.
pub(crate) const FIRST_EPOCH: u64 = 1;

/// Those whose signatures on one command verified.
pub(super) struct Authors {
    threshold: usize,
    operators: BTreeSet<PublicKey>,
    clients: BTreeSet<PublicKey>,
    logins: BTreeSet<(Id, i32)>,
}

impl Authors {
    pub(super) fn operators_suffice(&self) -> bool {
        self.operators.len() >= self.threshold
    }

    pub(super) fn has_client(&self) -> bool {
        !self.clients.is_empty()
    }

    pub(super) fn is_security_officer_of(&self, token: &Id) -> bool {
        self.logins.contains(&(*token, Role::SecurityOfficer as i32))
    }

    pub(super) fn is_user_of(&self, token: &Id) -> bool {
        self.logins.contains(&(*token, Role::User as i32))
    }
}

/// Verifies every signature of a command. One bad signature refuses the command: an honest author
/// never sends one along.
pub(super) fn authors(registry: &Registry, signed: &SignedCommand) -> Result<Authors, Refusal> {
    if signed.signatures.len() > SIGNATURES_MAX {
        return Err(Refusal::TooLarge("list of signatures"));
    }
    let trust = registry.trust();
    let statement = statement::command(&trust.cluster_id, &signed.command);
    let mut authors = Authors {
        threshold: trust.threshold,
        operators: BTreeSet::new(),
        clients: BTreeSet::new(),
        logins: BTreeSet::new(),
    };
    for (position, signature) in signed.signatures.iter().enumerate() {
        let bad = Refusal::BadSignature(position);
        let kind = signature.author.as_ref().and_then(|author| author.kind.as_ref());
        let (key, fresh) = match kind.ok_or_else(|| bad.clone())? {
            author::Kind::OperatorKey(key) => {
                let key = *trust
                    .operators
                    .iter()
                    .find(|known| known.as_slice() == key.as_slice())
                    .ok_or_else(|| bad.clone())?;
                (key, authors.operators.insert(key))
            }
            author::Kind::ClientKey(key) => {
                let key = PublicKey::try_from(key.as_slice()).map_err(|_| bad.clone())?;
                if !registry.is_enrolled(&key) {
                    return Err(bad);
                }
                (key, authors.clients.insert(key))
            }
            author::Kind::Login(login) => {
                let token = Id::try_from(login.token_id.as_slice()).map_err(|_| bad.clone())?;
                let record = registry.login(&token, login.role()).ok_or_else(|| bad.clone())?;
                let key = PublicKey::try_from(record.login_key.as_slice()).map_err(|_| bad.clone())?;
                (key, authors.logins.insert((token, login.role)))
            }
        };
        if !fresh {
            return Err(Refusal::RepeatedAuthor(position));
        }
        if !statement.verify(&key, &signature.signature) {
            return Err(bad);
        }
    }
    Ok(authors)
}

/// A birth that all N nodes signed.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Birth(BirthStatement);

impl Birth {
    pub(crate) fn statement(&self) -> &BirthStatement {
        &self.0
    }
}

/// Verifies a birth certificate: all N nodes signed, and the statement is well formed.
pub(crate) fn birth(trust: &Trust, certificate: &BirthCertificate) -> Result<Birth, Refusal> {
    let statement = BirthStatement::decode(certificate.statement.as_slice())
        .map_err(|_| Refusal::Malformed("birth statement"))?;
    well_formed(trust, &statement)?;
    let mut missing: BTreeSet<u32> = (1..).take(trust.nodes.len()).collect();
    let hash = statement::birth(&certificate.statement);
    for signature in &certificate.signatures {
        let key = trust.node_key(signature.node).ok_or(Refusal::Birth("signed by an unknown node"))?;
        if !missing.remove(&signature.node) {
            return Err(Refusal::Birth("signed by a node twice"));
        }
        if !hash.verify(key, &signature.signature) {
            return Err(Refusal::Birth("a node's signature is not valid"));
        }
    }
    if !missing.is_empty() {
        return Err(Refusal::Birth("not signed by all nodes"));
    }
    Ok(Birth(statement))
}

/// What holds of every birth statement, whoever signed it.
pub(crate) fn well_formed(trust: &Trust, statement: &BirthStatement) -> Result<(), Refusal> {
    use proto::registry::v1::Purpose;
    if statement.format != FORMAT {
        return Err(Refusal::Format(statement.format));
    }
    if statement.cluster_id != trust.cluster_id {
        return Err(Refusal::WrongCluster);
    }
    let (curve, element_bytes) = match statement.purpose() {
        Purpose::SigningKey => (P256, 33),
        Purpose::LoginOprf => (RISTRETTO255, 32),
        Purpose::Unspecified => return Err(Refusal::Birth("no purpose")),
    };
    let sizes = statement.token_id.len() == 16
        && statement.key_id.len() == 16
        && statement.client_key.len() == 32
        && statement.transcript.len() == 32
        && statement.public_key.len() == element_bytes
        && statement.commitments.iter().all(|commitment| commitment.len() == element_bytes);
    if statement.curve != curve || !sizes {
        return Err(Refusal::Birth("wrong curve or sizes"));
    }
    if statement.commitments.len() != trust.threshold {
        return Err(Refusal::Birth("not T commitments"));
    }
    if statement.commitments.first() != Some(&statement.public_key) {
        return Err(Refusal::Birth("the first commitment is not the public key"));
    }
    if statement.epoch != FIRST_EPOCH {
        return Err(Refusal::Birth("unknown epoch"));
    }
    Ok(())
}

/// Whether a key that began at `base` may be recorded at `index`.
pub(crate) fn in_window(base: u64, index: u64) -> bool {
    base <= index && index <= base.saturating_add(BIRTH_WINDOW)
}
