//! The profile object (PKCS#11 3.1 section 4.13): which profile of the standard this token conforms to. It is the same on
//! every token, is kept nowhere, and nobody changes it.
//!
//! We say Baseline Provider. Extended Provider and the rest are not claimed: a profile is a promise to applications, and
//! each needs its own clauses tested first.

use std::sync::Arc;

use cryptoki_sys::*;

use crate::attribute::{canonical_bool, canonical_ulong};
use crate::backend::{Attributes, ObjectId, ObjectRecord};

/// The object. Made anew each time it is asked for, which is seldom: a static would hang on a lock that a fork can break.
pub(crate) fn record() -> Arc<ObjectRecord> {
    let flag = |id, value| (id, canonical_bool(value));
    let attributes = Attributes::from([
        (CKA_CLASS, canonical_ulong(CKO_PROFILE)),
        (CKA_PROFILE_ID, canonical_ulong(CKP_BASELINE_PROVIDER)),
        (CKA_LABEL, b"Baseline Provider".to_vec()),
        flag(CKA_TOKEN, true),
        flag(CKA_PRIVATE, false),
        flag(CKA_MODIFIABLE, false),
        flag(CKA_COPYABLE, false),
        flag(CKA_DESTROYABLE, false),
    ]);
    Arc::new(ObjectRecord { id: ID, version: 0, attributes })
}

/// No object of a cluster has it: theirs are random.
pub(crate) const ID: ObjectId = ObjectId(*b"profile baseline");
