//! A real store that is hindered for as long as a story says so: slow to write, unreadable, told of late.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use tokio::{
    runtime::Handle,
    sync::{Mutex, broadcast},
    task::unconstrained,
};
use updraft::{
    Epoch,
    journal::{
        Append, Appended, Batch, Cursor, Journal, JournalError, Page, Removed, Retention, StoredOutcome,
        Tail, Tailed, TopicBounds, tail,
    },
};

pub(super) struct Hindered {
    /// The story's own: what goes on there outlives a server.
    runtime: Handle,
    journal: Arc<dyn Journal>,
    /// Appends go by here one after the other, in the order in which they came; whoever holds it keeps them back.
    pub(super) appends: Arc<Mutex<()>>,
    /// What is appended is said to be unavailable, though it goes through.
    pub(super) unsure: AtomicBool,
    /// Appends that came.
    pub(super) came: AtomicUsize,
    /// No fence can be read.
    pub(super) unreadable: AtomicBool,
    /// Fences that were asked for in vain.
    pub(super) in_vain: AtomicUsize,
    durable: std::sync::Mutex<Tail>,
    /// Has room for one batch.
    tail: broadcast::Sender<Batch>,
}

impl Hindered {
    pub(super) fn new(journal: Arc<dyn Journal>) -> Arc<Self> {
        Arc::new(Self {
            runtime: Handle::current(),
            appends: Arc::default(),
            unsure: AtomicBool::default(),
            came: AtomicUsize::default(),
            unreadable: AtomicBool::default(),
            in_vain: AtomicUsize::default(),
            durable: std::sync::Mutex::new(journal.tail()),
            tail: broadcast::Sender::new(1),
            journal,
        })
    }

    /// Tells all that became durable since this was called last, in one go.
    pub(super) fn tell(&self) {
        let mut durable = self.durable.lock().unwrap();
        while let Some(Some(Tailed::Batch(batch))) = unconstrained(durable.next()).now_or_never() {
            // It fails without receivers.
            let _ = self.tail.send(batch);
        }
    }
}

impl Journal for Hindered {
    fn epoch(&self) -> &Epoch {
        self.journal.epoch()
    }

    /// Goes through though whoever asked for it gives up.
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, JournalError>> {
        let journal = self.journal.clone();
        let mut turn = Box::pin(self.appends.clone().lock_owned());
        // Queues right here, as those that come later do after it.
        let first = turn.as_mut().now_or_never();
        let appending = self.runtime.spawn(async move {
            let _turn = match first {
                Some(turn) => turn,
                None => turn.await,
            };
            journal.append(append).await
        });
        self.came.fetch_add(1, Ordering::SeqCst);
        let is_unsure = self.unsure.load(Ordering::SeqCst);
        Box::pin(async move {
            let appended = appending.await.unwrap();
            match is_unsure {
                true => Err(JournalError::Unavailable("nothing is known of it".to_owned())),
                false => appended,
            }
        })
    }

    fn stored_outcome(&self, key: &str) -> BoxFuture<'_, Result<Option<StoredOutcome>, JournalError>> {
        self.journal.stored_outcome(key)
    }

    fn answer(&self, key: String, answer: String) -> BoxFuture<'_, Result<(), JournalError>> {
        self.journal.answer(key, answer)
    }

    fn bounds(&self, topic: &str) -> BoxFuture<'_, Result<TopicBounds, JournalError>> {
        if self.unreadable.load(Ordering::SeqCst) {
            self.in_vain.fetch_add(1, Ordering::SeqCst);
            return Box::pin(async { Err(JournalError::Unavailable("hindered".to_owned())) });
        }
        self.journal.bounds(topic)
    }

    fn read(&self, topic: &str, cursor: Cursor) -> BoxFuture<'_, Result<Page, JournalError>> {
        self.journal.read(topic, cursor)
    }

    fn backlog(&self, topic: &str, cursor: Cursor) -> BoxFuture<'_, Result<Page, JournalError>> {
        self.journal.backlog(topic, cursor)
    }

    fn compact(&self, topic: &str, keep: Retention) -> BoxFuture<'_, Result<Removed, JournalError>> {
        self.journal.compact(topic, keep)
    }

    fn expire_keys(&self, older_than: Duration) -> BoxFuture<'_, Result<usize, JournalError>> {
        self.journal.expire_keys(older_than)
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<(String, TopicBounds)>, JournalError>> {
        self.journal.topics()
    }

    fn committed_offset(&self, topic: &str, consumer: &str) -> BoxFuture<'_, Result<u64, JournalError>> {
        self.journal.committed_offset(topic, consumer)
    }

    fn commit_offset(
        &self,
        topic: &str,
        consumer: &str,
        seq: u64,
    ) -> BoxFuture<'_, Result<(), JournalError>> {
        self.journal.commit_offset(topic, consumer, seq)
    }

    fn tail(&self) -> Tail {
        tail(self.tail.subscribe())
    }
}
