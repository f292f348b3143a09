//! RSA: parts and their proofs, what the client does with a decrypted block, import, stored shares.
//!
//! Pieces are marked in the form in which they are stored, so that every section reads them first.

mod generation;

use std::hint::black_box;
use threshold::rsa::Exponent;

use constant_time::taint;
use threshold::fault::Checks;
use threshold::party::{PartyIndex, SignerSet, Threshold};
use threshold::rsa::combine::combine;
use threshold::rsa::encode::Block;
use threshold::rsa::encode::oaep::Oaep;
use threshold::rsa::import::{PrivateKey, split};
use threshold::rsa::{Hash, KeyShare, Partial, PublicKey, Stored, Values};
use threshold::sharing::replicated::Pieces;
use threshold::sim::rsa::Unpadded;

use crate::sections::{Section, named, party, plain, secret_rng};

/// The sections of RSA.
pub fn all() -> Vec<Section> {
    vec![
        named("RSA", "a stored share: read and written", stored_share),
        named("RSA", "a part of a signature or decryption", part),
        named("RSA", "the proof of a part", proof),
        named("RSA", "a decrypted block from its parts", decrypted_block),
        named("RSA", "OAEP: a decrypted block", oaep),
        named("RSA", "PKCS#1 v1.5 with implicit rejection: a decrypted block", implicit_rejection),
        named("RSA", "import: d, p and q", || import(true)),
        named("RSA", "import: d alone", || import(false)),
        named("RSA", "import: a dealt share", dealt_share),
        named("RSA", "generation: pieces of the primes and of d", generation::generation),
    ]
}

/// A key that is split among three, of whom two are needed.
pub struct Dealt {
    key: PublicKey,
    layout: Pieces,
    /// As they are stored, by party.
    shares: Vec<Vec<u8>>,
    values: Values,
    /// Who signs.
    set: SignerSet,
}

impl Dealt {
    pub fn new() -> Self {
        let (key, layout) = (key(), Pieces::new(Threshold::new(2, 3).unwrap()).unwrap());
        let [d, p, q] = [D, P, Q].map(bytes);
        let private = PrivateKey { exponent: &d, primes: Some([&p, &q]) };
        let (shares, values) = split(&key, &private, &layout, &mut plain(21)).unwrap();
        let shares = shares.iter().map(|share| share.encode().to_vec()).collect();
        Self { key, layout, shares, values, set: SignerSet::new([1, 2].map(party)).unwrap() }
    }

    /// The pieces of `party`, secret.
    fn secret_bytes(&self, party: PartyIndex) -> Vec<u8> {
        let mut bytes = self.shares[usize::from(party.get()) - 1].clone();
        taint::secret(bytes.as_mut_slice());
        bytes
    }

    /// The same, read.
    fn secret_share(&self, party: PartyIndex) -> KeyShare {
        KeyShare::decode(&self.key, &self.layout, party, &self.secret_bytes(party)).unwrap()
    }

    /// The parts of `block`, nothing being secret.
    fn parts(&self, block: &Block) -> Vec<(PartyIndex, Partial)> {
        let part = |party: PartyIndex| {
            let bytes = &self.shares[usize::from(party.get()) - 1];
            let share = KeyShare::decode(&self.key, &self.layout, party, bytes).unwrap();
            (party, self.part(block, &share))
        };
        self.set.iter().map(part).collect()
    }

    /// A share of party 1 whose two pieces are `fill`'s, as long as n; three limbs above are zero.
    pub fn any_share(&self, mut fill: impl FnMut(&mut [u8])) -> KeyShare {
        let mut bytes = vec![0; self.shares[0].len()];
        let (length, above) = (bytes.len() / 2, bytes.len() / 2 - self.key.bytes());
        bytes.chunks_exact_mut(length).for_each(|piece| fill(&mut piece[above..]));
        KeyShare::decode(&self.key, &self.layout, party(1), &bytes).unwrap()
    }

    /// The part of `block` by `share`.
    pub fn part(&self, block: &Block, share: &KeyShare) -> Partial {
        share.partial(&self.key, block, &self.set).unwrap()
    }

    /// A block to sign.
    pub fn block(&self) -> Block {
        Block::pkcs1(&self.key, Hash::Sha256, &[0x77; 32]).unwrap()
    }

    /// What `block` decrypts to, secret.
    fn opened(&self, block: &Block) -> Vec<u8> {
        let mut opened =
            combine(&self.key, block, &self.set, &self.parts(block), Checks::all()).unwrap().to_vec();
        taint::secret(opened.as_mut_slice());
        opened
    }
}

fn key() -> PublicKey {
    PublicKey::new(&bytes(N), Exponent::F4).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn stored_share() {
    let dealt = Dealt::new();
    for party in dealt.layout.threshold().all().iter() {
        let mut bytes = dealt.secret_bytes(party);
        bytes.extend(dealt.values.encode());
        let stored = Stored::decode(key(), &dealt.layout, party, &bytes).unwrap();
        black_box(stored.values());
        black_box(Stored::encode(&dealt.secret_share(party), &dealt.values));
    }
}

fn part() {
    let dealt = Dealt::new();
    for party in dealt.set.iter() {
        black_box(dealt.part(&dealt.block(), &dealt.secret_share(party)));
    }
}

fn proof() {
    let dealt = Dealt::new();
    let block = dealt.block();
    for (party, part) in dealt.parts(&block) {
        let share = dealt.secret_share(party);
        black_box(share.prove(&dealt.key, &block, &dealt.set, &part, &mut secret_rng(22)).unwrap());
    }
}

fn decrypted_block() {
    let dealt = Dealt::new();
    let block = dealt.block();
    let secret = |(party, part): (PartyIndex, Partial)| {
        let mut bytes = part.as_bytes().to_vec();
        taint::secret(bytes.as_mut_slice());
        (party, Partial::from_bytes(&bytes))
    };
    let parts: Vec<_> = dealt.parts(&block).into_iter().map(secret).collect();
    black_box(combine(&dealt.key, &block, &dealt.set, &parts, Checks::all()).unwrap());
}

/// A right block, and one that is changed.
fn oaep() {
    let dealt = Dealt::new();
    let oaep = Oaep { hash: Hash::Sha256, mask: Hash::Sha1, label: b"label" };
    let ciphertext = oaep.encrypt(&dealt.key, b"a message", &[9; 32]).unwrap();
    let mut opened = dealt.opened(&Block::ciphertext(&dealt.key, &ciphertext).unwrap());
    assert_eq!(told(Unpadded::oaep(&oaep, &opened).unwrap()), Some(9));
    opened[100] ^= 1;
    assert_eq!(told(Unpadded::oaep(&oaep, &opened).unwrap()), None);
}

/// Length of the message, which shows.
fn told(mut unpadded: Unpadded) -> Option<usize> {
    taint::public(unpadded.start());
    unpadded.message().map(|message| black_box(message).len())
}

/// A right block, and one without an end of its padding.
fn implicit_rejection() {
    let (key, ciphertext) = (key(), vec![0x11; 256]);
    let right = [&[0, 2], [0xa5; 200].as_slice(), &[0], &[0x42; 53]].concat();
    let wrong = [&[0, 2], [0xa5; 254].as_slice()].concat();
    for mut padded in [right, wrong] {
        let mut root = vec![0x33; 256];
        taint::secret(root.as_mut_slice());
        taint::secret(padded.as_mut_slice());
        assert!(told(Unpadded::pkcs1(&key, &ciphertext, &padded, &root)).is_some());
    }
}

/// The key from when its numbers have been read: how many bytes each has is told by its file.
fn import(has_primes: bool) {
    let [mut d, mut p, mut q] = [D, P, Q].map(bytes);
    [&mut d, &mut p, &mut q].into_iter().for_each(|number| taint::secret(number.as_mut_slice()));
    let private = PrivateKey { exponent: &d, primes: has_primes.then_some([&p, &q]) };
    let layout = Pieces::new(Threshold::new(2, 3).unwrap()).unwrap();
    black_box(split(&key(), &private, &layout, &mut secret_rng(23)).unwrap());
}

fn dealt_share() {
    let dealt = Dealt::new();
    for party in dealt.layout.threshold().all().iter() {
        let mut bytes = dealt.secret_bytes(party);
        bytes.extend(dealt.values.encode());
        let digest = dealt.values.digest(&dealt.key);
        black_box(Stored::accept(key(), &dealt.layout, party, &bytes, &digest, Checks::all()).unwrap());
    }
}

/// n of a key that OpenSSL made for this.
const N: &str = "\
    85a5fbb81510bf8ec40b7221ce1244a29018f2291b9300b7845c49f8164f7129b5cde42381f002643d0ad4ad108a4da17c24\
    d93fa37db2ca3c0a391701e7ccdc22a522bcb7f6404e4de947d85d3808bc377e83335e0607afdaeab3f269f2b9420f8d86bd\
    0f62be1f32822536b83fa7058bacb24d8708d5cb847555a6ea1ff29356cbc6c5abef290210d0674054b81767547089ff11c9\
    d67e34ed05a04e13e430ae767308bbe97793d4a1cb9772292cbc632fc29430f4c94eb6e237b45a5fcb482de25ab3dddf72ef\
    cd07a42b80866d7d392132655e96989f3b8becb0bb71feef4b59c6f57037bc8588ce6521e7104153b3307cf1e5109bc9db44\
    5269cb6563d3";

/// d.
const D: &str = "\
    0f6d870ea0f53b525d09d535ac76d4bacf5791dcc79f6df316b1c5f82adb2627b7ccfa0ba9f1982a6a16d8a62c6ff560dc2b\
    da1da1348971bf01e46fe625beb2f56ce00303aec6e2edd62d6cff407b56fedba3d99cd3a55f84d898728b631c44fbf6a26f\
    2b5a2d5da73ef97cc4ed7ecd026aaa7538a3ff1f6c92fee8331957af1a740665b9f990c1eb7b723237345d6b0d58836c6496\
    f8615e755b99f527b02fecf20df219cdb9ab0d94f1e562181ead91fe9e750a65f89a63a3a96881800b9a6654ea5bc1ae81d8\
    198a06ca15e640932f13bf3eaf39676fbbb359ac3be490527f358dab95a4b463a1f8db1b6ed2106060a78fbfd8799ceb45bd\
    55e2e76bbec1";

/// p.
const P: &str = "\
    b967b8647f9f0112e53f4ab0d17871e248b853cdaff824c840e2a405adeebf39681b164fe77f0d926ecbd0fae63f9e1871c1\
    78014c8dddd331656a70a840785b464203bd1f79a0ec38f03bd8582325f92f9db4427c2569d8f32de5b671631936b02a1baf\
    cfdbd64c3ef003b042edbef3c9d450d535a49c9adc7218910c24178d";

/// q.
const Q: &str = "\
    b8894b801c8bb5aae5fe603a02fb1753c606df21239f71e6fda60f26bc9aa1af74213e14e10dfc2965d5ff2280a087ae1df4\
    ba57c230db6884bdc811f7ad00a334e443a16c9131e4551ff805aaad6a3545d3dc147fa16a056e9d02c02b59d4c9db6ec26c\
    96270ad926f9d22f297f91e72403ff771822fe62f8c13aa693a060df";
