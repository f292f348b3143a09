//! A node lies in every field of every answer. What the client gives its application is right all the same,
//! and its log says why the node was not believed: `proto/fields/to-clients.md`, which `UPDATE_FIELDS=1` writes
//! anew. The fields come from the schema: a new one has no row, and the test fails until it has.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use client::ClusterClient;
use client::admin::Admin;
use client::config::Config;
use client::identity::Identity;
use client::log::Level;
use lies::{Lie, Lie::*, Schema, Table};
use prost::Message;
use proto::client::v1::{NodeFrame, request::Op};
use token::backend::{Backend, Freshness, GeneratedPair, Role};

use crate::derive::{agree, expected};
use crate::fake::{CLIENT_SEED, Deed, Fake};
use crate::kms::{round_trip, symmetric_key};
use crate::rsa::{decrypts, rsa_pair};
use crate::sign::verify;
use crate::{PIN, TOKEN, data_object, key_pair, ready, sign};

const ROOT: &str = "counterfoil.client.v1.NodeFrame";
/// Who made a record is the registry's business: clients believe what T nodes say of it.
const STOPS: &[&str] = &["SignedCommand"];

/// Long enough for a busy machine: nobody here is silent.
const DEADLINE: Duration = Duration::from_secs(20);

/// What is done, and whether it came out right. The client is new, and nobody lied when the pair was made.
type Use = fn(&Fake, &ClusterClient, &GeneratedPair) -> bool;

fn logged_in(client: &ClusterClient) -> bool {
    client.login(TOKEN, Role::User, PIN).is_ok()
}

const GENERATE: usize = 0;
const STATUS: usize = 1;
const USES: [Use; 11] = [
    |_, client, _| {
        assert!(logged_in(client));
        let pair = key_pair(client);
        let signature = sign(client, pair.private.id);
        signature.is_ok_and(|signature| {
            verify(&pair, &signature);
            client.destroy_object(TOKEN, pair.private.id, 1).is_ok()
        })
    },
    |fake, _, _| {
        let config = fake.config();
        let admin = Admin::new(config.manifest, Identity::from_seed(&CLIENT_SEED), config.deadline);
        admin.status().into_iter().filter(|(_, status)| status.is_ok()).count() >= 2
    },
    |_, client, _| {
        client.tokens().is_ok_and(|tokens| {
            let [token] = &tokens[..] else { return false };
            token.initialized && token.user_pin_initialized && token.label == [b' '; 32]
        })
    },
    |_, client, pair| {
        let list = |client: &ClusterClient| client.objects(TOKEN, Freshness::Current).ok();
        logged_in(client)
            && list(client).is_some_and(|list| {
                let is_ours = |object: &token::backend::ObjectRecord| *object == pair.private;
                list.get(&pair.private.id).is_some_and(|object| is_ours(object))
            })
    },
    |_, client, pair| {
        logged_in(client)
            && sign(client, pair.private.id).is_ok_and(|signature| {
                verify(pair, &signature);
                true
            })
    },
    |_, client, pair| logged_in(client) && agree(client, pair).is_ok_and(|agreed| *agreed == expected(pair)),
    // The first lease of each node is refused in the name of another.
    |fake, client, pair| {
        for node in 1..=3 {
            let mut first = true;
            fake.script(node, move |op| {
                let misses = matches!(op, Op::Lease(_)) && mem::take(&mut first);
                misses.then(|| Deed::Miss(vec![u32::from(node % 3 + 1)]))
            });
        }
        logged_in(client) && sign(client, pair.private.id).is_ok()
    },
    |_, client, _| {
        logged_in(client)
            && client
                .create_object(TOKEN, data_object("x"))
                .is_ok_and(|made| client.destroy_object(TOKEN, made.id, 1).is_ok())
    },
    |_, client, _| {
        let mut random = [0; 32];
        logged_in(client) && client.random(&mut random).is_ok() && random != [0; 32] && {
            client.logout(TOKEN);
            true
        }
    },
    |_, client, _| logged_in(client) && decrypts(client, &rsa_pair(client)),
    |_, client, _| {
        logged_in(client) && symmetric_key(client).is_ok_and(|record| round_trip(client, &record) == Ok(true))
    },
];

/// Why a lie may leave no trace: a field, or a message with its dot; the lies or all; the reason.
type Harmless = (&'static str, &'static [Lie], &'static str);
/// Fields, or all of a message, that a fake node never fills.
const ELSEWHERE: &[(&str, &str)] = &[
    ("Evidence.", "for people; the client decides nothing by it"),
    ("MessageDigest.", "for people; the client decides nothing by it"),
    ("PeerStatus.evidence", "for people; the client decides nothing by it"),
    ("PeerStatus.failed_checks", "for people; the client decides nothing by it"),
    ("PeerStatus.quarantine", "for people; the client decides nothing by it"),
    ("PoolsStatus.", "for people; the client decides nothing by it"),
    ("RuleCount.", "for people; the client decides nothing by it"),
    ("SetStatus.", "for people; the client decides nothing by it"),
    ("StatusReply.failed_sets", "for people; the client decides nothing by it"),
    ("StatusReply.moduli", "for people; the client decides nothing by it"),
    ("ModuliStatus.", "for people; the client decides nothing by it"),
    ("StatusReply.generations", "for people; the client decides nothing by it"),
    ("GenerationStatus.", "for people; the client decides nothing by it"),
    ("StatusReply.pools_total", "for people; the client decides nothing by it"),
    ("Response.import", "`it/import.rs`"),
    ("ImportReply.", "`it/import.rs`"),
    ("Response.complain", "nothing is read from it"),
    ("Response.hold_keys", "nothing is read from it"),
    ("Response.keep_import", "nothing is read from it"),
    ("Response.copy_key", "the certificate of the copy does not verify: `it/session_keys.rs`"),
    ("CopyKeyReply.", "the certificate of the copy does not verify: `it/session_keys.rs`"),
    ("KmsSealReply.nonces", "as those of an evaluation"),
    ("Response.renew_pair", "read by operators' commands alone"),
    ("Response.grant", "a witness's grant, in strict mode: it is verified before it is used"),
    ("GrantReply.", "a witness's grant, in strict mode: it is verified before it is used"),
    ("LeaseReply.witnesses", "strict mode: a node that is not the witness does not grant"),
    ("SignReply.witnesses", "strict mode: a node that is not the witness does not grant"),
    ("Witness.", "strict mode: a node that is not the witness does not grant"),
];

const HARMLESS: &[Harmless] = &[
    ("StatusReply.", &[], "for people; the client decides nothing by it"),
    ("PeerStatus.", &[], "for people; the client decides nothing by it"),
    ("PoolStatus.", &[], "for people; the client decides nothing by it"),
    ("Counters.", &[], "for people; the client decides nothing by it"),
    ("Response.status", &[], "that node has no status"),
    ("HelloReply.boot_id", &[Other], "which process it is, the node knows best"),
    ("HelloReply.challenge", &[Other], "a login that signs it holds at no node"),
    ("Error.", &[], "a refusal costs another choice of nodes, whatever it says"),
    ("Response.registry_index", &[], "the T-th highest claim counts"),
    ("ListObjectsReply.parts", &[], "not the parts of the digest that T nodes give; another node is asked"),
    ("ReadObjectsReply.", &[], "not the records of the digests that T nodes give; another node is asked"),
    ("ObjectRecord.author", &[], "not read by clients, and under no digest"),
    ("ObjectRecord.", &[], "not the list of the digest that T nodes give; another node is asked"),
    ("Attribute.", &[], "not the list of the digest that T nodes give; another node is asked"),
    (
        "BirthStatement.attributes_hash",
        &[Missing],
        "a signature of the certificate fails; another node is asked",
    ),
    ("GenerateReply.birth", &[], "there is no certificate; another node is asked"),
    ("OprfReply.", &[], "the proof does not verify; another node is asked"),
    ("LeaseReply.presignature_ids", &[Missing, Twice], "an id counts once; without one another set is tried"),
    ("SignReply.presignature_ids", &[], "an id that no node holds costs a retry"),
    ("DeriveReply.node_signature", &[], "looked at when a proof fails, as evidence"),
    ("KmsEvaluateReply.node_signature", &[], "looked at when a proof fails, as evidence"),
    ("KmsEvaluateReply.nonces", &[], "a nonce that no node knows costs a retry"),
    ("KmsNoncesReply.nonces", &[], "a nonce that no node knows costs a retry"),
    ("RsaReply.proof", &[], "read after a lie about the partial: `it/rsa.rs`"),
    ("RsaReply.values", &[], "read after a lie about the partial: `it/rsa.rs`"),
    ("RsaReply.node_signature", &[], "looked at when a proof fails, as evidence"),
    ("SignReply.node_signature", &[], "looked at when a signature fails, to name who is at fault"),
    ("ProposeReply.index", &[Other, Missing], "within what T nodes claim"),
    ("RandomReply.", &[], "mixed with the kernel's"),
];

fn reason(field: &str, lie: Lie) -> Option<&'static str> {
    let names = |name: &str| name == field || (name.ends_with('.') && field.starts_with(name));
    let fits = |(name, lies, _): &&Harmless| names(name) && (lies.is_empty() || lies.contains(&lie));
    HARMLESS.iter().find(fits).map(|(.., reason)| *reason)
}

/// A cluster that the liars are in, with a key, and what each node sends in each use.
struct Stage {
    fake: Fake,
    pair: GeneratedPair,
    honest: Vec<Vec<(u8, Vec<u8>)>>,
    folder: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let fake = ready().0;
        let client = fake.client_with(DEADLINE);
        assert!(logged_in(&client));
        let pair = key_pair(&client);
        let mut stage = Self { fake, pair, honest: Vec::new(), folder: tempfile::tempdir().unwrap() };
        for usual in USES {
            let sent = Arc::new(Mutex::new(Vec::new()));
            for node in 1..=3 {
                let sent = sent.clone();
                stage.fake.alter(node, move |frame| sent.lock().unwrap().push((node, frame.encode_to_vec())));
            }
            assert_eq!(stage.run(usual), (true, None), "without a lie");
            stage.honest.push(mem::take(&mut sent.lock().unwrap()));
        }
        stage
    }

    /// Whether it came out right, and what the client's log says.
    fn run(&self, what: Use) -> (bool, Option<String>) {
        let log = self.folder.path().join("log");
        // Long enough for a busy machine: nobody here is silent.
        let deadline = Duration::from_secs(20);
        let config =
            Config { log: Some(log.clone()), log_level: Level::Info, deadline, ..self.fake.config() };
        let right = what(&self.fake, &ClusterClient::new(config), &self.pair);
        (1..=3).for_each(|node| self.fake.behave(node));
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let _ = std::fs::remove_file(log);
        (right, said(&text))
    }

    /// Has `field` lied about by the first node that sends it; what came of it, once it was told.
    fn tell(&self, schema: &Arc<Schema>, field: &str, lie: Lie) -> Option<(bool, Option<String>)> {
        let holds = |frame: &[u8]| schema.alter(ROOT, frame, field, lie).is_some();
        let begins = |names: &[&str]| names.iter().any(|name| field.starts_with(name));
        let first = match () {
            () if begins(&["Birth", "NodeSignature", "GenerateReply"]) => GENERATE,
            () if begins(&["Status", "PeerStatus", "PoolStatus", "Counters", "Response.status"]) => STATUS,
            () => STATUS + 1,
        };
        let order = (first..USES.len()).chain(0..first);
        let number =
            order.into_iter().find(|number| self.honest[*number].iter().any(|(_, sent)| holds(sent)))?;
        // The client may choose other nodes than before: then the next one lies.
        let mut liars: Vec<u8> =
            self.honest[number].iter().filter(|(_, sent)| holds(sent)).map(|(node, _)| *node).collect();
        liars.dedup();
        for liar in liars.into_iter().chain((0..12).map(|turn| turn % 3 + 1)) {
            let told = Arc::new(AtomicBool::new(false));
            let (count, schema, name) = (told.clone(), schema.clone(), field.to_owned());
            self.fake.alter(liar, move |frame| {
                if let Some(altered) = schema.alter(ROOT, &frame.encode_to_vec(), &name, lie) {
                    *frame = NodeFrame::decode(altered.as_slice()).unwrap();
                    count.store(true, Ordering::SeqCst);
                }
            });
            let outcome = self.run(USES[number]);
            if told.load(Ordering::SeqCst) {
                return Some(outcome);
            }
        }
        panic!("{field}: no node comes to tell the lie");
    }
}

/// What the log says of the liar: that it misbehaved, or else the first line.
fn said(log: &str) -> Option<String> {
    // On a busy machine an honest node is slow.
    let tells = |line: &&str| !line.contains("no answer after") && !line.contains("may serve again");
    let lines: Vec<&str> = log.lines().filter_map(|line| line.splitn(4, ' ').nth(3)).filter(tells).collect();
    let misbehaved = lines.iter().find_map(|line| line.split_once("misbehaved: ").map(|(_, what)| what));
    let checked = lines.iter().find_map(|line| line.split_once("failed its check: ")?.1.split(';').next());
    let text = misbehaved.or(checked).or(lines.first().copied())?;
    Some(text.chars().filter(|char| !char.is_ascii_digit()).collect())
}

const HEAD: &str = "\
# What a node can lie about to a client

Every field of a `counterfoil.client.v1.NodeFrame`, altered in all that one of three nodes sends. What follows
the arrow is the line of the client's log (digits left out). Tokens, lists, keys and signatures come out right
whoever lies. What made a record is registry business and inside `SignedCommand`; what a login key was born as
is checked in the birth certificate, and lists are what T nodes say.

Written by `pkcs11-module/client/tests/it/fields.rs`: `UPDATE_FIELDS=1 cargo test -p client --test it fields`.
";

#[test]
fn every_field_of_every_answer_is_lied_about() {
    let schema = Arc::new(Schema::new());
    let all = schema.fields(ROOT, STOPS);
    let stage = Stage::new();
    let (mut table, mut wrong) = (Table::default(), vec![]);
    table.except("HelloReply.error", "who greets with an error serves nobody, as if it were down");
    table.except("Response.logout", "the client closes its connections instead of asking");
    // What a fake node never sends.
    for field in &all {
        let elsewhere = ELSEWHERE.iter().find(|(name, _)| field == name || field.starts_with(name));
        if let Some((_, reason)) = elsewhere {
            table.except(field, reason);
        }
    }
    for field in &all {
        for lie in schema.lies(field) {
            let Some((right, said)) = stage.tell(&schema, field, *lie) else { continue };
            match (right, said, reason(field, *lie)) {
                (true, Some(said), None) => table.add(field, *lie, said),
                (true, _, Some(reason)) => table.add(field, *lie, format!("nothing: {reason}")),
                (right, said, reason) => wrong.push(format!("{field} {lie:?}: {right} {said:?} {reason:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(table.without(&all), [""; 0], "fields that nobody lied about");
    table.check(concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto/fields/to-clients.md"), HEAD);
}
