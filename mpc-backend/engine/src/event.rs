//! What a node says about itself in its log. Each event is declared once, here; none carries a secret.

use std::fmt;

use crate::input::NodeIndex;

/// How loud an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For those who look for a fault.
    Debug,
    /// The course of things.
    Info,
    /// Something was refused or went wrong, and the node goes on.
    Warn,
    /// A person must look.
    Alarm,
}

macro_rules! events {
    ($($(#[doc = $doc:literal])* $level:ident $name:ident { $($field:ident: $kind:ty),* } $text:literal;)*) => {
        /// One line for the log.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Event {
            $($(#[doc = $doc])* $name {
                $(#[doc = concat!("The `", stringify!($field), "` of the line.")] $field: $kind),*
            }),*
        }

        impl Event {
            /// How loud.
            pub fn level(&self) -> Level {
                match self { $(Event::$name { .. } => Level::$level),* }
            }

            /// A stable name to filter by.
            pub fn name(&self) -> &'static str {
                match self { $(Event::$name { .. } => stringify!($name)),* }
            }
        }

        impl fmt::Display for Event {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Event::$name { $($field),* } => {
                        write!(f, $text)?;
                        $(write!(f, concat!(" ", stringify!($field), "={}"), $field)?;)*
                        Ok(())
                    }),*
                }
            }
        }
    };
}

events! {
    /// The start-up check moved on.
    Info PhaseChanged { phase: &'static str } "start-up";
    /// A peer holds a head of ours that our store does not know: an old copy was put back.
    Alarm StoreIsOld { peer: NodeIndex, ours: u64, theirs: u64 } "this node's store is older than a head that it signed; not voting until it has caught up";
    /// Two heads at one index.
    Alarm HeadsDiffer { peer: NodeIndex, index: u64 } "two registry heads at one index; registry writes stop";
    /// A peer's hello was accepted.
    Info PeerReady { peer: NodeIndex, boot_id: String } "peer connected";
    /// A peer's stream ended.
    Info PeerLost { peer: NodeIndex } "peer disconnected";
    /// A peer sent what it must not send.
    Warn PeerMessageRefused { peer: NodeIndex, protocol: i32, why: &'static str } "peer message refused";
    /// Fresh correlated randomness with a peer stands.
    Info PairReady { peer: NodeIndex } "pair set-up done";
    /// A check failed for which a peer is to blame: no pair stands with it until an operator renews it.
    Alarm PeerQuarantined { peer: NodeIndex, rule: String } "a check failed; the pair is destroyed and the peer quarantined until an operator renews it";
    /// A check of a peer's message failed. The messages are given as round:length:SHA-256.
    Warn CheckFailed { peer: NodeIndex, named: bool, rule: String, protocol: &'static str, session: String, messages: String } "a check of a peer's message failed";
    /// An operator had a pair set-up made anew; a quarantine is over.
    Warn PairRenewed { peer: NodeIndex, was: String } "pair set-up is made anew by an operator";
    /// Signed answers of a set of nodes did not make a signature.
    Alarm SignatureFailed { signers: String, rule: String, named: String, key: String, presignature: String, client: String } "answers of these nodes do not make a signature: one of them lies or is broken";
    /// A key's share is held, not yet in use.
    Info KeyGenerated { key: String } "key generated, waiting for its record";
    /// This node took its share of a key that a client brought.
    Info KeyImported { key: String } "key imported";
    /// One more batch of candidates for an RSA key.
    Debug RsaBatch { key: String, batches: u32 } "looking for an RSA key";
    /// An RSA key stands at all nodes: how many batches of candidates it took, and the bytes that this node sent.
    Info RsaKeyMade { key: String, batches: u32, sent_bytes: u64 } "RSA key found";
    /// An RSA key is ready before anybody asked for it.
    Info ModulusReady { owner: NodeIndex, kind: String } "RSA key made ahead";
    /// The making of an RSA key that nobody asked for ended without one.
    Info ModulusFailed { why: String } "RSA key not made ahead";
    /// Generation of a key ended without a key.
    Warn GenerationFailed { key: String, why: String } "key generation failed";
    /// The share of a key's copy is held, not yet in use.
    Info KeyCopied { key: String } "key copied, waiting for its record";
    /// The key is recorded and serves.
    Info KeyActive { key: String } "key active";
    /// The share of a key was erased.
    Info KeyErased { key: String, why: &'static str } "key share erased";
    /// Presigning ended without a presignature.
    Warn PresignFailed { key: String, why: String } "presigning failed";
    /// A use of a key.
    Info KeyUsed { key: String, client: String, mechanism: u64 } "key used";
    /// A use of a key of the KMS interface.
    Info KmsUsed { key: String, client: String, operation: String } "KMS key used";
    /// A use of a key was witnessed.
    Info UseGranted { key: String, client: String } "use granted";
    /// A client was refused.
    Warn RequestRefused { client: String, request: &'static str, code: &'static str, why: String } "request refused";
    /// A login proof was accepted.
    Info LoggedIn { client: String, token: String, role: &'static str } "login";
    /// A login was locked after too many tries.
    Warn PinLocked { token: String, role: &'static str } "login locked until its next success elsewhere or a new PIN";
    /// A registry command was applied.
    Info CommandApplied { index: u64, command: &'static str } "registry command applied";
    /// A registry command changed nothing.
    Warn CommandRefused { index: u64, why: String } "registry command refused";
    /// The registry was replaced by a snapshot.
    Info RegistryReplaced { index: u64 } "registry replaced by a snapshot";
}
