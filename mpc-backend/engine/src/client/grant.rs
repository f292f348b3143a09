//! Strict mode: grants of a witness, and the check of a grant at a signer. A witness holds a request
//! against the same rules as a signer.

use proto::client::v1::{self as wire, Code, GrantReply, GrantRequest, SignRequest, response};
use proto::statement;
use rand_core::CryptoRngCore;

use super::sign::{check_mechanism, check_message};
use super::{Failure, short};
use crate::engine::Engine;
use crate::event::Event;
use crate::sessions::{PoolKey, PresignatureId};

impl Engine {
    pub(super) fn grant(
        &mut self,
        conn: u64,
        request: &GrantRequest,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<response::Result, Failure> {
        let sign = request.sign.as_ref().ok_or(Failure::invalid("no request to grant"))?;
        check_mechanism(sign.mechanism)?;
        let (key_id, client) = self.authorise_key(conn, &sign.key_id, sign.mechanism)?;
        check_message(self.scheme_of(&key_id, sign.mechanism)?, sign)?;
        self.check_stated_sign(conn, &key_id, sign, false)?;
        self.check_consent_to_sign(conn, &key_id, sign)?;
        if sign.signers.contains(&u32::from(self.me.index)) {
            return Err(Failure::invalid("a signer is not its own witness"));
        }
        let sizes = |_| Failure::invalid("presignature id: 32 bytes");
        let id = PresignatureId::try_from(sign.presignature_id.as_slice()).map_err(sizes)?;
        let said = self.grant_statement(u32::from(self.me.index), &request.book_id, &client, sign);
        #[cfg(feature = "sim")]
        if self.me.bugs.has(crate::bugs::Bug::GrantedTwice) {
            return Ok(response::Result::Grant(GrantReply { grant: said.sign(&self.me.identity) }));
        }
        let granted = self.book.grant(&request.book_id, id, &said);
        granted.map_err(|why| Failure::new(Code::PresignatureGone, why))?;
        self.log(Event::UseGranted { key: hex::encode(key_id), client: short(&client) });
        if self.book.is_full(self.me.limits.grants_max) {
            self.turn_book(rng);
        }
        Ok(response::Result::Grant(GrantReply { grant: said.sign(&self.me.identity) }))
    }

    fn grant_statement(
        &self,
        witness: u32,
        book_id: &[u8],
        client: &[u8],
        sign: &SignRequest,
    ) -> statement::Statement {
        statement::grant(&self.me.cluster_id, witness, book_id, client, sign)
    }

    /// Whether this request may use the presignature, which stays in its pool until it may.
    pub(super) fn check_grant(
        &self,
        pool: &PoolKey,
        id: &PresignatureId,
        request: &SignRequest,
    ) -> Result<(), Failure> {
        #[cfg(feature = "sim")]
        if self.me.bugs.has(crate::bugs::Bug::NoGrant) {
            return Ok(());
        }
        let gone = |why: &str| Err(Failure::new(Code::PresignatureGone, why));
        match self.sessions.pools.witness(pool, id) {
            // Whether there is such a presignature is the next question.
            None => Ok(()),
            Some(None) if self.me.limits.strict => gone("the presignature has no witness: strict mode"),
            Some(None) => Ok(()),
            Some(Some(witness)) => {
                let node = witness.party.get();
                let said = self.grant_statement(u32::from(node), &witness.book, &pool.client, request);
                let entry = self.me.manifest.node(node);
                match entry.is_some_and(|entry| said.verify(&entry.key, &request.grant)) {
                    true => Ok(()),
                    false => gone("this request has no grant of the presignature's witness"),
                }
            }
        }
    }

    /// The witness of each leased id, in strict mode.
    pub(super) fn witnesses_of(&self, pool: &PoolKey, ids: &[PresignatureId]) -> Vec<wire::Witness> {
        let witness = |id| self.sessions.pools.witness(pool, id).flatten();
        let found = ids.iter().filter_map(witness);
        found
            .map(|witness| wire::Witness {
                node: u32::from(witness.party.get()),
                book_id: witness.book.to_vec(),
            })
            .collect()
    }
}
