//! The engine and who may move it: its own thread, or a client's connection when it is idle.
//!
//! What is asked of it waits in bounded queues and is taken in this order: the registry's log (which
//! waits for each answer), what the shell reports, clients, peers. Clients come before peers because
//! a signature needs no peer and presigning can wait; but not endlessly, so every so often a peer's
//! message is taken first.
//!
//! A request that finds the engine idle is handled where it was read, see [`Seat::try_handle`]: two
//! changes of thread would cost more than the signature.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use engine::{Effect, Engine, Event, Input};
use rand_core::OsRng;
use tokio::sync::{Notify, mpsc};
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

/// The engine, for one at a time.
pub struct Seat {
    core: Mutex<Core>,
    /// The engine's thread has work and is about to take the seat: others stand back, so that a
    /// stream of requests cannot keep it out.
    wanted: AtomicBool,
    /// The engine is due earlier than its thread believes.
    sooner: Notify,
}

struct Core {
    engine: Engine,
    effects: Effects,
    /// Engine time 0.
    clock: Instant,
    /// What the last input has to tell the log: written when its answers have left.
    events: Vec<Event>,
    /// When the engine's thread will look at the time by itself, in engine time.
    alarm: Option<u64>,
}

impl Seat {
    /// A seat for `engine`. `clock` is engine time 0.
    pub fn new(engine: Engine, effects: Effects, clock: Instant) -> Arc<Self> {
        let core = Mutex::new(Core { engine, effects, clock, events: Vec::new(), alarm: None });
        Arc::new(Self { core, wanted: AtomicBool::new(false), sooner: Notify::new() })
    }

    /// Handles `input` on the caller's thread if the engine is idle, and gives it back if it is
    /// not. Nothing of the same client may be waiting in a queue. Once the answers have left,
    /// [`Self::write_log`] follows; else the next input does it.
    pub fn try_handle(&self, input: Input) -> Option<Input> {
        if self.wanted.load(Ordering::Relaxed) {
            return Some(input);
        }
        // A poisoned engine has ended its thread, which ends the node.
        let Ok(mut core) = self.core.try_lock() else { return Some(input) };
        core.handle(input);
        let due = core.engine.poll_timeout();
        if due.is_some_and(|due| core.alarm.is_none_or(|alarm| due < alarm)) {
            core.alarm = due;
            self.sooner.notify_one();
        }
        None
    }

    /// Writes to the log what [`Self::try_handle`] left, if nobody else is about to.
    pub fn write_log(&self) {
        if let Ok(mut core) = self.core.try_lock() {
            core.write_log();
        }
    }

    fn take(&self) -> MutexGuard<'_, Core> {
        self.wanted.store(true, Ordering::Relaxed);
        let core = self.core.lock().expect("a fault of the engine ends the node");
        self.wanted.store(false, Ordering::Relaxed);
        core
    }
}

/// Runs the engine's own thread until shutdown is requested.
pub fn spawn(seat: Arc<Seat>, inputs: Inputs, shutdown: Shutdown) -> io::Result<JoinHandle<()>> {
    // A runtime of this thread alone: it waits on queues and a timer, nothing else runs on it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let work = move || runtime.block_on(run(&seat, inputs, shutdown));
    std::thread::Builder::new().name("engine".into()).spawn(work)
}

async fn run(seat: &Seat, mut inputs: Inputs, shutdown: Shutdown) {
    let mut due = seat.take().settle();
    let mut clients_in_a_row = 0;
    loop {
        if clients_in_a_row >= CLIENTS_IN_A_ROW {
            clients_in_a_row = 0;
            if let Ok(input) = inputs.peers.try_recv() {
                due = seat.take().peer(input);
            }
        }
        due = tokio::select! {
            biased;
            () = shutdown.requested() => return,
            Some(call) = inputs.registry.recv() => seat.take().registry(call),
            Some(report) = inputs.reports.recv() => seat.take().handle(report).settle(),
            Some(input) = inputs.clients.recv() => {
                clients_in_a_row += 1;
                seat.take().handle(input).settle()
            }
            Some(input) = inputs.peers.recv() => {
                clients_in_a_row = 0;
                seat.take().peer(input)
            }
            () = at(due) => seat.take().handle(Input::Tick).settle(),
            () = seat.sooner.notified() => seat.take().settle(),
        }
    }
}

impl Core {
    fn handle(&mut self, input: Input) -> &mut Self {
        let now = u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.write_log();
        // Randomness comes from the kernel at the moment of use (nonce rule R5).
        self.engine.handle(now, input, &mut OsRng);
        self.carry_out();
        self
    }

    fn carry_out(&mut self) {
        while let Some(effect) = self.engine.poll() {
            match effect {
                Effect::Log(event) => self.events.push(event),
                other => self.effects.carry_out(other),
            }
        }
    }

    fn write_log(&mut self) {
        for event in self.events.drain(..) {
            self.effects.carry_out(Effect::Log(event));
        }
    }

    /// Carries out what is left; when the engine's thread has to look at the time again.
    fn settle(&mut self) -> Option<Instant> {
        self.carry_out();
        self.write_log();
        self.alarm = self.engine.poll_timeout();
        self.alarm.map(|due| self.clock + Duration::from_millis(due))
    }

    fn peer(&mut self, input: PeerInput) -> Option<Instant> {
        let input = match input {
            PeerInput::Connected(peer) => Input::PeerConnected { peer },
            PeerInput::Message(peer, envelope) => Input::PeerMessage { peer, envelope },
            PeerInput::Disconnected(peer) => Input::PeerDisconnected { peer },
        };
        self.handle(input).settle()
    }

    /// Answers the log. One that has stopped meanwhile needs no answer.
    fn registry(&mut self, call: RegistryCall) -> Option<Instant> {
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
        self.settle()
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
