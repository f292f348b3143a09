//! Upper bounds that both ends enforce before they allocate or compute.

/// Version of every hello, stored record and registry command.
pub const FORMAT: u32 = 1;
/// Largest frame between a client and a node, in bytes (an answer with objects is the largest).
pub const CLIENT_FRAME_BYTES_MAX: usize = 8 << 20;
/// Largest frame a client may send before its hello was accepted, in bytes.
pub const HELLO_FRAME_BYTES_MAX: usize = 1 << 10;
/// Largest payload of an envelope between nodes, in bytes (a presign reply is 40 kB on P-256; the largest is the
/// account of a candidate for an RSA key of 4096 bits among nine nodes, two products of some 310 kB).
pub const PEER_PAYLOAD_BYTES_MAX: usize = 1 << 20;
/// Largest gRPC message between nodes, in bytes (some 64 registry commands are the largest; snapshots go in pieces).
pub const PEER_MESSAGE_BYTES_MAX: usize = 64 << 20;
/// Largest registry command, in bytes.
pub const COMMAND_BYTES_MAX: usize = 512 << 10;
/// Longest set of attributes of a session key, all values together, in bytes: nodes keep it in memory.
pub const SESSION_KEY_BYTES_MAX: usize = 4 << 10;
/// Most session keys that one request declares destroyed.
pub const DESTROYED_MAX: usize = 4096;
/// Largest value of one attribute, in bytes.
pub const ATTRIBUTE_BYTES_MAX: usize = 64 << 10;
/// Most attributes of one object.
pub const ATTRIBUTES_MAX: usize = 128;
/// Most objects that one command creates.
pub const OBJECTS_PER_COMMAND_MAX: usize = 4;
/// Bytes of records after which an answer with objects ends.
pub const OBJECTS_ANSWER_BYTES: usize = 2 << 20;
/// Longest digest that may be signed, in bytes.
pub const DIGEST_BYTES_MAX: usize = 64;
/// Most random bytes in one answer.
pub const RANDOM_BYTES_MAX: usize = 4096;
/// Most presignature ids in one lease.
pub const LEASE_MAX: u32 = 16;
/// Registry indices after its start within which a generated key must be recorded.
pub const BIRTH_WINDOW: u64 = 4096;
/// Registry indices that a command stays valid and its id is remembered.
pub const COMMAND_WINDOW: u64 = 4096;
/// Longest name of a client, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
