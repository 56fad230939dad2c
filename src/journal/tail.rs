//! The tail of a journal: what became durable, as it does.

use std::sync::Arc;

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::record::Record;

/// What becomes durable from now on, in the order of all events and without a gap; where some of it was missed, it says so.
/// It ends with its journal.
pub type Tail = BoxStream<'static, Tailed>;

/// Events that became durable together.
pub type Batch = Arc<[Arc<Record>]>;

/// What comes next in a [`Tail`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tailed {
    /// These are durable, and can be read.
    Batch(Batch),
    /// The reader was so slow that this many batches were not kept for it: they are in the journal. What comes next goes on
    /// behind them.
    Lagged(u64),
}

impl From<Batch> for Tailed {
    fn from(batch: Batch) -> Self {
        Self::Batch(batch)
    }
}

/// The tail that a store sends through a channel of a bounded length.
pub fn tail<T: Clone + Into<Tailed> + Send + 'static>(batches: Receiver<T>) -> Tail {
    stream::unfold(batches, async |mut batches| match batches.recv().await {
        Ok(next) => Some((next.into(), batches)),
        Err(RecvError::Lagged(missed)) => Some((Tailed::Lagged(missed), batches)),
        Err(RecvError::Closed) => None,
    })
    .boxed()
}
