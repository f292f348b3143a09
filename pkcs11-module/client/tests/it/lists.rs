//! What makes a list believable.

use std::time::Duration;

use proto::client::v1::{request, response};
use proto::registry::v1::ObjectRecord;
use token::backend::{Backend, BackendError, Freshness};

use crate::fake::{Deed, Fake, TOKEN as WIRE_TOKEN, part_digests};
use crate::{TOKEN, data_object, key_pair, ready};

fn is_list(op: &request::Op) -> bool {
    use request::Op;
    matches!(op, Op::ListObjects(_) | Op::ReadObjects(_) | Op::ListTokens(_))
}

fn forged() -> ObjectRecord {
    ObjectRecord { format: 1, object_id: vec![255; 16], ..Default::default() }
}

/// Lists another object, or renames the token.
fn alter(result: &mut response::Result) {
    match result {
        response::Result::ListTokens(reply) => reply.tokens[0].label = vec![b'x'; 32],
        response::Result::ListObjects(reply) => {
            let parts = part_digests(&[forged()]);
            reply.digest = proto::statement::list_digest(&parts).to_vec();
            reply.parts = parts.concat();
        }
        response::Result::ReadObjects(reply) => reply.objects = vec![forged()],
        _ => {}
    }
}

#[test]
fn one_liar_changes_no_list() {
    for liar in 1..=3 {
        let (fake, client) = ready();
        client.create_object(TOKEN, data_object("a")).unwrap();
        fake.script(liar, |op| is_list(op).then_some(Deed::Lie(alter)));
        let fresh = fake.client();
        assert_eq!(fresh.tokens().unwrap()[0].label, [b' '; 32]);
        assert_eq!(fresh.objects(TOKEN, Freshness::Current).unwrap().objects().len(), 1, "liar {liar}");
    }
}

#[test]
fn lists_that_never_agree_are_not_believed() {
    let fake = Fake::start();
    for node in 1..=3 {
        fake.script(node, move |op| {
            is_list(op).then_some(match node {
                1 => Deed::Lie(alter),
                2 => Deed::Lie(|result| {
                    if let response::Result::ListTokens(reply) = result {
                        reply.tokens.clear();
                    }
                }),
                _ => return None,
            })
        });
    }
    assert!(matches!(fake.client().tokens(), Err(BackendError::Unavailable(_))));
}

#[test]
fn records_that_are_not_those_of_the_digests_are_read_from_another_node() {
    let (fake, client) = ready();
    client.create_object(TOKEN, data_object("a")).unwrap();
    for liar in 1..=3 {
        // The digest is true, what it is of is not.
        fake.script(liar, |op| {
            is_list(op).then_some(Deed::Lie(|result| match result {
                response::Result::ListObjects(reply) => reply.parts.truncate(32),
                response::Result::ReadObjects(reply) => reply.objects.clear(),
                _ => {}
            }))
        });
        let list = fake.client().objects(TOKEN, Freshness::Current).unwrap();
        assert_eq!(list.objects().len(), 1, "liar {liar}");
        fake.behave(liar);
    }
}

#[test]
fn private_key_without_a_true_certificate_is_left_out() {
    let (fake, client) = ready();
    let pair = key_pair(&client);
    {
        let mut world = fake.world.lock().unwrap();
        let record = world.objects.get_mut(pair.private.id.0.as_slice()).unwrap();
        // All nodes of the registry give it, but only one has signed it.
        record.birth.as_mut().unwrap().signatures.truncate(1);
        record.version += 1;
    }
    let other = fake.client();
    other.login(TOKEN, token::backend::Role::User, crate::PIN).unwrap();
    let list = other.objects(TOKEN, Freshness::Current).unwrap();
    assert!(list.get(&pair.private.id).is_none());
    assert_eq!(list.objects().len(), 1, "the public key is still there");
}

#[test]
fn lists_go_on_with_the_cluster_down_and_own_changes_cost_no_new_list() {
    let (fake, client) = ready();
    client.objects(TOKEN, Freshness::Current).unwrap();
    let before = fake.count("objects");
    let record = client.create_object(TOKEN, data_object("a")).unwrap();
    std::thread::sleep(Duration::from_millis(510));
    let list = client.objects(TOKEN, Freshness::Current).unwrap();
    assert_eq!(list.get(&record.id).unwrap().attributes, record.attributes);
    assert_eq!(fake.count("objects"), before, "the digest of our own change is the nodes'");
    (1..=3).for_each(|node| fake.stop(node));
    std::thread::sleep(Duration::from_millis(510));
    assert_eq!(client.objects(TOKEN, Freshness::Current).unwrap().objects().len(), 1);
    assert_eq!(client.tokens().unwrap().len(), 1);
    assert_eq!(client.tokens().unwrap()[0].id.0, WIRE_TOKEN);
}

#[test]
fn a_node_whose_list_does_not_end_is_left_out() {
    let (fake, client) = ready();
    client.create_object(TOKEN, data_object("a")).unwrap();
    for liar in 1..=3 {
        fake.script(liar, |op| {
            matches!(op, request::Op::ReadObjects(_)).then_some(Deed::Lie(|result| {
                if let response::Result::ReadObjects(reply) = result {
                    reply.objects.clear();
                    reply.more = true;
                }
            }))
        });
        let list = fake.client().objects(TOKEN, Freshness::Current).unwrap();
        assert_eq!(list.objects().len(), 1, "liar {liar}");
        fake.behave(liar);
    }
}

#[test]
fn many_objects_are_read_in_pages_and_a_change_costs_its_part() {
    let (fake, client) = ready();
    let made: Vec<_> =
        (0..40).map(|i| client.create_object(TOKEN, data_object(&format!("{i}"))).unwrap()).collect();
    let other = fake.client();
    let seen: Vec<_> =
        other.objects(TOKEN, Freshness::Current).unwrap().objects().into_iter().cloned().collect();
    assert_eq!(
        seen.iter().map(|record| record.id).collect::<Vec<_>>(),
        made.iter().map(|record| record.id).collect::<Vec<_>>()
    );
    client.destroy_object(TOKEN, made[7].id, 1).unwrap();
    let pages = fake.count("records");
    std::thread::sleep(Duration::from_millis(510));
    assert_eq!(other.objects(TOKEN, Freshness::Current).unwrap().objects().len(), 39);
    let more = fake.count("records") - pages;
    assert!(more <= 2, "{more} answers, not the whole list");
}

#[test]
fn changes_of_others_are_seen() {
    let (fake, client) = ready();
    client.objects(TOKEN, Freshness::Current).unwrap();
    fake.client().create_object(TOKEN, data_object("theirs")).unwrap();
    std::thread::sleep(Duration::from_millis(510));
    assert_eq!(client.objects(TOKEN, Freshness::Current).unwrap().objects().len(), 1);
}
