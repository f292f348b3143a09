//! RFC 9591, appendix E: signing by participants 1 and 3 of three.

use threshold::frost::{Ed25519, Message};
use threshold::group::Point as _;
use threshold::party::Threshold;
use threshold::sim::frost::{Dealt, respond, set_nonces};

use crate::scheme::Scheme;
use crate::{World, set};

/// One vector; everything in hex.
struct Vector {
    /// The group's secret key and the other coefficient.
    polynomial: [&'static str; 2],
    public_key: &'static str,
    message: &'static str,
    /// Hiding and binding nonce of each signer.
    nonces: [[&'static str; 2]; 2],
    /// Their commitments.
    commitments: [[&'static str; 2]; 2],
    shares: [&'static str; 2],
    signature: &'static str,
}

fn scalar<S: Scheme>(text: &str) -> S::Scalar {
    threshold::codec::scalar(&hex::decode(text).unwrap()).unwrap()
}

fn check<S: Scheme>(vector: &Vector) {
    let threshold = Threshold::new(2, 3).unwrap();
    let mut world = World::<S>::new(2, 3);
    world.key = Dealt::of(threshold, vector.polynomial.map(scalar::<S>).to_vec());
    assert_eq!(hex::encode(world.key.public_key.encode()), vector.public_key);
    let mut all = world.nonces(&set(&[1, 3]), 1);
    let chosen = vector.nonces.map(|[hiding, binding]| (scalar::<S>(hiding), scalar::<S>(binding)));
    set_nonces(&mut all, &chosen);
    let message = hex::decode(vector.message).unwrap();
    let mut sum = None;
    for ((own, share), commitments) in
        all.values().zip(vector.shares).zip(vector.commitments.concat().chunks(2))
    {
        assert!(hex::encode(own.commitments()).contains(&commitments.concat()));
        let (nonce, response) = respond(own, Message { parameter: &[], bytes: &message }).unwrap();
        assert_eq!(hex::encode(S::encode(&response)), share);
        let (_, total) = sum.unwrap_or((nonce.clone(), S::Scalar::from(0)));
        sum = Some((nonce, total + response));
    }
    let (nonce, response) = sum.unwrap();
    assert_eq!(hex::encode([nonce, S::encode(&response)].concat()), vector.signature);
}

#[test]
fn rfc9591_ed25519() {
    check::<Ed25519>(&Vector {
        polynomial: [
            "7b1c33d3f5291d85de664833beb1ad469f7fb6025a0ec78b3a790c6e13a98304",
            "178199860edd8c62f5212ee91eff1295d0d670ab4ed4506866bae57e7030b204",
        ],
        public_key: "15d21ccd7ee42959562fc8aa63224c8851fb3ec85a3faf66040d380fb9738673",
        message: "74657374",
        nonces: [
            [
                "ef6599dea4010581a72b3018c37c29a4341d7cab0773e8687ca74dcf14009701",
                "2baadfa0c69aa60d517ad4751de372a73f9d89cfc39026601f18458cdec12605",
            ],
            [
                "80f8d9a4b8f9366e1a0b618107c907cd3ee29fa9bb40b4691cc1bde696240005",
                "2610b664a5a187b4855e87d2ff485bebdf043dc2f161fcd4854cd01dc0276404",
            ],
        ],
        commitments: [
            [
                "9b116f12589591a7e23fe8048059ab10ab48e67739e7a2fb3890f61a7999478c",
                "c39b66b7dfccb122da24f13587f9a08c4347cae70046ca15169adf90ba65854d",
            ],
            [
                "e679a2a971748ccfaabead4dbe8ac1def61275c186c79d471e1e45091ad1e687",
                "b2a942478453fabb6bd3181c56ba657413447b4136e1daea2484d396d1a516b3",
            ],
        ],
        shares: [
            "60997f0142e43e8005027fe5ab7447dac00d22c2d7ddd9571a02613ba7d81c08",
            "79390e78bc59699c7af831f8f5fb478ec871a85f561a8641b5670ac4443f720f",
        ],
        signature: concat!(
            "154fb694ee7fcb37bf2381d94488c2a84b03b3352ad085feca81ad26d45852b7",
            "ecfe971ce4da95c4a95db93ac376b053897fca212ef85f99cf696bffeb178f07"
        ),
    });
}
