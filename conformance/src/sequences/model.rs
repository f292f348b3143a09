//! The model: what each call must answer, from the state that the calls before it have left. [`super::operations`] has
//! the part that is about operations.

use cryptoki_sys::*;

use super::calls::{Call, Kind};
use super::keys::{Pair, Rsa, What};
use super::operations::{Operations, Signed, update};
use crate::grid::report::name;
use crate::grid::state::Login;
use crate::grid::world::World;

/// What the library should know.
pub struct Model {
    login: Login,
    /// The keys that stand ready: handles, and what they are.
    ready: Vec<(usize, What)>,
    /// How many pairs were generated.
    pairs: usize,
    pub sessions: Vec<Session>,
    pub objects: Vec<Object>,
    /// Signatures that were made.
    pub signatures: Vec<Signed>,
    /// Plaintexts and what they became.
    pub ciphertexts: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) worked: bool,
}

/// An open session.
pub struct Session {
    pub handle: usize,
    write: bool,
    found: Option<Vec<usize>>,
    pub(super) operations: Operations,
}

/// A session object.
pub struct Object {
    pub handle: usize,
    what: What,
    owner: usize,
    private: bool,
    modifiable: bool,
    copyable: bool,
    destroyable: bool,
    label: u8,
}

/// What a call gave beside its code.
#[derive(Debug, Default)]
pub struct Given {
    /// The number it wrote: a handle, a count, a length, a state.
    pub number: usize,
    /// The bytes, or handles, it wrote.
    pub bytes: Vec<u8>,
}

pub(super) type Checked = Result<(), String>;

impl Model {
    /// Nothing but the keys.
    pub fn new(world: &World, rsa: &Rsa) -> Self {
        let mut ready =
            vec![(world.public, What::Public(Pair::Ec(0))), (rsa.public, What::Public(Pair::Rsa))];
        if world.login == Login::User {
            ready.push((world.private, What::Private(Pair::Ec(0))));
        }
        ready.extend(rsa.private.map(|private| (private, What::Private(Pair::Rsa))));
        Self {
            login: world.login,
            ready,
            pairs: 0,
            sessions: Vec::new(),
            objects: Vec::new(),
            signatures: Vec::new(),
            ciphertexts: vec![rsa.known.clone()],
            worked: false,
        }
    }

    /// Whether the nodes signed or decrypted with the last call.
    pub fn worked(&self) -> bool {
        self.worked
    }

    /// All objects that can be given as keys, of which some are none.
    pub fn keys(&self) -> Vec<(usize, What)> {
        let made = self.objects.iter().map(|object| (object.handle, object.what));
        self.ready.iter().copied().chain(made).collect()
    }

    /// The private key of an active operation, if it is the sequence's own.
    pub fn key_at_work(&self, session: usize) -> Option<usize> {
        let key = self.sessions[session].operations.key()?;
        self.objects.iter().any(|object| object.handle == key).then_some(key)
    }

    /// What a handle leads to.
    pub(super) fn what(&self, handle: usize) -> Option<What> {
        self.keys().into_iter().find(|(known, _)| *known == handle).map(|(_, what)| what)
    }

    /// Whether a session has an active operation of a kind.
    pub fn is_active(&self, session: usize, kind: Kind) -> bool {
        self.sessions[session].operations.is_active(kind)
    }

    /// Holds an answer against the model, and moves the model on.
    ///
    /// # Errors
    /// What was expected.
    pub fn check(&mut self, call: &Call, rv: CK_RV, given: &Given) -> Checked {
        self.worked = false;
        match call {
            Call::Open { write } => self.opened(*write, rv, given),
            Call::Unknown => expect(rv, CKR_SESSION_HANDLE_INVALID),
            Call::Close { session } => {
                let Session { handle, .. } = self.sessions.remove(*session);
                self.objects.retain(|object| object.owner != handle);
                expect(rv, CKR_OK)
            }
            Call::Info { session } => self.info(*session, rv, given),
            Call::Cancel { session, flags } => {
                let session = &mut self.sessions[*session];
                let named = |flag| flags & flag != 0;
                session.found.take_if(|_| named(CKF_FIND_OBJECTS));
                session.operations.cancel(named);
                expect(rv, CKR_OK)
            }
            Call::FindInit { .. } | Call::Find { .. } | Call::FindFinal { .. } => {
                self.finding(call, rv, given)
            }
            Call::Create { .. } | Call::Generate { .. } | Call::Copy { .. } | Call::Destroy { .. } => {
                self.lives(call, rv, given)
            }
            Call::Label { object, .. } => match self.visible(*object) {
                Some(object) => expect(rv, CKR_OK).and_then(|()| same(&given.bytes, &vec![object.label])),
                None => expect(rv, CKR_OBJECT_HANDLE_INVALID),
            },
            Call::SetLabel { object, label, .. } => match self.visible(*object) {
                None => expect(rv, CKR_OBJECT_HANDLE_INVALID),
                Some(object) if !object.modifiable => expect(rv, CKR_ACTION_PROHIBITED),
                Some(object) => {
                    object.label = *label;
                    expect(rv, CKR_OK)
                }
            },
            Call::Init { session, kind, mechanism, key } => {
                let answer = self.init(*session, *kind, *mechanism, *key);
                expect(rv, answer)
            }
            Call::Single { session, kind, message, into } => {
                self.last(*session, *kind, Some(message), into, rv, given)
            }
            Call::Final { session, kind, into } => self.last(*session, *kind, None, into, rv, given),
            Call::Update { session, kind, message } => {
                let answer = match kind.has_parts() {
                    true => update(self.sessions[*session].operations.of(*kind), message),
                    false => CKR_FUNCTION_NOT_SUPPORTED,
                };
                expect(rv, answer)
            }
        }
    }

    fn opened(&mut self, write: bool, rv: CK_RV, given: &Given) -> Checked {
        if self.login == Login::SecurityOfficer && !write {
            return expect(rv, CKR_SESSION_READ_WRITE_SO_EXISTS);
        }
        let handle = given.number;
        self.sessions.push(Session { handle, write, found: None, operations: Operations::default() });
        expect(rv, CKR_OK)
    }

    fn info(&self, session: usize, rv: CK_RV, given: &Given) -> Checked {
        let state = match (self.login, self.sessions[session].write) {
            (Login::User, true) => CKS_RW_USER_FUNCTIONS,
            (Login::User, false) => CKS_RO_USER_FUNCTIONS,
            (Login::SecurityOfficer, _) => CKS_RW_SO_FUNCTIONS,
            (_, true) => CKS_RW_PUBLIC_SESSION,
            (_, false) => CKS_RO_PUBLIC_SESSION,
        };
        expect(rv, CKR_OK)?;
        same(&given.number, &(state as usize))
    }

    fn finding(&mut self, call: &Call, rv: CK_RV, given: &Given) -> Checked {
        let user = self.login == Login::User;
        match call {
            Call::FindInit { session, label } => {
                let seen =
                    self.objects.iter().filter(|object| object.label == *label && (user || !object.private));
                let all = seen.map(|object| object.handle).collect();
                let found = &mut self.sessions[*session].found;
                if found.is_some() {
                    return expect(rv, CKR_OPERATION_ACTIVE);
                }
                *found = Some(all);
                expect(rv, CKR_OK)
            }
            Call::Find { session, most } => match &mut self.sessions[*session].found {
                None => expect(rv, CKR_OPERATION_NOT_INITIALIZED),
                Some(found) => {
                    let some: Vec<_> = found.drain(..(*most).min(found.len())).collect();
                    expect(rv, CKR_OK)?;
                    same(&given.bytes, &some.iter().flat_map(|handle| handle.to_ne_bytes()).collect())
                }
            },
            Call::FindFinal { session } => match self.sessions[*session].found.take() {
                None => expect(rv, CKR_OPERATION_NOT_INITIALIZED),
                Some(_) => expect(rv, CKR_OK),
            },
            _ => unreachable!("check() passes only these"),
        }
    }

    /// Objects come and go.
    fn lives(&mut self, call: &Call, rv: CK_RV, given: &Given) -> Checked {
        match call {
            Call::Create { session, private, modifiable, copyable, destroyable, label } => {
                if *private && self.login != Login::User {
                    return expect(rv, CKR_USER_NOT_LOGGED_IN);
                }
                self.objects.push(Object {
                    handle: given.number,
                    what: What::Data,
                    owner: self.sessions[*session].handle,
                    private: *private,
                    modifiable: *modifiable,
                    copyable: *copyable,
                    destroyable: *destroyable,
                    label: *label,
                });
                expect(rv, CKR_OK)
            }
            Call::Generate { session, modifiable, copyable, destroyable, label } => {
                if self.login != Login::User {
                    return expect(rv, CKR_USER_NOT_LOGGED_IN);
                }
                expect(rv, CKR_OK)?;
                self.pairs += 1;
                let pair = Pair::Ec(self.pairs);
                let public = usize::from_ne_bytes(given.bytes[..8].try_into().expect("8 bytes"));
                let half = |handle, what, private| Object {
                    handle,
                    what,
                    owner: self.sessions[*session].handle,
                    private,
                    modifiable: *modifiable,
                    copyable: *copyable,
                    destroyable: *destroyable,
                    label: *label,
                };
                let mut halves =
                    [half(public, What::Public(pair), false), half(given.number, What::Private(pair), true)];
                halves.sort_by_key(|half| half.handle);
                self.objects.extend(halves);
                Ok(())
            }
            Call::Copy { session, object } => {
                let owner = self.sessions[*session].handle;
                let Some(source) = self.visible(*object) else {
                    return expect(rv, CKR_OBJECT_HANDLE_INVALID);
                };
                if !source.copyable {
                    return expect(rv, CKR_ACTION_PROHIBITED);
                }
                let copy = Object { handle: given.number, owner, ..*source };
                self.objects.push(copy);
                expect(rv, CKR_OK)
            }
            Call::Destroy { object, .. } => match self.visible(*object) {
                None => expect(rv, CKR_OBJECT_HANDLE_INVALID),
                Some(found) if !found.destroyable => expect(rv, CKR_ACTION_PROHIBITED),
                Some(_) => {
                    self.objects.retain(|other| other.handle != *object);
                    expect(rv, CKR_OK)
                }
            },
            _ => unreachable!("check() passes only these"),
        }
    }

    fn visible(&mut self, handle: usize) -> Option<&mut Object> {
        // Private ones exist only while the user is logged in, and the login does not change within a sequence.
        self.objects.iter_mut().find(|object| object.handle == handle)
    }
}

pub(super) fn expect(rv: CK_RV, expected: CK_RV) -> Checked {
    if rv == expected { Ok(()) } else { Err(name(expected)) }
}

pub(super) fn same<T: PartialEq + std::fmt::Debug>(given: &T, expected: &T) -> Checked {
    if given == expected { Ok(()) } else { Err(format!("{expected:?} instead of {given:?}")) }
}
