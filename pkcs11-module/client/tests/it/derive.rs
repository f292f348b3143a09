//! Key agreement: real answers of nodes, against the same product at one place.

use client::ClusterClient;
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use p256::{PublicKey, SecretKey};
use proto::client::v1::{Code, NodeFrame, node_frame, request, response};
use token::backend::{Backend, BackendError, BackendResult, Curve, GeneratedPair};
use zeroize::Zeroizing;

use crate::fake::Deed;
use crate::{TOKEN, key_pair, ready};

const MECHANISM: u64 = 0x1050;

/// The other side's private key.
fn own() -> SecretKey {
    SecretKey::from_slice(&[9; 32]).unwrap()
}

/// The other side's public point, uncompressed.
fn peer() -> Vec<u8> {
    own().public_key().to_encoded_point(false).as_bytes().to_vec()
}

/// What the other side computes with the pair's public half.
pub fn expected(pair: &GeneratedPair) -> Vec<u8> {
    let spki = &pair.private.attributes[&0x129];
    let public = PublicKey::from_sec1_bytes(&spki[spki.len() - 65..]).unwrap();
    let common = public.to_projective() * own().to_nonzero_scalar().as_ref();
    common.to_affine().to_encoded_point(false).x().unwrap().to_vec()
}

/// Agrees with the other side.
pub fn agree(client: &ClusterClient, pair: &GeneratedPair) -> BackendResult<Zeroizing<Vec<u8>>> {
    client.derive(TOKEN, pair.private.id, Curve::P256, MECHANISM, &peer())
}

#[test]
fn an_agreement_is_one_request_to_each_of_t_nodes() {
    let (fake, client) = ready();
    let pair = key_pair(&client);
    for round in 1..=3 {
        assert_eq!(*agree(&client, &pair).unwrap(), expected(&pair));
        assert_eq!(fake.count("derive"), 2 * round);
    }
}

/// Alters one byte of each answer of a node.
fn lie(frame: &mut NodeFrame) {
    if let Some(node_frame::Frame::Response(response)) = &mut frame.frame
        && let Some(response::Result::Derive(reply)) = &mut response.result
    {
        *reply.partial.last_mut().unwrap() ^= 1;
    }
}

#[test]
fn a_lying_node_is_left_and_the_call_succeeds() {
    for liar in 1..=3 {
        let (fake, client) = ready();
        let pair = key_pair(&client);
        fake.alter(liar, lie);
        for _ in 0..4 {
            assert_eq!(*agree(&client, &pair).unwrap(), expected(&pair));
        }
    }
}

#[test]
fn two_liars_of_three_are_no_wrong_secret() {
    let (fake, client) = ready();
    let pair = key_pair(&client);
    fake.alter(1, lie);
    fake.alter(2, lie);
    assert!(matches!(agree(&client, &pair), Err(BackendError::Unavailable(_))));
}

#[test]
fn what_t_nodes_forbid_is_not_permitted_by_the_key() {
    let (fake, client) = ready();
    let pair = key_pair(&client);
    for node in 1..=3 {
        let refuse =
            |op: &request::Op| matches!(op, request::Op::Derive(_)).then_some(Deed::Refuse(Code::Forbidden));
        fake.script(node, refuse);
    }
    assert_eq!(agree(&client, &pair).err(), Some(BackendError::KeyUseForbidden));
}

#[test]
fn without_a_login_no_node_is_asked() {
    let (fake, client) = ready();
    let pair = key_pair(&client);
    client.objects(TOKEN, token::backend::Freshness::Current).unwrap();
    client.logout(TOKEN);
    assert!(agree(&client, &pair).is_err());
    assert_eq!(fake.count("derive"), 0);
}
