//! The lies, by kind of field and about whole messages.

use threshold::sim::fields::{Field, Kind};

use crate::{Protocol, Recorded, Variant};

/// A lie about one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldLie {
    Flip,
    Zeros,
    Above,
    Other,
    Session,
}

impl FieldLie {
    pub const fn of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Round | Kind::Party => &[Self::Flip, Self::Zeros, Self::Above],
            Kind::Opaque => &[Self::Flip, Self::Zeros, Self::Session],
            Kind::Scalar | Kind::Point => &[Self::Flip, Self::Zeros, Self::Above, Self::Other, Self::Session],
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Flip => "flip",
            Self::Zeros => "zeros",
            Self::Above => "above",
            Self::Other => "other",
            Self::Session => "session",
        }
    }

    /// Changes `field`; `session` is its value in another session, `point` a valid one.
    pub fn tell(self, field: &mut Field, session: Option<Vec<u8>>, point: Vec<u8>) {
        let honest = field.bytes.clone();
        match self {
            Self::Flip => field.bytes[honest.len() / 2] ^= 1,
            Self::Zeros => field.bytes.fill(0),
            Self::Above => field.bytes.fill(0xff),
            Self::Other if field.kind == Kind::Point => field.bytes = point,
            Self::Other => {
                // 2^128: canonical in either byte order.
                field.bytes.fill(0);
                field.bytes[16] = 1;
            }
            Self::Session => field.bytes = session.expect("every field has another session's value"),
        }
        // A value that happens to be what it was (the epoch, a boot id) is flipped instead.
        if field.bytes == honest {
            field.bytes[0] ^= 1;
        }
    }
}

/// A lie about a whole message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageLie {
    Truncated,
    Extended,
    Empty,
    Session,
    Epoch,
    Key,
    Sender,
    Receiver,
    Round,
    Twice,
    Late,
}

/// The protocols in which a party's second message does not wait for the victim's first.
pub const PLACES: [&str; 2] = ["Key generation", "Presigning"];

impl MessageLie {
    pub const ALL: &'static [Self] = &[
        Self::Truncated,
        Self::Extended,
        Self::Empty,
        Self::Session,
        Self::Epoch,
        Self::Key,
        Self::Sender,
        Self::Receiver,
        Self::Round,
        Self::Twice,
        Self::Late,
    ];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Extended => "extended",
            Self::Empty => "empty",
            Self::Session => "session",
            Self::Epoch => "epoch",
            Self::Key => "key",
            Self::Sender => "sender",
            Self::Receiver => "receiver",
            Self::Round => "round",
            Self::Twice => "twice",
            Self::Late => "late",
        }
    }

    pub const fn is_from_elsewhere(self) -> bool {
        matches!(self, Self::Session | Self::Epoch | Self::Key | Self::Sender | Self::Receiver | Self::Round)
    }

    /// The recorded message that takes the place of the one to `to`, if the protocol has such.
    pub fn source<P: Protocol>(self, recorded: &Recorded, to: u8, round: u8) -> Option<Vec<u8>> {
        let honest = (1..P::LIAR).find(|party| *party != to);
        let key = match self {
            Self::Session => (Variant::Session, P::LIAR, to, round),
            Self::Epoch => (Variant::Epoch, P::LIAR, to, round),
            Self::Key => (Variant::Key, P::LIAR, to, round),
            // Among two, the only other sender is the receiver itself.
            Self::Sender => match honest {
                Some(other) => (Variant::Usual, other, to, round),
                None => (Variant::Usual, to, P::LIAR, round),
            },
            Self::Receiver => {
                let elsewhere = (Variant::Receiver, P::LIAR, to, round);
                let other = honest.map(|other| (Variant::Usual, P::LIAR, other, round));
                return recorded.get(&elsewhere).or_else(|| recorded.get(&other?)).cloned();
            }
            Self::Round => {
                let other = if round == 1 { 2 } else { round - 1 };
                (Variant::Usual, P::LIAR, to, other)
            }
            Self::Truncated | Self::Extended | Self::Empty | Self::Twice | Self::Late => return None,
        };
        recorded.get(&key).cloned()
    }

    /// What arrives instead; `None` holds the message back.
    pub fn tell(self, message: &[u8], source: Option<Vec<u8>>) -> Option<Vec<Vec<u8>>> {
        match self {
            Self::Truncated => Some(vec![message[..message.len() - 1].to_vec()]),
            Self::Extended => Some(vec![[message, &[0]].concat()]),
            Self::Empty => Some(vec![vec![]]),
            Self::Twice => Some(vec![message.to_vec(), message.to_vec()]),
            Self::Late => None,
            _ => Some(vec![source.unwrap_or_else(|| message.to_vec())]),
        }
    }
}
