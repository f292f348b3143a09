//! A cluster on one machine, for trying out and for tests: real node processes on loopback, real
//! keys, the same ceremony as on three hosts. What differs from production is only that all secrets
//! lie in one folder.
//!
//! ```text
//! DIR/manifest.toml
//! DIR/nodeN/      identity.key store-passphrase node.toml store.redb log pid pid.started
//! DIR/operatorN/  operator.key
//! DIR/client/     client.key client.toml client.log
//! DIR/kms/        client.key client.toml client.log kms.toml pin log pid pid.started
//!                 ca.pem tls.pem tls.key
//! ```

pub mod ca;
pub mod export;
pub mod kms;
pub mod layout;
pub mod ports;
pub mod process;
pub mod up;
