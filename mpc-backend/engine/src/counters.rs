//! What a node counts since its start.

/// What a node counts since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Partial signatures answered.
    pub signatures: u64,
    /// Presignatures made.
    pub presignatures: u64,
    /// Failed checks of peers' protocol messages.
    pub failed_checks: u64,
    /// Keys generated.
    pub keys_generated: u64,
    /// Client requests answered with an error.
    pub refused_requests: u64,
    /// Peer messages that were refused: malformed, of an unknown session, round or epoch.
    pub refused_messages: u64,
}
