//! RSA keys at the nodes: made by all of them, used by any T, with keys of 512 bits that only test builds offer.

use engine::Limits;
use proto::client::v1::{
    Code, GenerateRequest, RsaHash, RsaReply, RsaRequest, RsaWork, request::Op, response::Result as Reply,
};
use proto::peer::v1::Protocol;
use proto::registry::v1::{Attribute, Purpose};
use proto::statement;
use threshold::fault::Checks;
use threshold::party::{PartyIndex, SignerSet, Threshold};
use threshold::rsa::Exponent;
use threshold::rsa::combine::combine;
use threshold::rsa::encode::Block;
use threshold::rsa::encode::oaep::Oaep;
use threshold::rsa::{Hash, Partial, Proof, PublicKey, Values};
use threshold::sharing::replicated::Pieces;
use threshold::signing::SigningScheme;

use crate::liars::{Liar, Strategy};
use crate::service::{ready, ready_on};
use crate::sim::{Sim, node_key};
use crate::user::{Key, Outcome, User, attribute, party};

pub const NAME: &str = "RSA-512-65537";
pub const SHA256_RSA_PKCS: u64 = 0x40;
pub const PSS: u64 = 0x0d;
pub const OAEP: u64 = 0x09;

/// A private RSA key for these uses.
pub fn attributes(sign: bool, decrypt: bool) -> Vec<Attribute> {
    vec![
        attribute(0x0, &3u64.to_be_bytes()),
        attribute(0x1, &[1]),
        attribute(0x2, &[1]),
        attribute(0x100, &0u64.to_be_bytes()),
        attribute(0x103, &[1]),
        attribute(0x105, &[u8::from(decrypt)]),
        attribute(0x108, &[u8::from(sign)]),
        attribute(0x162, &[0]),
        attribute(0x163, &[1]),
        attribute(0x4000_0600, &[SHA256_RSA_PKCS, 0x01, PSS, OAEP].map(u64::to_be_bytes).concat()),
    ]
}

pub fn request(user: &User, id: [u8; 16], attributes: &[Attribute]) -> GenerateRequest {
    GenerateRequest {
        purpose: Purpose::SigningKey as i32,
        token_id: user.token.to_vec(),
        key_id: id.to_vec(),
        curve: NAME.into(),
        attributes_hash: statement::attributes_hash(attributes).to_vec(),
        ..GenerateRequest::default()
    }
}

/// A key on all nodes.
pub fn generate(sim: &mut Sim, user: &mut User, id: u8, attributes: &[Attribute]) -> Outcome<Key> {
    let id = [id; 16];
    let birth = user.generate(sim, 1, request(user, id, attributes))?;
    user.record(sim, 1, id, attributes, birth)
}

pub fn public(key: &Key) -> PublicKey {
    PublicKey::decode(&key.birth.public_key).unwrap()
}

/// A request for one part.
pub fn asked(key: &Key, quorum: [u8; 2], mechanism: u64, data: &[u8]) -> RsaRequest {
    RsaRequest {
        key_id: key.id.to_vec(),
        quorum: quorum.map(u32::from).to_vec(),
        mechanism,
        data: data.to_vec(),
        request_nonce: vec![9; 32],
        ..RsaRequest::default()
    }
}

pub fn ask(sim: &mut Sim, user: &mut User, node: u8, request: RsaRequest) -> Outcome<RsaReply> {
    match user.call(sim, node, Op::Rsa(request))? {
        Reply::Rsa(reply) => Ok(reply),
        _ => panic!("another answer"),
    }
}

/// The parts of a quorum, each signed by its node.
fn parts(
    sim: &mut Sim,
    user: &mut User,
    quorum: [u8; 2],
    request: &RsaRequest,
) -> Vec<(PartyIndex, Partial)> {
    let one = |node: u8| {
        let reply = ask(sim, user, node, request.clone()).unwrap();
        let said = statement::rsa(&sim.manifest.cluster_id(), u32::from(node), &[9; 32], &reply.partial);
        assert!(said.verify(&sim.manifest.node(node).unwrap().key, &reply.node_signature));
        (party(node), Partial::from_bytes(&reply.partial))
    };
    quorum.into_iter().map(one).collect()
}

pub fn result(sim: &mut Sim, user: &mut User, key: &Key, request: &RsaRequest, block: &Block) -> Vec<u8> {
    let quorum: [u8; 2] = [0, 1].map(|at| request.quorum[at] as u8);
    let parts = parts(sim, user, quorum, request);
    let set = SignerSet::new(quorum.map(party)).unwrap();
    combine(&public(key), block, &set, &parts, Checks::all()).unwrap().to_vec()
}

#[test]
fn every_quorum_signs_and_decrypts_with_a_generated_key_before_and_after_a_restart() {
    let (mut sim, mut user, _) = ready(60);
    let key = generate(&mut sim, &mut user, 5, &attributes(true, true)).unwrap();
    let public = public(&key);
    assert_eq!((public.bytes(), public.e()), (64, Exponent::F4));
    let oaep = Oaep { hash: Hash::Sha1, mask: Hash::Sha1, label: b"label" };
    let ciphertext = oaep.encrypt(&public, b"twenty bytes at most", &[3; 20]).unwrap();
    for round in 0..2 {
        for quorum in [[1, 2], [1, 3], [2, 3]] {
            let request = asked(&key, quorum, SHA256_RSA_PKCS, &[7; 32]);
            let block = Block::pkcs1(&public, Hash::Sha256, &[7; 32]).unwrap();
            // 4.2 of the specification verifies with the public key.
            result(&mut sim, &mut user, &key, &request, &block);

            let request = asked(&key, quorum, 0x01, b"as it is");
            let block = Block::pkcs1_data(&public, b"as it is").unwrap();
            result(&mut sim, &mut user, &key, &request, &block);

            let request = RsaRequest {
                hash: RsaHash::Sha1 as i32,
                mask_hash: RsaHash::Sha256 as i32,
                salt: vec![4; 5],
                ..asked(&key, quorum, PSS, &[6; 20])
            };
            let block = Block::pss(&public, Hash::Sha1, Hash::Sha256, &[4; 5], &[6; 20]).unwrap();
            result(&mut sim, &mut user, &key, &request, &block);

            let request = asked(&key, quorum, OAEP, &ciphertext);
            let block = Block::ciphertext(&public, &ciphertext).unwrap();
            let padded = result(&mut sim, &mut user, &key, &request, &block);
            assert_eq!(*oaep.decode(&padded).unwrap(), b"twenty bytes at most");
        }
        if round == 0 {
            for node in 1..=3 {
                sim.stop(node);
                sim.start(node);
            }
            sim.run(3_000);
            user.connect(&mut sim);
            user.login(&mut sim);
        }
    }
    assert_eq!(sim.ledger.violations, Vec::<String>::new());
}

/// What a node says to a request with one thing changed.
fn refusal(sim: &mut Sim, user: &mut User, key: &Key, change: fn(&mut RsaRequest)) -> Code {
    let mut request = asked(key, [1, 2], SHA256_RSA_PKCS, &[7; 32]);
    change(&mut request);
    ask(sim, user, 1, request).unwrap_err().code()
}

#[test]
fn a_node_builds_the_block_itself_and_refuses_what_does_not_fit() {
    let (mut sim, mut user, elliptic) = ready(61);
    let key = generate(&mut sim, &mut user, 5, &attributes(true, false)).unwrap();
    let mut invalid = |change| assert_eq!(refusal(&mut sim, &mut user, &key, change), Code::InvalidArgument);
    invalid(|request| request.data.truncate(31));
    invalid(|request| request.hash = RsaHash::Sha256 as i32);
    invalid(|request| request.mask_hash = RsaHash::Sha256 as i32);
    invalid(|request| request.salt = vec![1]);
    invalid(|request| request.request_nonce.truncate(31));
    invalid(|request| request.quorum = vec![1]);
    invalid(|request| request.quorum = vec![2, 3]);
    invalid(|request| request.mechanism = 0x1041);
    // Nothing is unwrapped by signing, and an envelope is for keys.
    invalid(|request| request.work = RsaWork::Unwrap as i32);
    invalid(|request| request.work = RsaWork::Decrypt as i32);
    invalid(|request| request.mechanism = 0x1054);
    invalid(|request| {
        request.mechanism = 0x01;
        request.data = vec![1; 54];
    });
    invalid(|request| request.mechanism = PSS);
    invalid(|request| {
        request.mechanism = PSS;
        (request.hash, request.mask_hash) = (RsaHash::Sha256 as i32, RsaHash::Sha256 as i32);
        request.salt = vec![0; 31];
    });
    invalid(|request| {
        request.mechanism = PSS;
        (request.hash, request.mask_hash) = (RsaHash::Sha256 as i32, 99);
    });
    let mut forbidden = |change| assert_eq!(refusal(&mut sim, &mut user, &key, change), Code::Forbidden);
    // Not among the key's mechanisms; and the key does not decrypt.
    forbidden(|request| request.mechanism = 0x06);
    // CKM_RSA_X_509 would sign any block.
    forbidden(|request| request.mechanism = 0x3);
    forbidden(|request| {
        request.mechanism = OAEP;
        request.data = vec![1; 64];
    });
    assert_eq!(refusal(&mut sim, &mut user, &key, |request| request.key_id[0] ^= 1), Code::NotFound);
    // Keys of the other kind.
    let request =
        RsaRequest { key_id: elliptic.id.to_vec(), ..asked(&key, [1, 2], SHA256_RSA_PKCS, &[7; 32]) };
    assert_eq!(ask(&mut sim, &mut user, 1, request).unwrap_err().code(), Code::Forbidden);
    let lease = user.lease(&mut sim, &key, [1, 2]).unwrap_err();
    assert_eq!(lease.code(), Code::Forbidden, "{}", lease.message);
    // A key that only decrypts, and a ciphertext above the modulus.
    let decrypts = generate(&mut sim, &mut user, 6, &attributes(false, true)).unwrap();
    let refused = |sim: &mut Sim, user: &mut User, mechanism, data: &[u8]| {
        ask(sim, user, 1, asked(&decrypts, [1, 2], mechanism, data)).unwrap_err().code()
    };
    assert_eq!(refused(&mut sim, &mut user, SHA256_RSA_PKCS, &[7; 32]), Code::Forbidden);
    assert_eq!(refused(&mut sim, &mut user, OAEP, &[255; 64]), Code::InvalidArgument);
    assert_eq!(refused(&mut sim, &mut user, OAEP, &[1; 63]), Code::InvalidArgument);
}

#[test]
fn proofs_hold_for_the_values_of_the_birth_statement() {
    let (mut sim, mut user, _) = ready(62);
    let key = generate(&mut sim, &mut user, 5, &attributes(true, true)).unwrap();
    let public = public(&key);
    let layout = Pieces::new(Threshold::new(2, 3).unwrap()).unwrap();
    let set = SignerSet::new([1, 3].map(party)).unwrap();
    let block = Block::pkcs1(&public, Hash::Sha256, &[7; 32]).unwrap();
    for node in [1, 3] {
        let request = RsaRequest { prove: true, ..asked(&key, [1, 3], SHA256_RSA_PKCS, &[7; 32]) };
        let reply = ask(&mut sim, &mut user, node, request).unwrap();
        let values = Values::decode(&public, &layout, &reply.values).unwrap();
        assert_eq!(key.birth.commitments, [values.digest(&public).to_vec()]);
        let (proof, partial) = (Proof::from_bytes(&reply.proof), Partial::from_bytes(&reply.partial));
        let verify = |partial: &Partial| {
            proof.verify(&public, &layout, &values, (party(node), partial), (&block, &set), Checks::all())
        };
        assert!(verify(&partial).is_ok());
        let mut other = reply.partial.clone();
        other[63] ^= 1;
        assert!(verify(&Partial::from_bytes(&other)).is_err());
    }
}

#[test]
fn a_node_that_dies_in_a_generation_leaves_no_half_key() {
    let (mut sim, mut user, _) = ready(63);
    let conn = user.conns[&1].id;
    for steps in [5, 40, 90] {
        let asked = request(&user, [steps as u8; 16], &attributes(true, true));
        let id = user.send(&mut sim, 1, conn, Op::Generate(asked));
        for _ in 0..steps {
            sim.step(u64::MAX);
        }
        sim.stop(3);
        sim.run(2_000);
        let error = user.answer(&mut sim, conn, id).unwrap_err();
        assert_eq!(error.code(), Code::Unavailable, "{}", error.message);
        assert!(error.nodes.contains(&3), "{:?}", error.nodes);
        sim.start(3);
        sim.run(3_000);
    }
    user.connect(&mut sim);
    user.login(&mut sim);
    assert!(generate(&mut sim, &mut user, 9, &attributes(true, true)).is_ok());
}

#[test]
fn a_generation_without_a_node_names_it_and_leaves_nothing_behind() {
    let (mut sim, mut user, _) = ready(66);
    let before = made(&sim);
    sim.stop(3);
    sim.run(2_000);
    let conn = user.conns[&1].id;
    let asked = request(&user, [7; 16], &attributes(true, true));
    let id = user.send(&mut sim, 1, conn, Op::Generate(asked));
    sim.run(2_000);
    let error = user.answer(&mut sim, conn, id).unwrap_err();
    assert_eq!(error.code(), Code::Unavailable, "{}", error.message);
    assert_eq!(error.nodes, [3], "{}", error.message);
    assert_eq!(made(&sim), before);
}

#[test]
fn a_generation_ends_with_the_connection_that_asked_for_it() {
    let (mut sim, mut user, _) = ready(64);
    let conn = user.conns[&1].id;
    let before = made(&sim);
    let asked = request(&user, [5; 16], &attributes(true, true));
    user.send(&mut sim, 1, conn, Op::Generate(asked));
    for _ in 0..40 {
        sim.step(u64::MAX);
    }
    sim.input(1, engine::Input::ClientClosed { conn });
    sim.run(2_000);
    for node in 1..=3 {
        assert_eq!(sim.logged(node, "GenerationFailed"), 1, "node {node}");
    }
    assert_eq!(made(&sim), before);
}

/// Shares that the nodes have made.
fn made(sim: &Sim) -> Vec<usize> {
    sim.all().map(|node| sim.logged(node, "KeyGenerated")).collect()
}

#[test]
fn a_liar_in_a_generation_is_in_nobodys_key() {
    let (mut sim, mut user, _) = ready(65);
    for (number, strategy) in
        (5..).zip([Strategy::WrongBit(Protocol::Generation), Strategy::Equivocate(Protocol::Generation)])
    {
        let before = made(&sim);
        let cluster = sim.manifest.cluster_id();
        sim.liars.insert(3, Liar::new(vec![strategy], 1000, cluster, node_key(3)));
        assert!(generate(&mut sim, &mut user, number, &attributes(true, true)).is_err());
        sim.liars.clear();
        assert_eq!(made(&sim)[..2], before[..2]);
        assert!(sim.logged(1, "CheckFailed") + sim.logged(2, "CheckFailed") > 0);
    }
    assert!(generate(&mut sim, &mut user, 9, &attributes(true, true)).is_ok());
}

#[test]
fn raw_blocks_need_nodes_that_allow_them_and_keys_that_list_them() {
    const RAW: u64 = 0x03;
    for allowed in [false, true] {
        let limits =
            Limits { rsa_raw: allowed, presign_pool: 2, presignatures_max: 100, ..Limits::default() };
        let (mut sim, mut user, _) = ready_on(Sim::with(66, limits), SigningScheme::EcdsaP256);
        let unlisted = generate(&mut sim, &mut user, 5, &attributes(true, true)).unwrap();
        let mut listing = attributes(true, false);
        *listing.last_mut().unwrap() = attribute(0x4000_0600, &RAW.to_be_bytes());
        let key = generate(&mut sim, &mut user, 6, &listing).unwrap();
        let data = [&[0; 3][..], &[0x5a; 61]].concat();
        let request = asked(&key, [1, 2], RAW, &data);
        let refused = |sim: &mut Sim, user: &mut User, request: RsaRequest| {
            ask(sim, user, 1, request).map(drop).unwrap_err().code()
        };
        assert_eq!(refused(&mut sim, &mut user, asked(&unlisted, [1, 2], RAW, &data)), Code::Forbidden);
        let decrypt = RsaRequest { work: RsaWork::Decrypt.into(), ..request.clone() };
        assert_eq!(refused(&mut sim, &mut user, decrypt), Code::Forbidden);
        let unwrap = RsaRequest { work: RsaWork::Unwrap.into(), ..request.clone() };
        let code = refused(&mut sim, &mut user, unwrap);
        if !allowed {
            assert_eq!(code, Code::Forbidden);
            assert_eq!(refused(&mut sim, &mut user, request), Code::Forbidden);
            continue;
        }
        assert_eq!(code, Code::InvalidArgument);
        for wrong in [&[0; 64][..], &[0xff; 64], &data[1..]] {
            let request = asked(&key, [1, 2], RAW, wrong);
            assert_eq!(refused(&mut sim, &mut user, request), Code::InvalidArgument);
        }
        let block = Block::raw(&public(&key), &data).unwrap();
        result(&mut sim, &mut user, &key, &request, &block);
    }
}
