//! Keys with `CKA_ALWAYS_AUTHENTICATE`: each use is signed by the consent key, and every node looks.

use proto::client::v1::{Code, RsaRequest, RsaWork, SignRequest};
use proto::kms::{rsa_hash, sign_hash};
use proto::registry::v1::Attribute;
use proto::statement::{UserLogin, key_use};
use threshold::signing::{SigningCurve, SigningScheme};

use crate::curves::key_attributes_on;
use crate::rsa;
use crate::service::ready_on;
use crate::sim::{Sim, TWO_OF_THREE};
use crate::token::consent_key;
use crate::user::{Key, Outcome, User, attribute};

const ALWAYS_AUTHENTICATE: u64 = 0x202;

/// Of a key that asks for the PIN, and derives nothing.
fn asking(mut attributes: Vec<Attribute>) -> Vec<Attribute> {
    attributes.retain(|attribute| attribute.r#type != 0x10c);
    attributes.push(attribute(ALWAYS_AUTHENTICATE, &[1]));
    attributes.sort_by_key(|attribute| attribute.r#type);
    attributes
}

fn with_asking_key(seed: u64) -> (Sim, User, Key) {
    let (mut sim, mut user, _) = ready_on(Sim::of(TWO_OF_THREE, seed), SigningScheme::EcdsaP256);
    let attributes = asking(key_attributes_on(SigningCurve::P256, true));
    let key = user.generate_key(&mut sim, 1, [2; 16], &attributes).unwrap();
    (sim, user, key)
}

fn proof(sim: &Sim, user: &User, quorum: &[u32], key: &Key, parameter: &[u8; 32], version: u64) -> Vec<u8> {
    let login = UserLogin { token_id: &user.token, version };
    let cluster = sim.manifest.cluster_id();
    let said = key_use(&cluster, &user.public(), login, &key.id, quorum, &[9; 32], parameter);
    said.sign(&consent_key(user.pin_key.as_ref().unwrap()))
}

fn shown(sim: &Sim, user: &User, key: &Key, mut request: SignRequest) -> SignRequest {
    request.consent = proof(sim, user, &request.signers, key, &sign_hash(&request), 1);
    request
}

fn code<T>(outcome: Outcome<T>) -> Option<Code> {
    outcome.err().map(|error| error.code())
}

#[test]
fn no_node_signs_without_the_pin_for_this_very_use() {
    let (mut sim, mut user, key) = with_asking_key(1);
    let request = |sim: &mut Sim, user: &mut User| {
        let id = user.lease(sim, &key, [1, 2]).unwrap().remove(0);
        user.sign_request(&key, [1, 2], &id, &[5; 32])
    };
    let lies: [fn(&mut SignRequest); 5] = [
        |lie| lie.consent.clear(),
        |lie| lie.consent[0] ^= 1,
        |lie| lie.digest[0] ^= 1,
        |lie| lie.request_nonce[0] ^= 1,
        |lie| lie.mechanism = 0x1044,
    ];
    for node in 1..=2 {
        for lie in lies {
            let asked = request(&mut sim, &mut user);
            let mut asked = shown(&sim, &user, &key, asked);
            lie(&mut asked);
            assert_eq!(code(user.sign_at(&mut sim, node, asked)), Some(Code::NotLoggedIn));
        }
        // Of another presignature, and of a PIN that is not the present one.
        let (one, other) = (request(&mut sim, &mut user), request(&mut sim, &mut user));
        let consent = shown(&sim, &user, &key, one).consent;
        let asked = SignRequest { consent, ..other.clone() };
        assert_eq!(code(user.sign_at(&mut sim, node, asked)), Some(Code::NotLoggedIn));
        let consent = proof(&sim, &user, &[1, 2], &key, &sign_hash(&other), 2);
        let asked = SignRequest { consent, ..other };
        assert_eq!(code(user.sign_at(&mut sim, node, asked)), Some(Code::NotLoggedIn));
    }
    // A process that is logged in has the login key, and not this one.
    let pin_key = user.pin_key.replace(consent_key(user.pin_key.as_ref().unwrap()));
    let asked = request(&mut sim, &mut user);
    let asked = shown(&sim, &user, &key, asked);
    assert_eq!(code(user.sign_at(&mut sim, 1, asked)), Some(Code::NotLoggedIn));
    user.pin_key = pin_key;
    let asked = request(&mut sim, &mut user);
    let asked = shown(&sim, &user, &key, asked);
    for node in 1..=2 {
        user.sign_at(&mut sim, node, asked.clone()).unwrap();
    }
    assert_eq!(sim.ledger.violations, Vec::<String>::new());
}

#[test]
fn another_key_takes_no_such_proof() {
    let (mut sim, mut user, key) = ready_on(Sim::of(TWO_OF_THREE, 2), SigningScheme::EcdsaP256);
    let id = user.lease(&mut sim, &key, [1, 2]).unwrap().remove(0);
    let asked = user.sign_request(&key, [1, 2], &id, &[5; 32]);
    let asked = shown(&sim, &user, &key, asked);
    assert_eq!(code(user.sign_at(&mut sim, 1, asked)), Some(Code::InvalidArgument));
}

#[test]
fn rsa_keys_sign_and_decrypt_by_it() {
    let (mut sim, mut user, _) = ready_on(Sim::of(TWO_OF_THREE, 3), SigningScheme::EcdsaP256);
    let key = rsa::generate(&mut sim, &mut user, 3, &asking(rsa::attributes(true, true))).unwrap();
    let ciphertext = [&[0][..], &[7; 63]].concat();
    let decrypt = rsa::asked(&key, [1, 2], rsa::OAEP, &ciphertext);
    for asked in [rsa::asked(&key, [1, 2], rsa::SHA256_RSA_PKCS, &[5; 32]), decrypt] {
        let consent = proof(&sim, &user, &[1, 2], &key, &rsa_hash(&asked), 1);
        let right = RsaRequest { consent, ..asked.clone() };
        let other_data =
            RsaRequest { data: right.data.iter().map(|byte| byte / 2).collect(), ..right.clone() };
        let other_work = RsaRequest { work: RsaWork::Decrypt.into(), prove: true, ..right.clone() };
        for wrong in [asked, other_data, other_work] {
            let refused = code(rsa::ask(&mut sim, &mut user, 1, wrong));
            assert!(matches!(refused, Some(Code::NotLoggedIn | Code::InvalidArgument)), "{refused:?}");
        }
        rsa::ask(&mut sim, &mut user, 1, right).unwrap();
    }
}

#[test]
fn a_key_asks_for_ever_and_for_uses_that_can_answer() {
    let (mut sim, mut user, key) = with_asking_key(4);
    let mut derives = asking(key_attributes_on(SigningCurve::P256, true));
    derives.push(attribute(0x10c, &[1]));
    derives.sort_by_key(|attribute| attribute.r#type);
    assert_eq!(code(user.generate_key(&mut sim, 1, [5; 16], &derives)), Some(Code::Forbidden));
    let mut free = asking(key_attributes_on(SigningCurve::P256, true));
    free.iter_mut().find(|attribute| attribute.r#type == ALWAYS_AUTHENTICATE).unwrap().value = vec![0];
    let copied = crate::session_keys::copy(&mut sim, &mut user, &key, [6; 16], &free);
    assert_eq!(code(copied), Some(Code::Forbidden));
}
