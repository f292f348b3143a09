//! Signer sets that fail, and for how long each is left alone, so that clients are sent to others at once.
//!
//! Only this one set is refused. T honest nodes make a set that no liar is in: it never fails a check, so
//! neither liars nor clients can have it refused.

use std::collections::{BTreeMap, VecDeque};

use proto::client::v1::SetStatus;

use crate::client::Failure;
use crate::engine::Engine;
use crate::input::NodeIndex;

/// First and longest rest of a set whose presignings fail one after the other, in ms. One failure is
/// nothing: members restart. Short, because a busy machine looks the same as a silent member.
const REST_FIRST_MS: u64 = 250;
const REST_MAX_MS: u64 = 2_000;
/// Rest of a set whose answers did not make a signature, in ms: one of it lies, or its machine is broken.
const FAILED_SIGNATURE_REST_MS: u64 = 600_000;
/// Presignatures that are remembered, so that one failed signature counts once.
const PRESIGNATURES_MAX: usize = 16;

#[derive(Default)]
struct Record {
    failed_signatures: u64,
    /// The latest of the presignatures that were spent on them.
    presignatures: VecDeque<[u8; 32]>,
    /// Presignings in a row that failed; those of one moment count as one.
    failed_presignings: u32,
    /// When the last that counted did.
    failed_at: u64,
    until: u64,
    /// Members that the last failure points at.
    named: Vec<NodeIndex>,
}

/// What is known against signer sets, in memory only. There are at most 126 sets of T of N nodes.
#[derive(Default)]
pub(crate) struct Sets(BTreeMap<Vec<NodeIndex>, Record>);

impl Sets {
    /// A presigning that this node coordinated failed.
    pub(super) fn presigning_failed(&mut self, signers: &[NodeIndex], named: Vec<NodeIndex>, now: u64) {
        let record = self.0.entry(signers.to_vec()).or_default();
        let before = record.failed_presignings;
        record.named = named;
        if before > 0 && now < record.failed_at + REST_FIRST_MS {
            return;
        }
        record.failed_presignings = before.saturating_add(1);
        record.failed_at = now;
        if before > 0 {
            let rest = REST_FIRST_MS << (before - 1).min(8);
            record.until = record.until.max(now + rest.min(REST_MAX_MS));
        }
    }

    /// A presigning of this set was done.
    pub(super) fn presigned(&mut self, signers: &[NodeIndex]) {
        let Some(record) = self.0.get_mut(signers) else { return };
        record.failed_presignings = 0;
        if record.failed_signatures == 0 {
            self.0.remove(signers);
        }
    }

    /// Whether the failure of this presignature's signature is known already.
    pub(crate) fn knows(&self, signers: &[NodeIndex], presignature: &[u8; 32]) -> bool {
        self.0.get(signers).is_some_and(|record| record.presignatures.contains(presignature))
    }

    /// Answers of the set did not make a signature; the caller has checked all of it.
    pub(crate) fn signature_failed(&mut self, signers: &[NodeIndex], presignature: [u8; 32], now: u64) {
        let record = self.0.entry(signers.to_vec()).or_default();
        record.failed_signatures += 1;
        if record.presignatures.len() >= PRESIGNATURES_MAX {
            record.presignatures.pop_front();
        }
        record.presignatures.push_back(presignature);
        record.until = now + FAILED_SIGNATURE_REST_MS;
        // Nobody: any one of the set may be the liar.
        record.named = Vec::new();
    }

    /// Whether the set may be used now.
    pub(crate) fn check(&self, signers: &[NodeIndex], now: u64) -> Result<(), Failure> {
        match self.0.get(signers) {
            Some(record) if record.until > now => {
                let why = match record.failed_signatures {
                    0 => "presigning of this signer set fails",
                    _ => "signatures of this signer set failed their check",
                };
                Err(Failure::missing(why, record.named.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Forgets what is known against sets of this node.
    pub(crate) fn forgive(&mut self, node: NodeIndex) {
        self.0.retain(|signers, _| !signers.contains(&node));
    }

    pub(crate) fn status(&self, now: u64) -> Vec<SetStatus> {
        let status = |(signers, record): (&Vec<NodeIndex>, &Record)| SetStatus {
            signers: signers.iter().copied().map(u32::from).collect(),
            failed_signatures: record.failed_signatures,
            failed_presignings: record.failed_presignings,
            refused_ms: record.until.saturating_sub(now),
        };
        self.0.iter().map(status).collect()
    }
}

impl Engine {
    /// A failed signature: what the set has ready is dropped, and nothing more is made for a while.
    pub(crate) fn leave_set(&mut self, signers: &[NodeIndex], presignature: [u8; 32]) {
        self.sessions.sets.signature_failed(signers, presignature, self.now);
        self.drop_pools_of_set(signers);
        let presigns = self.sessions.presigns.iter().filter(|(_, presign)| presign.pool.signers == signers);
        let presigns: Vec<_> = presigns.map(|(id, _)| *id).collect();
        presigns
            .iter()
            .for_each(|id| self.fail_presign(id, "signatures of this set failed", true, Vec::new()));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_failure_costs_nothing_and_many_a_short_rest() {
        let mut sets = Sets::default();
        sets.presigning_failed(&[1, 2], vec![2], 0);
        for _ in 0..100 {
            sets.presigning_failed(&[1, 2], vec![2], REST_FIRST_MS - 1);
        }
        assert!(sets.check(&[1, 2], 0).is_ok(), "all that ran fails when one member restarts");
        (1..=100).for_each(|time| sets.presigning_failed(&[1, 2], vec![2], time * 1_000));
        assert_eq!(sets.check(&[1, 2], 100_000 + REST_MAX_MS - 1).unwrap_err().nodes, [2]);
        assert!(sets.check(&[1, 2], 100_000 + REST_MAX_MS).is_ok());
        assert!(sets.check(&[1, 3], 100_000).is_ok(), "the other sets go on");
        sets.presigned(&[1, 2]);
        assert!(sets.status(1_000).is_empty());
    }

    #[test]
    fn a_failed_signature_names_nobody_and_outlasts_good_presignings() {
        let mut sets = Sets::default();
        sets.signature_failed(&[1, 2], [7; 32], 0);
        sets.presigned(&[1, 2]);
        assert!(sets.knows(&[1, 2], &[7; 32]) && !sets.knows(&[1, 3], &[7; 32]));
        assert_eq!(sets.check(&[1, 2], 10_000).unwrap_err().nodes, [0; 0]);
        assert!(sets.check(&[1, 2], FAILED_SIGNATURE_REST_MS).is_ok());
        sets.forgive(2);
        assert!(!sets.knows(&[1, 2], &[7; 32]));
    }
}
