//! One token's objects as one login sees them: what was read, part by part, and what of it may be believed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::registry::v1::ObjectRecord as WireRecord;
use proto::statement::{self, LIST_PARTS};
use token::backend::{BackendError, BackendResult, ObjectId, ObjectList, ObjectPart, TokenId};

use crate::core::Core;
use crate::deadline::Deadline;
use crate::record::{self, Shared, Trusted};

/// A list that T nodes gave, with our own changes since.
pub(crate) struct Listing {
    /// When T nodes gave it; `None` when it is known to be out of date.
    read_at: Option<Instant>,
    /// Serial of the login that it was read under; `None` without one.
    login: Option<u64>,
    digest: [u8; 32],
    /// [`LIST_PARTS`] of them.
    parts: Vec<Arc<Part>>,
    pub(crate) list: Arc<ObjectList>,
}

/// One part of a list.
struct Part {
    /// Of all records, those left out among them.
    digest: [u8; 32],
    records: BTreeMap<ObjectId, Shared>,
    /// Hashes of records that no one may believe, by id, kept for the digest alone.
    left_out: BTreeMap<ObjectId, [u8; 32]>,
    seen: Arc<ObjectPart>,
}

impl Listing {
    /// Reads what differs from `before`, until all of it is a list that T nodes give.
    pub(crate) fn read(
        core: &Core,
        token: TokenId,
        login: Option<u64>,
        before: Option<&Self>,
        version: impl FnOnce() -> u64,
        deadline: Deadline,
    ) -> BackendResult<Self> {
        let mut known = before.map(|before| before.digest);
        let mut parts = before.map_or_else(no_parts, |before| before.parts.clone());
        for turn in 0..TURNS_MAX {
            let Some(agreed) = core.agreed_list(token, known.take(), deadline)? else {
                // Only what was complete had a digest.
                return before.map(Self::renewed).ok_or(BackendError::Internal("no list was read".into()));
            };
            let differs = |(_, (part, digest)): &(u8, (&Arc<Part>, &[u8; 32]))| part.digest != **digest;
            let both = (0..=u8::MAX).zip(parts.iter().zip(&agreed));
            let wanted: Vec<u8> = both.filter(differs).map(|(number, _)| number).collect();
            let mut read: BTreeMap<u8, Vec<WireRecord>> =
                wanted.iter().map(|part| (*part, Vec::new())).collect();
            if !wanted.is_empty() {
                for record in core.read_parts(token, &wanted, turn, deadline)? {
                    read.entry(statement::list_part(&record.object_id)).or_default().push(record);
                }
            }
            let mut complete = true;
            for ((number, part), digest) in (0..=u8::MAX).zip(&mut parts).zip(&agreed) {
                let Some(records) = read.remove(&number).filter(|_| part.digest != *digest) else { continue };
                let new = Part::check(core, token, records, part);
                // Else somebody changed it meanwhile, or the node lied: this part is read again, from another one.
                complete &= new.digest == *digest;
                if new.digest == *digest {
                    *part = Arc::new(new);
                }
            }
            if complete {
                return Ok(Self::new(login, parts, Some(Instant::now()), version()));
            }
        }
        Err(BackendError::Unavailable("the objects change faster than they can be read".into()))
    }

    /// A record that may be believed.
    pub(crate) fn get(&self, id: ObjectId) -> BackendResult<&Shared> {
        let part = self.parts.get(usize::from(statement::list_part(&id.0)));
        part.and_then(|part| part.records.get(&id)).ok_or(BackendError::NoSuchObject)
    }

    /// Serial of the login that it was read under.
    pub(crate) fn login(&self) -> Option<u64> {
        self.login
    }

    /// Since T nodes gave it.
    pub(crate) fn age(&self) -> Duration {
        self.read_at.map_or(Duration::MAX, |read_at| read_at.elapsed())
    }

    /// The same list, found unchanged now.
    fn renewed(&self) -> Self {
        self.read_when(Some(Instant::now()))
    }

    /// The same list, which could not be read again: it counts as read at the end of `pause`.
    pub(crate) fn postponed(&self, pause: Duration) -> Self {
        self.read_when(Some(Instant::now() + pause))
    }

    /// The same list, to be read again.
    pub(crate) fn outdated(&self) -> Self {
        self.read_when(None)
    }

    fn read_when(&self, read_at: Option<Instant>) -> Self {
        Self {
            read_at,
            login: self.login,
            digest: self.digest,
            parts: self.parts.clone(),
            list: self.list.clone(),
        }
    }

    /// The list after a change of our own, whose digest is the nodes' again: `after` is the record that they have now,
    /// `None` when it was destroyed.
    pub(crate) fn with(&self, id: ObjectId, after: Option<Trusted>, version: u64) -> Self {
        let mut parts = self.parts.clone();
        if let Some(part) = parts.get_mut(usize::from(statement::list_part(&id.0))) {
            let mut records = part.records.clone();
            match after {
                Some(after) => records.insert(id, Arc::new(after)),
                None => records.remove(&id),
            };
            *part = Arc::new(Part::new(records, part.left_out.clone()));
        }
        Self::new(self.login, parts, self.read_at, version)
    }

    fn new(login: Option<u64>, parts: Vec<Arc<Part>>, read_at: Option<Instant>, version: u64) -> Self {
        let digests: Vec<[u8; 32]> = parts.iter().map(|part| part.digest).collect();
        let seen = parts.iter().map(|part| part.seen.clone()).collect();
        let list = Arc::new(ObjectList::of_parts(version, seen));
        Self { read_at, login, digest: statement::list_digest(&digests), parts, list }
    }
}

impl Part {
    /// Believes what can be believed of `records`. Those of `before` that did not change were checked already.
    fn check(core: &Core, token: TokenId, wire: Vec<WireRecord>, before: &Self) -> Self {
        let (mut records, mut left_out) = (BTreeMap::new(), BTreeMap::new());
        for wire in wire {
            let hash = statement::record_hash(&wire);
            // A record without a true id is in no list of T nodes: the digest will not be theirs.
            let id = ObjectId(wire.object_id.as_slice().try_into().unwrap_or_default());
            if let Some(known) = before.records.get(&id).filter(|known| known.hash == hash) {
                records.insert(id, known.clone());
                continue;
            }
            match record::check(&core.manifest, token, wire) {
                Ok(trusted) => {
                    records.insert(id, Arc::new(trusted));
                }
                Err(fault) => {
                    if before.left_out.get(&id) != Some(&hash) {
                        core.log.error(format_args!("object {id} is left out: {fault}"));
                    }
                    left_out.insert(id, hash);
                }
            }
        }
        Self::new(records, left_out)
    }

    fn new(records: BTreeMap<ObjectId, Shared>, left_out: BTreeMap<ObjectId, [u8; 32]>) -> Self {
        let mut hashes: BTreeMap<&ObjectId, &[u8; 32]> = left_out.iter().collect();
        hashes.extend(records.iter().map(|(id, known)| (id, &known.hash)));
        let digest = statement::part_digest(hashes.into_values());
        let seen = Arc::new(ObjectPart::new(records.values().map(|known| known.record.clone())));
        Self { digest, records, left_out, seen }
    }
}

fn no_parts() -> Vec<Arc<Part>> {
    let empty = Arc::new(Part::new(BTreeMap::new(), BTreeMap::new()));
    vec![empty; LIST_PARTS]
}

/// How often parts are read again that others change meanwhile, or that a liar gave.
const TURNS_MAX: usize = 16;
const _: () = assert!(LIST_PARTS == ObjectList::PARTS, "the client's parts are those of the token's lists");
