//! The calls of the cases of Baseline and Extended Provider.

use std::ptr::null_mut;

use cryptoki_sys::*;
use roxmltree::Node;

use super::{Follower, element, value, words};
use crate::call;
use crate::session::{Attribute, template};

/// Called, and answered with this; beside the return value the answer is looked at only if it is `CKR_OK`.
type Done = Result<(), String>;

impl Follower<'_> {
    /// Makes a call of the case and holds its answer against the case's.
    pub(super) fn pair(&mut self, asked: Node<'_, '_>, answer: Node<'_, '_>) -> Done {
        let module = &self.token.module;
        let expected = words::return_value(answer.attribute("rv").ok_or("the answer has no rv")?)?;
        let is = |rv: CK_RV| match rv == expected {
            true => Ok(rv == CKR_OK),
            false => Err(format!("{rv:#x} in place of {expected:#x}")),
        };
        let session = || self.number(asked, "Session");
        let slot = || self.number(asked, "SlotID");
        match asked.tag_name().name() {
            "C_Initialize" => is(module.initialize()).map(drop),
            "C_Finalize" => is(module.finalize()).map(drop),
            "C_GetInfo" => {
                let mut info = CK_INFO::default();
                if !is(call!(module, C_GetInfo(&mut info)))? {
                    return Ok(());
                }
                holds(info.flags == 0, "flags must be 0")?;
                texts(&[&info.manufacturerID, &info.libraryDescription])
            }
            "C_GetSlotInfo" => {
                let mut info = CK_SLOT_INFO::default();
                if !is(call!(module, C_GetSlotInfo(slot()?, &mut info)))? {
                    return Ok(());
                }
                required(answer, info.flags, CKF_TOKEN_PRESENT)?;
                texts(&[&info.slotDescription, &info.manufacturerID])
            }
            "C_GetTokenInfo" => {
                let mut info = CK_TOKEN_INFO::default();
                if !is(call!(module, C_GetTokenInfo(slot()?, &mut info)))? {
                    return Ok(());
                }
                required(answer, info.flags, words::REQUIRED)?;
                texts(&[&info.label, &info.manufacturerID, &info.model, &info.serialNumber])
            }
            "C_GetSlotList" => {
                let present = words::truth(self.text(asked, "TokenPresent")?)?;
                let (mut list, mut count) = self.room(asked, "SlotList")?;
                let at = list.as_mut().map_or(null_mut(), Vec::as_mut_ptr);
                is(call!(module, C_GetSlotList(present, at, &mut count)))?;
                let list = list.map(|list| self.own_slot_first(&list));
                self.listed(answer, ("SlotList", "SlotID"), (list, count))
            }
            "C_GetMechanismList" => {
                let (mut list, mut count) = self.room(asked, "MechanismList")?;
                let at = list.as_mut().map_or(null_mut(), Vec::as_mut_ptr);
                is(call!(module, C_GetMechanismList(slot()?, at, &mut count)))?;
                self.listed(answer, ("MechanismList", "Type"), (list, count))
            }
            "C_GetMechanismInfo" => {
                let mut info = CK_MECHANISM_INFO::default();
                let mechanism = words::mechanism(self.text(asked, "Type")?)?;
                if !is(call!(module, C_GetMechanismInfo(slot()?, mechanism, &mut info)))? {
                    return Ok(());
                }
                holds(info.ulMinKeySize <= info.ulMaxKeySize, "the least size is above the largest")?;
                holds(info.flags & flags_of(answer)? != 0, "no use of the case's is among the flags")
            }
            "C_OpenSession" => {
                let (flags, mut handle) = (words::flags(self.text(asked, "Flags")?)?, 0);
                is(call!(module, C_OpenSession(slot()?, flags, null_mut(), None, &mut handle)))?;
                self.bind(value(answer, "Session"), handle);
                Ok(())
            }
            "C_CloseSession" => is(call!(module, C_CloseSession(session()?))).map(drop),
            "C_CloseAllSessions" => is(call!(module, C_CloseAllSessions(slot()?))).map(drop),
            "C_Login" => {
                let user = words::user(self.text(asked, "UserType")?)?;
                let mut pin = self.resolved(self.text(asked, "Pin")?)?.into_bytes();
                is(call!(module, C_Login(session()?, user, pin.as_mut_ptr(), pin.len() as CK_ULONG)))
                    .map(drop)
            }
            "C_Logout" => is(call!(module, C_Logout(session()?))).map(drop),
            "C_FindObjectsInit" => {
                let attributes = attributes(asked)?;
                let mut template = template(&attributes);
                let count = template.len() as CK_ULONG;
                is(call!(module, C_FindObjectsInit(session()?, template.as_mut_ptr(), count))).map(drop)
            }
            "C_FindObjects" => {
                let (list, mut count) = self.room(asked, "Object")?;
                let (mut list, most) = (list.ok_or("Object has no length")?, count);
                is(call!(module, C_FindObjects(session()?, list.as_mut_ptr(), most, &mut count)))?;
                holds(count <= most, "more objects than were asked for")?;
                self.listed(answer, ("Object", "Object"), (Some(list), count))
            }
            "C_FindObjectsFinal" => is(call!(module, C_FindObjectsFinal(session()?))).map(drop),
            other => Err(format!("{other} is no call of these profiles")),
        }
    }

    /// Room for a list as long as the call says; none where the call asks for the length.
    fn room(&self, asked: Node<'_, '_>, list: &str) -> Result<(Option<Vec<CK_ULONG>>, CK_ULONG), String> {
        let list = element(asked, list).ok_or_else(|| format!("{list} is missing"))?;
        let Some(length) = list.attribute("length") else { return Ok((None, 0)) };
        let length = words::number(&self.resolved(length)?)?;
        holds(length <= LENGTH_MAX, "a list of this length")?;
        Ok((Some(vec![0; length as usize]), length))
    }

    /// A case works with the first slot: that is the token's, whatever else the library has.
    fn own_slot_first(&self, slots: &[CK_SLOT_ID]) -> Vec<CK_SLOT_ID> {
        let (mut own, others): (Vec<_>, Vec<_>) = slots.iter().partition(|slot| **slot == self.token.slot);
        own.extend(others);
        own
    }

    /// A length or a list that was answered: what the case names must be there, and its variables stand for the rest.
    fn listed(
        &mut self,
        answer: Node<'_, '_>,
        (list, item): (&str, &str),
        (said, count): (Option<Vec<CK_ULONG>>, CK_ULONG),
    ) -> Done {
        let list = element(answer, list).ok_or_else(|| format!("the answer has no {list}"))?;
        let Some(said) = said else {
            self.bind(list.attribute("length"), count);
            return Ok(());
        };
        let said = said.get(..count as usize).ok_or("more than there was room for")?;
        for (place, named) in list.children().filter(|child| child.has_tag_name(item)).enumerate() {
            let written = named.attribute("value");
            match written.filter(|written| super::variable(written).is_none()) {
                Some(name) => holds(said.contains(&words::mechanism(name)?), &format!("{name} is missing"))?,
                None => self.bind(written, said.get(place).ok_or("fewer than the case has")?),
            }
        }
        Ok(())
    }
}

/// The attributes of a template, each with its value.
fn attributes(asked: Node<'_, '_>) -> Result<Vec<Attribute>, String> {
    let template = element(asked, "Template").ok_or("Template is missing")?;
    let attributes = template.children().filter(|child| child.has_tag_name("Attribute"));
    let attribute = |node: Node<'_, '_>| {
        let kind = words::attribute(node.attribute("type").ok_or("an attribute without a type")?)?;
        let written = node.attribute("value").ok_or("an attribute without a value")?;
        let value = match kind {
            CKA_TOKEN => vec![words::truth(written)?],
            CKA_LABEL => written.as_bytes().to_vec(),
            _ => return Err(format!("a search by attribute {kind:#x}")),
        };
        Ok((kind, value))
    };
    attributes.map(attribute).collect()
}

fn flags_of(answer: Node<'_, '_>) -> Result<CK_FLAGS, String> {
    let written = element(answer, "Info").and_then(|info| value(info, "Flags"));
    words::flags(written.ok_or("the answer has no flags")?)
}

/// Of what the case's answer has, what is `required` must be there.
fn required(answer: Node<'_, '_>, flags: CK_FLAGS, required: CK_FLAGS) -> Done {
    let missing = flags_of(answer)? & required & !flags;
    holds(missing == 0, &format!("flags {missing:#x} are missing"))
}

/// Texts are UTF-8, filled up with blanks and without an end (PKCS#11 3.1, section 3.1).
fn texts(texts: &[&[u8]]) -> Done {
    let is_text = |text: &&[u8]| std::str::from_utf8(text).is_ok_and(|text| !text.contains('\0'));
    holds(texts.iter().all(is_text), "a text that is not filled up with blanks")
}

fn holds(true_: bool, otherwise: &str) -> Done {
    if true_ { Ok(()) } else { Err(otherwise.into()) }
}

/// Of a list that a case may ask for.
const LENGTH_MAX: CK_ULONG = 1 << 16;
