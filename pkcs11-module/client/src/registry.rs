//! What this process has read of the registry, and when it reads again.
//!
//! Listings are kept: attribute reads and key look-ups cost no network round, and go on with the
//! cluster down. A change of our own is put into the kept listing at once, so that its digest is
//! again the nodes'.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use proto::registry::v1::{ObjectRecord as WireRecord, TokenRecord};
use proto::statement;
use token::backend::{
    BackendError, BackendResult, Freshness, ObjectId, ObjectList, PinState, Role, TokenId, TokenState,
};

use crate::agree::AgreedObjects;
use crate::core::Core;
use crate::record::{self, Shared, Trusted};
use crate::sync::lock;

/// The kept part of the registry.
#[derive(Default)]
pub(crate) struct Registry {
    tokens: Mutex<Option<Tokens>>,
    listings: Mutex<BTreeMap<TokenId, Arc<Listing>>>,
    pins: Mutex<BTreeMap<TokenId, [PinState; 2]>>,
    last_version: AtomicU64,
}

struct Tokens {
    read_at: Instant,
    records: Vec<TokenRecord>,
}

/// One token's objects, as one login sees them.
pub(crate) struct Listing {
    read_at: Instant,
    /// Serial of the login that it was read under; `None` without one.
    login: Option<u64>,
    /// What T nodes gave; also over records that were left out.
    digest: [u8; 32],
    records: BTreeMap<ObjectId, Shared>,
    /// Records that no one may believe, kept for the digest alone.
    left_out: BTreeMap<Vec<u8>, WireRecord>,
    list: Arc<ObjectList>,
}

impl Listing {
    /// A record that may be believed.
    pub(crate) fn get(&self, id: ObjectId) -> BackendResult<&Shared> {
        self.records.get(&id).ok_or(BackendError::NoSuchObject)
    }
}

impl Registry {
    /// All tokens in order of their ids: what was read last, unless that is long ago.
    pub(crate) fn tokens(&self, core: &Core) -> BackendResult<Vec<TokenState>> {
        let kept_for = lock(&self.tokens).as_ref().map(|tokens| tokens.read_at.elapsed());
        if kept_for.is_none_or(|age| age > TOKENS_AGE_MAX) {
            let deadline = core.start()?;
            let deadline = if kept_for.is_some() { deadline.at_most(REFRESH_LIMIT) } else { deadline };
            let read = core.agreed_tokens(deadline).map(|records| self.keep_tokens(records));
            match (read, kept_for) {
                (Err(error), None) => return Err(error),
                (Err(error), Some(_)) => {
                    core.log.warn(format_args!("tokens are shown as read last: {error}"));
                    self.postpone_tokens();
                }
                (Ok(()), _) => {}
            }
        }
        let pins = lock(&self.pins);
        let kept = lock(&self.tokens);
        let records = kept.iter().flat_map(|tokens| &tokens.records);
        Ok(records
            .filter_map(|wire| {
                let id: [u8; 16] = wire.token_id.as_slice().try_into().ok()?;
                record::token_state(wire, pins.get(&TokenId(id)).copied().unwrap_or_default())
            })
            .collect())
    }

    /// One token as T nodes have it now.
    pub(crate) fn token_now(&self, core: &Core, token: TokenId) -> BackendResult<TokenRecord> {
        self.keep_tokens(core.agreed_tokens(core.start()?)?);
        let kept = lock(&self.tokens);
        let mut records = kept.iter().flat_map(|tokens| &tokens.records);
        records.find(|wire| wire.token_id == token.0).cloned().ok_or(BackendError::NoSuchToken)
    }

    /// A token's label, if it was read.
    pub(crate) fn label(&self, token: TokenId) -> Option<[u8; 32]> {
        let kept = lock(&self.tokens);
        let mut records = kept.iter().flat_map(|tokens| &tokens.records);
        records.find(|wire| wire.token_id == token.0)?.label.as_slice().try_into().ok()
    }

    /// Forgets what was read of tokens: a token has just changed.
    pub(crate) fn forget_tokens(&self) {
        *lock(&self.tokens) = None;
    }

    fn keep_tokens(&self, mut records: Vec<TokenRecord>) {
        records.sort_by(|one, other| one.token_id.cmp(&other.token_id));
        *lock(&self.tokens) = Some(Tokens { read_at: Instant::now(), records });
    }

    /// With the cluster down, the next calls do not each wait for it.
    fn postpone_tokens(&self) {
        if let Some(tokens) = lock(&self.tokens).as_mut() {
            tokens.read_at = Instant::now();
        }
    }

    /// Notes what an attempt with a PIN showed.
    pub(crate) fn note_pin(&self, token: TokenId, role: Role, state: PinState) {
        let mut pins = lock(&self.pins);
        let [so, user] = pins.entry(token).or_default();
        *(if role == Role::User { user } else { so }) = state;
    }

    /// The token's objects.
    pub(crate) fn objects(
        &self,
        core: &Core,
        token: TokenId,
        freshness: Freshness,
    ) -> BackendResult<Arc<ObjectList>> {
        self.listing(core, token, freshness).map(|listing| listing.list.clone())
    }

    /// The token's listing for the present login.
    pub(crate) fn listing(
        &self,
        core: &Core,
        token: TokenId,
        freshness: Freshness,
    ) -> BackendResult<Arc<Listing>> {
        let deadline = core.start()?;
        let login = core.logins.get(token).map(|login| login.serial);
        let kept = lock(&self.listings).get(&token).filter(|kept| kept.login == login).cloned();
        if let Some(kept) = &kept
            && (freshness == Freshness::Cached || kept.read_at.elapsed() < LISTING_AGE_MAX)
        {
            return Ok(kept.clone());
        }
        let agreed = core.agreed_objects(token, kept.as_ref().map(|kept| kept.digest), deadline);
        let listing = match (agreed, kept) {
            (Ok(AgreedObjects { objects: Some(reply), digest }), kept) => {
                self.build(core, token, login, reply.objects, digest, kept.as_deref())
            }
            (Ok(AgreedObjects { objects: None, .. }), Some(kept)) => kept.renewed(),
            (Err(error @ BackendError::Unavailable(_)), Some(kept)) => {
                core.log.warn(format_args!("objects are shown as read last: {error}"));
                kept.renewed()
            }
            (Err(error), _) => return Err(error),
            (Ok(_), None) => return Err(BackendError::Internal("no list was read".into())),
        };
        let listing = Arc::new(listing);
        // A login that began or ended meanwhile sees other objects.
        if core.logins.get(token).map(|login| login.serial) == login {
            lock(&self.listings).insert(token, listing.clone());
        }
        Ok(listing)
    }

    /// Drops what was read of a token.
    pub(crate) fn forget_objects(&self, token: TokenId) {
        lock(&self.listings).remove(&token);
    }

    /// Puts our own change into the kept listing: `after` is the record that the nodes have now,
    /// `None` when it was destroyed.
    pub(crate) fn changed(&self, core: &Core, token: TokenId, id: ObjectId, after: Option<Trusted>) {
        let mut listings = lock(&self.listings);
        let Some(kept) = listings.get(&token) else { return };
        if kept.login != core.logins.get(token).map(|login| login.serial) {
            listings.remove(&token);
            return;
        }
        let mut records = kept.records.clone();
        match after {
            Some(after) => records.insert(id, Arc::new(after)),
            None => records.remove(&id),
        };
        let listing = self.list(kept.login, records, kept.left_out.clone(), kept.read_at);
        listings.insert(token, Arc::new(listing));
    }

    /// Believes what can be believed of a list that T nodes gave. Records of `before` that did not
    /// change were checked already.
    fn build(
        &self,
        core: &Core,
        token: TokenId,
        login: Option<u64>,
        objects: Vec<WireRecord>,
        digest: [u8; 32],
        before: Option<&Listing>,
    ) -> Listing {
        let mut records = BTreeMap::new();
        let mut left_out = BTreeMap::new();
        for wire in objects {
            let same = <[u8; 16]>::try_from(wire.object_id.as_slice())
                .ok()
                .and_then(|id| before?.records.get(&ObjectId(id)))
                .filter(|known| known.hash == statement::record_hash(&wire));
            if let Some(known) = same {
                records.insert(known.record.id, known.clone());
                continue;
            }
            match record::check(&core.manifest, token, wire.clone()) {
                Ok(trusted) => {
                    records.insert(trusted.record.id, Arc::new(trusted));
                }
                Err(fault) => {
                    core.log
                        .error(format_args!("object {} is left out: {fault}", hex::encode(&wire.object_id)));
                    left_out.insert(wire.object_id.clone(), wire);
                }
            }
        }
        Listing { digest, ..self.list(login, records, left_out, Instant::now()) }
    }

    fn list(
        &self,
        login: Option<u64>,
        records: BTreeMap<ObjectId, Shared>,
        left_out: BTreeMap<Vec<u8>, WireRecord>,
        read_at: Instant,
    ) -> Listing {
        // Object ids begin with the time of their making: their order is that of creation.
        let version = self.last_version.fetch_add(1, Ordering::Relaxed) + 1;
        let list = ObjectList::new(version, records.values().map(|known| known.record.clone()).collect());
        let mut wire: Vec<&WireRecord> =
            records.values().map(|known| &known.wire).chain(left_out.values()).collect();
        wire.sort_by(|one, other| one.object_id.cmp(&other.object_id));
        let digest = statement::list_digest(wire);
        Listing { read_at, login, digest, records, left_out, list: Arc::new(list) }
    }
}

impl Listing {
    /// The same list, found unchanged now.
    fn renewed(&self) -> Self {
        Self {
            read_at: Instant::now(),
            records: self.records.clone(),
            left_out: self.left_out.clone(),
            list: self.list.clone(),
            login: self.login,
            digest: self.digest,
        }
    }
}

/// How old a listing may be that counts as current.
const LISTING_AGE_MAX: Duration = Duration::from_millis(500);
/// How long tokens are shown without asking again.
const TOKENS_AGE_MAX: Duration = Duration::from_secs(2);
/// How long a call about tokens may take when an older answer is at hand.
const REFRESH_LIMIT: Duration = Duration::from_millis(500);
