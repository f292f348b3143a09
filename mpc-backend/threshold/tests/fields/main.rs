//! Lies about every field of every message, and the document that lists them.
//!
//! Each message is taken apart by `sim::fields`, which knows every field of its type; the parts joined
//! are the message, byte for byte. Every kind of field has its lies, and every message has those about
//! its length, origin and order. One lie is told a run, by the last party: first to everybody, which is
//! what `spec/fields.md` lists, then to party 1 alone. Whatever it is, no honest party is named, whom a
//! rule can name is named, a pair dies exactly when the rule says so, and nobody panics.
//!
//! `UPDATE_FIELDS=1 cargo test -p threshold --test fields` writes the document anew.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;
mod ecdh;
mod frost;
mod keygen;
mod lies;
mod online;
mod oprf;
mod presign;
mod setup;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::marker::PhantomData;

use common::party;
use lies::{FieldLie, MessageLie, PLACES};
use threshold::fault::{Fault, Severity};
use threshold::frost::{Bip340, Ed25519, FrostP256};
use threshold::group::{P256, P384, Secp256k1};
use threshold::sim::fields::Field;

/// One of the runs that messages are recorded in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Variant {
    Usual,
    Session,
    Epoch,
    Key,
    Receiver,
}

/// A message on its way.
struct Wire<'a> {
    from: u8,
    to: u8,
    round: u8,
    message: &'a [u8],
}

/// What arrives instead of a message, in order.
type Tamper<'a> = dyn FnMut(Wire<'_>) -> Vec<Vec<u8>> + 'a;

/// What became of the parties. Party 0 is a client.
#[derive(Default)]
struct Ended {
    faults: BTreeMap<u8, Fault>,
    finished: BTreeSet<u8>,
    /// Party and peer of each pair that is dead.
    dead: BTreeSet<(u8, u8)>,
}

/// A protocol whose last party lies.
trait Protocol {
    const NAME: &'static str;
    /// What each round sends.
    const ROUNDS: &'static [&'static str];
    const LIAR: u8;
    /// Party 0 or 1, to whom the lies of the document are told.
    const VICTIM: u8;
    /// Runs that there can be.
    const VARIANTS: &'static [Variant];

    fn fields(message: &[u8]) -> Option<Vec<Field>>;

    /// The generator of the group that points are of.
    fn generator() -> Vec<u8> {
        curve25519_dalek::constants::RISTRETTO_BASEPOINT_COMPRESSED.to_bytes().to_vec()
    }

    fn run(&mut self, variant: Variant, tamper: &mut Tamper<'_>) -> Ended;

    /// Why a lie about a field or message may have no effect.
    fn passes(lie: &str) -> Option<&'static str> {
        match lie {
            "twice" => Some("the repeat is dropped"),
            "late" => Some("the later round waits"),
            "round" => Some("an earlier round's message is dropped, and the round waits"),
            _ => None,
        }
    }
}

/// Messages of honest runs, by run, sender, receiver and round.
type Recorded = BTreeMap<(Variant, u8, u8, u8), Vec<u8>>;

fn record<P: Protocol>(protocol: &mut P) -> Recorded {
    let mut recorded = Recorded::new();
    for variant in P::VARIANTS {
        let ended = protocol.run(*variant, &mut |wire| {
            assert!((1..=P::ROUNDS.len()).contains(&usize::from(wire.round)), "{}: a new message", P::NAME);
            recorded.insert((*variant, wire.from, wire.to, wire.round), wire.message.to_vec());
            vec![wire.message.to_vec()]
        });
        assert!(ended.faults.is_empty(), "{}: {:?}", P::NAME, ended.faults);
    }
    recorded
}

/// Tells a lie in messages of `round`, to everybody or to the victim alone; what it led to.
fn told<P: Protocol>(
    protocol: &mut P,
    round: u8,
    to_all: bool,
    label: &str,
    mut lie: impl FnMut(&Wire<'_>) -> Option<Vec<Vec<u8>>>,
) -> Ended {
    // A message held back arrives after the next one to the same receiver.
    let mut held: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    let ended = protocol.run(Variant::Usual, &mut |wire| {
        if wire.from != P::LIAR || !(to_all || wire.to == P::VICTIM) {
            return vec![wire.message.to_vec()];
        }
        let mut arrives = vec![wire.message.to_vec()];
        if wire.round == round {
            let Some(instead) = lie(&wire) else {
                held.insert(wire.to, wire.message.to_vec());
                return vec![];
            };
            arrives = instead;
        }
        arrives.extend(held.remove(&wire.to));
        arrives
    });
    for (who, fault) in ended.faults.iter().filter(|(who, _)| **who != P::LIAR) {
        let context = format!("{} {round} {label}: party {who} says {fault:?}", P::NAME);
        let named = fault.culprit.map(|culprit| culprit.get());
        assert!(named.is_none_or(|culprit| culprit == P::LIAR), "an honest party is named: {context}");
        assert_eq!(named.is_some(), fault.rule.names_culprit(), "{context}");
        let dead = ended.dead.contains(&(*who, P::LIAR));
        assert_eq!(dead, fault.rule.severity() == Severity::PairDead, "pair: {context}");
        assert!(!ended.finished.contains(who), "a result in spite of it: {context}");
    }
    ended
}

/// The victim's verdict in the document's words.
fn verdict<P: Protocol>(ended: &Ended, label: &str) -> String {
    match ended.faults.get(&P::VICTIM) {
        Some(fault) => match (fault.culprit, fault.rule.severity()) {
            (Some(_), Severity::PairDead) => format!("{:?} (sender; pair dead)", fault.rule),
            (Some(_), Severity::Quarantine) => format!("{:?} (sender; quarantine)", fault.rule),
            (Some(_), Severity::SessionEnds) => format!("{:?} (sender)", fault.rule),
            (None, _) => format!("{:?}", fault.rule),
        },
        // What the liar computes with does not fit what it sent: it cannot go on.
        None if ended.faults.contains_key(&P::LIAR) && !ended.finished.contains(&P::VICTIM) => {
            "none: only the liar fails, and the receiver waits".to_owned()
        }
        None => {
            let reason = P::passes(label);
            let reason = reason.unwrap_or_else(|| panic!("{}: `{label}` met no check", P::NAME));
            // Whoever waits has no result, as after silence.
            assert_eq!(ended.finished.contains(&P::VICTIM), label != "round", "{}: {label}", P::NAME);
            format!("none: {reason}")
        }
    }
}

/// The verdict on a lie to everybody. Where the liar has several peers, it may lie to one alone as well.
fn tell_it<P: Protocol>(
    protocol: &mut P,
    round: u8,
    alone: bool,
    label: &str,
    tell: &mut dyn FnMut(&Wire<'_>) -> Option<Vec<Vec<u8>>>,
) -> String {
    let to_all = verdict::<P>(&told(protocol, round, true, label, &mut *tell), label);
    if alone && P::LIAR > 2 {
        told(protocol, round, false, label, tell);
    }
    to_all
}

/// Lies by what they led to, in the order of telling.
#[derive(Default)]
struct Results(Vec<(String, Vec<String>)>);

impl Results {
    fn add(&mut self, label: &str, verdict: String) {
        match self.0.iter_mut().find(|(known, _)| *known == verdict) {
            Some((_, labels)) => labels.push(label.to_owned()),
            None => self.0.push((verdict, vec![label.to_owned()])),
        }
    }

    fn cell(&self) -> String {
        let part = |(verdict, labels): &(String, Vec<String>)| format!("{} → {verdict}", labels.join(", "));
        self.0.iter().map(part).collect::<Vec<_>>().join("; ")
    }
}

/// The rows of one protocol, and how many lies were told.
fn document<P: Protocol>(protocol: &mut P) -> (String, usize) {
    let recorded = record(protocol);
    let (mut text, mut lies) = (format!("\n## {}\n\n", P::NAME), 0);
    text.push_str("| message | field | bytes | lies → rule |\n|---|---|---|---|\n");
    for (round, name) in (1_u8..).zip(P::ROUNDS) {
        let honest = &recorded[&(Variant::Usual, P::LIAR, P::VICTIM, round)];
        let fields = P::fields(honest).unwrap_or_else(|| panic!("{name} has no table of its fields"));
        let joined: Vec<u8> = fields.iter().flat_map(|field| field.bytes.clone()).collect();
        assert_eq!(joined, *honest, "the fields of {name} are not the whole message");
        let mut seen = BTreeSet::new();
        for (index, field) in fields.iter().enumerate() {
            if !seen.insert(field.name) {
                continue;
            }
            let instances = fields.iter().filter(|other| other.name == field.name).count();
            let mut results = Results::default();
            for (told_before, lie) in FieldLie::of(field.kind).iter().enumerate() {
                let mut tell = |wire: &Wire<'_>| {
                    let mut fields = P::fields(wire.message)?;
                    let other = recorded.get(&(Variant::Session, wire.from, wire.to, wire.round));
                    let other = other.and_then(|message| P::fields(message));
                    let other = other.map(|fields| fields[index].bytes.clone());
                    lie.tell(&mut fields[index], other, P::generator());
                    Some(vec![fields.into_iter().flat_map(|field| field.bytes).collect()])
                };
                results.add(lie.label(), tell_it(protocol, round, told_before == 0, lie.label(), &mut tell));
                lies += 1;
            }
            let bytes = if instances > 1 {
                format!("{instances} x {}", field.bytes.len())
            } else {
                field.bytes.len().to_string()
            };
            writeln!(text, "| {name} | {} | {bytes} | {} |", field.name, results.cell()).unwrap();
        }
        let mut results = Results::default();
        for lie in MessageLie::ALL {
            let source = lie.source::<P>(&recorded, P::VICTIM, round);
            // A broadcast is the same message to every receiver.
            if lie.is_from_elsewhere() && source.as_ref().is_none_or(|source| source == honest) {
                continue;
            }
            // A first message cannot come after the second where nobody moves before it.
            if *lie == MessageLie::Late
                && (usize::from(round) == P::ROUNDS.len() || !PLACES.contains(&P::NAME))
            {
                continue;
            }
            let mut tell =
                |wire: &Wire<'_>| lie.tell(wire.message, lie.source::<P>(&recorded, wire.to, wire.round));
            results.add(lie.label(), tell_it(protocol, round, true, lie.label(), &mut tell));
            lies += 1;
        }
        writeln!(text, "| {name} | all of it | {} | {} |", honest.len(), results.cell()).unwrap();
    }
    (text, lies)
}

const HEAD: &str = "\
# Every field of every message, and the lies about it

Written by `tests/fields`; `UPDATE_FIELDS=1 cargo test -p threshold --test fields` writes it anew, and \
without it the test compares. P-256, three signers or parties, the last one lies to all; repeated fields \
are lied about in their first place. With three parties the first lie about each field, and \
each about a message, is told to one receiver alone as well. Of every lie it is demanded: no honest party named, the sender named where the rule names one (*sender*), the pair dead exactly where \
it says so, no result. A rule without *sender* names nobody. Sessions and presignatures are consumed by \
value, so that none is used after a fault.

Lies: *flip* one bit in the middle; *zeros* (for a point: the identity); *above* the order or off the \
curve; *other* valid value; *session*: the same field of another session. Of a whole message: *truncated* \
or *extended* by a byte, *empty*, of another *session*, *epoch*, *key*, *sender*, *receiver*, *round*, \
*twice*, *late* (after the sender's next).
";

#[test]
fn every_field_of_every_message_is_lied_about() {
    let protocols: [fn() -> (String, usize); 9] = [
        || document(&mut keygen::Keygen::<P256>(PhantomData)),
        || document(&mut setup::Setup),
        || document(&mut presign::Presign::<P256>(PhantomData)),
        || document(&mut online::Online::<P256>(PhantomData)),
        || document(&mut ecdh::Agreement),
        || document(&mut frost::MakeNonces::<Ed25519>(PhantomData)),
        || document(&mut frost::FrostAnswer::<Ed25519>(PhantomData)),
        || document(&mut oprf::Request),
        || document(&mut oprf::Answer),
    ];
    let parts: Vec<(String, usize)> = std::thread::scope(|scope| {
        let running = protocols.map(|protocol| scope.spawn(protocol));
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let lies: usize = parts.iter().map(|(_, lies)| lies).sum();
    let text: String = parts.into_iter().map(|(text, _)| text).collect();
    let text = format!("{HEAD}{text}\n{lies} lies in all.\n");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/spec/fields.md");
    if std::env::var_os("UPDATE_FIELDS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let differs = written.lines().zip(text.lines()).find(|(written, now)| written != now);
    assert!(written == text, "spec/fields.md is not what happens: {differs:?}; see the head of this file");
}

/// The table of a protocol without its column of sizes.
fn verdicts<P: Protocol>(mut protocol: P) -> Vec<String> {
    let (text, _) = document(&mut protocol);
    let row = |line: &str| {
        let cells = line.split('|').enumerate().filter(|(column, _)| *column != 3);
        cells.map(|(_, cell)| cell).collect::<Vec<_>>().join("|")
    };
    text.lines().map(row).collect()
}

/// Every lie meets the same rule on every curve: presigning on the one of other sizes, and what takes less
/// time on the third.
#[test]
fn the_tables_of_other_curves_differ_in_sizes_only() {
    assert_eq!(
        verdicts(presign::Presign::<P384>(PhantomData)),
        verdicts(presign::Presign::<P256>(PhantomData))
    );
    assert_eq!(verdicts(keygen::Keygen::<P384>(PhantomData)), verdicts(keygen::Keygen::<P256>(PhantomData)));
    assert_eq!(
        verdicts(keygen::Keygen::<Secp256k1>(PhantomData)),
        verdicts(keygen::Keygen::<P256>(PhantomData))
    );
    let online = verdicts(online::Online::<P256>(PhantomData));
    assert_eq!(verdicts(online::Online::<P384>(PhantomData)), online);
    assert_eq!(verdicts(online::Online::<Secp256k1>(PhantomData)), online);
}

/// What each lie led to, but for one bit of a point, which may be a bit of another point.
fn but_flips(table: &[String]) -> BTreeSet<(String, String, String)> {
    let rows = table.iter().filter_map(|row| row.trim_matches('|').rsplit_once('|'));
    rows.flat_map(|(row, cell)| {
        let parts = cell.split("; ").filter_map(|part| part.split_once(" → "));
        parts.flat_map(move |(labels, verdict)| {
            let labels = labels.split(", ").map(str::trim).filter(|label| *label != "flip");
            labels.map(move |label| (row.to_owned(), label.to_owned(), verdict.trim().to_owned()))
        })
    })
    .collect()
}

#[test]
fn the_tables_of_other_schemes_differ_in_sizes_only() {
    let nonces = but_flips(&verdicts(frost::MakeNonces::<Ed25519>(PhantomData)));
    assert!(nonces.len() > 15, "{nonces:?}");
    assert_eq!(but_flips(&verdicts(frost::MakeNonces::<FrostP256>(PhantomData))), nonces);
    assert_eq!(but_flips(&verdicts(frost::MakeNonces::<Bip340>(PhantomData))), nonces);
    let answers = but_flips(&verdicts(frost::FrostAnswer::<Ed25519>(PhantomData)));
    assert!(answers.len() > 20, "{answers:?}");
    assert_eq!(but_flips(&verdicts(frost::FrostAnswer::<FrostP256>(PhantomData))), answers);
    // R of BIP-340 is no point, so two lies fewer are told about it.
    let bip340 = but_flips(&verdicts(frost::FrostAnswer::<Bip340>(PhantomData)));
    assert!(bip340.is_subset(&answers) && bip340.len() == answers.len() - 2, "{bip340:?}");
}

/// The fault of the liar's malformed message, where a decoder says only that it is one.
fn malformed(liar: u8) -> Fault {
    Fault::of(party(liar), threshold::fault::Rule::Malformed)
}
