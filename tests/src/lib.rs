//! What whole-system tests and benchmarks share: a lab of real node processes, an application
//! process that loads the module, OpenSSL as the judge, and what the kernel says of processes.
//!
//! The module is a singleton of its process and reads its configuration from the environment, so
//! the applications here are child processes (`src/bin/application.rs`), never this one.

pub mod application;
pub mod bench;
pub mod curve;
pub mod lab;
pub mod library;
pub mod memory;
pub mod nginx;
pub mod openssl;
pub mod process;
pub mod rsa;
pub mod schnorr;
pub mod shares;
pub mod softhsm;
