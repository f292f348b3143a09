//! The model: what each call must answer, from the state that the calls before it have left.

use cryptoki_sys::*;
use sha2::{Digest, Sha256};

use super::calls::{Call, Into, Kind, Message};
use crate::grid::report::name;
use crate::grid::state::Login;
use crate::grid::world::World;

/// What the library should know.
pub struct Model {
    login: Login,
    /// Handles of keys.
    private: usize,
    public: usize,
    pub sessions: Vec<Session>,
    pub objects: Vec<Object>,
    /// Signatures that were made: mechanism, message, signature.
    pub signatures: Vec<(CK_MECHANISM_TYPE, Vec<u8>, Vec<u8>)>,
    signed: bool,
}

/// An open session.
pub struct Session {
    pub handle: usize,
    write: bool,
    found: Option<Vec<usize>>,
    digest: Option<Operation>,
    sign: Option<Operation>,
    verify: Option<Operation>,
}

/// A session object.
pub struct Object {
    pub handle: usize,
    owner: usize,
    private: bool,
    modifiable: bool,
    copyable: bool,
    destroyable: bool,
    label: u8,
}

/// An active operation.
struct Operation {
    mechanism: CK_MECHANISM_TYPE,
    stage: Stage,
    message: Vec<u8>,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Started,
    /// A single-part call told the length.
    AtOnce,
    InParts,
}

/// What a call gave beside its code.
#[derive(Debug, Default)]
pub struct Given {
    /// The number it wrote: a handle, a count, a length, a state.
    pub number: usize,
    /// The bytes, or handles, it wrote.
    pub bytes: Vec<u8>,
}

type Checked = Result<(), String>;

impl Model {
    /// Nothing but the keys.
    pub fn new(world: &World) -> Self {
        Self {
            login: world.login,
            private: world.private,
            public: world.public,
            sessions: Vec::new(),
            objects: Vec::new(),
            signatures: Vec::new(),
            signed: false,
        }
    }

    /// Whether the last call made a signature.
    pub fn signed(&self) -> bool {
        self.signed
    }

    /// Whether a session has an active operation of a kind.
    pub fn is_active(&self, session: usize, kind: Kind) -> bool {
        let Session { digest, sign, verify, .. } = &self.sessions[session];
        match kind {
            Kind::Digest => digest.is_some(),
            Kind::Sign => sign.is_some(),
            Kind::Verify => verify.is_some(),
        }
    }

    /// Holds an answer against the model, and moves the model on.
    ///
    /// # Errors
    /// What was expected.
    pub fn check(&mut self, call: &Call, rv: CK_RV, given: &Given) -> Checked {
        self.signed = false;
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
                session.digest.take_if(|_| named(CKF_DIGEST));
                session.sign.take_if(|_| named(CKF_SIGN));
                session.verify.take_if(|_| named(CKF_VERIFY));
                expect(rv, CKR_OK)
            }
            Call::FindInit { .. } | Call::Find { .. } | Call::FindFinal { .. } => {
                self.finding(call, rv, given)
            }
            Call::Create { .. } | Call::Copy { .. } | Call::Destroy { .. } => self.lives(call, rv, given),
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
                let answer = update(self.sessions[*session].operation(*kind), message);
                expect(rv, answer)
            }
        }
    }

    fn opened(&mut self, write: bool, rv: CK_RV, given: &Given) -> Checked {
        if self.login == Login::SecurityOfficer && !write {
            return expect(rv, CKR_SESSION_READ_WRITE_SO_EXISTS);
        }
        let handle = given.number;
        self.sessions.push(Session { handle, write, found: None, digest: None, sign: None, verify: None });
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
                    owner: self.sessions[*session].handle,
                    private: *private,
                    modifiable: *modifiable,
                    copyable: *copyable,
                    destroyable: *destroyable,
                    label: *label,
                });
                expect(rv, CKR_OK)
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

    fn init(
        &mut self,
        session: usize,
        kind: Kind,
        mechanism: Option<CK_MECHANISM_TYPE>,
        key: usize,
    ) -> CK_RV {
        let (login, private, public) = (self.login, self.private, self.public);
        let operation = self.sessions[session].operation(kind);
        let Some(mechanism) = mechanism else {
            *operation = None;
            return CKR_OK;
        };
        if operation.is_some() {
            return CKR_OPERATION_ACTIVE;
        }
        let signs = matches!(mechanism, CKM_ECDSA | CKM_ECDSA_SHA256);
        let (fits, key_is_good) = match kind {
            Kind::Digest => (mechanism == CKM_SHA256, true),
            Kind::Sign => (signs, key == private && login == Login::User),
            Kind::Verify => (signs, key == public),
        };
        match (fits, key_is_good) {
            (false, _) => CKR_MECHANISM_INVALID,
            (true, false) => CKR_KEY_HANDLE_INVALID,
            (true, true) => {
                *operation = Some(Operation { mechanism, stage: Stage::Started, message: Vec::new() });
                CKR_OK
            }
        }
    }

    /// The single-part call if there is a message, else the final one.
    fn last(
        &mut self,
        session: usize,
        kind: Kind,
        message: Option<&Message>,
        into: &Into,
        rv: CK_RV,
        given: &Given,
    ) -> Checked {
        let active = self.sessions[session].operation(kind);
        if message.is_some_and(|message| matches!(message, Message::Null)) || matches!(into, Into::Null) {
            *active = None;
            return expect(rv, CKR_ARGUMENTS_BAD);
        }
        let Some(operation) = active else { return expect(rv, CKR_OPERATION_NOT_INITIALIZED) };
        match (message, &operation.stage) {
            (Some(_), Stage::InParts) => return expect(rv, CKR_OPERATION_ACTIVE),
            (Some(_), _) => operation.stage = Stage::AtOnce,
            (None, Stage::AtOnce) => {
                *active = None;
                return expect(rv, CKR_OPERATION_ACTIVE);
            }
            (None, _) => operation.stage = Stage::InParts,
        }
        let length = if kind == Kind::Digest { 32 } else { 64 };
        match into {
            Into::Length => {
                expect(rv, CKR_OK)?;
                return same(&given.number, &length);
            }
            Into::Small => {
                expect(rv, CKR_BUFFER_TOO_SMALL)?;
                return same(&given.number, &length);
            }
            Into::Null | Into::Room | Into::Signature(_) => {}
        }
        let Some(Operation { mechanism, message: mut whole, .. }) = active.take() else { return Ok(()) };
        if let Some(Message::Bytes(bytes)) = message {
            whole.extend_from_slice(bytes);
        }
        if mechanism == CKM_ECDSA && !(1..=64).contains(&whole.len()) {
            return expect(rv, CKR_DATA_LEN_RANGE);
        }
        match (kind, into) {
            (Kind::Digest, _) => {
                expect(rv, CKR_OK)?;
                same(&given.bytes, &Sha256::digest(&whole).to_vec())
            }
            (Kind::Sign, _) => {
                expect(rv, CKR_OK)?;
                same(&given.bytes.len(), &64)?;
                self.signed = true;
                self.signatures.push((mechanism, whole, given.bytes.clone()));
                Ok(())
            }
            (Kind::Verify, Into::Signature(signature)) if signature.len() != 64 => {
                expect(rv, CKR_SIGNATURE_LEN_RANGE)
            }
            (Kind::Verify, Into::Signature(signature)) => {
                let good = self.signatures.contains(&(mechanism, whole, signature.clone()));
                expect(rv, if good { CKR_OK } else { CKR_SIGNATURE_INVALID })
            }
            (Kind::Verify, _) => unreachable!("a signature is given to verify"),
        }
    }
}

fn update(active: &mut Option<Operation>, message: &Message) -> CK_RV {
    let Message::Bytes(bytes) = message else {
        *active = None;
        return CKR_ARGUMENTS_BAD;
    };
    let Some(operation) = active else { return CKR_OPERATION_NOT_INITIALIZED };
    if operation.stage == Stage::AtOnce {
        *active = None;
        return CKR_OPERATION_ACTIVE;
    }
    operation.stage = Stage::InParts;
    operation.message.extend_from_slice(bytes);
    if operation.mechanism == CKM_ECDSA && operation.message.len() > 64 {
        *active = None;
        return CKR_DATA_LEN_RANGE;
    }
    CKR_OK
}

impl Session {
    fn operation(&mut self, kind: Kind) -> &mut Option<Operation> {
        match kind {
            Kind::Digest => &mut self.digest,
            Kind::Sign => &mut self.sign,
            Kind::Verify => &mut self.verify,
        }
    }
}

fn expect(rv: CK_RV, expected: CK_RV) -> Checked {
    if rv == expected { Ok(()) } else { Err(name(expected)) }
}

fn same<T: PartialEq + std::fmt::Debug>(given: &T, expected: &T) -> Checked {
    if given == expected { Ok(()) } else { Err(format!("{expected:?} instead of {given:?}")) }
}
