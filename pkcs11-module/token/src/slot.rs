//! Slots: one for each token, always with the token present.

use std::sync::{Arc, Mutex};

use crate::backend::{TokenId, TokenState};
use crate::login::Access;

/// A slot with its token.
pub(crate) struct Slot {
    pub id: u64,
    pub token: TokenId,
    /// Held while a login, logout or initialisation is under way with the backend, so that two of them do not try
    /// PINs at once. Nothing else takes it: who only uses the token never waits here.
    pub gate: Mutex<()>,
    pub access: Mutex<Access>,
}

/// All slots seen so far.
#[derive(Default)]
pub(crate) struct Slots {
    known: Vec<Arc<Slot>>,
}

impl Slots {
    /// The slots of `tokens` in their order; new tokens get new slots.
    pub(crate) fn update(&mut self, tokens: &[TokenState]) -> Vec<Arc<Slot>> {
        tokens.iter().map(|token| self.slot_of(token.id)).collect()
    }

    /// The slot with this number.
    pub(crate) fn get(&self, id: u64) -> Option<Arc<Slot>> {
        self.known.iter().find(|slot| slot.id == id).cloned()
    }

    fn slot_of(&mut self, token: TokenId) -> Arc<Slot> {
        if let Some(slot) = self.known.iter().find(|slot| slot.token == token) {
            return slot.clone();
        }
        let mut id = preferred_id(token);
        while self.get(id).is_some() {
            id += 1;
        }
        let slot = Arc::new(Slot { id, token, gate: Mutex::default(), access: Mutex::default() });
        self.known.push(slot.clone());
        slot
    }
}

/// A slot number that is the same in every process: configurations name it, and a forked child that starts anew
/// goes on with the number of its parent. Taken from the token's random id, in the positive range of an int.
fn preferred_id(token: TokenId) -> u64 {
    let [a, b, c, d, ..] = token.0;
    u64::from(u32::from_be_bytes([a, b, c, d]) >> 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

    use super::*;

    fn token(first: u8, last: u8) -> TokenId {
        let mut id = [0; 16];
        id[0] = first;
        id[15] = last;
        TokenId(id)
    }

    #[test]
    fn slot_numbers_do_not_depend_on_the_order_of_tokens() {
        let (mut one, mut other) = (Slots::default(), Slots::default());
        let first = one.slot_of(token(1, 0)).id;
        other.slot_of(token(2, 0));
        assert_eq!(other.slot_of(token(1, 0)).id, first);
    }

    #[test]
    fn tokens_that_want_the_same_number_get_different_ones() {
        let mut slots = Slots::default();
        assert_ne!(slots.slot_of(token(1, 1)).id, slots.slot_of(token(1, 2)).id);
    }
}
