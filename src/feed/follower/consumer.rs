//! A consumer of a topic: a function that gets every event at least once, in order, across restarts.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use bytestring::ByteString;
use futures_util::{FutureExt, future::BoxFuture};

use super::Follower;
use crate::{
    call::{dispatch::said, idempotent_call::sha256},
    error::{CallError, Result},
    event::{Body, Event, check_published},
    feed::{
        channels::{Channel, Feed, wait_for_journal},
        lease::on_one_node,
    },
    journal::{Append, Journal, JournalError, Once, Record},
    trace::{self, Tracer},
};

/// Attempts before an event goes to the dead letters.
const TRIES: u32 = 5;

/// The wait after the first failure; twice as long after each further one.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The function of a consumer.
pub(crate) type ConsumerFunction = Arc<dyn Fn(Record) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// Boxes the function of a consumer.
pub(crate) fn consumer_function<F, Fut>(function: F) -> ConsumerFunction
where
    F: Fn(Record) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    Arc::new(move |record| Box::pin(function(record)))
}

/// Separates topic and consumer in the name of a dead-letter topic.
pub(in crate::feed) const DEAD: &str = ".dead.";

/// The dead-letter topic of a consumer.
pub(in crate::feed) fn dead_letters(topic: &str, name: &str) -> String {
    format!("{topic}{DEAD}{name}")
}

impl Feed {
    /// Whether the journal may hold events of this topic: it is declared, or holds the dead letters of one that is.
    pub(crate) fn keeps(&self, topic: &str) -> bool {
        let source = topic.split_once(DEAD).map_or(topic, |(source, _)| source);
        self.is_declared(source)
    }
}

/// Runs `function` for each event of a topic, from the committed position of the consumer of this name, on one node at a time.
pub(crate) fn start_consumer(
    feed: &Feed,
    topic: String,
    name: String,
    function: ConsumerFunction,
) -> Result<()> {
    let channel = feed.channel(&topic)?.clone();
    let journal = feed.journal().clone();
    let lease = format!("consumer:{topic}:{name}");
    let consumer = Arc::new(Consumer {
        journal: journal.clone(),
        topic,
        name,
        function,
        tracer: feed.tracer().clone(),
    });
    feed.spawn(on_one_node(journal, lease, move || {
        consumer.clone().consume(channel.clone())
    }));
    Ok(())
}

struct Consumer {
    journal: Arc<dyn Journal>,
    topic: String,
    name: String,
    function: ConsumerFunction,
    tracer: Tracer,
}

impl Consumer {
    async fn consume(self: Arc<Self>, channel: Arc<Channel>) {
        let at = self.until_done(|| self.journal.committed_offset(&self.topic, &self.name));
        let mut follower = Follower::new(channel, at.await);
        loop {
            match follower.next().await {
                Ok(page) => self.handle(page).await,
                Err(error) => wait_for_journal("a consumer", &error).await,
            }
        }
    }

    async fn handle(&self, page: Vec<Record>) {
        for record in page {
            let seq = record.seq;
            if let Err(error) = self.try_to_handle(&record).await {
                self.dead_letter(&record, &error).await;
            }
            self.until_done(|| self.journal.commit_offset(&self.topic, &self.name, seq))
                .await;
        }
    }

    async fn try_to_handle(&self, record: &Record) -> Result<()> {
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES {
            match self.run(record).await {
                Ok(()) => return Ok(()),
                Err(error) => tracing::warn!(
                    consumer = self.name,
                    seq = record.seq,
                    "{error}; it is tried again"
                ),
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        self.run(record).await
    }

    /// A panic is a failure like any other: it must not end the consumer.
    async fn run(&self, record: &Record) -> Result<()> {
        let span = self
            .tracer
            .consume(&self.topic, &self.name, record.traceparent.as_deref());
        let consumer_function = async { (self.function)(record.clone()).await };
        let work = AssertUnwindSafe(consumer_function).catch_unwind();
        let done = trace::poll_within(span.as_ref(), work).await;
        let done = done.unwrap_or_else(|panic| {
            let said = said(&*panic);
            Err(CallError::internal(format_args!("a consumer panicked: {said}")))
        });
        if let Some(span) = span {
            span.end(done.as_ref().err().map(CallError::code));
        }
        done
    }

    /// Moves an event that fails for good to the dead letters, so that the consumer goes on.
    async fn dead_letter(&self, record: &Record, error: &CallError) {
        tracing::error!(
            consumer = self.name,
            seq = record.seq,
            "{error}; it goes to the dead letters"
        );
        let letters = dead_letters(&self.topic, &self.name);
        // A journal of an earlier version may hold names that cannot be published any more.
        let name = match check_published(&record.name) {
            Ok(()) => record.name.clone(),
            Err(_) => ByteString::from_static("misnamed"),
        };
        let event = Event {
            name,
            key: None,
            body: match &record.body {
                Body::Data(json) => Body::Data(json.clone()),
                Body::Tombstone => Body::Data(ByteString::from_static("null")),
            },
            traceparent: record.traceparent.clone(),
        };
        let append = Append {
            once: Some(self.once(&letters, record.seq)),
            topic: letters,
            events: vec![event],
            ..Default::default()
        };
        self.until_done(|| self.journal.append(append.clone())).await;
    }

    /// An event is among the dead letters once, also where two nodes move it there, or a node dies before the position is committed.
    fn once(&self, letters: &str, seq: u64) -> Once {
        let epoch = self.journal.epoch();
        Once {
            key: format!("dead:{}", sha256(&format!("{letters} {epoch} {seq}"))),
            digest: 0,
            answer: None,
        }
    }

    /// Tries again until the journal did it.
    async fn until_done<'a, T>(
        &'a self,
        attempt: impl Fn() -> BoxFuture<'a, std::result::Result<T, JournalError>>,
    ) -> T {
        loop {
            match attempt().await {
                Ok(done) => return done,
                Err(error) => wait_for_journal(&format!("the consumer {}", self.name), &error).await,
            }
        }
    }
}
