//! The profile objects (PKCS#11 3.1 section 4.13): which profiles of the standard this token conforms to. They are the same
//! on every token, are kept nowhere, and nobody changes them.
//!
//! We say Baseline and Extended Provider. The rest is not claimed: a profile is a promise to applications, and an
//! Authentication or a Public Certificates Token is one with certain objects on it.

use std::sync::Arc;

use cryptoki_sys::*;

use crate::attribute::{canonical_bool, canonical_ulong};
use crate::backend::{Attributes, ObjectId, ObjectRecord};

/// The objects. Made anew each time they are asked for, which is seldom: a static would hang on a lock that a fork can break.
pub(crate) fn records() -> impl Iterator<Item = Arc<ObjectRecord>> {
    PROFILES.iter().map(record)
}

/// The object of this id, if it is one of them.
pub(crate) fn find(id: ObjectId) -> Option<Arc<ObjectRecord>> {
    PROFILES.iter().find(|(known, ..)| *known == id).map(record)
}

fn record((id, profile, label): &(ObjectId, CK_PROFILE_ID, &str)) -> Arc<ObjectRecord> {
    let flag = |id, value| (id, canonical_bool(value));
    let attributes = Attributes::from([
        (CKA_CLASS, canonical_ulong(CKO_PROFILE)),
        (CKA_PROFILE_ID, canonical_ulong(*profile)),
        (CKA_LABEL, label.as_bytes().to_vec()),
        flag(CKA_TOKEN, true),
        flag(CKA_PRIVATE, false),
        flag(CKA_MODIFIABLE, false),
        flag(CKA_COPYABLE, false),
        flag(CKA_DESTROYABLE, false),
    ]);
    Arc::new(ObjectRecord { id: *id, version: 0, attributes })
}

/// No object of a cluster has such an id: theirs are random.
const PROFILES: [(ObjectId, CK_PROFILE_ID, &str); 2] = [
    (ObjectId(*b"profile baseline"), CKP_BASELINE_PROVIDER, "Baseline Provider"),
    (ObjectId(*b"profile extended"), CKP_EXTENDED_PROVIDER, "Extended Provider"),
];
