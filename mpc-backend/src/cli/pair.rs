//! `counterfoil pair`: the pair set-ups between nodes, which an operator can have made anew.

use std::path::PathBuf;

use crate::cli::ceremony;
use crate::cli::failure::Failure;
use crate::cli::files;
use crate::cli::remote::Caller;
use crate::cli::terminal::tell;

/// `counterfoil pair …`
#[derive(clap::Subcommand)]
pub enum PairCommand {
    /// End a node's quarantine of a peer, and have the two make fresh pair secrets.
    Renew {
        /// The manifest of the cluster.
        #[arg(long)]
        manifest: PathBuf,
        /// An operator's key file.
        #[arg(long)]
        operator_key: PathBuf,
        /// The node that quarantined the other.
        #[arg(long)]
        node: u8,
        /// The peer that it shall work with again.
        #[arg(long)]
        peer: u8,
    },
}

impl PairCommand {
    /// Runs it.
    pub fn run(self) -> Result<(), Failure> {
        let Self::Renew { manifest, operator_key, node, peer } = self;
        let manifest = files::manifest(&manifest)?;
        let key = ceremony::operator_key(&manifest, &operator_key)?;
        if node == peer || manifest.node(node).is_none() || manifest.node(peer).is_none() {
            return Err(Failure::input("give two different nodes of the manifest"));
        }
        Caller::new(&manifest, &key).renew_pair(node, peer)?;
        tell(format!("node {node} makes its pair with node {peer} anew; see `counterfoil status`"));
        Ok(())
    }
}
