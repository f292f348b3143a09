//! Whole clusters of engines in one process, driven by seeds.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod service;
mod sim;
mod user;
