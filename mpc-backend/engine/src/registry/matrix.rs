//! Who may give which command. The table is the rule: `check` asks it, and the page
//! `mpc-backend/docs/matrix.md` is written from it.

use super::Id;
use super::Refusal;
use super::verify::Authors;

/// Who signs a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// T different operators of the manifest.
    Operators,
    /// An enrolled client that is not revoked.
    Client,
    /// The token's security officer, by login key.
    SecurityOfficer,
    /// The token's user, by login key.
    User,
}

impl Signer {
    fn words(self) -> &'static str {
        match self {
            Self::Operators => "T operators",
            Self::Client => "an enrolled client",
            Self::SecurityOfficer => "the token's SO login",
            Self::User => "the token's user login",
        }
    }
}

/// A command in the situation that matters for who may give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Let a client in.
    EnrolClient,
    /// Shut a client out, for good.
    RevokeClient,
    /// Make an uninitialised token.
    CreateToken,
    /// The first `C_InitToken`.
    InitTokenFirst,
    /// `C_InitToken` on an initialised token: its objects and the user's login go.
    InitTokenAgain,
    /// `C_InitPIN`, or `C_SetPIN` by the user.
    SetLoginOfUser,
    /// `C_SetPIN` by the SO.
    SetLoginOfSecurityOfficer,
    /// New objects, none of them private.
    CreatePublicObjects,
    /// New objects, at least one of them private or a key with shares.
    CreatePrivateObjects,
    /// Other attributes for a public object.
    UpdatePublicObject,
    /// Other attributes for a private object.
    UpdatePrivateObject,
    /// An object is made, or changed, that is trusted before or after: `CKA_TRUSTED`.
    SetTrusted,
    /// A public object goes.
    DestroyPublicObject,
    /// A private object goes, and its shares with it.
    DestroyPrivateObject,
}

/// One row: any of the alternatives will do, and each needs all its signers.
pub struct Row {
    /// The command.
    pub case: Case,
    /// Its name for people.
    pub name: &'static str,
    /// Alternatives.
    pub any_of: &'static [&'static [Signer]],
}

use Signer::{Client, Operators, SecurityOfficer, User};

/// The matrix.
pub const MATRIX: &[Row] = &[
    Row { case: Case::EnrolClient, name: "EnrolClient", any_of: &[&[Operators]] },
    Row { case: Case::RevokeClient, name: "RevokeClient", any_of: &[&[Operators]] },
    Row { case: Case::CreateToken, name: "CreateToken", any_of: &[&[Operators]] },
    Row { case: Case::InitTokenFirst, name: "InitToken (first)", any_of: &[&[Client]] },
    Row {
        case: Case::InitTokenAgain,
        name: "InitToken (initialised token)",
        any_of: &[&[Client, SecurityOfficer], &[Client, Operators]],
    },
    Row { case: Case::SetLoginOfUser, name: "SetLogin (user)", any_of: &[&[SecurityOfficer], &[User]] },
    Row { case: Case::SetLoginOfSecurityOfficer, name: "SetLogin (SO)", any_of: &[&[SecurityOfficer]] },
    Row {
        case: Case::CreatePublicObjects,
        name: "CreateObjects (public)",
        any_of: &[&[Client], &[User], &[SecurityOfficer]],
    },
    Row { case: Case::CreatePrivateObjects, name: "CreateObjects (private)", any_of: &[&[User]] },
    Row {
        case: Case::UpdatePublicObject,
        name: "UpdateObject (public)",
        any_of: &[&[Client], &[User], &[SecurityOfficer]],
    },
    Row { case: Case::UpdatePrivateObject, name: "UpdateObject (private)", any_of: &[&[User]] },
    Row {
        case: Case::SetTrusted,
        name: "a new or changed object with CKA_TRUSTED",
        any_of: &[&[SecurityOfficer]],
    },
    Row {
        case: Case::DestroyPublicObject,
        name: "DestroyObject (public)",
        any_of: &[&[Client], &[User], &[SecurityOfficer]],
    },
    Row { case: Case::DestroyPrivateObject, name: "DestroyObject (private)", any_of: &[&[User]] },
];

/// Whether these authors may give this command on this token; `Ok` is what the caller relies on.
pub(super) fn allow(case: Case, token: Option<&Id>, authors: &Authors) -> Result<(), Refusal> {
    let row = MATRIX.iter().find(|row| row.case == case).expect("every case has a row, as a test checks");
    let signed = |signer: &Signer| match signer {
        Signer::Operators => authors.operators_suffice(),
        Signer::Client => authors.has_client(),
        Signer::SecurityOfficer => token.is_some_and(|token| authors.is_security_officer_of(token)),
        Signer::User => token.is_some_and(|token| authors.is_user_of(token)),
    };
    if row.any_of.iter().any(|alternative| alternative.iter().all(signed)) {
        return Ok(());
    }
    Err(Refusal::NotAllowed { command: row.name, needs: needs(row) })
}

fn needs(row: &Row) -> String {
    let all = |signers: &&[Signer]| signers.iter().map(|s| s.words()).collect::<Vec<_>>().join(" and ");
    row.any_of.iter().map(all).collect::<Vec<_>>().join(", or ")
}

/// The matrix as the page `mpc-backend/docs/matrix.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# Who may give which registry command\n\n\
         Written from `engine/src/registry/matrix.rs` by its test; change the table there.\n\
         Every node checks the signatures itself before it applies a command.\n\n\
         | command | signed by |\n|---|---|\n",
    );
    for row in MATRIX {
        page.push_str(&format!("| {} | {} |\n", row.name, needs(row)));
    }
    page.push_str(OUTSIDE);
    page
}

/// What is asked of one node and changes no registry: `client::dispatch` holds to it.
const OUTSIDE: &str = "
Outside the registry, asked of one node and decided by it alone:

| request | by |
|---|---|
| Status | an enrolled client, or one operator |
| RenewPair: end this node's quarantine of a peer, make the pair anew | one operator |
| Complain: T signed answers of one set that make no signature | an enrolled client with the token's user login, about its own requests |
| KmsEvaluate, KmsSeal, KmsCheck: use of a KMS key | an enrolled client with the token's user login, by a statement that it signed, where the key's policy or a grant allows the operation |
| KmsNonces | an enrolled client |

A KMS key is an object whose record has a policy. Commands that change it, and those that destroy it, need beside their
signers one enrolled client whom the policy or a grant, as they stand before the command, allow every operation that the
change is. Its other uses, through PKCS#11 too, are such statements as well, and held against the policy in the same way.
";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_case_has_one_row() {
        use Case::*;
        for case in [
            EnrolClient,
            RevokeClient,
            CreateToken,
            InitTokenFirst,
            InitTokenAgain,
            SetLoginOfUser,
            SetLoginOfSecurityOfficer,
            CreatePublicObjects,
            CreatePrivateObjects,
            UpdatePublicObject,
            UpdatePrivateObject,
            SetTrusted,
            DestroyPublicObject,
            DestroyPrivateObject,
        ] {
            assert_eq!(MATRIX.iter().filter(|row| row.case == case).count(), 1, "{case:?}");
        }
    }

    /// `UPDATE_DOCS=1 cargo test -p engine` writes the page anew.
    #[test]
    fn page_in_docs_is_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/matrix.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs")).unwrap();
            std::fs::write(path, page()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), page());
    }
}
