//! What each client has wasted: presignatures that it leased and no answer came of. A lease counts until
//! it is answered or given back; the rest is forgiven with time (nonce rule R7).

use std::collections::BTreeMap;

use crate::registry::PublicKey;

/// One is forgiven after this time, in ms.
const FORGIVEN_MS: u64 = 50;

#[derive(Default)]
struct Waste {
    count: usize,
    /// Up to when time was forgiven for.
    since: u64,
}

impl Waste {
    fn forgive(&mut self, now: u64) {
        let forgiven = now.saturating_sub(self.since) / FORGIVEN_MS;
        self.count = self.count.saturating_sub(usize::try_from(forgiven).unwrap_or(usize::MAX));
        self.since = if self.count == 0 { now } else { self.since + forgiven * FORGIVEN_MS };
    }
}

/// The waste of all enrolled clients that had a lease.
#[derive(Default)]
pub(crate) struct Quotas(BTreeMap<PublicKey, Waste>);

impl Quotas {
    /// These were leased.
    pub(super) fn spend(&mut self, client: &PublicKey, count: usize, now: u64) {
        let waste = self.0.entry(*client).or_default();
        waste.forgive(now);
        waste.count += count;
    }

    /// These were answered, or given back unused.
    pub(crate) fn settle(&mut self, client: &PublicKey, count: usize) {
        if let Some(waste) = self.0.get_mut(client) {
            waste.count = waste.count.saturating_sub(count);
        }
    }

    /// Whether the client may have more: `most` at a time. An honest one has two for each signature on
    /// its way.
    pub(crate) fn allows(&mut self, client: &PublicKey, most: u32, now: u64) -> bool {
        self.0.get_mut(client).is_none_or(|waste| {
            waste.forgive(now);
            waste.count < most as usize
        })
    }

    pub(super) fn forget(&mut self, client: &PublicKey) {
        self.0.remove(client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waste_is_bounded_settled_and_forgiven() {
        let (mut quotas, client) = (Quotas::default(), [1; 32]);
        assert!(quotas.allows(&client, 5, 0));
        quotas.spend(&client, 5, 0);
        assert!(!quotas.allows(&client, 5, FORGIVEN_MS - 1));
        assert!(quotas.allows(&[2; 32], 5, 0), "another client's quota is its own");
        assert!(quotas.allows(&client, 5, FORGIVEN_MS));
        quotas.spend(&client, 1, FORGIVEN_MS);
        assert!(!quotas.allows(&client, 5, FORGIVEN_MS));
        quotas.settle(&client, 1);
        assert!(quotas.allows(&client, 5, FORGIVEN_MS));
        quotas.settle(&client, 5);
        quotas.spend(&client, 5, 100 * FORGIVEN_MS);
        assert!(!quotas.allows(&client, 5, 100 * FORGIVEN_MS), "nothing is forgiven in advance");
    }
}
