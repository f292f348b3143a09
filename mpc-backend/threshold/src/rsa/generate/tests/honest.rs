//! Honest generations.

use super::*;
use crate::fault::Misuse;
use crate::party::SignerSet;
use crate::party::Threshold;
use crate::rsa::combine::combine;
use crate::rsa::encode::Block;
use crate::rsa::generate::Setting;
use crate::rsa::{Hash, KeyShare, PublicKey};
use crate::sharing::replicated::Pieces;

/// Every set of T parties.
fn quorums(threshold: Threshold) -> Vec<SignerSet> {
    (0..1_u32 << threshold.parties())
        .filter(|mask| mask.count_ones() == u32::from(threshold.needed()))
        .map(|mask| {
            SignerSet::new(threshold.all().iter().filter(|party| mask >> (party.get() - 1) & 1 == 1)).unwrap()
        })
        .collect()
}

#[test]
fn every_quorum_signs_with_a_generated_key() {
    for (needed, seed) in [(2, 1), (2, 2), (3, 3)] {
        every_quorum_signs(&generate(needed, Checks::all(), seed, |_| ()).generated());
    }
}

fn every_quorum_signs(generated: &[Generated]) {
    let first = &generated[0];
    let parties = generated.len() as u8;
    let threshold = Threshold::new(parties.div_ceil(2), parties).unwrap();
    let layout = Pieces::new(threshold).unwrap();
    for (one, me) in generated.iter().zip(threshold.all().iter()) {
        assert_eq!(one.key.n(), first.key.n());
        assert_eq!(one.values, first.values);
        assert_eq!(one.transcript, first.transcript);
        // A share that was dealt is held to the same rules.
        KeyShare::accept(&one.key, &layout, me, &one.share.encode(), &one.values, Checks::all()).unwrap();
    }
    let block = Block::pkcs1(&first.key, Hash::Sha256, &[5; 32]).unwrap();
    for set in quorums(threshold) {
        let partial = |party: PartyIndex| {
            let share = &generated[usize::from(party.get()) - 1].share;
            (party, share.partial(&first.key, &block, &set).unwrap())
        };
        let partials: Vec<_> = set.iter().map(partial).collect();
        combine(&first.key, &block, &set, &partials, Checks::all()).unwrap();
    }
}

#[test]
fn sizes_and_exponents_that_are_not_offered_are_refused() {
    let layout = Pieces::new(Threshold::new(2, 3).unwrap()).unwrap();
    for (bits, exponent, refusal) in [
        (1024, E, Misuse::KeySize),
        (2047, E, Misuse::KeySize),
        (8192, E, Misuse::KeySize),
        (2048, exponent("65541"), Misuse::Exponent),
        (2048, exponent("4294967293"), Misuse::Exponent),
    ] {
        let refused = Setting::new(Wanted { bits, exponent }, &layout, party(1)).err();
        assert_eq!(refused, Some(refusal), "{bits} bits, e = {exponent:?}");
    }
}

fn exponent(name: &str) -> Exponent {
    Exponent::of_name(name).unwrap()
}

#[test]
fn keys_are_made_for_any_prime_exponent() {
    let largest = alloc::format!("0x{}43", "ff".repeat(31));
    for name in
        ["65543", "4294967291", "4294967311", "18446744073709551557", "0x01000000000000000d", &largest]
    {
        let wanted = Wanted { bits: BITS, exponent: exponent(name) };
        assert_eq!(Wanted::of_name(&wanted.name()), Some(wanted));
        for needed in [2, 3] {
            let generated = Cluster::start(needed, wanted, Checks::all(), 1).run(|_| ()).generated();
            assert!(wanted.is(&generated[0].key));
            let encoded = generated[0].key.encode();
            assert_eq!(PublicKey::decode(&encoded).unwrap().encode(), encoded);
            every_quorum_signs(&generated);
        }
    }
}

/// The choice of a winner among candidates prefers none: finished moduli have their length, are 1 modulo 4, and are spread
/// evenly over what residues modulo small primes a product of two large primes can have.
#[test]
fn finished_keys_have_their_size_and_residues_spread_evenly() {
    const KEYS: u64 = 30;
    let modulus = |seed| generate(2, Checks::all(), 500 + seed, |_| ()).generated()[0].key.n().to_vec();
    let moduli: Vec<Vec<u8>> = (0..KEYS).map(modulus).collect();
    for (at, n) in moduli.iter().enumerate() {
        assert_eq!((8 * n.len(), n[0] >> 7, n[n.len() - 1] & 3), (BITS, 1, 1));
        assert!(!moduli[..at].contains(n));
    }
    for prime in [3_u32, 5, 7] {
        let mut counts = [0_u32; 7];
        for n in &moduli {
            let rest = n.iter().fold(0, |rest, byte| (256 * rest + u32::from(*byte)) % prime);
            counts[rest as usize] += 1;
        }
        let mean = KEYS as f64 / f64::from(prime - 1);
        let chi: f64 =
            counts[1..prime as usize].iter().map(|count| (f64::from(*count) - mean).powi(2) / mean).sum();
        // Chance of more: under one in 10,000 for 5 degrees of freedom, and less for fewer; seeds are fixed.
        assert!(counts[0] == 0 && chi < 26.0, "{counts:?} modulo {prime}: {chi}");
    }
}

/// p and q are 3 modulo 4 and in their interval, no prime of the sieve divides them, and residues
/// modulo small primes are spread evenly.
#[test]
fn candidates_have_the_size_and_residues_that_they_are_made_with() {
    use arith::integer::Integer;
    for needed in [2, 3] {
        let mut cluster = Cluster::start(needed, Wanted { bits: 2048, exponent: E }, Checks::all(), 7);
        let mut counts = [[0_u32; 7]; 2];
        for _ in 0..2 {
            while cluster.step() != Step::Products {
                assert!(cluster.round(&mut |_| ()), "the first batch has a winner: take another seed");
            }
            let mut shares = Vec::new();
            for generation in cluster.generations.values() {
                let State::Products(state) = &generation.state else { unreachable!() };
                shares.push(state.factors());
            }
            for at in 0..shares[0].len() {
                let mut pieces: BTreeMap<_, &Integer> = BTreeMap::new();
                shares.iter().for_each(|share| pieces.extend(share[at].iter()));
                let mut p = Integer::zero(33);
                pieces.values().for_each(|piece| p.add(piece));
                assert_eq!(p.bits(), 1024);
                assert_eq!(p.low_word() & 3, 3);
                // At least sqrt(2)/2 of 2^1024.
                let top = p.to_be_bytes()[8 * 17..8 * 17 + 8].to_vec();
                assert!(top.as_slice() >= &0xb504_f333_f9de_6484_u64.to_be_bytes(), "{top:?}");
                let rest = |divisor| p.divided_by(divisor).unwrap().1;
                for prime in super::super::trial::odd_primes(600) {
                    assert_ne!(rest(u64::from(prime)), 0, "divided by {prime}");
                }
                counts[0][rest(5) as usize] += 1;
                counts[1][rest(7) as usize] += 1;
            }
            cluster.round(&mut |_| ());
        }
        for (counts, prime) in counts.iter().zip([5_u8, 7]) {
            let total: u32 = counts.iter().sum();
            let mean = f64::from(total) / f64::from(prime - 1);
            let chi: f64 = counts[1..usize::from(prime)]
                .iter()
                .map(|count| (f64::from(*count) - mean).powi(2) / mean)
                .sum();
            // Chance of more: under one in 10,000 for 5 degrees of freedom; seeds are fixed.
            assert!(total > 100 && chi < 26.0, "{counts:?} modulo {prime}: {chi}");
        }
    }
}
