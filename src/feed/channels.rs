//! All topics of an app, and the one thread that tells their readers what became durable.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    sync::{Arc, Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use prometheus_client::{metrics::counter::Counter, registry::Registry};
use tokio::runtime::Handle;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use super::{
    canary::Canary,
    live::Live,
    topic::{
        Topic,
        lag::ReaderPositions,
        metrics::{Metrics, TopicMetrics},
    },
};
use crate::{
    error::{CallError, Code, Result},
    journal::{Batch, Health, Journal, JournalError, Tail, Tailed, TopicBounds},
    trace::Tracer,
};

/// The topics of an app over their journal. Functions and tasks of an app with topics get it as a state, to publish outside a call.
///
/// ```
/// use updraft::{Event, Feed, Result, State};
///
/// async fn ring(State(feed): State<Feed>) -> Result<()> {
///     feed.topic("bells").publish(Event::new("bell.rung")).await?;
///     Ok(())
/// }
/// ```
pub struct Feed {
    journal: Arc<dyn Journal>,
    channels: Arc<Channels>,
    metrics: Metrics,
    /// Of a journal that other nodes append to.
    canary: Option<Arc<Canary>>,
    tracer: Tracer,
    /// How long an idempotency key is known.
    remembers: Duration,
    /// Topics that one socket may be subscribed to.
    most_subscriptions: usize,
    /// Counts those beyond.
    refused: OnceLock<Counter>,
    /// How long the guard of a topic may take.
    longest_guard: Duration,
    /// The journal that was opened for it alone.
    own: OnceLock<Arc<dyn Journal>>,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop_with_this: DropGuard,
}

/// Before a journal that could not be read is tried again; before one that waiting does not mend is.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
const BROKEN: Duration = Duration::from_secs(10);

/// How long a feed that ends waits for its tasks: one that keeps its thread ends later.
const LONGEST_END: Duration = Duration::from_secs(1);

/// Waits before a reader inside the server tries the journal again. What is broken stands in the log already, once.
pub(super) async fn wait_for_journal(waits: &str, error: &JournalError) {
    if matches!(error, JournalError::Broken(_)) {
        return tokio::time::sleep(BROKEN).await;
    }
    tracing::warn!("{waits} waits for the journal: {error}");
    tokio::time::sleep(AFTER_FAILURE).await;
}

type Channels = HashMap<Arc<str>, Arc<Channel>>;

/// A topic and its live end.
pub(super) struct Channel {
    pub(super) topic: Topic,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) live: Live,
    pub(super) places: ReaderPositions,
    pub(super) metrics: TopicMetrics,
    pub(super) compacted: Mutex<Option<Compacted>>,
}

/// What a topic was when it was last compacted.
pub(super) struct Compacted {
    pub(super) head: u64,
    /// When something of it may go by its age.
    pub(super) due: Option<Instant>,
}

impl Channel {
    pub(super) async fn bounds(&self) -> Result<TopicBounds, JournalError> {
        self.journal.bounds(&self.topic.name).await
    }

    fn observe(&self) {
        let places = self.places.all();
        let behind = places.iter().filter(|seq| !self.live.reaches_back_to(**seq));
        self.metrics.behind.set(behind.count() as u64);
        self.metrics.subscribers.set(places.len() as u64);
        self.metrics.head.set(self.live.head());
    }
}

impl Feed {
    /// Follows a journal from where it ends now, inside a tokio runtime. Idempotency keys are remembered for this
    /// long at least; a socket is subscribed to so many topics at most, and the guard of a topic takes no longer than this.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub async fn start(
        journal: Arc<dyn Journal>,
        topics: Vec<Topic>,
        remembers: Duration,
        most_subscriptions: usize,
        longest_guard: Duration,
    ) -> Result<Arc<Self>, JournalError> {
        let tracer = Tracer::off();
        Self::start_traced(
            journal,
            topics,
            remembers,
            most_subscriptions,
            longest_guard,
            tracer,
        )
        .await
    }

    /// The same; publishes, deliveries and consumers are traced.
    pub(crate) async fn start_traced(
        journal: Arc<dyn Journal>,
        topics: Vec<Topic>,
        remembers: Duration,
        most_subscriptions: usize,
        longest_guard: Duration,
        tracer: Tracer,
    ) -> Result<Arc<Self>, JournalError> {
        // Before the bounds are read, so that nothing falls in between.
        let tail = journal.tail();
        let mut channels = Channels::new();
        let metrics = Metrics::default();
        for topic in topics {
            let bounds = journal.bounds(&topic.name).await?;
            let channel = Channel {
                journal: journal.clone(),
                live: Live::new(bounds.head),
                places: ReaderPositions::default(),
                metrics: metrics.of(&topic.name),
                compacted: Mutex::default(),
                topic,
            };
            channel.metrics.floor.set(bounds.floor);
            channels.insert(channel.topic.name.clone(), Arc::new(channel));
        }
        let channels = Arc::new(channels);
        let stop = CancellationToken::new();
        let this = Self {
            canary: journal.is_shared().then(|| Arc::new(Canary::new())),
            journal,
            channels: channels.clone(),
            metrics,
            tracer,
            remembers,
            most_subscriptions,
            refused: OnceLock::new(),
            longest_guard,
            own: OnceLock::new(),
            tasks: TaskTracker::new(),
            stop: stop.clone(),
            _stop_with_this: stop.drop_guard(),
        };
        this.follow(tail, channels)?;
        if let Some(canary) = &this.canary {
            this.spawn(canary.clone().run(this.journal.clone()));
        }
        Ok(Arc::new(this))
    }

    /// Follows the journal on a thread of its own. It is woken for each commit, and waking a runtime of several threads
    /// wakes two of them; nor do live events wait for whatever else the runtime does.
    fn follow(&self, tail: Tail, channels: Arc<Channels>) -> Result<(), JournalError> {
        let (runtime, stop, canary) = (Handle::current(), self.stop.clone(), self.canary.clone());
        let follow = follow(tail, channels, canary, self.tracer.clone());
        thread::Builder::new()
            .name("feed".to_owned())
            .spawn(move || runtime.block_on(stop.run_until_cancelled_owned(follow)))
            .map_err(|error| JournalError::Unavailable(format!("no thread to follow it: {error}")))?;
        Ok(())
    }

    /// Runs a task for as long as the feed lives. A task that outlived it would hold the journal, and the next open
    /// of the same one would fail.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks
            .spawn(self.stop.clone().run_until_cancelled_owned(task));
    }

    /// Closes this journal, which is its own, at its end.
    pub(crate) fn owns(&self, journal: Arc<dyn Journal>) {
        // It has one journal.
        let _ = self.own.set(journal);
    }

    /// Ends its tasks, and closes the journal that is its own. Others may hold both for longer: nothing is published or
    /// read any more, and the directory can be opened again.
    pub(crate) async fn end(&self) {
        self.stop.cancel();
        self.tasks.close();
        // What works under a lease is to have ended when another node gets that.
        let _ = tokio::time::timeout(LONGEST_END, self.tasks.wait()).await;
        if let Some(journal) = self.own.get() {
            journal.close().await;
        }
    }

    /// The topics that show which sockets are there.
    pub(super) fn presences(&self) -> Vec<Arc<Channel>> {
        let all = self.channels.values();
        all.filter(|channel| channel.topic.is_of_members())
            .cloned()
            .collect()
    }

    pub(super) fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.channels.values().map(|channel| &**channel)
    }

    /// Registers the metrics of all topics.
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.metrics.register(registry);
    }

    /// Reads off what is not counted as it happens.
    pub(crate) fn observe(&self) {
        self.channels().for_each(Channel::observe);
        let lag = self.canary.as_ref().map(|canary| canary.lag());
        self.metrics.tail_lag.set(lag.unwrap_or_default().as_secs_f64());
    }

    pub(super) fn most_subscriptions(&self) -> usize {
        self.most_subscriptions
    }

    /// How long a guard may take; meanwhile its socket's other subscriptions wait.
    pub(super) fn longest_guard(&self) -> Duration {
        self.longest_guard
    }

    /// Counts subscriptions over the limit there, from now on.
    pub(crate) fn count_refusals(&self, counter: &Counter) {
        // A feed is that of one server.
        let _ = self.refused.set(counter.clone());
    }

    /// A subscription over the limit.
    pub(super) fn refused_one(&self) {
        if let Some(counter) = self.refused.get() {
            counter.inc();
        }
    }

    pub(super) fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    pub(super) fn remembers(&self) -> Duration {
        self.remembers
    }

    pub(crate) fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }

    /// What is broken in the journal.
    pub(crate) fn health(&self) -> Health {
        self.journal.health()
    }

    /// How long nothing of what this node appends has arrived through the journal, where that is too long.
    pub(crate) fn late(&self) -> Option<Duration> {
        self.canary.as_ref().and_then(|canary| canary.late())
    }

    pub(super) fn channel(&self, topic: &str) -> Result<&Arc<Channel>> {
        self.channels.get(topic).ok_or_else(no_such_topic)
    }

    pub(super) fn is_declared(&self, topic: &str) -> bool {
        self.channels.contains_key(topic)
    }
}

/// The error for an undeclared topic, the same as for a forbidden one: it does not reveal which topics exist.
pub(super) fn no_such_topic() -> CallError {
    CallError::new(Code::Forbidden, "there is no such topic, or no right to it")
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.channels.keys()).finish()
    }
}

/// Puts what became durable at the live ends of its topics, and wakes their readers once a batch.
async fn follow(mut tail: Tail, channels: Arc<Channels>, canary: Option<Arc<Canary>>, tracer: Tracer) {
    while let Some(next) = tail.next().await {
        match next {
            Tailed::Batch(batch) => {
                tell(&channels, &batch, &tracer);
                if let (Some(canary), Some(last)) = (&canary, batch.last()) {
                    canary.arrived(last.seq);
                }
            }
            Tailed::Lagged(_) => skip(&channels).await,
        }
    }
}

fn tell(channels: &Channels, batch: &Batch, tracer: &Tracer) {
    let mut grown: Vec<&Channel> = Vec::new();
    let mut spans = Vec::new();
    for record in batch.iter() {
        let Some(channel) = channels.get(&*record.topic) else {
            continue;
        };
        spans.extend(tracer.deliver(&record.topic, record.traceparent.as_deref()));
        channel.live.push(record);
        if !grown.iter().any(|known| std::ptr::eq(*known, &**channel)) {
            grown.push(channel);
        }
    }
    grown.iter().for_each(|channel| channel.live.announce());
    spans.into_iter().for_each(|span| span.end(None));
}

/// So much was appended that some was missed: readers find it in the journal. Nothing newer is told before it is
/// known where that ends, since readers would take it for the next.
async fn skip(channels: &Channels) {
    for channel in channels.values() {
        let bounds = loop {
            match channel.journal.bounds(&channel.topic.name).await {
                Ok(bounds) => break bounds,
                Err(error) => wait_for_journal("the live end of a topic", &error).await,
            }
        };
        channel.live.skip_to(bounds.head);
        channel.live.announce();
    }
}
