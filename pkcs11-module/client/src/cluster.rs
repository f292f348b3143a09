//! The client as the token sees it: the port `Backend`, each call handed to its own room.

use std::path::Path;
use std::sync::Arc;

use proto::kms::CKA_COUNTERFOIL_KMS;
use proto::registry::v1::{InitToken, Login as WireLogin, NewObject, SetLogin, TokenRecord, command::Body};
use token::backend::{
    Attributes, Backend, BackendError, BackendResult, Curve, Decryption, Freshness, GeneratedPair, KeyKind,
    KeyPairRequest, ObjectId, ObjectList, ObjectRecord, PinStates, PrivateKeyImport, Reauthentication, Role,
    RsaPolicy, Scheme, TokenId, TokenState,
};
use zeroize::Zeroizing;

use crate::call::{Setback, Terms};
use crate::commands::new_object_id;
use crate::config::{Config, ConfigError};
use crate::core::Core;
use crate::deadline::Deadline;
use crate::kms::{Aliases, Nonces};
use crate::login::{Again, Login, Shown, wire_role};
use crate::pin::{PinKeys, PinVersion};
use crate::random::Mixer;
use crate::record::{Shared, Trusted, to_wire};
use crate::registry::Registry;
use crate::session_keys::SessionKeys;
use crate::sign::Signer;
use crate::view::View;

/// A client of one cluster. It connects when a call first needs a node.
pub struct ClusterClient {
    pub(crate) core: Core,
    pub(crate) registry: Registry,
    pub(crate) nonces: Nonces,
    pub(crate) aliases: Aliases,
    mixer: Mixer,
    signer: Signer,
    session_keys: SessionKeys,
}

impl ClusterClient {
    /// A client as the file at `path` says. Nothing is connected yet.
    ///
    /// # Errors
    /// One line that names file, key and remedy.
    pub fn from_config(path: &Path) -> Result<Arc<Self>, ConfigError> {
        Config::load(path).map(|config| Arc::new(Self::new(config)))
    }

    /// A client of a configuration that was read already.
    pub fn new(config: Config) -> Self {
        Self {
            core: Core::new(config),
            registry: Registry::default(),
            nonces: Nonces::default(),
            aliases: Aliases::default(),
            mixer: Mixer::default(),
            signer: Signer::default(),
            session_keys: SessionKeys::default(),
        }
    }

    /// The registered login of a role: its PIN version, and what the PIN must yield.
    fn registered(token: &TokenRecord, role: Role) -> BackendResult<&WireLogin> {
        let so = token.so_login.as_ref().ok_or(BackendError::TokenNotInitialized)?;
        match role {
            Role::SecurityOfficer => Ok(so),
            Role::User => token.user_login.as_ref().ok_or(BackendError::PinNotInitialized),
        }
    }

    /// Checks a PIN against the registered login. The login is not shown to any node yet.
    fn try_pin(
        &self,
        of: PinVersion,
        registered: &WireLogin,
        pin: &[u8],
        deadline: Deadline,
    ) -> BackendResult<PinKeys> {
        let outcome = self.core.login_key(of, registered, pin, deadline);
        self.registry.forget_pins(of.token);
        outcome
    }

    /// Replaces the login of a role, by the authority of `by`.
    fn replace_login(
        &self,
        token: TokenId,
        role: Role,
        version: u64,
        new_pin: &[u8],
        by: &Login,
    ) -> BackendResult<()> {
        let deadline = self.core.start()?;
        let (login, key) = self.core.new_login(PinVersion { token, role, version }, new_pin, deadline)?;
        let body = Body::SetLogin(SetLogin {
            token_id: token.0.to_vec(),
            role: wire_role(role).into(),
            login: Some(login),
        });
        self.core.command(body, &[by], deadline)?;
        self.registry.forget_tokens();
        self.registry.forget_pins(token);
        self.core.pool.close_idle(|connection| !self.core.logins.all_current(&connection.logins));
        // A login of this role goes on, under the new key.
        if self.core.logins.get(token).is_some_and(|login| login.role == role) {
            self.core.logins.begin(token, role, version, key);
            self.registry.forget_objects(token);
        }
        Ok(())
    }

    /// What the configuration says of a token.
    fn views(&self, token: TokenId) -> impl Iterator<Item = &View> {
        let label = if self.core.views.is_empty() { None } else { self.registry.label(token) };
        let views = self.core.views.iter();
        views.filter(move |view| label.is_some_and(|label| view.is_of(&label)))
    }

    /// A key of a session of ours, or as the registry has it.
    fn private_key(&self, token: TokenId, key: ObjectId) -> BackendResult<Shared> {
        if let Some(own) = self.session_keys.get(key) {
            self.session_keys.renew(&self.core, self.core.start()?);
            return Ok(own);
        }
        Ok(self.registry.listing(&self.core, token, Freshness::Cached)?.get(key)?.clone())
    }

    /// Uses a private key: by signed statements if it is one of the KMS interface, of which others may have made it one
    /// since it was read here.
    fn use_key<R>(
        &self,
        token: TokenId,
        key: ObjectId,
        again: Option<&Reauthentication>,
        work: impl Fn(&Trusted, &Shown) -> BackendResult<R>,
    ) -> BackendResult<R> {
        let key = self.private_key(token, key)?;
        let stated = key.record.attributes.contains_key(&CKA_COUNTERFOIL_KMS);
        let again = again.map(|given| Again::new(&self.core, token, given)).transpose()?;
        let mut shown = Shown { stated, again };
        match work(&key, &shown) {
            Err(BackendError::Stale) if !stated => {
                shown.stated = true;
                work(&key, &shown)
            }
            outcome => outcome,
        }
    }

    /// Shows a quorum a login whose PIN was given now, so that those nodes end their count of tries.
    fn show_login(&self, login: &Login, deadline: Deadline) -> BackendResult<()> {
        let core = &self.core;
        core.with_quorum(core.threshold(), deadline, |set, deadline| {
            let terms =
                Terms { token: None, min_registry_index: core.read_floor(), repeatable: true, deadline };
            let show = |node| login.prove(core, core.ready(node, terms)?.get()?, true, deadline);
            let failures: Vec<_> = set.iter().filter_map(|node| Some((*node, show(*node).err()?))).collect();
            if failures.is_empty() { Ok(()) } else { Err(Setback::Nodes(failures)) }
        })
    }
}

impl Backend for ClusterClient {
    fn tokens(&self) -> BackendResult<Vec<TokenState>> {
        self.core.start()?;
        self.registry.tokens(&self.core)
    }

    fn pin_states(&self, token: TokenId) -> BackendResult<PinStates> {
        self.core.start()?;
        Ok(self.registry.pin_states(&self.core, token))
    }

    fn init_token(&self, token: TokenId, so_pin: &[u8], label: &[u8; 32]) -> BackendResult<()> {
        let deadline = self.core.start()?;
        let record = self.registry.token_now(&self.core, token)?;
        let of = |version| PinVersion { token, role: Role::SecurityOfficer, version };
        let (version, so) = match &record.so_login {
            None => (1, None),
            Some(registered) => {
                let key = self.try_pin(of(registered.version), registered, so_pin, deadline)?.login;
                (registered.version + 1, Some((registered.version, key)))
            }
        };
        let (login, _) = self.core.new_login(of(version), so_pin, self.core.start()?)?;
        let body = Body::InitToken(InitToken {
            token_id: token.0.to_vec(),
            label: label.to_vec(),
            so_login: Some(login),
        });
        let so = so.map(|(version, key)| Login::detached(token, Role::SecurityOfficer, version, key));
        so.iter().try_for_each(|so| self.show_login(so, deadline))?;
        let logins: Vec<&Login> = so.iter().collect();
        let outcome = self.core.command(body, &logins, self.core.start()?);
        self.logout(token);
        self.registry.forget_tokens();
        outcome
    }

    fn login(&self, token: TokenId, role: Role, pin: &[u8]) -> BackendResult<()> {
        let deadline = self.core.start()?;
        let record = self.registry.token_now(&self.core, token)?;
        let registered = Self::registered(&record, role)?;
        let of = PinVersion { token, role, version: registered.version };
        let key = self.try_pin(of, registered, pin, deadline)?.login;
        let login = self.core.logins.begin(token, role, of.version, key);
        self.registry.forget_objects(token);
        self.show_login(&login, deadline).inspect_err(|_| self.logout(token))
    }

    fn logout(&self, token: TokenId) {
        if self.core.start().is_ok() {
            self.core.logins.end(token);
            self.registry.forget_objects(token);
            self.core
                .pool
                .close_idle(|connection| connection.logins.iter().any(|(shown, _)| *shown == token));
        }
    }

    fn init_pin(&self, token: TokenId, new_pin: &[u8]) -> BackendResult<()> {
        self.core.start()?;
        let login = self.core.logins.get(token).filter(|login| login.role == Role::SecurityOfficer);
        let login = login.ok_or(BackendError::NotLoggedIn)?;
        let record = self.registry.token_now(&self.core, token)?;
        let version = record.user_login.map_or(0, |login| login.version) + 1;
        self.replace_login(token, Role::User, version, new_pin, &login)
    }

    fn set_pin(&self, token: TokenId, role: Role, old_pin: &[u8], new_pin: &[u8]) -> BackendResult<()> {
        let deadline = self.core.start()?;
        if !crate::pin::PIN_BYTES.contains(&new_pin.len()) {
            return Err(BackendError::PinLenRange);
        }
        let record = self.registry.token_now(&self.core, token)?;
        let registered = Self::registered(&record, role)?;
        let version = registered.version;
        let key = self.try_pin(PinVersion { token, role, version }, registered, old_pin, deadline)?.login;
        let by = Login::detached(token, role, version, key);
        self.show_login(&by, deadline)?;
        self.replace_login(token, role, version + 1, new_pin, &by)
    }

    fn objects(&self, token: TokenId, freshness: Freshness) -> BackendResult<Arc<ObjectList>> {
        self.core.start()?;
        self.registry.objects(&self.core, token, freshness)
    }

    fn create_object(&self, token: TokenId, attributes: Attributes) -> BackendResult<ObjectRecord> {
        let deadline = self.core.start()?;
        let object_id = new_object_id().0.to_vec();
        let new = NewObject { object_id, attributes: to_wire(&attributes), birth: None };
        let records = self.registry.create(&self.core, token, vec![new], deadline)?;
        records.into_iter().next().ok_or_else(|| BackendError::Internal("no record was made".into()))
    }

    fn update_object(
        &self,
        token: TokenId,
        id: ObjectId,
        base_version: u64,
        attributes: Attributes,
    ) -> BackendResult<ObjectRecord> {
        self.registry.update(&self.core, token, id, base_version, &attributes)
    }

    fn destroy_object(&self, token: TokenId, id: ObjectId, base_version: u64) -> BackendResult<()> {
        self.registry.destroy(&self.core, token, id, base_version)
    }

    fn generate_key_pair(&self, token: TokenId, request: KeyPairRequest) -> BackendResult<GeneratedPair> {
        self.registry.generate_key_pair(&self.core, &self.session_keys, token, request)
    }

    fn copy_private_key(
        &self,
        token: TokenId,
        source: ObjectId,
        attributes: Attributes,
    ) -> BackendResult<ObjectRecord> {
        let source = self.private_key(token, source)?;
        self.registry.copy_private_key(&self.core, &self.session_keys, token, &source, &attributes)
    }

    fn destroy_session_keys(&self, keys: &[ObjectId]) {
        let own: Vec<ObjectId> =
            keys.iter().copied().filter(|key| self.session_keys.get(*key).is_some()).collect();
        if let (false, Ok(deadline)) = (own.is_empty(), self.core.start()) {
            self.session_keys.destroy(&self.core, &own, deadline);
        }
    }

    fn import_private_key(&self, token: TokenId, import: PrivateKeyImport) -> BackendResult<ObjectRecord> {
        self.registry.import_private_key(&self.core, &self.session_keys, token, import)
    }

    fn reauthenticate(&self, token: TokenId, pin: &[u8]) -> BackendResult<Reauthentication> {
        let deadline = self.core.start()?;
        let record = self.registry.token_now(&self.core, token)?;
        let registered = Self::registered(&record, Role::User)?;
        let of = PinVersion { token, role: Role::User, version: registered.version };
        let login = self.core.logins.get(token).ok_or(BackendError::NotLoggedIn)?;
        if (login.role, login.version) != (of.role, of.version) {
            return Err(BackendError::NotLoggedIn);
        }
        let keys = self.try_pin(of, registered, pin, deadline)?;
        // At once, so that the nodes end their count of tries.
        self.show_login(&login, deadline)?;
        Ok(Reauthentication::new(Zeroizing::new(keys.consent.to_bytes())))
    }

    fn sign(
        &self,
        token: TokenId,
        key: ObjectId,
        scheme: &Scheme,
        digest: &[u8],
        again: Option<&Reauthentication>,
    ) -> BackendResult<Vec<u8>> {
        self.use_key(token, key, again, |key, shown| {
            self.signer.sign(&self.core, token, (key, shown), scheme, digest)
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
        self.use_key(token, key, again, |key, shown| {
            self.core.rsa_decrypt(token, key, (decryption, shown), ciphertext)
        })
    }

    fn derive(
        &self,
        token: TokenId,
        key: ObjectId,
        curve: Curve,
        mechanism: u64,
        peer: &[u8],
    ) -> BackendResult<Zeroizing<Vec<u8>>> {
        self.use_key(token, key, None, |key, shown| {
            self.core.derive(token, (key, shown), curve, mechanism, peer)
        })
    }

    fn random(&self, out: &mut [u8]) -> BackendResult<()> {
        self.core.start()?;
        self.mixer.fill(&self.core, out)
    }

    fn seed_random(&self, seed: &[u8]) -> BackendResult<()> {
        self.core.start()?;
        self.mixer.seed(seed);
        Ok(())
    }

    fn hidden(&self, token: TokenId) -> Vec<KeyKind> {
        self.views(token).flat_map(View::hidden).copied().collect()
    }

    fn bare_ec_points(&self, token: TokenId) -> bool {
        self.views(token).any(View::has_bare_points)
    }

    fn rsa_policy(&self, _token: TokenId) -> RsaPolicy {
        self.core.rsa
    }

    fn has_own_pin(&self, token: TokenId) -> bool {
        self.views(token).any(View::has_pin)
    }

    fn own_pin(&self, token: TokenId) -> BackendResult<Option<Zeroizing<Vec<u8>>>> {
        self.views(token).find(|view| view.has_pin()).map_or(Ok(None), View::pin)
    }

    fn shutdown(&self) {
        if self.core.start().is_ok() {
            self.session_keys.destroy_all(&self.core);
            self.core.logins.end_all();
            self.core.pool.shutdown();
        }
    }
}
