//! Pair set-up (specification, section 3): once per pair of parties, boot ids and epoch.
//!
//! Both directions run together, so both sides send the same four messages:
//!
//! | round | file | sends | bytes |
//! |---|---|---|---|
//! | 1 | `round1_hello` | context, nonce, secret part, base-OT sender point | 173 |
//! | 2 | `round2_choose` | base-OT choices | 8 193 |
//! | 3 | `round3_grow` | tree corrections and proofs | 5 121 |
//! | 4 | `round4_confirm` | confirmation | 33 |
//!
//! Each state consumes itself. A failure therefore ends the set-up with its Delta; a new attempt
//! has fresh secrets, and the caller limits its rate. [`PairSetup`] hides the state's type.

#[cfg(feature = "sim")]
mod fields;
mod round1_hello;
mod round2_choose;
mod round3_grow;
mod round4_confirm;

use alloc::vec::Vec;

use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

#[cfg(feature = "sim")]
pub use self::fields::of_setup;
use self::round1_hello::AwaitingHello;
use self::round2_choose::AwaitingChoices;
use self::round3_grow::AwaitingTrees;
use self::round4_confirm::AwaitingConfirmation;
use super::BootId;
use super::pair::Pair;
use crate::codec::{DecodeError, Reader};
use crate::fault::{Checks, Fault, Rule};
use crate::party::PartyIndex;
use crate::transcript::{SETUP_DIRECTION, SETUP_TRANSCRIPT, hash};

/// What both sides know before they begin. Equal at both, but for the point of view.
#[derive(Clone, Debug)]
pub struct SetupContext {
    /// Hash of the genesis manifest.
    pub cluster_id: [u8; 32],
    /// Counts the set-ups of this pair that a quorum has ordered.
    pub epoch: u64,
    /// This party.
    pub me: PartyIndex,
    /// The other party, authenticated by the channel.
    pub peer: PartyIndex,
    /// Boot id of this party's process.
    pub my_boot: BootId,
    /// Boot id of the peer's process, from the hello of the connection.
    pub peer_boot: BootId,
    /// [`Checks::all`], except in simulations.
    pub checks: Checks,
}

impl SetupContext {
    /// Mine and the peer's value in order of the parties' positions.
    fn low_high<'a>(&self, mine: &'a [u8], peers: &'a [u8]) -> [&'a [u8]; 2] {
        if self.me < self.peer { [mine, peers] } else { [peers, mine] }
    }

    fn malformed(&self, _: DecodeError) -> Fault {
        Fault::of(self.peer, Rule::Malformed)
    }
}

/// A pair set-up in whatever round it is.
pub struct PairSetup(State);

enum State {
    Hello(AwaitingHello),
    Choices(AwaitingChoices),
    Trees(AwaitingTrees),
    Confirmation(AwaitingConfirmation),
}

/// What a message of the peer led to.
pub enum SetupStep {
    /// The set-up goes on; the bytes are to be sent to the peer, and wiped.
    Continue(PairSetup, Zeroizing<Vec<u8>>),
    /// The pair is ready. Nothing more is to be sent.
    Done(Pair),
}

impl PairSetup {
    /// Starts a set-up; the bytes are to be sent to the peer.
    pub fn start(context: SetupContext, rng: &mut dyn CryptoRngCore) -> (Self, Zeroizing<Vec<u8>>) {
        let (state, message) = round1_hello::start(context, rng);
        (Self(State::Hello(state)), message)
    }

    /// Takes the peer's next message. A fault ends the set-up and wipes it.
    ///
    /// # Errors
    /// The failed check, with the peer named where the check can name it.
    pub fn handle(self, message: &[u8], rng: &mut dyn CryptoRngCore) -> Result<SetupStep, Fault> {
        let (state, reply) = match self.0 {
            State::Hello(state) => {
                let (next, reply) = state.finish(message, rng)?;
                (State::Choices(next), reply)
            }
            State::Choices(state) => {
                let (next, reply) = state.finish(message)?;
                (State::Trees(next), reply)
            }
            State::Trees(state) => {
                let (next, reply) = state.finish(message)?;
                (State::Confirmation(next), reply)
            }
            State::Confirmation(state) => return state.finish(message).map(SetupStep::Done),
        };
        Ok(SetupStep::Continue(Self(state), Zeroizing::new(reply)))
    }
}

/// One direction: its name and what was said in it.
struct Direction {
    sid: [u8; 32],
    /// A, the base-OT sender's point.
    point: [u8; 32],
    /// Alice's (S_0, S_1) of every instance.
    choices: Vec<u8>,
}

impl Direction {
    /// sid = H(setup/dir; Sigma, Alice, Bob).
    fn new(id: &[u8; 32], alice: PartyIndex, bob: PartyIndex, point: [u8; 32]) -> Self {
        let sid = hash(SETUP_DIRECTION, &[id, &alice.to_bytes(), &bob.to_bytes()]);
        Self { sid, point, choices: Vec::new() }
    }

    fn transcript(&self, trees: &[u8]) -> [u8; 32] {
        hash(SETUP_TRANSCRIPT, &[&self.sid, &self.point, &self.choices, trees])
    }
}

/// Opens a message of round `round`, whose body has `bytes` bytes.
fn body(message: &[u8], round: u8, bytes: usize) -> Result<&[u8], DecodeError> {
    let mut reader = Reader::new(message);
    if reader.u8()? != round {
        return Err(DecodeError::Value);
    }
    let body = reader.bytes(bytes)?;
    reader.finish()?;
    Ok(body)
}
