//! The fields of a pair set-up's messages, for tests that lie about each (see [`crate::sim`]).

use alloc::vec::Vec;

use super::round1_hello::{self, HelloMessage};
use super::{body, round2_choose, round3_grow, round4_confirm};
use crate::ecdsa::ot::BLOCK_BITS;
use crate::ecdsa::ot::SEED_BYTES;
use crate::ecdsa::ot::base::{CHOICES_BYTES, POINT_BYTES};
use crate::ecdsa::ot::tree::{TREE_BYTES, TREES_BYTES};
use crate::sim::fields::{Field, Fields, Kind};
use crate::transcript::HASH_BYTES;

/// Of a message of any round.
pub fn of_setup(message: &[u8]) -> Option<Vec<Field>> {
    let round = *message.first()?;
    let mut fields = Fields::of_round(round);
    match round {
        round1_hello::ROUND => {
            let HelloMessage {
                cluster_id,
                epoch,
                sender,
                receiver,
                sender_boot,
                receiver_boot,
                nonce,
                secret_part,
                point,
            } = HelloMessage::decode(message).ok()?;
            fields.opaque("cluster id", &cluster_id).opaque("epoch", &epoch.to_be_bytes());
            fields.push("sender", Kind::Party, &sender.to_bytes());
            fields.push("receiver", Kind::Party, &receiver.to_bytes());
            fields.opaque("sender boot", &sender_boot).opaque("receiver boot", &receiver_boot);
            fields.opaque("nonce", &nonce).opaque("s", secret_part.expose()).push("A", Kind::Point, &point);
        }
        round2_choose::ROUND => {
            let choices = body(message, round, CHOICES_BYTES).ok()?;
            for pair in choices.chunks(2 * POINT_BYTES) {
                let (first, second) = pair.split_at(POINT_BYTES);
                fields.push("S_0", Kind::Point, first).push("S_1", Kind::Point, second);
            }
        }
        round3_grow::ROUND => {
            let trees = body(message, round, TREES_BYTES).ok()?;
            for tree in trees.chunks(TREE_BYTES) {
                let (corrections, proof) = tree.split_at(2 * (BLOCK_BITS - 1) * SEED_BYTES);
                let (sum, digest) = proof.split_at(HASH_BYTES);
                fields.opaque("corrections", corrections).opaque("sum", sum).opaque("digest", digest);
            }
        }
        round4_confirm::ROUND => {
            fields.opaque("confirmation", body(message, round, HASH_BYTES).ok()?);
        }
        _ => return None,
    }
    Some(fields.finish())
}
