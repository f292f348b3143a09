//! How often each client uses keys of the KMS interface: a bucket that fills with time and holds one second's worth.

use std::collections::BTreeMap;

use crate::registry::PublicKey;

/// Of all clients that have used such a key.
#[derive(Default)]
pub(in crate::client) struct Pace(BTreeMap<PublicKey, Bucket>);

/// Thousandths of a request that are left, as of a time in ms.
struct Bucket {
    left: u64,
    since: u64,
}

impl Pace {
    /// Whether the client may ask once more, at `per_s` requests a second; 0 is without bound.
    pub(super) fn allows(&mut self, client: &PublicKey, per_s: u32, now_ms: u64) -> bool {
        if per_s == 0 {
            return true;
        }
        let full = u64::from(per_s) * ONE;
        let bucket = self.0.entry(*client).or_insert(Bucket { left: full, since: now_ms });
        let passed = now_ms.saturating_sub(bucket.since);
        bucket.left = bucket.left.saturating_add(passed.saturating_mul(u64::from(per_s))).min(full);
        bucket.since = bucket.since.max(now_ms);
        match bucket.left.checked_sub(ONE) {
            Some(left) => bucket.left = left,
            None => return false,
        }
        true
    }

    /// Forgets clients that are not enrolled any more.
    pub(in crate::client) fn keep(&mut self, is_enrolled: impl Fn(&PublicKey) -> bool) {
        self.0.retain(|client, _| is_enrolled(client));
    }
}

/// One request, in thousandths.
const ONE: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_so_many_and_time_gives_them_back() {
        let (mut pace, one, other) = (Pace::default(), [1; 32], [2; 32]);
        let taken = |pace: &mut Pace, client, now| (0..100).filter(|_| pace.allows(client, 10, now)).count();
        assert_eq!(taken(&mut pace, &one, 5_000), 10);
        assert_eq!(taken(&mut pace, &other, 5_000), 10, "another client's are its own");
        assert_eq!(taken(&mut pace, &one, 5_099), 0);
        assert_eq!(taken(&mut pace, &one, 5_100), 1);
        assert_eq!(taken(&mut pace, &one, 4_000), 0, "a clock that goes back gives nothing");
        assert_eq!(taken(&mut pace, &one, 60_000), 10, "nothing is saved up");
        assert!((0..1000).all(|_| pace.allows(&one, 0, 60_000)), "no bound");
        pace.keep(|client| *client == other);
        assert_eq!(pace.0.len(), 1);
    }
}
