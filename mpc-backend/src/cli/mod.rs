//! The `counterfoil` command, one file a subcommand.
//!
//! The ceremony needs no network and no shared secret: nodes, operators and clients make their own
//! keys, the manifest collects the public halves, and people compare one hash. Everything later
//! that needs T operators is a command file which each of them signs.
//!
//! Results go to standard output, text for people to standard error. Exit codes: 0 done, 1 the
//! cluster or a process refused, 2 the command line or a file is wrong.

pub mod adopt;
pub mod ceremony;
pub mod client;
pub mod cluster;
pub mod command;
pub mod config;
pub mod doctor;
pub mod evidence;
pub mod failure;
pub mod files;
pub mod generate;
pub mod health;
pub mod import;
pub mod key;
pub mod key_options;
pub mod keys;
pub mod lab;
pub mod node;
pub mod operator;
pub mod pair;
pub mod remote;
pub mod status;
pub mod terminal;
pub mod token;

use failure::Failure;

/// Counterfoil: private keys that are never whole, behind PKCS#11.
#[derive(clap::Parser)]
#[command(name = "counterfoil", version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(clap::Subcommand)]
enum Subject {
    /// A node's own key and configuration.
    #[command(subcommand)]
    Node(node::NodeCommand),
    /// An operator's key.
    #[command(subcommand)]
    Operator(operator::OperatorCommand),
    /// The manifest that names nodes and operators.
    #[command(subcommand)]
    Cluster(cluster::ClusterCommand),
    /// A client's key, configuration and enrolment.
    #[command(subcommand)]
    Client(client::ClientCommand),
    /// What operators agree to, as files.
    #[command(subcommand)]
    Command(command::CommandCommand),
    /// Tokens.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Keys and other objects of a token.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// The secrets that two nodes share, made anew.
    #[command(subcommand)]
    Pair(pair::PairCommand),
    /// A whole cluster on this machine.
    #[command(subcommand)]
    Lab(lab::LabCommand),
    /// How the nodes are; exit code 1 when something is wrong.
    Status(status::StatusCommand),
    /// Why an application does not get its signature; exit code 1 with what to do.
    Doctor(doctor::DoctorCommand),
}

impl Cli {
    /// Carries out what the command line says.
    pub fn run(self) -> Result<(), Failure> {
        match self.subject {
            Subject::Node(command) => command.run(),
            Subject::Operator(command) => command.run(),
            Subject::Cluster(command) => command.run(),
            Subject::Client(command) => command.run(),
            Subject::Command(command) => command.run(),
            Subject::Token(command) => command.run(),
            Subject::Key(command) => command.run(),
            Subject::Pair(command) => command.run(),
            Subject::Lab(command) => command.run(),
            Subject::Status(command) => command.run(),
            Subject::Doctor(command) => command.run(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use clap::CommandFactory;
    use ed25519_dalek::SigningKey;
    use proto::limits::FORMAT;
    use proto::manifest::{Manifest, NodeEntry, OperatorEntry};

    /// Operator `number` of [`manifest`].
    pub(crate) fn operator(number: u8) -> SigningKey {
        SigningKey::from_bytes(&[100 + number; 32])
    }

    /// A 2-of-3 manifest with operators o1 and o2.
    pub(crate) fn manifest() -> Manifest {
        let public = |seed: u8| SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes();
        Manifest {
            format: FORMAT,
            threshold: 2,
            nodes: (1..=3)
                .map(|index| NodeEntry {
                    index,
                    key: public(index),
                    peer: format!("127.0.0.1:{index}"),
                    client: format!("127.0.0.1:1{index}"),
                })
                .collect(),
            operators: (1..=2)
                .map(|number| OperatorEntry {
                    name: format!("o{number}"),
                    key: operator(number).verifying_key().to_bytes(),
                })
                .collect(),
        }
    }

    #[test]
    fn command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
