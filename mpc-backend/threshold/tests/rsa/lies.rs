//! One lie each: the check that catches it, whom it names, and that without it the lie passes.

use super::*;
use arith::modulus::Modulus;
use threshold::rsa::Exponent;
use threshold::rsa::KeyError;

fn block(dealt: &Dealt) -> Block {
    Block::pkcs1_data(&dealt.public, b"what is signed").unwrap()
}

/// The fault of a party that accepts these bytes.
fn accepted(dealt: &Dealt, at: usize, share: &[u8], values: &Values, checks: Checks) -> Option<Fault> {
    KeyShare::accept(&dealt.public, &dealt.layout, party(at as u8 + 1), share, values, checks).err()
}

#[test]
fn keys_of_other_sizes_and_exponents_are_refused() {
    let n = &key().n;
    let refused = |n: &[u8], e: u64| {
        Exponent::new(&e.to_be_bytes()).and_then(|exponent| PublicKey::new(n, exponent)).err()
    };
    assert_eq!(refused(n, 65537), None);
    assert_eq!(refused(&n[1..], 65537), Some(KeyError::Size));
    assert_eq!(refused(&[&[0], n.as_slice()].concat(), 65537), Some(KeyError::Size));
    assert_eq!(refused(&[0xff; 128], 65537), Some(KeyError::Size));
    assert_eq!(refused(&[0xff; 513], 65537), Some(KeyError::Size));
    assert_eq!(refused(&[], 65537), Some(KeyError::Size));
    assert_eq!(refused(&[0xfe; 256], 65537), Some(KeyError::Modulus));
    let mut short = n.clone();
    short[0] = 0x7f;
    assert_eq!(refused(&short, 65537), Some(KeyError::Size));
    for e in [0, 1, 3, 65535, 65536, 65538] {
        assert_eq!(refused(n, e), Some(KeyError::Exponent));
    }
}

#[test]
fn factors_and_exponents_that_do_not_fit_are_refused() {
    let dealt = Dealt::new(key(), 2);
    let refused = |exponent: &[u8], primes| {
        split(&dealt.public, &PrivateKey { exponent, primes }, &dealt.layout, &mut rng(1)).err()
    };
    let (d, p, q) = (&key().d, &key().p, &key().q);
    assert_eq!(refused(d, Some([p, q])), None);
    assert_eq!(refused(d, Some([q, p])), None);
    assert_eq!(refused(d, Some([p, p])), Some(KeyError::Primes));
    assert_eq!(refused(d, Some([p, &[]])), Some(KeyError::Primes));
    assert_eq!(refused(d, Some([&[1], dealt.public.n()])), Some(KeyError::Primes));
    // p + 2^2048 times q is n modulo 2^2048.
    let wrapped = [&[1], vec![0; 256 - p.len()].as_slice(), p].concat();
    assert_eq!(refused(d, Some([&wrapped, q])), Some(KeyError::Primes));
    let mut other = d.clone();
    *other.last_mut().unwrap() ^= 2;
    assert_eq!(refused(&other, None), Some(KeyError::Private));
    assert_eq!(refused(&[], None), Some(KeyError::Private));
    assert_eq!(refused(&[&[0; 2], d.as_slice()].concat(), None), Some(KeyError::Private));
}

/// Two splits of one key: each is good by itself, and together they are no key.
#[test]
fn dealer_with_other_values_than_the_others_were_told_is_caught() {
    let dealt = Dealt::new(key(), 2);
    let digest = dealt.values.digest(&dealt.public);
    let private = PrivateKey { exponent: &key().d, primes: None };
    let (shares, values) = split(&dealt.public, &private, &dealt.layout, &mut rng(2)).unwrap();
    let accepted = |bytes: &[u8], checks| {
        let public = PublicKey::new(&key().n, key().e).unwrap();
        Stored::accept(public, &dealt.layout, party(1), bytes, &digest, checks).map(drop).err()
    };
    let told = Stored::encode(&dealt.shares[0], &dealt.values);
    let other = Stored::encode(&shares[0], &values);
    assert_eq!(accepted(&told, Checks::all()), None);
    assert_eq!(accepted(&other, Checks::all()), Some(Fault::of_nobody(Rule::RsaValues)));
    assert_eq!(accepted(&other, Checks::all_but(Rule::RsaValues)), None);
    let mixed = Stored::encode(&shares[0], &dealt.values);
    assert_eq!(accepted(&mixed, Checks::all()), Some(Fault::of_nobody(Rule::RsaShare)));
    for malformed in [&told[1..], &[], &[&told[..], &[0]].concat()] {
        assert_eq!(accepted(malformed, Checks::all()), Some(Fault::of_nobody(Rule::Malformed)));
    }
}

#[test]
fn malformed_shares_are_refused() {
    let dealt = Dealt::new(key(), 2);
    let good = dealt.shares[1].encode();
    let malformed = Some(Fault::of_nobody(Rule::Malformed));
    let refused = |share: &[u8]| accepted(&dealt, 1, share, &dealt.values, Checks::all());
    assert_eq!(refused(&good), None);
    assert_eq!(refused(&[]), malformed);
    assert_eq!(refused(&good[1..]), malformed);
    assert_eq!(refused(&[&good[..], &[0]].concat()), malformed);
    // Party 2 holds the first piece, which is longer by a byte, and the third.
    let piece_bytes = good.len() / 2;
    let changed = |at: usize, byte: u8| {
        let mut changed = good.to_vec();
        changed[at] = byte;
        changed
    };
    let length = dealt.public.bytes() + 16;
    for (piece, most) in [(0, length + 1), (piece_bytes, length)] {
        assert_eq!(refused(&changed(piece, 0x80)), malformed, "a negative piece");
        assert_eq!(
            refused(&changed(piece + piece_bytes - most - 1, 1)),
            malformed,
            "a piece above its range"
        );
        let share = Some(Fault::of_nobody(Rule::RsaShare));
        assert_eq!(refused(&changed(piece + piece_bytes - most, 0xff)), share, "in range, and another");
    }

    let values = dealt.values.encode();
    let decoded = |bytes: &[u8]| Values::decode(&dealt.public, &dealt.layout, bytes).is_ok();
    assert!(decoded(&values));
    assert!(!decoded(&values[1..]) && !decoded(&[&values[..], &[0]].concat()));
    let n = dealt.public.n();
    assert!(!decoded(&[n, &values[n.len()..]].concat()), "a value that is not below n");
    let zero = vec![0; n.len()];
    assert!(!decoded(&[&zero, &values[n.len()..]].concat()), "a value without an inverse");
    let more = Pieces::new(Threshold::new(3, 5).unwrap()).unwrap();
    let other = Values::decode(&dealt.public, &more, &values[..n.len()].repeat(10)).unwrap();
    assert_eq!(accepted(&dealt, 1, &good, &other, Checks::all()), malformed);
}

#[test]
fn dealer_with_a_wrong_piece_is_caught_by_its_receiver() {
    let dealt = Dealt::new(key(), 2);
    for at in 0..3 {
        let mut lie = dealt.shares[at].encode().to_vec();
        *lie.last_mut().unwrap() ^= 1;
        let told = |checks| accepted(&dealt, at, &lie, &dealt.values, checks);
        assert_eq!(told(Checks::all()), Some(Fault::of_nobody(Rule::RsaShare)));
        assert_eq!(told(Checks::all_but(Rule::RsaShare)), None);
    }
}

/// Pieces of d + 2 with values that fit them: no quorum could sign.
#[test]
fn dealer_with_another_exponent_is_caught_by_every_party() {
    let dealt = Dealt::new(key(), 2);
    let modulus = Modulus::new(dealt.public.n()).unwrap();
    let mut bytes = dealt.values.encode();
    let length = dealt.public.bytes();
    let residues: Vec<_> = bytes.chunks(length).map(|value| modulus.residue(value).unwrap()).collect();
    // All values together are g^d, whose e-th power is g.
    let all = residues.iter().fold(modulus.one(), |product, value| product.times(value));
    let generator = all.power(dealt.public.e().to_be_bytes());
    let value = residues[2].times(&generator).times(&generator).to_be_bytes();
    bytes[2 * length..].copy_from_slice(&value);
    let values = Values::decode(&dealt.public, &dealt.layout, &bytes).unwrap();
    for at in 0..3 {
        let mut lie = dealt.shares[at].encode().to_vec();
        // The third piece is the second that its holders, parties 1 and 2, have.
        if at < 2 {
            let last = lie.len() - 1;
            lie[last] = lie[last].checked_add(2).unwrap_or_else(|| panic!("another seed would carry"));
        }
        let told = |checks| accepted(&dealt, at, &lie, &values, checks);
        assert_eq!(told(Checks::all()), Some(Fault::of_nobody(Rule::RsaValues)));
        assert_eq!(told(Checks::all_but(Rule::RsaValues)), None);
    }
}

#[test]
fn only_signers_of_a_set_of_the_right_size_answer() {
    let dealt = Dealt::new(key(), 2);
    let block = block(&dealt);
    let answer = |share: usize, members: &[u8]| {
        let set = SignerSet::new(members.iter().map(|index| party(*index))).unwrap();
        dealt.shares[share].partial(&dealt.public, &block, &set).err()
    };
    assert_eq!(answer(0, &[1, 2]), None);
    assert_eq!(answer(0, &[2, 3]), Some(Misuse::NotASigner));
    assert_eq!(answer(0, &[1]), Some(Misuse::SignerSet));
    assert_eq!(answer(0, &[1, 2, 3]), Some(Misuse::SignerSet));
    assert_eq!(answer(0, &[1, 4]), Some(Misuse::SignerSet));
}

#[test]
fn malformed_partials_name_their_party() {
    let dealt = Dealt::new(key(), 2);
    let (block, set) = (block(&dealt), dealt.quorums()[0].clone());
    let honest = dealt.partials(&block, &set);
    let liar = honest[1].0;
    let refused = |partials: &[(PartyIndex, Partial)]| {
        combine(&dealt.public, &block, &set, partials, Checks::all()).err()
    };
    for lie in [&[][..], &[1; 255], &[1; 257], dealt.public.n()] {
        let mut partials = copies(&honest);
        partials[1].1 = Partial::from_bytes(lie);
        assert_eq!(refused(&partials), Some(Fault::of(liar, Rule::Malformed).into()));
    }
    let told = |senders: &[(PartyIndex, usize)]| -> Vec<_> {
        senders.iter().map(|(sender, at)| (*sender, copy(&honest[*at].1))).collect()
    };
    let other = honest[0].0;
    let [one, one_twice] = [told(&[(other, 0)]), told(&[(other, 0), (other, 0)])];
    let stranger = told(&[(other, 0), (party(5), 1)]);
    let repeated = told(&[(other, 0), (liar, 1), (other, 0), (liar, 1)]);
    for partials in [&one, &one_twice, &stranger, &repeated] {
        assert_eq!(refused(partials), Some(Misuse::SignerSet.into()));
    }
}

#[test]
fn cheater_with_a_wrong_partial_is_caught_by_the_client_and_named_by_its_proof() {
    for needed in [2, 3] {
        let dealt = Dealt::new(key(), needed);
        let block = block(&dealt);
        let other = Block::pkcs1_data(&dealt.public, b"something else").unwrap();
        for set in dealt.quorums().into_iter().take(3) {
            let honest = dealt.partials(&block, &set);
            let liar = honest[0].0;
            let mut changed = honest[0].1.as_bytes().to_vec();
            changed[200] ^= 1;
            for lie in [Partial::from_bytes(&changed), copy(&dealt.partials(&other, &set)[0].1)] {
                let mut told = copies(&honest);
                told[0].1 = copy(&lie);
                let result = |checks| combine(&dealt.public, &block, &set, &told, checks).map(|_| ());
                assert_eq!(result(Checks::all()), Err(Fault::of_nobody(Rule::RsaResult).into()));
                assert_eq!(result(Checks::all_but(Rule::RsaResult)), Ok(()));
                // Everybody proves; only the liar cannot.
                for (member, partial) in &told {
                    let share = dealt.share(*member);
                    let proof = share.prove(&dealt.public, &block, &set, partial, &mut rng(5)).unwrap();
                    let verdict =
                        |checks| verdict(&dealt, &proof, (*member, partial), (&block, &set), checks);
                    let expected = (*member == liar).then(|| Fault::of(liar, Rule::RsaProof).into());
                    assert_eq!(verdict(Checks::all()).err(), expected);
                    assert_eq!(verdict(Checks::all_but(Rule::RsaProof)), Ok(()));
                }
            }
        }
    }
}

fn verdict(
    dealt: &Dealt,
    proof: &Proof,
    partial: (PartyIndex, &Partial),
    asked: (&Block, &SignerSet),
    checks: Checks,
) -> Result<(), Error> {
    proof.verify(&dealt.public, &dealt.layout, &dealt.values, partial, asked, checks)
}

#[test]
fn a_changed_sign_is_no_harm() {
    let dealt = Dealt::new(key(), 2);
    let (block, set) = (block(&dealt), dealt.quorums()[1].clone());
    let mut partials = dealt.partials(&block, &set);
    let honest = dealt.result(&block, &set);
    let modulus = Modulus::new(dealt.public.n()).unwrap();
    let changed = modulus.residue(partials[0].1.as_bytes()).unwrap().negated().to_be_bytes();
    partials[0].1 = Partial::from_bytes(&changed);
    let combined = combine(&dealt.public, &block, &set, &partials, Checks::all()).unwrap();
    assert_eq!(combined.as_slice(), honest);
}

#[test]
fn malformed_proofs_name_their_party() {
    let dealt = Dealt::new(key(), 2);
    let (block, set) = (block(&dealt), dealt.quorums()[0].clone());
    let (member, partial) = dealt.partials(&block, &set).swap_remove(0);
    let proof = dealt.share(member).prove(&dealt.public, &block, &set, &partial, &mut rng(5)).unwrap();
    let good = proof.as_bytes();
    assert_eq!(good.len(), Proof::bytes(&dealt.public));
    for lie in [&[][..], &good[1..], &[good, &[0]].concat()] {
        let result =
            verdict(&dealt, &Proof::from_bytes(lie), (member, &partial), (&block, &set), Checks::all());
        assert_eq!(result, Err(Fault::of(member, Rule::Malformed).into()));
    }
}

#[test]
fn proofs_hold_for_exactly_what_they_claim() {
    let dealt = Dealt::new(key(), 2);
    let quorums = dealt.quorums();
    let (block, set) = (block(&dealt), quorums[0].clone());
    let other_block = Block::pkcs1_data(&dealt.public, b"something else").unwrap();
    let partials = dealt.partials(&block, &set);
    let (member, partial) = &partials[0];
    let proof = dealt.share(*member).prove(&dealt.public, &block, &set, partial, &mut rng(5)).unwrap();
    let holds = |proof: &Proof, partial, asked| verdict(&dealt, proof, partial, asked, Checks::all()).is_ok();
    assert!(holds(&proof, (*member, partial), (&block, &set)));
    assert!(!holds(&proof, (partials[1].0, partial), (&block, &set)), "another party");
    assert!(!holds(&proof, (*member, &partials[1].1), (&block, &set)), "another partial");
    assert!(!holds(&proof, (*member, partial), (&other_block, &set)), "another block");
    assert!(!holds(&proof, (*member, partial), (&block, &quorums[1])), "another set");
    for position in [0, 15, 16, proof.as_bytes().len() / 2, proof.as_bytes().len() - 1] {
        let mut changed = proof.as_bytes().to_vec();
        changed[position] ^= 1;
        assert!(!holds(&Proof::from_bytes(&changed), (*member, partial), (&block, &set)), "byte {position}");
    }
    // Two proofs of one claim differ: the nonce is fresh.
    let again = dealt.share(*member).prove(&dealt.public, &block, &set, partial, &mut rng(6)).unwrap();
    assert!(again != proof && holds(&again, (*member, partial), (&block, &set)));
}
