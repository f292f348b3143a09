//! Slots and tokens (PKCS#11 3.1 section 5.5).

use cryptoki_sys::*;

use super::Provider;
use crate::backend::{BackendError, PinStates, Role, TokenState};
use crate::info::{MechanismInfo, SlotInfo, TokenInfo, Version, blank_padded};
use crate::login::{PIN_BYTES_MAX, PIN_BYTES_MIN, SESSIONS_MAX};
use crate::mechanism::{self, MECHANISMS};
use crate::rv::{Error, Result};
use crate::slot::Slot;
use crate::sync::lock;

impl Provider {
    /// `C_GetSlotList`: each token has its slot, so `token_present` selects all.
    ///
    /// # Errors
    /// [`Error::Backend`] if the tokens were never read and cannot be.
    pub fn slot_list(&self, _token_present: bool) -> Result<Vec<u64>> {
        let tokens = self.backend.tokens()?;
        Ok(lock(&self.slots).update(&tokens).iter().map(|slot| slot.id).collect())
    }

    /// `C_GetSlotInfo`.
    ///
    /// # Errors
    /// [`Error::SlotIdInvalid`], [`Error::Backend`].
    pub fn slot_info(&self, slot: u64) -> Result<SlotInfo> {
        let slot = self.slot(slot)?;
        Ok(SlotInfo {
            description: blank_padded(&format!("Counterfoil token {}", slot.token)),
            manufacturer: blank_padded(MANUFACTURER),
            flags: CKF_TOKEN_PRESENT,
            hardware_version: VERSION,
            firmware_version: VERSION,
        })
    }

    /// `C_GetTokenInfo`.
    ///
    /// # Errors
    /// [`Error::SlotIdInvalid`], [`Error::Backend`].
    pub fn token_info(&self, slot: u64) -> Result<TokenInfo> {
        let slot = self.slot(slot)?;
        let token = self.token_state(&slot)?;
        let pins = self.backend.pin_states(slot.token)?;
        let access = lock(&slot.access);
        Ok(TokenInfo {
            label: token.label,
            manufacturer: blank_padded(MANUFACTURER),
            model: blank_padded("Counterfoil"),
            serial: token.serial,
            flags: token_flags(&token, pins, self.backend.has_own_pin(slot.token)),
            max_session_count: SESSIONS_MAX,
            session_count: access.sessions(),
            max_rw_session_count: SESSIONS_MAX,
            rw_session_count: access.read_write_sessions(),
            max_pin_len: PIN_BYTES_MAX as u64,
            min_pin_len: PIN_BYTES_MIN as u64,
            hardware_version: VERSION,
            firmware_version: VERSION,
        })
    }

    /// `C_GetMechanismList`.
    ///
    /// # Errors
    /// [`Error::SlotIdInvalid`], [`Error::Backend`].
    pub fn mechanism_list(&self, slot: u64) -> Result<Vec<u64>> {
        let token = self.slot(slot)?.token;
        let (hidden, policy) = (self.backend.hidden(token), self.backend.rsa_policy(token));
        let listed = MECHANISMS
            .iter()
            .filter(|mechanism| !mechanism.keys.are_hidden(&hidden) && mechanism.is_on(policy));
        Ok(listed.map(|mechanism| mechanism.id).collect())
    }

    /// `C_GetMechanismInfo`.
    ///
    /// # Errors
    /// [`Error::SlotIdInvalid`], [`Error::MechanismInvalid`], [`Error::Backend`].
    pub fn mechanism_info(&self, slot: u64, mechanism: u64) -> Result<MechanismInfo> {
        let token = self.slot(slot)?.token;
        let (hidden, policy) = (self.backend.hidden(token), self.backend.rsa_policy(token));
        let mechanism = mechanism::find(mechanism)?;
        if mechanism.keys.are_hidden(&hidden) || !mechanism.is_on(policy) {
            return Err(Error::MechanismInvalid);
        }
        Ok(mechanism.info(policy))
    }

    /// `C_InitToken`. `label` is blank-padded. All objects of the token are destroyed.
    ///
    /// # Errors
    /// [`Error::SlotIdInvalid`], [`Error::SessionExists`], [`Error::PinLenRange`] for a new token's PIN,
    /// [`Error::PinIncorrect`] for one that an initialised token cannot have, [`Error::Backend`].
    pub fn init_token(&self, slot: u64, so_pin: &[u8], label: &[u8; 32]) -> Result<()> {
        let slot = self.slot(slot)?;
        let _one_at_a_time = lock(&slot.gate);
        if lock(&slot.access).sessions() > 0 {
            return Err(Error::SessionExists);
        }
        if !pin_is_possible(so_pin) {
            let initialized = self.token_state(&slot)?.initialized;
            return Err(if initialized { Error::PinIncorrect } else { Error::PinLenRange });
        }
        self.backend.init_token(slot.token, so_pin, label)?;
        let lost = lock(&self.handles).forget_slot(slot.id);
        self.backend.destroy_session_keys(&lost.0);
        Ok(())
    }

    /// `C_InitPIN`.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::UserNotLoggedIn`] unless the security officer is,
    /// [`Error::PinLenRange`], [`Error::Backend`].
    pub fn init_pin(&self, session: u64, pin: &[u8]) -> Result<()> {
        let session = self.session(session)?;
        if session.role() != Some(Role::SecurityOfficer) {
            return Err(Error::UserNotLoggedIn);
        }
        if !pin_is_possible(pin) {
            return Err(Error::PinLenRange);
        }
        let answer = {
            let _one_at_a_time = lock(&session.slot.gate);
            self.backend.init_pin(session.slot.token, pin)
        };
        self.settle(&session.slot, answer)
    }

    /// `C_SetPIN`: the security officer's own PIN while logged in as such, the user's otherwise.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::SessionReadOnly`], [`Error::PinIncorrect`], [`Error::PinLenRange`],
    /// [`Error::Backend`].
    pub fn set_pin(&self, session: u64, old_pin: &[u8], new_pin: &[u8]) -> Result<()> {
        let session = self.session(session)?;
        if !session.read_write {
            return Err(Error::SessionReadOnly);
        }
        if !pin_is_possible(old_pin) {
            return Err(Error::PinIncorrect);
        }
        if !pin_is_possible(new_pin) {
            return Err(Error::PinLenRange);
        }
        let role = session.role().unwrap_or(Role::User);
        let _one_at_a_time = lock(&session.slot.gate);
        Ok(self.backend.set_pin(session.slot.token, role, old_pin, new_pin)?)
    }

    /// What the backend knows of a slot's token.
    pub(super) fn token_state(&self, slot: &Slot) -> Result<TokenState> {
        let tokens = self.backend.tokens()?;
        let token = tokens.into_iter().find(|token| token.id == slot.token);
        Ok(token.ok_or(BackendError::NoSuchToken)?)
    }
}

/// Whether any token of ours can have this PIN. One that cannot is not tried: each try counts towards the lock.
pub(super) fn pin_is_possible(pin: &[u8]) -> bool {
    (PIN_BYTES_MIN..=PIN_BYTES_MAX).contains(&pin.len())
}

fn token_flags(token: &TokenState, pins: PinStates, has_own_pin: bool) -> u64 {
    [
        (true, CKF_RNG | CKF_LOGIN_REQUIRED),
        (has_own_pin, CKF_PROTECTED_AUTHENTICATION_PATH),
        (token.initialized, CKF_TOKEN_INITIALIZED),
        (token.user_pin_initialized, CKF_USER_PIN_INITIALIZED),
        (token.user_pin_replaced, CKF_USER_PIN_TO_BE_CHANGED),
        (pins.user.count_low, CKF_USER_PIN_COUNT_LOW),
        (pins.user.final_try, CKF_USER_PIN_FINAL_TRY),
        (pins.user.locked, CKF_USER_PIN_LOCKED),
        (pins.security_officer.count_low, CKF_SO_PIN_COUNT_LOW),
        (pins.security_officer.final_try, CKF_SO_PIN_FINAL_TRY),
        (pins.security_officer.locked, CKF_SO_PIN_LOCKED),
    ]
    .into_iter()
    .filter(|(set, _)| *set)
    .fold(0, |flags, (_, flag)| flags | flag)
}

const MANUFACTURER: &str = "Counterfoil";
/// Version of the token as applications see it; grows with what a token can do.
const VERSION: Version = Version { major: 0, minor: 1 };
