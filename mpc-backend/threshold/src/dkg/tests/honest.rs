//! What an honest generation gives.

use super::super::DkgSession;
use super::*;
use crate::fault::Misuse;
use crate::group::Point;
use crate::group::p256::P256Point;
use crate::group::p384::P384Point;
use crate::group::secp256k1::Secp256k1Point;
use crate::party::SignerSet;
use crate::sharing::{Commitments, lagrange_at_zero};
use curve25519_dalek::{EdwardsPoint, RistrettoPoint};
use elliptic_curve::ff::{Field, PrimeField};

fn scalar<F: PrimeField>(output: &DkgOutput) -> F {
    let mut repr = F::Repr::default();
    repr.as_mut().copy_from_slice(output.share.expose());
    F::from_repr(repr).unwrap()
}

fn any_t_shares_give_the_key<P: Point<Scalar: PrimeField>>(
    threshold: Threshold,
    outputs: &BTreeMap<u8, DkgOutput>,
) {
    let first = &outputs[&1];
    assert_eq!(outputs.len(), usize::from(threshold.parties()));
    let commitments = Commitments::<P>::decode(&first.commitments, threshold).unwrap();
    assert_eq!(commitments.public_key().encode(), first.public_key);
    for (index, output) in outputs {
        assert_eq!(output.public_key, first.public_key);
        assert_eq!(output.commitments, first.commitments);
        assert_eq!(output.transcript, first.transcript);
        let public = P::mul_base(&scalar::<P::Scalar>(output));
        assert!(commitments.verification_share(party(*index)) == public);
    }
    let needed = threshold.needed();
    for start in 0..threshold.parties() {
        let members = (0..needed).map(|step| party((start + step) % threshold.parties() + 1));
        let set = SignerSet::new(members).unwrap();
        let key = set.iter().fold(P::Scalar::ZERO, |sum, i| {
            sum + lagrange_at_zero::<P::Scalar>(i, &set).unwrap() * scalar::<P::Scalar>(&outputs[&i.get()])
        });
        assert_eq!(P::mul_base(&key).encode(), first.public_key);
    }
}

fn honest_run<S: Suite>(curve: DkgCurve) {
    for (needed, parties) in [(2, 2), (2, 3), (3, 5)] {
        for seed in 0..3 {
            let run = Run::<S>::start_seeded(needed, parties, curve, Checks::all(), seed);
            let results = run.deliver_shuffled();
            let outputs = results.into_iter().map(|(index, result)| (index, result.unwrap())).collect();
            any_t_shares_give_the_key::<S::Point>(Threshold::new(needed, parties).unwrap(), &outputs);
        }
    }
}

#[test]
fn honest_runs_share_a_key() {
    on_each_suite!(honest_run);
}

/// The erased driver, in lock step, as a node uses it.
fn driven<P: Point<Scalar: PrimeField>>(curve: DkgCurve) {
    let threshold = Threshold::new(2, 3).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(9);
    let mut sessions = BTreeMap::new();
    let mut queue = VecDeque::new();
    for me in 1..=3 {
        let (session, outbox) = DkgSession::start(&context(me, threshold, curve), &mut rng).unwrap();
        assert_eq!(session.missing().len(), 2);
        sessions.insert(me, session);
        queue.extend(outbox.into_iter().map(|(to, message)| (party(me), to, message)));
    }
    let mut outputs = BTreeMap::new();
    while let Some((from, to, message)) = queue.pop_front() {
        let outbox = match sessions.get_mut(&to.get()).unwrap().receive(from, &message).unwrap() {
            Progress::Continue(outbox) => outbox,
            Progress::Done(output, outbox) => {
                outputs.insert(to.get(), output);
                outbox
            }
        };
        queue.extend(outbox.into_iter().map(|(next, message)| (to, next, message)));
    }
    any_t_shares_give_the_key::<P>(threshold, &outputs);
    assert!(sessions.values().all(|session| session.missing().is_empty()));
}

#[test]
fn the_driver_runs_every_curve() {
    driven::<P256Point>(DkgCurve::P256);
    driven::<P384Point>(DkgCurve::P384);
    driven::<Secp256k1Point>(DkgCurve::Secp256k1);
    driven::<EdwardsPoint>(DkgCurve::Edwards25519);
    driven::<EdwardsPoint>(DkgCurve::Curve25519);
    driven::<RistrettoPoint>(DkgCurve::Ristretto255);
}

#[test]
fn every_part_of_the_context_changes_its_identity() {
    let threshold = Threshold::new(2, 3).unwrap();
    let base = context(1, threshold, DkgCurve::P256);
    let id = |context: &DkgContext| Setting::new(context).unwrap().id;
    let others = [
        DkgContext { cluster_id: [9; 32], ..base.clone() },
        DkgContext { session_id: [9; 32], ..base.clone() },
        DkgContext { key_id: [9; 16], ..base.clone() },
        DkgContext { epoch: 9, ..base.clone() },
        DkgContext { threshold: Threshold::new(3, 3).unwrap(), ..base.clone() },
        DkgContext { threshold: Threshold::new(2, 4).unwrap(), ..base.clone() },
        DkgContext { curve: DkgCurve::Ristretto255, ..base.clone() },
        DkgContext { purpose: [9; 32], ..base.clone() },
    ];
    for other in &others {
        assert_ne!(id(other), id(&base), "{other:?}");
    }
    assert_eq!(id(&DkgContext { me: party(2), ..base.clone() }), id(&base));
    let outside = DkgContext { me: party(4), ..base };
    assert_eq!(Setting::new(&outside).map(|_| ()), Err(Misuse::NotASigner));
}
