//! RFC 9591, appendix E: signing by participants 1 and 3 of three.

use std::collections::BTreeSet;

use threshold::frost::{Bip340, Ed25519, FrostP256, Message, combine};
use threshold::group::Point as _;
use threshold::party::Threshold;
use threshold::sim::frost::{Dealt, respond, set_nonces};

use crate::scheme::Scheme;
use crate::{World, rng, set};

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

#[test]
fn rfc9591_p256() {
    check::<FrostP256>(&Vector {
        polynomial: [
            "8ba9bba2e0fd8c4767154d35a0b7562244a4aaf6f36c8fb8735fa48b301bd8de",
            "80f25e6c0709353e46bfbe882a11bdbb1f8097e46340eb8673b7e14556e6c3a4",
        ],
        public_key: "023a309ad94e9fe8a7ba45dfc58f38bf091959d3c99cfbd02b4dc00585ec45ab70",
        message: "74657374",
        nonces: [
            [
                "a5d80a9eb6454a912473d129effd1eb6610ab556fbb2d198594947ea87be88bf",
                "224bf61f1b423a20d1e4e74d6de7f6fe492488067c6f3b36b0aba601ae74eae1",
            ],
            [
                "9a98a4bb403c55b194c470b4f05a11bf240b770e4ef8730c83f737a3308b5f01",
                "6d18b61b5353af66f9ebee38fda169d7c01f0b2a51fc68ed7a526a79ed87eb86",
            ],
        ],
        commitments: [
            [
                "0211fe5268b9341f6de336fbb797effb21160bc836be0a7521ba02864019c94e97",
                "03022d2adb2825f4233c21e6a182a91078368bc6b6b2736586a016d2656a14937a",
            ],
            [
                "02d4bfd0ce577be72c1e9d1dd981490a15bf56518d194db0b61bfb3deb00c85d21",
                "02a03c9990a3f79be07da4531ea8e2e90afbaf74ea31731f6d98113370a003f804",
            ],
        ],
        shares: [
            "3913cccb804dd81498c9f2873ce7f7d39accf7def963ee2e18817955462ca88a",
            "9149aa8ac15e6e7481f9e3816135bc9e18de1f5dd1f472073fa00c8ef8e749bb",
        ],
        signature: concat!(
            "02aea65143565d19f2811d6c1d7a7486fdd57dd3f6b08d8653ca260ec0ebe00b61",
            "ca5d775641ac46891ac3d6089e1db471b3ab173ccb586035582185e43f13f245"
        ),
    });
}

/// BIP-340 takes the negative of a key or an R with an odd y-coordinate: keys of both signs, and twelve times R,
/// whose sign is that of a coin.
#[test]
fn bip340_signs_with_keys_of_both_signs() {
    let mut signs = BTreeSet::new();
    for seed in 0..12 {
        let mut world = World::<Bip340>::new(2, 3);
        world.key = Dealt::new(Threshold::new(2, 3).unwrap(), &mut rng(seed));
        let public = world.key.public_key.encode();
        let request = world.key.request(&set(&[1, 3]), &[], b"message");
        let answers = world.answers(world.nonces(&set(&[1, 3]), seed), &request);
        let signature = combine(&answers, &request, &world.key.commitments).unwrap();
        assert!(Bip340::verifies(&public, &[], b"message", &signature));
        signs.insert(public[0]);
    }
    assert_eq!(signs.len(), 2);
}
