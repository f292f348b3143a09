//! The shell of a node, and the `counterfoil` command.

pub mod cli;
