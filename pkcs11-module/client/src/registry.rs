//! What this process has read of the registry, and when it reads again.
//!
//! Listings are kept: most attribute reads and key look-ups cost no network round, and all go on with the
//! cluster down. A change of our own is put into the kept listing at once, so that its digest is
//! again the nodes'.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::{Duration, Instant};

use proto::registry::v1::{Login, TokenRecord};
use token::backend::{
    BackendError, BackendResult, Freshness, ObjectId, ObjectList, PinState, PinStates, TokenId, TokenState,
};

use crate::core::Core;
use crate::listing::Listing;
use crate::record::{self, Trusted};
use crate::sync::lock;

/// The kept part of the registry.
#[derive(Default)]
pub(crate) struct Registry {
    tokens: Mutex<Option<Tokens>>,
    listings: Mutex<BTreeMap<TokenId, Arc<Listing>>>,
    pins: Mutex<BTreeMap<TokenId, (Instant, PinStates)>>,
    /// Held by the one call that reads again what others take as it was.
    refreshing: Mutex<()>,
    last_version: AtomicU64,
}

struct Tokens {
    read_at: Instant,
    records: Vec<TokenRecord>,
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
        let kept = lock(&self.tokens);
        Ok(kept.iter().flat_map(|tokens| &tokens.records).filter_map(record::token_state).collect())
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

    /// What the nodes count of a token's PINs: what was asked last, unless that is long ago.
    pub(crate) fn pin_states(&self, core: &Core, token: TokenId) -> PinStates {
        let kept = lock(&self.pins).get(&token).copied();
        if let Some((_, states)) = kept.filter(|(asked_at, _)| asked_at.elapsed() <= TOKENS_AGE_MAX) {
            return states;
        }
        let deadline = core.start().map(|deadline| deadline.at_most(REFRESH_LIMIT));
        let logins = {
            let kept = lock(&self.tokens);
            let wire = kept.iter().flat_map(|tokens| &tokens.records).find(|wire| wire.token_id == token.0);
            wire.map(|wire| (wire.so_login.clone(), wire.user_login.clone())).unwrap_or_default()
        };
        let last = kept.map(|(_, states)| states).unwrap_or_default();
        let asked = |login: Option<Login>, last: PinState| match (login, &deadline) {
            (Some(login), Ok(deadline)) => core.pin_state(&login, *deadline).unwrap_or(last),
            _ => PinState::default(),
        };
        let states = PinStates {
            security_officer: asked(logins.0, last.security_officer),
            user: asked(logins.1, last.user),
        };
        lock(&self.pins).insert(token, (Instant::now(), states));
        states
    }

    /// A PIN was tried or replaced.
    pub(crate) fn forget_pins(&self, token: TokenId) {
        lock(&self.pins).remove(&token);
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
        let kept = lock(&self.listings).get(&token).filter(|kept| kept.login() == login).cloned();
        if let Some(kept) = kept.as_ref().filter(|kept| kept.age() < LISTING_AGE_MAX) {
            return Ok(kept.clone());
        }
        let _only_one = match (freshness, &kept) {
            (Freshness::Cached, Some(kept)) => match self.refreshing.try_lock() {
                Err(TryLockError::WouldBlock) => return Ok(kept.clone()),
                turn => turn.ok(),
            },
            _ => None,
        };
        let deadline = match freshness {
            Freshness::Cached if kept.is_some() => deadline.at_most(REFRESH_LIMIT),
            _ => deadline,
        };
        let version = || self.last_version.fetch_add(1, Ordering::Relaxed) + 1;
        let listing = match (Listing::read(core, token, login, kept.as_deref(), version, deadline), kept) {
            (Ok(listing), _) => listing,
            (Err(error @ BackendError::Unavailable(_)), Some(kept)) => {
                core.log.warn(format_args!("objects are shown as read last: {error}"));
                kept.postponed(OUTAGE_AGE_MAX - LISTING_AGE_MAX)
            }
            (Err(error), _) => return Err(error),
        };
        let listing = Arc::new(listing);
        // A login that began or ended meanwhile sees other objects.
        if core.logins.get(token).map(|login| login.serial) == login {
            lock(&self.listings).insert(token, listing.clone());
        }
        Ok(listing)
    }

    /// What was read of a token may have changed: it is read again, and serves as long as it cannot be.
    pub(crate) fn outdate_objects(&self, token: TokenId) {
        let mut listings = lock(&self.listings);
        if let Some(kept) = listings.get_mut(&token) {
            *kept = Arc::new(kept.outdated());
        }
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
        if kept.login() != core.logins.get(token).map(|login| login.serial) {
            listings.remove(&token);
            return;
        }
        let version = self.last_version.fetch_add(1, Ordering::Relaxed) + 1;
        let listing = kept.with(id, after, version);
        listings.insert(token, Arc::new(listing));
    }
}

/// How old a listing may be.
const LISTING_AGE_MAX: Duration = Duration::from_millis(500);
/// How old it may be that could not be read again: with the cluster down, calls do not each wait for it.
const OUTAGE_AGE_MAX: Duration = Duration::from_secs(2);
/// How long tokens are shown without asking again.
const TOKENS_AGE_MAX: Duration = Duration::from_secs(2);
/// How long a call may take to read again what an older answer is at hand for.
const REFRESH_LIMIT: Duration = Duration::from_millis(500);
