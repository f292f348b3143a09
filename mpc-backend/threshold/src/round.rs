//! How a round is written.
//!
//! A round is a state that is named for what it awaits and consumed by its `finish`. It takes one
//! message from each peer ([`Inbox`]) and gives back the next state with the messages to send
//! ([`Step`]). Collecting, ordering and dropping repeats is [`Mailbox`]'s work, so that no
//! protocol sees a half-filled round.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::vec::Vec;
use core::fmt;

use zeroize::{Zeroize as _, Zeroizing};

use crate::codec::DecodeError;
use crate::fault::{Fault, Rule};
use crate::party::PartyIndex;

/// What a finished round hands back.
pub enum Step<N, O> {
    /// Another round: its state, and what to send for it.
    Next(N, Outbox),
    /// The end: the result, and what is still to be sent.
    Done(O, Outbox),
}

/// Messages to send, at most one for each peer. What is never taken out is wiped.
#[derive(Default)]
pub struct Outbox(Vec<(PartyIndex, Vec<u8>)>);

impl Outbox {
    /// Adds the message for `to`.
    pub fn push(&mut self, to: PartyIndex, message: Vec<u8>) {
        self.0.push((to, message));
    }

    /// The same message for each of `peers`.
    pub fn broadcast(peers: impl IntoIterator<Item = PartyIndex>, message: &[u8]) -> Self {
        Self(peers.into_iter().map(|peer| (peer, message.to_vec())).collect())
    }

    /// Number of messages.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Bytes of all messages.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|(_, message)| message.len()).sum()
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Lengths only: messages hold secret shares.
impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(to, message)| (to, message.len()))).finish()
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|(_, message)| message.zeroize());
    }
}

impl IntoIterator for Outbox {
    type Item = (PartyIndex, Vec<u8>);
    type IntoIter = alloc::vec::IntoIter<Self::Item>;

    fn into_iter(mut self) -> Self::IntoIter {
        core::mem::take(&mut self.0).into_iter()
    }
}

/// Undecoded messages of one round by sender. They may be secret shares, and wipe themselves.
pub type RawRound = BTreeMap<PartyIndex, Zeroizing<Vec<u8>>>;

/// One message of each expected peer, ascending.
pub struct Inbox<M>(BTreeMap<PartyIndex, M>);

impl<M> Inbox<M> {
    /// Decodes a complete round; the first malformed message names its sender.
    ///
    /// # Errors
    /// [`Rule::Malformed`].
    pub fn decode(
        raw: &RawRound,
        mut decode: impl FnMut(&[u8]) -> Result<M, DecodeError>,
    ) -> Result<Self, Fault> {
        raw.iter()
            .map(|(from, bytes)| {
                let message = decode(bytes).map_err(|_| Fault::of(*from, Rule::Malformed))?;
                Ok((*from, message))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The message of `from`.
    pub fn get(&self, from: PartyIndex) -> Option<&M> {
        self.0.get(&from)
    }

    /// Senders and messages, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (PartyIndex, &M)> {
        self.0.iter().map(|(from, message)| (*from, message))
    }
}

/// What became of a delivered message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Kept for its round.
    Kept,
    /// Dropped: the sender is no peer, or has spoken in that round, or the round is over.
    Dropped,
}

/// Collects messages round by round, at most one a sender and round.
///
/// Memory is bounded: rounds x peers messages, whose sizes the caller has compared with the fixed
/// length of their round before delivery.
pub struct Mailbox {
    peers: Vec<PartyIndex>,
    current: usize,
    rounds: Vec<RawRound>,
}

impl Mailbox {
    /// For `rounds` rounds with one message from each of `peers`.
    pub fn new(peers: impl IntoIterator<Item = PartyIndex>, rounds: usize) -> Self {
        Self {
            peers: peers.into_iter().collect(),
            current: 0,
            rounds: (0..rounds).map(|_| RawRound::new()).collect(),
        }
    }

    /// Whether `from` is one of the peers that this session listens to.
    pub fn expects(&self, from: PartyIndex) -> bool {
        self.peers.contains(&from)
    }

    /// Keeps `message` of `from` for `round` (0-based), which may be a later one.
    pub fn deliver(&mut self, from: PartyIndex, round: usize, message: &[u8]) -> Delivery {
        if round < self.current || !self.expects(from) {
            return Delivery::Dropped;
        }
        match self.rounds.get_mut(round).map(|slot| slot.entry(from)) {
            Some(Entry::Vacant(slot)) => {
                slot.insert(Zeroizing::new(message.to_vec()));
                Delivery::Kept
            }
            Some(Entry::Occupied(_)) | None => Delivery::Dropped,
        }
    }

    /// The current round's messages once every peer has spoken; the next round is then current.
    pub fn take_complete(&mut self) -> Option<RawRound> {
        let slot = self.rounds.get_mut(self.current)?;
        if slot.len() != self.peers.len() {
            return None;
        }
        self.current += 1;
        Some(core::mem::take(slot))
    }

    /// The peers whose message of the current round is missing.
    pub fn missing(&self) -> impl Iterator<Item = PartyIndex> + '_ {
        let slot = self.rounds.get(self.current);
        self.peers.iter().copied().filter(move |peer| slot.is_some_and(|slot| !slot.contains_key(peer)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn an_outbox_shows_only_lengths() {
        let mut outbox = Outbox::default();
        outbox.push(PartyIndex::new(2).unwrap(), alloc::vec![0xab; 3]);
        let shown = alloc::format!("{outbox:?}");
        assert!(shown.ends_with(": 3}") && !shown.contains("171"), "{shown}");
        assert_eq!(outbox.into_iter().next().unwrap().1, [0xab; 3]);
    }

    #[test]
    fn early_messages_wait_and_repeats_are_dropped() {
        let [one, two, three] = [1, 2, 3].map(|index| PartyIndex::new(index).unwrap());
        let mut mailbox = Mailbox::new([one, two], 2);
        assert_eq!(mailbox.deliver(one, 1, b"early"), Delivery::Kept);
        assert_eq!(mailbox.deliver(one, 0, b"a"), Delivery::Kept);
        assert_eq!(mailbox.deliver(one, 0, b"b"), Delivery::Dropped);
        assert_eq!(mailbox.deliver(three, 0, b"c"), Delivery::Dropped);
        assert!(mailbox.take_complete().is_none());
        assert_eq!(mailbox.missing().collect::<Vec<_>>(), [two]);
        assert_eq!(mailbox.deliver(two, 0, b"d"), Delivery::Kept);
        assert_eq!(mailbox.take_complete().unwrap()[&one].as_slice(), b"a");
        assert_eq!(mailbox.deliver(two, 0, b"late"), Delivery::Dropped);
        assert_eq!(mailbox.deliver(two, 2, b"no such round"), Delivery::Dropped);
        assert_eq!(mailbox.deliver(two, 1, b"e"), Delivery::Kept);
        assert_eq!(mailbox.take_complete().unwrap()[&one].as_slice(), b"early");
        assert!(mailbox.take_complete().is_none());
    }
}
