//! How a command that passed its check changes the state. Nothing here can fail.

use prost::Message;
use proto::registry::v1::{AppliedCommand, BirthStatement, Login, ObjectRecord, Role, TokenRecord};

use super::check::Mutation;
use super::{Id, KeyEntry, PublicKey, Registry};

/// What the rest of the node must act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The client may connect.
    ClientEnrolled(PublicKey),
    /// The client's connections end.
    ClientRevoked(PublicKey),
    /// Logins of this role of the token end.
    LoginReplaced(Id, Role),
    /// All objects of the token are gone.
    TokenInitialised(Id),
    /// The share of this key serves from now on.
    KeyRecorded(Id),
    /// The share of this key is erased.
    KeyRemoved(Id),
}

impl Registry {
    pub(super) fn commit(&mut self, index: u64, mutation: Mutation) -> Vec<Change> {
        match mutation {
            Mutation::Client(client) => {
                let key = PublicKey::try_from(client.client_key.as_slice()).expect("checked: 32 bytes");
                let change = match client.revoked {
                    true => Change::ClientRevoked(key),
                    false => Change::ClientEnrolled(key),
                };
                self.clients.insert(key, client);
                vec![change]
            }
            Mutation::Token(token) => {
                self.tokens.insert(fixed(&token.token_id), TokenRecord { changed_at: index, ..token });
                Vec::new()
            }
            Mutation::InitToken(token, oprf) => self.commit_init(index, token, oprf),
            Mutation::Login(token, role, oprf) => {
                let token_id = fixed(&token.token_id);
                let mut changes = self.remove_login_key(index, &token_id, role);
                changes.push(Change::LoginReplaced(token_id, role));
                changes.push(self.record_key(token_id, oprf));
                self.tokens.insert(token_id, token);
                changes
            }
            Mutation::Create(records) => {
                let mut changes = Vec::new();
                for (record, birth) in records {
                    let token = fixed(&record.token_id);
                    changes.extend(birth.map(|birth| self.record_key(token, birth)));
                    self.touch(&token, index);
                    self.put(record);
                }
                changes
            }
            Mutation::Update(record) => {
                self.touch(&fixed(&record.token_id), index);
                self.put(record);
                Vec::new()
            }
            Mutation::Destroy(token, objects) => {
                self.touch(&token, index);
                objects.iter().filter_map(|object| self.remove(index, &token, object)).collect()
            }
        }
    }

    fn commit_init(&mut self, index: u64, token: TokenRecord, oprf: BirthStatement) -> Vec<Change> {
        let token_id = fixed(&token.token_id);
        let objects: Vec<Id> = self.objects(&token_id).map(|o| fixed(&o.object_id)).collect();
        let mut changes: Vec<Change> =
            objects.iter().filter_map(|object| self.remove(index, &token_id, object)).collect();
        for role in [Role::SecurityOfficer, Role::User] {
            changes.extend(self.remove_login_key(index, &token_id, role));
            changes.push(Change::LoginReplaced(token_id, role));
        }
        changes.push(self.record_key(token_id, oprf));
        self.tokens.insert(token_id, token);
        changes.push(Change::TokenInitialised(token_id));
        changes
    }

    fn record_key(&mut self, token_id: Id, statement: BirthStatement) -> Change {
        let key_id = fixed(&statement.key_id);
        self.keys.insert(key_id, KeyEntry { token_id, statement });
        Change::KeyRecorded(key_id)
    }

    fn remove_login_key(&mut self, index: u64, token: &Id, role: Role) -> Vec<Change> {
        let Some(key_id) = self.login(token, role).and_then(oprf_key_id) else { return Vec::new() };
        self.keys.remove(&key_id);
        self.destroyed.push_back(AppliedCommand { index, command_id: key_id.to_vec() });
        vec![Change::KeyRemoved(key_id)]
    }

    /// Keeps the count of bytes with every record that comes or goes.
    pub(super) fn put(&mut self, record: ObjectRecord) {
        self.object_bytes += record.encoded_len();
        let place = (fixed(&record.token_id), fixed(&record.object_id));
        self.lists.entry(place.0).or_default().put(place.1, &record);
        self.kms.put(place.1, &record);
        if let Some(before) = self.objects.insert(place, record) {
            self.object_bytes -= before.encoded_len();
        }
    }

    fn remove(&mut self, index: u64, token: &Id, object: &Id) -> Option<Change> {
        let record = self.objects.remove(&(*token, *object))?;
        self.object_bytes -= record.encoded_len();
        self.kms.remove(object, &record);
        if let Some(list) = self.lists.get_mut(token) {
            list.remove(object);
        }
        self.destroyed.push_back(AppliedCommand { index, command_id: object.to_vec() });
        record.birth.as_ref()?;
        self.keys.remove(object);
        Some(Change::KeyRemoved(*object))
    }

    fn touch(&mut self, token: &Id, index: u64) {
        if let Some(token) = self.tokens.get_mut(token) {
            token.changed_at = index;
        }
    }
}

/// Key id of a login's OPRF key.
pub(crate) fn oprf_key_id(login: &Login) -> Option<Id> {
    let statement = BirthStatement::decode(login.oprf.as_ref()?.statement.as_slice()).ok()?;
    statement.key_id.as_slice().try_into().ok()
}

fn fixed(id: &[u8]) -> Id {
    id.try_into().expect("ids in the registry were checked to be 16 bytes")
}
