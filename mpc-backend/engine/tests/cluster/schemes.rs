//! A key that signs by two schemes, ECDSA and Schnorr: what is made ahead of time for one is of no use for the
//! other, and nodes keep a key to the mechanisms of its attributes.

use engine::Input;
use proto::client::v1::{Code, GrantRequest, SignRequest, request::Op};
use proto::registry::v1::Attribute;
use threshold::signing::{SigningCurve, SigningScheme};

use crate::curves::{key_attributes_on, mechanism_of, schemes_on, verifies};
use crate::planted::rules::order;
use crate::pools::status;
use crate::service::ready_on;
use crate::sim::{Sim, TWO_OF_THREE};
use crate::user::{Key, Outcome, User};

const SIGNERS: [u8; 2] = [1, 2];
const ALLOWED_MECHANISMS: u64 = 0x4000_0600;

/// Both schemes of each curve that has two.
const PAIRS: [[SigningScheme; 2]; 2] = [
    [SigningScheme::EcdsaP256, SigningScheme::FrostP256],
    [SigningScheme::EcdsaSecp256k1, SigningScheme::Bip340],
];

fn code<T>(outcome: Outcome<T>) -> Code {
    outcome.err().map_or(Code::Unspecified, |error| error.code())
}

#[test]
fn one_key_signs_by_both_schemes_from_pools_of_their_own() {
    for (seed, schemes) in (90..).zip(PAIRS) {
        let (mut sim, mut user, key) = ready_on(Sim::of(TWO_OF_THREE, seed), schemes[0]);
        assert_eq!(schemes_on(key.curve()), schemes);
        for digest in 0..6 {
            let key = key.by(schemes[usize::from(digest % 2)]);
            let signature = user.sign(&mut sim, &key, SIGNERS, &[digest; 32]).unwrap();
            assert!(verifies(key.scheme, &key.birth.public_key, &[digest; 32], &signature));
            for other in schemes.iter().filter(|other| **other != key.scheme) {
                let length = if *other == SigningScheme::FrostP256 { 65 } else { 64 };
                if signature.len() == length {
                    assert!(!verifies(*other, &key.birth.public_key, &[digest; 32], &signature));
                }
            }
        }
        sim.run(500);
        for node in SIGNERS {
            let pools = status(&mut sim, &mut user, node).pools;
            let mut named: Vec<&str> = pools.iter().map(|pool| pool.scheme.as_str()).collect();
            named.sort_unstable();
            let mut expected = schemes.map(SigningScheme::name);
            expected.sort_unstable();
            assert_eq!(named, expected, "two pools of one key");
            assert!(pools.iter().all(|pool| pool.key_id == key.id && pool.ready > 0), "{pools:?}");
        }
        assert_eq!(sim.ledger.violations, Vec::<String>::new());
    }
}

/// A client that asks for the other scheme with a leased id gets nothing, and the id is as good as before.
#[test]
fn what_was_leased_for_one_scheme_answers_no_other() {
    for (seed, schemes) in (92..).zip(PAIRS) {
        let (mut sim, mut user, key) = ready_on(Sim::of(TWO_OF_THREE, seed), schemes[0]);
        for (own, other) in [(schemes[0], schemes[1]), (schemes[1], schemes[0])] {
            let (own, other) = (key.by(own), key.by(other));
            // Presignatures of the other scheme are there as well.
            user.sign(&mut sim, &other, SIGNERS, &[1; 32]).unwrap();
            let id = user.lease(&mut sim, &own, SIGNERS).unwrap().remove(0);
            sim.run(100);
            for node in SIGNERS {
                let request = user.sign_request(&other, SIGNERS, &id, &[2; 32]);
                assert_eq!(code(user.sign_at(&mut sim, node, request)), Code::PresignatureGone);
            }
            for node in SIGNERS {
                let request = user.sign_request(&own, SIGNERS, &id, &[3; 32]);
                assert!(user.sign_at(&mut sim, node, request).is_ok(), "{:?}", own.scheme);
            }
        }
        assert_eq!(sim.ledger.violations, Vec::<String>::new());
    }
}

fn with_mechanisms(curve: SigningCurve, mechanisms: &[u64]) -> Vec<Attribute> {
    let mut attributes = key_attributes_on(curve, true);
    let list = attributes.iter_mut().find(|attribute| attribute.r#type == ALLOWED_MECHANISMS).unwrap();
    list.value = mechanisms.iter().flat_map(|mechanism| mechanism.to_be_bytes()).collect();
    attributes
}

/// What lease, signature and grant answer, at a node that each may be asked of.
fn answers(sim: &mut Sim, user: &mut User, key: &Key) -> [Code; 3] {
    let request = user.sign_request(key, SIGNERS, &[5; 32], &[1; 32]);
    let grant = GrantRequest { sign: Some(request.clone()), book_id: vec![1; 16] };
    [
        code(user.lease(sim, key, SIGNERS)),
        code(user.sign_at(sim, 2, request)),
        code(user.call(sim, 3, Op::Grant(grant))),
    ]
}

/// CKA_ALLOWED_MECHANISMS with the mechanisms of one scheme keeps a key to it, at every node.
#[test]
fn a_list_of_mechanisms_keeps_a_key_to_one_scheme() {
    for (seed, schemes) in (94..).zip(PAIRS) {
        let (mut sim, mut user, _) = ready_on(Sim::of(TWO_OF_THREE, seed), schemes[0]);
        for (id, (own, other)) in (20..).zip([(schemes[0], schemes[1]), (schemes[1], schemes[0])]) {
            let attributes = with_mechanisms(own.curve(), &[mechanism_of(own)]);
            let key = user.generate_key(&mut sim, 1, [id; 16], &attributes).unwrap();
            assert_eq!(answers(&mut sim, &mut user, &key.by(other)), [Code::Forbidden; 3], "{other:?}");
            assert!(user.sign(&mut sim, &key.by(own), SIGNERS, &[1; 32]).is_ok());
        }
    }
}

/// Whatever the list says, a mechanism does not sign on another curve than its own.
#[test]
fn schnorr_of_another_curve_is_refused() {
    let all: Vec<u64> = SigningScheme::ALL.into_iter().map(mechanism_of).collect();
    let (mut sim, mut user, _) = ready_on(Sim::of(TWO_OF_THREE, 96), SigningScheme::EcdsaP256);
    for (id, curve) in (30..).zip(SigningCurve::ALL) {
        let key = user.generate_key(&mut sim, 1, [id; 16], &with_mechanisms(curve, &all)).unwrap();
        let others = SigningScheme::ALL.into_iter().filter(|scheme| scheme.curve() != curve);
        for other in
            others.filter(|scheme| mechanism_of(*scheme) != 0x1041 || curve == SigningCurve::Edwards25519)
        {
            let refused = answers(&mut sim, &mut user, &key.by(other));
            assert_eq!(refused, [Code::InvalidArgument; 3], "{other:?} on {curve:?}");
        }
    }
}

/// A lying coordinator has nothing made for a scheme that the key's curve has not.
#[test]
fn an_order_for_another_curves_scheme_is_refused() {
    let (mut sim, user, key) = ready_on(Sim::of(TWO_OF_THREE, 99), SigningScheme::EcdsaP256);
    let refusals = |sim: &Sim| {
        let said = sim.nodes[1].events.iter().map(ToString::to_string);
        said.filter(|line| line.contains("a scheme that the key does not sign by")).count()
    };
    for (number, scheme) in (1..).zip(SigningScheme::ALL) {
        let before = refusals(&sim);
        let envelope = order(&sim, &user, &key.by(scheme), number);
        sim.input(2, Input::PeerMessage { peer: 1, envelope });
        let refused = refusals(&sim) > before;
        assert_eq!(refused, scheme.curve() != SigningCurve::P256, "{scheme:?}");
    }
}

/// Neither scheme has a parameter, and both take messages up to 256 KiB.
#[test]
fn a_parameter_or_a_message_too_long_is_refused() {
    for (seed, [_, scheme]) in (97..).zip(PAIRS) {
        let (mut sim, mut user, key) = ready_on(Sim::of(TWO_OF_THREE, seed), scheme);
        for length in [0, 1, 32, 256 << 10] {
            let message = vec![7; length];
            let signature = user.sign(&mut sim, &key, SIGNERS, &message).unwrap();
            assert!(verifies(scheme, &key.birth.public_key, &message, &signature), "{length}");
        }
        let id = user.lease(&mut sim, &key, SIGNERS).unwrap().remove(0);
        let honest = user.sign_request(&key, SIGNERS, &id, &[1; 32]);
        let refused = [
            SignRequest { parameter: vec![0], ..honest.clone() },
            SignRequest { digest: vec![0; (256 << 10) + 1], ..honest.clone() },
        ];
        for request in refused {
            assert_eq!(code(user.sign_at(&mut sim, 1, request)), Code::InvalidArgument);
        }
        assert!(user.sign_at(&mut sim, 1, honest).is_ok(), "nothing was spent on what was refused");
    }
}
