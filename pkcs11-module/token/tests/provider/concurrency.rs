//! N sessions are N operations in flight, and races end in one of the allowed states.

use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use cryptoki_sys::*;
use token::backend::*;
use token::local_backend::LocalBackend;
use token::{Error, Provider};

use crate::support::*;

/// The in-process backend, but that a signature waits until `meeting` many are in flight.
struct Meeting {
    inner: Arc<LocalBackend>,
    meeting: Barrier,
}

impl Backend for Meeting {
    fn tokens(&self) -> BackendResult<Vec<TokenState>> {
        self.inner.tokens()
    }
    fn pin_states(&self, token: TokenId) -> BackendResult<PinStates> {
        self.inner.pin_states(token)
    }
    fn init_token(&self, token: TokenId, so_pin: &[u8], label: &[u8; 32]) -> BackendResult<()> {
        self.inner.init_token(token, so_pin, label)
    }
    fn login(&self, token: TokenId, role: Role, pin: &[u8]) -> BackendResult<()> {
        self.inner.login(token, role, pin)
    }
    fn logout(&self, token: TokenId) {
        self.inner.logout(token);
    }
    fn init_pin(&self, token: TokenId, new_pin: &[u8]) -> BackendResult<()> {
        self.inner.init_pin(token, new_pin)
    }
    fn set_pin(&self, token: TokenId, role: Role, old_pin: &[u8], new_pin: &[u8]) -> BackendResult<()> {
        self.inner.set_pin(token, role, old_pin, new_pin)
    }
    fn objects(&self, token: TokenId, freshness: Freshness) -> BackendResult<Arc<ObjectList>> {
        self.inner.objects(token, freshness)
    }
    fn create_object(&self, token: TokenId, attributes: Attributes) -> BackendResult<ObjectRecord> {
        self.inner.create_object(token, attributes)
    }
    fn update_object(
        &self,
        token: TokenId,
        id: ObjectId,
        version: u64,
        attributes: Attributes,
    ) -> BackendResult<ObjectRecord> {
        self.inner.update_object(token, id, version, attributes)
    }
    fn destroy_object(&self, token: TokenId, id: ObjectId, version: u64) -> BackendResult<()> {
        self.inner.destroy_object(token, id, version)
    }
    fn generate_key_pair(&self, token: TokenId, request: KeyPairRequest) -> BackendResult<GeneratedPair> {
        self.inner.generate_key_pair(token, request)
    }
    fn copy_private_key(
        &self,
        token: TokenId,
        source: ObjectId,
        attributes: Attributes,
    ) -> BackendResult<ObjectRecord> {
        self.inner.copy_private_key(token, source, attributes)
    }
    fn destroy_session_keys(&self, keys: &[ObjectId]) {
        self.inner.destroy_session_keys(keys);
    }
    fn reauthenticate(&self, token: TokenId, pin: &[u8]) -> BackendResult<Reauthentication> {
        self.inner.reauthenticate(token, pin)
    }
    fn sign(
        &self,
        token: TokenId,
        key: ObjectId,
        scheme: &Scheme,
        digest: &[u8],
        again: Option<&Reauthentication>,
    ) -> BackendResult<Vec<u8>> {
        self.meeting.wait();
        self.inner.sign(token, key, scheme, digest, again)
    }
    fn import_private_key(&self, token: TokenId, import: PrivateKeyImport) -> BackendResult<ObjectRecord> {
        self.inner.import_private_key(token, import)
    }
    fn decrypt(
        &self,
        token: TokenId,
        key: ObjectId,
        decryption: &Decryption,
        ciphertext: &[u8],
        again: Option<&Reauthentication>,
    ) -> BackendResult<zeroize::Zeroizing<Vec<u8>>> {
        self.inner.decrypt(token, key, decryption, ciphertext, again)
    }
    fn derive(
        &self,
        token: TokenId,
        key: ObjectId,
        curve: Curve,
        mechanism: u64,
        peer: &[u8],
    ) -> BackendResult<zeroize::Zeroizing<Vec<u8>>> {
        self.inner.derive(token, key, curve, mechanism, peer)
    }

    fn random(&self, out: &mut [u8]) -> BackendResult<()> {
        self.inner.random(out)
    }
    fn seed_random(&self, seed: &[u8]) -> BackendResult<()> {
        self.inner.seed_random(seed)
    }
    fn shutdown(&self) {
        self.inner.shutdown();
    }
}

#[test]
fn eight_sessions_have_eight_signatures_in_flight_and_other_calls_do_not_wait() {
    let inner = Arc::new(LocalBackend::with_token("x", SO_PIN, PIN));
    // Seven signers and, last, this thread.
    let backend = Arc::new(Meeting { inner: inner.clone(), meeting: Barrier::new(8) });
    let provider = Arc::new(Provider::new(backend));
    let slot = provider.slot_list(true).unwrap()[0];
    let application = Application { backend: inner, provider, slot };
    let session = application.user();
    let pair = application.pair(session);
    let (done, finished) = mpsc::channel();
    for _ in 0..7 {
        let (provider, done, key) = (application.provider.clone(), done.clone(), pair.private);
        let session = application.session();
        thread::spawn(move || {
            provider.sign_init(session, Some(call(CKM_ECDSA)), key).unwrap();
            done.send(provider.sign(session, &[1; 32], &mut Buffer::of(64))).unwrap();
        });
    }
    // While seven signatures are under way, everything else works.
    application.find(session, &Items::new());
    application.provider.close_session(application.session()).unwrap();
    assert!(finished.try_recv().is_err());
    application.sign(session, CKM_ECDSA, pair.private, &[1; 32]).unwrap();
    for _ in 0..7 {
        finished.recv_timeout(Duration::from_secs(60)).unwrap().unwrap();
    }
}

#[test]
fn of_many_logins_at_once_one_succeeds() {
    let application = Application::new();
    let start = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (provider, session, start) =
                (application.provider.clone(), application.session(), start.clone());
            thread::spawn(move || {
                start.wait();
                provider.login(session, CKU_USER, PIN)
            })
        })
        .collect();
    let results: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().all(|result| matches!(result, Ok(()) | Err(Error::UserAlreadyLoggedIn))));
}

#[test]
fn threads_that_find_sign_and_destroy_do_not_disturb_each_other() {
    let application = Application::new();
    let session = application.user();
    let shared = application.pair(session);
    let threads: Vec<_> = (0..4)
        .map(|number: u8| {
            let provider = application.provider.clone();
            let application =
                Application { backend: application.backend.clone(), provider, slot: application.slot };
            thread::spawn(move || {
                for _ in 0..10 {
                    let session = application.session();
                    let own = data_template(&format!("of {number}")).bool(CKA_TOKEN, true);
                    let object = application.create(session, &own).unwrap();
                    let label = Items::new().bytes(CKA_LABEL, format!("of {number}").as_bytes());
                    assert_eq!(application.find(session, &label), [object]);
                    application.sign(session, CKM_ECDSA_SHA256, shared.private, b"message").unwrap();
                    application.provider.destroy_object(session, object).unwrap();
                    application.provider.close_session(session).unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(application.find(session, &Items::new()).len(), 2);
}
