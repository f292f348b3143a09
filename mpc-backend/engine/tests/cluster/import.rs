//! Import at the nodes: what each checks itself, and that a client which deals inconsistently makes no key.

use prost::Message;
use proto::client::v1::{Code, ImportRequest, request::Op, response::Result as Reply};
use proto::registry::v1::{Attribute, BirthCertificate, BirthStatement, NodeSignature, Purpose};
use proto::statement;
use rand_core::OsRng;
use threshold::dkg::DkgCurve;
use threshold::party::Threshold;
use threshold::secret::Secret;
use threshold::sharing::dealing::{Dealt, deal};
use threshold::signing::SigningCurve;

use crate::curves::{key_attributes_on, usual_scheme, verifies};
use crate::service::ready;
use crate::sim::Sim;
use crate::user::{Key, Outcome, User, party};

/// Attributes of an imported key.
pub fn attributes(curve: SigningCurve) -> Vec<Attribute> {
    let mut attributes = key_attributes_on(curve, true);
    attributes.iter_mut().find(|attribute| attribute.r#type == 0x163).unwrap().value = vec![0];
    attributes
}

pub fn dealt(curve: DkgCurve, key: u8) -> Dealt {
    let key = Secret::new(vec![key; curve.scalar_bytes()]);
    deal(curve, &key, Threshold::new(2, 3).unwrap(), &mut OsRng).unwrap()
}

/// What an honest client has all nodes sign.
pub fn finished(sim: &Sim, user: &User, id: [u8; 16], curve: SigningCurve, dealt: &Dealt) -> BirthStatement {
    BirthStatement {
        format: proto::limits::FORMAT,
        cluster_id: sim.manifest.cluster_id().to_vec(),
        purpose: Purpose::SigningKey.into(),
        token_id: user.token.to_vec(),
        key_id: id.to_vec(),
        curve: curve.name().into(),
        public_key: dealt.public_key.clone(),
        commitments: dealt.commitments.clone(),
        attributes_hash: statement::attributes_hash(&attributes(curve)).to_vec(),
        transcript: vec![7; 32],
        base_index: sim.log.len() as u64,
        epoch: 1,
        client_key: user.public().to_vec(),
        imported: true,
        ..BirthStatement::default()
    }
}

/// Sends one node its share; its signature.
fn give(
    sim: &mut Sim,
    user: &mut User,
    node: u8,
    said: &BirthStatement,
    dealt: &Dealt,
) -> Outcome<NodeSignature> {
    let (_, share) = dealt.shares.iter().find(|(at, _)| *at == party(node)).unwrap();
    give_share(sim, user, node, said, share.expose())
}

/// Sends one node these bytes as its share; its signature.
pub fn give_share(
    sim: &mut Sim,
    user: &mut User,
    node: u8,
    said: &BirthStatement,
    share: &[u8],
) -> Outcome<NodeSignature> {
    let request =
        ImportRequest { statement: said.encode_to_vec(), share: share.to_vec(), attributes: Vec::new() };
    match user.call(sim, node, Op::Import(request))? {
        Reply::Import(reply) => Ok(NodeSignature { node: node.into(), signature: reply.signature }),
        _ => panic!("another answer"),
    }
}

/// Records the key.
pub fn record(
    sim: &mut Sim,
    user: &mut User,
    said: &BirthStatement,
    signatures: Vec<NodeSignature>,
    attributes: &[Attribute],
) -> Outcome<Key> {
    let id = said.key_id.clone().try_into().unwrap();
    let birth = BirthCertificate { statement: said.encode_to_vec(), signatures };
    user.record(sim, 1, id, attributes, birth)
}

#[test]
fn an_imported_key_signs_with_every_quorum_of_every_curve() {
    let (mut sim, mut user, _) = ready(60);
    for (number, curve) in (2..).zip(SigningCurve::ALL) {
        let dealt = dealt(curve.group(), 5);
        let said = finished(&sim, &user, [number; 16], curve, &dealt);
        let signatures =
            [1, 2, 3].map(|node| give(&mut sim, &mut user, node, &said, &dealt).unwrap()).to_vec();
        let key = record(&mut sim, &mut user, &said, signatures, &attributes(curve)).unwrap();
        for quorum in [[1, 2], [1, 3], [2, 3]] {
            let digest = vec![9; curve.group().scalar_bytes()];
            let signature = user.sign(&mut sim, &key, quorum, &digest).unwrap();
            assert!(verifies(key.scheme, &dealt.public_key, &digest, &signature));
        }
    }
}

/// Different polynomials for different nodes: each share fits what its node was told, and there is no key.
#[test]
fn inconsistent_commitments_make_no_certificate() {
    let (mut sim, mut user, _) = ready(61);
    let (one, other) = (dealt(DkgCurve::P256, 5), dealt(DkgCurve::P256, 5));
    let curve = SigningCurve::P256;
    let said = finished(&sim, &user, [9; 16], curve, &one);
    let otherwise = finished(&sim, &user, [9; 16], curve, &other);
    let mut signatures: Vec<NodeSignature> =
        [1, 2].map(|node| give(&mut sim, &mut user, node, &said, &one).unwrap()).to_vec();
    signatures.push(give(&mut sim, &mut user, 3, &otherwise, &other).unwrap());
    for said in [said, otherwise] {
        let refused = record(&mut sim, &mut user, &said, signatures.clone(), &attributes(curve));
        assert_eq!(refused.err().unwrap().code(), Code::Forbidden);
        assert!(sim.node(1).engine.as_ref().unwrap().registry().key(&said.key_id).is_none());
    }
    // What nodes hold of it serves nothing.
    let birth = finished(&sim, &user, [9; 16], curve, &one);
    let key = Key { id: [9; 16], birth, scheme: usual_scheme(curve) };
    assert_eq!(user.lease(&mut sim, &key, [1, 2]).unwrap_err().code(), Code::NotFound);
}

#[test]
fn without_a_node_there_is_no_key() {
    let (mut sim, mut user, _) = ready(62);
    let dealt = dealt(DkgCurve::P256, 5);
    let said = finished(&sim, &user, [9; 16], SigningCurve::P256, &dealt);
    let two = [1, 2].map(|node| give(&mut sim, &mut user, node, &said, &dealt).unwrap()).to_vec();
    let refused = record(&mut sim, &mut user, &said, two, &attributes(SigningCurve::P256));
    assert_eq!(refused.err().unwrap().code(), Code::Forbidden);
}

/// The marks of an imported key are not the client's to leave out.
#[test]
fn an_imported_key_is_marked_at_every_node() {
    let (mut sim, mut user, _) = ready(63);
    let curve = SigningCurve::P256;
    let dealt = dealt(DkgCurve::P256, 5);
    let mut number = 20;
    let mut with = |change: fn(&mut Vec<Attribute>)| {
        number += 1;
        let mut own = attributes(curve);
        change(&mut own);
        let mut said = finished(&sim, &user, [number; 16], curve, &dealt);
        said.attributes_hash = statement::attributes_hash(&own).to_vec();
        let signatures =
            [1, 2, 3].map(|node| give(&mut sim, &mut user, node, &said, &dealt).unwrap()).to_vec();
        record(&mut sim, &mut user, &said, signatures, &own).map(drop)
    };
    assert!(with(|_| {}).is_ok());
    assert!(with(|own| mark(own, 0x163, 1)).is_err(), "CKA_LOCAL");
    assert!(with(|own| mark(own, 0x164, 1)).is_err(), "CKA_NEVER_EXTRACTABLE");
    assert!(with(|own| mark(own, 0x165, 1)).is_err(), "CKA_ALWAYS_SENSITIVE");
    assert!(with(|own| mark(own, 0x165, 0)).is_ok());
}

fn mark(own: &mut Vec<Attribute>, kind: u64, value: u8) {
    own.retain(|attribute| attribute.r#type != kind);
    own.push(Attribute { r#type: kind, value: vec![value] });
    own.sort_by_key(|attribute| attribute.r#type);
}

#[test]
fn a_node_checks_an_import_itself() {
    let (mut sim, mut user, key) = ready(64);
    let dealt = dealt(DkgCurve::P256, 5);
    let mut number = 100;
    let mut refused = |change: fn(&mut BirthStatement), node: u8| {
        number += 1;
        let mut said = finished(&sim, &user, [number; 16], SigningCurve::P256, &dealt);
        change(&mut said);
        if said.key_id == [0; 16] {
            said.key_id = key.id.to_vec();
        }
        let (_, share) = &dealt.shares[usize::from(node) - 1];
        let (statement, share) = (said.encode_to_vec(), share.expose().clone());
        let request = ImportRequest { statement, share, attributes: Vec::new() };
        let error = user.call(&mut sim, 1, Op::Import(request)).map(drop).unwrap_err();
        (error.code(), error.message)
    };
    // Another node's share.
    let (code, message) = refused(|_| {}, 2);
    assert_eq!((code, message.contains("commitments")), (Code::InvalidArgument, true), "{message}");
    for change in [
        (|said| said.imported = false) as fn(&mut BirthStatement),
        |said| said.purpose = Purpose::LoginOprf.into(),
        |said| said.curve = "P-521".into(),
        |said| said.curve = "ristretto255".into(),
        |said| said.public_key[0] ^= 1,
        |said| said.commitments.truncate(1),
        |said| said.commitments.push(said.commitments[1].clone()),
        |said| said.commitments.reverse(),
        |said| said.transcript.clear(),
        |said| said.epoch = 2,
        |said| said.base_index = 1 << 40,
        |said| said.client_key[0] ^= 1,
        |said| said.cluster_id[0] ^= 1,
        |said| said.format = 2,
        |said| said.key_id = vec![0; 16],
        |said| said.pin_version = 1,
    ] {
        let (code, message) = refused(change, 1);
        assert!([Code::Forbidden, Code::InvalidArgument].contains(&code), "{message}");
    }
    let (code, _) = refused(|said| said.token_id = vec![9; 16], 1);
    assert_eq!(code, Code::NotLoggedIn);
}
