//! RSA whose private exponent is shared: any T parties sign and decrypt (`spec/rsa.md`).
//!
//! Shoup's threshold RSA (EUROCRYPT 2000) with replicated pieces of d over the integers. A party
//! raises the padded block, which it builds itself, to the sum of the pieces assigned to it; the
//! client multiplies the partial results and verifies with the public key. Proofs are asked for only
//! when that fails, to know whom to leave out.
//!
//! | who | file | what |
//! |---|---|---|
//! | both | `public.rs`, `hash.rs`, `encode/` | the key's public half; hashes; padding |
//! | client | `import.rs` | splits an existing key |
//! | all parties | `generate/` | a key that nobody ever holds |
//! | party | `share.rs` | accepts its share |
//! | party | `stored.rs`, `partial.rs` | what it keeps; a partial result |
//! | client | `combine.rs` | the result, verified |
//! | both | `proof.rs` | who gave a wrong partial |
//!
//! The caller guarantees authenticated, confidential channels, and that a party answers only what it
//! has authorised.

pub mod combine;
pub mod encode;
mod exponent;
pub mod generate;
mod hash;
pub mod import;
mod partial;
mod proof;
mod public;
mod share;
mod stored;

pub use self::exponent::Exponent;
pub use self::hash::Hash;
pub use self::partial::Partial;
pub use self::proof::Proof;
pub use self::public::{KeyError, PublicKey};
pub use self::share::{KeyShare, Values};
pub use self::stored::Stored;
