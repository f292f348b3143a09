//! Random bytes for applications: kernel and cluster mixed, so that neither alone decides them.

use std::sync::Mutex;
use std::time::Duration;

use hkdf::Hkdf;
use proto::client::v1::{RandomRequest, request, response};
use proto::limits::RANDOM_BYTES_MAX;
use rand_core::{OsRng, RngCore};
use sha2::{Digest, Sha256};
use token::backend::{BackendError, BackendResult};
use zeroize::Zeroizing;

use crate::call::{Setback, Terms, wrong_kind};
use crate::core::Core;
use crate::sync::lock;

/// The mixer. Its state is only what applications added by `C_SeedRandom`; the strength of every
/// answer comes from fresh kernel bytes, so that a forked child cannot repeat its parent.
#[derive(Default)]
pub(crate) struct Mixer {
    seeds: Mutex<Zeroizing<[u8; 32]>>,
}

impl Mixer {
    /// Mixes a seed in; never replaces what is there.
    pub(crate) fn seed(&self, seed: &[u8]) {
        let mut seeds = lock(&self.seeds);
        let mixed: [u8; 32] = Sha256::new()
            .chain_update(SEED_LABEL)
            .chain_update(seeds.as_slice())
            .chain_update(seed)
            .finalize()
            .into();
        *seeds = Zeroizing::new(mixed);
    }

    /// Fills `out`. Without the cluster the kernel alone does it.
    pub(crate) fn fill(&self, core: &Core, out: &mut [u8]) -> BackendResult<()> {
        for chunk in out.chunks_mut(RANDOM_BYTES_MAX) {
            let mut kernel = Zeroizing::new([0; SOURCE_BYTES]);
            OsRng
                .try_fill_bytes(kernel.as_mut_slice())
                .map_err(|error| BackendError::Internal(format!("kernel randomness: {error}")))?;
            let cluster = match cluster_bytes(core) {
                Ok(bytes) => bytes,
                Err(error) => {
                    core.log.warn(format_args!("random bytes come from the kernel alone: {error}"));
                    Zeroizing::default()
                }
            };
            let salt = lock(&self.seeds).clone();
            let material = Zeroizing::new([kernel.as_slice(), cluster.as_slice()].concat());
            Hkdf::<Sha256>::new(Some(salt.as_slice()), &material)
                .expand(RANDOM_LABEL, chunk)
                .expect("a chunk is below the 8160 bytes that HKDF can give");
        }
        Ok(())
    }
}

/// Random bytes of any one node.
fn cluster_bytes(core: &Core) -> BackendResult<Zeroizing<Vec<u8>>> {
    let deadline = core.start()?.at_most(CLUSTER_LIMIT);
    core.with_quorum(1, deadline, |set, deadline| {
        let op = request::Op::Random(RandomRequest { length: SOURCE_BYTES as u32 });
        let requests = set.iter().map(|node| (*node, op.clone())).collect();
        let terms = Terms { token: None, min_registry_index: 0, repeatable: true, deadline };
        let answers = Core::all_answered(core.ask(requests, terms))?;
        let Some((node, answer)) = answers.into_iter().next() else { return Err(Setback::Set) };
        match answer.result {
            response::Result::Random(reply) if reply.random.len() == SOURCE_BYTES => {
                Ok(Zeroizing::new(reply.random))
            }
            _ => Err(wrong_kind(node)),
        }
    })
}

/// Bytes taken from each source for one chunk.
const SOURCE_BYTES: usize = 64;
/// Random bytes do not wait long for a cluster that is down.
const CLUSTER_LIMIT: Duration = Duration::from_millis(500);
const SEED_LABEL: &[u8] = b"counterfoil/random/seed/v1";
const RANDOM_LABEL: &[u8] = b"counterfoil/random/output/v1";
