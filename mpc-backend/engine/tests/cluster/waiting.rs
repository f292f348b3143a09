//! Requests that wait for presignatures: in their order, one for each, and none at the cost of others.

use proto::client::v1::{Code, node_frame, response::Result as Reply};

use crate::service::ready;
use crate::sim::Sim;

/// What has been answered on a connection, in the order of the answers: number of the request, and how many ids it got.
fn answers(sim: &mut Sim, conn: u64) -> Vec<(u64, Result<usize, Code>)> {
    let frames = sim.replies.remove(&conn).unwrap_or_default();
    let answer = |frame: node_frame::Frame| {
        let node_frame::Frame::Response(response) = frame else { panic!("another frame") };
        let outcome = match response.result.unwrap() {
            Reply::Lease(lease) => Ok(lease.presignature_ids.len()),
            Reply::Error(error) => Err(error.code()),
            _ => panic!("another answer"),
        };
        (response.id, outcome)
    };
    frames.into_iter().filter_map(|frame| frame.frame).map(answer).collect()
}

#[test]
fn who_waits_gets_one_and_in_turn() {
    for seed in 80..84 {
        let (mut sim, mut user, key) = ready(seed);
        let conn = user.conns[&1].id;
        let ask = user.lease_request(&key, &[1, 2], 4);
        let asked: Vec<u64> = (0..20).map(|_| user.send(&mut sim, 1, conn, ask.clone())).collect();
        assert_eq!(answers(&mut sim, conn), [], "the pool is empty");
        sim.run(15_000);
        let answered = answers(&mut sim, conn);
        assert_eq!(answered.iter().map(|(id, _)| *id).collect::<Vec<_>>(), asked);
        assert!(answered[..19].iter().all(|(_, outcome)| *outcome == Ok(1)), "{answered:?}");
        assert!(matches!(answered[19].1, Ok(1..=4)), "the last may have what is over");
    }
}

#[test]
fn who_has_little_time_ends_nothing_that_others_wait_for() {
    let (mut sim, mut user, key) = ready(84);
    let conn = user.conns[&1].id;
    let ask = user.lease_request(&key, &[1, 2], 1);
    let patient = user.send(&mut sim, 1, conn, ask.clone());
    let hasty: Vec<u64> = (1..=8).map(|ms| user.send_within(&mut sim, 1, conn, ask.clone(), ms)).collect();
    sim.run(15_000);
    let answered = answers(&mut sim, conn);
    let late = hasty.iter().filter(|id| answered.contains(&(**id, Err(Code::DeadlineExceeded)))).count();
    assert!(answered.len() == 9 && late > 3, "{answered:?}");
    assert!(answered.contains(&(patient, Ok(1))), "{answered:?}");
    assert_eq!(sim.logged(1, "PresignFailed") + sim.logged(2, "PresignFailed"), 0);
}
