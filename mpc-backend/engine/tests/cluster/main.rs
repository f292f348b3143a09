//! Whole clusters of engines in one process, driven by seeds.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod crash;
mod refusals;
mod run;
mod service;
mod sim;
mod startup;
mod token;
mod user;
