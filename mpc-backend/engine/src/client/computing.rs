//! How much each client has computed for it at once. A closed connection takes its requests along, but not what is
//! computed for them already.

use std::collections::BTreeMap;

use proto::client::v1::Code;

use super::Failure;
use crate::registry::PublicKey;

/// Work that was handed out and is not back, by client.
#[derive(Default)]
pub(crate) struct Computing {
    by_client: BTreeMap<PublicKey, usize>,
    total: usize,
}

impl Computing {
    /// # Errors
    /// `ResourceExhausted`.
    pub(super) fn begin(&mut self, client: &PublicKey) -> Result<(), Failure> {
        let own = self.by_client.get(client).copied().unwrap_or_default();
        if own >= PER_CLIENT_MAX || self.total >= TOTAL_MAX {
            return Err(Failure::new(Code::ResourceExhausted, "too much is being computed; later"));
        }
        self.by_client.insert(*client, own + 1);
        self.total += 1;
        Ok(())
    }

    pub(super) fn end(&mut self, client: &PublicKey) {
        let Some(own) = self.by_client.get_mut(client) else { return };
        *own -= 1;
        self.total -= 1;
        if *own == 0 {
            self.by_client.remove(client);
        }
    }
}

/// Each holds a copy of a share: up to 100 KB of a 4096-bit key of nine nodes.
const PER_CLIENT_MAX: usize = 512;
const TOTAL_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_has_enough_leaves_room_for_others() {
        let mut computing = Computing::default();
        let (one, other) = ([1; 32], [2; 32]);
        assert!((0..PER_CLIENT_MAX).all(|_| computing.begin(&one).is_ok()));
        assert!(computing.begin(&one).is_err());
        assert!((0..PER_CLIENT_MAX).all(|_| computing.begin(&other).is_ok()));
        assert!(computing.begin(&[3; 32]).is_err(), "the node has enough");
        computing.end(&one);
        assert!(computing.begin(&one).is_ok());
        for _ in 0..PER_CLIENT_MAX {
            computing.end(&one);
            computing.end(&other);
        }
        assert!(computing.by_client.is_empty() && computing.total == 0);
    }
}
