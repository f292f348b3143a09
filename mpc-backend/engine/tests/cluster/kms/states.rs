//! The life of a key: states, deletion by each node's own clock, new material.

use engine::{Engine, Limits};
use proto::client::v1::Code;
use proto::kms::v1::{KmsKey, Material, State, Usage};
use proto::limits::FORMAT;

use super::requests::{Symmetric, decrypted, encrypted, key_record, policy_of};
use super::second;
use crate::curves::scheme_of_seed;
use crate::service::{ready, ready_on};
use crate::sim::Sim;
use crate::user::User;

fn holds_share(sim: &Sim, node: u8, key: [u8; 16]) -> bool {
    sim.nodes[usize::from(node) - 1].engine.as_ref().is_some_and(|engine: &Engine| engine.holds_share(&key))
}

/// A cluster whose keys are pending deletion as long as anybody says.
fn ready_at_once(seed: u64) -> (Sim, User) {
    let bounds = Limits { kms_deletion_s_min: 0, ..Limits::default() };
    let (sim, user, _) = ready_on(Sim::with(seed, bounds), scheme_of_seed(seed));
    (sim, user)
}

#[test]
fn a_key_that_is_disabled_or_to_be_deleted_does_nothing_until_it_is_enabled() {
    let (mut sim, mut user) = ready_at_once(80);
    let key = Symmetric::new(&mut sim, &mut user, [2; 16], key_record(Usage::EncryptDecrypt));
    let (made, value) = encrypted(&mut sim, &mut user, &key, "Encrypt", &[], [1, 2]).unwrap();
    let far = sim.now / 1000 + 1_000;
    for (state, deletion) in [(State::Disabled, 0), (State::PendingDeletion, far)] {
        key.update(&mut sim, &mut user, 1, |key| {
            key.set_state(state);
            key.deletion_unix_s = deletion;
        })
        .unwrap();
        let refused = encrypted(&mut sim, &mut user, &key, "Encrypt", &[], [1, 2]).unwrap_err();
        assert_eq!(refused.code(), Code::KeyState);
        let refused = decrypted(&mut sim, &mut user, &key, &made, &[], &[], [1, 3]).unwrap_err();
        assert_eq!(refused.code(), Code::KeyState);
    }
    let refused = key.update(&mut sim, &mut user, 1, |key| key.set_state(State::Enabled)).unwrap_err();
    assert_eq!(refused.code(), Code::Forbidden, "a date without its state");
    for state in [State::Disabled, State::Enabled] {
        key.update(&mut sim, &mut user, 1, |key| {
            key.set_state(state);
            key.deletion_unix_s = 0;
        })
        .unwrap();
    }
    assert_eq!(decrypted(&mut sim, &mut user, &key, &made, &[], &[], [1, 3]).unwrap(), value);
}

#[test]
fn shares_go_by_each_nodes_own_clock_and_nothing_brings_them_back() {
    let (mut sim, mut user) = ready_at_once(81);
    let key = Symmetric::new(&mut sim, &mut user, [2; 16], key_record(Usage::EncryptDecrypt));
    let refused = key.destroy(&mut sim, &mut user).unwrap_err();
    assert_eq!(refused.code(), Code::KeyState, "enabled");
    let date = sim.now / 1000 + 60;
    key.update(&mut sim, &mut user, 1, |key| {
        key.set_state(State::PendingDeletion);
        key.deletion_unix_s = date;
    })
    .unwrap();
    let refused = key.destroy(&mut sim, &mut user).unwrap_err();
    assert_eq!(refused.code(), Code::KeyState, "before its date");
    assert!((1..=3).all(|node| holds_share(&sim, node, key.id)));
    sim.run(61_000);
    assert!((1..=3).all(|node| !holds_share(&sim, node, key.id)), "after its date");
    let rescued = key.update(&mut sim, &mut user, 1, |key| {
        key.set_state(State::Disabled);
        key.deletion_unix_s = 0;
    });
    assert_eq!(rescued.unwrap_err().code(), Code::KeyState, "too late");
    key.destroy(&mut sim, &mut user).unwrap();
    let registry = sim.node(2).engine.as_ref().unwrap().registry();
    assert!(registry.key(&key.id).is_none());
}

#[test]
fn a_deletion_is_scheduled_a_week_to_a_month_ahead() {
    let (mut sim, mut user, _) = ready(85);
    let key = Symmetric::new(&mut sim, &mut user, [2; 16], key_record(Usage::EncryptDecrypt));
    let (now, day) = (sim.now / 1000, 86_400);
    for (node, days) in [(1, 0), (2, 6), (3, 31)] {
        let refused = key.update(&mut sim, &mut user, node, |key| {
            key.set_state(State::PendingDeletion);
            key.deletion_unix_s = now + days * day;
        });
        assert_eq!(refused.unwrap_err().code(), Code::Forbidden, "{days} days");
    }
    key.update(&mut sim, &mut user, 1, |key| {
        key.set_state(State::PendingDeletion);
        key.deletion_unix_s = now + 7 * day;
    })
    .unwrap();
    assert!((1..=3).all(|node| holds_share(&sim, node, key.id)));
}

/// Each client may ask each node so often in a second, whatever it asks for.
#[test]
fn a_client_that_asks_too_often_is_throttled_and_no_other() {
    let bounds = Limits { kms_requests_per_s: 5, ..Limits::default() };
    let (mut sim, mut user, _) = ready_on(Sim::with(86, bounds), scheme_of_seed(86));
    let key = Symmetric::new(&mut sim, &mut user, [2; 16], key_record(Usage::EncryptDecrypt));
    let mut other = second(&mut sim, &user);
    sim.run(2_000);
    let codes: Vec<Option<Code>> =
        (0..8).map(|_| key.check(&mut sim, &mut user, 1).err().map(|error| error.code())).collect();
    assert_eq!(codes.iter().filter(|code| code.is_none()).count(), 5, "{codes:?}");
    assert!(codes[5..].iter().all(|code| *code == Some(Code::Throttled)), "{codes:?}");
    assert!(key.check(&mut sim, &mut other, 1).is_ok(), "another client");
    assert!(key.check(&mut sim, &mut user, 2).is_ok(), "another node");
    sim.run(1_000);
    assert!(key.check(&mut sim, &mut user, 1).is_ok(), "later");
}

#[test]
fn new_material_encrypts_and_old_material_still_decrypts() {
    let (mut sim, mut user) = ready_at_once(82);
    let mut key = Symmetric::new(&mut sim, &mut user, [2; 16], key_record(Usage::EncryptDecrypt));
    let (old, before) = encrypted(&mut sim, &mut user, &key, "Encrypt", &[], [1, 2]).unwrap();
    let of = KmsKey { format: FORMAT, material_of: key.id.to_vec(), ..KmsKey::default() };
    let birth = Symmetric::object(&mut sim, &mut user, [3; 16], &of).unwrap();
    let material = Material { object_id: vec![3; 16], created_unix_s: 5, on_demand: true };
    key.update(&mut sim, &mut user, 1, |key| key.materials.push(material.clone())).unwrap();
    // The client has not heard of it.
    let refused = encrypted(&mut sim, &mut user, &key, "Encrypt", &[], [1, 2]).unwrap_err();
    assert_eq!(refused.code(), Code::Conflict);
    key.births.push(birth);
    let (new, after) = encrypted(&mut sim, &mut user, &key, "Encrypt", &[], [1, 2]).unwrap();
    assert_eq!(new.version, 2);
    assert_eq!(decrypted(&mut sim, &mut user, &key, &new, &[], &[], [2, 3]).unwrap(), after);
    assert_eq!(decrypted(&mut sim, &mut user, &key, &old, &[], &[], [2, 3]).unwrap(), before);
    // Material is no key, does not go alone, and stays; one object is one version.
    let alone = key.with_id([3; 16]);
    let refused = encrypted(&mut sim, &mut user, &alone, "Encrypt", &[], [1, 2]).unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(alone.destroy(&mut sim, &mut user).unwrap_err().code(), Code::Forbidden);
    for change in [(|key: &mut KmsKey| key.materials.clear()) as fn(&mut KmsKey), |key| {
        let again = key.materials[0].clone();
        key.materials.push(again);
    }] {
        assert!(key.update(&mut sim, &mut user, 1, change).is_err());
    }
    // With the key all of it goes.
    let date = sim.now / 1000 + 2;
    key.update(&mut sim, &mut user, 1, |key| {
        key.set_state(State::PendingDeletion);
        key.deletion_unix_s = date;
    })
    .unwrap();
    sim.run(5_000);
    assert!([[2; 16], [3; 16]].iter().all(|share| !holds_share(&sim, 3, *share)));
    key.destroy(&mut sim, &mut user).unwrap();
    assert!(sim.node(2).engine.as_ref().unwrap().registry().key(&[3; 16]).is_none());
}

#[test]
fn a_policy_says_who_changes_a_key() {
    let (mut sim, mut user, _) = ready(83);
    let mut other = second(&mut sim, &user);
    let policy = policy_of(&user, &[("client", &["kms:*"]), ("second", &["kms:TagResource"])]);
    let record = KmsKey { policy, ..key_record(Usage::EncryptDecrypt) };
    let key = Symmetric::new(&mut sim, &mut user, [2; 16], record);
    let tag = proto::kms::v1::Pair { name: "a".into(), value: "b".into() };
    key.update(&mut sim, &mut other, 1, |key| key.tags.push(tag)).unwrap();
    type Change = fn(&mut KmsKey);
    let changes: [Change; 7] = [
        |key| key.tags.clear(),
        |key| key.description = "mine".into(),
        |key| key.policy = String::new(),
        |key| key.aliases.push("mine".into()),
        |key| key.rotation_days = 365,
        |key| key.set_state(State::Disabled),
        |key| {
            key.set_state(State::PendingDeletion);
            key.deletion_unix_s = 8 * 86_400;
        },
    ];
    for change in changes {
        let refused = key.update(&mut sim, &mut other, 2, change).unwrap_err();
        assert_eq!(refused.code(), Code::PolicyDenied);
    }
    // By leave of a grant, which gives no more than itself.
    let grant = proto::kms::v1::Grant {
        grant_id: "1".into(),
        grantee: policy::principal_of(&policy::account_of(&user.token), "second"),
        operations: vec!["CreateGrant".into(), "Decrypt".into()],
        ..proto::kms::v1::Grant::default()
    };
    let child = |id: &str, operation: &str| proto::kms::v1::Grant {
        grant_id: id.into(),
        operations: vec![operation.into()],
        ..grant.clone()
    };
    assert!(key.update(&mut sim, &mut other, 1, |key| key.grants.push(grant.clone())).is_err());
    key.update(&mut sim, &mut user, 1, |key| key.grants.push(grant.clone())).unwrap();
    assert!(key.update(&mut sim, &mut other, 1, |key| key.grants.push(child("2", "Encrypt"))).is_err());
    key.update(&mut sim, &mut other, 1, |key| key.grants.push(child("2", "Decrypt"))).unwrap();
    let (made, value) = encrypted(&mut sim, &mut user, &key, "Encrypt", &[], [1, 2]).unwrap();
    assert_eq!(decrypted(&mut sim, &mut other, &key, &made, &[], &[], [1, 3]).unwrap(), value);
    assert!(key.update(&mut sim, &mut other, 1, |key| key.grants.clear()).is_err(), "it may not retire them");
    key.update(&mut sim, &mut user, 1, |key| key.grants.clear()).unwrap();
    assert!(decrypted(&mut sim, &mut other, &key, &made, &[], &[], [1, 3]).is_err());
}

#[test]
fn records_that_are_not_whole_are_refused() {
    let (mut sim, mut user, _) = ready(84);
    let key = Symmetric::new(&mut sim, &mut user, [2; 16], key_record(Usage::EncryptDecrypt));
    let other = Symmetric::new(&mut sim, &mut user, [3; 16], key_record(Usage::EncryptDecrypt));
    other.update(&mut sim, &mut user, 1, |key| key.aliases.push("taken".into())).unwrap();
    let pair = |name: &str| proto::kms::v1::Pair { name: name.into(), value: "v".into() };
    let changes: [&dyn Fn(&mut KmsKey); 14] = [
        &|key| key.format = 9,
        &|key| key.set_usage(Usage::SignVerify),
        &|key| key.set_state(State::Unspecified),
        &|key| key.set_state(State::PendingDeletion),
        &|key| key.created_unix_s = 9,
        &|key| key.description = "d".repeat(proto::kms::DESCRIPTION_BYTES_MAX + 1),
        &|key| key.tags = vec![pair("b"), pair("a")],
        &|key| key.tags = vec![pair("a"), pair("a")],
        &|key| key.aliases = vec!["taken".into()],
        &|key| key.aliases = vec![String::new()],
        &|key| {
            key.policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotPrincipal":"*","Action":"kms:*","Resource":"*"}]}"#.into()
        },
        &|key| key.rotation_days = 1,
        &|key| key.materials.push(Material { object_id: vec![3; 16], ..Material::default() }),
        &|key| key.material_of = vec![3; 16],
    ];
    for (at, change) in changes.into_iter().enumerate() {
        assert!(key.update(&mut sim, &mut user, 1, change).is_err(), "change {at}");
    }
    for usage in [Usage::SignVerify, Usage::KeyAgreement, Usage::Unspecified] {
        assert!(Symmetric::object(&mut sim, &mut user, [usage as u8 + 20; 16], &key_record(usage)).is_err());
    }
    assert_eq!(key.record(&sim), key_record(Usage::EncryptDecrypt));
}
