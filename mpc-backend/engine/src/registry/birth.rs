//! Birth certificates: what they must say, and that every node signed them.

use std::collections::BTreeSet;

use prost::Message;
use proto::limits::{BIRTH_WINDOW, FORMAT};
use proto::registry::v1::{BirthCertificate, BirthStatement, Purpose, Role};
use proto::statement;
use threshold::dkg::DkgCurve;
use threshold::dprf;
use threshold::ecdh::AgreementCurve;
use threshold::rsa::generate::Wanted;
use threshold::signing::SigningCurve;

use super::{Refusal, Registry, Trust};

/// Epoch of every key until refresh exists.
pub(crate) const FIRST_EPOCH: u64 = 1;

/// A birth that all N nodes signed; only [`verify`] makes one.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Birth(BirthStatement);

impl Birth {
    pub(crate) fn statement(&self) -> &BirthStatement {
        &self.0
    }
}

/// Verifies the birth certificate of a key that is to be recorded.
pub(crate) fn verify(trust: &Trust, certificate: &BirthCertificate) -> Result<Birth, Refusal> {
    let birth = verify_signed(trust, certificate)?;
    match birth.statement().instance.is_empty() {
        true => Ok(birth),
        false => Err(Refusal::Birth("a session key is not recorded")),
    }
}

/// Verifies a birth certificate: all N nodes signed, and the statement is well formed.
pub(crate) fn verify_signed(trust: &Trust, certificate: &BirthCertificate) -> Result<Birth, Refusal> {
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

/// What holds of every finished birth statement, whoever signed it.
fn well_formed(trust: &Trust, statement: &BirthStatement) -> Result<(), Refusal> {
    if statement.format != FORMAT {
        return Err(Refusal::Format(statement.format));
    }
    if statement.cluster_id != trust.cluster_id {
        return Err(Refusal::WrongCluster);
    }
    let kind = kind(statement).ok_or(Refusal::Birth("unknown purpose, or a key that it does not have"))?;
    let (key_bytes, commitment_bytes) = match kind {
        Kind::Group(group) => (group.element_bytes(), group.element_bytes()),
        Kind::Rsa(wanted) => (wanted.key_bytes(), 32),
    };
    let sizes = ids_have_sizes(statement)
        && statement.transcript.len() == 32
        && statement.public_key.len() == key_bytes
        && statement.commitments.iter().all(|commitment| commitment.len() == commitment_bytes);
    if !sizes {
        return Err(Refusal::Birth("wrong sizes"));
    }
    match kind {
        Kind::Group(_) if statement.commitments.len() != trust.threshold => {
            return Err(Refusal::Birth("not T commitments"));
        }
        Kind::Group(_) if statement.commitments.first() != Some(&statement.public_key) => {
            return Err(Refusal::Birth("the first commitment is not the public key"));
        }
        Kind::Rsa(_) if statement.commitments.len() != 1 => {
            return Err(Refusal::Birth("not one digest of public values"));
        }
        Kind::Group(_) | Kind::Rsa(_) => {}
    }
    if statement.epoch != FIRST_EPOCH {
        return Err(Refusal::Birth("unknown epoch"));
    }
    if statement.imported && statement.purpose() != Purpose::SigningKey {
        return Err(Refusal::Birth("only private keys are imported"));
    }
    Ok(())
}

/// What every node checks before it helps to generate a key.
pub(crate) fn check_request(registry: &Registry, statement: &BirthStatement) -> Result<(), &'static str> {
    let finished = !statement.public_key.is_empty()
        || !statement.commitments.is_empty()
        || !statement.transcript.is_empty();
    if kind(statement).is_none() || finished || statement.imported {
        return Err("birth with a wrong purpose or curve");
    }
    check_place(registry, statement)
}

/// What every node checks before it takes a share of a key that a client has split.
pub(crate) fn check_import(registry: &Registry, statement: &BirthStatement) -> Result<(), &'static str> {
    well_formed(registry.trust(), statement).map_err(|_| "imported birth that is not well formed")?;
    if !statement.imported || statement.purpose() != Purpose::SigningKey {
        return Err("birth that is no import of a private key");
    }
    check_place(registry, statement)
}

/// What holds before every birth: who asks, for which token, and that the id is free.
fn check_place(registry: &Registry, statement: &BirthStatement) -> Result<(), &'static str> {
    if statement.format != FORMAT || statement.cluster_id != *registry.cluster_id() {
        return Err("birth of another format or cluster");
    }
    if !ids_have_sizes(statement) || statement.epoch != FIRST_EPOCH {
        return Err("birth with wrong sizes or epoch");
    }
    if !registry.is_enrolled(&statement.client_key) {
        return Err("the client is not enrolled");
    }
    let token = registry.token(&statement.token_id).ok_or("the token does not exist")?;
    if registry.key(&statement.key_id).is_some() || registry.is_destroyed(&statement.key_id) {
        return Err("the key id is taken");
    }
    let nothing = statement.role() == Role::Unspecified && statement.pin_version == 0;
    match statement.purpose() {
        Purpose::SigningKey if token.so_login.is_none() => Err("the token is not initialised"),
        Purpose::SigningKey if statement.attributes_hash.len() == 32 && nothing => Ok(()),
        Purpose::LoginOprf if statement.attributes_hash.is_empty() => {
            let current = registry.login(&statement.token_id, statement.role());
            let next = current.map_or(0, |login| login.version) + 1;
            let known = statement.role() != Role::Unspecified && statement.pin_version == next;
            if known { Ok(()) } else { Err("not the next PIN version of a role") }
        }
        _ => Err("birth does not fit its purpose"),
    }
}

/// Whether a key that began at `base` may be recorded at `index`.
pub(super) fn in_window(base: u64, index: u64) -> bool {
    base <= index && index <= base.saturating_add(BIRTH_WINDOW)
}

fn ids_have_sizes(statement: &BirthStatement) -> bool {
    let instance = matches!(statement.instance.len(), 0 | 16);
    statement.token_id.len() == 16
        && statement.key_id.len() == 16
        && statement.client_key.len() == 32
        && instance
}

/// The curve of a signing key; `None` for another purpose, or a curve that we do not sign on.
pub(crate) fn signing_curve(statement: &BirthStatement) -> Option<SigningCurve> {
    SigningCurve::of_name(&statement.curve).filter(|_| statement.purpose() == Purpose::SigningKey)
}

/// The curve of a key that may agree on secrets; `None` for another purpose, or a curve that does not.
pub(crate) fn agreement_curve(statement: &BirthStatement) -> Option<AgreementCurve> {
    AgreementCurve::of_name(&statement.curve).filter(|_| statement.purpose() == Purpose::SigningKey)
}

/// What a key is, as its statement names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A share of it is a scalar of this group.
    Group(DkgCurve),
    /// An RSA key.
    Rsa(Wanted),
}

/// The kind that the statement names, if its purpose allows it.
pub(crate) fn kind(statement: &BirthStatement) -> Option<Kind> {
    let oprf = DkgCurve::Ristretto255;
    match statement.purpose() {
        Purpose::LoginOprf => Some(oprf).filter(|group| group.name() == statement.curve).map(Kind::Group),
        _ => signing_curve(statement)
            .map(SigningCurve::group)
            .or_else(|| agreement_curve(statement).map(AgreementCurve::group))
            .or_else(|| is_symmetric(statement).then_some(dprf::GROUP))
            .map(Kind::Group)
            .or_else(|| rsa(statement).map(Kind::Rsa)),
    }
}

/// Whether the key is one of the pseudorandom function, which symmetric encryption is made of.
pub(crate) fn is_symmetric(statement: &BirthStatement) -> bool {
    statement.purpose() == Purpose::SigningKey && statement.curve == dprf::NAME
}

/// Size and exponent of an RSA key; `None` for another purpose or key.
pub(crate) fn rsa(statement: &BirthStatement) -> Option<Wanted> {
    Wanted::of_name(&statement.curve).filter(|_| statement.purpose() == Purpose::SigningKey)
}
