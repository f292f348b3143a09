//! The count of tries with a PIN (design 3a): which attempt was given which of the ten tries of a PIN.
//!
//! An attempt is one blinded PIN. It names the try that it takes, and a node gives each try to one attempt only, durably,
//! before its answer leaves. Our library takes the same try at T nodes, and any two sets of T nodes share one: so each of
//! the ten tries serves one attempt in the whole cluster, whichever nodes its processes ask, however many ask at once, and
//! across restarts. The same attempt may ask again: what it is told is the same.
//!
//! A node sees its own tries only. A client that breaks this rule and takes another try at each node has N * 10 / T
//! attempts; one that has T - 1 liars with it has (N - T + 1) * 10, as any count kept by nodes alone leaves it.

use proto::client::v1::Code;
use sha2::{Digest, Sha256};

use super::Failure;

/// How many tries a PIN has until the right one is given.
pub(crate) const TRIES: usize = 10;

/// The tries of one PIN at this node.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Tries {
    attempts: [Option<[u8; 32]>; TRIES],
    /// When the last one was taken, in ms; not kept over a restart.
    last_taken: Option<u64>,
}

impl Tries {
    /// Gives try `number`, counted from 1, to the attempt with this blinded PIN, at `now` in ms.
    ///
    /// # Errors
    /// `PinLocked` when all tries are taken, `Conflict` when this one is taken by another attempt.
    pub(crate) fn take(&mut self, number: u32, blinded: &[u8], now: u64) -> Result<(), Failure> {
        let attempt: [u8; 32] = Sha256::digest(blinded).into();
        let all_taken = self.attempts.iter().all(Option::is_some);
        let place = (number as usize).checked_sub(1).and_then(|index| self.attempts.get_mut(index));
        let place = place.ok_or(Failure::invalid("number of the try"))?;
        match place {
            Some(known) if *known == attempt => Ok(()),
            None => {
                *place = Some(attempt);
                self.last_taken = Some(now);
                Ok(())
            }
            Some(_) if all_taken => Err(Failure::new(Code::PinLocked, "too many tries without a login")),
            Some(_) => Err(Failure::new(Code::Conflict, "this try is taken")),
        }
    }

    /// The free tries: bit k - 1 is set if try k is free.
    pub(crate) fn free(&self) -> u32 {
        (0..).zip(&self.attempts).map(|(bit, attempt)| u32::from(attempt.is_none()) << bit).sum()
    }

    /// For how many ms none was taken, as far as is known.
    pub(crate) fn quiet_ms(&self, now: u64) -> u32 {
        let since = |taken| u32::try_from(now.saturating_sub(taken)).unwrap_or(u32::MAX);
        self.last_taken.map_or(u32::MAX, since)
    }

    /// As it stands in the store: 32 bytes a try, zeros where it is free.
    pub(crate) fn encode(&self) -> Vec<u8> {
        self.attempts.iter().flat_map(|attempt| attempt.unwrap_or_default()).collect()
    }

    /// What [`Self::encode`] gave.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (attempts, rest) = bytes.as_chunks::<32>();
        let attempts: [[u8; 32]; TRIES] = attempts.try_into().ok()?;
        let attempts = attempts.map(|attempt| (attempt != [0; 32]).then_some(attempt));
        rest.is_empty().then_some(Self { attempts, last_taken: None })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    fn code(result: Result<(), Failure>) -> Code {
        result.unwrap_err().code
    }

    #[test]
    fn a_try_serves_one_attempt() {
        let mut tries = Tries::default();
        assert!(tries.take(1, b"one", 7).is_ok() && tries.take(1, b"one", 7).is_ok());
        assert_eq!(code(tries.take(1, b"two", 7)), Code::Conflict);
        assert!(tries.take(2, b"two", 7).is_ok());
        for number in [0, 11, u32::MAX] {
            assert_eq!(code(tries.take(number, b"three", 7)), Code::InvalidArgument);
        }
    }

    #[test]
    fn ten_attempts_take_all_tries() {
        let mut tries = Tries::default();
        for number in 1..=10u32 {
            tries.take(number, &number.to_be_bytes(), 7).unwrap();
        }
        for number in 1..=10 {
            assert_eq!(code(tries.take(number, b"another", 7)), Code::PinLocked);
        }
        assert_eq!(tries.free(), 0);
        assert!(tries.take(3, &3u32.to_be_bytes(), 7).is_ok(), "an attempt that has its try may ask again");
    }

    #[test]
    fn the_free_tries_are_told() {
        let mut tries = Tries::default();
        assert_eq!(tries.free(), 0b11_1111_1111);
        for number in [1, 2, 4, 10] {
            tries.take(number, &number.to_be_bytes(), 7).unwrap();
        }
        assert_eq!(tries.free(), 0b01_1111_0100);
    }

    #[test]
    fn the_time_of_the_last_try_is_told() {
        let mut tries = Tries::default();
        assert_eq!(tries.quiet_ms(100), u32::MAX);
        tries.take(1, b"one", 100).unwrap();
        assert_eq!([tries.quiet_ms(100), tries.quiet_ms(350)], [0, 250]);
        assert!(tries.take(1, b"two", 400).is_err() && tries.take(1, b"one", 400).is_ok());
        assert_eq!(tries.quiet_ms(400), 300, "neither took one");
    }

    #[test]
    fn tries_round_trip() {
        let mut tries = Tries::default();
        tries.take(4, b"one", 7).unwrap();
        let kept = Tries::decode(&tries.encode()).unwrap();
        assert_eq!((kept.attempts, kept.last_taken), (tries.attempts, None));
        assert_eq!(Tries::decode(&tries.encode()[1..]), None);
        assert_eq!(Tries::decode(&[tries.encode(), vec![0; 32]].concat()), None);
    }
}
