//! Symmetric keys of the KMS interface: what is encrypted under their one-time keys opens again, whoever lies.

use client::ClusterClient;
use client::identity::Identity;
use client::kms::{Ask, KmsError, KmsRecord, Parts, Spec, pairs};
use proto::client::v1::{Code, request::Op, response};
use proto::kms::v1::{Kind, KmsKey, State, Usage};
use token::backend::{Backend, Freshness, Role};

use crate::fake::{CLIENT_SEED, Deed, Fake};
use crate::{PIN, TOKEN, key_pair, ready};

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
fn an_alias_is_found_as_the_newest_listing_has_it() {
    let fake = ready().0;
    let client = logged_in(&fake);
    let [one, two] = [(); 2].map(|()| symmetric_key(&client).unwrap());
    let kms = client.kms(TOKEN);
    let find = |alias| kms.find_alias(alias, Freshness::Cached).map(|found| found.id());
    assert_eq!(find("a"), Err(KmsError::NotFound));
    let named = |aliases: &[&str]| aliases.iter().map(|alias| (*alias).to_owned()).collect();
    let one = kms.update(&one, KmsKey { aliases: named(&["a", "b"]), ..one.key.clone() }).unwrap();
    assert_eq!((find("a"), find("b")), (Ok(one.id()), Ok(one.id())));
    let one = kms.update(&one, KmsKey { aliases: named(&["b"]), ..one.key.clone() }).unwrap();
    kms.update(&two, KmsKey { aliases: named(&["a"]), ..two.key.clone() }).unwrap();
    assert_eq!((find("a"), find("b")), (Ok(two.id()), Ok(one.id())));
}

#[test]
fn refusals_are_told_apart() {
    let fake = ready().0;
    let client = logged_in(&fake);
    let record = symmetric_key(&client).unwrap();
    type Kinds = fn(&KmsError) -> bool;
    let kinds: [(Code, Kinds); 6] = [
        (Code::PolicyDenied, |error| matches!(error, KmsError::Denied(_))),
        (Code::KeyState, |error| matches!(error, KmsError::State(_))),
        (Code::KeyUsage, |error| matches!(error, KmsError::Usage(_))),
        (Code::Throttled, |error| matches!(error, KmsError::Throttled(_))),
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

/// A pair that another client has made one of the interface meanwhile: the nodes want statements, and get them.
#[test]
fn uses_of_a_pair_are_stated_when_the_nodes_ask_for_it() {
    let (fake, client) = ready();
    let pair = key_pair(&client);
    let (cluster, own) = (fake.manifest.cluster_id(), Identity::from_seed(&CLIENT_SEED).public());
    for node in 1..=3 {
        fake.script(node, move |op| {
            let stated = match op {
                Op::Sign(request) => request.statement.as_ref().map(|said| {
                    let parameter = proto::kms::sign_hash(request);
                    (said, "Sign", &request.request_nonce, &request.signers, parameter)
                }),
                Op::Derive(request) => request.statement.as_ref().map(|said| {
                    let parameter = proto::kms::derive_hash(request);
                    (said, "DeriveSharedSecret", &request.request_nonce, &request.quorum, parameter)
                }),
                _ => return None,
            };
            let Some((said, operation, nonce, quorum, parameter)) = stated else {
                return Some(Deed::Refuse(Code::Conflict));
            };
            let same = said.operation == operation && said.request_nonce == *nonce && said.quorum == *quorum;
            // Only what the client's identity has signed of exactly this request.
            let signed = proto::kms::statement(&cluster, said, &parameter).verify(&own, &said.signature);
            (!(same && signed)).then_some(Deed::Refuse(Code::Forbidden))
        });
    }
    crate::sign::verify(&pair, &crate::sign(&client, pair.private.id).unwrap());
    assert_eq!(*crate::derive::agree(&client, &pair).unwrap(), crate::derive::expected(&pair));
}
