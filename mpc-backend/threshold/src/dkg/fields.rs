//! The fields of key generation's messages, for tests that lie about each (see [`crate::sim`]).

use alloc::vec::Vec;

use super::DkgCurve;
use super::p384::P384Sha384;
use super::round1_commit::{self, CommitMessage, Opening};
use super::round2_open::{self, OpenMessage};
use super::round3_share::{self, ShareMessage};
use super::round4_confirm::{self, ConfirmMessage};
use super::suite::{Suite, package_bytes};
use crate::party::Threshold;
use crate::sim::fields::{Field, Fields, Kind};

/// Of a message on this curve.
pub fn of_keygen(message: &[u8], threshold: Threshold, curve: DkgCurve) -> Option<Vec<Field>> {
    match curve {
        DkgCurve::P256 => fields::<frost_p256::P256Sha256>(message, threshold),
        DkgCurve::P384 => fields::<P384Sha384>(message, threshold),
        DkgCurve::Secp256k1 => fields::<frost_secp256k1::Secp256K1Sha256>(message, threshold),
        DkgCurve::Edwards25519 | DkgCurve::Curve25519 => {
            fields::<frost_ed25519::Ed25519Sha512>(message, threshold)
        }
        DkgCurve::Ristretto255 => fields::<frost_ristretto255::Ristretto255Sha512>(message, threshold),
    }
}

fn fields<S: Suite>(message: &[u8], threshold: Threshold) -> Option<Vec<Field>> {
    let (round, body) = message.split_first()?;
    let mut fields = Fields::of_round(*round);
    match *round {
        round1_commit::ROUND => {
            let CommitMessage { context, commitment } = CommitMessage::decode(body).ok()?;
            fields.opaque("id", &context).opaque("c", &commitment);
        }
        round2_open::ROUND => {
            let OpenMessage { view, opening } =
                OpenMessage::decode(body, package_bytes::<S>(threshold)).ok()?;
            let Opening { salt, package } = opening;
            fields.opaque("E1", &view).opaque("salt", &salt);
            let (elements, response) =
                package.split_at_checked((usize::from(threshold.needed()) + 1) * S::ELEMENT_BYTES)?;
            let mut elements = elements.chunks(S::ELEMENT_BYTES);
            fields.push("phi_0", Kind::Point, elements.next()?);
            for element in elements.by_ref().take(usize::from(threshold.needed()) - 1) {
                fields.push("phi_k", Kind::Point, element);
            }
            fields.push("R", Kind::Point, elements.next()?).push("mu", Kind::Scalar, response);
        }
        round3_share::ROUND => {
            let ShareMessage { view, share } = ShareMessage::decode(body, S::SCALAR_BYTES).ok()?;
            fields.opaque("E2", &view).push("f(j)", Kind::Scalar, share.expose().as_slice());
        }
        round4_confirm::ROUND => {
            let ConfirmMessage { transcript, verification_share } =
                ConfirmMessage::decode(body, S::ELEMENT_BYTES).ok()?;
            fields.opaque("T", &transcript).push("Y", Kind::Point, &verification_share);
        }
        _ => return None,
    }
    Some(fields.finish())
}
