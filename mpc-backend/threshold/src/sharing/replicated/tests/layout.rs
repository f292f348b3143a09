//! Who holds and computes what.

use super::*;
use crate::fault::Misuse;
use crate::party::SignerSet;
use crate::sharing::replicated::Piece;

/// Every set of `size` of `parties` parties.
fn sets(parties: u8, size: u8) -> Vec<SignerSet> {
    let members = |mask: u32| (1..=parties).filter(move |index| mask >> index & 1 == 1).map(party);
    let masks = (0..2_u32 << parties).filter(|mask| mask & 1 == 0 && mask.count_ones() == u32::from(size));
    masks.map(|mask| SignerSet::new(members(mask)).unwrap()).collect()
}

#[test]
fn any_t_parties_hold_every_piece_and_fewer_miss_one() {
    for (needed, count) in [(2, 3), (3, 10), (4, 35), (5, 126)] {
        let threshold = threshold(needed);
        let layout = Pieces::new(threshold).unwrap();
        assert_eq!(layout.all().len(), count);
        let missing = |set: &SignerSet| {
            layout.all().filter(|piece| !set.iter().any(|member| layout.holds(member, *piece))).count()
        };
        assert!(sets(threshold.parties(), needed).iter().all(|set| missing(set) == 0));
        assert!(sets(threshold.parties(), needed - 1).iter().all(|set| missing(set) == 1));
        assert!(layout.all().all(|piece| layout.holders(piece).len() == usize::from(needed)));
    }
}

#[test]
fn every_term_has_one_party_that_holds_both_pieces() {
    for needed in 2..=5 {
        let layout = Pieces::new(threshold(needed)).unwrap();
        let terms = layout.terms().unwrap();
        let mut all: Vec<(Piece, Piece)> = Vec::new();
        for (party, pairs) in &terms {
            assert!(pairs.iter().all(|(a, b)| layout.holds(*party, *a) && layout.holds(*party, *b)));
            all.extend(pairs);
        }
        all.sort_unstable();
        let expected: Vec<_> = layout.all().flat_map(|a| layout.all().map(move |b| (a, b))).collect();
        assert_eq!(all, expected);
    }
}

#[test]
fn assignments_give_every_piece_to_one_member() {
    for needed in 2..=4 {
        let threshold = threshold(needed);
        let layout = Pieces::new(threshold).unwrap();
        for set in sets(threshold.parties(), needed) {
            let assigned = layout.assigned(&set).unwrap();
            assert_eq!(assigned.len(), layout.all().len());
            for (piece, member) in layout.all().zip(assigned) {
                assert!(set.contains(member) && layout.holds(member, piece));
            }
        }
        let few = SignerSet::new((1..needed).map(party)).unwrap();
        assert_eq!(layout.assigned(&few), Err(Misuse::SignerSet));
    }
    let layout = Pieces::new(threshold(2)).unwrap();
    let strangers = SignerSet::new([party(1), party(4)]).unwrap();
    assert_eq!(layout.assigned(&strangers), Err(Misuse::SignerSet));
}

#[test]
fn too_many_pieces_and_too_few_parties_for_a_product_are_refused() {
    assert_eq!(Pieces::new(Threshold::new(6, 11).unwrap()), Err(Misuse::Threshold));
    assert_eq!(Pieces::new(Threshold::new(128, 255).unwrap()), Err(Misuse::Threshold));
    let layout = Pieces::new(Threshold::new(3, 4).unwrap()).unwrap();
    assert_eq!(layout.terms(), Err(Misuse::Threshold));
}

#[test]
fn the_parts_of_any_set_sum_to_the_integer() {
    let keys = honest_keys(3, 1);
    let mut run = Run::start(&keys, Checks::all(), 1, |_| ());
    let shares = run.each(|session| session.draw(100, 2));
    let layout = keys[0].pieces();
    for set in sets(5, 3) {
        let mut sum = Integer::zero(2);
        for member in set.iter() {
            let share = &shares[usize::from(member.get()) - 1];
            sum.add(&share.part(layout, member, &set).unwrap());
        }
        assert_eq!(sum.to_be_bytes(), whole(&shares).to_be_bytes());
        let outsider = layout.threshold().all().iter().find(|party| !set.contains(*party)).unwrap();
        assert_eq!(shares[0].part(layout, outsider, &set).err(), Some(Misuse::NotASigner));
    }
}
