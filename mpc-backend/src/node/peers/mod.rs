//! The streams to the other nodes: one long-lived bidirectional gRPC stream per pair, dialled by the
//! higher index. Raft's unary calls use the same service.
//!
//! Read in this order: `links` (what is connected, checks), `dial` (outwards), `service` (inwards).

mod dial;
mod links;
mod service;

pub use dial::{Dialler, channel};
pub use links::{Links, PeerInput, check};
pub use service::serve;
