//! The lies of one dishonest signer in a presigning. Each is canonical and well formed, and breaks
//! exactly one rule.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use elliptic_curve::ff::Field;

use super::Cluster;
use crate::ecdsa::PresignSession;
use crate::ecdsa::presign::round1_commit::{Announcement, CommitmentMessage, commit};
use crate::ecdsa::presign::round2_open::OpeningMessage;
use crate::ecdsa::presign::session::State;
use crate::fault::Rule;
use crate::group::{Curve, Point};
use crate::party::PartyIndex;

/// One lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Uses an extension number a second time.
    RepeatedNumber,
    /// Sends the hash of another choice vector.
    OtherChoices,
    /// Shows one peer another round-1 nonce than the others.
    SplitView,
    /// Opens another nonce point than the committed one.
    OtherOpening,
    /// Takes part with nonce share zero.
    ZeroNonce,
    /// Replies with a wrong sum of the check column.
    WrongReply,
    /// Multiplies with another nonce share than the one in its point.
    OtherNonceShare,
    /// Multiplies with another key share than the one in its point.
    OtherKeyShare,
    /// Uses a wrong share of the key throughout.
    WrongShare,
    /// Knows the others' nonce shares and cancels them.
    CancelledNonce,
    /// Sends a wrong mask difference.
    WrongMask,
    /// Multiplies by another input in one column of the reply only.
    WrongColumn,
    /// Flips the lowest bit of one byte of a message.
    Flip {
        /// Of the message's round.
        round: u8,
        /// Of the byte.
        offset: usize,
    },
}

impl Lie {
    /// Every lie, with the rule that catches it.
    pub const ALL: [(Self, Rule); 11] = [
        (Self::RepeatedNumber, Rule::ExtensionReplay),
        (Self::OtherChoices, Rule::Extension),
        (Self::SplitView, Rule::ViewsDiffer),
        (Self::OtherOpening, Rule::Commitment),
        (Self::ZeroNonce, Rule::IdentityPoint),
        (Self::WrongReply, Rule::Multiplication),
        (Self::OtherNonceShare, Rule::NonceInput),
        (Self::OtherKeyShare, Rule::KeyInput),
        (Self::WrongShare, Rule::PublicKeySum),
        (Self::CancelledNonce, Rule::NoncePoint),
        (Self::WrongMask, Rule::FinalVerification),
    ];
}

/// A lie and who tells it.
pub(super) struct Liar {
    pub(super) lie: Lie,
    pub(super) party: PartyIndex,
    /// The broadcast that goes with the lie, if it is another than was first written.
    announcement: Option<Announcement>,
}

impl Liar {
    pub(super) const fn new(lie: Lie, party: PartyIndex) -> Self {
        Self { lie, party, announcement: None }
    }

    pub(super) fn before_start<C: Curve>(&self, cluster: &mut Cluster<C>) {
        if self.lie == Lie::RepeatedNumber
            && let Some(party) = cluster.parties.get_mut(&self.party)
        {
            party.pairs.iter_mut().for_each(|pair| pair.bob.forget_numbers());
        }
    }

    pub(super) fn after_start<C: Curve>(&mut self, sessions: &mut BTreeMap<PartyIndex, PresignSession<C>>) {
        let others: C::Scalar = sessions
            .iter()
            .filter(|(party, _)| **party != self.party)
            .filter_map(|(_, session)| match &session.state {
                State::Commitments(state) => Some(*state.nonce_share.expose()),
                State::Openings(_) => None,
            })
            .sum();
        let Some(State::Commitments(mine)) = sessions.get_mut(&self.party).map(|session| &mut session.state)
        else {
            return;
        };
        let nonce_share = match self.lie {
            Lie::ZeroNonce => C::Scalar::ZERO,
            Lie::CancelledNonce => -others,
            Lie::OtherNonceShare => {
                *mine.nonce_share.expose_mut() += C::Scalar::ONE;
                return;
            }
            Lie::WrongShare => {
                *mine.weighted_share.expose_mut() += C::Scalar::ONE;
                return;
            }
            _ => return,
        };
        *mine.nonce_share.expose_mut() = nonce_share;
        mine.nonce_point = C::Point::mul_base(&nonce_share);
        mine.announcement.commitment =
            commit::<C>(&mine.session.id, self.party, &mine.nonce_point, mine.salt.expose());
        self.announcement = Some(mine.announcement.clone());
    }

    /// Alters what the liar sends to `to`.
    pub(super) fn alter<C: Curve>(&self, to: PartyIndex, message: &mut Vec<u8>) {
        if let Ok(mut round1) = CommitmentMessage::decode(message, C::XI) {
            if let Some(announcement) = &self.announcement {
                round1.announcement = announcement.clone();
            }
            match self.lie {
                Lie::OtherChoices => round1.extension.choice_hash = [1; 16],
                // Odd positions see one nonce, even positions another.
                Lie::SplitView if to.get() % 2 == 1 => round1.announcement.nonce = [7; 32],
                _ => {}
            }
            *message = round1.encode(C::XI);
        }
        if let Ok(mut round2) = OpeningMessage::<C>::decode(message) {
            let shifted = |point: &C::Point| point.add(&C::Point::generator());
            match self.lie {
                Lie::OtherOpening => round2.opening.nonce_point = shifted(&round2.opening.nonce_point),
                Lie::OtherKeyShare => round2.opening.key_point = shifted(&round2.opening.key_point),
                Lie::WrongReply => round2.reply.sums = round2.reply.sums.map(|sum| sum + C::Scalar::ONE),
                Lie::WrongColumn => {
                    round2.reply.masked.iter_mut().take(1).for_each(|value| *value += C::Scalar::ONE)
                }
                Lie::WrongMask => *round2.mask_difference.expose_mut() += C::Scalar::ONE,
                _ => {}
            }
            *message = round2.encode();
        }
        if let Lie::Flip { round, offset } = self.lie
            && message.first() == Some(&round)
            && let Some(byte) = message.get_mut(offset)
        {
            *byte ^= 1;
        }
    }
}
