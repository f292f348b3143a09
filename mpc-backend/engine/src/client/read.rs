//! Requests that change nothing: status, lists, random bytes.

use proto::client::v1::{
    Code, Counters, ListObjectsReply, ListObjectsRequest, ListTokensReply, PeerStatus, RandomReply,
    RandomRequest, StatusReply, response,
};
use proto::limits::RANDOM_BYTES_MAX;
use proto::registry::v1::Role;
use proto::statement;
use rand_core::CryptoRngCore;

use super::Failure;
use crate::engine::Engine;
use crate::registry::Id;
use crate::registry::birth::FIRST_EPOCH;

impl Engine {
    pub(super) fn status(&mut self) -> response::Result {
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
            wall_clock_ms: self.me.wall_clock_ms + self.now,
            counters: Some(counters),
            epoch: FIRST_EPOCH,
            failed_sets: self.sessions.sets.status(self.now),
        })
    }

    pub(super) fn list_tokens(&self) -> response::Result {
        response::Result::ListTokens(ListTokensReply { tokens: self.registry.tokens().cloned().collect() })
    }

    /// Private objects only for the token's user; the digest covers what this login may see.
    pub(super) fn list_objects(
        &self,
        conn: u64,
        list: &ListObjectsRequest,
    ) -> Result<response::Result, Failure> {
        let token = self.registry.token(&list.token_id);
        let token = token.ok_or(Failure::new(Code::NotFound, "no such token"))?;
        let token_id = token_id(&list.token_id)?;
        let private = self.clients.get(conn).is_some_and(|client| client.role(&token_id) == Some(Role::User));
        let objects = || self.registry.objects(&token_id, private);
        let changed_at = token.changed_at;
        let unchanged = list.if_changed_since != 0 && list.if_changed_since >= changed_at;
        let full = !unchanged && !list.digest_only;
        Ok(response::Result::ListObjects(ListObjectsReply {
            changed_at,
            digest: statement::list_digest(objects()).to_vec(),
            unchanged,
            objects: if full { objects().cloned().collect() } else { Vec::new() },
        }))
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
