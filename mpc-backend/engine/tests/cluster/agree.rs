//! Key agreement at the nodes: who may ask, what each answers, and that the answers are the secret.

use curve25519_dalek::montgomery::MontgomeryPoint;
use proto::client::v1::{Code, DeriveRequest};
use proto::statement;
use threshold::ecdh::{AgreementCurve, Request, combine};
use threshold::group::{Curve, P256, P384, Point, Secp256k1, curve25519};
use threshold::party::{SignerSet, Threshold};
use threshold::signing::SigningCurve;

use crate::curves::{key_attributes_on, x25519_attributes};
use crate::service::ready;
use crate::sim::Sim;
use crate::user::{Key, User, party};

/// A point of the curve with this logarithm, and the x-coordinate of its product with the key.
fn peer<C: Curve>(key: &Key, own: [u8; 32]) -> (Vec<u8>, Vec<u8>) {
    let own = C::reduce_wide(&own);
    let public = C::Point::decode(&key.birth.public_key).unwrap();
    (C::Point::mul_base(&own).encode(), public.mul(&own).encode()[1..].to_vec())
}

/// The same on curve25519, by its own ladder.
fn x25519_peer(key: &Key, own: [u8; 32]) -> (Vec<u8>, Vec<u8>) {
    let public = MontgomeryPoint(curve25519::public_key(&key.birth.public_key).unwrap());
    (MontgomeryPoint::mul_base_clamped(own).0.to_vec(), public.mul_clamped(own).0.to_vec())
}

/// A peer with this private key: its public key, and the secret that it computes.
pub fn peer_of(key: &Key, own: [u8; 32]) -> (Vec<u8>, Vec<u8>) {
    if key.birth.curve == AgreementCurve::Curve25519.name() {
        return x25519_peer(key, own);
    }
    match key.curve() {
        SigningCurve::P256 => peer::<P256>(key, own),
        SigningCurve::P384 => peer::<P384>(key, own),
        SigningCurve::Secp256k1 => peer::<Secp256k1>(key, own),
        SigningCurve::Edwards25519 => panic!("its keys only sign"),
    }
}

fn any_peer(key: &Key) -> (Vec<u8>, Vec<u8>) {
    peer_of(key, [7; 32])
}

/// Asks a quorum and combines what its nodes say.
fn agree(sim: &mut Sim, user: &mut User, key: &Key, quorum: [u8; 2], peer: &[u8]) -> Vec<u8> {
    let answers = quorum.map(|node| {
        let reply = user.derive_at(sim, node, user.derive_request(key, quorum, peer)).unwrap();
        let cluster = sim.manifest.cluster_id();
        let said = statement::agreement(&cluster, u32::from(node), &[9; 32], &reply.partial);
        assert!(said.verify(&sim.manifest.node(node).unwrap().key, &reply.node_signature));
        (party(node), reply.partial)
    });
    let request = request(sim, user, key, &quorum, peer, [9; 32]);
    let threshold = Threshold::new(2, 3).unwrap();
    combine(&answers, &key.birth.commitments, threshold, &request).unwrap().expose().clone()
}

/// What a quorum was asked, as its client knows it.
pub fn request(sim: &Sim, user: &User, key: &Key, quorum: &[u8], peer: &[u8], nonce: [u8; 32]) -> Request {
    Request {
        cluster_id: sim.manifest.cluster_id(),
        key_id: key.id,
        epoch: key.birth.epoch,
        curve: AgreementCurve::of_name(&key.birth.curve).unwrap(),
        public_key: key.birth.public_key.clone(),
        quorum: SignerSet::new(quorum.iter().copied().map(party)).unwrap(),
        client: user.public(),
        mechanism: 0x1050,
        peer: peer.to_vec(),
        request_nonce: nonce,
    }
}

#[test]
fn every_quorum_of_every_curve_agrees() {
    let (mut sim, mut user, _) = ready(40);
    for (number, curve) in
        (2..).zip(SigningCurve::ALL.into_iter().filter(|curve| *curve != SigningCurve::Edwards25519))
    {
        let key = user.generate_key(&mut sim, 1, [number; 16], &key_attributes_on(curve, true)).unwrap();
        assert_every_quorum_agrees(&mut sim, &mut user, &key);
    }
}

#[test]
fn every_quorum_agrees_with_a_key_of_x25519_which_does_not_sign() {
    let (mut sim, mut user, _) = ready(46);
    let key = user.generate_key(&mut sim, 1, [2; 16], &x25519_attributes()).unwrap();
    assert_every_quorum_agrees(&mut sim, &mut user, &key);
    let (good, _) = any_peer(&key);
    let mut twist = vec![0; 32];
    twist[0] = 2;
    for peer in [twist, vec![0; 32], good[1..].to_vec(), [&[2], &good[..]].concat()] {
        let request = user.derive_request(&key, [1, 2], &peer);
        let code = user.derive_at(&mut sim, 1, request).unwrap_err().code();
        assert_eq!(code, Code::InvalidArgument, "{peer:02x?}");
    }
    // Whatever its attributes say.
    let mut attributes = x25519_attributes();
    attributes.iter_mut().find(|attribute| attribute.r#type == 0x108).unwrap().value = vec![1];
    let key = user.generate_key(&mut sim, 1, [3; 16], &attributes).unwrap();
    assert_eq!(user.lease(&mut sim, &key, [1, 2]).unwrap_err().code(), Code::Forbidden);
}

fn assert_every_quorum_agrees(sim: &mut Sim, user: &mut User, key: &Key) {
    let (peer, expected) = any_peer(key);
    for quorum in [[1, 2], [1, 3], [2, 3]] {
        assert_eq!(agree(sim, user, key, quorum, &peer), expected);
    }
}

/// What a node says to a request with one thing changed.
fn refusal(sim: &mut Sim, user: &mut User, key: &Key, change: fn(&mut DeriveRequest)) -> (Code, String) {
    let mut request = user.derive_request(key, [1, 2], &any_peer(key).0);
    change(&mut request);
    let error = user.derive_at(sim, 1, request).unwrap_err();
    (error.code(), error.message)
}

#[test]
fn a_node_validates_the_request_and_the_point_itself() {
    let (mut sim, mut user, key) = ready(45);
    let mut invalid = |change| {
        let (code, message) = refusal(&mut sim, &mut user, &key, change);
        assert_eq!(code, Code::InvalidArgument, "{message}");
    };
    invalid(|request| request.peer = vec![0; 33]);
    invalid(|request| request.peer = vec![0]);
    invalid(|request| request.peer.clear());
    invalid(|request| request.peer[0] = 4);
    invalid(|request| request.peer = [&[2][..], &[0; 31], &[smallest_outside()]].concat());
    invalid(|request| request.quorum = vec![1]);
    invalid(|request| request.quorum = vec![1, 2, 3]);
    invalid(|request| request.quorum = vec![2, 3]);
    invalid(|request| request.quorum = vec![2, 1]);
    invalid(|request| request.request_nonce.truncate(31));
    invalid(|request| request.mechanism = 0x1041);
    invalid(|request| request.key_id.truncate(15));
    let (code, _) = refusal(&mut sim, &mut user, &key, |request| request.key_id[0] ^= 1);
    assert_eq!(code, Code::NotFound);
}

fn smallest_outside() -> u8 {
    let point = |x| [&[2][..], &[0; 31], &[x]].concat();
    (1..=u8::MAX).find(|x| <P256 as Curve>::Point::decode(&point(*x)).is_none()).unwrap()
}

/// The key's own attributes decide at every node, whatever the module of a client believes.
#[test]
fn attributes_are_held_against_every_request() {
    let (mut sim, mut user, key) = ready(42);
    // Not in its list of mechanisms.
    let (code, message) = refusal(&mut sim, &mut user, &key, |request| request.mechanism = 0x1051);
    assert_eq!((code, message.contains("mechanism")), (Code::Forbidden, true));
    // Signs, and derives nothing.
    let mut attributes = key_attributes_on(SigningCurve::P256, true);
    attributes.iter_mut().find(|attribute| attribute.r#type == 0x10c).unwrap().value = vec![0];
    let signs = user.generate_key(&mut sim, 1, [9; 16], &attributes).unwrap();
    for node in 1..=3 {
        let quorum = if node == 3 { [2, 3] } else { [1, 2] };
        let request = user.derive_request(&signs, quorum, &any_peer(&signs).0);
        assert_eq!(user.derive_at(&mut sim, node, request).unwrap_err().code(), Code::Forbidden);
    }
    assert!(user.sign(&mut sim, &signs, [1, 2], &[5; 32]).is_ok());
    // Nobody.
    user.connect(&mut sim);
    let request = user.derive_request(&key, [1, 2], &any_peer(&key).0);
    assert_eq!(user.derive_at(&mut sim, 1, request).unwrap_err().code(), Code::NotLoggedIn);
}
