//! Deletion of KMS keys by this node's own clock. The registry knows a date and no clock, because all nodes must come to
//! the same state; so each node holds the date against its own clock where it acts: it erases its shares once the date
//! is past, whatever anybody says later, and proposes neither an early end nor a late rescue.

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

    /// Whether a command about a key pending deletion comes in its time.
    pub(crate) fn check_kms_clock(&self, signed: &SignedCommand) -> Result<(), Failure> {
        let Ok(command) = Command::decode(signed.command.as_slice()) else { return Ok(()) };
        let (object, rescued) = match &command.body {
            Some(Body::DestroyObject(destroy)) => (&destroy.object_id, false),
            Some(Body::UpdateObject(update)) => {
                let after = kms_of_attributes(&update.attributes);
                (&update.object_id, after.is_some_and(|key| key.state() != State::PendingDeletion))
            }
            _ => return Ok(()),
        };
        let Some(kms) = self.registry.kms(object) else { return Ok(()) };
        let destroys = matches!(command.body, Some(Body::DestroyObject(_)));
        if kms.key.state() != State::PendingDeletion {
            return Ok(());
        }
        let past = kms.key.deletion_unix_s <= self.wall_clock_ms() / 1000;
        match past {
            false if destroys => Err(Failure::new(Code::KeyState, "the key's deletion date is not past")),
            true if rescued => Err(Failure::new(Code::KeyState, "the key's deletion date is past")),
            _ => Ok(()),
        }
    }
}
