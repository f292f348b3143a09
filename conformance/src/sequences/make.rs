//! Calls are made, and what they give is taken down.

use cryptoki_sys::*;

use super::Caller;
use super::calls::{Call, Into, Kind, Message, SMALL};
use super::model::{Given, Model};
use crate::grid::arena::Arena;
use crate::grid::library::Library;
use crate::grid::values::oaep;
use crate::session::P256;

impl Caller<'_> {
    /// Makes a call; its code and what it gave.
    pub fn make(&mut self, call: &Call, model: &Model) -> (CK_RV, Given) {
        self.arena.clear();
        let handle = |session: &usize| model.sessions[*session].handle;
        let library = self.library;
        let a = &mut self.arena;
        let number = |name: &str, words: &[usize], at: usize, a: &Arena| {
            (library.named(name, words), Given { number: a.word(at), bytes: Vec::new() })
        };
        let code = |name: &str, words: &[usize]| (library.named(name, words), Given::default());
        match call {
            Call::Open { write } => {
                let flags = CKF_SERIAL_SESSION | if *write { CKF_RW_SESSION } else { 0 };
                let at = a.number(0, 0);
                number("C_OpenSession", &[self.world.slot, flags as usize, 0, 0, at], at, a)
            }
            Call::Unknown => code("C_FindObjectsFinal", &[self.closed]),
            Call::Close { session } => {
                self.closed = handle(session);
                code("C_CloseSession", &[handle(session)])
            }
            Call::Info { session } => {
                let info = a.room(32, 0);
                number("C_GetSessionInfo", &[handle(session), info], info + 8, a)
            }
            Call::Cancel { session, flags } => code("C_SessionCancel", &[handle(session), *flags as usize]),
            Call::FindInit { session, label } => {
                let template = a.template(&[(CKA_LABEL, Some(&[b'L', *label]), 2)], 0);
                code("C_FindObjectsInit", &[handle(session), template, 1])
            }
            Call::Find { session, most } => {
                let (found, count) = (a.room(64, 0), a.number(0, 0));
                let rv = library.named("C_FindObjects", &[handle(session), found, *most, count]);
                let count = a.word(count).min(8);
                let bytes = (0..count).flat_map(|index| a.word(found + 8 * index).to_ne_bytes()).collect();
                (rv, Given { number: count, bytes })
            }
            Call::FindFinal { session } => code("C_FindObjectsFinal", &[handle(session)]),
            Call::Create { session, private, modifiable, copyable, destroyable, label } => {
                let class = CKO_DATA.to_ne_bytes();
                let entry = |kind, value: &bool| (kind, Some(if *value { &[1][..] } else { &[0][..] }), 1);
                let (template, at) = (
                    a.template(
                        &[
                            (CKA_CLASS, Some(&class), 8),
                            (CKA_LABEL, Some(&[b'L', *label]), 2),
                            entry(CKA_PRIVATE, private),
                            entry(CKA_MODIFIABLE, modifiable),
                            entry(CKA_COPYABLE, copyable),
                            entry(CKA_DESTROYABLE, destroyable),
                        ],
                        0,
                    ),
                    a.number(0, 0),
                );
                number("C_CreateObject", &[handle(session), template, 6, at], at, a)
            }
            Call::Generate { session, modifiable, copyable, destroyable, label } => {
                let entry = |kind, value: &bool| (kind, Some(if *value { &[1][..] } else { &[0][..] }), 1);
                let all = [
                    (CKA_LABEL, Some(&[b'L', *label][..]), 2),
                    entry(CKA_MODIFIABLE, modifiable),
                    entry(CKA_COPYABLE, copyable),
                    entry(CKA_DESTROYABLE, destroyable),
                    (CKA_EC_PARAMS, Some(&P256), P256.len()),
                ];
                let (public, private) = (a.template(&all, 0), a.template(&all[..4], 0));
                let mechanism = a.mechanism(CKM_EC_KEY_PAIR_GEN, 0, 0);
                let (first, second) = (a.number(0, 0), a.number(0, 0));
                let words = [handle(session), mechanism, public, 5, private, 4, first, second];
                let rv = library.named("C_GenerateKeyPair", &words);
                (rv, Given { number: a.word(second), bytes: a.bytes(first, 8) })
            }
            Call::Copy { session, object } => {
                let at = a.number(0, 0);
                number("C_CopyObject", &[handle(session), *object, 0, 0, at], at, a)
            }
            Call::Destroy { session, object } => {
                self.gone =
                    if model.objects.iter().any(|it| it.handle == *object) { self.gone } else { *object };
                code("C_DestroyObject", &[handle(session), *object])
            }
            Call::Label { session, object } => {
                let value = a.room(2, 0);
                let entry = [CKA_LABEL as usize, value, 2].map(usize::to_ne_bytes).concat();
                let template = a.put(&entry, 0);
                let rv = library.named("C_GetAttributeValue", &[handle(session), *object, template, 1]);
                (rv, Given { number: 0, bytes: a.bytes(value + 1, 1) })
            }
            Call::SetLabel { session, object, label } => {
                let template = a.template(&[(CKA_LABEL, Some(&[b'L', *label]), 2)], 0);
                code("C_SetAttributeValue", &[handle(session), *object, template, 1])
            }
            Call::Init { session, kind, mechanism, key } => {
                let mechanism = match mechanism {
                    None => 0,
                    Some(CKM_RSA_PKCS_OAEP) => oaep(a, CKM_SHA_1, CKG_MGF1_SHA1, [0, 0]),
                    Some(id) => a.mechanism(*id, 0, 0),
                };
                let name = format!("C_{kind:?}Init");
                match kind {
                    Kind::Digest => code(&name, &[handle(session), mechanism]),
                    _ => code(&name, &[handle(session), mechanism, *key]),
                }
            }
            Call::Update { session, kind, message } => {
                let (data, length) = put(a, message);
                let name = format!("C_{kind:?}Update");
                match kind.has_parts() {
                    true => code(&name, &[handle(session), data, length]),
                    // They write.
                    false => code(&name, &[handle(session), data, length, a.room(256, 0), a.number(256, 0)]),
                }
            }
            Call::Single { session, kind, message, into } => {
                let (data, length) = put(a, message);
                let name = format!("C_{kind:?}");
                end(library, a, &name, &[handle(session), data, length], *kind, into)
            }
            Call::Final { session, kind, into } => {
                let name = format!("C_{kind:?}Final");
                end(library, a, &name, &[handle(session)], *kind, into)
            }
        }
    }

    /// Closes what the sequence has opened.
    pub fn end(&self, model: &Model) {
        for session in &model.sessions {
            self.library.named("C_CloseSession", &[session.handle]);
        }
    }
}

/// A call with the last word: the result goes into a buffer, or a signature is handed in.
fn end(
    library: &Library,
    a: &mut Arena,
    name: &str,
    first: &[usize],
    kind: Kind,
    into: &Into,
) -> (CK_RV, Given) {
    let (last, buffer) = match into {
        Into::Signature(signature) => ([a.put(signature, 0), signature.len()], None),
        Into::Null if kind == Kind::Verify => ([0, 64], None),
        Into::Null => ([a.room(256, 0), 0], None),
        Into::Length => ([0, a.number(0, 0)], Some(0)),
        Into::Small => ([a.room(SMALL, 0), a.number(SMALL, 0)], Some(SMALL)),
        Into::Room => ([a.room(256, 0), a.number(256, 0)], Some(256)),
    };
    let rv = library.named(name, &[first, &last].concat());
    let Some(room) = buffer else { return (rv, Given::default()) };
    let number = a.word(last[1]);
    let bytes = if room == 0 { Vec::new() } else { a.bytes(last[0], number.min(room)) };
    (rv, Given { number, bytes })
}

fn put(a: &mut Arena, message: &Message) -> (usize, usize) {
    match message {
        Message::Bytes(bytes) => (a.put(bytes, 0), bytes.len()),
        Message::Null => (0, 16),
    }
}
