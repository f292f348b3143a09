//! Requests that make something: registry commands and keys.

use prost::Message;
use proto::client::v1::{Code, GenerateReply, GenerateRequest, ProposeReply, ProposeRequest, response};
use proto::registry::v1::{BirthCertificate, Purpose};
use rand_core::CryptoRngCore;

use super::dispatch::Outcome;
use super::read::token_id;
use super::{Failure, ReplyTo};
use crate::effect::Effect;
use crate::engine::Engine;
use crate::input::ProposalError;
use crate::registry::Refusal;

/// A command on its way through the log.
pub(super) struct Proposal {
    pub(super) reply: ReplyTo,
    pub(super) deadline: u64,
    command: Vec<u8>,
}

impl Engine {
    /// Checks a command before the log hears of it; a command that was applied before gets its old answer.
    pub(super) fn propose(
        &mut self,
        reply: ReplyTo,
        request: &ProposeRequest,
        deadline: u64,
    ) -> Result<Outcome, Failure> {
        let signed = request.command.as_ref().ok_or(Failure::invalid("no command"))?;
        if self.startup.writes_stopped() {
            return Err(Refusal::Stopped.into());
        }
        let command = signed.encode_to_vec();
        match self.registry.check(&command) {
            Ok(()) => self.check_kms_clock(signed)?,
            Err(Refusal::AlreadyApplied(index)) => {
                return Ok(Outcome::Now(response::Result::Propose(ProposeReply { index })));
            }
            Err(refusal) => return Err(refusal.into()),
        }
        // Nothing is decided without most of the nodes, and what was proposed may be decided when nobody waits for it.
        let (missing, all) = (self.peers.missing(), usize::from(self.me.threshold.parties()));
        if 2 * missing.len() >= all {
            return Err(Failure::missing("the registry needs most of the nodes", missing));
        }
        let ticket = self.ticket();
        self.clients.proposals.insert(ticket, Proposal { reply, deadline, command: command.clone() });
        self.emit(Effect::Propose { ticket, command, deadline_ms: deadline });
        Ok(Outcome::Later)
    }

    /// The log decided on a command: whoever proposed it here gets the registry's answer.
    pub(crate) fn proposal_applied(&mut self, index: u64, command: &[u8], result: &Result<(), Refusal>) {
        let tickets: Vec<u64> = self.proposals_of(|proposal| proposal.command == command);
        for ticket in tickets {
            match result {
                Ok(()) => self.finish_proposal(ticket, Ok(index)),
                Err(Refusal::AlreadyApplied(first)) => self.finish_proposal(ticket, Ok(*first)),
                Err(refusal) => self.finish_proposal(ticket, Err(refusal.clone().into())),
            }
        }
    }

    pub(crate) fn proposal_done(&mut self, ticket: u64, result: Result<u64, ProposalError>) {
        let Some(proposal) = self.clients.proposals.get(&ticket) else { return };
        match result {
            Err(error) => {
                let nodes = self.peers.missing();
                self.finish_proposal(ticket, Err(Failure { nodes, ..error.into() }));
            }
            // Not seen in `proposal_applied`: a snapshot came instead of the command itself.
            Ok(index) if self.registry.index() >= index => {
                let applied = self.registry.applied_at(&proposal.command);
                let lost = Failure::new(Code::Internal, "the registry did not take the command");
                self.finish_proposal(ticket, applied.ok_or(lost));
            }
            Ok(_) => {}
        }
    }

    fn finish_proposal(&mut self, ticket: u64, result: Result<u64, Failure>) {
        let Some(proposal) = self.clients.proposals.remove(&ticket) else { return };
        match result {
            Ok(index) => self.answer(proposal.reply, response::Result::Propose(ProposeReply { index })),
            Err(failure) => self.fail(proposal.reply, failure),
        }
    }

    fn proposals_of(&self, wanted: impl Fn(&Proposal) -> bool) -> Vec<u64> {
        let all = self.clients.proposals.iter();
        all.filter(|(_, proposal)| wanted(proposal)).map(|(ticket, _)| *ticket).collect()
    }

    pub(super) fn expire_proposals(&mut self) {
        for ticket in self.proposals_of(|proposal| proposal.deadline <= self.now) {
            let failure = Failure { nodes: self.peers.missing(), ..ProposalError::Deadline.into() };
            self.finish_proposal(ticket, Err(failure));
        }
    }

    /// A signing key for the logged-in user, an OPRF key for anyone enrolled: a login is what it is for.
    pub(super) fn generate(
        &mut self,
        reply: ReplyTo,
        request: &GenerateRequest,
        deadline: u64,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<Outcome, Failure> {
        let token = token_id(&request.token_id)?;
        if request.purpose() == Purpose::SigningKey {
            self.require_user(reply.conn, &token)?;
        }
        let client = self.clients.get(reply.conn).ok_or(Failure::invalid("no such connection"))?;
        let instance = match request.attributes.is_empty() {
            true => Vec::new(),
            false => {
                let owner = self.clients.owner(reply.conn);
                owner.ok_or(Failure::invalid("a session key needs an instance in the hello"))?.1.to_vec()
            }
        };
        let statement = self.birth_request(&client.key, &instance, request);
        self.coordinate_generation(statement, request.attributes.clone(), reply, deadline, rng)?;
        Ok(Outcome::Later)
    }

    pub(crate) fn reply_birth(&mut self, reply: ReplyTo, birth: BirthCertificate) {
        self.answer(reply, response::Result::Generate(GenerateReply { birth: Some(birth) }));
    }
}
