//! The AWS face: HTTP, one request to one operation.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, StatusCode};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::cluster::now;
use crate::error::{Kind, Refusal};
use crate::keys::Keys;
use crate::operations::{Call, dispatch};
use crate::sigv4::{Scope, Signed, verify};
use crate::sts;

/// Longest body of a request.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// Most requests that are worked on at once: each holds a thread while it waits for nodes.
const AT_ONCE: usize = 64;
/// Most that are worked on or wait for it.
const WAITING_MAX: usize = 256;
/// How long a body may take to come.
const BODY_LIMIT: Duration = Duration::from_secs(30);
/// Most headers of a request, and their longest total.
const HEADERS_BYTES_MAX: usize = 32 << 10;

/// One access key.
pub struct Access {
    /// Its public name.
    pub id: String,
    /// What its owner signs with.
    pub secret: Zeroizing<String>,
    /// The cluster, as the client that the key stands for.
    pub keys: Arc<dyn Keys>,
}

/// The agent.
pub struct Agent {
    /// Part of every ARN and of every scope.
    pub region: String,
    /// The access keys.
    pub access: Vec<Access>,
    at_once: Semaphore,
    waiting: Semaphore,
}

impl Agent {
    /// An agent for these access keys.
    pub fn new(region: String, access: Vec<Access>) -> Self {
        Self { region, access, at_once: Semaphore::new(AT_ONCE), waiting: Semaphore::new(WAITING_MAX) }
    }

    fn look_up(&self, id: &str) -> Option<(&Access, &Zeroizing<String>)> {
        self.access.iter().find(|access| access.id == id).map(|access| (access, &access.secret))
    }
}

/// The agent's routes: everything goes to one.
pub fn router(agent: Arc<Agent>) -> Router {
    Router::new().fallback(serve).with_state(agent)
}

async fn serve(State(agent): State<Arc<Agent>>, request: Request) -> Response<Body> {
    let request_id = request_id();
    let Ok(_waiting) = agent.waiting.try_acquire() else {
        let refusal = Refusal::new(Kind::Throttling, "Rate exceeded");
        return Reply::refused(&refusal, Protocol::Json, &request_id).into_response(&request_id);
    };
    let (parts, body) = request.into_parts();
    let body = match tokio::time::timeout(BODY_LIMIT, to_bytes(body, BODY_BYTES_MAX)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) | Err(_) => {
            let refusal = Refusal::new(
                Kind::TooLarge,
                format!("a body has at most {BODY_BYTES_MAX} bytes, all at once"),
            );
            return Reply::refused(&refusal, Protocol::Json, &request_id).into_response(&request_id);
        }
    };
    let Ok(_at_once) = agent.at_once.acquire().await else {
        let refusal = Refusal::new(Kind::Throttling, "the agent is going down");
        return Reply::refused(&refusal, Protocol::Json, &request_id).into_response(&request_id);
    };
    let worker = Arc::clone(&agent);
    let id = request_id.clone();
    let reply = tokio::task::spawn_blocking(move || worker.answer(&parts, &body, &id)).await;
    let reply = reply.unwrap_or_else(|_| {
        let refusal = Refusal::new(Kind::Internal, "the operation ended without an answer");
        Reply::refused(&refusal, Protocol::Json, &request_id)
    });
    reply.into_response(&request_id)
}

impl Agent {
    fn answer(&self, parts: &axum::http::request::Parts, body: &Bytes, request_id: &str) -> Reply {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let operation = header("x-amz-target");
        let form =
            header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let protocol = if form && operation.is_none() { Protocol::Query } else { Protocol::Json };
        let outcome = self.authenticate(parts, body, protocol).and_then(|access| {
            let keys = access.keys.as_ref();
            match protocol {
                Protocol::Query => sts::answer(keys, body, request_id)
                    .map(|text| (Zeroizing::new(text.into_bytes()), access)),
                Protocol::Json => {
                    let target = operation.unwrap_or_default();
                    let name = target.strip_prefix("TrentService.").ok_or_else(|| {
                        Refusal::new(
                            Kind::UnknownOperation,
                            "X-Amz-Target names no operation of TrentService",
                        )
                    })?;
                    let call = Call { keys, region: &self.region, now: now() };
                    dispatch(&call, name, body).map(|answer| (answer, access))
                }
            }
        });
        // Names only: neither bodies nor what is refused about them.
        let operation = operation.unwrap_or("-");
        match outcome {
            Ok((body, access)) => {
                tracing::info!(request_id, operation, access = access.id, "done");
                Reply { status: 200, protocol, body }
            }
            Err(refusal) => {
                tracing::info!(request_id, operation, refused = refusal.kind.name(), "refused");
                if refusal.kind.status() == 500 {
                    tracing::warn!(request_id, "{}", refusal.message);
                }
                Reply::refused(&refusal, protocol, request_id)
            }
        }
    }

    fn authenticate(
        &self,
        parts: &axum::http::request::Parts,
        body: &Bytes,
        protocol: Protocol,
    ) -> Result<&Access, Refusal> {
        let unreadable =
            || Refusal::new(Kind::IncompleteSignature, "a header is not text, or there are too many");
        let mut bytes = 0;
        let mut headers = Vec::new();
        for (name, value) in &parts.headers {
            bytes += name.as_str().len() + value.len();
            headers.push((name.as_str().to_owned(), value.to_str().map_err(|_| unreadable())?.to_owned()));
        }
        if bytes > HEADERS_BYTES_MAX {
            return Err(unreadable());
        }
        // HTTP/2 has the host elsewhere.
        if let (None, Some(authority)) = (parts.headers.get("host"), parts.uri.authority()) {
            headers.push(("host".into(), authority.to_string()));
        }
        if parts.uri.path() != "/" {
            return Err(Refusal::new(Kind::UnknownOperation, "every request goes to the path /"));
        }
        let request = Signed {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            headers: &headers,
            body,
        };
        let service = match protocol {
            Protocol::Query => "sts",
            Protocol::Json => "kms",
        };
        verify(&request, Scope { region: &self.region, service }, now(), |id| self.look_up(id))
    }
}

/// How a body is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// KMS.
    Json,
    /// STS.
    Query,
}

struct Reply {
    status: u16,
    protocol: Protocol,
    body: Zeroizing<Vec<u8>>,
}

impl Reply {
    fn refused(refusal: &Refusal, protocol: Protocol, request_id: &str) -> Self {
        let body = match protocol {
            Protocol::Query => sts::refusal(refusal, request_id).into_bytes(),
            Protocol::Json => {
                let text = serde_json::json!({ "__type": refusal.kind.name(), "message": refusal.message });
                text.to_string().into_bytes()
            }
        };
        Self { status: refusal.kind.status(), protocol, body: Zeroizing::new(body) }
    }

    fn into_response(mut self, request_id: &str) -> Response<Body> {
        let mut response = Response::new(Body::from(std::mem::take(&mut *self.body)));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = match self.protocol {
            Protocol::Json => "application/x-amz-json-1.1",
            Protocol::Query => "text/xml",
        };
        response.headers_mut().insert("content-type", HeaderValue::from_static(kind));
        if let Ok(id) = HeaderValue::from_str(request_id) {
            response.headers_mut().insert("x-amzn-requestid", id);
        }
        response
    }
}

/// A fresh UUID of version 4.
fn request_id() -> String {
    use rand_core::RngCore;
    let mut bytes = [0; 16];
    // For logs only: without kernel randomness it is all zeros.
    let _ = rand_core::OsRng.try_fill_bytes(&mut bytes);
    let [_, _, _, _, _, _, six, _, eight, ..] = &mut bytes;
    *six = *six & 0x0f | 0x40;
    *eight = *eight & 0x3f | 0x80;
    proto::kms::uuid(&bytes)
}
