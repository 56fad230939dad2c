//! State that is folded from a topic: rebuilt at start, kept live, read by functions.

use std::{
    collections::HashSet,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
    time::Duration,
};

use tokio::{sync::watch, time::sleep};

use super::{channels::Feed, follower::Follower};
use crate::{
    call::dispatch::said,
    error::{CallError, Code, Result},
    journal::{JournalError, Record},
};

/// Before a journal that could not be read is tried again; and after a fold has panicked, so that one that always
/// does leaves time for others.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The state of a topic: its events, folded one after the other.
///
/// A function takes it as `State<Projection<T>>`, looks with [`Projection::read`] whether what it is asked for
/// may be, and publishes with [`Publisher::expecting`](crate::Publisher::expecting) the place that it looked at,
/// so that nobody else decided something in between.
///
/// It is always the fold of the compacted backlog and what came after it, so a fold copes with events whose
/// predecessors are gone. Where the fold panics, the log names the event, what it half did is thrown away, and the
/// state is folded anew without that event, as it will be after a restart. The same where so much happened at once
/// that compaction overtook the projection, which then may have missed the end of a key.
pub struct Projection<T> {
    folded: RwLock<Folded<T>>,
    place: watch::Sender<u64>,
}

struct Folded<T> {
    /// `None` while it is folded anew after a panic.
    state: Option<T>,
    seq: u64,
}

/// What folds a topic, and where it stands.
struct Folding<T, F> {
    follower: Follower,
    initial: T,
    fold: F,
    /// The events that the fold panics on, as far as they are in the backlog.
    left_out: HashSet<u64>,
}

impl Feed {
    /// Folds a topic into a state.
    pub(crate) async fn project<T: Clone + Send + Sync + 'static>(
        &self,
        topic: &str,
        initial: T,
        fold: impl Fn(&mut T, &Record) + Send + Sync + 'static,
    ) -> Result<Arc<Projection<T>>> {
        let folding = Folding {
            follower: Follower::new(self.channel(topic)?.clone(), 0),
            initial,
            fold,
            left_out: HashSet::new(),
        };
        Projection::start(self, folding)
            .await
            .map_err(JournalError::refusal)
    }
}

impl<T: Clone + Send + Sync + 'static> Projection<T> {
    /// Folds the compacted topic, and goes on with what comes.
    async fn start<F>(feed: &Feed, mut folding: Folding<T, F>) -> Result<Arc<Self>, JournalError>
    where
        F: Fn(&mut T, &Record) + Send + Sync + 'static,
    {
        let folded = folding.anew().await?;
        let this = Arc::new(Self {
            place: watch::Sender::new(folded.seq),
            folded: RwLock::new(folded),
        });
        let live = this.clone();
        feed.spawn(async move {
            loop {
                live.go_on(&mut folding).await;
            }
        });
        Ok(this)
    }

    /// Takes the next events in.
    async fn go_on<F: Fn(&mut T, &Record)>(&self, folding: &mut Folding<T, F>) {
        match folding.follower.next_of_all().await {
            Ok(Some(page)) => {
                if let Err(Panicked(seq)) = self.take(&page, folding) {
                    folding.left_out.insert(seq);
                    self.rebuild(folding).await;
                    sleep(AFTER_FAILURE).await;
                }
            }
            Ok(None) => {
                let topic = folding.follower.topic();
                tracing::info!(topic, "compaction overtook a projection, which is folded anew");
                self.rebuild(folding).await;
            }
            Err(error) => wait_for_journal(&error).await,
        }
    }

    fn take<F: Fn(&mut T, &Record)>(&self, page: &[Record], folding: &Folding<T, F>) -> Result<(), Panicked> {
        let mut folded = self.folded();
        for record in page {
            if let Some(state) = &mut folded.state
                && let Err(panicked) = folding.fold(state, record)
            {
                folded.state = None;
                return Err(panicked);
            }
            folded.seq = record.seq;
        }
        self.place.send_replace(folded.seq);
        Ok(())
    }

    async fn rebuild<F: Fn(&mut T, &Record)>(&self, folding: &mut Folding<T, F>) {
        loop {
            match folding.anew().await {
                Ok(anew) => {
                    let mut folded = self.folded();
                    *folded = anew;
                    // Who waits for the place reads the state as soon as it is told.
                    self.place.send_replace(folded.seq);
                    return;
                }
                Err(error) => wait_for_journal(&error).await,
            }
        }
    }

    fn folded(&self) -> RwLockWriteGuard<'_, Folded<T>> {
        self.folded.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Projection<T> {
    /// Looks at the state, and at the sequence number of the last event in it.
    ///
    /// # Errors
    /// [`Code::Unavailable`] while the state is folded anew because the fold panicked.
    pub fn read<R>(&self, look: impl FnOnce(&T, u64) -> R) -> Result<R> {
        let folded = self.folded.read().unwrap_or_else(PoisonError::into_inner);
        match &folded.state {
            Some(state) => Ok(look(state, folded.seq)),
            None => Err(CallError::new(
                Code::Unavailable,
                "the state of this topic is being rebuilt",
            )),
        }
    }

    /// Waits until an event is in the state, or was left out of it: after a publish, to see it there.
    pub async fn reached(&self, seq: u64) {
        let mut place = self.place.subscribe();
        // The sender lives as long as this.
        let _ = place.wait_for(|place| *place >= seq).await;
    }
}

/// The fold panicked on this event.
struct Panicked(u64);

impl<T: Clone, F: Fn(&mut T, &Record)> Folding<T, F> {
    /// Folds the compacted topic from its beginning, but for what the fold panics on.
    async fn anew(&mut self) -> Result<Folded<T>, JournalError> {
        loop {
            let mut follower = self.follower.again();
            let mut state = self.initial.clone();
            let mut left_out = HashSet::new();
            let mut is_whole = true;
            follower
                .backlog(|record| {
                    if self.left_out.contains(&record.seq) {
                        left_out.insert(record.seq);
                    } else if self.fold(&mut state, record).is_err() {
                        left_out.insert(record.seq);
                        // What follows is folded only to find the others that it panics on, all in one go.
                        state = self.initial.clone();
                        is_whole = false;
                    }
                })
                .await?;
            self.left_out = left_out;
            if is_whole {
                let seq = follower.at();
                self.follower = follower;
                return Ok(Folded {
                    state: Some(state),
                    seq,
                });
            }
        }
    }

    fn fold(&self, state: &mut T, record: &Record) -> Result<(), Panicked> {
        // Nobody looks again at what a panic leaves behind.
        catch_unwind(AssertUnwindSafe(|| (self.fold)(state, record))).map_err(|panic| {
            tracing::error!(
                topic = self.follower.topic(),
                seq = record.seq,
                "a projection panicked, and leaves this event out: {}",
                said(&*panic)
            );
            Panicked(record.seq)
        })
    }
}

async fn wait_for_journal(error: &JournalError) {
    tracing::warn!("a projection waits for the journal: {error}");
    sleep(AFTER_FAILURE).await;
}

impl<T> fmt::Debug for Projection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Projection({})", std::any::type_name::<T>())
    }
}
