//! Deletion of KMS keys by this node's own clock. The registry knows a date and no clock, because all nodes must come to
//! the same state; so each node holds the date against its own clock where it acts: it erases its shares once the date
//! is past, whatever anybody says later, and proposes neither a date that is too near, nor an early end, nor a late
//! rescue.

use prost::Message as _;
use proto::client::v1::Code;
use proto::kms::v1::State;
use proto::registry::v1::{Command, SignedCommand, command::Body};

use crate::client::Failure;
use crate::engine::Engine;
use crate::registry::{Id, kms_of_attributes};

impl Engine {
    /// This node's clock, ms since 1970.
    pub(crate) fn wall_clock_ms(&self) -> u64 {
        self.me.wall_clock_ms.saturating_add(self.now)
    }

    /// When the next share is to be erased, in engine time.
    pub(crate) fn kms_timeout(&self) -> Option<u64> {
        let next = self.registry.kms_next_deletion(self.wall_clock_ms() / 1000)?;
        Some(next.saturating_mul(1000).saturating_sub(self.me.wall_clock_ms))
    }

    /// Erases the shares of keys whose date is past.
    pub(crate) fn erase_deleted_kms_keys(&mut self) {
        let deleted = self.registry.kms_deleted(self.wall_clock_ms() / 1000);
        let shares = deleted.flat_map(|(object, kms)| kms.objects(object));
        let held: Vec<Id> = shares.filter(|object| self.shares.get(object).is_some()).collect();
        held.iter().for_each(|object| self.erase_share(object, "its deletion date is past"));
    }

    /// Whether a command about a key that is to be deleted comes in its time.
    pub(crate) fn check_kms_clock(&self, signed: &SignedCommand) -> Result<(), Failure> {
        let Ok(command) = Command::decode(signed.command.as_slice()) else { return Ok(()) };
        let (object, after) = match &command.body {
            Some(Body::DestroyObject(destroy)) => (&destroy.object_id, None),
            Some(Body::UpdateObject(update)) => (&update.object_id, kms_of_attributes(&update.attributes)),
            _ => return Ok(()),
        };
        let Some(kms) = self.registry.kms(object) else { return Ok(()) };
        let destroys = matches!(command.body, Some(Body::DestroyObject(_)));
        let ends = after.as_ref().filter(|after| after.state() == State::PendingDeletion);
        let now = self.wall_clock_ms() / 1000;
        match (kms.key.state(), ends) {
            (State::PendingDeletion, None) => match (kms.key.deletion_unix_s <= now, destroys) {
                (false, true) => Err(Failure::new(Code::KeyState, "the key's deletion date is not past")),
                (true, false) => Err(Failure::new(Code::KeyState, "the key's deletion date is past")),
                _ => Ok(()),
            },
            (State::PendingDeletion, Some(_)) | (_, None) => Ok(()),
            (_, Some(ends)) => {
                let least = now.saturating_add(self.me.limits.kms_deletion_s_min).saturating_sub(CLOCKS_S);
                let most = now.saturating_add(PENDING_S_MAX + CLOCKS_S);
                match (least..=most).contains(&ends.deletion_unix_s) {
                    true => Ok(()),
                    false => Err(Failure::forbidden("a deletion is scheduled 7 to 30 days ahead")),
                }
            }
        }
    }
}

/// Longest time that a key may be pending deletion, in s.
const PENDING_S_MAX: u64 = 30 * 86_400;
/// How far a client's clock may be from this node's, in s.
const CLOCKS_S: u64 = proto::kms::STATEMENT_MS_MAX / 1000;
