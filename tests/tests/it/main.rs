//! The whole system: node processes, the module in application processes, OpenSSL as the judge.
//!
//! Each test brings its own lab up and takes it down. Counts and durations are small by default;
//! the environment raises them for the long runs that the Makefile names.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod agreement;
mod crash_restart;
mod doctor;
mod hostile;
mod kms;
mod kubernetes;
mod lab_command;
mod many_applications;
mod memory_scan;
mod nginx;
mod old_store;
mod p11_kit;
mod rsa;
mod rsa_import;
mod signer_sets;
mod stopped_node;
mod strict;

/// A number from the environment, for long runs, or the default of the short one.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}
