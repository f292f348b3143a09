//! Threshold protocols as pure state machines.
//!
//! Absent on purpose: sockets, files, clocks, threads and system randomness. `no_std` makes them
//! impossible to name; messages, randomness and pairwise state come in as arguments and leave as
//! return values. Unsafe code is forbidden; the only neighbour is `arith`, which wraps AWS-LC.
//!
//! Reading order: [`party`] (who), [`round`] (how a round is written), [`transcript`] (what is
//! hashed), [`group`] (where the arithmetic is), then [`ecdsa`] from `presign` to `combine`, and [`frost`].
//! Each protocol has a specification in `spec/`, and the step numbers in the code are its numbers.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod codec;
pub mod dkg;
pub mod dprf;
pub mod ecdh;
pub mod ecdsa;
pub mod fault;
pub mod frost;
pub mod group;
pub mod oprf;
pub mod party;
mod presigning;
pub mod round;
pub mod rsa;
pub mod secret;
pub mod sharing;
pub mod signing;
#[cfg(feature = "sim")]
pub mod sim;
pub mod transcript;
