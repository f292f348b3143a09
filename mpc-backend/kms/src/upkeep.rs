//! What happens to keys when its time has come: new material, and the end of keys that were to be deleted.
//!
//! The nodes erase their shares on their own clocks; what is left to somebody is to take the record away, and to
//! have new material made. Every agent of a token tries, and whoever comes second finds it done.

use std::sync::Arc;
use std::time::Duration;

use proto::kms::v1::State;

use crate::cluster::now;
use crate::error::Refusal;
use crate::keys::{Key, Keys};
use crate::operations::due;

/// Looks at all keys now and then, for ever.
pub async fn run(all: Vec<Arc<dyn Keys>>) {
    loop {
        for keys in &all {
            let keys = Arc::clone(keys);
            // A panic is that round's end, and is in the log.
            let _ = tokio::task::spawn_blocking(move || round(keys.as_ref(), now())).await;
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Does what is due at `now`, in s since 1970. What one key's client may not do is another's to do.
pub fn round(keys: &dyn Keys, now: u64) {
    let list = match keys.all() {
        Ok(list) => list,
        Err(refusal) => {
            tracing::warn!("keys cannot be listed: {}", refusal.message);
            return;
        }
    };
    for key in list {
        match attend(keys, &key, now) {
            Ok(None) => {}
            Ok(Some(what)) => tracing::info!(key = key.id(), what),
            Err(refusal) => tracing::debug!(key = key.id(), "{}", refusal.message),
        }
    }
}

fn attend(keys: &dyn Keys, key: &Key, now: u64) -> Result<Option<&'static str>, Refusal> {
    match key.key.state() {
        State::PendingDeletion if now >= key.key.deletion_unix_s.saturating_add(CLOCKS_S) => {
            keys.destroy(key)?;
            Ok(Some("deleted"))
        }
        State::Enabled if key.key.rotation_days > 0 && now >= due(key) => {
            Ok(keys.rotate(key, now, false)?.map(|_| "has new material"))
        }
        _ => Ok(None),
    }
}

/// How often keys are looked at.
const EVERY: Duration = Duration::from_secs(15 * 60);
/// How far the clocks of the nodes may be behind, in s.
const CLOCKS_S: u64 = 300;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use std::sync::Mutex;

    use client::kms::Spec as ClientSpec;
    use proto::kms::v1::{Kind, KmsKey};
    use token::backend::{Attributes, ObjectId, ObjectRecord};
    use zeroize::Zeroizing;

    use super::*;
    use crate::algorithm::{Algorithm, Oaep, Spec};
    use crate::error::Kind as Fault;
    use crate::keys::{Context, Parts};

    const DAY: u64 = 86_400;

    /// Keys that only note what is done to them.
    struct Noted {
        keys: Vec<Key>,
        done: Mutex<Vec<(&'static str, u8)>>,
    }

    fn key(number: u8, edit: impl Fn(&mut KmsKey)) -> Key {
        let mut record = KmsKey { created_unix_s: 1000, ..KmsKey::default() };
        record.set_state(State::Enabled);
        edit(&mut record);
        let object = ObjectRecord { id: ObjectId([number; 16]), version: 1, attributes: Attributes::new() };
        Key { spec: ClientSpec::Symmetric, key: record, object: Arc::new(object) }
    }

    fn nothing<R>() -> Result<R, Refusal> {
        Err(Refusal::new(Fault::Internal, "nobody asks for this"))
    }

    impl Keys for Noted {
        fn account(&self) -> &str {
            ""
        }
        fn principal(&self) -> &str {
            ""
        }
        fn all(&self) -> Result<Vec<Key>, Refusal> {
            Ok(self.keys.clone())
        }
        fn find(&self, _: &str, _: bool) -> Result<Option<Key>, Refusal> {
            nothing()
        }
        fn find_alias(&self, _: &str, _: bool) -> Result<Option<Key>, Refusal> {
            nothing()
        }
        fn create(&self, _: Spec, _: KmsKey) -> Result<Key, Refusal> {
            nothing()
        }
        fn update(&self, _: &Key, _: KmsKey) -> Result<Option<Key>, Refusal> {
            nothing()
        }
        fn rotate(&self, key: &Key, _: u64, on_demand: bool) -> Result<Option<Key>, Refusal> {
            assert!(!on_demand);
            self.done.lock().unwrap().push(("rotate", key.object.id.0[0]));
            Ok(None)
        }
        fn destroy(&self, key: &Key) -> Result<(), Refusal> {
            self.done.lock().unwrap().push(("destroy", key.object.id.0[0]));
            Ok(())
        }
        fn check(&self, _: &Key, _: &str, _: &Context) -> Result<(), Refusal> {
            nothing()
        }
        fn encrypt_key(
            &self,
            _: &Key,
            _: Kind,
            _: &str,
            _: &Context,
            _: [u8; 32],
        ) -> Result<(Parts, Zeroizing<[u8; 32]>), Refusal> {
            nothing()
        }
        fn decrypt_key(
            &self,
            _: &Key,
            _: &Parts,
            _: &str,
            _: &Context,
        ) -> Result<Zeroizing<[u8; 32]>, Refusal> {
            nothing()
        }
        fn seal(&self, _: &Key, _: &str, _: &Context, _: [u8; 32]) -> Result<Parts, Refusal> {
            nothing()
        }
        fn sign(&self, _: &Key, _: Algorithm, _: &[u8]) -> Result<Vec<u8>, Refusal> {
            nothing()
        }
        fn decrypt(&self, _: &Key, _: Oaep, _: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refusal> {
            nothing()
        }
        fn derive(&self, _: &Key, _: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refusal> {
            nothing()
        }
        fn random(&self, _: &mut [u8]) -> Result<(), Refusal> {
            nothing()
        }
    }

    #[test]
    fn only_what_is_due_is_done() {
        let pending = |record: &mut KmsKey| {
            record.set_state(State::PendingDeletion);
            record.deletion_unix_s = 1000 + 90 * DAY;
            record.rotation_days = 90;
        };
        let keys = vec![
            key(1, pending),
            key(2, |record| record.rotation_days = 90),
            key(3, |record| record.rotation_days = 91),
            key(4, |_| {}),
            key(5, |record| {
                record.rotation_days = 90;
                record.set_state(State::Disabled);
            }),
        ];
        let at = |now: u64| {
            let noted = Noted { keys: keys.clone(), done: Mutex::default() };
            round(&noted, now);
            noted.done.into_inner().unwrap()
        };
        let due = 1000 + 90 * DAY;
        assert_eq!(at(due - 1), []);
        assert_eq!(at(due), [("rotate", 2)]);
        assert_eq!(at(due + CLOCKS_S - 1), [("rotate", 2)]);
        assert_eq!(at(due + CLOCKS_S), [("destroy", 1), ("rotate", 2)]);
        assert_eq!(at(due + DAY), [("destroy", 1), ("rotate", 2), ("rotate", 3)]);
    }
}
