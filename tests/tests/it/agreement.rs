//! Key agreement through the library, with OpenSSL as the other side.

use tests::curve::{CURVE25519, CURVES, Curve};
use tests::lab::Lab;
use tests::openssl::Peer;

use crate::setting;

#[test]
fn openssl_computes_the_same_secrets_on_every_curve() {
    let count = setting("AGREEMENTS", 4) as usize;
    let lab = Lab::up(3, 2).unwrap();
    let target = lab.target().unwrap();
    let mut agreed = 0;
    for curve in curves() {
        let peers: Vec<Peer> = (0..count).map(|_| Peer::new(curve).unwrap()).collect();
        let points: Vec<Vec<u8>> = peers.iter().map(|peer| peer.point.clone()).collect();
        let (point, secrets) = target.agree(curve, curve.name, &points).unwrap();
        for (peer, secret) in peers.iter().zip(&secrets) {
            assert_eq!(*secret, peer.agree(curve, &point).unwrap(), "{}", curve.name);
            agreed += 1;
        }
    }
    println!("{agreed} key agreements, each equal to OpenSSL's");
    assert_eq!(agreed, count * curves().count());
}

fn curves() -> impl Iterator<Item = &'static Curve> {
    CURVES.iter().filter(|curve| !curve.edwards).chain([&CURVE25519])
}
