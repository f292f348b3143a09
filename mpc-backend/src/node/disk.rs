//! The disk's thread: writes what the engine wants durable, all that is waiting in one commit, and
//! reports each. A write that fails stops the node: what the engine believes durable must be so.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use engine::Input;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::seal::SealedStore;

type Batch = (u64, Vec<store::Write>);

/// The queue to the disk's thread. Unbounded: the engine bounds the sessions that persist.
pub struct Disk(Sender<Batch>);

impl Disk {
    /// Starts the thread; it ends when this queue is dropped, after the last write. A failure is
    /// told through `failed`.
    pub fn start(
        store: Arc<SealedStore>,
        reports: UnboundedSender<Input>,
        failed: watch::Sender<Option<String>>,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let (queue, batches) = mpsc::channel();
        let thread = std::thread::Builder::new().name("disk".into()).spawn(move || {
            if let Err(error) = run(&store, &batches, &reports) {
                failed.send_replace(Some(format!("the store cannot be written: {error}")));
            }
        })?;
        Ok((Self(queue), thread))
    }

    /// Queues one batch; [`Input::Persisted`] follows once it is durable.
    pub fn persist(&self, ticket: u64, writes: Vec<engine::Write>) {
        let writes = writes.into_iter().map(|write| store::Write {
            table: write.table,
            key: write.key,
            value: write.value.map(|mut value| std::mem::take(&mut *value)),
        });
        // After a failure nobody takes batches, nothing is reported, and the node stops.
        let _failed = self.0.send((ticket, writes.collect()));
    }
}

fn run(
    store: &SealedStore,
    batches: &Receiver<Batch>,
    reports: &UnboundedSender<Input>,
) -> Result<(), crate::seal::SealError> {
    while let Ok(first) = batches.recv() {
        let waiting = std::iter::once(first).chain(batches.try_iter().take(BATCHES_MAX));
        let (tickets, writes): (Vec<u64>, Vec<Vec<store::Write>>) = waiting.unzip();
        store.write(writes.into_iter().flatten().collect())?;
        for ticket in tickets {
            // The engine is gone only when the node stops.
            let _gone = reports.send(Input::Persisted { ticket });
        }
    }
    Ok(())
}

/// Batches in one commit, besides the first.
const BATCHES_MAX: usize = 63;
