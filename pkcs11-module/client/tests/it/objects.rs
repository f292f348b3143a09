//! Changes of objects, each applied once.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use prost::Message;
use proto::client::v1::{Code, request};
use proto::limits::COMMAND_WINDOW;
use proto::registry::v1::Command;
use token::backend::{Backend, BackendError, Freshness, PublicHalf};

use crate::fake::Deed;
use crate::{TOKEN, data_object, key_pair, ready};

#[test]
fn objects_are_created_updated_and_destroyed_in_order_of_creation() {
    let (_fake, client) = ready();
    let records: Vec<_> =
        ["a", "b", "c"].map(|label| client.create_object(TOKEN, data_object(label)).unwrap()).into();
    let updated = client.update_object(TOKEN, records[1].id, 1, data_object("bb")).unwrap();
    assert_eq!((updated.version, &updated.attributes[&3][..]), (2, &b"bb"[..]));
    assert_eq!(client.update_object(TOKEN, records[1].id, 1, data_object("x")), Err(BackendError::Stale));
    client.destroy_object(TOKEN, records[0].id, 1).unwrap();
    assert_eq!(client.destroy_object(TOKEN, records[0].id, 1), Err(BackendError::NoSuchObject));
    let list = client.objects(TOKEN, Freshness::Current).unwrap();
    let ids: Vec<_> = list.objects().iter().map(|object| object.id).collect();
    assert_eq!(ids, [records[1].id, records[2].id]);
}

#[test]
fn object_changed_by_another_client_is_stale_and_then_read_again() {
    let (fake, client) = ready();
    let record = client.create_object(TOKEN, data_object("a")).unwrap();
    let other = fake.client();
    other.objects(TOKEN, Freshness::Current).unwrap();
    other.update_object(TOKEN, record.id, 1, data_object("theirs")).unwrap();
    assert_eq!(client.update_object(TOKEN, record.id, 1, data_object("ours")), Err(BackendError::Stale));
    let list = client.objects(TOKEN, Freshness::Current).unwrap();
    assert_eq!(list.get(&record.id).unwrap().version, 2);
}

/// The process was idle meanwhile, or has itself written so much through one node.
#[test]
fn a_command_that_came_too_late_is_signed_anew() {
    let (fake, client) = ready();
    fake.world.lock().unwrap().index += COMMAND_WINDOW + 1;
    let record = client.create_object(TOKEN, data_object("late")).unwrap();
    let list = client.objects(TOKEN, Freshness::Current).unwrap();
    assert_eq!(list.get(&record.id).map(|found| &found.attributes), Some(&record.attributes));
    // Some nodes are ahead of what others tell, by which it was still valid.
    fake.world.lock().unwrap().index += COMMAND_WINDOW - 10;
    let refused = Arc::new(AtomicU32::new(0));
    for node in 1..=3 {
        let refused = refused.clone();
        fake.script(node, move |op| {
            let late = matches!(op, request::Op::Propose(_)) && refused.fetch_add(1, Ordering::SeqCst) < 2;
            late.then_some(Deed::Refuse(Code::Conflict))
        });
    }
    client.create_object(TOKEN, data_object("nearly late")).unwrap();
    assert!(refused.load(Ordering::SeqCst) > 2);
}

#[test]
fn a_change_of_others_is_seen_by_who_never_searches() {
    let (fake, client) = ready();
    let record = client.create_object(TOKEN, data_object("a")).unwrap();
    let other = fake.client();
    other.update_object(TOKEN, record.id, 1, data_object("theirs")).unwrap();
    let version = || client.objects(TOKEN, Freshness::Cached).unwrap().get(&record.id).unwrap().version;
    let begun = Instant::now();
    while version() != 2 {
        assert!(begun.elapsed() < PATIENCE, "the change is not seen");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_was_read_outlives_a_write_that_fails_in_an_outage() {
    let (fake, client) = ready();
    let record = client.create_object(TOKEN, data_object("a")).unwrap();
    client.objects(TOKEN, Freshness::Current).unwrap();
    fake.stop(2);
    fake.stop(3);
    // The one that is left cannot decide.
    fake.script(1, |op| matches!(op, request::Op::Propose(_)).then_some(Deed::Refuse(Code::Unavailable)));
    let failed = client.update_object(TOKEN, record.id, 1, data_object("b"));
    assert!(matches!(failed, Err(BackendError::Unavailable(_))), "{failed:?}");
    for freshness in [Freshness::Cached, Freshness::Current] {
        assert_eq!(client.objects(TOKEN, freshness).unwrap().get(&record.id).unwrap().version, 1);
    }
}

#[test]
fn key_pair_shows_what_follows_from_its_public_key() {
    let (fake, client) = ready();
    let pair = key_pair(&client);
    let PublicHalf::Token(public) = pair.public else { panic!("asked for on the token") };
    let (id, spki) = (0x102, 0x129);
    assert_eq!(pair.private.attributes[&id], public.attributes[&id]);
    assert_eq!(pair.private.attributes[&spki], public.attributes[&spki]);
    // Renaming stores the new id and nothing that is derived.
    let mut attributes = pair.private.attributes.clone();
    attributes.insert(id, b"mine".to_vec());
    client.update_object(TOKEN, pair.private.id, 1, attributes).unwrap();
    let world = fake.world.lock().unwrap();
    let stored: Vec<u64> =
        world.objects[pair.private.id.0.as_slice()].attributes.iter().map(|a| a.r#type).collect();
    assert_eq!(stored, [0, id]);
}

#[test]
fn command_whose_answer_was_lost_is_repeated_under_its_id() {
    let (fake, client) = ready();
    let ids = Arc::new(Mutex::new(Vec::new()));
    for node in 1..=3 {
        let ids = ids.clone();
        fake.script(node, move |op| {
            let request::Op::Propose(propose) = op else { return None };
            let command = Command::decode(propose.command.as_ref()?.command.as_slice()).ok()?;
            let mut ids = ids.lock().unwrap();
            ids.push(command.command_id);
            match ids.len() {
                1 => Some(Deed::LoseAnswer),
                2 => Some(Deed::Refuse(Code::Unavailable)),
                _ => None,
            }
        });
    }
    client.create_object(TOKEN, data_object("a")).unwrap();
    let ids = ids.lock().unwrap();
    assert!(ids.len() >= 3 && ids.iter().all(|id| *id == ids[0]));
    assert_eq!(fake.world.lock().unwrap().objects.len(), 1);
}

#[test]
fn random_bytes_come_with_and_without_the_cluster_and_never_repeat() {
    let (fake, client) = ready();
    let mut long = vec![0; 10_000];
    client.random(&mut long).unwrap();
    assert_eq!(fake.count("random"), 3);
    let (mut one, mut two) = ([0; 32], [0; 32]);
    client.random(&mut one).unwrap();
    client.seed_random(b"seed").unwrap();
    client.random(&mut two).unwrap();
    assert_ne!(one, two);
    (1..=3).for_each(|node| fake.stop(node));
    client.random(&mut two).unwrap();
    assert_ne!(one, two);
}

/// On a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
