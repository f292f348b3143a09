//! Import: every node gets its share, and nothing exists before all have signed.

use std::collections::BTreeMap;
use token::backend::PublicExponent;

use proto::client::v1::{Code, request, response};
use token::backend::{
    Backend, BackendError, BackendResult, Curve, Freshness, ObjectRecord, PrivateKeyImport, PrivateValue,
};
use zeroize::Zeroizing;

use crate::fake::rsa::{MODULUS, PRIVATE};
use crate::fake::{Deed, Fake};
use crate::{TOKEN, ready};

fn import(client: &client::ClusterClient, value: [u8; 32]) -> BackendResult<ObjectRecord> {
    let private = BTreeMap::from([(0_u64, 3_u64.to_be_bytes().to_vec())]);
    let value = PrivateValue::Curve { curve: Curve::P256, scalar: Zeroizing::new(value.to_vec()) };
    client.import_private_key(TOKEN, PrivateKeyImport { value, private })
}

fn keys(client: &client::ClusterClient) -> usize {
    client.objects(TOKEN, Freshness::Current).unwrap().objects().len()
}

#[test]
fn each_node_gets_its_share_and_the_key_is_recorded() {
    let (fake, client) = ready();
    let record = import(&client, [5; 32]).unwrap();
    assert_eq!((fake.count("import"), keys(&client)), (3, 1));
    let key = p256::SecretKey::from_slice(&[5; 32]).unwrap();
    let point = p256::elliptic_curve::sec1::ToEncodedPoint::to_encoded_point(&key.public_key(), false);
    let spki = &record.attributes[&0x129];
    assert_eq!(spki[spki.len() - 65..], *point.as_bytes());
}

/// The same, as long as this process: nothing is recorded, every node is shown the certificate, and of an attempt that
/// fails nothing stays.
#[test]
fn a_key_of_a_session_is_in_no_list_and_ends_with_it() {
    let (fake, client) = ready();
    let import = |client: &client::ClusterClient| {
        let private = BTreeMap::from([(0_u64, 3_u64.to_be_bytes().to_vec()), (1, vec![0])]);
        let value = PrivateValue::Curve { curve: Curve::P256, scalar: Zeroizing::new(vec![5; 32]) };
        client.import_private_key(TOKEN, PrivateKeyImport { value, private })
    };
    let commands = fake.count("propose");
    let record = import(&client).unwrap();
    assert_eq!((fake.count("import"), fake.count("keep"), fake.count("propose")), (3, 3, commands));
    assert_eq!(keys(&client), 0);
    client.destroy_session_keys(&[record.id]);
    let ended = || fake.world.lock().unwrap().ended.len();
    assert_eq!(ended(), 3);
    fake.script(2, |op| matches!(op, request::Op::KeepImport(_)).then_some(Deed::Refuse(Code::Forbidden)));
    assert!(import(&client).is_err());
    assert_eq!(ended(), 6, "what some nodes held is ended at all");
}

#[test]
fn a_value_out_of_range_reaches_no_node() {
    let (fake, client) = ready();
    for bad in [[0; 32], [0xff; 32]] {
        assert_eq!(import(&client, bad).err(), Some(BackendError::KeyInvalid));
    }
    assert_eq!((fake.count("import"), keys(&client)), (0, 0));
}

/// An RSA key of the size that only test builds have.
fn rsa(client: &client::ClusterClient, exponent: u64, private: &str) -> BackendResult<ObjectRecord> {
    let attributes = BTreeMap::from([(0_u64, 3_u64.to_be_bytes().to_vec())]);
    let number = |text: &str| hex::decode(text).unwrap();
    let value = PrivateValue::Rsa {
        modulus: number(MODULUS),
        exponent: PublicExponent::new(&exponent.to_be_bytes()).unwrap(),
        private_exponent: Zeroizing::new(number(private)),
        primes: None,
    };
    client.import_private_key(TOKEN, PrivateKeyImport { value, private: attributes })
}

#[test]
fn an_rsa_key_is_split_and_its_numbers_are_held_against_each_other() {
    let (fake, client) = ready();
    let record = rsa(&client, 65_537, PRIVATE).unwrap();
    assert_eq!((fake.count("import"), keys(&client)), (3, 1));
    assert_eq!(record.attributes[&0x120], hex::decode(MODULUS).unwrap());
    for (exponent, private) in [(65_539, PRIVATE), (65_537, &MODULUS[2..]), (65_537, ""), (3, PRIVATE)] {
        assert_eq!(rsa(&client, exponent, private).err(), Some(BackendError::KeyInvalid));
    }
    assert_eq!((fake.count("import"), keys(&client)), (3, 1));
}

fn named(error: &BackendError, node: u8) -> bool {
    matches!(error, BackendError::Unavailable(text) if text.contains(&format!("node {node}")))
}

#[test]
fn a_node_that_signs_wrongly_is_named_and_nothing_is_recorded() {
    for liar in 1..=3 {
        let (fake, client) = ready();
        fake.script(liar, |op| {
            matches!(op, request::Op::Import(_)).then_some(Deed::Lie(|result| {
                if let response::Result::Import(reply) = result {
                    reply.signature[0] ^= 1;
                }
            }))
        });
        let error = import(&client, [5; 32]).unwrap_err();
        assert!(named(&error, liar), "{error}");
        assert_eq!((fake.count("propose_import"), keys(&client)), (0, 0));
    }
}

fn refuses(fake: &Fake, node: u8, deed: fn() -> Deed) {
    fake.script(node, move |op| matches!(op, request::Op::Import(_)).then(deed));
}

#[test]
fn a_node_that_dies_in_the_middle_leaves_no_half_key() {
    let (fake, client) = ready();
    refuses(&fake, 2, || Deed::LoseAnswer);
    let error = import(&client, [5; 32]).unwrap_err();
    assert!(named(&error, 2), "{error}");
    assert_eq!(keys(&client), 0);
    fake.behave(2);
    // The next attempt is another key, under another id.
    import(&client, [5; 32]).unwrap();
    assert_eq!(keys(&client), 1);
}

#[test]
fn a_refusal_of_one_node_is_final() {
    let (fake, client) = ready();
    refuses(&fake, 3, || Deed::Refuse(Code::Forbidden));
    assert!(matches!(import(&client, [5; 32]), Err(BackendError::Refused(_))));
    assert_eq!(keys(&client), 0);
}
