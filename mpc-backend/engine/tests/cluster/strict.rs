//! Strict mode (nonce rule R3): no answer without the grant of a witness, so that a signer whose memory was
//! copied gives no two answers. A copy is made by running one seed twice.

use engine::Limits;
use engine::bugs::Bug;
use proto::client::v1::{
    Code, Error, GrantRequest, SignRequest, Witness, request::Op, response::Result as Reply,
};
use proto::statement;

use threshold::frost::{PartialSignature, Schnorr};
use threshold::signing::{Answer, PublicKey, SigningScheme, combine};
use threshold::sim::frost::is_unmasked;

use crate::curves::{scheme_of_seed, verifies};
use crate::service::{ready, ready_on};
use crate::sim::{Sim, node_key};
use crate::user::{Key, Outcome, User, party};

const SIGNERS: [u8; 2] = [1, 2];
const NO_GRANT: &str = "this request has no grant of the presignature's witness";

fn strict(seed: u64) -> (Sim, User, Key) {
    let limits = Limits { presign_pool: 2, strict: true, ..Limits::default() };
    ready_on(Sim::with(seed, limits), scheme_of_seed(seed))
}

/// A leased presignature: its id and witness.
fn lease(sim: &mut Sim, user: &mut User, key: &Key, signers: [u8; 2]) -> (Vec<u8>, Witness) {
    let mut reply = user.lease_some(sim, key, signers, 1).unwrap();
    (reply.presignature_ids.remove(0), reply.witnesses.remove(0))
}

fn grant(sim: &mut Sim, user: &mut User, request: &SignRequest, witness: &Witness) -> Outcome<Vec<u8>> {
    let asked = GrantRequest { sign: Some(request.clone()), book_id: witness.book_id.clone() };
    match user.call(sim, witness.node as u8, Op::Grant(asked))? {
        Reply::Grant(reply) => Ok(reply.grant),
        _ => panic!("another answer"),
    }
}

fn message(outcome: Outcome<impl Sized>) -> String {
    let Err(Error { code, message, .. }) = outcome else { panic!("not refused") };
    assert_eq!(code, Code::PresignatureGone as i32, "{message}");
    message
}

/// What node 1 answers a request for this digest with.
fn answer_of(sim: &mut Sim, user: &mut User, key: &Key, request: SignRequest) -> Outcome<Answer> {
    let reply = user.sign_at(sim, 1, request)?;
    Ok(Answer::decode(key.scheme, &reply.partial, None).unwrap())
}

#[test]
fn every_signer_set_signs_with_its_witness() {
    let (mut sim, mut user, key) = strict(80);
    for (signers, outside) in [([1, 2], 3), ([1, 3], 2), ([2, 3], 1)] {
        let (id, witness) = lease(&mut sim, &mut user, &key, signers);
        assert_eq!(witness.node, outside);
        let mut request = user.sign_request(&key, signers, &id, &[5; 32]);
        request.grant = grant(&mut sim, &mut user, &request, &witness).unwrap();
        for node in signers {
            user.sign_at(&mut sim, node, request.clone()).unwrap();
        }
    }
}

/// Answers of FROST are masked in strict mode, and the masks cancel.
#[test]
fn every_schnorr_signs_with_its_witness() {
    schnorr_signs_with_its_witness(SigningScheme::Ed25519);
    schnorr_signs_with_its_witness(SigningScheme::FrostP256);
    schnorr_signs_with_its_witness(SigningScheme::Bip340);
}

fn schnorr_signs_with_its_witness(scheme: SigningScheme) {
    let limits = Limits { presign_pool: 2, strict: true, ..Limits::default() };
    let (mut sim, mut user, key) = ready_on(Sim::with(87, limits), scheme);
    let (id, witness) = lease(&mut sim, &mut user, &key, SIGNERS);
    let mut request = user.sign_request(&key, SIGNERS, &id, b"message");
    request.grant = grant(&mut sim, &mut user, &request, &witness).unwrap();
    let answers = SIGNERS.map(|node| {
        let reply = user.sign_at(&mut sim, node, request.clone()).unwrap();
        (party(node), Answer::decode(key.scheme, &reply.partial, None).unwrap())
    });
    let online = user.signing_request(&sim, &key, &SIGNERS, b"message", [9; 32]);
    let signature = combine(answers.to_vec(), &online, &key.birth.commitments).unwrap();
    assert!(verifies(key.scheme, &key.birth.public_key, b"message", &signature));
}

#[test]
fn without_strict_mode_a_copied_node_repeats_its_nonce() {
    let (mut original, mut user, key) = ready(81);
    let (mut copy, mut same_user, _) = ready(81);
    let id = user.lease(&mut original, &key, SIGNERS).unwrap().remove(0);
    assert_eq!(same_user.lease(&mut copy, &key, SIGNERS).unwrap().remove(0), id);
    let one = user.sign_request(&key, SIGNERS, &id, &[1; 32]);
    let other = user.sign_request(&key, SIGNERS, &id, &[2; 32]);
    let first = answer_of(&mut original, &mut user, &key, one).unwrap();
    let second = answer_of(&mut copy, &mut same_user, &key, other).unwrap();
    assert!(first.nonce() == second.nonce() && first.context() != second.context());
}

#[test]
fn a_copied_node_answers_one_request_only_in_strict_mode() {
    let (mut original, mut user, key) = strict(82);
    let (mut copy, mut same_user, _) = strict(82);
    let (id, witness) = lease(&mut original, &mut user, &key, SIGNERS);
    assert_eq!(lease(&mut copy, &mut same_user, &key, SIGNERS), (id.clone(), witness.clone()));
    // The witness was not copied: only the original's is asked.
    let mut one = user.sign_request(&key, SIGNERS, &id, &[1; 32]);
    one.grant = grant(&mut original, &mut user, &one, &witness).unwrap();
    assert_eq!(
        grant(&mut original, &mut user, &one, &witness).unwrap(),
        one.grant,
        "a lost reply is repeated"
    );
    let mut other = user.sign_request(&key, SIGNERS, &id, &[2; 32]);
    let refused = message(grant(&mut original, &mut user, &other, &witness));
    assert_eq!(refused, "the presignature was granted to another request");
    let first = answer_of(&mut original, &mut user, &key, one.clone()).unwrap();
    other.grant.clone_from(&one.grant);
    assert_eq!(message(answer_of(&mut copy, &mut same_user, &key, other)), NO_GRANT);
    // All that the copy can be brought to say has been said.
    assert_eq!(answer_of(&mut copy, &mut same_user, &key, one).unwrap(), first);
}

/// Whether a copied node can be brought to answer another request than the original did, with the same nonce.
pub fn a_copy_repeats_its_nonce(scheme: SigningScheme, bug: Option<Bug>) -> bool {
    let start = || {
        let limits = Limits { presign_pool: 2, strict: true, ..Limits::default() };
        let mut sim = Sim::with(89, limits);
        let engines = sim.nodes.iter_mut().filter_map(|node| node.engine.as_mut());
        engines.for_each(|engine| bug.into_iter().for_each(|bug| engine.plant(bug)));
        ready_on(sim, scheme)
    };
    let ((mut original, mut user, key), (mut copy, mut same_user, _)) = (start(), start());
    let (id, witness) = lease(&mut original, &mut user, &key, SIGNERS);
    lease(&mut copy, &mut same_user, &key, SIGNERS);
    let mut one = user.sign_request(&key, SIGNERS, &id, &[1; 32]);
    one.grant = grant(&mut original, &mut user, &one, &witness).unwrap();
    let mut other = user.sign_request(&key, SIGNERS, &id, &[2; 32]);
    other.grant = grant(&mut original, &mut user, &other, &witness).unwrap_or(one.grant.clone());
    let first = answer_of(&mut original, &mut user, &key, one).unwrap();
    answer_of(&mut copy, &mut same_user, &key, other).is_ok_and(|second| second.nonce() == first.nonce())
}

/// Whether FROST's answer of a strict node meets the equation of its share, which a masked one does not.
pub fn a_schnorr_answer_is_bare<S: Schnorr>(
    scheme: SigningScheme,
    (mut sim, mut user, key): (Sim, User, Key),
    point: fn(&PublicKey) -> Option<&S::Point>,
) -> bool {
    let key = key.by(scheme);
    let (id, witness) = lease(&mut sim, &mut user, &key, SIGNERS);
    let mut request = user.sign_request(&key, SIGNERS, &id, b"message");
    request.grant = grant(&mut sim, &mut user, &request, &witness).unwrap();
    let reply = user.sign_at(&mut sim, 1, request).unwrap();
    let answer = PartialSignature::<S>::decode(&reply.partial).unwrap();
    let request = user.signing_request(&sim, &key, &SIGNERS, b"message", [9; 32]);
    let request = request.of_message::<S>(point(&request.public_key).unwrap());
    is_unmasked(party(1), &answer, &request, &key.birth.commitments)
}

#[test]
fn a_wrong_foreign_or_replayed_grant_is_refused_and_spends_nothing() {
    let (mut sim, mut user, key) = strict(83);
    let (former_id, former_witness) = lease(&mut sim, &mut user, &key, SIGNERS);
    let former = user.sign_request(&key, SIGNERS, &former_id, &[1; 32]);
    let replayed = grant(&mut sim, &mut user, &former, &former_witness).unwrap();
    let (id, witness) = lease(&mut sim, &mut user, &key, SIGNERS);
    let request = user.sign_request(&key, SIGNERS, &id, &[1; 32]);
    let (cluster, client, book) = (sim.manifest.cluster_id(), user.public(), witness.book_id.clone());
    let signed = |node: u8, named: u32, book: &[u8], client: &[u8], request: &SignRequest| {
        statement::grant(&cluster, named, book, client, request).sign(&node_key(node))
    };
    let lies = [
        ("none", Vec::new()),
        ("replayed from another presignature", replayed),
        ("by a signer", signed(2, 3, &book, &client, &request)),
        ("by a signer in its own name", signed(2, 2, &book, &client, &request)),
        ("of another book", signed(3, 3, &[9; 16], &client, &request)),
        ("to another client", signed(3, 3, &book, &[9; 32], &request)),
        (
            "of another digest",
            signed(3, 3, &book, &client, &SignRequest { digest: vec![2; 32], ..request.clone() }),
        ),
        (
            "of another nonce",
            signed(3, 3, &book, &client, &SignRequest { request_nonce: vec![2; 32], ..request.clone() }),
        ),
        (
            "of another mechanism",
            signed(3, 3, &book, &client, &SignRequest { mechanism: 0x1044, ..request.clone() }),
        ),
    ];
    for (lie, grant) in lies {
        for node in SIGNERS {
            let refused =
                user.sign_at(&mut sim, node, SignRequest { grant: grant.clone(), ..request.clone() });
            assert_eq!(message(refused), NO_GRANT, "{lie}");
        }
    }
    let grant = grant(&mut sim, &mut user, &request, &witness).unwrap();
    for node in SIGNERS {
        user.sign_at(&mut sim, node, SignRequest { grant: grant.clone(), ..request.clone() }).unwrap();
    }
}

#[test]
fn a_witness_holds_a_request_against_the_rules() {
    let (mut sim, mut user, key) = strict(84);
    let (id, witness) = lease(&mut sim, &mut user, &key, SIGNERS);
    let request = user.sign_request(&key, SIGNERS, &id, &[1; 32]);
    let code = |outcome: Outcome<Vec<u8>>| outcome.unwrap_err().code();
    let signer = Witness { node: 2, ..witness.clone() };
    assert_eq!(code(grant(&mut sim, &mut user, &request, &signer)), Code::InvalidArgument);
    let mechanism = SignRequest { mechanism: 0x1043, digest: vec![1; 28], ..request.clone() };
    assert_eq!(code(grant(&mut sim, &mut user, &mechanism, &witness)), Code::Forbidden);
    let mut stranger = User::new(60, 7);
    stranger.enrol(&mut sim);
    assert_eq!(code(grant(&mut sim, &mut stranger, &request, &witness)), Code::NotLoggedIn);
}

#[test]
fn a_restarted_witness_grants_nothing_of_its_former_life() {
    let (mut sim, mut user, key) = strict(85);
    let (id, witness) = lease(&mut sim, &mut user, &key, SIGNERS);
    sim.stop(3);
    sim.start(3);
    sim.run(40_000);
    user.connect(&mut sim);
    user.login(&mut sim);
    let mut request = user.sign_request(&key, SIGNERS, &id, &[1; 32]);
    let refused = message(grant(&mut sim, &mut user, &request, &witness));
    assert!(refused.contains("another book"), "{refused}");
    // In its new book it would grant; the signers have dropped what named the old one.
    let book_id = lease(&mut sim, &mut user, &key, SIGNERS).1.book_id;
    assert_ne!(book_id, witness.book_id);
    request.grant = grant(&mut sim, &mut user, &request, &Witness { book_id, ..witness }).unwrap();
    for node in SIGNERS {
        let refused = message(user.sign_at(&mut sim, node, request.clone()));
        assert_eq!(refused, "no such presignature for this client");
    }
}

#[test]
fn a_full_book_is_followed_by_the_next() {
    let bounds = Limits { presign_pool: 2, strict: true, grants_max: 2, ..Limits::default() };
    let (mut sim, mut user, key) = ready_on(Sim::with(86, bounds), scheme_of_seed(86));
    let mut books = std::collections::BTreeSet::new();
    for digest in 0..6 {
        let (id, witness) = lease(&mut sim, &mut user, &key, SIGNERS);
        let mut request = user.sign_request(&key, SIGNERS, &id, &[digest; 32]);
        request.grant = grant(&mut sim, &mut user, &request, &witness).unwrap();
        for node in SIGNERS {
            user.sign_at(&mut sim, node, request.clone()).unwrap();
        }
        books.insert(witness.book_id);
        sim.run(500);
    }
    assert_eq!(books.len(), 3);
}

#[test]
fn without_a_witness_the_lease_says_what_is_missing() {
    let (mut sim, mut user, key) = strict(87);
    sim.stop(3);
    sim.run(100);
    let refused = user.lease(&mut sim, &key, SIGNERS).unwrap_err();
    assert_eq!((refused.code(), refused.nodes), (Code::Unavailable, vec![3]));
    assert!(refused.message.contains("strict mode needs 3 nodes"), "{}", refused.message);
}

#[test]
fn a_strict_member_makes_no_presignature_without_a_witness() {
    let (mut sim, mut user, key) = ready(88);
    sim.stop(2);
    sim.limits.strict = true;
    sim.start(2);
    sim.run(40_000);
    user.connect(&mut sim);
    user.login(&mut sim);
    assert!(user.lease(&mut sim, &key, SIGNERS).is_err());
    assert!(sim.logged(2, "PeerMessageRefused") > 0);
    // As the lowest member it names a witness, and a member that is not strict asks for the grant, too.
    let (id, witness) = lease(&mut sim, &mut user, &key, [2, 3]);
    let mut request = user.sign_request(&key, [2, 3], &id, &[1; 32]);
    assert_eq!(message(user.sign_at(&mut sim, 3, request.clone())), NO_GRANT);
    request.grant = grant(&mut sim, &mut user, &request, &witness).unwrap();
    assert!(user.sign_at(&mut sim, 3, request).is_ok());
}
