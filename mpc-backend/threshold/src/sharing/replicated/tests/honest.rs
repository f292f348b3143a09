//! What honest runs give.

use alloc::collections::BTreeSet;

use super::*;

#[test]
fn holders_agree_on_keys_and_nobody_else_knows_them() {
    for needed in 2..=4 {
        let keys = honest_keys(needed, 1);
        let layout = keys[0].pieces();
        for piece in layout.all() {
            let known: BTreeSet<_> = keys.iter().filter_map(|keys| keys.key(piece)).collect();
            assert_eq!(known.len(), 1, "all holders have the same key");
            let holders = keys.iter().filter(|keys| keys.key(piece).is_some()).count();
            assert_eq!(holders, layout.holders(piece).len());
        }
        let all: BTreeSet<_> =
            keys.iter().flat_map(|keys| layout.all().filter_map(|at| keys.key(at))).collect();
        assert_eq!(all.len(), layout.all().len(), "no two pieces have the same key");
        assert!(keys.iter().all(|one| one.id() == keys[0].id()));
    }
}

#[test]
fn products_and_openings_are_right_in_all_sizes() {
    for needed in 2..=4 {
        let keys = honest_keys(needed, 2);
        for limbs in [1, 2, 17] {
            let mut run = Run::start(&keys, Checks::all(), 3, |_| ());
            let x = run.each(|session| session.draw(64 * limbs - 7, limbs));
            let y = run.each(|session| session.draw(20, limbs));
            let plus = run.each(|session| session.draw(64 * limbs, limbs));
            let products = run.multiply(&x, &y, &plus).unwrap();
            let mut expected = whole(&x).product(&whole(&y));
            expected.add(&whole(&plus));
            for opened in &products {
                assert_eq!(opened.value.to_be_bytes(), expected.to_be_bytes());
            }
            for opened in run.open(&x).unwrap() {
                assert_eq!(opened.to_be_bytes(), whole(&x).to_be_bytes());
            }
            run.audit(products).unwrap();
        }
    }
}

#[test]
fn checks_accept_right_products_of_signed_integers() {
    for needed in 2..=3 {
        let keys = honest_keys(needed, 4);
        let mut run = Run::start(&keys, Checks::all(), 5, |_| ());
        let limbs = 9;
        let x = run.each(|session| session.draw(200, limbs));
        let y: Vec<Shared> = run.each(|session| session.draw(200, limbs).negated());
        let zero: Vec<Shared> = run.each(|session| session.draw(0, limbs));
        let z: Vec<Integer> =
            run.multiply(&x, &y, &zero).unwrap().into_iter().map(|opened| opened.value).collect();
        assert!(bool::from(z[0].is_negative()));
        for (verdict, _) in run.check(&x, &y, &z).unwrap() {
            assert_eq!(verdict, Ok(()));
        }
    }
}

#[test]
fn local_operations_are_those_of_the_integers() {
    let keys = honest_keys(2, 6);
    let mut run = Run::start(&keys, Checks::all(), 7, |_| ());
    let x = run.each(|session| session.draw(90, 2));
    let y = run.each(|session| session.draw(90, 2));
    let pairs = || x.iter().zip(&y);
    let seven = Integer::from_word(7, 2);
    let mut expected = whole(&x);
    expected.subtract(&whole(&y));
    let mut expected = expected.product(&seven);
    expected.add(&seven);
    let got: Vec<Shared> = pairs().map(|(x, y)| x.minus(y).times(&seven).plus_public(&seven)).collect();
    assert_eq!(whole(&got).to_be_bytes(), expected.to_be_bytes());
    let back: Vec<Shared> = pairs().map(|(x, y)| x.plus(&y.negated())).collect();
    let same: Vec<Shared> = pairs().map(|(x, y)| x.minus(y)).collect();
    assert_eq!(whole(&back).to_be_bytes(), whole(&same).to_be_bytes());
}

#[test]
fn zero_shares_sum_to_zero_and_are_not_zero() {
    for needed in 2..=4 {
        let keys = honest_keys(needed, 8);
        let mut run = Run::start(&keys, Checks::all(), 9, |_| ());
        let shares = run.each(|session| session.draw_zero(3).0);
        let mut sum = Integer::zero(3);
        for share in &shares {
            assert!(share.bits() > 100);
            sum.add(share);
        }
        assert_eq!(sum.bits(), 0);
        let distinct: BTreeSet<Vec<u8>> = shares.iter().map(|share| share.to_be_bytes().to_vec()).collect();
        assert_eq!(distinct.len(), shares.len());
    }
}

/// The same party, from the same stored keys, in many sessions: as a node that was restored from a
/// snapshot would be. Only its fresh nonce differs.
#[test]
fn no_draw_of_any_session_repeats() {
    let keys = honest_keys(2, 10);
    let mut seen = BTreeSet::new();
    for seed in 0..20 {
        let mut run = Run::start(&keys, Checks::all(), seed, |_| ());
        let session = &mut run.sessions[0];
        for _ in 0..20 {
            for (_, piece) in session.draw(128, 2).iter() {
                assert!(seen.insert(piece.to_be_bytes().to_vec()), "a piece was drawn before");
            }
            assert!(seen.insert(session.draw_zero(2).0.to_be_bytes().to_vec()), "a zero share came before");
        }
    }
    assert_eq!(seen.len(), 20 * 20 * 3);
}

#[test]
fn draws_have_the_bits_asked_for() {
    let keys = honest_keys(2, 11);
    let mut run = Run::start(&keys, Checks::all(), 12, |_| ());
    for bits in [0, 1, 7, 8, 9, 63, 64, 65, 128] {
        let draws = (0..50).map(|_| run.sessions[0].draw(bits, 2));
        let longest = draws.flat_map(|draw| draw.iter().map(|(_, piece)| piece.bits()).max()).max();
        assert_eq!(longest, Some(bits));
    }
}
