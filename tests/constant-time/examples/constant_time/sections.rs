//! The operations on secrets, each with its secrets marked just before it.
//!
//! Randomness is drawn from a generator whose output is marked as it leaves it. What a step has sent is
//! marked public again before the next one, since the protocol shows it.

use std::collections::{BTreeMap, VecDeque};
use std::hint::black_box;

use constant_time::taint;
use curve25519_dalek::{EdwardsPoint, RistrettoPoint};
use elliptic_curve::Field;
use elliptic_curve::ff::PrimeField;
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, Error, RngCore, SeedableRng};
use subtle::ConstantTimeEq;
use threshold::codec::{Writer, scalar_from_bytes};
use threshold::dkg::{DkgContext, DkgCurve, DkgSession, Progress};
use threshold::ecdh::{self, AgreementCurve};
use threshold::ecdsa::ot::{self, base, extension, tree};
use threshold::ecdsa::{Witness, answer};
use threshold::fault::Checks;
use threshold::frost::{self, Bip340, Ed25519, FrostP256, NonceSession, OnlineRequest, Schnorr};
use threshold::group::{Curve, P256, P384, Point, Secp256k1};
use threshold::oprf::node::EvaluationKey;
use threshold::party::{PartyIndex, SignerSet, Threshold};
use threshold::secret::Secret;
use threshold::sharing::dealing::{accept, deal};
use threshold::sharing::{evaluate, lagrange_at_zero};
use threshold::sim::frost::{Dealt, secrets};
use threshold::sim::secrets::{Multiplication, online_keys, presignature_secrets, zero_share};
use threshold::sim::{self, Cluster};

/// The groups of keys, but curve25519, which is edwards25519's.
const GROUPS: [DkgCurve; 5] =
    [DkgCurve::P256, DkgCurve::P384, DkgCurve::Secp256k1, DkgCurve::Edwards25519, DkgCurve::Ristretto255];

/// A section and its name.
pub type Section = (String, Box<dyn Fn()>);

/// Every section.
pub fn all() -> Vec<Section> {
    let mut all: Vec<Section> = vec![
        named("", "base OT: Alice's choice bits and scalars", base_ot_receiver),
        named("", "base OT: Bob's scalar", base_ot_sender),
        named("", "trees: Bob's seeds", trees_of_bob),
        named("", "trees: Alice's keys and Delta", trees_of_alice),
        named("", "OT extension: Bob's leaves and choice bits", extension_of_bob),
        named("", "OT extension: Alice's leaves and Delta", extension_of_alice),
        named("ristretto255", "points: base, variable base, sum, encoding", points::<RistrettoPoint>),
        named("ristretto255", "OPRF evaluation and its proof", oprf_evaluation),
        named("", "comparison of secrets", comparison),
        named("edwards25519", "points: base, variable base, sum, encoding", points::<EdwardsPoint>),
        named("curve25519", "key agreement: answer and its proof", || {
            let peer: [u8; 32] = std::array::from_fn(|at| if at == 0 { 9 } else { 0 });
            agreement(AgreementCurve::Curve25519, EdwardsPoint::generator(), &peer);
        }),
    ];
    for curve in GROUPS {
        all.push(of_group(curve, "key generation: polynomial and proof", polynomial));
        all.push(of_group(curve, "key generation: received shares", received_shares));
        if curve != DkgCurve::Ristretto255 {
            all.push(of_group(curve, "import: the key and its polynomial", dealing));
            all.push(of_group(curve, "import: a dealt share", dealt_share));
        }
    }
    all.extend(of_scheme::<Ed25519>("edwards25519"));
    all.extend(of_scheme::<FrostP256>(P256::NAME));
    all.extend(of_scheme::<Bip340>(Secp256k1::NAME));
    all.extend(of_curve::<P256>());
    all.extend(of_curve::<P384>());
    all.extend(of_curve::<Secp256k1>());
    all.extend(crate::rsa::all());
    all
}

fn of_curve<C: Curve>() -> Vec<Section> {
    vec![
        named(C::NAME, "points: base, variable base, sum, encoding", points::<C::Point>),
        named(C::NAME, "wide reduction", wide_reduction::<C>),
        named(C::NAME, "scalar codec", scalar_codec::<C>),
        named(C::NAME, "shares: evaluation, Lagrange weight, product, sum", shares::<C>),
        named(C::NAME, "zero shares", zero_shares::<C>),
        named(C::NAME, "multiplication: choice bits, gadget products, pads, check", multiplication::<C>),
        named(C::NAME, "answer: presignature and masks", online_answer::<C>),
        named(C::NAME, "key agreement: answer and its proof", || {
            let curve = AgreementCurve::of_name(C::NAME).unwrap();
            let peer = C::Point::mul_base(&C::Scalar::random(plain(18)));
            agreement(curve, C::Point::generator(), &peer.encode());
        }),
    ]
}

fn of_scheme<S: Schnorr>(curve: &str) -> [Section; 2] {
    [
        named(curve, "FROST: drawing nonces", frost_nonces::<S>),
        named(curve, "FROST answer: nonces, share and masks", frost_answer::<S>),
    ]
}

fn of_group(curve: DkgCurve, what: &str, run: fn(DkgCurve)) -> Section {
    (format!("{:12} {what}", curve.name()), Box::new(move || run(curve)))
}

pub fn named(curve: &str, what: &str, run: fn()) -> Section {
    (format!("{curve:12} {what}"), Box::new(run))
}

pub fn plain(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub fn party(index: u8) -> PartyIndex {
    PartyIndex::new(index).unwrap()
}

/// A generator whose every byte is secret.
pub struct SecretRng(ChaCha20Rng);

impl RngCore for SecretRng {
    fn next_u32(&mut self) -> u32 {
        let mut word = self.0.next_u32();
        taint::secret(&mut word);
        word
    }

    fn next_u64(&mut self) -> u64 {
        let mut word = self.0.next_u64();
        taint::secret(&mut word);
        word
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
        taint::secret(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for SecretRng {}

pub fn secret_rng(seed: u64) -> SecretRng {
    SecretRng(plain(seed))
}

fn secret_scalar<F: Field>(seed: u64) -> F {
    let mut scalar = F::random(plain(seed));
    taint::secret(&mut scalar);
    scalar
}

fn delta() -> ot::Delta {
    let mut delta = ot::Delta::new(core::array::from_fn(|block| (block * 7 % ot::LEAVES) as u8));
    taint::secret(delta.expose_mut());
    delta
}

const SID: [u8; 32] = [5; 32];

fn base_ot_receiver() {
    let sender = base::Sender::new(&mut plain(1));
    black_box(base::receive(&SID, &delta(), sender.point(), &mut secret_rng(2)).ok());
}

fn base_ot_sender() {
    let public = base::Sender::new(&mut plain(1));
    let (_, choices) =
        base::receive(&SID, &ot::Delta::new([3; ot::BLOCKS]), public.point(), &mut plain(2)).unwrap();
    let sender = base::Sender::new(&mut secret_rng(1));
    black_box(sender.keys(&SID, &choices).ok());
}

/// Both sides' keys and the message of the trees.
fn base_keys() -> (base::SenderKeys, base::ReceiverKeys) {
    let sender = base::Sender::new(&mut plain(1));
    let mut delta = delta();
    taint::public(delta.expose_mut());
    let (received, choices) = base::receive(&SID, &delta, sender.point(), &mut plain(2)).unwrap();
    (sender.keys(&SID, &choices).unwrap(), received)
}

fn trees_of_bob() {
    let (mut sent, _) = base_keys();
    taint::secret(sent.expose_mut());
    black_box(tree::grow(&SID, &sent));
}

fn trees_of_alice() {
    let (sent, mut received) = base_keys();
    let (_, message) = tree::grow(&SID, &sent);
    taint::secret(received.expose_mut());
    black_box(tree::puncture(&SID, &received, &delta(), &message));
}

/// Bob's leaves, and Alice's with those at Delta unknown.
fn leaves() -> (ot::Leaves, ot::Leaves) {
    let mut all = [[[0; 16]; ot::LEAVES]; ot::BLOCKS];
    plain(4).fill_bytes(all.as_flattened_mut().as_flattened_mut());
    let mut known = all;
    for (block, leaves) in known.iter_mut().enumerate() {
        leaves[block * 7 % ot::LEAVES] = [0; 16];
    }
    (ot::Leaves::new(all), ot::Leaves::new(known))
}

fn extension_of_bob() {
    let (mut all, _) = leaves();
    taint::secret(all.expose_mut());
    let mut choices = [0x5a; P384::XI / 8];
    taint::secret(&mut choices);
    black_box(extension::extend(&SID, &all, 1, &choices, &mut secret_rng(5)));
}

fn extension_of_alice() {
    let (all, mut known) = leaves();
    let (message, _) = extension::extend(&SID, &all, 1, &[0x5a; P384::XI / 8], &mut plain(5));
    taint::secret(known.expose_mut());
    black_box(extension::check(&SID, &known, &delta(), &message, P384::XI));
}

fn points<P: Point<Scalar: Field>>() {
    let other = P::mul_base(&P::Scalar::random(plain(1)));
    let (k, m) = (secret_scalar::<P::Scalar>(2), secret_scalar::<P::Scalar>(3));
    let base = P::mul_base(&k);
    let product = other.mul(&m);
    black_box(base.add(&product).neg().encode());
    black_box(base.encode());
}

fn wide_reduction<C: Curve>() {
    let mut bytes = vec![0x9c; C::WIDE_BYTES];
    taint::secret(bytes.as_mut_slice());
    black_box(C::reduce_wide(&bytes));
}

fn scalar_codec<C: Curve>() {
    let mut writer = Writer::with_capacity(C::SCALAR_BYTES);
    writer.scalar::<C>(&secret_scalar(1));
    black_box(scalar_from_bytes::<C>(&writer.finish()).ok());
}

fn shares<C: Curve>() {
    let coefficients: [C::Scalar; 3] = [1, 2, 3].map(secret_scalar);
    let set = SignerSet::new([1, 4, 5].map(party)).unwrap();
    let mut sum = C::Scalar::ZERO;
    for member in set.iter() {
        let weight: C::Scalar = lagrange_at_zero(member, &set).unwrap();
        sum += weight * evaluate(&coefficients, member);
    }
    black_box(sum * coefficients[1] - coefficients[2].square());
    black_box(-sum + sum.double());
}

fn zero_shares<C: Curve>() {
    let mut key = Secret::new([7; 32]);
    taint::secret(key.expose_mut());
    black_box(zero_share::<C>(party(1), party(2), &key));
    black_box(zero_share::<C>(party(3), party(2), &key));
}

fn multiplication<C: Curve>() {
    let mut run = Multiplication::<C>::new(&mut plain(6));
    run.secrets().into_iter().for_each(taint::secret);
    run.bob_starts(&mut secret_rng(7));
    // Bob has sent his message.
    let message = run.message();
    taint::public(message.corrections.as_mut_slice());
    taint::public(&mut message.choice_hash);
    taint::public(&mut message.tag);
    black_box(run.alice_checks());
    let inputs = [8, 9].map(|seed| Secret::new(secret_scalar(seed)));
    run.alice_replies([&inputs[0], &inputs[1]], &mut secret_rng(10));
    black_box(run.bob_finishes());
}

fn online_answer<C: Curve>() {
    let mut cluster = Cluster::<C>::new(Threshold::new(2, 2).unwrap(), &mut plain(11));
    let signers = SignerSet::new([1, 2].map(party)).unwrap();
    let mut outcome = sim::presign(&mut cluster, &signers, 1, Checks::all(), None, &mut plain(12));
    let request = cluster.request(&signers, &[0x77; 48], [1; 32]);
    for presignature in outcome.presignatures.values_mut() {
        presignature_secrets(presignature).into_iter().for_each(taint::secret);
    }
    for member in cluster.parties.values_mut() {
        online_keys(member).for_each(taint::secret);
    }
    let mut answers = vec![];
    for (member, presignature) in outcome.presignatures {
        let said = answer(presignature, &cluster.parties[&member].pairs, &request);
        answers.push((member, said.ok().unwrap()));
    }
    black_box(&answers);
}

/// A dealt key of 2-of-3, and the pair of the first two parties.
fn frost_key<S: Schnorr>() -> (Dealt<S>, Cluster<P256>, SignerSet) {
    let pairs = Cluster::<P256>::new(Threshold::new(2, 2).unwrap(), &mut plain(11));
    let key = Dealt::<S>::new(Threshold::new(2, 3).unwrap(), &mut plain(17));
    (key, pairs, SignerSet::new([1, 2].map(party)).unwrap())
}

fn frost_nonces<S: Schnorr>() {
    let (mut key, cluster, signers) = frost_key::<S>();
    let context = key.context(&signers, party(1), 1);
    let share = key.shares.get_mut(&party(1)).unwrap();
    taint::secret(share.expose_mut());
    let pairs = &cluster.parties[&party(1)].pairs;
    let started = NonceSession::<S>::start(context, key.public_key, share, pairs, &mut secret_rng(18));
    black_box(started.ok().unwrap());
}

/// In strict mode, so that answers are masked.
fn frost_answer<S: Schnorr>() {
    let (key, mut cluster, signers) = frost_key::<S>();
    let pairs = cluster.parties.iter().map(|(party, own)| (*party, sim::duplicate_pairs(&own.pairs)));
    let strict = (Some(Witness { party: party(3), book: [1; 16] }), Checks::all());
    let made = key.nonces(&signers, &pairs.collect(), strict, &mut |_, _, _| (), &mut plain(19));
    let request = OnlineRequest { witnessed: true, ..key.request(&signers, &[], &[0x77; 48]) };
    cluster.parties.values_mut().for_each(|member| online_keys(member).for_each(taint::secret));
    for (member, mut nonces) in made.ok().unwrap() {
        secrets(&mut nonces).into_iter().for_each(taint::secret);
        black_box(frost::answer(nonces, &cluster.parties[&member].pairs, &request).ok().unwrap());
    }
}

fn comparison() {
    let mut left = Secret::new([1; 32]);
    taint::secret(left.expose_mut());
    black_box(left.expose().as_slice().ct_eq(&[1_u8; 32]));
}

fn oprf_evaluation() {
    let mut share = Secret::new([0; 32]);
    share.expose_mut()[0] = 9;
    taint::secret(share.expose_mut());
    let key = EvaluationKey::new(party(1), &share).unwrap();
    let blinded = RistrettoPoint::mul_base(&Field::random(plain(13))).encode();
    black_box(key.evaluate(&blinded, &[0; 32], &mut secret_rng(14)).ok());
}

fn agreement<P: Point<Scalar: PrimeField>>(curve: AgreementCurve, public_key: P, peer: &[u8]) {
    let scalar = P::Scalar::random(plain(17));
    let mut share = Secret::new(scalar.to_repr().as_ref().to_vec());
    taint::secret(share.expose_mut().as_mut_slice());
    let request = ecdh::Request {
        cluster_id: [1; 32],
        key_id: [2; 16],
        epoch: 1,
        curve,
        public_key: public_key.encode(),
        quorum: SignerSet::new([1, 2].map(party)).unwrap(),
        client: [3; 32],
        mechanism: 0x1050,
        peer: peer.to_vec(),
        request_nonce: [4; 32],
    };
    black_box(ecdh::answer(party(1), &share, &request, &mut secret_rng(19)).ok().unwrap());
}

/// A key that is imported: a canonical scalar in either order of bytes.
fn imported_key(curve: DkgCurve) -> Secret<Vec<u8>> {
    let mut key = vec![0x2a; curve.scalar_bytes()];
    let last = key.len() - 1;
    (key[0], key[last]) = (0, 0);
    Secret::new(key)
}

fn dealing(curve: DkgCurve) {
    let mut key = imported_key(curve);
    taint::secret(key.expose_mut().as_mut_slice());
    let threshold = Threshold::new(2, 3).unwrap();
    black_box(deal(curve, &key, threshold, &mut secret_rng(20)).ok().unwrap());
}

fn dealt_share(curve: DkgCurve) {
    let threshold = Threshold::new(2, 3).unwrap();
    let mut dealt = deal(curve, &imported_key(curve), threshold, &mut plain(20)).ok().unwrap();
    for (party, share) in &mut dealt.shares {
        taint::secret(share.expose_mut().as_mut_slice());
        let mut accepted = accept(curve, &dealt.commitments, threshold, *party, share, Checks::all()).is_ok();
        taint::public(&mut accepted);
        assert!(accepted);
    }
}

fn dkg_context(curve: DkgCurve, me: PartyIndex) -> DkgContext {
    DkgContext {
        cluster_id: [1; 32],
        session_id: [2; 32],
        key_id: [3; 16],
        epoch: 1,
        threshold: Threshold::new(2, 3).unwrap(),
        curve,
        purpose: [4; 32],
        me,
    }
}

fn polynomial(curve: DkgCurve) {
    black_box(DkgSession::start(&dkg_context(curve, party(1)), &mut secret_rng(15)).ok());
}

/// A whole key generation in which the shares are secret once they have been sent.
fn received_shares(curve: DkgCurve) {
    let (mut sessions, mut wire) = (BTreeMap::new(), VecDeque::new());
    for me in [1, 2, 3].map(party) {
        let (session, outbox) = DkgSession::start(&dkg_context(curve, me), &mut plain(16)).unwrap();
        sessions.insert(me, session);
        wire.extend(outbox.into_iter().map(|(to, message)| (me, to, message)));
    }
    let mut done = 0;
    while let Some((from, to, mut message)) = wire.pop_front() {
        match message.split_at_mut(ROUND_AND_HASH) {
            ([3, ..], share) => taint::secret(share),
            // It is sent: what was computed with shares is public then.
            (head, rest) => {
                taint::public(head);
                taint::public(rest);
            }
        }
        let outbox = match sessions.get_mut(&to).unwrap().receive(from, &message).unwrap() {
            Progress::Continue(outbox) => outbox,
            Progress::Done(output, outbox) => {
                black_box(output);
                done += 1;
                outbox
            }
        };
        wire.extend(outbox.into_iter().map(|(peer, message)| (to, peer, message)));
    }
    assert_eq!(done, 3);
}

/// What stands before the share in the message of the third round.
const ROUND_AND_HASH: usize = 1 + 32;
