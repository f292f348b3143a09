//! Clients: their connections, and how a request comes to its one answer.
//!
//! Each node decides for itself: a request is held against enrolment, login, attributes and limits here,
//! whatever other nodes said. `dispatch` sorts requests; `read`, `login`, `write`, `sign`, `derive`, `rsa`, `kms`, `import` and
//! `complain` answer them.

mod complain;
mod computing;
mod consent;
mod derive;
mod dispatch;
mod failure;
mod grant;
mod import;
mod kms;
mod login;
mod read;
mod rsa;
mod sign;
mod tries;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use proto::client::v1::{
    ClientFrame, Code, Hello, HelloReply, NodeFrame, Response, client_frame, node_frame, response,
};
use proto::limits::{CLIENT_FRAME_BYTES_MAX, FORMAT};
use proto::registry::v1::Role;
use rand_core::CryptoRngCore;

use self::complain::Complaints;
use self::computing::Computing;
pub(crate) use self::dispatch::Outcome;
use self::dispatch::Parked;
pub(crate) use self::failure::Failure;
pub(crate) use self::import::{Offer, OfferChecked};
use self::kms::{Fresh, Pace};
pub(crate) use self::rsa::{Part, PartMade};
pub(crate) use self::tries::Tries;
use self::write::Proposal;
use crate::effect::Effect;
use crate::engine::Engine;
use crate::event::Event;
use crate::registry::{Id, PublicKey};
use crate::session_keys::{Instance, Owner};

/// Most connections.
const CONNECTIONS_MAX: usize = 4096;
/// Most unanswered requests of one connection.
const OPEN_MAX: usize = 64;
/// Most unanswered requests of all connections.
const OPEN_TOTAL_MAX: usize = 8192;

/// Where an answer goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ReplyTo {
    pub(crate) conn: u64,
    pub(crate) id: u64,
}

/// A login on one connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) role: Role,
    version: u64,
}

/// One connection.
pub(crate) struct Client {
    pub(crate) key: PublicKey,
    exporter: [u8; 32],
    /// Set once its hello was accepted; a login signs it.
    challenge: Option<[u8; 32]>,
    operator: bool,
    /// What its process calls itself, if it makes session keys.
    instance: Option<Instance>,
    logins: BTreeMap<Id, Session>,
    /// Ids of unanswered requests.
    open: BTreeSet<u64>,
}

/// All connections and unanswered requests.
#[derive(Default)]
pub(crate) struct Clients {
    connections: BTreeMap<u64, Client>,
    parked: Vec<Parked>,
    proposals: BTreeMap<u64, Proposal>,
    /// Tries with a PIN since the last login, by the OPRF key of its version; as they are in the store.
    pub(crate) tries: BTreeMap<Id, Tries>,
    open_total: usize,
    complaints: Complaints,
    fresh: Fresh,
    pace: Pace,
    computing: Computing,
}

impl Clients {
    pub(crate) fn get(&self, conn: u64) -> Option<&Client> {
        self.connections.get(&conn)
    }

    /// Whose session keys a connection may use, once its hello was accepted.
    pub(crate) fn owner(&self, conn: u64) -> Option<Owner> {
        let client = self.get(conn)?;
        Some((client.key, client.instance?))
    }

    /// Whether a connection of this process stands.
    pub(crate) fn is_connected(&self, owner: &Owner) -> bool {
        let mut all = self.connections.values();
        all.any(|client| client.key == owner.0 && client.instance == Some(owner.1))
    }

    /// When the first unanswered request is over.
    pub(crate) fn timeout(&self) -> Option<u64> {
        let parked = self.parked.iter().map(Parked::due).min();
        let proposals = self.proposals.values().map(|proposal| proposal.deadline).min();
        [parked, proposals].into_iter().flatten().min()
    }

    fn close(&mut self, conn: u64) -> Option<Client> {
        let client = self.connections.remove(&conn)?;
        self.open_total -= client.open.len();
        self.parked.retain(|parked| parked.reply.conn != conn);
        self.proposals.retain(|_, proposal| proposal.reply.conn != conn);
        Some(client)
    }
}

impl Engine {
    pub(crate) fn client_opened(&mut self, conn: u64, key: PublicKey, exporter: [u8; 32]) {
        if self.clients.connections.len() >= CONNECTIONS_MAX {
            return self.emit(Effect::CloseClient { conn });
        }
        let client = Client {
            key,
            exporter,
            challenge: None,
            operator: self.me.manifest.is_operator(&key),
            instance: None,
            logins: BTreeMap::new(),
            open: BTreeSet::new(),
        };
        self.clients.connections.insert(conn, client);
    }

    /// What a client had leased and not used can be leased again once it is gone altogether: its
    /// connections share their leases.
    pub(crate) fn client_closed(&mut self, conn: u64) {
        let Some(client) = self.clients.close(conn) else { return };
        self.cancel_generations(conn);
        if self.clients.connections.values().all(|other| other.key != client.key) {
            self.give_back_leases(&client.key);
            self.clients.fresh.forget(&client.key);
        }
        if let Some(instance) = client.instance {
            self.owner_disconnected(&(client.key, instance));
        }
    }

    fn close_client(&mut self, conn: u64) {
        self.client_closed(conn);
        self.emit(Effect::CloseClient { conn });
    }

    pub(crate) fn client_frame(&mut self, conn: u64, frame: ClientFrame, rng: &mut dyn CryptoRngCore) {
        let Some(client) = self.clients.connections.get(&conn) else { return };
        match (frame.frame, client.challenge.is_some()) {
            (Some(client_frame::Frame::Hello(hello)), false) => self.client_hello(conn, &hello, rng),
            (Some(client_frame::Frame::Request(request)), true) => self.request(conn, request, rng),
            // A hello comes first and once; anything else is no client of ours.
            _ => {
                let failure = Failure::invalid("a connection opens with one hello");
                self.refuse_hello(conn, &failure);
            }
        }
    }

    fn client_hello(&mut self, conn: u64, hello: &Hello, rng: &mut dyn CryptoRngCore) {
        if let Err(failure) = self.check_hello(conn, hello) {
            return self.refuse_hello(conn, &failure);
        }
        let mut challenge = [0; 32];
        rng.fill_bytes(&mut challenge);
        if let Some(client) = self.clients.connections.get_mut(&conn) {
            client.challenge = Some(challenge);
            client.instance = Instance::try_from(hello.instance.as_slice()).ok();
        }
        if let Some(owner) = self.clients.owner(conn) {
            self.owner_connected(&owner);
        }
        let reply = HelloReply { challenge: challenge.to_vec(), ..self.hello_reply() };
        self.emit(Effect::ReplyClient {
            conn,
            frame: NodeFrame { frame: Some(node_frame::Frame::Hello(reply)) },
        });
    }

    fn check_hello(&self, conn: u64, hello: &Hello) -> Result<(), Failure> {
        if hello.format != FORMAT {
            let message = format!("client speaks format {}, this node {FORMAT}", hello.format);
            return Err(Failure::new(Code::FormatUnsupported, message));
        }
        if !matches!(hello.instance.len(), 0 | 16) {
            return Err(Failure::invalid("instance: 16 bytes, or none"));
        }
        if hello.cluster_id != self.me.cluster_id {
            return Err(Failure::new(Code::WrongCluster, "this node is of another cluster"));
        }
        let client = self.clients.get(conn).ok_or(Failure::invalid("no such connection"))?;
        if client.operator || self.registry.is_enrolled(&client.key) {
            return Ok(());
        }
        if !self.is_serving() {
            let message = format!("this node does not know its clients yet: {}", self.startup.phase());
            return Err(Failure::new(Code::Unavailable, message));
        }
        let message = format!("client key {} is not enrolled", hex::encode(client.key));
        Err(Failure::new(Code::NotEnrolled, message))
    }

    fn hello_reply(&self) -> HelloReply {
        HelloReply {
            format: FORMAT,
            cluster_id: self.me.cluster_id.to_vec(),
            node: u32::from(self.me.index),
            boot_id: self.me.boot_id.to_vec(),
            ..HelloReply::default()
        }
    }

    fn refuse_hello(&mut self, conn: u64, failure: &Failure) {
        self.count_refusal(conn, "hello", failure);
        let reply = HelloReply { error: Some(failure.to_error()), ..self.hello_reply() };
        self.emit(Effect::ReplyClient {
            conn,
            frame: NodeFrame { frame: Some(node_frame::Frame::Hello(reply)) },
        });
        self.close_client(conn);
    }

    /// Registers a request as unanswered.
    fn open_request(&mut self, reply: ReplyTo) -> Result<(), Failure> {
        let total = self.clients.open_total;
        let Some(client) = self.clients.connections.get_mut(&reply.conn) else {
            return Err(Failure::invalid("no such connection"));
        };
        if client.open.len() >= OPEN_MAX || total >= OPEN_TOTAL_MAX {
            return Err(Failure::new(Code::ResourceExhausted, "too many unanswered requests"));
        }
        if !client.open.insert(reply.id) {
            return Err(Failure::invalid("a request of this id is unanswered"));
        }
        self.clients.open_total += 1;
        Ok(())
    }

    /// The one answer to an open request.
    pub(crate) fn answer(&mut self, reply: ReplyTo, result: response::Result) {
        let Some(client) = self.clients.connections.get_mut(&reply.conn) else { return };
        if client.open.remove(&reply.id) {
            self.clients.open_total -= 1;
            self.respond(reply, result);
        }
    }

    /// The one answer to an open request: an error.
    pub(crate) fn fail(&mut self, reply: ReplyTo, failure: Failure) {
        self.count_refusal(reply.conn, "request", &failure);
        self.answer(reply, response::Result::Error(failure.to_error()));
    }

    fn respond(&mut self, reply: ReplyTo, result: response::Result) {
        let registry_index = self.registry.index();
        let mut response = Response { id: reply.id, registry_index, result: Some(result) };
        if response.encoded_len() + 16 > CLIENT_FRAME_BYTES_MAX {
            let failure = Failure::new(Code::ResourceExhausted, "the answer is over the frame limit");
            response.result = Some(response::Result::Error(failure.to_error()));
        }
        let frame = NodeFrame { frame: Some(node_frame::Frame::Response(response)) };
        self.emit(Effect::ReplyClient { conn: reply.conn, frame });
    }

    fn count_refusal(&mut self, conn: u64, request: &'static str, failure: &Failure) {
        self.counters.refused_requests += 1;
        let client = self.clients.get(conn).map_or_else(String::new, |client| short(&client.key));
        let (code, why) = (failure.code.as_str_name(), failure.message.clone());
        self.log(Event::RequestRefused { client, request, code, why });
    }

    /// Ends the connections of clients that are not enrolled any more, and what was made for them.
    pub(crate) fn drop_unenrolled(&mut self) {
        let gone = |client: &Client| !client.operator && !self.registry.is_enrolled(&client.key);
        let accepted = self.clients.connections.iter().filter(|(_, client)| client.challenge.is_some());
        let gone: Vec<(u64, PublicKey)> =
            accepted.filter(|(_, client)| gone(client)).map(|(conn, client)| (*conn, client.key)).collect();
        for (conn, key) in gone {
            self.close_client(conn);
            self.drop_pools_of_client(&key);
        }
        self.drop_orphaned_session_keys();
        let registry = &self.registry;
        self.clients.fresh.keep(|client| registry.is_enrolled(client));
        self.clients.pace.keep(|client| registry.is_enrolled(client));
    }

    /// Ends logins whose login key was replaced.
    pub(crate) fn drop_replaced_logins(&mut self) {
        let registry = &self.registry;
        for client in self.clients.connections.values_mut() {
            client.logins.retain(|token, session| {
                registry.login(token, session.role).is_some_and(|login| login.version == session.version)
            });
        }
    }
}

/// The first bytes of an id or key in hex, for log lines.
fn short(id: &[u8]) -> String {
    hex::encode(id.get(..8).unwrap_or(id))
}
