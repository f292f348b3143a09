//! A running node: the engine on its own thread, and the edges around it.

pub mod clients;
pub mod peers;
