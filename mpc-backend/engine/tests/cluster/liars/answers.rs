//! Lies to clients.

use ed25519_dalek::SigningKey;
use proto::client::v1::{Code, Error, NodeFrame, node_frame, response::Result as Reply};
use proto::statement;
use rand_chacha::ChaCha20Rng;
use rand_core::RngCore;

use super::Strategy;
use super::messages::flip;

/// Alters an answer of node `me`: cluster, index, identity key.
pub fn distort(
    strategy: Strategy,
    frame: &mut NodeFrame,
    (cluster, node, key): (&[u8; 32], u8, &SigningKey),
    rng: &mut ChaCha20Rng,
) {
    let Some(node_frame::Frame::Response(response)) = &mut frame.frame else { return };
    match (strategy, &mut response.result) {
        (Strategy::WrongPartials, Some(Reply::Sign(sign))) => {
            flip(&mut sign.partial, rng);
            // Signed over a context that the liar does not know here: sometimes the signature is kept.
            if rng.next_u32().is_multiple_of(2) {
                let said = statement::partial(cluster, u32::from(node), &[0; 32], &sign.partial);
                sign.node_signature = said.sign(key);
            }
        }
        (Strategy::WrongPartials, Some(Reply::Derive(derive))) => flip(&mut derive.partial, rng),
        (Strategy::FalseErrors, Some(result @ (Reply::Sign(_) | Reply::Lease(_) | Reply::Derive(_)))) => {
            let code =
                [Code::Unavailable, Code::PresignatureGone, Code::Internal][rng.next_u32() as usize % 3];
            let nodes = (1..=5).filter(|other| *other != u32::from(node)).collect();
            *result = Reply::Error(Error { code: code as i32, message: "a lie".into(), nodes });
        }
        (Strategy::FalseLeases, Some(Reply::Lease(lease))) => match rng.next_u32() % 3 {
            0 => lease.presignature_ids.clear(),
            1 => lease.presignature_ids.iter_mut().for_each(|id| flip(id, rng)),
            _ => lease.presignature_ids = vec![vec![0; 31]],
        },
        (Strategy::Mute, Some(Reply::Sign(_) | Reply::Lease(_) | Reply::Derive(_))) => frame.frame = None,
        _ => {}
    }
}
