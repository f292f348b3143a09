#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::ecdsa::ot::{BLOCKS, LEAVES};
use crate::group::P256;
use elliptic_curve::ff::PrimeField;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

type Scalar = <P256 as Curve>::Scalar;

const SID: [u8; 32] = [9; 32];
const VIEW: [u8; 32] = [1; 32];

/// One direction with ideal base OTs.
fn direction(rng: &mut ChaCha20Rng) -> (AliceSide, BobSide) {
    let mut all = [[[0; 16]; LEAVES]; BLOCKS];
    all.iter_mut().flatten().for_each(|leaf| rng.fill_bytes(leaf));
    let delta: [u8; BLOCKS] = core::array::from_fn(|_| (rng.next_u32() % 16) as u8);
    let mut known = all;
    for (leaves, hole) in known.iter_mut().zip(delta) {
        leaves[usize::from(hole)] = [0; 16];
    }
    (AliceSide::new(SID, Secret::new(known), Secret::new(delta)), BobSide::new(SID, Secret::new(all)))
}

fn small(value: u64) -> Scalar {
    Scalar::from(value)
}

#[test]
fn pads_agree_exactly_on_the_chosen_branch() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (mut alice, mut bob) = direction(&mut rng);
    let (state, message) = bob_start::<P256>(&mut bob, &mut rng);
    let (columns, verdict) = alice_check::<P256>(&alice, &message);
    assert!(bool::from(verdict));
    let inputs = [Secret::new(small(5)), Secret::new(small(6))];
    let (reply, _) = alice_reply::<P256, CHECKS>(
        &mut alice,
        &columns,
        &message.digest(),
        &VIEW,
        [&inputs[0], &inputs[1]],
        &mut rng,
    );
    let keys = Keys::new(&SID, &VIEW, &message.digest());
    let mut pads = Pads::<P256>::new(&keys, 3);
    let offset = delta_column(&alice.delta);
    let choices: Vec<bool> = bits(state.choices.expose()).map(bool::from).collect();
    assert_eq!(choices.len(), P256::XI);
    for (j, choice) in choices.into_iter().enumerate() {
        let mut of = |column| {
            let reduced = |pad| <P256 as Curve>::Late::difference(&pad, &[0; 6], &[0; 4]);
            let [row, again] = pads.fill([(j as u16, column); LANES]).map(|row| row.map(reduced).collect());
            let row: Vec<_> = row;
            assert_eq!(row, again);
            row
        };
        let (zero, one) = (of(columns.expose()[j]), of(columns.expose()[j] ^ offset));
        let chosen = of(state.columns.expose()[j]);
        assert_eq!(chosen, if choice { one.clone() } else { zero.clone() });
        assert_ne!(zero, one);
        assert_eq!(reply.masked[3 * j], zero[0] - one[0] + small(5));
    }
}

fn product_holds<const RHO: usize>(first: Scalar, second: Scalar, rng: &mut ChaCha20Rng) {
    let (mut alice, mut bob) = direction(rng);
    let (state, message) = bob_start::<P256>(&mut bob, rng);
    let (columns, _) = alice_check::<P256>(&alice, &message);
    let inputs = [Secret::new(first), Secret::new(second)];
    let (reply, c) = alice_reply::<P256, RHO>(
        &mut alice,
        &columns,
        &message.digest(),
        &VIEW,
        [&inputs[0], &inputs[1]],
        rng,
    );
    let (d, verdict) = bob_finish(&SID, &state, &VIEW, &reply);
    assert!(bool::from(verdict));
    for (i, input) in [first, second].into_iter().enumerate() {
        assert_eq!(c.expose()[i] + d.expose()[i], input * state.product_share.expose());
    }
}

#[test]
fn outputs_sum_to_the_product_also_at_the_edges() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let minus_one = -Scalar::ONE;
    let edges = [Scalar::ZERO, Scalar::ONE, minus_one, Scalar::random(&mut rng)];
    for first in edges {
        for second in edges {
            product_holds::<1>(first, second, &mut rng);
        }
    }
}

#[test]
fn two_check_columns_work_as_well() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    product_holds::<2>(small(3), small(4), &mut rng);
}

/// A wrong input in one column, with the check recomputed over it: Alice's best cheat.
#[test]
fn a_wrong_column_passes_exactly_when_its_choice_bit_is_zero() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let (alice, mut bob) = direction(&mut rng);
    let inputs = [Secret::new(small(3)), Secret::new(small(4))];
    let inputs = [&inputs[0], &inputs[1]];
    let (mut passed, mut failed) = (0, 0);
    for _ in 0..24 {
        let (state, message) = bob_start::<P256>(&mut bob, &mut rng);
        let (columns, _) = alice_check::<P256>(&alice, &message);
        let keys = Keys::new(&SID, &VIEW, &message.digest());
        let mut values = alice_mask::<P256, 1>(&keys, &columns, &alice.delta, inputs, &mut rng);
        values.masked[3 * 7] += Scalar::ONE;
        let (reply, _) = alice_seal(&keys, values, inputs, &state.gadget);
        let (_, verdict) = bob_finish(&SID, &state, &VIEW, &reply);
        let choice = state.choices.expose()[0] >> 7 & 1;
        assert_eq!(bool::from(verdict), choice == 0);
        if choice == 0 { passed += 1 } else { failed += 1 }
    }
    assert!(passed > 0 && failed > 0);
}

#[test]
fn every_altered_value_of_a_reply_fails_the_check() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let (mut alice, mut bob) = direction(&mut rng);
    let (state, message) = bob_start::<P256>(&mut bob, &mut rng);
    let (columns, _) = alice_check::<P256>(&alice, &message);
    let inputs = [Secret::new(small(3)), Secret::new(small(4))];
    let (mut reply, _) = alice_reply::<P256, CHECKS>(
        &mut alice,
        &columns,
        &message.digest(),
        &VIEW,
        [&inputs[0], &inputs[1]],
        &mut rng,
    );
    let holds = |reply: &Reply<P256>| bool::from(bob_finish(&SID, &state, &VIEW, reply).1);
    assert!(holds(&reply));
    reply.masked[100] += Scalar::ONE;
    assert!(!holds(&reply));
    reply.masked[100] -= Scalar::ONE;
    reply.sums[0] += Scalar::ONE;
    assert!(!holds(&reply));
    reply.sums[0] -= Scalar::ONE;
    reply.check[0] ^= 1;
    assert!(!holds(&reply));
    reply.check[0] ^= 1;
    assert!(!bool::from(bob_finish(&SID, &state, &[2; 32], &reply).1), "another view, other pads");
}

#[test]
fn replies_decode_only_when_canonical() {
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let (mut alice, mut bob) = direction(&mut rng);
    let (_, message) = bob_start::<P256>(&mut bob, &mut rng);
    let (columns, _) = alice_check::<P256>(&alice, &message);
    let inputs = [Secret::new(small(3)), Secret::new(small(4))];
    let (reply, _) = alice_reply::<P256, CHECKS>(
        &mut alice,
        &columns,
        &message.digest(),
        &VIEW,
        [&inputs[0], &inputs[1]],
        &mut rng,
    );
    let mut writer = Writer::default();
    reply.encode(&mut writer);
    let mut bytes = writer.finish();
    assert_eq!(bytes.len(), Reply::<P256>::BYTES);
    let decoded = Reply::<P256>::decode(&mut Reader::new(&bytes)).unwrap();
    assert_eq!(decoded.masked[7].to_repr(), reply.masked[7].to_repr());
    bytes[..32].fill(0xff);
    assert_eq!(Reply::<P256>::decode(&mut Reader::new(&bytes)).err(), Some(DecodeError::Value));
}

/// A generator that knows one byte.
struct Constant(u8);

impl RngCore for Constant {
    fn next_u32(&mut self) -> u32 {
        u32::from_ne_bytes([self.0; 4])
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_ne_bytes([self.0; 8])
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        dest.fill(self.0);
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        dest.fill(self.0);
        Ok(())
    }
}

impl rand_core::CryptoRng for Constant {}

/// A whole multiplication against `dkls23_reference.py`, another implementation on plain integers:
/// leaf (i, y) = i eight times, y eight times; Delta_i = 7i + 3 mod 16; every random byte 0x42.
#[test]
fn multiplication_equals_the_reference_byte_for_byte() {
    let all: [[[u8; 16]; LEAVES]; BLOCKS] = core::array::from_fn(|i| {
        core::array::from_fn(|y| core::array::from_fn(|at| if at < 8 { i as u8 } else { y as u8 }))
    });
    let delta: [u8; BLOCKS] = core::array::from_fn(|i| ((7 * i + 3) % 16) as u8);
    let mut known = all;
    for (leaves, hole) in known.iter_mut().zip(delta) {
        leaves[usize::from(hole)] = [0; 16];
    }
    let mut alice = AliceSide::new(SID, Secret::new(known), Secret::new(delta));
    let mut bob = BobSide::new(SID, Secret::new(all));
    let mut rng = Constant(0x42);
    let sha = |bytes: &[u8]| hex::encode(<sha2::Sha256 as sha2::Digest>::digest(bytes));
    let both = |scalars: &[Scalar]| sha(&scalars.iter().flat_map(|s| s.to_repr()).collect::<Vec<u8>>());

    let (state, message) = bob_start::<P256>(&mut bob, &mut rng);
    let b = state.product_share.expose().to_repr();
    assert_eq!(hex::encode(b), "4d1991693de13fdeaa21f3878ef8e801c3a1c6b62c6c30840c2e340fe14543a0");
    let mut writer = Writer::default();
    message.encode(&mut writer);
    let first = sha(&writer.finish());
    assert_eq!(first, "17b93b1fa910edccd378ef7a2a1d36d7c0fd1208f61408a7c18f0a6e0c55f427");

    let (columns, verdict) = alice_check::<P256>(&alice, &message);
    assert!(bool::from(verdict));
    let inputs = [Secret::new(small(5)), Secret::new(small(6))];
    let inputs = [&inputs[0], &inputs[1]];
    let digest = message.digest();
    let (reply, c) = alice_reply::<P256, CHECKS>(&mut alice, &columns, &digest, &VIEW, inputs, &mut rng);
    let mut writer = Writer::default();
    reply.encode(&mut writer);
    let second = sha(&writer.finish());
    assert_eq!(second, "630ddd592389831d22be7fbd294bce5ad8a1049c39980ba20628513e27075fa4");
    assert_eq!(both(c.expose()), "6e766f0646c98427807d7dd7ad9c0635c306c01cd191136c1a40e942580a3da7");

    let (d, verdict) = bob_finish(&SID, &state, &VIEW, &reply);
    assert!(bool::from(verdict));
    assert_eq!(both(d.expose()), "533ce26e6c96b4dd13438d7867f9dc5a1e73073d8185b3e707d673445a32cc77");
}
