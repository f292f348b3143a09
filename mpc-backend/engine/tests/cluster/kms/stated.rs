//! Uses of pairs by PKCS#11's requests: each is a statement of the client, and every lie in either is refused.

use prost::Message;
use proto::client::v1::{
    Code, DeriveRequest, GrantRequest, LeaseRequest, RsaRequest, SignRequest, request::Op,
    response::Result as Reply,
};
use proto::kms::v1::{KmsKey, Statement, Usage};
use proto::kms::{CKA_COUNTERFOIL_KMS, derive_hash, rsa_hash, sign_hash};
use threshold::signing::SigningCurve;

use super::requests::{key_record, statement};
use super::second;
use crate::curves::key_attributes_on;
use crate::rsa::{self, SHA256_RSA_PKCS};
use crate::service::ready;
use crate::sim::Sim;
use crate::user::{Key, Outcome, User, attribute};

/// A pair on P-256 with a record.
pub(super) fn key_pair(sim: &mut Sim, user: &mut User, id: u8, record: &KmsKey) -> Key {
    let mut attributes = key_attributes_on(SigningCurve::P256, true);
    attributes.push(attribute(CKA_COUNTERFOIL_KMS, &record.encode_to_vec()));
    attributes.sort_by_key(|attribute| attribute.r#type);
    user.generate_key(sim, 1, [id; 16], &attributes).unwrap()
}

fn rsa_pair(sim: &mut Sim, user: &mut User, id: u8) -> Key {
    let mut attributes = rsa::attributes(true, true);
    let record = key_record(Usage::SignVerify).encode_to_vec();
    attributes.push(attribute(CKA_COUNTERFOIL_KMS, &record));
    rsa::generate(sim, user, id, &attributes).unwrap()
}

/// A request for the use of a pair.
#[derive(Clone)]
pub enum Use {
    Sign(SignRequest),
    Derive(DeriveRequest),
    Rsa(RsaRequest),
}

impl Use {
    /// The same, stated by `user` to nodes 1 and 2.
    pub fn stated(mut self, sim: &Sim, user: &User) -> Self {
        let (key_id, operation, parameter) = match &self {
            Self::Sign(request) => (&request.key_id, "Sign", sign_hash(request)),
            Self::Derive(request) => (&request.key_id, "DeriveSharedSecret", derive_hash(request)),
            Self::Rsa(request) => (&request.key_id, "Sign", rsa_hash(request)),
        };
        let key_id = key_id.clone().try_into().unwrap();
        let said = statement(sim, user, key_id, (operation, &[]), [1, 2], &parameter);
        *self.nonce() = said.request_nonce.clone();
        *self.said() = Some(said);
        self
    }

    pub fn said(&mut self) -> &mut Option<Statement> {
        match self {
            Self::Sign(request) => &mut request.statement,
            Self::Derive(request) => &mut request.statement,
            Self::Rsa(request) => &mut request.statement,
        }
    }

    fn nonce(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Sign(request) => &mut request.request_nonce,
            Self::Derive(request) => &mut request.request_nonce,
            Self::Rsa(request) => &mut request.request_nonce,
        }
    }

    pub fn op(self) -> Op {
        match self {
            Self::Sign(request) => Op::Sign(request),
            Self::Derive(request) => Op::Derive(request),
            Self::Rsa(request) => Op::Rsa(request),
        }
    }

    fn ask(self, sim: &mut Sim, user: &mut User) -> Outcome<Reply> {
        user.call(sim, 1, self.op())
    }
}

/// A use of each kind, without its statement; of a signature without a presignature either.
pub fn uses(sim: &mut Sim, user: &mut User) -> [Use; 3] {
    let signs = key_pair(sim, user, 20, &key_record(Usage::SignVerify));
    let agrees = key_pair(sim, user, 21, &key_record(Usage::KeyAgreement));
    let rsa = rsa_pair(sim, user, 22);
    [
        Use::Sign(user.sign_request(&signs, [1, 2], &[4; 32], &[5; 32])),
        Use::Derive(user.derive_request(&agrees, [1, 2], &agrees.birth.public_key)),
        Use::Rsa(rsa::asked(&rsa, [1, 2], SHA256_RSA_PKCS, &[7; 32])),
    ]
}

/// What the planted bug gives away.
pub fn pair_is_used_without_a_statement(sim: &mut Sim, user: &mut User) -> bool {
    let agrees = key_pair(sim, user, 21, &key_record(Usage::KeyAgreement));
    let bare = user.derive_request(&agrees, [1, 2], &agrees.birth.public_key);
    Use::Derive(bare).ask(sim, user).is_ok()
}

type Lie = fn(&mut Statement);
const LIES: [(Lie, Code); 10] = [
    (|lie| lie.signature[0] ^= 1, Code::Forbidden),
    (|lie| lie.signature.clear(), Code::Forbidden),
    (|lie| lie.request_nonce[0] ^= 1, Code::Forbidden),
    (|lie| lie.expires_unix_ms += 1, Code::Forbidden),
    (|lie| lie.expires_unix_ms += 10 * 60 * 1000, Code::InvalidArgument),
    (|lie| lie.expires_unix_ms = 0, Code::InvalidArgument),
    (|lie| lie.operation = "Decrypt".into(), Code::Forbidden),
    (|lie| lie.context = super::requests::pairs(&[("a", "b")]), Code::Forbidden),
    (|lie| lie.quorum = vec![1, 3], Code::Forbidden),
    (|lie| lie.key_id = vec![1; 16], Code::Forbidden),
];

#[test]
fn every_lie_about_a_use_of_a_pair_is_refused() {
    let (mut sim, mut user, _) = ready(90);
    for mut bare in uses(&mut sim, &mut user) {
        if let Use::Sign(request) = &mut bare {
            request.presignature_id = lease(&mut sim, &mut user, &request.key_id);
        }
        let refused = bare.clone().ask(&mut sim, &mut user).unwrap_err();
        assert_eq!(refused.code(), Code::Conflict, "no statement");
        let honest = bare.clone().stated(&sim, &user);
        for (at, (alter, code)) in LIES.into_iter().enumerate() {
            let mut lie = honest.clone();
            alter(lie.said().as_mut().unwrap());
            assert_eq!(lie.ask(&mut sim, &mut user).unwrap_err().code(), code, "lie {at}");
        }
        // The statement of this request with another, that could be asked for as well.
        for other in others(&honest) {
            assert_eq!(other.ask(&mut sim, &mut user).unwrap_err().code(), Code::Forbidden);
        }
        let mut thief = bare.clone().stated(&sim, &User::new(61, 7));
        std::mem::swap(thief.nonce(), honest.clone().nonce());
        assert_eq!(thief.ask(&mut sim, &mut user).unwrap_err().code(), Code::Forbidden, "another client's");
        assert!(honest.clone().ask(&mut sim, &mut user).is_ok());
        let again = honest.ask(&mut sim, &mut user).unwrap_err();
        assert!(again.message.contains("heard before"), "{again:?}");
    }
}

fn lease(sim: &mut Sim, user: &mut User, key_id: &[u8]) -> Vec<u8> {
    let request = LeaseRequest { key_id: key_id.to_vec(), signers: vec![1, 2], count: 1, mechanism: 0x1041 };
    match user.call(sim, 1, Op::Lease(request)).unwrap() {
        Reply::Lease(mut reply) => reply.presignature_ids.remove(0),
        _ => panic!("another answer"),
    }
}

/// Other requests that the same statement comes with.
fn others(honest: &Use) -> Vec<Use> {
    match honest {
        Use::Sign(request) => vec![
            Use::Sign(SignRequest { digest: vec![6; 32], ..request.clone() }),
            Use::Sign(SignRequest { mechanism: 0x1044, ..request.clone() }),
            Use::Sign(SignRequest { presignature_id: vec![6; 32], ..request.clone() }),
            Use::Sign(SignRequest { request_nonce: vec![6; 32], ..request.clone() }),
            Use::Sign(SignRequest { signers: vec![1, 3], ..request.clone() }),
        ],
        Use::Derive(request) => {
            let mut peer = request.peer.clone();
            peer[0] ^= 1;
            vec![
                Use::Derive(DeriveRequest { peer, ..request.clone() }),
                Use::Derive(DeriveRequest { mechanism: 0x1051, ..request.clone() }),
                Use::Derive(DeriveRequest { request_nonce: vec![6; 32], ..request.clone() }),
                Use::Derive(DeriveRequest { quorum: vec![1, 3], ..request.clone() }),
            ]
        }
        Use::Rsa(request) => vec![
            Use::Rsa(RsaRequest { data: vec![6; 32], ..request.clone() }),
            Use::Rsa(RsaRequest { mechanism: 0x01, ..request.clone() }),
            Use::Rsa(RsaRequest { prove: true, ..request.clone() }),
            Use::Rsa(RsaRequest { request_nonce: vec![6; 32], ..request.clone() }),
            Use::Rsa(RsaRequest { quorum: vec![1, 3], ..request.clone() }),
        ],
    }
}

#[test]
fn a_statement_is_one_clients_of_one_time_and_for_keys_of_the_interface_only() {
    let (mut sim, mut user, plain) = ready(91);
    let key = key_pair(&mut sim, &mut user, 2, &key_record(Usage::KeyAgreement));
    let bare = Use::Derive(user.derive_request(&key, [1, 2], &key.birth.public_key));
    let honest = bare.clone().stated(&sim, &user);
    let mut other = second(&mut sim, &user);
    let refused = honest.clone().ask(&mut sim, &mut other).unwrap_err();
    assert_eq!(refused.code(), Code::Forbidden, "another client brings it along, with the same login");
    assert!(bare.stated(&sim, &other).ask(&mut sim, &mut other).is_ok());
    sim.run(6 * 60 * 1000);
    user.connect(&mut sim);
    user.login(&mut sim);
    assert_eq!(honest.ask(&mut sim, &mut user).unwrap_err().code(), Code::InvalidArgument, "too late");
    let lease = user.lease(&mut sim, &plain, [1, 2]).unwrap().remove(0);
    let of_plain = Use::Sign(user.sign_request(&plain, [1, 2], &lease, &[5; 32]));
    let refused = of_plain.clone().stated(&sim, &user).ask(&mut sim, &mut user).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(of_plain.ask(&mut sim, &mut user).is_ok());
}

/// A witness contributes too; it grants one request as often as it is asked.
#[test]
fn a_witness_wants_the_statement() {
    let (mut sim, mut user, _) = ready(92);
    let [bare, ..] = uses(&mut sim, &mut user);
    let mut grant = |request: Use| {
        let Use::Sign(sign) = request else { panic!("no signature") };
        user.call(&mut sim, 3, Op::Grant(GrantRequest { sign: Some(sign), book_id: vec![1; 16] }))
    };
    assert_eq!(grant(bare.clone()).unwrap_err().code(), Code::Conflict);
    let Use::Sign(request) = bare else { panic!("no signature") };
    let unsigned = Use::Sign(SignRequest { statement: Some(Statement::default()), ..request });
    assert_eq!(grant(unsigned).unwrap_err().code(), Code::Forbidden);
}
