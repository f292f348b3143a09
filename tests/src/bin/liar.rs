//! A node that lies: it is `counterfoil-node` in all but its answers to clients, in which every part of a signature,
//! decryption, agreement or evaluation is wrong. For the tests alone; `make shipped` shows that what is shipped has
//! nothing of it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use proto::client::v1::{NodeFrame, node_frame, response::Result as Reply};

#[derive(Parser)]
struct Arguments {
    /// The node's configuration file.
    #[arg(long, help = MARKER)]
    config: PathBuf,
}

fn main() -> ExitCode {
    mpc_backend::node::process::run_lying(&Arguments::parse().config, Some(lie))
}

fn lie(frame: &mut NodeFrame) {
    let Some(node_frame::Frame::Response(response)) = &mut frame.frame else { return };
    let part = match &mut response.result {
        Some(Reply::Sign(answer)) => &mut answer.partial,
        Some(Reply::Derive(answer)) => &mut answer.partial,
        Some(Reply::Rsa(answer)) => &mut answer.partial,
        Some(Reply::KmsEvaluate(answer)) => &mut answer.partial,
        Some(Reply::KmsSeal(answer)) => &mut answer.seal,
        _ => return,
    };
    let middle = part.len() / 2;
    part.iter_mut().skip(middle).take(1).for_each(|byte| *byte ^= 1);
}

/// What `make shipped` looks for.
const MARKER: &str = "counterfoil-lying-node";
