//! Whole clusters of engines in one process, driven by seeds.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod agree;
mod blame;
mod complain;
mod consent;
mod crash;
mod curves;
mod fields;
mod import;
mod import_rsa;
mod import_session;
mod kms;
mod liars;
mod moduli;
mod nonce_rules;
mod planted;
mod pools;
mod population;
mod refusals;
mod rsa;
mod schemes;
mod seeds;
mod service;
mod session_keys;
mod sim;
mod startup;
mod strict;
mod token;
mod user;
mod waiting;
