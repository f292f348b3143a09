//! Peers: their hellos, what they report, and where their messages go.
//!
//! The shell authenticated the sender. Everything else in a message is unchecked: a wrong format, sender,
//! receiver, epoch, session or round is refused, counted and logged, and costs no memory.

use std::collections::BTreeMap;

use prost::Message;
use proto::client::v1::Evidence;
use proto::limits::{FORMAT, PEER_PAYLOAD_BYTES_MAX};
use proto::peer::v1::{Control, Envelope, HeadQuery, HeadReport, Hello, Protocol, SessionFailed, control};
use rand_core::CryptoRngCore;

use crate::blame::Record;
use crate::effect::Effect;
use crate::engine::{Engine, Me};
use crate::event::Event;
use crate::input::NodeIndex;
use crate::registry::heads::Head;

/// Epoch of pair set-ups until a quorum can order fresh ones.
pub(crate) const PAIR_EPOCH: u64 = 1;

/// Why a message was refused; for log and counter.
pub(crate) type Why = &'static str;

/// What this node knows of one peer.
#[derive(Default)]
pub(crate) struct Peer {
    pub(crate) connected: bool,
    /// From its hello on the present connection.
    pub(crate) boot_id: Option<[u8; 16]>,
    /// From its last hello on any connection.
    last_boot: Option<[u8; 16]>,
    /// Where it writes its grants as a witness, from its last hello.
    pub(crate) book: Option<[u8; 16]>,
    /// What it is quarantined for. Kept by node identity and on disk: no restart clears it.
    pub(crate) quarantined: Option<Evidence>,
    /// Failed checks since this node's start.
    pub(crate) record: Record,
    /// Nonce of the head query that it has not answered yet.
    query: Option<[u8; 32]>,
}

/// All peers by index.
pub(crate) struct Peers(BTreeMap<NodeIndex, Peer>);

impl Peers {
    pub(crate) fn new(me: &Me) -> Self {
        let indices = me.manifest.nodes.iter().map(|node| node.index).filter(|index| *index != me.index);
        Self(indices.map(|index| (index, Peer::default())).collect())
    }

    pub(crate) fn get(&self, peer: NodeIndex) -> Option<&Peer> {
        self.0.get(&peer)
    }

    pub(crate) fn get_mut(&mut self, peer: NodeIndex) -> Option<&mut Peer> {
        self.0.get_mut(&peer)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeIndex, &Peer)> {
        self.0.iter().map(|(index, peer)| (*index, peer))
    }

    /// Whether the peer said hello on a standing connection.
    pub(crate) fn is_up(&self, peer: NodeIndex) -> bool {
        self.get(peer).is_some_and(|peer| peer.connected && peer.boot_id.is_some())
    }

    /// Those that are not up.
    pub(crate) fn missing(&self) -> Vec<NodeIndex> {
        self.0.keys().copied().filter(|peer| !self.is_up(*peer)).collect()
    }
}

impl Engine {
    pub(crate) fn peer_connected(&mut self, peer: NodeIndex) {
        let Some(state) = self.peers.get_mut(peer) else { return };
        state.connected = true;
        state.boot_id = None;
        self.send_hello(peer);
    }

    pub(crate) fn peer_disconnected(&mut self, peer: NodeIndex) {
        let Some(state) = self.peers.get_mut(peer) else { return };
        state.connected = false;
        state.query = None;
        self.log(Event::PeerLost { peer });
        self.abandon_setup(peer);
        self.sessions.early.forget(peer);
        self.witness_lost(peer);
        self.end_sessions_with(peer, "the connection to a member was lost");
    }

    /// The session field of a hello names the live pair set-up that the sender holds, if any: both must
    /// hold the same one, or both begin anew.
    pub(crate) fn send_hello(&mut self, peer: NodeIndex) {
        let hello = Hello {
            format: FORMAT,
            cluster_id: self.me.cluster_id.to_vec(),
            node: u32::from(self.me.index),
            boot_id: self.me.boot_id.to_vec(),
            epoch: PAIR_EPOCH,
            book_id: self.book.id().to_vec(),
        };
        let session = self.live_pair(peer).map_or_else(Vec::new, |id| id.to_vec());
        self.send(peer, Protocol::Hello, &session, hello.encode_to_vec());
    }

    pub(crate) fn send(&mut self, peer: NodeIndex, protocol: Protocol, session: &[u8], payload: Vec<u8>) {
        let envelope = Envelope {
            format: FORMAT,
            protocol: protocol as i32,
            session: session.to_vec(),
            round: 0,
            sender: u32::from(self.me.index),
            receiver: u32::from(peer),
            epoch: PAIR_EPOCH,
            payload,
        };
        self.emit(Effect::SendPeer { peer, envelope });
    }

    pub(crate) fn send_control(&mut self, peer: NodeIndex, session: &[u8], body: control::Body) {
        self.send(peer, Protocol::Control, session, Control { body: Some(body) }.encode_to_vec());
    }

    pub(crate) fn send_failed(&mut self, peer: NodeIndex, session: &[u8; 32]) {
        let failed = SessionFailed { session: session.to_vec(), reason: 1 };
        self.send_control(peer, session, control::Body::SessionFailed(failed));
    }

    pub(crate) fn peer_message(&mut self, peer: NodeIndex, envelope: Envelope, rng: &mut dyn CryptoRngCore) {
        let protocol = envelope.protocol;
        if let Err(why) = self.accept_message(peer, envelope, rng) {
            self.refuse_message(peer, protocol, why);
        }
    }

    pub(crate) fn refuse_message(&mut self, peer: NodeIndex, protocol: i32, why: Why) {
        self.counters.refused_messages += 1;
        if let Some(state) = self.peers.get_mut(peer) {
            state.record.refused_messages += 1;
        }
        self.log(Event::PeerMessageRefused { peer, protocol, why });
    }

    fn accept_message(
        &mut self,
        peer: NodeIndex,
        envelope: Envelope,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(), Why> {
        let state = self.peers.get(peer).ok_or("sender is no peer")?;
        if envelope.format != FORMAT {
            return Err("unknown format");
        }
        let (me, sender) = (u32::from(self.me.index), u32::from(peer));
        if envelope.sender != sender || envelope.receiver != me {
            return Err("wrong sender or receiver");
        }
        if envelope.payload.len() > PEER_PAYLOAD_BYTES_MAX {
            return Err("payload is over its limit");
        }
        if envelope.epoch != PAIR_EPOCH {
            return Err("wrong epoch");
        }
        let protocol = Protocol::try_from(envelope.protocol).map_err(|_| "unknown protocol")?;
        if protocol != Protocol::Hello && !(state.connected && state.boot_id.is_some()) {
            return Err("message before hello");
        }
        let session = <[u8; 32]>::try_from(envelope.session.as_slice());
        let session = session.map_err(|_| "session id is not 32 bytes");
        match protocol {
            Protocol::Hello => self.peer_hello(peer, session.ok(), &envelope.payload, rng),
            Protocol::PairSetup => self.setup_message(peer, session?, envelope.payload, rng),
            Protocol::Generation => self.generation_message(peer, session?, envelope.payload),
            Protocol::Presign => self.presign_message(peer, session?, envelope.payload, rng),
            Protocol::Control => self.control(peer, &envelope.payload, session.ok(), rng),
            Protocol::Unspecified => Err("unknown protocol"),
        }
    }

    fn peer_hello(
        &mut self,
        peer: NodeIndex,
        pair: Option<[u8; 32]>,
        payload: &[u8],
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(), Why> {
        let hello = Hello::decode(payload).map_err(|_| "malformed hello")?;
        let boot_id = <[u8; 16]>::try_from(hello.boot_id.as_slice()).map_err(|_| "malformed hello")?;
        let book = <[u8; 16]>::try_from(hello.book_id.as_slice()).map_err(|_| "malformed hello")?;
        let (cluster, node) = (&hello.cluster_id, hello.node);
        if hello.format != FORMAT || *cluster != self.me.cluster_id || node != u32::from(peer) {
            return Err("hello of another format, cluster or node");
        }
        if hello.epoch != PAIR_EPOCH {
            return Err("hello of another epoch");
        }
        let state = self.peers.get_mut(peer).ok_or("sender is no peer")?;
        if !state.connected {
            return Err("hello without a connection");
        }
        let first = state.boot_id.replace(boot_id).is_none();
        let turned = state.book.replace(book) != Some(book);
        if state.last_boot.replace(boot_id).is_some_and(|last| last != boot_id) {
            self.new_boot_of(peer);
        }
        if turned {
            self.book_turned(peer, book);
        }
        self.match_pair(peer, pair, rng);
        if first {
            self.log(Event::PeerReady { peer, boot_id: hex::encode(boot_id) });
            self.query_head(peer, rng);
            self.pause_moduli();
        }
        Ok(())
    }

    fn query_head(&mut self, peer: NodeIndex, rng: &mut dyn CryptoRngCore) {
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        if let Some(state) = self.peers.get_mut(peer) {
            state.query = Some(nonce);
        }
        self.send_control(peer, &[], control::Body::HeadQuery(HeadQuery { nonce: nonce.to_vec() }));
    }

    fn report_head(&mut self, peer: NodeIndex, nonce: Vec<u8>) {
        let signed = |node| self.heads.of(node).map(|head| head.signed.clone());
        let report = HeadReport { nonce, own: signed(self.me.index), yours: signed(peer) };
        self.send_control(peer, &[], control::Body::HeadReport(report));
    }

    pub(crate) fn broadcast_head(&mut self) {
        let peers: Vec<NodeIndex> =
            self.peers.iter().map(|(peer, _)| peer).filter(|peer| self.peers.is_up(*peer)).collect();
        peers.into_iter().for_each(|peer| self.report_head(peer, Vec::new()));
    }

    fn control(
        &mut self,
        peer: NodeIndex,
        payload: &[u8],
        session: Option<[u8; 32]>,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(), Why> {
        use control::Body;
        let control = Control::decode(payload).map_err(|_| "malformed control message")?;
        let session = session.ok_or("session id is not 32 bytes");
        match control.body.ok_or("empty control message")? {
            Body::HeadQuery(query) if query.nonce.len() == 32 => {
                self.report_head(peer, query.nonce);
                Ok(())
            }
            Body::HeadQuery(_) => Err("malformed head query"),
            Body::HeadReport(report) => self.head_report(peer, &report),
            Body::GenerationStart(start) => self.generation_start(peer, session?, start, rng),
            Body::GenerationSigned(signed) => self.generation_signed(peer, session?, signed),
            Body::PresignStart(start) => self.presign_start(peer, session?, start, rng),
            Body::ModulusStart(start) => self.modulus_start(peer, session?, &start, rng),
            Body::SessionFailed(failed) if session.is_ok_and(|session| failed.session == session) => {
                self.session_failed(peer, &session?)
            }
            Body::SessionFailed(_) => Err("malformed failure notice"),
        }
    }

    fn head_report(&mut self, peer: NodeIndex, report: &HeadReport) -> Result<(), Why> {
        let verify = |signed| Head::verify(self.registry.trust(), signed).ok_or("a head does not verify");
        let own = report.own.as_ref().map(verify).transpose()?;
        let yours = report.yours.as_ref().map(verify).transpose()?;
        if own.as_ref().is_some_and(|head| head.node != peer) {
            return Err("a head of another node");
        }
        if report.nonce.is_empty() {
            own.into_iter().for_each(|head| self.peer_head(head));
            return Ok(());
        }
        let state = self.peers.get_mut(peer).ok_or("sender is no peer")?;
        if state.query.is_none_or(|nonce| report.nonce != nonce) {
            return Err("head report that was not asked for");
        }
        state.query = None;
        self.head_reported(peer, own, yours);
        Ok(())
    }
}
