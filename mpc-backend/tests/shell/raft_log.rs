//! The log and state machine pass the Raft library's own suite over a sealed store.

use crate::support::{Remembered, Shared, sealed};
use mpc_backend::raft::{LogStore, StateMachine, TypeConfig};
use openraft::StorageError;
use openraft::testing::{StoreBuilder, Suite};

struct Builder;

impl StoreBuilder<TypeConfig, LogStore, StateMachine, ()> for Builder {
    async fn build(&self) -> Result<((), LogStore, StateMachine), StorageError<u64>> {
        let store = sealed(&Shared::default(), 1);
        let calls = Remembered::default().serve();
        Ok(((), LogStore::new(store.clone()), StateMachine::new(store, calls, Default::default(), None)))
    }
}

#[test]
fn openraft_suite() {
    Suite::test_all(Builder).unwrap();
}
