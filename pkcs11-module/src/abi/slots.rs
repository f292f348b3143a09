//! Slot and token management (PKCS#11 3.0 section 5.5).

use std::ffi::c_void;

use cryptoki_sys::*;
use token::Provider;
use token::info::Version;

use super::ptr::Ptr;
use super::{Answer, Failure, buffer, unsupported};

/// `C_GetSlotList`.
pub(super) fn slot_list(
    provider: &Provider,
    token_present: bool,
    slots: Ptr<'_, CK_SLOT_ID>,
    count: Ptr<'_, CK_ULONG>,
) -> Answer {
    let count = count.required()?;
    buffer::give_list(slots, count, &provider.slot_list(token_present)?)
}

/// `C_GetSlotInfo`.
pub(super) fn slot_info(provider: &Provider, slot: CK_SLOT_ID, info: Ptr<'_, CK_SLOT_INFO>) -> Answer {
    let info = info.required()?;
    let slot = provider.slot_info(slot)?;
    info.write(CK_SLOT_INFO {
        slotDescription: slot.description,
        manufacturerID: slot.manufacturer,
        flags: slot.flags,
        hardwareVersion: version(slot.hardware_version),
        firmwareVersion: version(slot.firmware_version),
    })
}

/// `C_GetTokenInfo`.
pub(super) fn token_info(provider: &Provider, slot: CK_SLOT_ID, info: Ptr<'_, CK_TOKEN_INFO>) -> Answer {
    let info = info.required()?;
    let token = provider.token_info(slot)?;
    info.write(CK_TOKEN_INFO {
        label: token.label,
        manufacturerID: token.manufacturer,
        model: token.model,
        serialNumber: token.serial,
        flags: token.flags,
        ulMaxSessionCount: token.max_session_count,
        ulSessionCount: token.session_count,
        ulMaxRwSessionCount: token.max_rw_session_count,
        ulRwSessionCount: token.rw_session_count,
        ulMaxPinLen: token.max_pin_len,
        ulMinPinLen: token.min_pin_len,
        ulTotalPublicMemory: CK_UNAVAILABLE_INFORMATION,
        ulFreePublicMemory: CK_UNAVAILABLE_INFORMATION,
        ulTotalPrivateMemory: CK_UNAVAILABLE_INFORMATION,
        ulFreePrivateMemory: CK_UNAVAILABLE_INFORMATION,
        hardwareVersion: version(token.hardware_version),
        firmwareVersion: version(token.firmware_version),
        // Without CKF_CLOCK_ON_TOKEN there is no time to tell.
        utcTime: [b'0'; 16],
    })
}

/// `C_GetMechanismList`.
pub(super) fn mechanism_list(
    provider: &Provider,
    slot: CK_SLOT_ID,
    mechanisms: Ptr<'_, CK_MECHANISM_TYPE>,
    count: Ptr<'_, CK_ULONG>,
) -> Answer {
    let count = count.required()?;
    buffer::give_list(mechanisms, count, &provider.mechanism_list(slot)?)
}

/// `C_GetMechanismInfo`.
pub(super) fn mechanism_info(
    provider: &Provider,
    slot: CK_SLOT_ID,
    mechanism: CK_MECHANISM_TYPE,
    info: Ptr<'_, CK_MECHANISM_INFO>,
) -> Answer {
    let info = info.required()?;
    let mechanism = provider.mechanism_info(slot, mechanism)?;
    info.write(CK_MECHANISM_INFO {
        ulMinKeySize: mechanism.min_key_size,
        ulMaxKeySize: mechanism.max_key_size,
        flags: mechanism.flags,
    })
}

/// `C_InitToken`. The label is 32 bytes, padded with blanks, without a NUL.
pub(super) fn init_token(
    provider: &Provider,
    slot: CK_SLOT_ID,
    pin: Ptr<'_, CK_UTF8CHAR>,
    pin_len: CK_ULONG,
    label: Ptr<'_, CK_UTF8CHAR>,
) -> Answer {
    let label = label.field::<32>()?;
    Ok(provider.init_token(slot, &pin.pin(pin_len)?, &label)?)
}

/// `C_InitPIN`.
pub(super) fn init_pin(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    pin: Ptr<'_, CK_UTF8CHAR>,
    pin_len: CK_ULONG,
) -> Answer {
    Ok(provider.init_pin(session, &pin.pin(pin_len)?)?)
}

/// `C_SetPIN`.
pub(super) fn set_pin(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    old_pin: Ptr<'_, CK_UTF8CHAR>,
    old_len: CK_ULONG,
    new_pin: Ptr<'_, CK_UTF8CHAR>,
    new_len: CK_ULONG,
) -> Answer {
    let old = old_pin.pin(old_len)?;
    Ok(provider.set_pin(session, &old, &new_pin.pin(new_len)?)?)
}

/// `C_WaitForSlotEvent`. Tokens are never pulled out of their slots: there is no event now, and none to wait for.
pub(super) fn wait_for_slot_event(
    _: &Provider,
    flags: CK_FLAGS,
    slot: Ptr<'_, CK_SLOT_ID>,
    reserved: Ptr<'_, c_void>,
) -> Answer {
    slot.required()?;
    if !reserved.is_null() {
        return Err(Failure::ARGUMENTS_BAD);
    }
    if flags & CKF_DONT_BLOCK == 0 {
        return unsupported::not_supported();
    }
    Err(Failure::Interface(CKR_NO_EVENT))
}

fn version(version: Version) -> CK_VERSION {
    CK_VERSION { major: version.major, minor: version.minor }
}
