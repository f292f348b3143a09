//! The registry's rules, one lie at a time. `Fixture::submit` checks after each refusal that nothing changed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod fixture;

use engine::registry::{Refusal, Registry};
use prost::Message;
use proto::registry::v1::{
    BirthStatement, CreateToken, DestroyObject, EnrolClient, NewObject, Purpose, RevokeClient, Role,
    UpdateObject, command::Body,
};
use proto::statement;

use fixture::*;

fn enrol(seed: u8) -> Body {
    enrol_as(seed, &format!("client {seed}"), false)
}

fn enrol_as(seed: u8, name: &str, succeeds_revoked: bool) -> Body {
    Body::EnrolClient(EnrolClient { client_key: public(seed), name: name.into(), succeeds_revoked })
}

fn not_allowed(result: Result<(), Refusal>) -> bool {
    matches!(result, Err(Refusal::NotAllowed { .. }))
}

#[test]
fn operators_commands_need_t_operators() {
    let mut f = Fixture::ready();
    let token = Body::CreateToken(CreateToken { token_id: vec![8; 16] });
    let revoke = Body::RevokeClient(RevokeClient { client_key: public(50) });
    for body in [enrol(51), token, revoke] {
        assert!(not_allowed(f.apply(body.clone(), &[])));
        assert!(not_allowed(f.apply(body.clone(), &[operator(11)])));
        assert!(not_allowed(f.apply(body.clone(), &[client(50), login(Role::SecurityOfficer, 60)])));
        let twice = f.apply(body.clone(), &[operator(11), operator(11)]);
        assert_eq!(twice, Err(Refusal::RepeatedAuthor(1)));
        assert_eq!(f.apply(body.clone(), &[operator(11), operator(1)]), Err(Refusal::BadSignature(1)));
        assert_eq!(f.apply(body, &[operator(11), operator(12)]), Ok(()));
    }
}

#[test]
fn one_bad_signature_refuses_the_command() {
    let mut f = Fixture::ready();
    let command = f.command(enrol(51));
    let mut forged = signed(&command, &[operator(11), operator(12), client(50)]);
    forged.signatures[2].signature[0] ^= 1;
    assert_eq!(f.submit(&forged), Err(Refusal::BadSignature(2)));
    forged.signatures[2].author = None;
    assert_eq!(f.submit(&forged), Err(Refusal::BadSignature(2)));
    forged.signatures = vec![forged.signatures[0].clone(); 17];
    assert_eq!(f.submit(&forged), Err(Refusal::TooLarge("list of signatures")));
}

#[test]
fn the_frame_of_a_command_is_checked() {
    let mut f = Fixture::ready();
    let operators = [operator(11), operator(12)];
    let good = f.command(enrol(51));
    let at = f.registry.index() + 1;
    let mut with = |change: &dyn Fn(&mut proto::registry::v1::Command)| {
        let mut command = good.clone();
        change(&mut command);
        f.submit(&signed(&command, &operators))
    };
    assert_eq!(with(&|c| c.format = 2), Err(Refusal::Format(2)));
    assert_eq!(with(&|c| c.cluster_id[0] ^= 1), Err(Refusal::WrongCluster));
    assert_eq!(with(&|c| c.command_id.truncate(15)), Err(Refusal::Malformed("command id")));
    assert_eq!(with(&|c| c.body = None), Err(Refusal::Malformed("body of the command")));
    assert!(matches!(with(&|c| c.not_after_index = at), Err(Refusal::Expired { .. })));
    assert!(matches!(with(&|c| c.not_after_index = at + 9999), Err(Refusal::ValidTooLong { .. })));
    let garbage = f.registry.apply(f.registry.index() + 1, &[0xff; 40]).result;
    assert_eq!(garbage.err(), Some(Refusal::Malformed("signed command")));
    let behind = f.registry.apply(1, &[]).result;
    assert!(matches!(behind, Err(Refusal::IndexBehind(_))));
}

#[test]
fn a_command_is_applied_once_however_often_it_comes() {
    let mut f = Fixture::ready();
    let command = f.command(enrol(51));
    let first = signed(&command, &[operator(11), operator(12)]);
    f.submit(&first).unwrap();
    let index = f.registry.index();
    assert_eq!(f.submit(&first), Err(Refusal::AlreadyApplied(index)));
    let reordered = signed(&command, &[operator(12), operator(11)]);
    assert_eq!(f.submit(&reordered), Err(Refusal::AlreadyApplied(index)));
    assert_eq!(f.registry.applied_at(&first.encode_to_vec()), Some(index));
}

#[test]
fn revoked_clients_and_known_keys_do_not_enrol() {
    let mut f = Fixture::ready();
    let operators = [operator(11), operator(12)];
    assert!(matches!(f.apply(enrol(50), &operators), Err(Refusal::Exists(_))));
    assert!(matches!(f.apply(enrol(1), &operators), Err(Refusal::Exists(_))));
    assert!(matches!(f.apply(enrol(11), &operators), Err(Refusal::Exists(_))));
    let weak = Body::EnrolClient(EnrolClient { client_key: vec![0; 32], ..EnrolClient::default() });
    assert!(matches!(f.apply(weak, &operators), Err(Refusal::Malformed(_))));
    let long = enrol_as(51, &"x".repeat(65), false);
    assert_eq!(f.apply(long, &operators), Err(Refusal::TooLarge("client name")));
    for name in ["", "web\n"] {
        let refused = f.apply(enrol_as(51, name, false), &operators);
        assert_eq!(refused, Err(Refusal::Malformed("client name")));
    }
    let revoke = |seed| Body::RevokeClient(RevokeClient { client_key: public(seed) });
    assert_eq!(f.apply(revoke(99), &operators), Err(Refusal::NotFound("client")));
    f.apply(revoke(50), &operators).unwrap();
    assert!(matches!(f.apply(enrol(50), &operators), Err(Refusal::Exists(_))));
    assert_eq!(f.apply(create(vec![data(1)]), &[client(50)]), Err(Refusal::BadSignature(0)));
    let fresh = create(vec![f.private_key(1)]);
    assert!(matches!(f.apply(fresh, &user()), Err(Refusal::Birth(_))), "its client is gone");
}

/// A policy names clients: no two of one name, and a name passes from one to another only if the operators say so.
#[test]
fn a_name_is_one_clients_and_passes_on_only_by_intent() {
    let mut f = Fixture::ready();
    let operators = [operator(11), operator(12)];
    let name = |refused| matches!(refused, Err(Refusal::Name(_)));
    for succeeds_revoked in [false, true] {
        assert!(name(f.apply(enrol_as(51, "client 50", succeeds_revoked), &operators)));
    }
    assert!(name(f.apply(enrol_as(51, "web", true), &operators)), "there is nobody to succeed");
    f.apply(enrol_as(51, "web", false), &operators).unwrap();
    let revoke = |seed| Body::RevokeClient(RevokeClient { client_key: public(seed) });
    f.apply(revoke(51), &operators).unwrap();
    assert!(name(f.apply(enrol_as(52, "web", false), &operators)), "it was a revoked client's");
    f.apply(enrol_as(52, "web", true), &operators).unwrap();
    assert!(name(f.apply(enrol_as(53, "web", true), &operators)), "its successor has it");
    f.apply(revoke(52), &operators).unwrap();
    f.apply(enrol_as(53, "web", true), &operators).unwrap();
}

#[test]
fn init_token_again_needs_the_so_and_clears_the_token() {
    let mut f = Fixture::ready();
    let key = f.private_key(1);
    f.apply(create(vec![key, data(2)]), &user()).unwrap();
    let stale = f.init(62, 1);
    let so = [client(50), login(Role::SecurityOfficer, 60)];
    assert_eq!(f.apply(stale, &so), Err(Refusal::LoginVersion { found: 1, next: 2 }));
    let again = f.init(62, 2);
    assert!(not_allowed(f.apply(again.clone(), &[client(50)])));
    assert!(not_allowed(f.apply(again.clone(), &[login(Role::SecurityOfficer, 60)])));
    f.apply(again, &so).unwrap();
    let token = f.registry.token(&TOKEN).unwrap();
    assert!(token.user_login.is_none() && f.registry.objects(&TOKEN).next().is_none());
    assert_eq!(f.apply(create(vec![data(3)]), &user()), Err(Refusal::BadSignature(0)));
    let reset = f.init(63, 3);
    f.apply(reset, &[client(50), operator(11), operator(12)]).unwrap();
}

#[test]
fn logins_are_set_by_whom_the_matrix_says() {
    let mut f = Fixture::ready();
    let next = f.set_login(Role::User, 71, 2);
    assert!(not_allowed(f.apply(next.clone(), &[client(50)])));
    f.apply(next, &user()).unwrap();
    assert_eq!(f.apply(create(vec![data(1)]), &user()), Err(Refusal::BadSignature(0)), "old key");
    let so = f.set_login(Role::SecurityOfficer, 72, 2);
    assert!(not_allowed(f.apply(so.clone(), &[login(Role::User, 71)])));
    f.apply(so, &[login(Role::SecurityOfficer, 60)]).unwrap();
    let skipped = f.set_login(Role::User, 73, 4);
    let by = [login(Role::SecurityOfficer, 72)];
    assert_eq!(f.apply(skipped, &by), Err(Refusal::LoginVersion { found: 4, next: 3 }));
}

#[test]
fn every_field_of_a_birth_binds() {
    let mut f = Fixture::ready();
    let good = f.private_key(1);
    let good_birth = BirthStatement::decode(good.birth.as_ref().unwrap().statement.as_slice()).unwrap();
    let mut with = |change: &dyn Fn(&mut BirthStatement)| {
        let mut birth = good_birth.clone();
        change(&mut birth);
        let object = NewObject { birth: Some(certify(&birth)), ..good.clone() };
        f.apply(create(vec![object]), &user())
    };
    let refused: [&dyn Fn(&mut BirthStatement); 14] = [
        &|b| b.format = 2,
        &|b| b.cluster_id[0] ^= 1,
        &|b| b.purpose = Purpose::LoginOprf as i32,
        &|b| b.purpose = 0,
        &|b| b.token_id = vec![8; 16],
        &|b| b.key_id = vec![2; 16],
        &|b| b.curve = "P-384".into(),
        &|b| b.public_key = vec![3; 33],
        &|b| b.commitments.truncate(1),
        &|b| b.attributes_hash[0] ^= 1,
        &|b| b.transcript.truncate(31),
        &|b| b.base_index = 9_999,
        &|b| b.epoch = 2,
        &|b| b.client_key = public(51),
    ];
    for (position, change) in refused.iter().enumerate() {
        assert!(with(change).is_err(), "change {position} went unnoticed");
    }
    assert_eq!(with(&|_| ()), Ok(()));
}

#[test]
fn a_birth_needs_every_node_once() {
    let mut f = Fixture::ready();
    let good = f.private_key(1);
    let mut with = |change: &dyn Fn(&mut proto::registry::v1::BirthCertificate)| {
        let mut object = good.clone();
        object.birth.as_mut().map(change);
        f.apply(create(vec![object]), &user())
    };
    assert_eq!(with(&|b| b.signatures.truncate(2)), Err(Refusal::Birth("not signed by all nodes")));
    assert_eq!(
        with(&|b| b.signatures[2] = b.signatures[1].clone()),
        Err(Refusal::Birth("signed by a node twice"))
    );
    assert_eq!(with(&|b| b.signatures[2].node = 4), Err(Refusal::Birth("signed by an unknown node")));
    assert!(with(&|b| b.signatures[2].signature[5] ^= 1).is_err());
    assert_eq!(with(&|_| ()), Ok(()));
}

#[test]
fn private_keys_are_born_and_their_owners_are_users() {
    let mut f = Fixture::ready();
    let key = f.private_key(1);
    for other in [client(50), login(Role::SecurityOfficer, 60)] {
        assert!(not_allowed(f.apply(create(vec![key.clone()]), &[other])));
    }
    let unborn = NewObject { birth: None, ..key.clone() };
    assert!(matches!(f.apply(create(vec![unborn]), &user()), Err(Refusal::Birth(_))));
    let secret = NewObject { attributes: vec![attribute(0, &4u64.to_be_bytes())], ..data(2) };
    assert!(matches!(f.apply(create(vec![secret]), &user()), Err(Refusal::Attribute { attribute: 0, .. })));
    let mut disorder = data(2);
    disorder.attributes.swap(0, 1);
    assert!(matches!(f.apply(create(vec![disorder]), &user()), Err(Refusal::Malformed(_))));
    let mut trusted = data(2);
    trusted.attributes.push(attribute(0x86, &[1]));
    assert!(not_allowed(f.apply(create(vec![trusted.clone()]), &user())));
    f.apply(create(vec![trusted.clone()]), &[login(Role::SecurityOfficer, 60)]).unwrap();
    // What is trusted is changed by the security officer alone, also to be trusted no more.
    let record = f.registry.object(&TOKEN, &trusted.object_id.clone().try_into().unwrap()).unwrap();
    let mut attributes = trusted.attributes.clone();
    attributes.retain(|attribute| attribute.r#type != 0x86);
    let distrust = Body::UpdateObject(UpdateObject {
        token_id: TOKEN.to_vec(),
        object_id: trusted.object_id,
        predecessor: statement::record_hash(record).to_vec(),
        attributes,
    });
    for other in [client(50), user()[0].clone()] {
        assert!(not_allowed(f.apply(distrust.clone(), &[other])));
    }
    f.apply(distrust, &[login(Role::SecurityOfficer, 60)]).unwrap();
    assert_eq!(f.apply(create(vec![key.clone(), key.clone()]), &user()), Err(Refusal::Exists("object")));
    f.apply(create(vec![key.clone()]), &user()).unwrap();
    assert!(matches!(f.apply(create(vec![key]), &user()), Err(Refusal::Exists(_))));
    assert!(f.apply(create((10..15).map(data).collect()), &user()).is_err(), "too many at once");
}

#[test]
fn sticky_attributes_stay_and_predecessors_must_be_current() {
    let mut f = Fixture::ready();
    let key = f.private_key(1);
    f.apply(create(vec![key]), &user()).unwrap();
    let hash = |f: &Fixture| statement::record_hash(f.registry.object(&TOKEN, &[1; 16]).unwrap()).to_vec();
    let update = |predecessor: Vec<u8>, attributes| {
        let token_id = TOKEN.to_vec();
        Body::UpdateObject(UpdateObject { token_id, object_id: vec![1; 16], predecessor, attributes })
    };
    let current = hash(&f);
    for (sticky, value) in [
        (0x0, &[0][..]),
        (0x2, &[0]),
        (0x100, &[0]),
        (0x103, &[0]),
        (0x162, &[1]),
        (0x163, &[0]),
        (0x180, &[0]),
    ] {
        let mut attributes = key_attributes();
        attributes.iter_mut().filter(|a| a.r#type == sticky).for_each(|a| a.value = value.to_vec());
        let refused = f.apply(update(current.clone(), attributes), &user());
        assert!(
            matches!(refused, Err(Refusal::Attribute { attribute, .. }) if attribute == sticky),
            "{sticky:#x}"
        );
    }
    // What protects an object is not switched off: CKA_COPYABLE, CKA_DESTROYABLE and CKA_MODIFIABLE.
    for (protection, value) in [(0x171, 1), (0x172, 0), (0x172, 1), (0x170, 0)] {
        let mut object = data(7);
        object.object_id[1] = protection as u8;
        object.object_id[2] = value;
        object.attributes.push(attribute(protection, &[1 - value]));
        f.apply(create(vec![object.clone()]), &user()).unwrap();
        let id = object.object_id.clone().try_into().unwrap();
        let predecessor = statement::record_hash(f.registry.object(&TOKEN, &id).unwrap()).to_vec();
        let mut attributes = object.attributes;
        attributes.last_mut().unwrap().value = vec![value];
        let update =
            UpdateObject { token_id: TOKEN.to_vec(), object_id: object.object_id, predecessor, attributes };
        let refused = f.apply(Body::UpdateObject(update), &user());
        assert!(
            matches!(refused, Err(Refusal::Attribute { attribute, .. }) if attribute == protection),
            "{protection:#x}: {refused:?}"
        );
    }
    let mut labelled = key_attributes();
    labelled.insert(1, attribute(0x1, &[1]));
    assert!(f.apply(update(current.clone(), labelled), &user()).is_err(), "CKA_TOKEN appears");
    let mut renamed = key_attributes();
    renamed.insert(2, attribute(0x3, b"name"));
    assert!(not_allowed(f.apply(update(current.clone(), renamed.clone()), &[client(50)])));
    f.apply(update(current.clone(), renamed.clone()), &user()).unwrap();
    assert_eq!(f.apply(update(current, renamed), &user()), Err(Refusal::Stale));
    let fresh = hash(&f);
    let destroy = |predecessor| {
        Body::DestroyObject(DestroyObject { token_id: TOKEN.to_vec(), object_id: vec![1; 16], predecessor })
    };
    assert_eq!(f.apply(destroy(vec![0; 32]), &user()), Err(Refusal::Stale));
    f.apply(destroy(fresh.clone()), &user()).unwrap();
    assert_eq!(f.apply(destroy(fresh), &user()), Err(Refusal::NotFound("object")));
    let reborn = f.private_key(1);
    assert!(matches!(f.apply(create(vec![reborn]), &user()), Err(Refusal::Exists(_))), "ids are not reused");
}

#[test]
fn snapshots_carry_everything_and_no_key_slips_in() {
    let mut f = Fixture::ready();
    let key = f.private_key(1);
    f.apply(create(vec![key, data(2)]), &user()).unwrap();
    let bytes = f.registry.snapshot();
    let mut other = Registry::new(&manifest());
    other.restore(&bytes).unwrap();
    assert_eq!(
        (other.index(), other.chain(), other.snapshot()),
        (f.registry.index(), f.registry.chain(), bytes.clone())
    );
    let mut forged = proto::registry::v1::Snapshot::decode(bytes.as_slice()).unwrap();
    let birth = forged.objects[0].birth.as_mut().unwrap();
    birth.signatures.truncate(2);
    assert!(Registry::new(&manifest()).restore(&forged.encode_to_vec()).is_err());
    assert!(Registry::new(&manifest()).restore(&bytes[..bytes.len() - 1]).is_err());
    assert!(matches!(
        f.registry.restore(&Fixture::ready().registry.snapshot()),
        Err(Refusal::IndexBehind(_))
    ));
}
