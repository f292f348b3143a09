//! Object handles: numbers of this process, never reused, that survive reconnects and node restarts.
//!
//! A token object keeps its handle until it is destroyed, or, if private, until logout (PKCS#11 3.1 section 5.6:
//! handles of private objects stay invalid even after a new login). A session object lives and dies with its
//! handle.

use std::collections::HashMap;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::attribute::{Class, class_of};
use crate::backend::{ObjectId, ObjectRecord};
use crate::rv::{Error, Result};

/// What a handle stands for.
#[derive(Clone)]
pub(crate) struct Entry {
    /// Slot of the object's token.
    pub slot: u64,
    /// `CKA_PRIVATE`.
    pub private: bool,
    pub place: Place,
}

/// Where the object is.
#[derive(Clone)]
pub(crate) enum Place {
    Token(ObjectId),
    Session {
        /// The session that made it and takes it away.
        owner: u64,
        record: Arc<ObjectRecord>,
        /// The value of a secret key.
        secret: Option<SecretValue>,
    },
}

/// The value of a secret key: shared by its copies, wiped with the last of them.
#[derive(Clone)]
pub(crate) struct SecretValue(Arc<Zeroizing<Vec<u8>>>);

impl SecretValue {
    pub(crate) fn new(value: Zeroizing<Vec<u8>>) -> Self {
        Self(Arc::new(value))
    }

    /// The bytes, for the length of one computation.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// The table of all handles.
#[derive(Default)]
pub(crate) struct Handles {
    last: u64,
    entries: HashMap<u64, Entry>,
    token_objects: HashMap<(u64, ObjectId), u64>,
    session_objects: usize,
}

impl Handles {
    /// The handle of a token object: the one it has, or a new one.
    pub(crate) fn token_object(&mut self, slot: u64, id: ObjectId, private: bool) -> u64 {
        if let Some(handle) = self.token_objects.get(&(slot, id)) {
            return *handle;
        }
        let handle = self.insert(Entry { slot, private, place: Place::Token(id) });
        self.token_objects.insert((slot, id), handle);
        handle
    }

    /// A new session object.
    ///
    /// # Errors
    /// [`Error::DeviceMemory`] at the limit of session objects.
    pub(crate) fn session_object(
        &mut self,
        slot: u64,
        owner: u64,
        private: bool,
        record: ObjectRecord,
        secret: Option<SecretValue>,
    ) -> Result<u64> {
        if self.session_objects >= SESSION_OBJECTS_MAX {
            return Err(Error::DeviceMemory);
        }
        self.session_objects += 1;
        let place = Place::Session { owner, record: Arc::new(record), secret };
        Ok(self.insert(Entry { slot, private, place }))
    }

    /// What `handle` stands for.
    pub(crate) fn get(&self, handle: u64) -> Option<&Entry> {
        self.entries.get(&handle)
    }

    /// Puts a changed session object in place of `old`.
    ///
    /// # Errors
    /// [`Error::FunctionFailed`] if another thread changed it meanwhile, [`Error::ObjectHandleInvalid`] if it is gone.
    pub(crate) fn replace(&mut self, handle: u64, old: &Arc<ObjectRecord>, new: ObjectRecord) -> Result<()> {
        match self.entries.get_mut(&handle).map(|entry| &mut entry.place) {
            Some(Place::Session { record, .. }) if Arc::ptr_eq(record, old) => {
                *record = Arc::new(new);
                Ok(())
            }
            Some(_) => Err(Error::FunctionFailed),
            None => Err(Error::ObjectHandleInvalid),
        }
    }

    /// The session objects of a slot's token in order of creation.
    pub(crate) fn session_objects(&self, slot: u64) -> Vec<(u64, bool, Arc<ObjectRecord>)> {
        let mut objects: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.slot == slot)
            .filter_map(|(handle, entry)| match &entry.place {
                Place::Session { record, .. } => Some((*handle, entry.private, record.clone())),
                Place::Token(_) => None,
            })
            .collect();
        objects.sort_unstable_by_key(|(handle, _, _)| *handle);
        objects
    }

    /// Forgets one object.
    pub(crate) fn remove(&mut self, handle: u64) -> Lost {
        let entry = self.entries.remove(&handle);
        match &entry {
            Some(Entry { slot, place: Place::Token(id), .. }) => {
                self.token_objects.remove(&(*slot, *id));
            }
            Some(Entry { place: Place::Session { .. }, .. }) => self.session_objects -= 1,
            None => {}
        }
        Lost(entry.iter().filter_map(session_key).collect())
    }

    /// The session was closed: its objects are gone.
    pub(crate) fn forget_session(&mut self, session: u64) -> Lost {
        // Most sessions have none, and closing one must stay cheap with many objects known.
        if self.session_objects == 0 {
            return Lost::default();
        }
        self.forget(|_, entry| matches!(entry.place, Place::Session { owner, .. } if owner == session))
    }

    /// Logout: private objects are out of reach.
    pub(crate) fn forget_private(&mut self, slot: u64) -> Lost {
        self.forget(|_, entry| entry.slot == slot && entry.private)
    }

    /// The token was initialised: nothing of it is left.
    pub(crate) fn forget_slot(&mut self, slot: u64) -> Lost {
        self.forget(|_, entry| entry.slot == slot)
    }

    fn insert(&mut self, entry: Entry) -> u64 {
        self.last += 1;
        self.entries.insert(self.last, entry);
        self.last
    }

    fn forget(&mut self, gone: impl Fn(u64, &Entry) -> bool) -> Lost {
        let lost: Vec<Entry> =
            self.entries.extract_if(|handle, entry| gone(*handle, entry)).map(|(_, it)| it).collect();
        self.token_objects.retain(|_, handle| self.entries.contains_key(handle));
        self.session_objects =
            self.entries.values().filter(|entry| matches!(entry.place, Place::Session { .. })).count();
        Lost(lost.iter().filter_map(session_key).collect())
    }
}

/// Private keys of sessions that lost their handles, of which the backend is to be told.
#[derive(Default, Debug)]
#[must_use = "the nodes still hold them"]
pub(crate) struct Lost(pub Vec<ObjectId>);

fn session_key(entry: &Entry) -> Option<ObjectId> {
    match &entry.place {
        Place::Session { record, .. } if class_of(&record.attributes) == Some(Class::PrivateKey) => {
            Some(record.id)
        }
        Place::Session { .. } | Place::Token(_) => None,
    }
}

/// Most session objects of one process.
const SESSION_OBJECTS_MAX: usize = 4096;
