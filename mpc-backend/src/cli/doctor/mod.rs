//! `counterfoil doctor`: goes the way of an application, from the configuration to a signature, and says in plain words
//! where it ends and what to do. It works with any PKCS#11 library; what it knows of nodes and configuration is ours.

mod cluster;
mod key;
mod library;
mod walk;

use std::fs;
use std::path::{Path, PathBuf};

use client::config::Config;
use zeroize::Zeroizing;

use crate::cli::failure::Failure;
use crate::cli::terminal::result;

/// `counterfoil doctor`
#[derive(clap::Args)]
pub struct DoctorCommand {
    /// The PKCS#11 library that the application loads.
    #[arg(long, env = "PKCS11_MODULE")]
    module: PathBuf,
    /// The client's configuration, for Counterfoil's own library; if not given, the one in its place
    /// (~/.config/counterfoil/client.toml, /etc/counterfoil/client.toml). Without any, nodes are not looked at one by one.
    #[arg(long, env = "COUNTERFOIL_CONFIG")]
    config: Option<PathBuf>,
    /// Label of the token; the first initialised one if not given.
    #[arg(long)]
    token: Option<String>,
    /// A file with the user's PIN as its first line. Without a PIN the way ends before the login.
    #[arg(long, conflicts_with = "pin_env")]
    pin_file: Option<PathBuf>,
    /// Name of an environment variable with the user's PIN.
    #[arg(long)]
    pin_env: Option<String>,
    /// Label of the private key to sign with; the first one if not given.
    #[arg(long)]
    key: Option<String>,
}

/// What was found on the way.
#[derive(Default)]
pub(super) struct Report {
    problems: Vec<Finding>,
}

/// What is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding(String);

impl Finding {
    /// `what` is wrong; `remedy` helps.
    pub(super) fn new(what: impl std::fmt::Display, remedy: &str) -> Self {
        let line = format!("{what}; {remedy}");
        Self(line.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// A line that has its remedy already.
    pub(super) fn line(line: impl std::fmt::Display) -> Self {
        Self(line.to_string().split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl Report {
    /// All is well here.
    pub(super) fn good(&mut self, text: impl std::fmt::Display) {
        result(format!("ok       {text}"));
    }

    /// Worth knowing; applications work all the same.
    pub(super) fn note(&mut self, finding: &Finding) {
        result(format!("note     {}", finding.0));
    }

    /// Applications do not work, or will not for long.
    pub(super) fn bad(&mut self, finding: Finding) {
        result(format!("problem  {}", finding.0));
        self.problems.push(finding);
    }
}

impl DoctorCommand {
    /// Runs it.
    pub fn run(self) -> Result<(), Failure> {
        let pin = self.pin()?;
        let mut report = Report::default();
        if let Some(config) = self.config.clone().or_else(Config::in_its_place) {
            // Whatever is wrong here explains what the library will say.
            if let Err(finding) = cluster::examine(&config, &mut report) {
                report.bad(finding);
            }
        }
        let wanted =
            walk::Wanted { token: self.token.as_deref(), pin: pin.as_ref(), key: self.key.as_deref() };
        if let Err(finding) = walk::walk(&self.module, &wanted, &mut report) {
            report.bad(finding);
        }
        match report.problems.first() {
            None => Ok(()),
            Some(first) => Err(Failure::refused(&first.0)),
        }
    }

    fn pin(&self) -> Result<Option<Zeroizing<String>>, Failure> {
        match (&self.pin_file, &self.pin_env) {
            (Some(file), _) => first_line(file).map(Some),
            (None, Some(name)) => match std::env::var(name) {
                Ok(pin) => Ok(Some(Zeroizing::new(pin))),
                Err(_) => Err(Failure::input(format!("{name}: is not set; set it to the user's PIN"))),
            },
            (None, None) => Ok(None),
        }
    }
}

fn first_line(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = fs::read_to_string(file).map(Zeroizing::new);
    let text =
        text.map_err(|error| Failure::file(file, error, "name a file with the PIN as its first line"))?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}
