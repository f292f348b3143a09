//! Strict mode: a presignature has a witness outside its signer set, which must grant its use for exactly
//! one request before the signers answer (nonce rule R3). One round trip more, and T + 1 nodes.

use proto::client::v1::{Code, GrantRequest, request, response};
use proto::statement;
use token::backend::BackendError;

use crate::asking::Asking;
use crate::call::{Setback, wrong_kind};
use crate::core::Core;
use crate::deadline::Deadline;
use crate::failure::NodeFailure;
use crate::race::Spent;
use crate::sign::Job;

impl Job<'_> {
    /// Asks the witness of a presignature to grant its use; `None` if it has none. The same request is
    /// granted again, so a lost answer may be asked for once more.
    pub(crate) fn ask_witness(&self, set: &[u8], spent: &Spent, deadline: Deadline) -> Option<Asking<'_>> {
        let witness = spent.lease.witness.as_ref()?;
        let asked = GrantRequest { sign: Some(self.request(set, spent)), book_id: witness.book_id.clone() };
        let node = u8::try_from(witness.node).ok().filter(|node| self.core.manifest.node(*node).is_some());
        let asked = node.map(|node| (node, request::Op::Grant(asked)));
        Some(self.core.begin(asked.into_iter().collect(), self.terms(true, deadline)))
    }

    /// Takes the witness's grant. It is checked, because a wrong one would spend the presignature for
    /// nothing.
    pub(crate) fn granted(&self, set: &[u8], spent: &mut Spent, asking: Asking<'_>) -> Result<(), Setback> {
        let said = Core::all_answered(asking.finish());
        let said = said.inspect_err(|setback| {
            self.core.log.warn(format_args!("signing again, the witness does not grant: {setback}"));
        })?;
        let Some((node, answer)) = said.into_iter().next() else { return Err(Setback::Set) };
        let response::Result::Grant(reply) = answer.result else { return Err(wrong_kind(node)) };
        let Some(witness) = &spent.lease.witness else { return Err(Setback::Set) };
        let (cluster, client) = (&self.core.cluster_id, self.core.identity.public());
        let request = self.request(set, spent);
        let said = statement::grant(cluster, witness.node, &witness.book_id, &client, &request);
        let key = self.core.manifest.node(node).map(|node| node.key);
        if !key.is_some_and(|key| said.verify(&key, &reply.grant)) {
            let lie = NodeFailure::Misbehaved("its grant is not signed by it".into());
            self.core.nodes.failed(node, &lie);
            return Err(Setback::Nodes(vec![(node, lie)]));
        }
        spent.grant = reply.grant;
        Ok(())
    }
}

/// Whether a refused lease is due to nodes outside the set only: strict mode, and no witness is there.
pub(crate) fn no_witness(set: &[u8], node: u8, failure: &NodeFailure) -> Option<BackendError> {
    let NodeFailure::Refused { code: Code::Unavailable, nodes, .. } = failure else { return None };
    let outside = !nodes.is_empty() && nodes.iter().all(|node| !set.contains(node));
    outside.then(|| BackendError::Unavailable(format!("node {node}: {failure}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_is_missing_only_when_no_signer_is() {
        let refused = |nodes| NodeFailure::Refused { code: Code::Unavailable, message: "no".into(), nodes };
        assert!(no_witness(&[1, 2], 1, &refused(vec![3])).is_some());
        assert!(no_witness(&[1, 2], 1, &refused(vec![2])).is_none());
        assert!(no_witness(&[1, 2], 1, &refused(vec![2, 3])).is_none());
        assert!(no_witness(&[1, 2], 1, &refused(vec![])).is_none());
        assert!(no_witness(&[1, 2], 1, &NodeFailure::TimedOut).is_none());
    }
}
