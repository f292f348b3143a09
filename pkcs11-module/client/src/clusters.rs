//! Several clusters behind one library: the tokens of each, and every call to the cluster of its token.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use token::backend::{
    Attributes, Backend, BackendError, BackendResult, Curve, Decryption, Freshness, GeneratedPair, KeyKind,
    KeyPairRequest, ObjectId, ObjectList, ObjectRecord, PinStates, PrivateKeyImport, Reauthentication, Role,
    RsaPolicy, Scheme, TokenId, TokenState,
};
use zeroize::Zeroizing;

use crate::ClusterClient;
use crate::log::Log;
use crate::sync::lock;

/// The clusters of one process, in the order of their configurations.
pub struct Clusters {
    all: Vec<ClusterClient>,
    /// To which cluster a token belongs: the first that showed it, for the life of the process.
    owners: Mutex<BTreeMap<TokenId, usize>>,
    log: Log,
}

impl Clusters {
    /// Nothing is connected yet.
    pub fn new(all: impl IntoIterator<Item = ClusterClient>, log: Log) -> Self {
        Self { all: all.into_iter().collect(), owners: Mutex::default(), log }
    }

    fn of(&self, token: TokenId) -> BackendResult<&ClusterClient> {
        let owner = lock(&self.owners).get(&token).copied();
        owner.and_then(|owner| self.all.get(owner)).ok_or(BackendError::NoSuchToken)
    }

    /// The first cluster that does it.
    fn any<T>(&self, mut work: impl FnMut(&ClusterClient) -> BackendResult<T>) -> BackendResult<T> {
        let mut last = BackendError::Configuration("there is no cluster".into());
        for cluster in &self.all {
            match work(cluster) {
                Ok(done) => return Ok(done),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl Backend for Clusters {
    /// One cluster that cannot be reached does not hide the others; all of them together are an error.
    fn tokens(&self) -> BackendResult<Vec<TokenState>> {
        let mut tokens: Vec<TokenState> = Vec::new();
        let mut last = None;
        for (number, cluster) in self.all.iter().enumerate() {
            match cluster.tokens() {
                Ok(found) => {
                    let mut owners = lock(&self.owners);
                    let own = |token: &TokenState| *owners.entry(token.id).or_insert(number) == number;
                    let (own, others): (Vec<_>, Vec<_>) = found.into_iter().partition(own);
                    tokens.extend(own);
                    for token in others {
                        self.log.error(format_args!(
                            "token {} of cluster {} is left out: another cluster has it",
                            token.id,
                            number + 1
                        ));
                    }
                }
                Err(error) => {
                    self.log.warn(format_args!("cluster {} shows no tokens: {error}", number + 1));
                    last = Some(error);
                }
            }
        }
        match last {
            Some(error) if tokens.is_empty() => Err(error),
            _ => Ok(tokens),
        }
    }

    fn pin_states(&self, token: TokenId) -> BackendResult<PinStates> {
        self.of(token)?.pin_states(token)
    }

    fn init_token(&self, token: TokenId, so_pin: &[u8], label: &[u8; 32]) -> BackendResult<()> {
        self.of(token)?.init_token(token, so_pin, label)
    }

    fn login(&self, token: TokenId, role: Role, pin: &[u8]) -> BackendResult<()> {
        self.of(token)?.login(token, role, pin)
    }

    fn logout(&self, token: TokenId) {
        if let Ok(cluster) = self.of(token) {
            cluster.logout(token);
        }
    }

    fn init_pin(&self, token: TokenId, new_pin: &[u8]) -> BackendResult<()> {
        self.of(token)?.init_pin(token, new_pin)
    }

    fn set_pin(&self, token: TokenId, role: Role, old_pin: &[u8], new_pin: &[u8]) -> BackendResult<()> {
        self.of(token)?.set_pin(token, role, old_pin, new_pin)
    }

    fn objects(&self, token: TokenId, freshness: Freshness) -> BackendResult<Arc<ObjectList>> {
        self.of(token)?.objects(token, freshness)
    }

    fn create_object(&self, token: TokenId, attributes: Attributes) -> BackendResult<ObjectRecord> {
        self.of(token)?.create_object(token, attributes)
    }

    fn update_object(
        &self,
        token: TokenId,
        id: ObjectId,
        base_version: u64,
        attributes: Attributes,
    ) -> BackendResult<ObjectRecord> {
        self.of(token)?.update_object(token, id, base_version, attributes)
    }

    fn destroy_object(&self, token: TokenId, id: ObjectId, base_version: u64) -> BackendResult<()> {
        self.of(token)?.destroy_object(token, id, base_version)
    }

    fn generate_key_pair(&self, token: TokenId, request: KeyPairRequest) -> BackendResult<GeneratedPair> {
        self.of(token)?.generate_key_pair(token, request)
    }

    fn copy_private_key(
        &self,
        token: TokenId,
        source: ObjectId,
        attributes: Attributes,
    ) -> BackendResult<ObjectRecord> {
        self.of(token)?.copy_private_key(token, source, attributes)
    }

    fn destroy_session_keys(&self, keys: &[ObjectId]) {
        // Each cluster ends those that it knows.
        self.all.iter().for_each(|cluster| cluster.destroy_session_keys(keys));
    }

    fn import_private_key(&self, token: TokenId, import: PrivateKeyImport) -> BackendResult<ObjectRecord> {
        self.of(token)?.import_private_key(token, import)
    }

    fn reauthenticate(&self, token: TokenId, pin: &[u8]) -> BackendResult<Reauthentication> {
        self.of(token)?.reauthenticate(token, pin)
    }

    fn sign(
        &self,
        token: TokenId,
        key: ObjectId,
        scheme: &Scheme,
        digest: &[u8],
        again: Option<&Reauthentication>,
    ) -> BackendResult<Vec<u8>> {
        self.of(token)?.sign(token, key, scheme, digest, again)
    }

    fn decrypt(
        &self,
        token: TokenId,
        key: ObjectId,
        decryption: &Decryption,
        ciphertext: &[u8],
        again: Option<&Reauthentication>,
    ) -> BackendResult<Zeroizing<Vec<u8>>> {
        self.of(token)?.decrypt(token, key, decryption, ciphertext, again)
    }

    fn derive(
        &self,
        token: TokenId,
        key: ObjectId,
        curve: Curve,
        mechanism: u64,
        peer: &[u8],
    ) -> BackendResult<Zeroizing<Vec<u8>>> {
        self.of(token)?.derive(token, key, curve, mechanism, peer)
    }

    fn random(&self, out: &mut [u8]) -> BackendResult<()> {
        self.any(|cluster| cluster.random(out))
    }

    fn seed_random(&self, seed: &[u8]) -> BackendResult<()> {
        self.all.iter().try_for_each(|cluster| cluster.seed_random(seed))
    }

    fn hidden(&self, token: TokenId) -> Vec<KeyKind> {
        self.of(token).map(|cluster| cluster.hidden(token)).unwrap_or_default()
    }

    fn bare_ec_points(&self, token: TokenId) -> bool {
        self.of(token).is_ok_and(|cluster| cluster.bare_ec_points(token))
    }

    fn rsa_policy(&self, token: TokenId) -> RsaPolicy {
        self.of(token).map(|cluster| cluster.rsa_policy(token)).unwrap_or_default()
    }

    fn has_own_pin(&self, token: TokenId) -> bool {
        self.of(token).is_ok_and(|cluster| cluster.has_own_pin(token))
    }

    fn own_pin(&self, token: TokenId) -> BackendResult<Option<Zeroizing<Vec<u8>>>> {
        self.of(token)?.own_pin(token)
    }

    fn shutdown(&self) {
        self.all.iter().for_each(Backend::shutdown);
    }
}
