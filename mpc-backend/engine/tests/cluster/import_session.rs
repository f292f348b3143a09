//! Import of a session key: no node lets it serve before it has seen that all of them signed one statement.

use prost::Message;
use proto::client::v1::{
    Code, HoldKeysRequest, ImportRequest, KeepImportRequest, request::Op, response::Result as Reply,
};
use proto::registry::v1::{Attribute, BirthCertificate, BirthStatement, NodeSignature};
use proto::statement;
use threshold::dkg::DkgCurve;
use threshold::sharing::dealing::Dealt;
use threshold::signing::SigningCurve;

use crate::curves::{usual_scheme, verifies};
use crate::import::{attributes, dealt, finished};
use crate::service::ready;
use crate::session_keys::of_session;
use crate::sim::Sim;
use crate::user::{Key, Outcome, User};

const SETS: [[u8; 2]; 3] = [[1, 2], [1, 3], [2, 3]];
const CURVE: SigningCurve = SigningCurve::P256;

fn of_a_session() -> Vec<Attribute> {
    of_session(attributes(CURVE))
}

/// What an honest client has all nodes sign.
fn said(sim: &Sim, user: &User, dealt: &Dealt) -> BirthStatement {
    BirthStatement {
        instance: user.instance.to_vec(),
        attributes_hash: statement::attributes_hash(&of_a_session()).to_vec(),
        ..finished(sim, user, [9; 16], CURVE, dealt)
    }
}

/// Sends one node its share; its signature.
fn give(
    sim: &mut Sim,
    user: &mut User,
    node: u8,
    (said, attributes): (&BirthStatement, Vec<Attribute>),
    dealt: &Dealt,
) -> Outcome<NodeSignature> {
    let (_, share) = &dealt.shares[usize::from(node) - 1];
    let request =
        ImportRequest { statement: said.encode_to_vec(), share: share.expose().clone(), attributes };
    match user.call(sim, node, Op::Import(request))? {
        Reply::Import(reply) => Ok(NodeSignature { node: node.into(), signature: reply.signature }),
        _ => panic!("another answer"),
    }
}

fn keep(sim: &mut Sim, user: &mut User, node: u8, birth: &BirthCertificate) -> Outcome<()> {
    user.call(sim, node, Op::KeepImport(KeepImportRequest { birth: Some(birth.clone()) })).map(drop)
}

/// A cluster, a user, and a key that all nodes hold and none has seen the certificate of.
fn held(seed: u64) -> (Sim, User, Key, BirthCertificate) {
    let (mut sim, mut user, _) = ready(seed);
    let (key, certificate) = held_by(&mut sim, &mut user);
    (sim, user, key, certificate)
}

/// A key that all nodes hold for this user and none has seen the certificate of.
pub fn held_by(sim: &mut Sim, user: &mut User) -> (Key, BirthCertificate) {
    let dealt = dealt(DkgCurve::P256, 5);
    let birth = said(sim, user, &dealt);
    let give = |node| give(sim, user, node, (&birth, of_a_session()), &dealt).unwrap();
    let signatures = [1, 2, 3].map(give).to_vec();
    let certificate = BirthCertificate { statement: birth.encode_to_vec(), signatures };
    (Key { id: [9; 16], birth, scheme: usual_scheme(CURVE) }, certificate)
}

fn code<T>(outcome: Outcome<T>) -> Code {
    outcome.err().map_or(Code::Unspecified, |error| error.code())
}

#[test]
fn it_serves_its_process_once_every_node_has_seen_the_certificate() {
    let (mut sim, mut user, key, certificate) = held(70);
    let commands = sim.log.len();
    for node in 1..=3 {
        assert_ne!(code(user.sign(&mut sim, &key, [1, 2], &[1; 32])), Code::Unspecified, "before all");
        keep(&mut sim, &mut user, node, &certificate).unwrap();
        keep(&mut sim, &mut user, node, &certificate).unwrap();
        if node == 2 {
            break;
        }
    }
    keep(&mut sim, &mut user, 3, &certificate).unwrap();
    for set in SETS {
        let signature = user.sign(&mut sim, &key, set, &[1; 32]).unwrap();
        assert!(verifies(key.scheme, &key.birth.public_key, &[1; 32], &signature));
    }
    assert_eq!(sim.log.len(), commands, "the registry heard of it");
    assert!(sim.nodes.iter().all(|node| !node.store.keys().any(|(_, name)| name.as_slice() == key.id)));
    for node in 1..=3 {
        let hold = HoldKeysRequest { destroyed: vec![key.id.to_vec()] };
        user.call(&mut sim, node, Op::HoldKeys(hold)).unwrap();
    }
    assert_eq!(code(user.sign(&mut sim, &key, [1, 2], &[1; 32])), Code::NotFound);
}

/// Different polynomials for different nodes: each share fits what its node was told, and none serves.
#[test]
fn inconsistent_commitments_make_no_certificate() {
    let (mut sim, mut user, _) = ready(71);
    let (one, other) = (dealt(DkgCurve::P256, 5), dealt(DkgCurve::P256, 5));
    let (birth, otherwise) = (said(&sim, &user, &one), said(&sim, &user, &other));
    let mut signatures =
        [1, 2].map(|node| give(&mut sim, &mut user, node, (&birth, of_a_session()), &one).unwrap()).to_vec();
    signatures.push(give(&mut sim, &mut user, 3, (&otherwise, of_a_session()), &other).unwrap());
    for said in [&birth, &otherwise] {
        let certificate =
            BirthCertificate { statement: said.encode_to_vec(), signatures: signatures.clone() };
        for node in 1..=3 {
            assert_eq!(code(keep(&mut sim, &mut user, node, &certificate)), Code::Forbidden);
        }
    }
    let key = Key { id: [9; 16], birth, scheme: usual_scheme(CURVE) };
    for set in SETS {
        assert_ne!(code(user.sign(&mut sim, &key, set, &[1; 32])), Code::Unspecified);
    }
}

#[test]
fn a_node_believes_no_other_certificate() {
    let (mut sim, mut user, key, good) = held(72);
    let with = |change: fn(&mut BirthCertificate)| {
        let mut bad = good.clone();
        change(&mut bad);
        bad
    };
    let recorded = {
        let id = user.fresh().to_be_bytes().repeat(2).try_into().unwrap();
        let attributes = crate::user::key_attributes(true);
        let request = user.key_request(id, &attributes);
        user.generate(&mut sim, 1, request).unwrap()
    };
    for bad in [
        with(|certificate| drop(certificate.signatures.pop())),
        with(|certificate| certificate.signatures[0].signature[0] ^= 1),
        with(|certificate| certificate.signatures[0].node = 2),
        with(|certificate| certificate.signatures.push(certificate.signatures[0].clone())),
        with(|certificate| certificate.statement.truncate(20)),
        recorded,
    ] {
        assert_ne!(code(keep(&mut sim, &mut user, 1, &bad)), Code::Unspecified);
    }
    assert_eq!(
        code(user.call(&mut sim, 1, Op::KeepImport(KeepImportRequest { birth: None }))),
        Code::InvalidArgument
    );
    // The certificate is right, but it is another process that shows it.
    let own = std::mem::replace(&mut user.instance, [77; 16]);
    user.connect(&mut sim);
    user.login(&mut sim);
    assert_eq!(code(keep(&mut sim, &mut user, 1, &good)), Code::NotFound);
    assert_ne!(code(user.sign(&mut sim, &key, [1, 2], &[1; 32])), Code::Unspecified);
    user.instance = own;
    user.connect(&mut sim);
    user.login(&mut sim);
    (1..=3).for_each(|node| keep(&mut sim, &mut user, node, &good).unwrap());
    user.sign(&mut sim, &key, [1, 2], &[1; 32]).unwrap();
}

#[test]
fn a_node_checks_whose_it_is_and_what_it_may() {
    let (mut sim, mut user, _) = ready(73);
    let dealt = dealt(DkgCurve::P256, 5);
    let good = said(&sim, &user, &dealt);
    let other_process = BirthStatement { instance: vec![77; 16], ..good.clone() };
    let recorded = BirthStatement { instance: Vec::new(), ..good.clone() };
    let generated = BirthStatement { imported: false, ..good.clone() };
    let local = {
        let mut local = of_a_session();
        local.iter_mut().find(|attribute| attribute.r#type == 0x163).unwrap().value = vec![1];
        local
    };
    let says_local =
        BirthStatement { attributes_hash: statement::attributes_hash(&local).to_vec(), ..good.clone() };
    for (said, attributes) in [
        (&other_process, of_a_session()),
        (&recorded, of_a_session()),
        (&generated, of_a_session()),
        (&good, Vec::new()),
        (&good, attributes(CURVE)),
        (&says_local, local),
    ] {
        assert_eq!(
            code(give(&mut sim, &mut user, 1, (said, attributes), &dealt)),
            Code::Forbidden,
            "{said:?}"
        );
    }
    // Another node's share.
    let shifted = Dealt { shares: dealt.shares.into_iter().rev().collect(), ..dealt };
    assert_eq!(code(give(&mut sim, &mut user, 1, (&good, of_a_session()), &shifted)), Code::InvalidArgument);
}
