//! The KMS agent: it speaks AWS's KMS protocol to programs on this machine, and is a client of the cluster as
//! the PKCS#11 library is.
//!
//! It has no authority: each access key stands for a cluster identity of its own, and the nodes decide for
//! themselves, by the key's policy, what that identity may do. It sees what its programs encrypt and decrypt, as
//! the programs do, so it belongs on their machine.
//!
//! Reading order: [`server`] (a request comes in), [`sigv4`] (who signed it), [`operations`] (what it means),
//! [`keys`] (what is asked of the cluster), [`cluster`] (how), [`blob`] (ciphertexts), [`error`] (refusals); [`kubernetes`] is the other face.
#![forbid(unsafe_code)]

pub mod agent;
pub mod algorithm;
pub mod blob;
pub mod cluster;
pub mod credentials;
pub mod error;
pub mod keys;
pub mod kubernetes;
mod mechanism;
pub mod operations;
pub mod server;
pub mod sigv4;
pub mod sts;
mod tls;
pub mod upkeep;
mod verification;
