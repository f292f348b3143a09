//! Calls: drawn at random, and made.

use cryptoki_sys::*;

use super::model::{Given, Model};
use crate::grid::arena::Arena;
use crate::grid::library::Library;
use crate::grid::world::World;

/// One call; sessions by their place in the model.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names are those of the functions")]
pub enum Call {
    Open {
        write: bool,
    },
    /// Any function with a session that was closed.
    Unknown,
    Close {
        session: usize,
    },
    Info {
        session: usize,
    },
    Cancel {
        session: usize,
        flags: CK_FLAGS,
    },
    FindInit {
        session: usize,
        label: u8,
    },
    Find {
        session: usize,
        most: usize,
    },
    FindFinal {
        session: usize,
    },
    Create {
        session: usize,
        private: bool,
        modifiable: bool,
        copyable: bool,
        destroyable: bool,
        label: u8,
    },
    Copy {
        session: usize,
        object: usize,
    },
    Destroy {
        session: usize,
        object: usize,
    },
    Label {
        session: usize,
        object: usize,
    },
    SetLabel {
        session: usize,
        object: usize,
        label: u8,
    },
    Init {
        session: usize,
        kind: Kind,
        mechanism: Option<CK_MECHANISM_TYPE>,
        key: usize,
    },
    Single {
        session: usize,
        kind: Kind,
        message: Message,
        into: Into,
    },
    Update {
        session: usize,
        kind: Kind,
        message: Message,
    },
    Final {
        session: usize,
        kind: Kind,
        into: Into,
    },
}

/// Of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Kind {
    Digest,
    Sign,
    Verify,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Digest, Self::Sign, Self::Verify];
}

/// What is digested, signed or verified.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Message {
    Bytes(Vec<u8>),
    /// A null pointer with a length.
    Null,
}

/// Where the result goes, or the signature that is verified.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Into {
    Room,
    Length,
    Small,
    /// Null for the length, or for the signature.
    Null,
    Signature(Vec<u8>),
}

/// SplitMix64: the same calls for the same number.
pub struct Random(u64);

impl Random {
    /// Of a sequence. The number is mixed first: streams from neighbouring states are one stream, shifted.
    pub fn new(number: u64) -> Self {
        Self(Self::mixed(number ^ 0xd1b5_4a32_d192_ed03))
    }

    /// The next number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        Self::mixed(self.0) % limit
    }

    fn mixed(number: u64) -> u64 {
        let once = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let twice = (once ^ (once >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        twice ^ (twice >> 31)
    }

    fn one_in(&mut self, odds: u64) -> bool {
        self.below(odds) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

/// Draws calls and makes them.
pub struct Caller<'a> {
    library: &'a Library,
    world: &'a World,
    arena: Arena,
    closed: usize,
    gone: usize,
}

impl<'a> Caller<'a> {
    /// For one sequence.
    pub fn new(library: &'a Library, world: &'a World) -> Self {
        Self { library, world, arena: Arena::new(), closed: world.closed, gone: world.destroyed }
    }

    /// The next call.
    pub fn draw(&self, random: &mut Random, model: &Model) -> Call {
        if model.sessions.is_empty() || (model.sessions.len() < 3 && random.one_in(12)) {
            return Call::Open { write: !random.one_in(3) };
        }
        let session = random.below(model.sessions.len() as u64) as usize;
        let label = random.below(3) as u8;
        let known = model.objects.len() as u64;
        let object = match random.below(known + 1) {
            gone if gone == known => self.gone,
            at => model.objects[at as usize].handle,
        };
        match random.below(40) {
            0 => Call::Unknown,
            1 => Call::Close { session },
            2 => Call::Info { session },
            3 => {
                let all = [
                    CKF_SIGN,
                    CKF_DIGEST,
                    CKF_VERIFY,
                    CKF_FIND_OBJECTS,
                    CKF_SIGN | CKF_DIGEST,
                    0,
                    CK_FLAGS::MAX,
                ];
                Call::Cancel { session, flags: random.of(&all) }
            }
            4 | 5 => Call::FindInit { session, label },
            6 | 7 => Call::Find { session, most: random.below(3) as usize },
            8 => Call::FindFinal { session },
            9 | 10 => Call::Create {
                session,
                private: random.one_in(3),
                modifiable: !random.one_in(4),
                copyable: !random.one_in(4),
                destroyable: !random.one_in(4),
                label,
            },
            11 => Call::Copy { session, object },
            12 => Call::Destroy { session, object },
            13 => Call::Label { session, object },
            14 => Call::SetLabel { session, object, label },
            other => self.draw_operation(random, model, session, other),
        }
    }

    fn draw_operation(&self, random: &mut Random, model: &Model, session: usize, choice: u64) -> Call {
        let mut kind = random.of(&Kind::ALL);
        let active: Vec<_> = Kind::ALL.into_iter().filter(|kind| model.is_active(session, *kind)).collect();
        if choice >= 24 && !active.is_empty() && !random.one_in(4) {
            kind = random.of(&active);
        }
        match choice {
            15..=23 => {
                let right =
                    if kind == Kind::Digest { CKM_SHA256 } else { random.of(&[CKM_ECDSA, CKM_ECDSA_SHA256]) };
                let wrong = random.of(&[CKM_SHA256, CKM_ECDSA, CKM_EC_KEY_PAIR_GEN, CKM_VENDOR_DEFINED]);
                let mechanism = if random.one_in(8) { wrong } else { right };
                let key = match kind {
                    _ if random.one_in(10) => self.gone,
                    Kind::Sign => self.world.private,
                    Kind::Verify | Kind::Digest => self.world.public,
                };
                Call::Init { session, kind, mechanism: (!random.one_in(10)).then_some(mechanism), key }
            }
            24..=29 => Call::Update { session, kind, message: message(random) },
            30..=34 => {
                let (message, into) = self.ends(random, model, kind);
                Call::Single { session, kind, message, into }
            }
            _ => {
                let (_, into) = self.ends(random, model, kind);
                Call::Final { session, kind, into }
            }
        }
    }

    /// A message with a place for the result, or with a signature: one that was made, with its message, or another.
    fn ends(&self, random: &mut Random, model: &Model, kind: Kind) -> (Message, Into) {
        if random.one_in(12) {
            return (message(random), Into::Null);
        }
        if kind == Kind::Verify {
            let made = model.signatures.last().filter(|_| !random.one_in(3));
            return match made {
                Some((_, whole, signature)) => {
                    (Message::Bytes(whole.clone()), Into::Signature(signature.clone()))
                }
                None => (message(random), Into::Signature(vec![1; random.of(&[64, 64, 63, 0])])),
            };
        }
        // A signature asks the cluster: few of them end well.
        let odds = if kind == Kind::Sign { 6 } else { 2 };
        let into = match random.one_in(odds) {
            true => Into::Room,
            false => {
                [Into::Length, Into::Small].into_iter().nth(random.below(2) as usize).unwrap_or(Into::Room)
            }
        };
        (message(random), into)
    }

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
                let mechanism = mechanism.map_or(0, |id| a.mechanism(id, 0, 0));
                match kind {
                    Kind::Digest => code("C_DigestInit", &[handle(session), mechanism]),
                    Kind::Sign => code("C_SignInit", &[handle(session), mechanism, *key]),
                    Kind::Verify => code("C_VerifyInit", &[handle(session), mechanism, *key]),
                }
            }
            Call::Update { session, kind, message } => {
                let (data, length) = put(a, message);
                let name = ["C_DigestUpdate", "C_SignUpdate", "C_VerifyUpdate"][*kind as usize];
                code(name, &[handle(session), data, length])
            }
            Call::Single { session, kind, message, into } => {
                let (data, length) = put(a, message);
                let name = ["C_Digest", "C_Sign", "C_Verify"][*kind as usize];
                end(library, a, name, &[handle(session), data, length], *kind, into)
            }
            Call::Final { session, kind, into } => {
                let name = ["C_DigestFinal", "C_SignFinal", "C_VerifyFinal"][*kind as usize];
                end(library, a, name, &[handle(session)], *kind, into)
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
        Into::Null => ([a.room(64, 0), 0], None),
        Into::Length => ([0, a.number(0, 0)], Some(0)),
        Into::Small => ([a.room(8, 0), a.number(8, 0)], Some(0)),
        Into::Room => ([a.room(64, 0), a.number(64, 0)], Some(64)),
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

fn message(random: &mut Random) -> Message {
    if random.one_in(16) {
        return Message::Null;
    }
    let length = random.of(&[0, 1, 20, 32, 32, 32, 48, 64, 65, 100]);
    Message::Bytes((0..length).map(|_| random.below(256) as u8).collect())
}
