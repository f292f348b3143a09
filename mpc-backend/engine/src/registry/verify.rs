//! Who authored a command: what verifies becomes [`Authors`], which only this file constructs and which
//! the matrix demands.

use std::collections::BTreeSet;

use proto::registry::v1::{Role, SignedCommand, author};
use proto::statement;

use super::{Id, PublicKey, Refusal, Registry};

/// Most signatures on one command: T of at most 9 operators, a client, a login, and room.
const SIGNATURES_MAX: usize = 16;

/// Those whose signatures on one command verified.
pub(super) struct Authors {
    threshold: usize,
    operators: BTreeSet<PublicKey>,
    clients: BTreeSet<PublicKey>,
    logins: BTreeSet<(Id, i32)>,
}

impl Authors {
    pub(super) fn operators_suffice(&self) -> bool {
        self.operators.len() >= self.threshold
    }

    pub(super) fn has_client(&self) -> bool {
        !self.clients.is_empty()
    }

    /// The client that signed, if it is one alone.
    pub(super) fn client(&self) -> Option<&PublicKey> {
        self.clients.first().filter(|_| self.clients.len() == 1)
    }

    pub(super) fn is_security_officer_of(&self, token: &Id) -> bool {
        self.logins.contains(&(*token, Role::SecurityOfficer as i32))
    }

    pub(super) fn is_user_of(&self, token: &Id) -> bool {
        self.logins.contains(&(*token, Role::User as i32))
    }
}

/// Verifies every signature of a command. One bad signature refuses the command: an honest author
/// never sends one along.
pub(super) fn authors(registry: &Registry, signed: &SignedCommand) -> Result<Authors, Refusal> {
    if signed.signatures.len() > SIGNATURES_MAX {
        return Err(Refusal::TooLarge("list of signatures"));
    }
    let trust = registry.trust();
    let statement = statement::command(&trust.cluster_id, &signed.command);
    let mut authors = Authors {
        threshold: trust.threshold,
        operators: BTreeSet::new(),
        clients: BTreeSet::new(),
        logins: BTreeSet::new(),
    };
    for (position, signature) in signed.signatures.iter().enumerate() {
        let bad = Refusal::BadSignature(position);
        let kind = signature.author.as_ref().and_then(|author| author.kind.as_ref());
        let (key, fresh) = match kind.ok_or_else(|| bad.clone())? {
            author::Kind::OperatorKey(key) => {
                let key = *trust
                    .operators
                    .iter()
                    .find(|known| known.as_slice() == key.as_slice())
                    .ok_or_else(|| bad.clone())?;
                (key, authors.operators.insert(key))
            }
            author::Kind::ClientKey(key) => {
                let key = PublicKey::try_from(key.as_slice()).map_err(|_| bad.clone())?;
                if !registry.is_enrolled(&key) {
                    return Err(bad);
                }
                (key, authors.clients.insert(key))
            }
            author::Kind::Login(login) => {
                let token = Id::try_from(login.token_id.as_slice()).map_err(|_| bad.clone())?;
                let record = registry.login(&token, login.role()).ok_or_else(|| bad.clone())?;
                let key = PublicKey::try_from(record.login_key.as_slice()).map_err(|_| bad.clone())?;
                (key, authors.logins.insert((token, login.role)))
            }
        };
        if !fresh {
            return Err(Refusal::RepeatedAuthor(position));
        }
        if !statement.verify(&key, &signature.signature) {
            return Err(bad);
        }
    }
    Ok(authors)
}
