//! Messages that overtook the start of their session: a third node's first message may arrive before the
//! coordinator's order to begin. Kept for a moment and within bounds; beyond them they are refused.

use std::collections::{BTreeMap, VecDeque};

use super::SessionId;
use crate::input::NodeIndex;
use crate::peers::Why;

/// Most messages kept of one peer.
const MESSAGES_MAX: usize = 64;
/// Most bytes kept of one peer.
const BYTES_MAX: usize = 1 << 20;
/// How long a message is kept, in ms.
const KEPT_MS: u64 = 3_000;

struct Waiting {
    session: SessionId,
    since: u64,
    payload: Vec<u8>,
}

/// How many ended sessions are remembered, so that their last messages are not taken for early ones.
const ENDED_MAX: usize = 256;

/// Early messages by sender, oldest first.
#[derive(Default)]
pub(crate) struct Early {
    waiting: BTreeMap<NodeIndex, VecDeque<Waiting>>,
    ended: VecDeque<SessionId>,
}

impl Early {
    pub(super) fn keep(
        &mut self,
        peer: NodeIndex,
        session: SessionId,
        payload: Vec<u8>,
        now: u64,
    ) -> Result<(), Why> {
        if self.ended.contains(&session) {
            return Err("session is over");
        }
        let kept = self.waiting.entry(peer).or_default();
        while kept.front().is_some_and(|waiting| waiting.since + KEPT_MS < now) {
            kept.pop_front();
        }
        let bytes: usize = kept.iter().map(|waiting| waiting.payload.len()).sum();
        if kept.len() >= MESSAGES_MAX || bytes + payload.len() > BYTES_MAX {
            return Err("unknown session, and too many such messages already");
        }
        kept.push_back(Waiting { session, since: now, payload });
        Ok(())
    }

    /// What came early for a session that begins now: sender and payload in order of arrival.
    pub(super) fn take(&mut self, session: &SessionId, now: u64) -> Vec<(NodeIndex, Vec<u8>)> {
        let mut found = Vec::new();
        for (peer, kept) in &mut self.waiting {
            kept.retain(|waiting| waiting.since + KEPT_MS >= now);
            let (wanted, others) = kept.drain(..).partition(|waiting| waiting.session == *session);
            *kept = others;
            let wanted: VecDeque<Waiting> = wanted;
            found.extend(wanted.into_iter().map(|waiting| (*peer, waiting.payload)));
        }
        found
    }

    /// Drops what came early from a peer: its process or pair set-up is another one now.
    pub(crate) fn forget(&mut self, peer: NodeIndex) {
        self.waiting.remove(&peer);
    }

    /// Messages and bytes kept of the peer with the most.
    #[cfg(feature = "sim")]
    pub(crate) fn size(&self) -> (usize, usize) {
        let bytes = |kept: &VecDeque<Waiting>| kept.iter().map(|waiting| waiting.payload.len()).sum();
        let sizes = self.waiting.values().map(|kept| (kept.len(), bytes(kept)));
        sizes.fold((0, 0), |(most, largest), (count, bytes)| (most.max(count), largest.max(bytes)))
    }

    /// The session is over: what still comes for it is refused.
    pub(super) fn end(&mut self, session: SessionId) {
        for kept in self.waiting.values_mut() {
            kept.retain(|waiting| waiting.session != session);
        }
        if self.ended.len() >= ENDED_MAX {
            self.ended.pop_front();
        }
        self.ended.push_back(session);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn old_messages_and_those_of_a_former_peer_are_not_taken() {
        let mut early = Early::default();
        for peer in [2, 3] {
            early.keep(peer, [1; 32], vec![peer], 0).unwrap();
        }
        early.forget(2);
        assert_eq!(early.take(&[1; 32], KEPT_MS), [(3, vec![3])]);
        early.keep(3, [1; 32], vec![3], 0).unwrap();
        assert_eq!(early.take(&[1; 32], KEPT_MS + 1), []);
    }

    #[test]
    fn a_flood_is_refused_and_old_messages_make_room() {
        let mut early = Early::default();
        for _ in 0..MESSAGES_MAX {
            early.keep(2, [1; 32], vec![0], 0).unwrap();
        }
        assert!(early.keep(2, [1; 32], vec![0], 0).is_err());
        assert!(early.keep(3, [1; 32], vec![0], 0).is_ok(), "one peer's flood is its own");
        assert!(early.keep(2, [2; 32], vec![7], KEPT_MS + 1).is_ok());
        assert_eq!(early.take(&[2; 32], KEPT_MS + 1), [(2, vec![7])]);
        assert!(early.keep(2, [1; 32], vec![0; BYTES_MAX + 1], KEPT_MS + 1).is_err());
        early.end([3; 32]);
        assert!(early.keep(4, [3; 32], vec![0], KEPT_MS + 1).is_err(), "an ended session is not early");
    }
}
