//! `counterfoil token`: making a token (T operators), initialising it (its security officer), and listing.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use client::ClusterClient;
use proto::registry::v1::{CreateToken, command::Body};
use rand_core::{OsRng, RngCore};
use token::backend::{Backend, Role, TokenId, TokenState};
use zeroize::Zeroizing;

use crate::cli::ceremony::Agreement;
use crate::cli::failure::Failure;
use crate::cli::terminal::{result, tell};

/// `counterfoil token …`
#[derive(clap::Subcommand)]
pub enum TokenCommand {
    /// Make an empty token (T operators agree); prints its id.
    Create {
        /// How the operators agree.
        #[command(flatten)]
        agreement: Agreement,
    },
    /// Give an empty token its label and PINs, as `C_InitToken` and `C_InitPIN` do.
    Init {
        /// A client's configuration.
        #[arg(long)]
        config: PathBuf,
        /// The token's id; the first empty token if not given.
        #[arg(long, value_parser = parse_id)]
        id: Option<[u8; 16]>,
        /// The label, at most 32 bytes.
        #[arg(long, value_parser = parse_label)]
        label: String,
        /// The security officer's PIN. It shows in the list of processes: prefer --so-pin-file.
        #[arg(long, required_unless_present = "so_pin_file", conflicts_with = "so_pin_file")]
        so_pin: Option<Zeroizing<String>>,
        /// A file with the security officer's PIN as its first line.
        #[arg(long)]
        so_pin_file: Option<PathBuf>,
        /// The user's PIN; without it the user cannot log in yet.
        #[arg(long, conflicts_with = "pin_file")]
        pin: Option<Zeroizing<String>>,
        /// A file with the user's PIN as its first line.
        #[arg(long)]
        pin_file: Option<PathBuf>,
    },
    /// List the tokens.
    List {
        /// A client's configuration.
        #[arg(long)]
        config: PathBuf,
    },
}

impl TokenCommand {
    /// Runs it.
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create { agreement } => {
                let id = new_id();
                agreement.carry_out(creation(&id))?;
                result(hex::encode(id));
                Ok(())
            }
            Self::Init { config, id, label, so_pin, so_pin_file, pin, pin_file } => {
                let so_pin = one_pin(so_pin, so_pin_file.as_deref())?
                    .ok_or_else(|| Failure::input("give --so-pin-file or --so-pin"))?;
                let pin = one_pin(pin, pin_file.as_deref())?;
                initialise(&config, id, &label, &so_pin, pin.as_deref())?;
                tell(format!("token {label:?} is initialised"));
                Ok(())
            }
            Self::List { config } => {
                let states = Session::open(&config)?.tokens()?;
                states.iter().map(describe).for_each(result);
                Ok(())
            }
        }
    }
}

/// A connection to the cluster through the module's own client, closed when dropped.
pub struct Session(std::sync::Arc<ClusterClient>);

impl Session {
    /// Reads the configuration; connects when something is asked.
    pub fn open(config: &Path) -> Result<Self, Failure> {
        ClusterClient::from_config(config).map(Self).map_err(Failure::input)
    }

    /// What the module sees.
    pub fn backend(&self) -> &dyn Backend {
        self.0.as_ref()
    }

    /// Keys of the KMS interface on a token.
    pub fn kms(&self, token: TokenId) -> client::kms::Kms<'_> {
        self.0.kms(token)
    }

    fn tokens(&self) -> Result<Vec<TokenState>, Failure> {
        self.backend().tokens().map_err(Failure::refused)
    }

    /// The initialised token with this label.
    pub fn token(&self, label: &str) -> Result<TokenId, Failure> {
        let named: Vec<TokenState> = self
            .tokens()?
            .into_iter()
            .filter(|state| state.initialized && label_of(state) == label)
            .collect();
        match named.as_slice() {
            [one] => Ok(one.id),
            [] => Err(Failure::refused(format!("there is no token {label:?}: see `counterfoil token list`"))),
            _ => Err(Failure::refused(format!("several tokens are called {label:?}: rename all but one"))),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.0.shutdown();
    }
}

/// Labels of the initialised tokens.
pub fn labels(config: &Path) -> Result<Vec<String>, Failure> {
    let states = Session::open(config)?.tokens()?;
    Ok(states.iter().filter(|state| state.initialized).map(label_of).collect())
}

/// The command that makes a token.
pub fn creation(id: &[u8; 16]) -> Body {
    Body::CreateToken(CreateToken { token_id: id.to_vec() })
}

/// A fresh token id.
pub fn new_id() -> [u8; 16] {
    let mut id = [0; 16];
    OsRng.fill_bytes(&mut id);
    id
}

/// Sets label and PINs of an empty token: `id`, or the first one.
pub fn initialise(
    config: &Path,
    id: Option<[u8; 16]>,
    label: &str,
    so_pin: &str,
    pin: Option<&String>,
) -> Result<(), Failure> {
    let (session, token) = empty_token(config, id)?;
    let backend = session.backend();
    backend.init_token(token, so_pin.as_bytes(), &padded(label)).map_err(Failure::refused)?;
    let Some(pin) = pin else { return Ok(()) };
    backend.login(token, Role::SecurityOfficer, so_pin.as_bytes()).map_err(Failure::refused)?;
    let done = backend.init_pin(token, pin.as_bytes()).map_err(Failure::refused);
    backend.logout(token);
    done
}

/// The token to initialise. One that was made a moment ago may not be known yet to the nodes that
/// are asked, and a session keeps the list that it has read: so a fresh one asks again for a while.
fn empty_token(config: &Path, id: Option<[u8; 16]>) -> Result<(Session, TokenId), Failure> {
    let end = Instant::now() + SPREAD_LIMIT;
    loop {
        let session = Session::open(config)?;
        match choose_empty(&session.tokens()?, id)? {
            Some(token) => return Ok((session, token)),
            None if Instant::now() < end => std::thread::sleep(SPREAD_PAUSE),
            None => {
                let which =
                    id.map_or_else(|| "empty token".to_owned(), |id| format!("token {}", TokenId(id)));
                return Err(Failure::refused(format!(
                    "there is no {which}: operators make one with `counterfoil token create`"
                )));
            }
        }
    }
}

/// Token `id`, or the first empty one; an error if `id` is not empty.
fn choose_empty(states: &[TokenState], id: Option<[u8; 16]>) -> Result<Option<TokenId>, Failure> {
    let Some(id) = id else {
        return Ok(states.iter().find(|state| !state.initialized).map(|state| state.id));
    };
    match states.iter().find(|state| state.id == TokenId(id)) {
        Some(state) if state.initialized => Err(Failure::refused(format!(
            "token {} is called {:?} already: initialise it anew through PKCS#11, as its security officer",
            state.id,
            label_of(state)
        ))),
        found => Ok(found.map(|state| state.id)),
    }
}

/// A PIN from the command line, or the first line of a file.
pub fn one_pin(
    given: Option<Zeroizing<String>>,
    file: Option<&Path>,
) -> Result<Option<Zeroizing<String>>, Failure> {
    let Some(path) = file else { return Ok(given) };
    let text = fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| Failure::file(path, error, "give a file with the PIN as its first line"))?;
    Ok(Some(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())))
}

fn describe(state: &TokenState) -> String {
    let pins = match (state.initialized, state.user_pin_initialized) {
        (false, _) => "empty",
        (true, false) => "no user PIN",
        (true, true) => "ready",
    };
    format!("{}  {:<11}  {}", state.id, pins, label_of(state))
}

fn label_of(state: &TokenState) -> String {
    String::from_utf8_lossy(&state.label).trim_end_matches(['\0', ' ']).to_owned()
}

fn padded(label: &str) -> [u8; 32] {
    let mut padded = [b' '; 32];
    padded.iter_mut().zip(label.bytes()).for_each(|(place, byte)| *place = byte);
    padded
}

/// A token's label: 1 to 32 bytes, as PKCS#11 has room for.
pub fn parse_label(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 32 || text.chars().any(char::is_control) {
        return Err("a label has 1 to 32 printable bytes".to_owned());
    }
    Ok(text.to_owned())
}

fn parse_id(text: &str) -> Result<[u8; 16], String> {
    let id = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    id.ok_or_else(|| "an id is the 32 hex digits that `token list` shows".to_owned())
}

/// How long a new token may take to reach the nodes that are asked.
const SPREAD_LIMIT: Duration = Duration::from_secs(5);
const SPREAD_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_is_padded_and_read_back() {
        let mut state = TokenState {
            id: TokenId([1; 16]),
            label: padded("web keys"),
            serial: [b' '; 16],
            initialized: true,
            user_pin_initialized: false,
            user_pin_replaced: false,
        };
        assert_eq!(label_of(&state), "web keys");
        assert!(describe(&state).contains("no user PIN"));
        state.label = padded(&"ü".repeat(16));
        assert_eq!(label_of(&state), "ü".repeat(16));
    }

    #[test]
    fn token_in_use_is_not_chosen() {
        let state = |id, initialized| TokenState {
            id: TokenId([id; 16]),
            label: padded("t"),
            serial: [b' '; 16],
            initialized,
            user_pin_initialized: false,
            user_pin_replaced: false,
        };
        let states = [state(1, true), state(2, false)];
        assert_eq!(choose_empty(&states, None).ok(), Some(Some(TokenId([2; 16]))));
        assert_eq!(choose_empty(&states, Some([3; 16])).ok(), Some(None));
        assert!(choose_empty(&states, Some([1; 16])).is_err());
    }

    #[test]
    fn label_that_does_not_fit_is_refused() {
        assert!(parse_label(&"x".repeat(33)).is_err());
        assert!(parse_label("").is_err());
        assert!(parse_id("12").is_err());
    }
}
