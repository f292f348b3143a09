//! The engine's thread: one input at a time, its effects carried out before the next.
//!
//! What is asked of it waits in bounded queues and is taken in this order: the registry's log (which
//! waits for each answer), what the shell reports, clients, peers. Clients come before peers because
//! a signature needs no peer and presigning can wait; but not endlessly, so every so often a peer's
//! message is taken first.

use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

use engine::{Engine, Input};
use rand_core::OsRng;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::effects::Effects;
use super::peers::PeerInput;
use crate::raft::RegistryCall;
use crate::shutdown::Shutdown;

/// Where the engine's inputs come from.
pub struct Inputs {
    /// The registry's log.
    pub registry: mpsc::Receiver<RegistryCall>,
    /// Writes and proposals that came to their end, changes of leader. Unbounded: each answers one
    /// effect of the engine, which bounds what it has under way.
    pub reports: mpsc::UnboundedReceiver<Input>,
    /// Clients.
    pub clients: mpsc::Receiver<Input>,
    /// Peers.
    pub peers: mpsc::Receiver<PeerInput>,
}

/// Places in the queues of clients and of peers.
pub const QUEUE_MAX: usize = 256;

/// Runs the engine on a thread of its own until shutdown is requested. `clock` is engine time 0.
pub fn spawn(
    engine: Engine,
    inputs: Inputs,
    effects: Effects,
    clock: Instant,
    shutdown: Shutdown,
) -> io::Result<JoinHandle<()>> {
    // A runtime of this thread alone: it waits on queues and a timer, nothing else runs on it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let core = Core { engine, effects, clock, clients_in_a_row: 0 };
    std::thread::Builder::new()
        .name("engine".into())
        .spawn(move || runtime.block_on(core.run(inputs, shutdown)))
}

struct Core {
    engine: Engine,
    effects: Effects,
    clock: Instant,
    clients_in_a_row: u32,
}

impl Core {
    async fn run(mut self, mut inputs: Inputs, shutdown: Shutdown) {
        self.carry_out();
        loop {
            if self.clients_in_a_row >= CLIENTS_IN_A_ROW {
                self.clients_in_a_row = 0;
                if let Ok(input) = inputs.peers.try_recv() {
                    self.peer(input);
                }
            }
            let due = self.engine.poll_timeout().map(|due| self.clock + Duration::from_millis(due));
            tokio::select! {
                biased;
                () = shutdown.requested() => return,
                Some(call) = inputs.registry.recv() => self.registry(call),
                Some(report) = inputs.reports.recv() => self.handle(report),
                Some(input) = inputs.clients.recv() => {
                    self.clients_in_a_row += 1;
                    self.handle(input);
                }
                Some(input) = inputs.peers.recv() => {
                    self.clients_in_a_row = 0;
                    self.peer(input);
                }
                () = at(due) => self.handle(Input::Tick),
            }
        }
    }

    fn handle(&mut self, input: Input) {
        let now = u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX);
        // Randomness comes from the kernel at the moment of use (nonce rule R5).
        self.engine.handle(now, input, &mut OsRng);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        while let Some(effect) = self.engine.poll() {
            self.effects.carry_out(effect);
        }
    }

    fn peer(&mut self, input: PeerInput) {
        self.handle(match input {
            PeerInput::Connected(peer) => Input::PeerConnected { peer },
            PeerInput::Message(peer, envelope) => Input::PeerMessage { peer, envelope },
            PeerInput::Disconnected(peer) => Input::PeerDisconnected { peer },
        });
    }

    /// Answers the log. One that has stopped meanwhile needs no answer.
    fn registry(&mut self, call: RegistryCall) {
        let _gone = match call {
            RegistryCall::Apply { index, command, done } => {
                self.handle(Input::Applied { index, command });
                done.send(()).is_err()
            }
            RegistryCall::Snapshot { done } => done.send(self.engine.registry_snapshot()).is_err(),
            RegistryCall::Replace { snapshot, done } => {
                self.handle(Input::RegistryRestored { snapshot });
                let replaced = self.effects.take_replaced();
                let replaced = replaced.unwrap_or_else(|| Err("the engine did not answer".into()));
                done.send(replaced).is_err()
            }
        };
    }
}

/// At that time, or never. A time that is past comes after what is already waiting.
async fn at(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Inputs from clients before a waiting peer's message is taken.
const CLIENTS_IN_A_ROW: u32 = 32;
