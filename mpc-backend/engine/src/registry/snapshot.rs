//! The whole registry as bytes, for the log's snapshots and for nodes that were away.
//!
//! A snapshot comes from the log's leader. Each birth certificate in it is verified again, so that no
//! leader can slip in a key; the rest is held against the heads that peers signed.

use prost::Message;
use proto::limits::FORMAT;
use proto::registry::v1::{BirthCertificate, Snapshot};

use super::{Id, KeyEntry, PublicKey, Refusal, Registry, birth};

impl Registry {
    /// The state as bytes; equal states give equal bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        Snapshot {
            format: FORMAT,
            index: self.index,
            chain_hash: self.chain.to_vec(),
            tokens: self.tokens.values().cloned().collect(),
            objects: self.objects.values().cloned().collect(),
            clients: self.clients.values().cloned().collect(),
            recent: self.recent.iter().cloned().collect(),
            destroyed: self.destroyed.iter().cloned().collect(),
        }
        .encode_to_vec()
    }

    /// Takes over a snapshot. On a refusal nothing has changed.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let snapshot = Snapshot::decode(bytes).map_err(|_| Refusal::Malformed("snapshot"))?;
        if snapshot.format != FORMAT {
            return Err(Refusal::Format(snapshot.format));
        }
        if snapshot.index < self.index {
            return Err(Refusal::IndexBehind(self.index));
        }
        let mut restored = Self::empty(self.trust.clone());
        restored.index = snapshot.index;
        restored.chain = array(&snapshot.chain_hash)?;
        restored.history.insert(restored.index, restored.chain);
        for token in snapshot.tokens {
            let token_id: Id = array(&token.token_id)?;
            for login in [&token.so_login, &token.user_login].into_iter().flatten() {
                restored.restore_key(token_id, login.oprf.as_ref())?;
            }
            restored.tokens.insert(token_id, token);
        }
        for record in snapshot.objects {
            let (token_id, object_id): (Id, Id) = (array(&record.token_id)?, array(&record.object_id)?);
            if !restored.tokens.contains_key(&token_id) || restored.object(&token_id, &object_id).is_some() {
                return Err(Refusal::Malformed("snapshot: objects"));
            }
            if record.birth.is_some() && restored.restore_key(token_id, record.birth.as_ref())? != object_id {
                return Err(Refusal::Birth("the key is that of another object"));
            }
            restored.put(record);
        }
        for client in snapshot.clients {
            restored.clients.insert(array::<{ size_of::<PublicKey>() }>(&client.client_key)?, client);
        }
        restored.recent = snapshot.recent.into();
        restored.destroyed = snapshot.destroyed.into();
        *self = restored;
        Ok(())
    }

    fn restore_key(&mut self, token_id: Id, certificate: Option<&BirthCertificate>) -> Result<Id, Refusal> {
        let birth = birth::verify(&self.trust, certificate.ok_or(Refusal::Birth("missing"))?)?;
        let statement = birth.statement().clone();
        if statement.token_id != token_id {
            return Err(Refusal::Birth("the key is for another purpose or token"));
        }
        let key_id: Id = array(&statement.key_id)?;
        match self.keys.insert(key_id, KeyEntry { token_id, statement }) {
            None => Ok(key_id),
            Some(_) => Err(Refusal::Exists("key")),
        }
    }
}

fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Refusal> {
    bytes.try_into().map_err(|_| Refusal::Malformed("snapshot: sizes"))
}
