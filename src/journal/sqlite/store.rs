//! The journal that a directory holds, as the house sees it.

use std::{
    future,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use bytestring::ByteString;
use futures_util::future::{BoxFuture, ready};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::{
    ages,
    apply::{Command, Known},
    compaction,
    condition::Condition,
    directory::{self, Lock},
    files::Files,
    heads::Heads,
    opening::{Durability, OpenError},
    reader::{self, Readers},
    schema, verification,
    writer::{Clock, Store, Writer},
};
use crate::{
    event::Epoch,
    journal::{
        clock::{Counted, earlier, now},
        contract::{Health, Journal, JournalError},
        record::{Append, Appended, Cursor, Page, Removed, Retention, StoredOutcome, TopicBounds},
        tail::{self, Batch, Tail},
    },
};

/// Capacity of the writer's command queue.
const WAITING: usize = 4096;

/// Batches that a receiver of the tail may lag behind before it has to read on from the journal.
const TAIL: usize = 1024;

/// The error for callers where the commit failed; the log has the cause.
const NOT_COMMITTED: &str = "the journal could not commit";

/// The error after the writer has ended, which only a panic causes.
const ENDED: &str = "the journal's writer ended";

/// The error after [`SqliteJournal::close`].
const CLOSED: &str = "the journal is closed";

/// A journal in a directory, of one process: what an app opens by itself where nothing else is configured
/// ([`JournalConfig::data`](crate::JournalConfig::data)). Dropping it lets the writer finish what waits; [`SqliteJournal::close`]
/// waits for that.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let directory = directory.path();
/// use std::sync::Arc;
/// use updraft::{App, Topic, journal::{Durability, SqliteJournal}};
///
/// let journal = SqliteJournal::open(directory, Durability::PowerLoss)?;
/// let app = App::new().topic(Topic::new("news")).journal(Arc::new(journal));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SqliteJournal {
    epoch: Epoch,
    /// None once it is closed.
    writing: Mutex<Option<Writing>>,
    readers: Readers,
    tail: broadcast::Sender<Batch>,
    heads: Heads,
    clock: Arc<Counted>,
    files: Arc<Files>,
    condition: Arc<Condition>,
}

/// The writing end of a journal, and its directory's lock.
struct Writing {
    commands: mpsc::Sender<Command>,
    writer: JoinHandle<()>,
    _lock: Arc<Lock>,
}

/// Longest that a journal is looked at for damage before it is used.
const GLANCE: Duration = Duration::from_millis(200);

impl SqliteJournal {
    /// Opens the journal in a directory, and makes both where they are missing. It is looked at for damage first, for
    /// no longer than 200 ms: all of a small journal, and the first part of a large one.
    ///
    /// # Errors
    /// Where the directory cannot be used, another process uses it, or the file is damaged or of another version.
    pub fn open(directory: &Path, durability: Durability) -> Result<Self, OpenError> {
        Self::open_by(directory, durability, Box::new(now))
    }

    /// The same by another clock.
    pub(super) fn open_by(directory: &Path, durability: Durability, clock: Clock) -> Result<Self, OpenError> {
        directory::create(directory)?;
        let lock = Arc::new(directory::lock(directory)?);
        let path = directory::database(directory);
        let unopened = |error| match error {
            OpenError::Store(source) => OpenError::File {
                path: path.clone(),
                source,
            },
            other => other,
        };
        let (mut connection, epoch) = schema::open(&path, durability).map_err(unopened)?;
        if let Some(what) = verification::glance(&connection, GLANCE)
            .map_err(OpenError::from)
            .map_err(unopened)?
        {
            return Err(OpenError::Damaged { path, what });
        }
        let (counted, stamps) = ages::open(&mut connection, clock())?;
        let known = Known::new(schema::head(&connection)?, stamps, counted.clone());
        let files = Arc::new(Files::of(directory, &lock)?);
        let condition = Arc::<Condition>::default();
        let (commands, waiting) = mpsc::channel(WAITING);
        let tail = broadcast::Sender::new(TAIL);
        let heads = Heads::default();
        let store = Store {
            epoch: epoch.clone(),
            path: path.clone(),
            durability,
            tail: tail.clone(),
            heads: heads.clone(),
            files: files.clone(),
            condition: condition.clone(),
            clock,
        };
        let writer = Writer::new(connection, known, store);
        let held = lock.clone();
        let writer = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                writer.run(waiting);
                drop(held);
            })
            .map_err(directory::unusable(directory))?;
        let writing = Writing {
            commands,
            writer,
            _lock: lock,
        };
        Ok(Self {
            epoch,
            writing: Mutex::new(Some(writing)),
            readers: Readers::new(path, files.clone(), condition.clone()),
            tail,
            heads,
            clock: counted,
            files,
            condition,
        })
    }

    /// Commits what waits, and lets go of the directory: it can be opened again then. Nothing is appended or read
    /// afterwards ([`JournalError::Unavailable`]).
    pub async fn close(&self) {
        let Some(writing) = self.writing().take() else {
            return;
        };
        drop(writing.commands);
        // It fails if the writer panicked, which its callers got as an error.
        let _ = tokio::task::spawn_blocking(move || writing.writer.join()).await;
        self.readers.close().await;
    }

    fn writing(&self) -> MutexGuard<'_, Option<Writing>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, JournalError>>) -> Command,
    ) -> Result<T, JournalError> {
        let failed = |why: &str| JournalError::Unavailable(why.to_owned());
        let (reply, replied) = oneshot::channel();
        let commands = self.writing().as_ref().map(|writing| writing.commands.clone());
        commands
            .ok_or_else(|| failed(CLOSED))?
            .send(command(reply))
            .await
            .map_err(|_| failed(ENDED))?;
        replied.await.map_err(|_| failed(NOT_COMMITTED))?
    }
}

impl Journal for SqliteJournal {
    fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, JournalError>> {
        if let Err(malformed) = JournalError::check(&append) {
            return Box::pin(future::ready(Err(malformed)));
        }
        Box::pin(self.write(|reply| Command::Append(append, reply)))
    }

    fn stored_outcome(&self, key: &str) -> BoxFuture<'_, Result<Option<StoredOutcome>, JournalError>> {
        let key = key.to_owned();
        Box::pin(
            self.readers
                .read(move |connection| reader::stored_outcome(connection, &key)),
        )
    }

    fn answer(&self, key: String, answer: String) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(self.write(|reply| Command::Answer { key, answer, reply }))
    }

    fn bounds(&self, topic: &str) -> BoxFuture<'_, Result<TopicBounds, JournalError>> {
        Box::pin(self.readers.read_topic(topic.to_owned(), reader::bounds))
    }

    fn head(&self, topic: &str) -> BoxFuture<'_, Result<u64, JournalError>> {
        if let Some(head) = self.heads.of(topic) {
            return Box::pin(ready(Ok(head)));
        }
        let topic = ByteString::from(topic);
        Box::pin(async move {
            let head = self.bounds(&topic).await?.head;
            self.heads.learn(&topic, head);
            Ok(head)
        })
    }

    fn read(&self, topic: &str, cursor: Cursor) -> BoxFuture<'_, Result<Page, JournalError>> {
        Box::pin(
            self.readers
                .read_topic(topic.to_owned(), move |connection, topic| {
                    reader::all(connection, topic, &cursor)
                }),
        )
    }

    fn backlog(&self, topic: &str, cursor: Cursor) -> BoxFuture<'_, Result<Page, JournalError>> {
        Box::pin(
            self.readers
                .read_topic(topic.to_owned(), move |connection, topic| {
                    reader::backlog(connection, topic, &cursor)
                }),
        )
    }

    fn compact(&self, topic: &str, keep: Retention) -> BoxFuture<'_, Result<Removed, JournalError>> {
        let topic = topic.to_owned();
        Box::pin(async move {
            let mut removed = Removed::default();
            let clock = self.clock.clone();
            let plan = move |connection: &_, topic: &str| compaction::plan(connection, topic, &keep, &clock);
            let Some(bounds) = self.readers.read_topic(topic.clone(), plan).await? else {
                return Ok(removed);
            };
            let mut next = Some(0);
            while let Some(from) = next {
                let bounds = bounds.clone();
                let step = self
                    .readers
                    .read_topic(topic.clone(), move |connection, _| {
                        compaction::victims(connection, &bounds, from)
                    })
                    .await?;
                next = step.next;
                removed.due = earlier(removed.due, step.due);
                if step.victims.is_empty() {
                    continue;
                }
                let topic = topic.clone();
                let gone = self
                    .write(|reply| Command::Remove {
                        topic,
                        victims: step.victims,
                        reply,
                    })
                    .await?;
                removed.events += gone.events;
                removed.bytes += gone.bytes;
            }
            Ok(removed)
        })
    }

    fn expire_keys(&self, older_than: Duration) -> BoxFuture<'_, Result<usize, JournalError>> {
        Box::pin(self.write(move |reply| Command::ExpireKeys { older_than, reply }))
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<(String, TopicBounds)>, JournalError>> {
        Box::pin(self.readers.read(reader::topics))
    }

    fn committed_offset(&self, topic: &str, consumer: &str) -> BoxFuture<'_, Result<u64, JournalError>> {
        let (topic, consumer) = (topic.to_owned(), consumer.to_owned());
        Box::pin(
            self.readers
                .read(move |connection| reader::committed_offset(connection, &topic, &consumer)),
        )
    }

    fn commit_offset(
        &self,
        topic: &str,
        consumer: &str,
        seq: u64,
    ) -> BoxFuture<'_, Result<(), JournalError>> {
        let (topic, consumer) = (topic.to_owned(), consumer.to_owned());
        Box::pin(self.write(move |reply| Command::CommitOffset {
            topic,
            consumer,
            seq,
            reply,
        }))
    }

    fn health(&self) -> Health {
        if let Err(lost) = self.files.check_database() {
            self.condition.lost(lost.to_string());
        }
        self.condition.now()
    }

    fn report(&self, topic: &str, what: &str) {
        self.condition.damaged(Some(topic), what);
    }

    fn tail(&self) -> Tail {
        tail::tail(self.tail.subscribe())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(Self::close(self))
    }
}

#[cfg(test)]
mod tests;
