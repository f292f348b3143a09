//! What the information functions answer: the C structures of PKCS#11 3.1 section 3, without the C.

/// `CK_VERSION`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Integer part.
    pub major: u8,
    /// Hundredths.
    pub minor: u8,
}

/// `CK_SLOT_INFO`. Texts are blank-padded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotInfo {
    /// Description of the slot.
    pub description: [u8; 64],
    /// Who made it.
    pub manufacturer: [u8; 32],
    /// `CKF_` bits.
    pub flags: u64,
    /// Version of the slot.
    pub hardware_version: Version,
    /// Version of this software.
    pub firmware_version: Version,
}

/// `CK_TOKEN_INFO`. Texts are blank-padded; memory sizes are unknown and left to the caller to report as
/// `CK_UNAVAILABLE_INFORMATION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// As given to `C_InitToken`.
    pub label: [u8; 32],
    /// Who made it.
    pub manufacturer: [u8; 32],
    /// Model.
    pub model: [u8; 16],
    /// Serial number.
    pub serial: [u8; 16],
    /// `CKF_` bits.
    pub flags: u64,
    /// Most sessions one application may open with the token.
    pub max_session_count: u64,
    /// Sessions open now.
    pub session_count: u64,
    /// Most read/write sessions.
    pub max_rw_session_count: u64,
    /// Read/write sessions open now.
    pub rw_session_count: u64,
    /// Longest PIN in bytes.
    pub max_pin_len: u64,
    /// Shortest PIN in bytes.
    pub min_pin_len: u64,
    /// Version of the token.
    pub hardware_version: Version,
    /// Version of this software.
    pub firmware_version: Version,
}

/// `CK_SESSION_INFO`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionInfo {
    /// The slot.
    pub slot: u64,
    /// `CKS_`.
    pub state: u64,
    /// `CKF_` bits.
    pub flags: u64,
    /// Always 0: errors are told by the call that met them.
    pub device_error: u64,
}

/// `CK_MECHANISM_INFO`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MechanismInfo {
    /// Smallest key in bits, 0 without a key.
    pub min_key_size: u64,
    /// Largest key in bits, 0 without a key.
    pub max_key_size: u64,
    /// `CKF_` bits.
    pub flags: u64,
}

/// `text` padded with blanks, or cut, to `N` bytes.
pub fn blank_padded<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [b' '; N];
    for (to, from) in field.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    field
}
