//! Malformed messages, repeats and strangers.

use super::*;

#[test]
fn truncated_and_oversized_messages_name_their_sender_in_every_round() {
    let changes: [fn(&mut Vec<u8>); 3] = [
        |message| message.truncate(message.len() - 1),
        |message| message.push(0),
        |message| message.truncate(1),
    ];
    for change in changes {
        for round in 1..=3 {
            let results = set_up(threshold(2), Checks::all(), 1, |wire| {
                if wire.is_lie_of(round) {
                    change(wire.message);
                }
            });
            for honest in [2, 3] {
                assert_eq!(results[&honest].as_ref().err().copied(), fault(Rule::Malformed));
            }
        }
        let keys = honest_keys(2, 1);
        for round in 1..=6 {
            let mut run = Run::start(&keys, Checks::all(), 2, |wire: &mut Wire<'_>| {
                if wire.is_lie_of(round) {
                    change(wire.message);
                }
            });
            let faults = all_rounds(&mut run).unwrap_err();
            assert_eq!(run.round, round + 1);
            assert_eq!([faults[&2], faults[&3]], [fault(Rule::Malformed); 2]);
        }
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (nonces, _) = super::super::session::start(keys[1].clone(), [0; 32], Checks::all(), &mut rng);
        let mut short = [0; 32].to_vec();
        change(&mut short);
        let raw = RawRound::from([(party(LIAR), Zeroizing::new(short))]);
        assert_eq!(nonces.finish(&raw).err(), fault(Rule::Malformed));
    }
}

fn all_rounds<L: FnMut(&mut Wire<'_>)>(run: &mut Run<L>) -> Result<(), Faults> {
    let limbs = 9;
    let [x, y, none] = [200, 200, 0].map(|bits| run.each(|session| session.draw(bits, limbs)));
    let products = run.multiply(&x, &y, &none)?;
    let z: Vec<Integer> = products.iter().map(|opened| opened.value.resized(limbs)).collect();
    run.check(&x, &y, &z)?;
    run.audit(products).map(|_| ())
}

#[test]
fn unknown_rounds_repeats_and_strangers_change_nothing() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let context = KeysContext {
        cluster_id: [1; 32],
        session_id: [2; 32],
        epoch: 3,
        threshold: threshold(2),
        me: party(2),
    };
    let (mut session, outbox) = KeysSession::start(&context, Checks::all(), &mut rng).unwrap();
    let own = outbox.into_iter().next().unwrap().1;
    for stranger in [2, 4] {
        assert!(matches!(session.receive(party(stranger), &own), Ok(Progress::Continue(_))));
    }
    assert!(matches!(session.receive(party(1), &own), Ok(Progress::Continue(_))));
    assert!(matches!(session.receive(party(1), &own), Ok(Progress::Continue(_))), "a repeat");
    assert_eq!(session.missing(), [party(3)]);
    for bad in [&[][..], &[0], &[4, 0]] {
        let (mut session, _) = KeysSession::start(&context, Checks::all(), &mut rng).unwrap();
        assert_eq!(session.receive(party(1), bad).err(), fault(Rule::Malformed));
        assert!(session.missing().is_empty(), "a set-up that failed stays silent");
        assert!(matches!(session.receive(party(1), &own), Ok(Progress::Continue(_))));
    }
}
