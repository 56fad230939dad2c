//! State that is folded from a topic: rebuilt at start, kept live, read by functions.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::sync::watch;

use super::{channels::Feed, follower::Follower};
use crate::{
    error::Result,
    journal::{JournalError, Record},
};

/// Before a journal that could not be read is tried again.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The state of a topic: its events, folded one after the other.
///
/// A function takes it as `State<Projection<T>>`, looks with [`Projection::read`] whether what it is asked for
/// may be, and publishes with [`Publisher::expecting`](crate::Publisher::expecting) the place that it looked at,
/// so that nobody else decided something in between.
pub struct Projection<T> {
    folded: RwLock<Folded<T>>,
    place: watch::Sender<u64>,
}

struct Folded<T> {
    state: T,
    seq: u64,
}

impl Feed {
    /// Folds a topic into a state.
    pub(crate) async fn project<T: Send + Sync + 'static>(
        &self,
        topic: &str,
        state: T,
        fold: impl Fn(&mut T, &Record) + Send + Sync + 'static,
    ) -> Result<Arc<Projection<T>>> {
        let follower = Follower::new(self.channel(topic)?.clone(), 0);
        Projection::start(self, follower, state, fold)
            .await
            .map_err(JournalError::refusal)
    }
}

impl<T: Send + Sync + 'static> Projection<T> {
    /// Folds the compacted topic, and goes on with what comes.
    async fn start(
        feed: &Feed,
        mut follower: Follower,
        mut state: T,
        fold: impl Fn(&mut T, &Record) + Send + Sync + 'static,
    ) -> Result<Arc<Self>, JournalError> {
        follower.backlog(|record| fold(&mut state, record)).await?;
        let seq = follower.at();
        let this = Arc::new(Self {
            folded: RwLock::new(Folded { state, seq }),
            place: watch::Sender::new(seq),
        });
        let live = this.clone();
        feed.spawn(async move {
            loop {
                match follower.next().await {
                    Ok(page) => live.fold(&page, &fold),
                    Err(error) => {
                        tracing::warn!("a projection waits for the journal: {error}");
                        tokio::time::sleep(AFTER_FAILURE).await;
                    }
                }
            }
        });
        Ok(this)
    }

    fn fold(&self, page: &[Record], fold: &impl Fn(&mut T, &Record)) {
        let mut folded = self.folded.write().unwrap_or_else(PoisonError::into_inner);
        for record in page {
            fold(&mut folded.state, record);
            folded.seq = record.seq;
        }
        self.place.send_replace(folded.seq);
    }

    /// Looks at the state, and at the sequence number of the last event in it.
    pub fn read<R>(&self, look: impl FnOnce(&T, u64) -> R) -> R {
        let folded = self.folded.read().unwrap_or_else(PoisonError::into_inner);
        look(&folded.state, folded.seq)
    }

    /// Waits until an event is in the state: after a publish, to see it there.
    pub async fn reached(&self, seq: u64) {
        let mut place = self.place.subscribe();
        // The sender lives as long as this.
        let _ = place.wait_for(|place| *place >= seq).await;
    }
}

impl<T> fmt::Debug for Projection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Projection({})", std::any::type_name::<T>())
    }
}
