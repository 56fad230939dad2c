//! State that is folded from a topic: rebuilt at start, kept live, read by functions.

use std::{
    collections::HashSet,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
    time::Duration,
};

use bytestring::ByteString;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::Follower;
use crate::{
    call::{dispatch::said, turns::Turns},
    error::{CallError, Code, Result},
    event::{Event, Position},
    feed::{
        channels::{Channel, Feed, wait_for_journal},
        publish::Publishes,
    },
    journal::{JournalError, Record},
    trace::{self, Tracer},
};

/// After a fold has panicked, so that one that always does leaves time for others.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Longest wait for events that were acked and are not folded yet. It mostly takes a few milliseconds; so long, that
/// one pause of [`AFTER_FAILURE`] passes, and a database that fails over is back, as for callers of the journal.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How often a decision is taken, where others publish about the same key in between.
const DECISIONS: usize = 20;
/// What the log calls a projection that waits.
const WAITS: &str = "a projection";

/// The state of a topic: its events, folded one after the other.
///
/// A function takes it as `State<Projection<T>>`. It looks with [`Projection::read`], and sees all that was acked
/// before; or it decides with [`Projection::decide`] what is published, without a concurrent decision in between.
/// [`App::project`](crate::App::project) has an example.
///
/// It is always the fold of the compacted backlog and what came after it, so a fold copes with events whose
/// predecessors are gone. Where the fold panics, the log names the event, what it half did is thrown away, and the
/// state is folded anew without that event, as it will be after a restart. The same where so much happened at once
/// that compaction overtook the projection, which then may have missed the end of a key.
///
/// ```
/// use updraft::{Context, Event, Json, Position, Projection, Result, State};
///
/// async fn count(votes: State<Projection<u64>>) -> Result<Json<u64>> {
///     votes.read(|votes, _| Json(*votes)).await
/// }
///
/// async fn vote(votes: State<Projection<u64>>, cx: Context) -> Result<Json<Position>> {
///     let voted = votes.decide(&cx, "ballot", |votes| Event::new("voted").key("ballot").data(&(votes + 1)));
///     voted.await.map(Json)
/// }
/// const _: () = updraft::check_handler(&vote);
/// ```
pub struct Projection<T> {
    channel: Arc<Channel>,
    folded: RwLock<Folded<T>>,
    place: watch::Sender<u64>,
    /// Decisions about a key take turns: concurrently one would win, and all others decide again.
    turns: Turns,
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
    tracer: Tracer,
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
        let channel = self.channel(topic)?.clone();
        let folding = Folding {
            follower: Follower::new(channel.clone(), 0),
            initial,
            fold,
            tracer: self.tracer().clone(),
            left_out: HashSet::new(),
        };
        Projection::start(self, channel, folding)
            .await
            .map_err(JournalError::refusal)
    }
}

impl<T: Clone + Send + Sync + 'static> Projection<T> {
    /// Folds the compacted topic, and goes on with what comes.
    async fn start<F>(
        feed: &Feed,
        channel: Arc<Channel>,
        mut folding: Folding<T, F>,
    ) -> Result<Arc<Self>, JournalError>
    where
        F: Fn(&mut T, &Record) + Send + Sync + 'static,
    {
        let folded = folding.anew().await?;
        let this = Arc::new(Self {
            channel,
            turns: Turns::default(),
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
            Err(error @ JournalError::Broken(_)) => {
                // What comes is not seen any more, so what there is may be wrong.
                self.folded().state = None;
                wait_for_journal(WAITS, &error).await;
                self.rebuild(folding).await;
            }
            Err(error) => wait_for_journal(WAITS, &error).await,
        }
    }

    fn take<F: Fn(&mut T, &Record)>(&self, page: &[Record], folding: &Folding<T, F>) -> Result<(), Panicked> {
        let mut folded = self.folded();
        for record in page {
            if let Some(state) = &mut folded.state
                && let Err(panicked) = folding.fold_traced(state, record)
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
                    // A waiting reader looks at the state as soon as the position moves.
                    self.place.send_replace(folded.seq);
                    return;
                }
                Err(error) => wait_for_journal(WAITS, &error).await,
            }
        }
    }

    fn folded(&self) -> RwLockWriteGuard<'_, Folded<T>> {
        self.folded.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Projection<T> {
    /// Looks at the state, and at the sequence number of the last event in it, once all is in it that was acked before:
    /// to any client, by any node. So a client that was answered and calls again finds what it did, and so
    /// does a function what it published.
    ///
    /// It waits for that mostly not at all or a few milliseconds, and once the journal has answered never beyond
    /// five seconds.
    ///
    /// # Errors
    /// [`Code::Unavailable`]: where that takes longer, since the journal cannot be read or more is published than can
    /// be folded, while the state is folded anew because the fold panicked, or where the journal is damaged where the
    /// topic goes on.
    ///
    /// # Cancellation
    /// Dropped before it completes, it has not looked, and nothing is lost.
    pub async fn read<R>(&self, look: impl FnOnce(&T, u64) -> R) -> Result<R> {
        self.catch_up().await?;
        let folded = self.folded.read().unwrap_or_else(PoisonError::into_inner);
        match &folded.state {
            Some(state) => Ok(look(state, folded.seq)),
            None => Err(unavailable("the state of this topic is being rebuilt")),
        }
    }

    /// Waits until all that was acked by now is in the state.
    async fn catch_up(&self) -> Result<()> {
        let head = self.channel.journal.head(&self.channel.topic.name).await;
        let head = head.map_err(JournalError::refusal)?;
        if *self.place.borrow() >= head {
            return Ok(());
        }
        timeout(LONGEST_WAIT, self.reached(head))
            .await
            .map_err(|_| unavailable("the state of this topic is behind"))
    }

    /// Looks at the state, decides by it what happens to a key, and publishes that, unless an event of this key was
    /// published in between; then it looks and decides again. No other event of the key stands between what the
    /// decision saw and what it publishes. Other keys are not watched: what the decision sees of them may have
    /// changed by then.
    ///
    /// The decision is an event, an `Option` or a list of them, which are published as one batch, to this projection's
    /// topic; where there are none, nothing is published, and the position is the one that was looked at. An error is
    /// the caller's answer. It may be asked several times, and is only to look.
    ///
    /// Decisions about one key are taken in turn, those about different keys at once. A call with an idempotency key
    /// publishes once, as with [`Publisher::publish`](crate::Publisher::publish).
    ///
    /// ```
    /// use updraft::{CallError, Code, Context, Event, Json, Position, Projection, Result, State};
    ///
    /// /// Which seats are taken.
    /// type Seats = std::collections::HashSet<String>;
    ///
    /// async fn take(Json(seat): Json<String>, seats: State<Projection<Seats>>, cx: Context) -> Result<Json<Position>> {
    ///     let take = |seats: &Seats| match seats.contains(&seat) {
    ///         true => Err(CallError::new(Code::Conflict, "this seat is taken")),
    ///         false => Ok(Event::new("seat.taken").key(seat.as_str())),
    ///     };
    ///     seats.decide(&cx, seat.as_str(), take).await.map(Json)
    /// }
    /// # let module = updraft::Module::new("api.seats").on("take", take);
    /// ```
    ///
    /// # Errors
    /// The decision's own, those of [`Projection::read`] and of [`Publisher::publish`](crate::Publisher::publish);
    /// [`Code::Conflict`], which may be retried, where others published about the key each time that it was decided.
    ///
    /// # Cancellation
    /// As [`Publisher::publish`](crate::Publisher::publish): what was decided last may still be published. The turn of its key is given up.
    pub async fn decide<E>(
        &self,
        by: &impl Publishes,
        key: impl Into<ByteString>,
        mut decision: impl FnMut(&T) -> Result<E>,
    ) -> Result<Position>
    where
        E: IntoIterator<Item = Event>,
    {
        let key = key.into();
        let publisher = by.publisher(self.channel.topic.name.clone());
        let _turn = self.turns.take(&key).await;
        let mut taken = 0;
        loop {
            let decided = self.read(|state, seen| Ok((Vec::from_iter(decision(state)?), seen)));
            let (events, seq) = decided.await.flatten()?;
            if events.is_empty() {
                let epoch = self.channel.journal.epoch().clone();
                return Ok(Position { epoch, seq });
            }
            taken += 1;
            let publisher = publisher.clone().expecting_key(key.clone(), seq);
            match publisher.publish_all(events).await {
                Err(error) if has_moved_on(&error) && taken < DECISIONS => {}
                outcome => return outcome,
            }
        }
    }

    /// Waits until an event is in the state, or was left out of it, however long that takes. [`Projection::read`] waits
    /// by itself for what was acked.
    ///
    /// # Cancellation
    /// It may be dropped at any time, as in a `select!`.
    pub async fn reached(&self, seq: u64) {
        let mut place = self.place.subscribe();
        // The sender lives as long as this.
        let _ = place.wait_for(|place| *place >= seq).await;
    }
}

/// Whether something was published about the key since it was looked at.
fn has_moved_on(error: &CallError) -> bool {
    error.code() == Code::Conflict && error.may_be_retried()
}

fn unavailable(why: &'static str) -> CallError {
    CallError::new(Code::Unavailable, why)
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

    /// The same in a span, where the publish of the event is traced.
    fn fold_traced(&self, state: &mut T, record: &Record) -> Result<(), Panicked> {
        let span = self.tracer.project(&record.topic, record.traceparent.as_deref());
        let folded = trace::within(span.as_ref(), || self.fold(state, record));
        if let Some(span) = span {
            span.end(folded.as_ref().err().map(|_| Code::Internal));
        }
        folded
    }

    fn fold(&self, state: &mut T, record: &Record) -> Result<(), Panicked> {
        // The state that a panic leaves behind is discarded.
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

impl<T> fmt::Debug for Projection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Projection({})", std::any::type_name::<T>())
    }
}
