//! The Kubernetes face: a KMS v2 plugin for the API server on the same machine.
//!
//! The API server has one seed encrypted at its start and whenever the key id changes, and keeps ciphertext and
//! key id beside its data. The key id is the key's ARN with the version of its material, so it is the same from
//! every plugin of the key, changes with new material only, and is never used again. It is bound to the
//! ciphertext as its encryption context. The Kubernetes must not carry the cluster that it waits for here.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use proto::kms::v1::{Kind as Content, State};
use tonic::{Request, Response, Status};

use crate::blob::{self, Blob};
use crate::cluster::now;
use crate::error::{Kind, Refusal};
use crate::keys::{Context, Key, Keys};
use crate::operations::Call;

/// Kubernetes' interface.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub mod v2 {
    tonic::include_proto!("v2");
}

use v2::key_management_service_server::KeyManagementService;
use v2::{DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, StatusRequest, StatusResponse};

/// The plugin for one key.
pub struct Plugin(Arc<Inner>);

struct Inner {
    keys: Arc<dyn Keys>,
    region: String,
    /// Any name of the key.
    key: String,
    health: Mutex<Option<(Instant, StatusResponse)>>,
}

impl Plugin {
    /// A plugin that encrypts with this key.
    pub fn new(keys: Arc<dyn Keys>, region: String, key: String) -> Self {
        Self(Arc::new(Inner { keys, region, key, health: Mutex::new(None) }))
    }

    async fn blocking<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<R, Refusal> + Send + 'static,
    ) -> Result<Response<R>, Status> {
        let inner = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        match done {
            Ok(outcome) => outcome.map(Response::new).map_err(status),
            Err(_) => Err(Status::internal("the operation ended without an answer")),
        }
    }
}

#[tonic::async_trait]
impl KeyManagementService for Plugin {
    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        self.blocking(|inner| Ok(inner.status())).await
    }

    async fn encrypt(&self, asked: Request<EncryptRequest>) -> Result<Response<EncryptResponse>, Status> {
        let plaintext = zeroize::Zeroizing::new(asked.into_inner().plaintext);
        self.blocking(move |inner| {
            let (ciphertext, key_id) = inner.encrypt(&plaintext)?;
            inner.forget_status_of_others(&key_id);
            Ok(EncryptResponse { ciphertext, key_id, ..EncryptResponse::default() })
        })
        .await
    }

    async fn decrypt(&self, asked: Request<DecryptRequest>) -> Result<Response<DecryptResponse>, Status> {
        let asked = asked.into_inner();
        self.blocking(move |inner| inner.decrypt(&asked)).await
    }
}

impl Inner {
    fn call(&self) -> Call<'_> {
        Call { keys: self.keys.as_ref(), region: &self.region, now: now() }
    }

    /// A real round trip, or that of a moment ago: the API server asks often when it is not content.
    fn status(&self) -> StatusResponse {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((when, said)) = health.as_ref() {
            let lasts = if said.healthz == OK { HEALTHY_FOR } else { ILL_FOR };
            if when.elapsed() < lasts {
                return said.clone();
            }
        }
        let known = health.as_ref().map(|(_, said)| said.key_id.clone()).unwrap_or_default();
        let said = match self.round_trip() {
            Ok(key_id) => StatusResponse { version: VERSION.into(), healthz: OK.into(), key_id },
            // Not another key id because it is ill: that would have everything encrypted again.
            Err(refusal) => {
                StatusResponse { version: VERSION.into(), healthz: refusal.to_string(), key_id: known }
            }
        };
        *health = Some((Instant::now(), said.clone()));
        said
    }

    fn round_trip(&self) -> Result<String, Refusal> {
        let (ciphertext, key_id) = self.encrypt(PROBE)?;
        let asked = DecryptRequest { ciphertext, key_id: key_id.clone(), ..DecryptRequest::default() };
        match self.decrypt(&asked)?.plaintext == PROBE {
            true => Ok(key_id),
            false => Err(Refusal::new(Kind::Internal, "a round trip gives something else")),
        }
    }

    fn encrypt(&self, plaintext: &[u8]) -> Result<(Vec<u8>, String), Refusal> {
        if plaintext.is_empty() || plaintext.len() > PLAINTEXT_BYTES_MAX {
            let text = format!("a plaintext has 1 to {PLAINTEXT_BYTES_MAX} bytes");
            return Err(Refusal::new(Kind::Validation, text));
        }
        let call = self.call();
        for _ in 0..ATTEMPTS {
            let key = call.key(&self.key, true)?;
            usable(&key)?;
            let key_id = key_id(&call, &key, key.newest());
            let context = context(&key_id);
            let ciphertext =
                blob::encrypt(call.keys, &key, Content::Kubernetes, "Encrypt", &context, plaintext)?;
            // Material that others made meanwhile encrypts at once, and then this is not its name.
            if Blob::parse(&ciphertext)?.material() == key.newest() {
                return Ok((ciphertext, key_id));
            }
        }
        Err(Refusal::new(Kind::Conflict, "the key is rotated all the time"))
    }

    /// The API server shall hear at once that the key has new material.
    fn forget_status_of_others(&self, key_id: &str) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        if health.as_ref().is_some_and(|(_, said)| said.key_id != key_id) {
            *health = None;
        }
    }

    fn decrypt(&self, asked: &DecryptRequest) -> Result<DecryptResponse, Refusal> {
        if !asked.annotations.is_empty() || asked.ciphertext.len() > CIPHERTEXT_BYTES_MAX {
            return Err(blob::invalid());
        }
        let call = self.call();
        let blob = Blob::parse(&asked.ciphertext)?;
        let key = call.key(&proto::kms::uuid(&blob.key_id), false).map_err(|refusal| match refusal.kind {
            Kind::NotFound => blob::invalid(),
            _ => refusal,
        })?;
        usable(&key)?;
        if blob.kind() != Content::Kubernetes || asked.key_id != key_id(&call, &key, blob.material()) {
            return Err(blob::invalid());
        }
        let plaintext = blob.open(call.keys, &key, "Decrypt", &context(&asked.key_id))?;
        Ok(DecryptResponse { plaintext: plaintext.to_vec() })
    }
}

/// The ARN, and which material.
fn key_id(call: &Call<'_>, key: &Key, material: u32) -> String {
    format!("{}/{material}", call.arn(key))
}

fn context(key_id: &str) -> Context {
    Context::from([("kubernetes/key-id".to_owned(), key_id.to_owned())])
}

fn usable(key: &Key) -> Result<(), Refusal> {
    match key.key.state() {
        State::Enabled => Ok(()),
        _ => Err(Refusal::new(Kind::InvalidState, "the key is not enabled")),
    }
}

/// What the API server acts on is only whether it may try again.
fn status(refusal: Refusal) -> Status {
    let text = refusal.to_string();
    match refusal.kind {
        Kind::KeyUnavailable | Kind::DependencyTimeout | Kind::Conflict => Status::unavailable(text),
        Kind::InvalidCiphertext | Kind::Validation => Status::invalid_argument(text),
        Kind::AccessDenied => Status::permission_denied(text),
        Kind::NotFound => Status::not_found(text),
        Kind::InvalidState | Kind::Disabled => Status::failed_precondition(text),
        _ => Status::internal(text),
    }
}

const VERSION: &str = "v2";
const OK: &str = "ok";
const PROBE: &[u8] = b"counterfoil";
/// The API server sends a seed or a key of 32 bytes, and takes at most 1 kB back.
const PLAINTEXT_BYTES_MAX: usize = 512;
const CIPHERTEXT_BYTES_MAX: usize = 1024;
/// How often something is encrypted again because others rotate the key.
const ATTEMPTS: usize = 4;
const HEALTHY_FOR: Duration = Duration::from_secs(30);
const ILL_FOR: Duration = Duration::from_secs(2);
