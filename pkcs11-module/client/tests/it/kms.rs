//! Symmetric keys of the KMS interface: what is encrypted under their one-time keys opens again, whoever lies.

use client::ClusterClient;
use client::kms::{Ask, KmsError, KmsRecord, Parts, Spec, pairs};
use proto::client::v1::{Code, request::Op, response};
use proto::kms::v1::{Kind, KmsKey, State, Usage};
use token::backend::{Backend, Freshness, Role};

use crate::fake::{Deed, Fake};
use crate::{PIN, TOKEN, ready};

pub fn symmetric_key(client: &ClusterClient) -> Result<KmsRecord, KmsError> {
    let mut key = KmsKey { created_unix_s: 1, ..KmsKey::default() };
    key.set_usage(Usage::EncryptDecrypt);
    key.set_state(State::Enabled);
    client.kms(TOKEN).create(Spec::Symmetric, "seeds", key)
}

/// Whether everything that is encrypted opens again.
pub fn round_trip(client: &ClusterClient, record: &KmsRecord) -> Result<bool, KmsError> {
    let kms = client.kms(TOKEN);
    let context = pairs(&[("app".to_owned(), "web".to_owned())].into());
    let ask = |operation| Ask { operation, context: &context };
    let (parts, key) = kms.encrypt_key(record, Kind::Message, ask("Encrypt"), [7; 32])?;
    let stored = parts.encode();
    let (parts, rest) = Parts::decode(&stored).ok_or(KmsError::NotFound)?;
    let found = kms.decrypt_key(record, &parts, ask("Decrypt"))?;
    let sealed = kms.seal_without_plaintext(record, ask("GenerateDataKeyWithoutPlaintext"), [8; 32])?;
    let one = kms.decrypt_key(record, &sealed, ask("Decrypt"))?;
    let two = kms.decrypt_key(record, &sealed, ask("Decrypt"))?;
    kms.check(record, ask("DescribeKey"))?;
    Ok(rest.is_empty() && *found == *key && *one == *two && *one != *key)
}

fn logged_in(fake: &Fake) -> std::sync::Arc<ClusterClient> {
    let client = fake.client();
    client.login(TOKEN, Role::User, PIN).unwrap();
    client
}

#[test]
fn what_is_encrypted_opens_again_and_a_warm_encryption_is_one_round_trip() {
    let fake = ready().0;
    let client = logged_in(&fake);
    let record = symmetric_key(&client).unwrap();
    assert_eq!(client.kms(TOKEN).find(&record.id(), Freshness::Current).unwrap().key, record.key);
    assert_eq!(round_trip(&client, &record), Ok(true));
    fake.world.lock().unwrap().seen.clear();
    let ask = Ask { operation: "Encrypt", context: &[] };
    client.kms(TOKEN).encrypt_key(&record, Kind::Message, ask, [7; 32]).unwrap();
    let seen = fake.world.lock().unwrap().seen.clone();
    assert_eq!(seen.iter().map(|(_, kind)| *kind).collect::<Vec<_>>(), ["evaluate", "evaluate"]);
}

#[test]
fn a_lying_node_costs_a_retry_and_never_a_wrong_key() {
    let fake = ready().0;
    let record = symmetric_key(&logged_in(&fake)).unwrap();
    for liar in 1..=3 {
        // A client that was lied to leaves that node out from then on.
        let client = logged_in(&fake);
        fake.script(liar, |op| {
            matches!(op, Op::KmsEvaluate(_)).then_some(Deed::Lie(|result| {
                let response::Result::KmsEvaluate(reply) = result else { return };
                reply.partial[40] ^= 1;
            }))
        });
        assert_eq!(round_trip(&client, &record), Ok(true), "node {liar} lies");
        fake.behave(liar);
    }
}

#[test]
fn a_node_that_has_forgotten_its_nonces_is_asked_for_others() {
    let fake = ready().0;
    let client = logged_in(&fake);
    let record = symmetric_key(&client).unwrap();
    assert_eq!(round_trip(&client, &record), Ok(true));
    fake.world.lock().unwrap().outstanding.clear();
    assert_eq!(round_trip(&client, &record), Ok(true));
}

#[test]
fn refusals_are_told_apart() {
    let fake = ready().0;
    let client = logged_in(&fake);
    let record = symmetric_key(&client).unwrap();
    type Kinds = fn(&KmsError) -> bool;
    let kinds: [(Code, Kinds); 5] = [
        (Code::PolicyDenied, |error| matches!(error, KmsError::Denied(_))),
        (Code::KeyState, |error| matches!(error, KmsError::State(_))),
        (Code::KeyUsage, |error| matches!(error, KmsError::Usage(_))),
        (Code::NotFound, |error| *error == KmsError::NotFound),
        (Code::Conflict, |error| *error == KmsError::Stale),
    ];
    for (code, is_kind) in kinds {
        for node in 1..=3 {
            fake.script(node, move |op| matches!(op, Op::KmsEvaluate(_)).then_some(Deed::Refuse(code)));
        }
        let error = round_trip(&client, &record).unwrap_err();
        assert!(is_kind(&error), "{code:?}: {error:?}");
    }
}
