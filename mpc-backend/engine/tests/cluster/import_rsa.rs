//! Import of RSA keys at the nodes, with a key of 512 bits, which only test builds take.

use proto::client::v1::{Code, RsaRequest, RsaWork};
use proto::registry::v1::{Attribute, BirthStatement, NodeSignature, Purpose};
use proto::statement;
use rand_core::OsRng;
use threshold::party::Threshold;
use threshold::rsa::Exponent;
use threshold::rsa::encode::Block;
use threshold::rsa::import::{PrivateKey, split};
use threshold::rsa::{Hash, KeyShare, PublicKey, Stored, Values};
use threshold::sharing::replicated::Pieces;

use crate::import::{give_share, record};
use crate::rsa::{NAME, OAEP, SHA256_RSA_PKCS, ask, asked, attributes, result};
use crate::service::ready;
use crate::sim::Sim;
use crate::user::User;

/// Made by OpenSSL for these tests.
const MODULUS: &str = "\
    ebca05b17e935d7f39f4e3d9d126c04b71b639932aae347e02f9bc39052dd159\
    bf1a55bd0e754f5d4ce3578c650c7a452fd8dd7e4580dcd6572aa24ff4c01fbd";
const PRIVATE: &str = "\
    0763cf85de97b3c877028bd999ca83205a3201dff0e880d0aa3b3580fbfe919f\
    150c11991213cddd3f9050180121804e5a1f880c784b920e47d6654c8a62f181";

struct Dealt {
    public: PublicKey,
    shares: Vec<KeyShare>,
    values: Values,
}

impl Dealt {
    fn new() -> Self {
        let public = PublicKey::new(&hex::decode(MODULUS).unwrap(), Exponent::F4).unwrap();
        let exponent = hex::decode(PRIVATE).unwrap();
        let layout = Pieces::new(Threshold::new(2, 3).unwrap()).unwrap();
        let private = PrivateKey { exponent: &exponent, primes: None };
        let (shares, values) = split(&public, &private, &layout, &mut OsRng).unwrap();
        Self { public, shares, values }
    }

    fn share(&self, node: u8) -> Vec<u8> {
        Stored::encode(&self.shares[usize::from(node) - 1], &self.values).to_vec()
    }

    /// What an honest client has all nodes sign.
    fn statement(&self, sim: &Sim, user: &User, id: [u8; 16]) -> BirthStatement {
        self.statement_of(sim, user, id, &imported_attributes())
    }

    fn statement_of(&self, sim: &Sim, user: &User, id: [u8; 16], attributes: &[Attribute]) -> BirthStatement {
        BirthStatement {
            format: proto::limits::FORMAT,
            cluster_id: sim.manifest.cluster_id().to_vec(),
            purpose: Purpose::SigningKey.into(),
            token_id: user.token.to_vec(),
            key_id: id.to_vec(),
            curve: NAME.into(),
            public_key: self.public.encode(),
            commitments: vec![self.values.digest(&self.public).to_vec()],
            attributes_hash: statement::attributes_hash(attributes).to_vec(),
            transcript: vec![7; 32],
            base_index: sim.log.len() as u64,
            epoch: 1,
            client_key: user.public().to_vec(),
            imported: true,
            ..BirthStatement::default()
        }
    }
}

fn imported_attributes() -> Vec<Attribute> {
    let mut attributes = attributes(true, true);
    attributes.iter_mut().find(|attribute| attribute.r#type == 0x163).unwrap().value = vec![0];
    attributes
}

#[test]
fn an_imported_rsa_key_signs_with_every_quorum_before_and_after_a_restart() {
    let (mut sim, mut user, _) = ready(160);
    let dealt = Dealt::new();
    let said = dealt.statement(&sim, &user, [9; 16]);
    let signatures: Vec<NodeSignature> = (1..=3)
        .map(|node| give_share(&mut sim, &mut user, node, &said, &dealt.share(node)).unwrap())
        .collect();
    let key = record(&mut sim, &mut user, &said, signatures, &imported_attributes()).unwrap();
    let block = Block::pkcs1(&dealt.public, Hash::Sha256, &[7; 32]).unwrap();
    for _ in 0..2 {
        for quorum in [[1, 2], [1, 3], [2, 3]] {
            // It verifies with the public key.
            result(&mut sim, &mut user, &key, &asked(&key, quorum, SHA256_RSA_PKCS, &[7; 32]), &block);
        }
        for node in 1..=3 {
            sim.stop(node);
            sim.start(node);
        }
        sim.run(3_000);
        user.connect(&mut sim);
        user.login(&mut sim);
    }
}

/// Each lie of a dealer, at each node.
#[test]
fn a_client_that_deals_inconsistently_is_caught_by_each_node() {
    let (mut sim, mut user, _) = ready(161);
    let (dealt, other) = (Dealt::new(), Dealt::new());
    let said = dealt.statement(&sim, &user, [9; 16]);
    for node in 1..=3 {
        let good = dealt.share(node);
        let pieces = good.len() - dealt.values.encode().len();
        let changed = |at: usize| {
            let mut changed = good.clone();
            changed[at] ^= 1;
            changed
        };
        let elsewhere = dealt.share(node % 3 + 1);
        let mixed = [&other.share(node)[..pieces], &dealt.values.encode()].concat();
        for (what, share) in [
            ("a piece that is not that of its value", changed(pieces - 1)),
            ("a value that nobody else was told", changed(good.len() - 1)),
            ("another split of the key, good in itself", other.share(node)),
            ("pieces of another split", mixed),
            ("another node's pieces", elsewhere),
            ("too little", good[1..].to_vec()),
            ("too much", [&good[..], &[0]].concat()),
            ("nothing", Vec::new()),
        ] {
            let refused = give_share(&mut sim, &mut user, node, &said, &share).err();
            assert_eq!(refused.map(|error| error.code()), Some(Code::InvalidArgument), "node {node}: {what}");
        }
    }
    // A consistent split for two nodes, another for the third: signatures over two statements are no certificate.
    let otherwise = other.statement(&sim, &user, [9; 16]);
    let mut signatures: Vec<NodeSignature> = (1..=2)
        .map(|node| give_share(&mut sim, &mut user, node, &said, &dealt.share(node)).unwrap())
        .collect();
    signatures.push(give_share(&mut sim, &mut user, 3, &otherwise, &other.share(3)).unwrap());
    for said in [said, otherwise] {
        let refused = record(&mut sim, &mut user, &said, signatures.clone(), &imported_attributes());
        assert_eq!(refused.err().unwrap().code(), Code::Forbidden);
        assert!(sim.node(1).engine.as_ref().unwrap().registry().key(&said.key_id).is_none());
    }
}

#[test]
fn a_statement_names_the_key_that_it_is_of() {
    let (mut sim, mut user, _) = ready(162);
    let dealt = Dealt::new();
    let mut number = 100;
    for change in [
        (|said| said.curve = "RSA-512-65539".into()) as fn(&mut BirthStatement),
        |said| said.curve = "RSA-1024-65537".into(),
        |said| said.curve = "P-256".into(),
        |said| *said.public_key.last_mut().unwrap() ^= 2,
        |said| *said.public_key.last_mut().unwrap() ^= 1,
        |said| said.public_key[7] ^= 2,
        |said| said.public_key.truncate(71),
        |said| said.commitments[0][0] ^= 1,
        |said| said.commitments[0].truncate(31),
        |said| said.commitments.clear(),
        |said| said.commitments.push(vec![0; 32]),
        |said| said.imported = false,
    ] {
        number += 1;
        let mut said = dealt.statement(&sim, &user, [number; 16]);
        change(&mut said);
        let error = give_share(&mut sim, &mut user, 1, &said, &dealt.share(1)).err().unwrap();
        assert!([Code::Forbidden, Code::InvalidArgument].contains(&error.code()), "{number}");
    }
}

/// CKA_UNWRAP and CKA_DECRYPT are asked for at every node, each by itself.
#[test]
fn a_key_decrypts_or_unwraps_as_its_attributes_say() {
    let (mut sim, mut user, _) = ready(163);
    let dealt = Dealt::new();
    for (id, decrypt, unwrap) in [(11, true, false), (12, false, true), (13, false, false)] {
        let mut own = imported_attributes();
        own.iter_mut().find(|attribute| attribute.r#type == 0x105).unwrap().value = vec![u8::from(decrypt)];
        own.insert(6, Attribute { r#type: 0x107, value: vec![u8::from(unwrap)] });
        own.retain(|attribute| attribute.r#type != 0x4000_0600);
        let said = dealt.statement_of(&sim, &user, [id; 16], &own);
        let signatures: Vec<NodeSignature> = (1..=3)
            .map(|node| give_share(&mut sim, &mut user, node, &said, &dealt.share(node)).unwrap())
            .collect();
        let key = record(&mut sim, &mut user, &said, signatures, &own).unwrap();
        for node in [1, 2] {
            let mut allowed = |mechanism, work: RsaWork| {
                let request = RsaRequest { work: work.into(), ..asked(&key, [1, 2], mechanism, &[1; 64]) };
                ask(&mut sim, &mut user, node, request).map(drop).map_err(|error| error.code())
            };
            let expected = |is| if is { Ok(()) } else { Err(Code::Forbidden) };
            assert_eq!(allowed(OAEP, RsaWork::Decrypt), expected(decrypt));
            assert_eq!(allowed(OAEP, RsaWork::Unwrap), expected(unwrap));
            assert_eq!(allowed(0x1054, RsaWork::Unwrap), expected(unwrap));
            assert_eq!(allowed(0x1054, RsaWork::Decrypt), Err(Code::InvalidArgument));
        }
    }
}
