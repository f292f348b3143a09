//! The port's implementation: the cluster client, logged in to one token.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use client::ClusterClient;
use client::config::Config;
use client::kms::{Ask, Kms, KmsError, Spec as PairSpec, pairs};
use cryptoki_sys::{CKM_ECDH1_DERIVE, CKM_RSA_PKCS_OAEP};
use proto::kms::v1::{Kind, KmsKey};
use token::backend::{Backend, BackendError, Curve, Decryption, Freshness, Padding, Role, RsaHash, TokenId};
use zeroize::Zeroizing;

use crate::algorithm::{Algorithm, Oaep, Spec};
use crate::credentials::Credential;
use crate::error::{Kind as Fault, Refusal};
use crate::keys::{Context, Key, Keys, Parts, spec_of};
use crate::mechanism::scheme;

/// A client of the cluster.
pub struct Cluster {
    client: Arc<ClusterClient>,
    token: TokenId,
    account: String,
    principal: String,
    credential: Credential,
    /// When the keys were last read.
    read: Mutex<Option<Instant>>,
}

impl Cluster {
    /// Connects and logs in.
    ///
    /// # Errors
    /// One line that says what to mend.
    pub fn open(credential: Credential) -> Result<Self, String> {
        let mut config = Config::load(&credential.config).map_err(|error| error.to_string())?;
        // A quarter of what AWS's libraries wait for an answer.
        config.deadline = config.deadline.max(DEADLINE_MIN);
        let client = Arc::new(ClusterClient::new(config));
        let states = client.tokens().map_err(|error| error.to_string())?;
        let label = |label: &[u8; 32]| String::from_utf8_lossy(label).trim_end().to_owned();
        let mut named =
            states.iter().filter(|state| state.initialized && label(&state.label) == credential.token);
        let token = match (named.next(), named.next()) {
            (Some(state), None) => state.id,
            (None, _) => return Err(format!("there is no token {:?}", credential.token)),
            _ => return Err(format!("several tokens are called {:?}", credential.token)),
        };
        let account = policy::account_of(&token.0);
        let principal = policy::principal_of(&account, &credential.client);
        let cluster = Self { client, token, account, principal, credential, read: Mutex::new(None) };
        cluster.login().map_err(|refusal| refusal.message)?;
        Ok(cluster)
    }

    fn login(&self) -> Result<(), Refusal> {
        let pin = self.credential.pin().map_err(|why| Refusal::new(Fault::Internal, why))?;
        let done = self.client.login(self.token, Role::User, pin.as_bytes());
        done.map_err(|error| Refusal::from(KmsError::from(error)))
    }

    /// Asks; and once more with a new login, if the cluster has ended this one.
    fn ask<R>(&self, ask: impl Fn(&Kms<'_>) -> Result<R, KmsError>) -> Result<R, Refusal> {
        let kms = self.client.kms(self.token);
        match ask(&kms) {
            Err(KmsError::NotLoggedIn) => {
                self.client.logout(self.token);
                self.login()?;
                Ok(ask(&kms)?)
            }
            other => Ok(other?),
        }
    }

    /// How new a listing must be. What others change is seen after [`STALE_AFTER`] at the latest: an alias that has
    /// moved, above all, for what else is old the nodes find out.
    fn freshness(&self, current: bool) -> Freshness {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if !current && read.is_some_and(|when| when.elapsed() < STALE_AFTER) {
            return Freshness::Cached;
        }
        *read = Some(Instant::now());
        Freshness::Current
    }

    /// A key by one of its names. None is said to be missing on the word of a listing that is older than the question.
    fn look_up(
        &self,
        current: bool,
        find: impl Fn(&Kms<'_>, Freshness) -> Result<Key, KmsError>,
    ) -> Result<Option<Key>, Refusal> {
        let freshness = self.freshness(current);
        self.ask(|kms| match find(kms, freshness) {
            Err(KmsError::NotFound) if current => {
                std::thread::sleep(LISTING_AGE);
                found(find(kms, Freshness::Current))
            }
            other => found(other),
        })
    }

    /// Does something with a key, and again with the key as it is now if it was changed since it was read.
    fn with_current<R>(
        &self,
        key: &Key,
        work: impl Fn(&Kms<'_>, &Key) -> Result<R, KmsError>,
    ) -> Result<R, Refusal> {
        self.ask(|kms| match work(kms, key) {
            Err(KmsError::Stale) => {
                std::thread::sleep(LISTING_AGE);
                work(kms, &kms.find(&key.id(), Freshness::Current)?)
            }
            other => other,
        })
    }

    /// The same for what goes the way of PKCS#11.
    fn use_key<R>(&self, ask: impl Fn(&ClusterClient) -> Result<R, BackendError>) -> Result<R, Refusal> {
        let mut answer = ask(&self.client);
        if matches!(answer, Err(BackendError::NotLoggedIn)) {
            self.client.logout(self.token);
            self.login()?;
            answer = ask(&self.client);
        }
        answer.map_err(|error| match error {
            BackendError::CiphertextInvalid => crate::blob::invalid(),
            BackendError::KeyInvalid => {
                Refusal::new(Fault::Validation, "the public key is no point of the curve")
            }
            other => KmsError::from(other).into(),
        })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.client.shutdown();
    }
}

impl Keys for Cluster {
    fn account(&self) -> &str {
        &self.account
    }

    fn principal(&self) -> &str {
        &self.principal
    }

    fn all(&self) -> Result<Vec<Key>, Refusal> {
        self.ask(|kms| kms.list(Freshness::Current))
    }

    fn find(&self, id: &str, current: bool) -> Result<Option<Key>, Refusal> {
        self.look_up(current, |kms, freshness| kms.find(id, freshness))
    }

    fn find_alias(&self, alias: &str, current: bool) -> Result<Option<Key>, Refusal> {
        self.look_up(current, |kms, freshness| kms.find_alias(alias, freshness))
    }

    fn create(&self, spec: Spec, record: KmsKey) -> Result<Key, Refusal> {
        let pair = PairSpec::from_name(spec.name())
            .ok_or_else(|| Refusal::new(Fault::UnsupportedOperation, "the cluster has no such key"))?;
        self.ask(|kms| kms.create(pair, LABEL, record.clone()))
    }

    fn update(&self, key: &Key, record: KmsKey) -> Result<Option<Key>, Refusal> {
        self.ask(|kms| fresh(kms.update(key, record.clone())))
    }

    fn rotate(&self, key: &Key, now: u64, on_demand: bool) -> Result<Option<Key>, Refusal> {
        self.ask(|kms| fresh(kms.rotate(key, now, on_demand)))
    }

    fn destroy(&self, key: &Key) -> Result<(), Refusal> {
        self.ask(|kms| kms.destroy(key))
    }

    fn check(&self, key: &Key, operation: &str, context: &Context) -> Result<(), Refusal> {
        self.ask(|kms| kms.check(key, Ask { operation, context: &pairs(context) }))
    }

    fn encrypt_key(
        &self,
        key: &Key,
        kind: Kind,
        operation: &str,
        context: &Context,
        commitment: [u8; 32],
    ) -> Result<(Parts, Zeroizing<[u8; 32]>), Refusal> {
        let context = pairs(context);
        self.with_current(key, |kms, key| {
            kms.encrypt_key(key, kind, Ask { operation, context: &context }, commitment)
        })
    }

    fn decrypt_key(
        &self,
        key: &Key,
        parts: &Parts,
        operation: &str,
        context: &Context,
    ) -> Result<Zeroizing<[u8; 32]>, Refusal> {
        let context = pairs(context);
        self.ask(|kms| kms.decrypt_key(key, parts, Ask { operation, context: &context }))
    }

    fn seal(
        &self,
        key: &Key,
        operation: &str,
        context: &Context,
        commitment: [u8; 32],
    ) -> Result<Parts, Refusal> {
        let context = pairs(context);
        self.with_current(key, |kms, key| {
            kms.seal_without_plaintext(key, Ask { operation, context: &context }, commitment)
        })
    }

    fn sign(&self, key: &Key, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, Refusal> {
        let scheme = scheme(key, algorithm)
            .ok_or_else(|| Refusal::new(Fault::InvalidKeyUsage, "the key has no such algorithm"))?;
        self.use_key(|client| client.sign(self.token, key.object.id, &scheme, message, None))
    }

    fn decrypt(&self, key: &Key, padding: Oaep, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        let Some(Spec::Rsa(bits)) = spec_of(key) else { return Err(crate::blob::invalid()) };
        if ciphertext.len() != usize::from(bits / 8) {
            return Err(crate::blob::invalid());
        }
        let hash = match padding {
            Oaep::Sha1 => RsaHash::Sha1,
            Oaep::Sha256 => RsaHash::Sha256,
        };
        let padding = Padding::Oaep { hash, mgf: hash, label: Vec::new() };
        let decryption = Decryption { mechanism: CKM_RSA_PKCS_OAEP, padding, unwrap: false };
        self.use_key(|client| client.decrypt(self.token, key.object.id, &decryption, ciphertext, None))
    }

    fn derive(&self, key: &Key, point: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        let curve = match spec_of(key) {
            Some(Spec::P384) => Curve::P384,
            _ => Curve::P256,
        };
        self.use_key(|client| client.derive(self.token, key.object.id, curve, CKM_ECDH1_DERIVE, point))
    }

    fn random(&self, out: &mut [u8]) -> Result<(), Refusal> {
        self.client.random(out).map_err(|error| KmsError::from(error).into())
    }
}

fn found(key: Result<Key, KmsError>) -> Result<Option<Key>, KmsError> {
    match key {
        Err(KmsError::NotFound) => Ok(None),
        other => other.map(Some),
    }
}

/// `None` for a key that others have changed, once a new listing has the change.
fn fresh(key: Result<Key, KmsError>) -> Result<Option<Key>, KmsError> {
    match key {
        Err(KmsError::Stale) => {
            std::thread::sleep(LISTING_AGE);
            Ok(None)
        }
        other => other.map(Some),
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// `CKA_LABEL` of what the agent makes.
const LABEL: &str = "kms";
/// How old a listing may be that the client takes as current.
const LISTING_AGE: Duration = Duration::from_millis(500);
/// How long what was read of keys will do.
const STALE_AFTER: Duration = Duration::from_secs(2);
/// Shortest deadline of a call.
const DEADLINE_MIN: Duration = Duration::from_secs(15);
