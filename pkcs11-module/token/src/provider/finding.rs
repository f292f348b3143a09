//! Searching objects (PKCS#11 3.1 sections 5.7.7 to 5.7.9).

use std::collections::VecDeque;

use cryptoki_sys::{CKA_CLASS, CKA_EC_POINT, CKA_PRIVATE, CKA_PROFILE_ID, CKO_PROFILE};

use super::{Provider, TemplateItem};
use crate::attribute;
use crate::backend::{Freshness, ObjectRecord, Role};
use crate::object::key::stored_point;
use crate::object::profile;
use crate::object::read::{is_hidden, matches};
use crate::rv::{Error, Result};
use crate::session::Session;
use crate::sync::lock;
use crate::template::Template;

impl Provider {
    /// `C_FindObjectsInit`: the result is what exists now, whatever happens until it is fetched.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::OperationActive`], [`Error::Contradiction`],
    /// [`Error::Backend`].
    pub fn find_init(&self, session: u64, template: &[TemplateItem<'_>]) -> Result<()> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        if operations.find.is_some() {
            return Err(Error::OperationActive);
        }
        let found = match Template::parse_search(template)? {
            Some(mut search) => {
                // Who is given bare points searches for them.
                let point = search.take(CKA_EC_POINT);
                point.into_iter().for_each(|point| search.set(CKA_EC_POINT, stored_point(&point)));
                self.search(&session, &search)?
            }
            None => VecDeque::new(),
        };
        operations.find = Some(found);
        Ok(())
    }

    /// `C_FindObjects`: at most `max` more handles, none at the end.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::OperationNotInitialized`].
    pub fn find(&self, session: u64, max: usize) -> Result<Vec<u64>> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        let found = operations.find.as_mut().ok_or(Error::OperationNotInitialized)?;
        Ok(found.drain(..max.min(found.len())).collect())
    }

    /// `C_FindObjectsFinal`.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::OperationNotInitialized`].
    pub fn find_final(&self, session: u64) -> Result<()> {
        let session = self.session(session)?;
        let found = lock(&session.operations).find.take();
        found.map(|_| ()).ok_or(Error::OperationNotInitialized)
    }

    fn search(&self, session: &Session, search: &Template) -> Result<VecDeque<u64>> {
        let slot = &session.slot;
        let list = self.settle(slot, self.backend.objects(slot.token, Freshness::Current))?;
        let logged_in = session.role() == Some(Role::User);
        let (hidden, policy) = (self.backend.hidden(slot.token), self.backend.rsa_policy(slot.token));
        let wanted = |record: &ObjectRecord| {
            matches(record, search, policy) && !is_hidden(&record.attributes, &hidden)
        };
        let mut handles = lock(&self.handles);
        let mut found = VecDeque::new();
        for record in list.candidates(search.attributes()).into_iter().filter(|record| wanted(record)) {
            // A record that does not say is not shown before login.
            let private = attribute::bool_of(&record.attributes, CKA_PRIVATE) != Some(false);
            if !private || logged_in {
                found.push_back(handles.token_object(slot.id, record.id, private));
            }
        }
        // Only for who asks for profiles: applications older than these would not know what they have found.
        let asks = search.ulong(CKA_CLASS) == Some(CKO_PROFILE) || search.ulong(CKA_PROFILE_ID).is_some();
        if asks {
            let profiles = profile::records().filter(|profile| matches(profile, search, policy));
            found.extend(profiles.map(|profile| handles.token_object(slot.id, profile.id, false)));
        }
        for (handle, private, record) in handles.session_objects(slot.id) {
            if (!private || logged_in) && wanted(&record) {
                found.push_back(handle);
            }
        }
        Ok(found)
    }
}
