//! A test double: the whole [`Backend`] in this process, with whole keys in ordinary memory.
//!
//! It stands for a cluster in tests of this crate and of the C interface, and keeps the cluster's rules: what needs
//! a login is refused without one, private objects are hidden, stale versions are refused, ten wrong PINs lock.
//! Never shipped: only with feature `testing`.

mod keys;
mod rsa;
mod tokens;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

use crate::backend::{
    Attributes, Backend, BackendError, BackendResult, Curve, Decryption, Freshness, GeneratedPair,
    KeyPairRequest, ObjectId, ObjectList, ObjectRecord, PinStates, PrivateKeyImport, PublicHalf,
    Reauthentication, Role, Scheme, TokenId, TokenState,
};
use crate::sync::lock;
use keys::LocalKey;
use tokens::LocalToken;

/// The test double.
pub struct LocalBackend {
    tokens: Mutex<Vec<LocalToken>>,
    reachable: AtomicBool,
    signatures: AtomicUsize,
}

impl LocalBackend {
    /// `count` tokens that `C_InitToken` has not seen.
    pub fn uninitialized(count: u8) -> Self {
        Self {
            tokens: Mutex::new((1..=count).map(LocalToken::new).collect()),
            reachable: AtomicBool::new(true),
            signatures: AtomicUsize::new(0),
        }
    }

    /// One token with both PINs set.
    pub fn with_token(label: &str, so_pin: &[u8], user_pin: &[u8]) -> Self {
        let backend = Self::uninitialized(1);
        if let Some(token) = lock(&backend.tokens).first_mut() {
            token.initialize(so_pin, &crate::info::blank_padded(label));
            token.set_pin(Role::User, user_pin);
        }
        backend
    }

    /// Lets every call that needs the cluster fail with [`BackendError::Unavailable`], or succeed again.
    pub fn set_reachable(&self, reachable: bool) {
        self.reachable.store(reachable, Ordering::SeqCst);
    }

    /// Ends all logins on "the cluster's" side, as a revoked client or a changed PIN does.
    pub fn end_logins(&self) {
        lock(&self.tokens).iter_mut().for_each(LocalToken::end_login);
    }

    /// How often [`Backend::sign`] has been called.
    pub fn signatures(&self) -> usize {
        self.signatures.load(Ordering::SeqCst)
    }

    /// Session keys that "the cluster" holds.
    pub fn session_keys(&self) -> usize {
        lock(&self.tokens).iter().map(LocalToken::session_keys).sum()
    }

    /// Runs `work` on a token, if the "cluster" can be reached.
    fn token<T>(
        &self,
        id: TokenId,
        work: impl FnOnce(&mut LocalToken) -> BackendResult<T>,
    ) -> BackendResult<T> {
        if !self.reachable.load(Ordering::SeqCst) {
            return Err(BackendError::Unavailable("test: no node can be reached".into()));
        }
        let mut tokens: MutexGuard<'_, Vec<LocalToken>> = lock(&self.tokens);
        tokens.iter_mut().find(|token| token.id == id).ok_or(BackendError::NoSuchToken).and_then(work)
    }
}

impl Backend for LocalBackend {
    fn tokens(&self) -> BackendResult<Vec<TokenState>> {
        Ok(lock(&self.tokens).iter().map(LocalToken::state).collect())
    }

    fn pin_states(&self, token: TokenId) -> BackendResult<PinStates> {
        self.token(token, |token| Ok(token.pin_states()))
    }

    fn init_token(&self, token: TokenId, so_pin: &[u8], label: &[u8; 32]) -> BackendResult<()> {
        self.token(token, |token| {
            if token.is_initialized() {
                token.check_pin(Role::SecurityOfficer, so_pin)?;
            }
            token.initialize(so_pin, label);
            Ok(())
        })
    }

    fn login(&self, token: TokenId, role: Role, pin: &[u8]) -> BackendResult<()> {
        self.token(token, |token| {
            token.check_pin(role, pin)?;
            token.log_in(role);
            Ok(())
        })
    }

    fn logout(&self, token: TokenId) {
        for token in lock(&self.tokens).iter_mut().filter(|candidate| candidate.id == token) {
            token.log_out();
        }
    }

    fn init_pin(&self, token: TokenId, new_pin: &[u8]) -> BackendResult<()> {
        self.token(token, |token| {
            token.require(Role::SecurityOfficer)?;
            token.replace_user_pin(new_pin);
            Ok(())
        })
    }

    fn set_pin(&self, token: TokenId, role: Role, old_pin: &[u8], new_pin: &[u8]) -> BackendResult<()> {
        self.token(token, |token| {
            token.check_pin(role, old_pin)?;
            token.set_pin(role, new_pin);
            Ok(())
        })
    }

    fn objects(&self, token: TokenId, freshness: Freshness) -> BackendResult<Arc<ObjectList>> {
        // Both kinds of reading are answered from memory, also when "the cluster" is away, as a warm cache does.
        let _ = freshness;
        let tokens = lock(&self.tokens);
        let token = tokens.iter().find(|candidate| candidate.id == token).ok_or(BackendError::NoSuchToken)?;
        Ok(Arc::new(token.visible_objects()?))
    }

    fn create_object(&self, token: TokenId, attributes: Attributes) -> BackendResult<ObjectRecord> {
        self.token(token, |token| token.add(attributes, None))
    }

    fn update_object(
        &self,
        token: TokenId,
        id: ObjectId,
        base_version: u64,
        attributes: Attributes,
    ) -> BackendResult<ObjectRecord> {
        self.token(token, |token| token.update(id, base_version, attributes))
    }

    fn destroy_object(&self, token: TokenId, id: ObjectId, base_version: u64) -> BackendResult<()> {
        self.token(token, |token| token.destroy(id, base_version))
    }

    fn generate_key_pair(&self, token: TokenId, request: KeyPairRequest) -> BackendResult<GeneratedPair> {
        let KeyPairRequest { kind, mut public, mut private, public_on_token, .. } = request;
        self.token(token, |token| {
            token.require(Role::User)?;
            let key = LocalKey::random(kind)?;
            key.complete(&mut public, &mut private);
            let private = token.add_private(private, key)?;
            let public = match public_on_token {
                true => PublicHalf::Token(token.add(public, None)?),
                false => PublicHalf::Session(public),
            };
            Ok(GeneratedPair { private, public })
        })
    }

    fn copy_private_key(
        &self,
        token: TokenId,
        source: ObjectId,
        attributes: Attributes,
    ) -> BackendResult<ObjectRecord> {
        self.token(token, |token| {
            token.require(Role::User)?;
            let key = token.key(source).ok_or(BackendError::NoSuchObject)?.clone();
            token.add_private(attributes, key)
        })
    }

    fn destroy_session_keys(&self, keys: &[ObjectId]) {
        lock(&self.tokens).iter_mut().for_each(|token| token.destroy_session_keys(keys));
    }

    fn import_private_key(&self, token: TokenId, import: PrivateKeyImport) -> BackendResult<ObjectRecord> {
        let PrivateKeyImport { value, mut private } = import;
        self.token(token, |token| {
            token.require(Role::User)?;
            let key = LocalKey::of(&value).ok_or(BackendError::KeyInvalid)?;
            key.complete(&mut Attributes::new(), &mut private);
            token.add_private(private, key)
        })
    }

    fn reauthenticate(&self, token: TokenId, pin: &[u8]) -> BackendResult<Reauthentication> {
        self.token(token, |token| {
            token.require(Role::User)?;
            token.check_pin(Role::User, pin)?;
            Ok(Reauthentication::new(Zeroizing::new([1; 32])))
        })
    }

    fn sign(
        &self,
        token: TokenId,
        key: ObjectId,
        scheme: &Scheme,
        digest: &[u8],
        again: Option<&Reauthentication>,
    ) -> BackendResult<Vec<u8>> {
        self.signatures.fetch_add(1, Ordering::SeqCst);
        if let Scheme::Ecdsa { curve, .. } = scheme
            && digest.len() != curve.field_bytes()
        {
            return Err(BackendError::Internal(format!("a digest of {} bytes", digest.len())));
        }
        self.token(token, |token| {
            token.require(Role::User)?;
            token.require_consent(key, again)?;
            let key = token.key(key).ok_or(BackendError::NoSuchObject)?;
            key.sign(scheme, digest).map_err(BackendError::Internal)
        })
    }

    fn decrypt(
        &self,
        token: TokenId,
        key: ObjectId,
        decryption: &Decryption,
        ciphertext: &[u8],
        again: Option<&Reauthentication>,
    ) -> BackendResult<Zeroizing<Vec<u8>>> {
        self.token(token, |token| {
            token.require(Role::User)?;
            token.require_consent(key, again)?;
            match token.key(key) {
                Some(LocalKey::Rsa(key)) => {
                    key.decrypt(&decryption.padding, ciphertext).ok_or(BackendError::CiphertextInvalid)
                }
                Some(_) => Err(BackendError::KeyUseForbidden),
                None => Err(BackendError::NoSuchObject),
            }
        })
    }

    fn derive(
        &self,
        token: TokenId,
        key: ObjectId,
        curve: Curve,
        _mechanism: u64,
        peer: &[u8],
    ) -> BackendResult<Zeroizing<Vec<u8>>> {
        self.token(token, |token| {
            token.require(Role::User)?;
            let key = token.key(key).ok_or(BackendError::NoSuchObject)?;
            let agreed = key.agree(peer).filter(|agreed| agreed.len() == curve.field_bytes());
            agreed.ok_or_else(|| BackendError::Internal("a peer on another curve".into()))
        })
    }

    fn random(&self, out: &mut [u8]) -> BackendResult<()> {
        OsRng.try_fill_bytes(out).map_err(|error| BackendError::Internal(error.to_string()))
    }

    fn seed_random(&self, _seed: &[u8]) -> BackendResult<()> {
        // The kernel's generator needs no help.
        Ok(())
    }

    fn shutdown(&self) {
        for token in lock(&self.tokens).iter_mut() {
            token.log_out();
        }
    }
}
