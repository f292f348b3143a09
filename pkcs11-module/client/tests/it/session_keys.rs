//! Keys of this process alone: in no list, ended by it at every node, and copied by all nodes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use proto::client::v1::{Code, request::Op};
use token::backend::{
    Attributes, Backend, BackendError, Curve, Freshness, GeneratedPair, KeyPairRequest, KeySpec, ObjectId,
};

use crate::fake::{Deed, Fake};
use crate::sign::verify;
use crate::{PIN, TOKEN, ready, sign};

fn class(class: u64) -> Attributes {
    BTreeMap::from([(0_u64, class.to_be_bytes().to_vec())])
}

fn generate(client: &client::ClusterClient) -> token::backend::BackendResult<GeneratedPair> {
    let request = KeyPairRequest {
        kind: KeySpec::Curve(Curve::P256),
        public: class(2),
        private: class(3),
        public_on_token: false,
        private_on_token: false,
    };
    client.generate_key_pair(TOKEN, request)
}

fn ended(fake: &Fake, key: ObjectId) -> Vec<u8> {
    let world = fake.world.lock().unwrap();
    world.ended.iter().filter(|(_, ended)| *ended == key.0).map(|(node, _)| *node).collect()
}

#[test]
fn it_signs_and_stands_in_no_list() {
    let (fake, client) = ready();
    let commands = fake.count("propose");
    let pair = generate(&client).unwrap();
    verify(&pair, &sign(&client, pair.private.id).unwrap());
    assert!(client.objects(TOKEN, Freshness::Current).unwrap().objects().is_empty());
    assert_eq!((fake.count("propose"), fake.count("hold")), (commands, 3));
    let other = fake.client();
    other.login(TOKEN, token::backend::Role::User, PIN).unwrap();
    assert_eq!(sign(&other, pair.private.id), Err(BackendError::NoSuchObject));
}

#[test]
fn every_node_hears_of_its_end_also_a_node_that_was_away() {
    let (fake, client) = ready();
    let (one, other) = (generate(&client).unwrap().private.id, generate(&client).unwrap().private.id);
    fake.script(3, |op| matches!(op, Op::HoldKeys(_)).then_some(Deed::Refuse(Code::Unavailable)));
    client.destroy_session_keys(&[one]);
    assert_eq!(ended(&fake, one), [1, 2]);
    assert_eq!(sign(&client, one), Err(BackendError::NoSuchObject));
    fake.behave(3);
    client.shutdown();
    assert_eq!((ended(&fake, one), ended(&fake, other)), (vec![1, 2, 3], vec![1, 2, 3]));
}

#[test]
fn each_attempt_has_an_id_of_its_own_and_what_failed_is_ended() {
    let (fake, client) = ready();
    let asked: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    for node in 1..=3 {
        let asked = asked.clone();
        fake.script(node, move |op| {
            let Op::Generate(generate) = op else { return None };
            let mut asked = asked.lock().unwrap();
            asked.push(generate.key_id.clone());
            (asked.len() == 1).then_some(Deed::Refuse(Code::Unavailable))
        });
    }
    let pair = generate(&client).unwrap();
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 2);
    assert_ne!(asked[0], asked[1]);
    assert_eq!(asked[1], pair.private.id.0);
    let failed = ObjectId(asked[0].as_slice().try_into().unwrap());
    assert_eq!((ended(&fake, failed), ended(&fake, pair.private.id)), (vec![1, 2, 3], vec![]));
}

#[test]
fn a_node_without_room_is_believed_at_once() {
    let (fake, client) = ready();
    for node in 1..=3 {
        fake.script(node, |op| {
            matches!(op, Op::Generate(_)).then_some(Deed::Refuse(Code::ResourceExhausted))
        });
    }
    assert!(matches!(generate(&client), Err(BackendError::Full(_))));
    assert_eq!(fake.count("generate"), 2, "those of the two logins");
}

#[test]
fn a_copy_is_recorded_when_all_nodes_signed_it() {
    let (fake, client) = ready();
    let pair = generate(&client).unwrap();
    let mut attributes = pair.private.attributes.clone();
    attributes.insert(1, vec![1]);
    let copied = client.copy_private_key(TOKEN, pair.private.id, attributes.clone()).unwrap();
    assert_ne!(copied.id, pair.private.id);
    assert_eq!(copied.attributes[&0x129], pair.private.attributes[&0x129]);
    verify(&pair, &sign(&client, copied.id).unwrap());
    assert!(client.objects(TOKEN, Freshness::Current).unwrap().get(&copied.id).is_some());

    let copies = || client.objects(TOKEN, Freshness::Current).unwrap().objects().len();
    fake.script(2, |op| matches!(op, Op::CopyKey(_)).then_some(Deed::Refuse(Code::Unavailable)));
    let refused = client.copy_private_key(TOKEN, pair.private.id, attributes.clone()).unwrap_err();
    assert!(matches!(&refused, BackendError::Unavailable(text) if text.contains("node 2")), "{refused}");
    fake.behave(2);
    // One that signs something else spoils the certificate, and nothing is recorded.
    fake.alter(2, |frame| {
        use proto::client::v1::{node_frame::Frame, response::Result as Reply};
        if let Some(Frame::Response(response)) = &mut frame.frame
            && let Some(Reply::CopyKey(reply)) = &mut response.result
        {
            reply.signature[0] ^= 1;
        }
    });
    let refused = client.copy_private_key(TOKEN, pair.private.id, attributes).unwrap_err();
    assert!(matches!(&refused, BackendError::Internal(_)), "{refused}");
    assert_eq!(copies(), 1);
}
