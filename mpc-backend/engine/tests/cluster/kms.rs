//! Keys of the KMS interface at the nodes: who may ask for what, when, and what two clients of one token with different
//! policies can do to each other.

mod requests;
mod stated;
mod states;

use proto::client::v1::Code;
use proto::kms::v1::{Kind, KmsKey, State, Usage};
use proto::registry::v1::Role;

pub use self::requests::{Symmetric, key_record, nonce, sealed_input, statement};
use self::requests::{decrypted, encrypted, input, policy_of};
use self::stated::key_pair;
pub use self::stated::{Use, pair_is_used_without_a_statement, uses};
use crate::service::ready;
use crate::sim::Sim;
use crate::user::User;

/// A second client of the same token, with the same login.
fn second(sim: &mut Sim, user: &User) -> User {
    let mut other = User::new(61, 7);
    other.number_from(2 << 48);
    other.enrol_as(sim, "second");
    other.pin_key = user.pin_key.clone();
    other.login(sim);
    other
}

fn symmetric_with(sim: &mut Sim, user: &mut User, id: u8, policy: String) -> Symmetric {
    let record = KmsKey { policy, ..key_record(Usage::EncryptDecrypt) };
    Symmetric::new(sim, user, [id; 16], record)
}

#[test]
fn every_quorum_finds_what_any_other_encrypted() {
    let (mut sim, mut user, _) = ready(70);
    let key = Symmetric::new(&mut sim, &mut user, [2; 16], key_record(Usage::EncryptDecrypt));
    let context = [("a", "b")];
    let (made, value) = encrypted(&mut sim, &mut user, &key, "Encrypt", &context, [1, 2]).unwrap();
    for quorum in [[1, 2], [1, 3], [2, 3]] {
        let found = decrypted(&mut sim, &mut user, &key, &made, &[], &context, quorum).unwrap();
        assert_eq!(found, value);
    }
    let other = decrypted(&mut sim, &mut user, &key, &made, &[], &[("a", "c")], [1, 3]).unwrap();
    assert_ne!(other, value, "another context");
    let (_, again) = encrypted(&mut sim, &mut user, &key, "Encrypt", &context, [1, 2]).unwrap();
    assert_ne!(again, value, "a key is for one message");
}

#[test]
fn leave_to_encrypt_opens_nothing() {
    let (mut sim, mut user, _) = ready(71);
    let mut thief = second(&mut sim, &user);
    let policy = policy_of(&user, &[("client", &["kms:*"]), ("second", &["kms:Encrypt"])]);
    let key = symmetric_with(&mut sim, &mut user, 2, policy);
    let (secret, _) = encrypted(&mut sim, &mut user, &key, "Encrypt", &[], [1, 2]).unwrap();
    let (own, _) = encrypted(&mut sim, &mut thief, &key, "Encrypt", &[], [1, 2]).unwrap();
    for made in [&secret, &own] {
        let refused = decrypted(&mut sim, &mut thief, &key, made, &[], &[], [1, 2]).unwrap_err();
        assert_eq!(refused.code(), Code::PolicyDenied);
    }
    // As if it were being encrypted: the nonces are spent, and those of the other client never were this one's.
    let replayed = key.evaluate(&mut sim, &mut thief, 1, ("Encrypt", &[]), [1, 2], &own, &[]).unwrap_err();
    assert_eq!(replayed.code(), Code::NonceGone);
    let replayed = key.evaluate(&mut sim, &mut thief, 1, ("Encrypt", &[]), [1, 2], &secret, &[]).unwrap_err();
    assert_eq!(replayed.code(), Code::InvalidArgument);
    let mut renamed = secret.clone();
    renamed.encryptor = thief.public().to_vec();
    let replayed =
        key.evaluate(&mut sim, &mut thief, 1, ("Encrypt", &[]), [1, 2], &renamed, &[]).unwrap_err();
    assert_eq!(replayed.code(), Code::NonceGone);
    // Nor with other operations, nor for a client that the policy does not name.
    for operation in ["GenerateDataKey", "ReEncryptTo", "ReEncryptFrom"] {
        let made = input(&mut sim, &mut thief, Kind::Message, [1, 2]);
        let refused =
            key.evaluate(&mut sim, &mut thief, 1, (operation, &[]), [1, 2], &made, &[]).unwrap_err();
        assert_eq!(refused.code(), Code::PolicyDenied, "{operation}");
    }
    assert!(decrypted(&mut sim, &mut user, &key, &own, &[], &[], [2, 3]).is_ok());
}

#[test]
fn a_condition_on_the_context_holds_at_the_nodes() {
    let (mut sim, mut user, _) = ready(72);
    let account = policy::account_of(&user.token);
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{account}:root"}},"Action":"kms:*","Resource":"*","Condition":{{"StringEquals":{{"kms:EncryptionContext:app":"web"}}}}}}]}}"#
    );
    let key = symmetric_with(&mut sim, &mut user, 2, policy);
    assert!(encrypted(&mut sim, &mut user, &key, "Encrypt", &[("app", "web")], [1, 2]).is_ok());
    for context in [&[("app", "mail")][..], &[], &[("other", "web")]] {
        let refused = encrypted(&mut sim, &mut user, &key, "Encrypt", context, [1, 2]).unwrap_err();
        assert_eq!(refused.code(), Code::PolicyDenied);
    }
}

#[test]
fn every_lie_in_a_statement_is_refused() {
    let (mut sim, mut user, _) = ready(73);
    let key = Symmetric::new(&mut sim, &mut user, [2; 16], key_record(Usage::EncryptDecrypt));
    let (made, _) = encrypted(&mut sim, &mut user, &key, "Encrypt", &[], [1, 2]).unwrap();
    let hash = key.hash(&sim, &[], &made);
    let honest = statement(&sim, &user, key.id, ("Decrypt", &[]), [1, 2], &hash);
    let said = |sim: &mut Sim, user: &mut User, said| key.evaluate_said(sim, user, 1, said, &made, &[]);
    type Lie = fn(&mut proto::kms::v1::Statement);
    let lies: [(Lie, Code); 9] = [
        (|lie| lie.signature[0] ^= 1, Code::Forbidden),
        (|lie| lie.request_nonce[0] ^= 1, Code::Forbidden),
        (|lie| lie.expires_unix_ms += 1, Code::Forbidden),
        (|lie| lie.expires_unix_ms += 10 * 60 * 1000, Code::InvalidArgument),
        (|lie| lie.expires_unix_ms = 0, Code::InvalidArgument),
        (|lie| lie.operation = "ReEncryptFrom".into(), Code::Forbidden),
        (|lie| lie.quorum = vec![1, 3], Code::Forbidden),
        (|lie| lie.quorum = vec![2, 3], Code::InvalidArgument),
        (|lie| lie.key_id[0] ^= 1, Code::NotFound),
    ];
    for (at, (alter, code)) in lies.into_iter().enumerate() {
        let mut lie = honest.clone();
        alter(&mut lie);
        assert_eq!(said(&mut sim, &mut user, lie).unwrap_err().code(), code, "lie {at}");
    }
    assert!(said(&mut sim, &mut user, honest.clone()).is_ok());
    assert_eq!(said(&mut sim, &mut user, honest.clone()).unwrap_err().code(), Code::Forbidden, "again");
    // Another client brings it along, with the same login.
    let mut thief = second(&mut sim, &user);
    let fresh = statement(&sim, &user, key.id, ("Decrypt", &[]), [1, 2], &hash);
    assert_eq!(said(&mut sim, &mut thief, fresh).unwrap_err().code(), Code::Forbidden, "another client's");
    sim.run(6 * 60 * 1000);
    user.connect(&mut sim);
    user.login(&mut sim);
    assert_eq!(said(&mut sim, &mut user, honest).unwrap_err().code(), Code::InvalidArgument, "too late");
}

#[test]
fn data_keys_that_nobody_has_seen_are_evaluated_with_all_signatures_only() {
    let (mut sim, mut user, _) = ready(74);
    let key = Symmetric::new(&mut sim, &mut user, [2; 16], key_record(Usage::EncryptDecrypt));
    let (made, seals) = sealed_input(&mut sim, &mut user, &key, [1, 2]);
    let value = decrypted(&mut sim, &mut user, &key, &made, &seals, &[], [1, 3]).unwrap();
    assert_eq!(decrypted(&mut sim, &mut user, &key, &made, &seals, &[], [2, 3]).unwrap(), value);
    let mut swapped = seals.clone();
    swapped.swap(0, 1);
    for wrong in [vec![], seals[..1].to_vec(), swapped] {
        let refused = decrypted(&mut sim, &mut user, &key, &made, &wrong, &[], [1, 3]).unwrap_err();
        assert_eq!(refused.code(), Code::Forbidden);
    }
    // Nobody evaluates such an input while it is made, and a message is none.
    let fresh = input(&mut sim, &mut user, Kind::Sealed, [1, 2]);
    assert!(key.evaluate(&mut sim, &mut user, 1, ("Encrypt", &[]), [1, 2], &fresh, &[]).is_err());
    let message = input(&mut sim, &mut user, Kind::Message, [1, 2]);
    assert!(key.seal(&mut sim, &mut user, 1, [1, 2], &message).is_err());
    // A nonce seals once.
    assert!(key.seal(&mut sim, &mut user, 1, [1, 2], &made).is_err());
}

#[test]
fn a_key_does_what_its_type_is_for_and_nothing_else() {
    let (mut sim, mut user, pair) = ready(75);
    let key = Symmetric::new(&mut sim, &mut user, [2; 16], key_record(Usage::EncryptDecrypt));
    let made = input(&mut sim, &mut user, Kind::Message, [1, 2]);
    // A key pair of PKCS#11 is no key of the interface, and a symmetric key neither signs nor agrees.
    let of_pair = key.with_id(pair.id);
    assert!(of_pair.evaluate(&mut sim, &mut user, 1, ("Encrypt", &[]), [1, 2], &made, &[]).is_err());
    let symmetric = crate::user::Key { id: key.id, birth: pair.birth.clone(), scheme: pair.scheme };
    assert_eq!(user.lease(&mut sim, &symmetric, [1, 2]).unwrap_err().code(), Code::Forbidden);
    let agreement = user.derive_request(&symmetric, [1, 2], &pair.birth.public_key);
    assert_eq!(user.derive_at(&mut sim, 1, agreement).unwrap_err().code(), Code::Forbidden);
    // A pair of the interface for signatures makes no agreement, whatever its attributes say; and the policy holds.
    let record = KmsKey {
        policy: policy_of(&user, &[("client", &["kms:Sign", "kms:DeriveSharedSecret", "kms:PutKeyPolicy"])]),
        ..key_record(Usage::SignVerify)
    };
    let signs = key_pair(&mut sim, &mut user, 3, &record);
    let lease = user.lease(&mut sim, &signs, [1, 2]).unwrap().remove(0);
    let signature = Use::Sign(user.sign_request(&signs, [1, 2], &lease, &[5; 32])).stated(&sim, &user);
    assert!(user.call(&mut sim, 1, signature.op()).is_ok());
    let agreement = user.derive_request(&signs, [1, 2], &pair.birth.public_key);
    assert_eq!(user.derive_at(&mut sim, 1, agreement).unwrap_err().code(), Code::KeyUsage);
    let mut thief = second(&mut sim, &user);
    assert_eq!(thief.lease(&mut sim, &signs, [1, 2]).unwrap_err().code(), Code::PolicyDenied);
    // The security officer uses nothing.
    let conns: Vec<u8> = user.conns.keys().copied().collect();
    user.connect(&mut sim);
    for node in conns {
        user.login_at(&mut sim, node, Role::SecurityOfficer).unwrap();
    }
    assert!(key.evaluate(&mut sim, &mut user, 1, ("Encrypt", &[]), [1, 2], &made, &[]).is_err());
}

/// What the planted bug gives away: an input of the past, evaluated by leave to encrypt.
pub fn past_opens_with_leave_to_encrypt(sim: &mut Sim, user: &mut User) -> bool {
    let policy = policy_of(user, &[("client", &["kms:Encrypt", "kms:PutKeyPolicy"])]);
    let key = symmetric_with(sim, user, 9, policy);
    let (made, _) = encrypted(sim, user, &key, "Encrypt", &[], [1, 2]).unwrap();
    assert_eq!(key.record(sim).state(), State::Enabled);
    key.evaluate(sim, user, 1, ("Encrypt", &[]), [1, 2], &made, &[]).is_ok()
}
