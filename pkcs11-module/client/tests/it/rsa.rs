//! RSA: real answers of nodes, multiplied and verified in the client.

use std::collections::BTreeMap;
use threshold::rsa::Exponent;
use token::backend::PublicExponent;

use client::ClusterClient;
use proto::client::v1::{Code, NodeFrame, RsaReply, node_frame, request, response};
use threshold::rsa::encode::oaep::Oaep;
use threshold::rsa::{Hash, PublicKey};
use token::backend::{
    Backend, BackendError, BackendResult, Decryption, GeneratedPair, KeyPairRequest, KeySpec, Padding,
    RsaHash, Scheme,
};
use zeroize::Zeroizing;

use crate::fake::Deed;
use crate::{TOKEN, ready};

const PLAINTEXT: &[u8] = b"twenty bytes at most";

pub fn rsa_pair(client: &ClusterClient) -> GeneratedPair {
    let class = |class: u64| BTreeMap::from([(0_u64, class.to_be_bytes().to_vec())]);
    let request = KeyPairRequest {
        kind: KeySpec::Rsa { bits: 512, exponent: PublicExponent::F4 },
        public: class(2),
        private: class(3),
        public_on_token: true,
        private_on_token: true,
    };
    client.generate_key_pair(TOKEN, request).unwrap()
}

fn public(pair: &GeneratedPair) -> PublicKey {
    PublicKey::new(&pair.private.attributes[&0x120], Exponent::F4).unwrap()
}

fn sign(client: &ClusterClient, pair: &GeneratedPair) -> BackendResult<Vec<u8>> {
    let scheme = Scheme::RsaPkcs1 { mechanism: 0x40, digest: Some(RsaHash::Sha256), modulus_bytes: 64 };
    client.sign(TOKEN, pair.private.id, &scheme, &[7; 32], None)
}

fn oaep() -> Oaep<'static> {
    Oaep { hash: Hash::Sha1, mask: Hash::Sha1, label: b"" }
}

fn decrypt(
    client: &ClusterClient,
    pair: &GeneratedPair,
    ciphertext: &[u8],
) -> BackendResult<Zeroizing<Vec<u8>>> {
    let padding = Padding::Oaep { hash: RsaHash::Sha1, mgf: RsaHash::Sha1, label: Vec::new() };
    let decryption = Decryption { mechanism: 0x9, padding, unwrap: false };
    client.decrypt(TOKEN, pair.private.id, &decryption, ciphertext, None)
}

/// Whether a new plaintext comes back.
pub fn decrypts(client: &ClusterClient, pair: &GeneratedPair) -> bool {
    let ciphertext = oaep().encrypt(&public(pair), PLAINTEXT, &[3; 20]).unwrap();
    decrypt(client, pair, &ciphertext).is_ok_and(|plaintext| *plaintext == PLAINTEXT)
}

#[test]
fn a_signature_and_a_decryption_are_one_request_to_each_of_t_nodes() {
    let (fake, client) = ready();
    let pair = rsa_pair(&client);
    for round in 1..=3 {
        // Verified by `threshold::rsa::combine`; that OpenSSL agrees is shown in its own tests.
        assert_eq!(sign(&client, &pair).unwrap(), sign(&client, &pair).unwrap());
        assert!(decrypts(&client, &pair));
        assert_eq!((fake.count("rsa"), fake.count("prove")), (6 * round, 0));
    }
}

/// Alters one byte of each answer of a node.
fn lie(frame: &mut NodeFrame) {
    if let Some(node_frame::Frame::Response(response)) = &mut frame.frame
        && let Some(response::Result::Rsa(reply)) = &mut response.result
    {
        *reply.partial.last_mut().unwrap() ^= 1;
    }
}

#[test]
fn a_lying_node_is_left_and_the_call_succeeds() {
    for liar in 1..=3 {
        let (fake, client) = ready();
        let pair = rsa_pair(&client);
        let honest = sign(&client, &pair).unwrap();
        fake.alter(liar, lie);
        for _ in 0..4 {
            assert_eq!(sign(&client, &pair).unwrap(), honest);
            assert!(decrypts(&client, &pair));
        }
    }
}

/// Who answers wrongly and then proves another, right answer is caught like any other, and so is who shows other
/// public values or breaks off.
#[test]
fn a_liar_is_not_saved_by_what_it_proves_then() {
    let then: [fn(&mut RsaReply); 4] = [
        |_| {},
        |reply| *reply.values.last_mut().unwrap() ^= 1,
        |reply| *reply.proof.last_mut().unwrap() ^= 1,
        |reply| (reply.proof, reply.values) = (Vec::new(), Vec::new()),
    ];
    for then in then {
        for liar in 1..=3 {
            let (fake, client) = ready();
            let pair = rsa_pair(&client);
            fake.alter(liar, move |frame| {
                if let Some(node_frame::Frame::Response(response)) = &mut frame.frame
                    && let Some(response::Result::Rsa(reply)) = &mut response.result
                {
                    match reply.proof.is_empty() {
                        true => reply.partial[60] ^= 4,
                        false => then(reply),
                    }
                }
            });
            for _ in 0..4 {
                assert!(sign(&client, &pair).is_ok());
            }
            // The honest node beside it was believed: one quorum was asked for proofs, once.
            assert!(fake.count("prove") <= 2);
        }
    }
}

#[test]
fn two_liars_of_three_make_no_wrong_result() {
    let (fake, client) = ready();
    let pair = rsa_pair(&client);
    fake.alter(1, lie);
    fake.alter(2, lie);
    assert!(matches!(sign(&client, &pair), Err(BackendError::Unavailable(_))));
}

#[test]
fn whatever_is_wrong_with_a_ciphertext_is_one_error() {
    let (fake, client) = ready();
    let pair = rsa_pair(&client);
    let good = oaep().encrypt(&public(&pair), PLAINTEXT, &[3; 20]).unwrap();
    let labelled = Oaep { label: b"other", ..oaep() }.encrypt(&public(&pair), PLAINTEXT, &[3; 20]).unwrap();
    let mut changed = good.clone();
    changed[40] ^= 1;
    for wrong in [labelled, changed, vec![0; 64], vec![255; 64]] {
        assert_eq!(decrypt(&client, &pair, &wrong).err(), Some(BackendError::CiphertextInvalid));
    }
    assert!(decrypt(&client, &pair, &good).is_ok());
    assert_eq!(fake.count("prove"), 0);
}

#[test]
fn what_t_nodes_forbid_is_not_permitted_by_the_key() {
    let (fake, client) = ready();
    let pair = rsa_pair(&client);
    for node in 1..=3 {
        let refuse =
            |op: &request::Op| matches!(op, request::Op::Rsa(_)).then_some(Deed::Refuse(Code::Forbidden));
        fake.script(node, refuse);
    }
    assert_eq!(sign(&client, &pair).err(), Some(BackendError::KeyUseForbidden));
}

#[test]
fn without_a_login_no_node_is_asked() {
    let (fake, client) = ready();
    let pair = rsa_pair(&client);
    client.objects(TOKEN, token::backend::Freshness::Current).unwrap();
    client.logout(TOKEN);
    assert!(sign(&client, &pair).is_err());
    assert_eq!(fake.count("rsa"), 0);
}
