//! `counterfoil key generate`: a new key pair of all nodes. For an RSA key, which takes seconds to minutes, a bar on a
//! terminal; an interrupt ends the generation at every node, because its connection goes with this process.

use std::io::{IsTerminal, Write, stderr};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use client::config::Config;
use proto::client::v1::GenerationStatus;
use token::backend::{Curve, GeneratedPair, KeySpec, PublicExponent};
use token::object::pair::of_kind;

use crate::cli::failure::Failure;
use crate::cli::key_options::KeyOptions;
use crate::cli::remote::Caller;
use crate::cli::terminal::{result, tell};
use crate::shutdown::termination;

/// `counterfoil key generate …`
#[derive(clap::Args)]
pub struct Generate {
    /// Token and uses.
    #[command(flatten)]
    options: KeyOptions,
    /// rsa:2048, rsa:3072 or rsa:4096; ec:P-256, ec:P-384, ec:secp256k1, ec:edwards25519 or ec:curve25519.
    #[arg(long = "type", value_parser = parse_kind)]
    kind: KeySpec,
}

/// What happens while a key is made.
enum News {
    Ended(Result<GeneratedPair, Failure>),
    Interrupted,
}

impl Generate {
    /// Runs it: prints the private key's object id.
    pub fn run(self) -> Result<(), Failure> {
        let pin = self.options.pin()?;
        let usage = self.options.usage();
        let wanted = of_kind(self.kind, &self.options.purpose(&usage)).map_err(Failure::input)?;
        let bar = match self.kind {
            KeySpec::Rsa { bits, .. } if stderr().is_terminal() => Some(Bar::new(bits, &self.options)?),
            _ => None,
        };
        let (session, token) = self.options.log_in(&pin)?;
        let (sender, news) = channel();
        watch_for_interrupt(sender.clone())?;
        thread::spawn(move || {
            let made = session.backend().generate_key_pair(token, wanted).map_err(Failure::refused);
            session.backend().logout(token);
            // Nobody listens any more once the process ends.
            let _ = sender.send(News::Ended(made));
        });
        let made = wait(&news, bar)?;
        result(made.private.id);
        Ok(())
    }
}

/// Waits for the key, and shows how far it is.
fn wait(news: &Receiver<News>, bar: Option<Bar>) -> Result<GeneratedPair, Failure> {
    let ended = loop {
        match news.recv_timeout(LOOK) {
            Ok(ended) => break Some(ended),
            Err(RecvTimeoutError::Timeout) => bar.iter().for_each(Bar::show),
            Err(RecvTimeoutError::Disconnected) => break None,
        }
    };
    bar.iter().for_each(|_| Bar::clear());
    match ended {
        Some(News::Ended(made)) => made,
        Some(News::Interrupted) => {
            tell(
                "interrupted: the nodes give the key up. `counterfoil key list` shows if it was there already",
            );
            Err(Failure::refused("no key was made"))
        }
        None => Err(Failure::refused("the generation ended without an answer")),
    }
}

fn watch_for_interrupt(sender: Sender<News>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::refused)?;
    thread::spawn(move || {
        if runtime.block_on(termination()).is_ok() {
            let _ = sender.send(News::Interrupted);
        }
    });
    Ok(())
}

/// How far the generation of an RSA key is. Nobody knows when it ends: each batch of candidates has the same chance. The
/// bar shows how many of a hundred keys would be there by now.
struct Bar {
    caller: Caller,
    bits: u16,
    begun: Instant,
}

impl Bar {
    fn new(bits: u16, options: &KeyOptions) -> Result<Self, Failure> {
        let config = Config::load(&options.config).map_err(Failure::input)?;
        let caller = Caller::new(&config.manifest, config.identity.key());
        Ok(Self { caller, bits, begun: Instant::now() })
    }

    fn show(&self) {
        let answers = self.caller.status();
        let replies = answers.iter().filter_map(|(_, answer)| answer.as_ref().ok());
        let ours = replies.flat_map(|reply| &reply.generations).filter(|making| making.yours);
        let batches = ours.map(|making: &GenerationStatus| making.batches).max().unwrap_or(0);
        let line = line(self.bits, batches, self.begun.elapsed());
        // A terminal that has gone away is no error of ours.
        let _ = write!(stderr().lock(), "\r{line}");
    }

    fn clear() {
        let _ = write!(stderr().lock(), "\r{:BAR_COLUMNS$}\r", "");
    }
}

fn line(bits: u16, batches: u32, elapsed: Duration) -> String {
    let mean = BATCHES_MEAN.iter().find(|(size, _)| *size == bits).map_or(1.0, |(_, mean)| *mean);
    let part = 1.0 - (-f64::from(batches) / mean).exp();
    let full = "#".repeat((part * BAR_WIDTH as f64) as usize);
    let text = format!("RSA-{bits} [{full:<BAR_WIDTH$}] {batches} batches, {} s", elapsed.as_secs());
    format!("{text:<BAR_COLUMNS$}")
}

fn parse_kind(text: &str) -> Result<KeySpec, String> {
    let (family, which) = text.split_once(':').ok_or("write rsa:2048 or ec:P-256")?;
    match family.to_ascii_lowercase().as_str() {
        "rsa" => {
            let bits = which.parse().ok().filter(|bits| BATCHES_MEAN.iter().any(|(size, _)| size == bits));
            let bits = bits.ok_or("RSA keys are made of 2048, 3072 or 4096 bits")?;
            Ok(KeySpec::Rsa { bits, exponent: PublicExponent::F4 })
        }
        "ec" => {
            let named = Curve::ALL.iter().find(|curve| curve.name().eq_ignore_ascii_case(which));
            let names: Vec<&str> = Curve::ALL.iter().map(|curve| curve.name()).collect();
            named.map(|curve| KeySpec::Curve(*curve)).ok_or(format!("the curves are {}", names.join(", ")))
        }
        _ => Err("write rsa:2048 or ec:P-256".to_owned()),
    }
}

/// Batches of 32 candidates that a key takes on average, by the density of primes that have no factor below the sieve's
/// bound (`threshold/spec/rsa-generation.md`).
const BATCHES_MEAN: [(u16, f64); 3] = [(2048, 115.0), (3072, 230.0), (4096, 375.0)];
/// How often the nodes are asked how far they are.
const LOOK: Duration = Duration::from_millis(500);
const BAR_WIDTH: usize = 40;
/// Columns of the whole line.
const BAR_COLUMNS: usize = 79;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_kind_is_named_by_family_and_size_or_curve() {
        assert_eq!(parse_kind("rsa:3072"), Ok(KeySpec::Rsa { bits: 3072, exponent: PublicExponent::F4 }));
        assert_eq!(parse_kind("EC:p-384"), Ok(KeySpec::Curve(Curve::P384)));
        for wrong in ["rsa:1024", "rsa", "ec:P-224", "dsa:2048", "rsa:2048 "] {
            assert!(parse_kind(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_bar_never_goes_back_and_never_promises_the_end() {
        let hashes = |batches| line(2048, batches, Duration::ZERO).matches('#').count();
        assert_eq!(hashes(0), 0);
        assert!((1..2_000).all(|batches| hashes(batches - 1) <= hashes(batches)));
        assert_eq!((hashes(80), hashes(600)), (20, 39));
        assert_eq!(line(4096, u32::MAX, Duration::from_secs(600)).len(), BAR_COLUMNS);
    }
}
