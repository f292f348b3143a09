#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
use super::*;
use crate::codec::{Reader, Writer};
use crate::ecdsa::ot::LEAVES;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

const SID: [u8; 32] = [3; 32];

/// All leaves, all but those at Delta, and Delta.
fn correlated(rng: &mut ChaCha20Rng) -> (Leaves, Leaves, Delta) {
    let mut all = [[[0; 16]; LEAVES]; BLOCKS];
    all.iter_mut().flatten().for_each(|leaf| rng.fill_bytes(leaf));
    let delta: [u8; BLOCKS] = core::array::from_fn(|_| (rng.next_u32() % 16) as u8);
    let mut known = all;
    for (leaves, hole) in known.iter_mut().zip(delta) {
        leaves[usize::from(hole)] = [0; 16];
    }
    (Secret::new(all), Secret::new(known), Delta::new(delta))
}

#[test]
fn alice_columns_differ_from_bobs_by_delta_where_the_choice_is_one() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (all, known, delta) = correlated(&mut rng);
    for bytes in [52, 68] {
        let mut choices = alloc::vec![0; bytes];
        rng.fill_bytes(&mut choices);
        let (message, v) = extend(&SID, &all, 9, &choices, &mut rng);
        let (w, verdict) = check(&SID, &known, &delta, &message, 8 * bytes);
        assert!(bool::from(verdict));
        assert_eq!(w.expose().len(), 8 * bytes);
        for (j, (v, w)) in v.expose().iter().zip(w.expose()).enumerate() {
            let bit = u128::from(choices[j / 8] >> (j % 8) & 1);
            assert_eq!(*w, *v ^ (delta_column(&delta) * bit));
        }
    }
}

#[test]
fn every_altered_value_fails_the_check() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let (all, known, delta) = correlated(&mut rng);
    let (message, _) = extend(&SID, &all, 1, &[0xa5; 52], &mut rng);
    let alterations: [fn(&mut ExtensionMessage); 4] = [
        |message| message.number += 1,
        |message| message.corrections[700] ^= 4,
        |message| message.choice_hash[0] ^= 1,
        |message| message.tag[31] ^= 0x80,
    ];
    for alter in alterations {
        let mut altered = message.clone();
        alter(&mut altered);
        assert!(!bool::from(check(&SID, &known, &delta, &altered, 416).1));
    }
    assert!(!bool::from(check(&[4; 32], &known, &delta, &message, 416).1));
}

/// The selective-failure attack itself: another choice vector in one block, and a guess.
#[test]
fn a_cheat_in_one_block_passes_for_exactly_the_one_right_guess_of_sixteen() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let (all, known, delta) = correlated(&mut rng);
    let block = 5;
    let mut passed = alloc::vec![];
    for guess in 0..16_u8 {
        let mut expanded = expand_choices(&all, u64::from(guess) + 1, &[0x5a; 52], &mut rng);
        let row = row_bytes(416);
        expanded.corrections[block * row] ^= 1;
        let padded = expanded.padded.clone();
        let rows = expanded.rows.clone();
        let (mut message, _) = seal(&SID, u64::from(guess) + 1, 416, expanded);
        // The block's rows will be off by (hash of the difference) where Delta's bit is 1.
        let challenges = message.challenges(&SID, 416);
        let mut other = padded.clone();
        other[0] ^= 1;
        let difference = hash_row(&padded, 416, &challenges) ^ hash_row(&other, 416, &challenges);
        let mut hashes = hash_rows(&rows, 416, &challenges);
        for bit in 0..4 {
            if guess >> bit & 1 == 1 {
                hashes[4 * block + bit] ^= difference;
            }
        }
        message.tag = tag(&SID, message.number, &hashes);
        if bool::from(check(&SID, &known, &delta, &message, 416).1) {
            passed.push(guess);
        }
    }
    assert_eq!(passed, [delta.expose()[block]]);
}

#[test]
fn messages_decode_only_at_their_exact_length() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let (all, _, _) = correlated(&mut rng);
    let (message, _) = extend(&SID, &all, 1, &[1; 52], &mut rng);
    let mut writer = Writer::default();
    message.encode(&mut writer);
    let bytes = writer.finish();
    assert_eq!(bytes.len(), ExtensionMessage::bytes(416));
    assert_eq!(bytes.len(), 2232);
    let mut reader = Reader::new(&bytes);
    assert!(ExtensionMessage::decode(&mut reader, 416).unwrap() == message);
    assert!(reader.finish().is_ok());
    assert!(ExtensionMessage::decode(&mut Reader::new(&bytes[1..]), 416).is_err());
}

/// Reuse of a number: u + u* = beta + beta*, so the difference of two secrets is public.
#[test]
fn a_repeated_number_reveals_the_difference_of_the_choices() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let (all, _, _) = correlated(&mut rng);
    let first = extend(&SID, &all, 1, &[0x0f; 52], &mut rng).0;
    let second = extend(&SID, &all, 1, &[0xff; 52], &mut rng).0;
    let fresh = extend(&SID, &all, 2, &[0xff; 52], &mut rng).0;
    let difference = |other: &ExtensionMessage| first.corrections[0] ^ other.corrections[0];
    assert!((0..52).all(|at| first.corrections[at] ^ second.corrections[at] == 0xf0));
    assert!((0..52).any(|at| first.corrections[at] ^ fresh.corrections[at] != 0xf0));
    assert_eq!(difference(&second), 0xf0);
}
