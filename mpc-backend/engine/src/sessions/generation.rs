//! Key generation by all N nodes. The node that the client asked coordinates, which gives it no power: every
//! node checks the statement itself, keeps its share durably before it signs the birth, and the registry
//! records a key only with N signatures. So a key is on all nodes or on none.

use std::collections::BTreeMap;

use prost::Message;
use proto::client::v1::{Code, GenerationStatus};
use proto::peer::v1::{GenerationSigned, GenerationStart, Protocol, control};
use proto::registry::v1::{Attribute, BirthCertificate, BirthStatement, NodeSignature};
use proto::statement;
use rand_core::CryptoRngCore;
use threshold::dkg::Progress;
use threshold::round::Outbox;

use super::making::{GENERATION_MS, Made, Making};
use super::{Order, SessionId, party};
use crate::blame::{Scene, Sent};
use crate::client::{Failure, ReplyTo};
use crate::engine::{AfterPersist, Engine};
use crate::event::Event;
use crate::input::NodeIndex;
use crate::peers::Why;
use crate::registry::{Id, PublicKey, attributes, birth};
use crate::shares::Share;

/// One key on its way.
pub(crate) struct Generation {
    pub(super) coordinator: NodeIndex,
    /// Without public key, commitments and transcript until the protocol is done.
    pub(crate) statement: BirthStatement,
    /// Of a session key; empty for one that the registry will record.
    attributes: Vec<Attribute>,
    pub(super) making: Making,
    since: u64,
    pub(crate) deadline: u64,
    /// The finished statement, once the share is durable.
    encoded: Option<Vec<u8>>,
    /// At the coordinator: what each node signed; its statement must be ours.
    signed: BTreeMap<NodeIndex, GenerationSigned>,
    /// At the coordinator: who asked.
    reply: Option<ReplyTo>,
    sent: Sent,
}

impl Generation {
    /// Whether it computes for long.
    pub(super) const fn computes(&self) -> bool {
        self.making.computes()
    }

    /// How far it is, if it is one that computes for long.
    pub(super) fn status(&self, asker: &PublicKey, now: u64) -> Option<GenerationStatus> {
        let Making::Rsa(computing) = &self.making else { return None };
        Some(GenerationStatus {
            kind: self.statement.curve.clone(),
            coordinator: u32::from(self.coordinator),
            batches: computing.batches(),
            running_ms: now - self.since,
            yours: self.statement.client_key == asker,
        })
    }
}

impl Engine {
    /// Begins a generation as its coordinator. The statement holds what the client asked for.
    pub(crate) fn coordinate_generation(
        &mut self,
        statement: BirthStatement,
        attributes: Vec<Attribute>,
        reply: ReplyTo,
        deadline: u64,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(), Failure> {
        let missing = self.peers.missing();
        if !missing.is_empty() {
            return Err(Failure::missing("generating a key needs all nodes", missing));
        }
        self.check_birth(&statement, &attributes).map_err(Failure::forbidden)?;
        self.check_session_room(&statement).map_err(|why| Failure::new(Code::ResourceExhausted, why))?;
        let mut session = [0; 32];
        rng.fill_bytes(&mut session);
        let encoded = statement.encode_to_vec();
        let (modulus, made) = self.take_modulus(&statement).unzip();
        let modulus = modulus.map_or_else(Vec::new, |modulus| modulus.to_vec());
        let peers: Vec<NodeIndex> = self.peers.iter().map(|(peer, _)| peer).collect();
        for peer in peers {
            let start = GenerationStart {
                statement: encoded.clone(),
                attributes: attributes.clone(),
                modulus: modulus.clone(),
            };
            self.send_control(peer, &session, control::Body::GenerationStart(start));
        }
        self.begin_generation(session, self.me.index, (statement, attributes), Some(reply), made, rng);
        if let Some(generation) = self.sessions.generations.get_mut(&session) {
            generation.deadline = generation.deadline.min(deadline);
        }
        Ok(())
    }

    /// A coordinator's order to begin.
    pub(crate) fn generation_start(
        &mut self,
        peer: NodeIndex,
        session: SessionId,
        start: GenerationStart,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(), Why> {
        let statement =
            BirthStatement::decode(start.statement.as_slice()).map_err(|_| "malformed birth statement")?;
        attributes::check_session_size(&start.attributes)?;
        self.order(peer, session, Order::Generation(statement, start.attributes, start.modulus), rng)
    }

    /// Believes nothing of an order but its session id.
    pub(super) fn join_generation(
        &mut self,
        peer: NodeIndex,
        session: SessionId,
        statement: BirthStatement,
        (attributes, modulus): (Vec<Attribute>, Vec<u8>),
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(), Why> {
        if self.sessions.generations.contains_key(&session) {
            return Err("session exists");
        }
        self.check_birth(&statement, &attributes)?;
        self.check_session_room(&statement)?;
        let made = match modulus.as_slice() {
            [] => None,
            modulus => Some(self.give_modulus(peer, modulus, &statement)?),
        };
        self.begin_generation(session, peer, (statement, attributes), None, made, rng);
        Ok(())
    }

    /// `made`: what was made ahead.
    fn begin_generation(
        &mut self,
        session: SessionId,
        coordinator: NodeIndex,
        (statement, attributes): (BirthStatement, Vec<Attribute>),
        reply: Option<ReplyTo>,
        made: Option<Made>,
        rng: &mut dyn CryptoRngCore,
    ) {
        let kind = birth::kind(&statement).expect("checked before the session began");
        let (making, outbox, longest) = match &made {
            Some(_) => (Making::Ready, Outbox::default(), GENERATION_MS),
            None => self.start_making(session, &statement, kind, rng),
        };
        if birth::rsa(&statement).is_some() {
            self.pause_moduli();
        }
        if making.computes() {
            self.give_way();
        }
        let (since, deadline) = (self.now, self.now + longest);
        let generation = Generation {
            coordinator,
            statement,
            attributes,
            making,
            since,
            deadline,
            encoded: None,
            signed: BTreeMap::new(),
            reply,
            sent: Sent::default(),
        };
        self.sessions.generations.insert(session, generation);
        if let Some(made) = made {
            return self.keep_share(&session, made);
        }
        self.send_all(Protocol::Generation, &session, outbox);
        for (peer, payload) in self.sessions.early.take(&session, self.now) {
            if let Err(why) = self.generation_message(peer, session, payload) {
                self.refuse_message(peer, Protocol::Generation as i32, why);
            }
        }
    }

    pub(crate) fn generation_message(
        &mut self,
        peer: NodeIndex,
        session: SessionId,
        payload: Vec<u8>,
    ) -> Result<(), Why> {
        if let Some(filling) = self.sessions.moduli.fillings.get_mut(&session) {
            filling.computing.keep(peer, payload)?;
            self.compute(&session);
            return Ok(());
        }
        let Some(generation) = self.sessions.generations.get_mut(&session) else {
            return self.sessions.early.keep(peer, session, payload, self.now);
        };
        let protocol = match &mut generation.making {
            Making::Group(protocol) => protocol,
            Making::Rsa(computing) => {
                computing.keep(peer, payload)?;
                self.compute(&session);
                return Ok(());
            }
            Making::Ready => return Err("a key that was made ahead has no messages"),
        };
        match protocol.receive(party(peer), &payload) {
            Ok(Progress::Continue(outbox)) => {
                generation.sent.accepted(peer, payload);
                self.send_all(Protocol::Generation, &session, outbox);
                Ok(())
            }
            Ok(Progress::Done(output, outbox)) => {
                self.send_all(Protocol::Generation, &session, outbox);
                self.keep_share(&session, output.into());
                Ok(())
            }
            Err(fault) => {
                let sent = std::mem::take(&mut generation.sent).and(peer, payload);
                let protocol = Protocol::Generation;
                self.failed_check(&fault, Scene { protocol, session: &session, from: peer, sent });
                self.fail_generation(&session, &fault.rule.to_string(), true);
                Err("a check of key generation failed")
            }
        }
    }

    /// Ends the generations of RSA keys that a connection asked for and nobody waits for any more.
    pub(crate) fn cancel_generations(&mut self, conn: u64) {
        let asked = |generation: &Generation| generation.reply.is_some_and(|reply| reply.conn == conn);
        let open = self.sessions.generations.iter();
        let gone = open.filter(|(_, open)| asked(open) && matches!(open.making, Making::Rsa(_)));
        let gone: Vec<SessionId> = gone.map(|(session, _)| *session).collect();
        gone.iter().for_each(|session| self.fail_generation(session, "the client is gone", true));
    }

    /// The share becomes durable before its birth is signed; that of a session key stays in memory.
    pub(super) fn keep_share(&mut self, session: &SessionId, made: Made) {
        let Some(generation) = self.sessions.generations.get_mut(session) else { return };
        generation.statement.public_key = made.public_key;
        generation.statement.commitments = made.commitments;
        generation.statement.transcript = made.transcript.to_vec();
        let encoded = generation.statement.encode_to_vec();
        let key_id = key_id(&generation.statement);
        if !generation.statement.instance.is_empty() {
            let attributes = std::mem::take(&mut generation.attributes);
            let statement = generation.statement.clone();
            self.keep_session_share(key_id, statement, attributes, made.secret);
            return self.share_kept(session);
        }
        let share = Share::pending(generation.statement.clone(), encoded, made.secret);
        let write = share.write(&key_id);
        self.shares.insert(key_id, share);
        self.persist(vec![write], AfterPersist::Birth(*session));
    }

    /// The share is durable, or held as long as its session: its birth may be signed.
    pub(crate) fn share_kept(&mut self, session: &SessionId) {
        let Some(generation) = self.sessions.generations.get_mut(session) else { return };
        let encoded = generation.statement.encode_to_vec();
        let signature = statement::birth(&encoded).sign(&self.me.identity);
        let signature = Some(NodeSignature { node: u32::from(self.me.index), signature });
        generation.encoded = Some(encoded.clone());
        let signed = GenerationSigned { statement: encoded, signature };
        let (coordinator, key) = (generation.coordinator, hex::encode(&generation.statement.key_id));
        self.counters.keys_generated += 1;
        self.log(Event::KeyGenerated { key });
        if coordinator == self.me.index {
            self.collect_birth(session, coordinator, signed);
        } else {
            self.sessions.generations.remove(session);
            self.sessions.early.end(*session);
            self.send_control(coordinator, session, control::Body::GenerationSigned(signed));
        }
    }

    pub(crate) fn generation_signed(
        &mut self,
        peer: NodeIndex,
        session: SessionId,
        signed: GenerationSigned,
    ) -> Result<(), Why> {
        let signature = signed.signature.as_ref().ok_or("birth without signature")?;
        let key = self.registry.trust().node_key(u32::from(peer)).ok_or("sender is no peer")?;
        let valid = statement::birth(&signed.statement).verify(key, &signature.signature);
        if signature.node != u32::from(peer) || !valid {
            return Err("birth signature is not valid");
        }
        let generation = self.sessions.generations.get(&session).ok_or("unknown session")?;
        if generation.coordinator != self.me.index || generation.signed.contains_key(&peer) {
            return Err("birth signature that nobody waits for");
        }
        self.collect_birth(&session, peer, signed);
        Ok(())
    }

    /// At the coordinator: N signatures over the same statement are the certificate.
    fn collect_birth(&mut self, session: &SessionId, from: NodeIndex, signed: GenerationSigned) {
        let Some(generation) = self.sessions.generations.get_mut(session) else { return };
        generation.signed.insert(from, signed);
        let Some(encoded) = generation.encoded.clone() else { return };
        let other = generation.signed.iter().find(|(_, signed)| signed.statement != encoded);
        if let Some((node, _)) = other {
            let why = format!("node {node} signed another statement");
            return self.fail_generation(session, &why, true);
        }
        if generation.signed.len() < usize::from(self.me.threshold.parties()) {
            return;
        }
        let Some(generation) = self.sessions.generations.remove(session) else { return };
        self.sessions.early.end(*session);
        let signatures = generation.signed.into_values().filter_map(|signed| signed.signature).collect();
        if let Some(reply) = generation.reply {
            self.reply_birth(reply, BirthCertificate { statement: encoded, signatures });
        }
    }

    pub(crate) fn fail_generation(&mut self, session: &SessionId, why: &str, tell: bool) {
        let Some(generation) = self.sessions.generations.remove(session) else { return };
        self.sessions.early.end(*session);
        let key = hex::encode(&generation.statement.key_id);
        self.log(Event::GenerationFailed { key, why: why.to_owned() });
        if tell {
            let peers: Vec<NodeIndex> = self.peers.iter().map(|(peer, _)| peer).collect();
            peers.into_iter().for_each(|peer| self.send_failed(peer, session));
        }
        if let Some(reply) = generation.reply {
            let silent = generation.making.missing().into_iter().map(|party| party.get());
            let all = generation.encoded.is_some();
            let unsigned = self.peers.iter().map(|(peer, _)| peer);
            let unsigned = unsigned.filter(|peer| all && !generation.signed.contains_key(peer));
            let nodes: Vec<NodeIndex> = silent.chain(unsigned).chain(self.peers.missing()).collect();
            self.fail(reply, Failure::missing(&format!("key generation failed: {why}"), nodes));
        }
    }
}

pub(super) fn key_id(statement: &BirthStatement) -> Id {
    statement.key_id.as_slice().try_into().expect("checked before the session began")
}
