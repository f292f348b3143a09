//! Node 1 lies to its peers: in hellos, orders, heads and in the envelope of every protocol. It leads key
//! generation and presigning, and takes part where others lead. Nodes 2 and 3 say what they think of it, never
//! of each other, and go on without it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use engine::{Event, Input};
use lies::{Lie, Lie::*, Schema, Table};
use prost::Message;
use proto::client::v1::{ClientFrame, GenerateRequest, Request, client_frame, request::Op};
use proto::peer::v1::{Envelope, Protocol};
use proto::registry::v1::{Purpose, Role};

use super::{Harmless, reason};
use crate::service::ready;
use crate::sim::Sim;
use crate::user::key_attributes;

const LIAR: u8 = 1;
const ENVELOPE: &str = "counterfoil.peer.v1.Envelope";
const HELLO: &str = "counterfoil.peer.v1.Hello";
const CONTROL: &str = "counterfoil.peer.v1.Control";
const RAFT: &str = "counterfoil.peer.v1.RaftMessage";
static PROTOCOLS: [Protocol; 5] =
    [Protocol::Hello, Protocol::PairSetup, Protocol::Generation, Protocol::Presign, Protocol::Control];

/// What is said of RSA keys that are made ahead.
const AHEAD: [&str; 3] = ["Control.modulus_start", "ModulusStart.kind", "GenerationStart.modulus"];

/// What is checked before a message's protocol is looked at.
const COMMON: [&str; 5] =
    ["Envelope.format", "Envelope.round", "Envelope.sender", "Envelope.receiver", "Envelope.epoch"];

const HARMLESS: &[Harmless] = &[
    ("Envelope.round", &[], "the round that counts stands in the payload, under the transcript"),
    (
        "Envelope.protocol",
        &[Other],
        "taken for the first message of a session to come, and dropped in the end",
    ),
    ("Envelope.session", &[Other, Longer], "names no live pair: a fresh set-up begins"),
    ("HeadQuery.nonce", &[Other], "the answer does not fit the liar's own question"),
    ("HeadReport.nonce", &[Missing], "a report that was not asked for; the question stays open"),
    ("HeadReport.own", &[Missing], "as of a node that has signed no head"),
    ("HeadReport.yours", &[Missing], "as of a node that has seen none; others have"),
    (
        "Hello.book_id",
        &[Other],
        "a witness's own choice; the presignatures that named its former book are dropped",
    ),
    (
        "PresignStart.urgent",
        &[],
        "whether unused presignatures make room for this one, within the member's bounds",
    ),
    (
        "PresignStart.witness_book_id",
        &[],
        "without a witness nothing reads it; with one: `cluster/strict.rs`",
    ),
    ("PresignStart.registry_index", &[], "how long the order may wait, within bounds; then it is checked"),
    ("SessionFailed.reason", &[], "for people"),
];

/// Alters what an envelope of `protocol` says, or what is inside one of them.
fn lie_in(schema: &Schema, envelope: &mut Envelope, protocols: &[Protocol], field: &str, lie: Lie) -> bool {
    if !protocols.is_empty() {
        if !protocols.contains(&envelope.protocol()) {
            return false;
        }
        let Some(altered) = schema.alter(ENVELOPE, &envelope.encode_to_vec(), field, lie) else {
            return false;
        };
        *envelope = Envelope::decode(altered.as_slice()).unwrap();
        return true;
    }
    let root = match envelope.protocol() {
        Protocol::Hello => HELLO,
        Protocol::Control => CONTROL,
        _ => return false,
    };
    let altered = schema.alter(root, &envelope.payload, field, lie);
    altered.map(|altered| envelope.payload = altered).is_some()
}

/// What the honest nodes said while node 1 told `alter`'s lies; `None` when it told none.
fn verdict(alter: impl FnMut(&mut Envelope) -> bool + 'static) -> Option<BTreeSet<String>> {
    let (mut sim, mut user, key) = ready(31);
    let seen: Vec<usize> = sim.nodes.iter().map(|node| node.events.len()).collect();
    let told = std::rc::Rc::new(std::cell::Cell::new(false));
    let (count, mut alter) = (told.clone(), alter);
    sim.alter = Some(Box::new(move |from, envelope| {
        let tells = from == LIAR && alter(envelope);
        count.set(count.get() || tells);
        tells
    }));
    // Hellos, heads and fresh pairs.
    sim.stop(LIAR);
    sim.start(LIAR);
    sim.run(4_000);
    user.connect(&mut sim);
    for node in user.conns.keys().copied().collect::<Vec<_>>() {
        let login = user.login_at(&mut sim, node, Role::User);
        assert!(login.is_ok() || node == LIAR, "{login:?}");
    }
    // Orders and protocols: led by node 2, then by the liar. Errors are what the lies may lead to.
    let _ = user.generate_key(&mut sim, 2, [2; 16], &key_attributes(true));
    let _ = user.generate_key(&mut sim, LIAR, [3; 16], &key_attributes(true));
    let session = |user: &crate::user::User, id| {
        let mut attributes = key_attributes(true);
        attributes[1] = crate::user::attribute(1, &[0]);
        GenerateRequest { attributes: attributes.clone(), ..user.key_request(id, &attributes) }
    };
    for (node, id) in [(2, [5; 16]), (LIAR, [6; 16])] {
        let request = session(&user, id);
        let _ = user.generate(&mut sim, node, request);
    }
    let _ = user.lease(&mut sim, &key, [1, 2]);
    let _ = user.lease(&mut sim, &key, [1, 3]);
    sim.run(1_000);
    failed_session(&mut sim, user.token, user.conns[&2].id);
    sim.alter = None;
    for honest in [2, 3] {
        let counters = sim.node(honest).engine.as_ref().unwrap().counters();
        let named = sim.node(honest).events.iter().filter(|event| event.name() == "PeerQuarantined").count();
        assert!(named <= 1 && (named as u64) <= counters.failed_checks);
    }
    user.sign(&mut sim, &key, [2, 3], &[5; 32]).unwrap();
    let heard = [2, 3].map(|honest| {
        let node = sim.node(honest);
        node.events[seen[usize::from(honest) - 1]..].iter().filter_map(said).collect::<BTreeSet<String>>()
    });
    told.get().then(|| heard.into_iter().flatten().collect())
}

/// Node 2 generates a key; half way the link between 1 and 3 breaks, and node 1 says that it failed.
fn failed_session(sim: &mut Sim, token: [u8; 16], conn: u64) {
    let generate = GenerateRequest {
        purpose: Purpose::SigningKey as i32,
        token_id: token.to_vec(),
        key_id: vec![4; 16],
        curve: "P-256".into(),
        attributes_hash: vec![1; 32],
        ..GenerateRequest::default()
    };
    let request =
        Request { id: 1, deadline_ms: 5_000, op: Some(Op::Generate(generate)), ..Request::default() };
    let frame = ClientFrame { frame: Some(client_frame::Frame::Request(request)) };
    sim.input(2, Input::ClientFrame { conn, frame });
    sim.run(4);
    sim.disconnect(LIAR, 3);
    sim.run(6_000);
    sim.replies.remove(&conn);
}

/// What an event of an honest node says about the liar.
fn said(event: &Event) -> Option<String> {
    match event {
        Event::PeerMessageRefused { peer, why, .. } if *peer == LIAR => Some((*why).to_owned()),
        Event::PeerQuarantined { peer, rule } => {
            assert_eq!(*peer, LIAR, "an honest node is quarantined: {rule}");
            Some(format!("quarantine: {rule}"))
        }
        Event::GenerationFailed { why, .. } => Some(format!("no key: {why}")),
        Event::PresignFailed { why, .. } => Some(format!("no presignature: {why}")),
        Event::HeadsDiffer { peer, .. } => {
            assert_eq!(*peer, LIAR, "an honest node's head is doubted");
            Some("alarm: two heads at one index".to_owned())
        }
        _ => None,
    }
}

const HEAD: &str = "\
# What a node can lie about to its peers

Every field of `counterfoil.peer.v1` and of the statements that it carries, altered in all that node 1 of
three says, while it leads key generation and presigning and takes part in what node 2 leads. What follows
the arrow is what nodes 2 and 3 say of it; they never name each other, and sign together afterwards. The
payloads of the protocols have [their own table](../../mpc-backend/threshold/spec/fields.md).

Written by `mpc-backend/engine/tests/cluster/fields`: `UPDATE_FIELDS=1 cargo test -p engine --test cluster fields`.
";

type Job = (String, &'static [Protocol], Lie);

#[test]
fn every_field_of_every_message_between_nodes_is_lied_about() {
    let schema = Schema::new();
    let envelope: BTreeSet<String> = schema.fields(ENVELOPE, &[]);
    let mut all = envelope.clone();
    all.extend([HELLO, CONTROL].iter().flat_map(|root| schema.fields(root, &[])));
    let mut jobs: Vec<Job> = Vec::new();
    for field in &all {
        for lie in schema.lies(field) {
            let (hello, others) = PROTOCOLS.split_at(1);
            let groups: Vec<&[Protocol]> = match envelope.contains(field) {
                true if COMMON.contains(&field.as_str()) || *lie != Other => vec![hello, others],
                true => PROTOCOLS.chunks(1).collect(),
                false => vec![&[]],
            };
            jobs.extend(groups.into_iter().map(|protocols| (field.clone(), protocols, *lie)));
        }
    }
    // The liar's messages without a lie: what is said then is not the lie's doing.
    let spoken = std::rc::Rc::new(std::cell::RefCell::new(BTreeSet::new()));
    let heard = spoken.clone();
    let usual = verdict(move |envelope| heard.borrow_mut().insert(envelope.protocol)).unwrap();
    assert_eq!(spoken.borrow().len(), PROTOCOLS.len(), "a protocol that node 1 does not speak");
    let (next, found) = (Mutex::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let schema = std::rc::Rc::new(Schema::new());
                loop {
                    let number = {
                        let mut next = next.lock().unwrap();
                        *next += 1;
                        *next - 1
                    };
                    let Some((field, protocols, lie)) = jobs.get(number).cloned() else { return };
                    let (schema, altered) = (schema.clone(), field.clone());
                    let heard = verdict(move |envelope| lie_in(&schema, envelope, protocols, &altered, lie));
                    found.lock().unwrap().insert(number, heard);
                }
            });
        }
    });
    let (mut table, mut unexplained) = (Table::default(), vec![]);
    for (number, heard) in found.into_inner().unwrap() {
        let (field, protocols, lie) = &jobs[number];
        let Some(heard) = heard else { continue };
        let new: Vec<String> = heard.difference(&usual).cloned().collect();
        let what = match (new.is_empty(), reason(HARMLESS, field, *lie)) {
            (false, _) => new.join(", "),
            (true, Some(reason)) => format!("nothing: {reason}"),
            (true, None) => {
                unexplained.push(format!("{field} {lie:?} {protocols:?}"));
                continue;
            }
        };
        let within = match protocols {
            [] => String::new(),
            [protocol] => format!("{protocol:?}: "),
            _ => "all others: ".to_owned(),
        };
        table.add(field, *lie, format!("{within}{what}"));
    }
    assert!(unexplained.is_empty(), "no effect: {unexplained:#?}");
    for field in schema.fields(RAFT, &[]) {
        table.except(&field, "Raft's own; commands are believed for their signatures, whoever brings them");
        all.insert(field);
    }
    for field in AHEAD {
        table.except(field, "RSA keys made ahead are off here; lies about them: `cluster/moduli.rs`");
    }
    assert_eq!(table.without(&all), [""; 0], "fields that nobody lied about");
    table.check(concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto/fields/from-nodes.md"), HEAD);
}
