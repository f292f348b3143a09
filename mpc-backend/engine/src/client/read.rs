//! Requests that change nothing: status, lists, random bytes.

use prost::Message as _;
use proto::client::v1::{
    Code, Counters, ListObjectsReply, ListObjectsRequest, ListTokensReply, ModuliStatus, PeerStatus,
    RandomReply, RandomRequest, ReadObjectsReply, ReadObjectsRequest, StatusReply, response,
};
use proto::limits::{OBJECTS_ANSWER_BYTES, RANDOM_BYTES_MAX};
use proto::registry::v1::{ObjectRecord, Role};
use proto::statement;
use rand_core::CryptoRngCore;
use threshold::rsa::generate::Wanted;

use super::Failure;
use crate::engine::Engine;
use crate::registry::birth::FIRST_EPOCH;
use crate::registry::{Id, PublicKey};

impl Engine {
    pub(super) fn status(&mut self, asker: &PublicKey) -> response::Result {
        let (pools, pools_total) = self.sessions.pools.status(self.me.index, &self.me.limits, self.now);
        let peer = |(node, peer): (u8, &crate::peers::Peer)| PeerStatus {
            node: u32::from(node),
            connected: self.peers.is_up(node),
            pair_ready: self.live_pair(node).is_some(),
            quarantined: peer.quarantined.is_some(),
            boot_id: peer.boot_id.map(Vec::from).unwrap_or_default(),
            quarantine: peer.quarantined.clone(),
            failed_checks: peer.record.counts(),
            evidence: peer.record.latest(),
            refused_messages: peer.record.refused_messages,
        };
        let counters = Counters {
            signatures: self.counters.signatures,
            presignatures: self.counters.presignatures,
            failed_checks: self.counters.failed_checks,
            keys_generated: self.counters.keys_generated,
            refused_requests: self.counters.refused_requests,
        };
        response::Result::Status(StatusReply {
            node: u32::from(self.me.index),
            boot_id: self.me.boot_id.to_vec(),
            software: self.me.software.clone(),
            serving: self.is_serving(),
            phase: self.startup.phase().to_owned(),
            leader: self.leader.map_or(0, u32::from),
            registry_index: self.registry.index(),
            uptime_ms: self.uptime_ms(),
            peers: self.peers.iter().map(peer).collect(),
            pools,
            pools_total: Some(pools_total),
            strict: self.me.limits.strict,
            wall_clock_ms: self.wall_clock_ms(),
            counters: Some(counters),
            epoch: FIRST_EPOCH,
            failed_sets: self.sessions.sets.status(self.now),
            moduli: self.modulus_levels().map(|level| self.moduli_status(level)).collect(),
            generations: self.sessions.generations_of_rsa(asker, self.now).collect(),
        })
    }

    fn moduli_status(&self, (wanted, level): (Wanted, usize)) -> ModuliStatus {
        let moduli = &self.sessions.moduli;
        ModuliStatus {
            kind: wanted.name(),
            ready: moduli.count(self.me.index, wanted) as u32,
            level: level as u32,
            filling: moduli.filling(wanted).is_some(),
            batches: moduli.filling(wanted).unwrap_or(0),
        }
    }

    pub(super) fn list_tokens(&self) -> response::Result {
        response::Result::ListTokens(ListTokensReply { tokens: self.registry.tokens().cloned().collect() })
    }

    /// Digests of what this login may see of a token.
    pub(super) fn list_objects(
        &mut self,
        conn: u64,
        list: &ListObjectsRequest,
    ) -> Result<response::Result, Failure> {
        let (token, private) = self.seen_token(conn, &list.token_id)?;
        let parts = self.registry.part_digests(&token, private);
        let digest = statement::list_digest(&parts).to_vec();
        let parts = if list.digest_only { Vec::new() } else { parts.concat() };
        Ok(response::Result::ListObjects(ListObjectsReply { digest, parts }))
    }

    /// As many records of the wanted parts as one answer may hold.
    pub(super) fn read_objects(
        &self,
        conn: u64,
        read: &ReadObjectsRequest,
    ) -> Result<response::Result, Failure> {
        let (token, private) = self.seen_token(conn, &read.token_id)?;
        let invalid = || Failure::invalid("parts of a list: ascending numbers below 256");
        let parts: Vec<u8> = read
            .parts
            .iter()
            .map(|part| u8::try_from(*part).map_err(|_| invalid()))
            .collect::<Result<_, _>>()?;
        if !parts.is_sorted_by(|one, next| one < next) {
            return Err(invalid());
        }
        let after = match read.after.as_slice() {
            [] => None,
            id => Some(Id::try_from(id).map_err(|_| Failure::invalid("object id: 16 bytes"))?),
        };
        let last_part = after.map(|id| statement::list_part(&id));
        let mut reply = ReadObjectsReply::default();
        let mut bytes = 0;
        for part in parts.into_iter().filter(|part| last_part.is_none_or(|last| last <= *part)) {
            let after = after.filter(|_| last_part == Some(part));
            for record in self.registry.part(&token, part, private, after) {
                if bytes >= OBJECTS_ANSWER_BYTES {
                    reply.more = true;
                    return Ok(response::Result::ReadObjects(reply));
                }
                let record = ObjectRecord { author: None, ..record.clone() };
                bytes += record.encoded_len();
                reply.objects.push(record);
            }
        }
        Ok(response::Result::ReadObjects(reply))
    }

    /// A token, and whether this connection may see its private objects.
    fn seen_token(&self, conn: u64, token: &[u8]) -> Result<(Id, bool), Failure> {
        self.registry.token(token).ok_or(Failure::new(Code::NotFound, "no such token"))?;
        let token = token_id(token)?;
        let role = self.clients.get(conn).and_then(|client| client.role(&token));
        Ok((token, role == Some(Role::User)))
    }

    pub(super) fn random(
        &self,
        request: &RandomRequest,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<response::Result, Failure> {
        let length = request.length as usize;
        if length == 0 || length > RANDOM_BYTES_MAX {
            return Err(Failure::invalid("number of random bytes"));
        }
        let mut random = vec![0; length];
        rng.fill_bytes(&mut random);
        Ok(response::Result::Random(RandomReply { random }))
    }
}

pub(super) fn token_id(bytes: &[u8]) -> Result<Id, Failure> {
    bytes.try_into().map_err(|_| Failure::invalid("token id: 16 bytes"))
}
