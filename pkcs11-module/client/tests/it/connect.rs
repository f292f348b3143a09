//! Who is believed at the other end of a connection.

use ed25519_dalek::SigningKey;
use proto::client::v1::{Code, Error};
use token::backend::{Backend, BackendError};

use crate::fake::Fake;

fn unavailable(fake: &Fake) -> String {
    match fake.client().tokens() {
        Err(BackendError::Unavailable(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn node_with_another_key_is_refused_and_named() {
    let fake = Fake::with_keys(|index| SigningKey::from_bytes(&[index % 2; 32]));
    let text = unavailable(&fake);
    assert!(text.contains("node 2") && text.contains("another identity key"), "{text}");
}

#[test]
fn one_node_with_another_key_is_worked_around() {
    let fake = Fake::with_keys(|index| SigningKey::from_bytes(&[if index == 2 { 99 } else { index }; 32]));
    for _ in 0..3 {
        assert_eq!(fake.client().tokens().unwrap().len(), 1);
    }
}

#[test]
fn node_of_another_cluster_is_refused() {
    let fake = Fake::start();
    for node in fake.nodes.values() {
        *node.cluster_id.lock().unwrap() = [9; 32];
    }
    assert!(unavailable(&fake).contains("belongs to another cluster"));
}

#[test]
fn client_that_is_not_enrolled_is_told_so() {
    let fake = Fake::start();
    for node in fake.nodes.values() {
        let error = Error { code: Code::NotEnrolled.into(), message: "not enrolled".into(), nodes: vec![] };
        *node.hello_error.lock().unwrap() = Some(error);
    }
    assert!(
        matches!(fake.client().tokens(), Err(BackendError::Configuration(text)) if text.contains("not enrolled"))
    );
}

#[test]
fn operator_sees_the_status_of_every_node_and_which_is_missing() {
    let fake = Fake::start();
    fake.stop(2);
    let admin = client::admin::Admin::new(
        fake.manifest.clone(),
        client::identity::Identity::from_seed(&[3; 32]),
        std::time::Duration::from_secs(1),
    );
    let status = admin.status();
    let up: Vec<bool> = status.iter().map(|(_, status)| status.is_ok()).collect();
    assert_eq!(up, [true, false, true]);
    assert_eq!(admin.tokens().unwrap().len(), 1);
}
