//! This node's shares of keys: pending from their birth until the registry records them, then active. Shares of
//! session keys are in memory only, and `session_keys` says how long.

use std::collections::BTreeMap;

use prost::Message;
use proto::registry::v1::{BirthStatement, Purpose};
use threshold::party::{PartyIndex, Threshold};
use threshold::rsa::Stored;
use threshold::secret::Secret;
use threshold::sharing::replicated::Pieces;
use zeroize::Zeroizing;

use crate::engine::{AfterPersist, Engine};
use crate::event::Event;
use crate::input::Record;
use crate::persist::{self, RecordError, ShareRecord};
use crate::registry::Id;
use crate::registry::birth::{self, Kind};
use crate::session_keys::{Owners, SessionKey};

/// One share.
pub(crate) struct Share {
    pub(crate) statement: BirthStatement,
    encoded: Vec<u8>,
    /// Registry index from which on the key is recorded; 0 while it is pending.
    pub(crate) active_since: u64,
    /// The scalar in its group's canonical encoding, or what [`Stored`] encodes.
    pub(crate) secret: Secret<Vec<u8>>,
    /// Of a session key: never written, and never in the registry.
    pub(crate) session: Option<SessionKey>,
}

/// All shares of this node, by key id.
#[derive(Default)]
pub(crate) struct Shares {
    all: BTreeMap<Id, Share>,
    /// Whose session keys are among them.
    pub(crate) owners: Owners,
}

impl Share {
    pub(crate) fn pending(statement: BirthStatement, encoded: Vec<u8>, secret: Secret<Vec<u8>>) -> Self {
        Self { statement, encoded, active_since: 0, secret, session: None }
    }

    /// A share that serves at once and is never written.
    pub(crate) fn of_session(
        statement: BirthStatement,
        session: SessionKey,
        secret: Secret<Vec<u8>>,
    ) -> Self {
        Self { statement, encoded: Vec::new(), active_since: 1, secret, session: Some(session) }
    }

    /// The birth statement as this node signs it.
    pub(crate) fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// The write that keeps it.
    pub(crate) fn write(&self, key_id: &Id) -> persist::Write {
        let record = ShareRecord {
            statement: self.encoded.clone(),
            active_since: self.active_since,
            secret: Zeroizing::new(self.secret.expose().clone()),
        };
        persist::put_share(key_id, &record)
    }
}

/// Length of a share.
fn secret_bytes(kind: Kind, threshold: Threshold, me: PartyIndex) -> Option<usize> {
    match kind {
        Kind::Group(group) => Some(group.scalar_bytes()),
        Kind::Rsa(wanted) => Some(Stored::bytes(&Pieces::new(threshold).ok()?, me, wanted.bits)),
    }
}

impl Shares {
    pub(crate) fn restore(
        &mut self,
        record: &Record,
        threshold: Threshold,
        me: PartyIndex,
    ) -> Result<(), RecordError> {
        let (key_id, share) = persist::read_share(record)?;
        let damaged = || RecordError::damaged(record);
        let statement = BirthStatement::decode(share.statement.as_slice()).map_err(|_| damaged())?;
        let kind = birth::kind(&statement).ok_or_else(damaged)?;
        if statement.key_id != key_id || Some(share.secret.len()) != secret_bytes(kind, threshold, me) {
            return Err(damaged());
        }
        let secret = Secret::new(share.secret.to_vec());
        let active_since = share.active_since;
        let share = Share { statement, encoded: share.statement, active_since, secret, session: None };
        self.all.insert(key_id, share);
        Ok(())
    }

    pub(crate) fn get(&self, key_id: &[u8]) -> Option<&Share> {
        self.all.get(&<Id>::try_from(key_id).ok()?)
    }

    /// The share of a recorded key.
    pub(crate) fn active(&self, key_id: &[u8], purpose: Purpose) -> Option<&Share> {
        self.get(key_id).filter(|share| share.active_since != 0 && share.statement.purpose() == purpose)
    }

    /// Forgets a share; whether there was one.
    pub(crate) fn remove(&mut self, key_id: &Id) -> Option<Share> {
        self.all.remove(key_id)
    }

    pub(crate) fn insert(&mut self, key_id: Id, share: Share) {
        self.all.insert(key_id, share);
    }

    /// The share of an imported session key serves once all nodes have signed its statement.
    pub(crate) fn await_certificate(&mut self, key_id: &Id, encoded: Vec<u8>) {
        if let Some(share) = self.all.get_mut(key_id) {
            (share.encoded, share.active_since) = (encoded, 0);
        }
    }

    /// All nodes signed this statement; whether the share is of that birth.
    pub(crate) fn certify(&mut self, key_id: &Id, statement: &[u8]) -> bool {
        let share = self.all.get_mut(key_id).filter(|share| share.session.is_some());
        share.filter(|share| share.encoded == statement).map(|share| share.active_since = 1).is_some()
    }

    /// Shares that no record speaks of yet, of all clients and of one.
    pub(crate) fn pending(&self, client: &[u8]) -> (usize, usize) {
        let pending = || self.all.values().filter(|share| share.active_since == 0);
        (pending().count(), pending().filter(|share| share.statement.client_key == client).count())
    }
}

impl Engine {
    /// The registry recorded the key: its share serves from now on.
    pub(crate) fn activate_share(&mut self, key_id: &Id, index: u64) {
        let Some(recorded) = self.registry.key(key_id) else { return };
        let Some(share) = self.shares.all.get_mut(key_id) else { return };
        // A certificate needs this node's signature, so the statements can only differ if a share of
        // another birth took this id; it must not serve.
        if share.active_since != 0 || share.statement != recorded.statement {
            return;
        }
        share.active_since = index;
        let write = share.write(key_id);
        self.persist(vec![write], AfterPersist::Nothing);
        self.log(Event::KeyActive { key: hex::encode(key_id) });
    }

    pub(crate) fn erase_share(&mut self, key_id: &Id, why: &'static str) {
        self.drop_pools_of_key(key_id);
        if self.shares.all.remove(key_id).is_some() {
            self.persist(vec![persist::delete_share(key_id)], AfterPersist::Nothing);
            self.log(Event::KeyErased { key: hex::encode(key_id), why });
        }
    }

    /// Brings shares in line with a registry that came as a whole.
    pub(crate) fn reconcile_shares(&mut self) {
        let index = self.registry.index();
        let kept = self.shares.all.iter().filter(|(_, share)| share.session.is_none());
        let ids: Vec<(Id, u64)> = kept.map(|(id, share)| (*id, share.active_since)).collect();
        for (key_id, active_since) in ids {
            if self.registry.key(&key_id).is_some() {
                self.activate_share(&key_id, index);
            } else if active_since != 0 && active_since <= index {
                self.erase_share(&key_id, "destroyed while this node was away");
            }
        }
    }

    /// Erases pending shares whose record can no longer be made.
    pub(crate) fn drop_stale_shares(&mut self) {
        let index = self.registry.index();
        let stale = |share: &Share| {
            let last = share.statement.base_index.saturating_add(proto::limits::BIRTH_WINDOW);
            share.active_since == 0 && last < index
        };
        let ids: Vec<Id> =
            self.shares.all.iter().filter(|(_, share)| stale(share)).map(|(id, _)| *id).collect();
        for key_id in ids {
            match self.shares.get(&key_id).is_some_and(|share| share.session.is_some()) {
                true => self.erase_session_key(&key_id, "never certified"),
                false => self.erase_share(&key_id, "never recorded"),
            }
        }
    }
}
