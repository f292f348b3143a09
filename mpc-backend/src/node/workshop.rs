//! Threads for what computes for long. A generation of an RSA key takes seconds: one thread, below everything else of the
//! process in priority, so that signing goes on beside it. A part of an RSA signature takes milliseconds, and a client
//! waits for it: one thread for each processor.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use engine::{Input, Work};
use rand_core::OsRng;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

/// The queues to the threads. Unbounded: the engine bounds its sessions, of which each has one step under way, and the
/// requests of its clients.
pub struct Workshop {
    steps: Sender<Work>,
    waited_for: Sender<Work>,
}

impl Workshop {
    /// Starts the threads; they end when this is dropped, after the work that they are at. A fault of one is told
    /// through `failed`.
    pub fn start(
        reports: &UnboundedSender<Input>,
        failed: &watch::Sender<Option<String>>,
    ) -> io::Result<(Self, Vec<JoinHandle<()>>)> {
        let (steps, queue) = mpsc::channel();
        let spawn = |name: &str, queue: Arc<Mutex<Receiver<Work>>>, lowered: bool| {
            let (reports, failed) = (reports.clone(), failed.clone());
            let work = move || {
                let _watched = Watched(failed);
                if lowered {
                    lower_priority();
                }
                run(&queue, &reports);
            };
            std::thread::Builder::new().name(name.into()).spawn(work)
        };
        let mut threads = vec![spawn("workshop", Arc::new(Mutex::new(queue)), true)?];
        let (waited_for, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            threads.push(spawn("parts", queue.clone(), false)?);
        }
        Ok((Self { steps, waited_for }, threads))
    }

    /// Queues some work; [`Input::Worked`] follows.
    pub fn run(&self, work: Work) {
        let queue = if work.is_of_generation() { &self.steps } else { &self.waited_for };
        // The threads are gone only when the node stops.
        let _gone = queue.send(work);
    }
}

/// Stops the node when a thread ends by a fault: nobody would take its work any more.
struct Watched(watch::Sender<Option<String>>);

impl Drop for Watched {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.send_replace(Some("a thread for key generation or parts of RSA ended by a fault".into()));
        }
    }
}

fn lower_priority() {
    // On Linux a thread has a niceness of its own. Without it the node serves all the same, only slower
    // while a key is made.
    let thread = Some(rustix::thread::gettid());
    let lower = |now: i32| rustix::process::setpriority_process(thread, (now + NICENESS).min(19));
    if let Err(error) = rustix::process::getpriority_process(thread).and_then(lower) {
        tracing::warn!(%error, "the priority of key generation cannot be lowered");
    }
}

fn run(queue: &Mutex<Receiver<Work>>, reports: &UnboundedSender<Input>) {
    // Who waits for the queue holds it, and the others wait for that one. A fault while it is held leaves it whole.
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(work) = next() {
        let worked = work.run(&mut OsRng);
        // The engine is gone when the node stops, and nobody waits for the rest.
        if reports.send(Input::Worked(worked)).is_err() {
            return;
        }
    }
}

/// Above the process's own. A thread of the process beside it gets three times its share of a core (sched(7)).
const NICENESS: i32 = 5;
