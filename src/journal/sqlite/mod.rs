//! The embedded store: one SQLite file, one writer thread that commits what waits together, readers on their own
//! connections.

mod apply;
mod reader;
mod schema;
mod writer;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::sync::{broadcast, mpsc, oneshot};

use self::{apply::Command, reader::Readers, writer::Writer};
use super::{Append, Appended, Cursor, Fence, Journal, JournalError, Keep, Recalled, Record, Removed, Tail};
use crate::event::Epoch;

/// Commands that wait for the writer before those who bring more wait too.
const WAITING: usize = 4096;

/// Batches that a receiver of the tail may lag behind before it is told to read on from the journal.
const TAIL: usize = 1024;

/// What callers are told where the commit failed; the log says why.
const NOT_COMMITTED: &str = "the journal could not commit";

/// What they are told where nobody commits any more, which only a panic brings about.
const ENDED: &str = "the journal's writer ended";

/// What survives, by its cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Durability {
    /// What was acked survives a power loss: every commit is synced to the disk.
    #[default]
    PowerLoss,
    /// What was acked survives a crash of the process, but the last of it not a power loss. Faster.
    ProcessCrash,
}

impl Durability {
    fn synchronous(self) -> &'static str {
        match self {
            Self::PowerLoss => "FULL",
            Self::ProcessCrash => "NORMAL",
        }
    }
}

/// Why a journal's directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be made, or written to.
    #[error("cannot use the directory {path}: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another process has it.
    #[error("another process uses the journal in {0}")]
    Locked(PathBuf),
    /// The file is damaged, or no database.
    #[error("cannot open the journal: {0}")]
    Store(#[from] rusqlite::Error),
    /// The file is a database of something else.
    #[error("the file is no journal")]
    Foreign,
    /// The file was written by another version of this program.
    #[error("the journal has format {0}, and this program writes format {format}", format = schema::FORMAT)]
    Format(i64),
    /// The file system has no shared memory for SQLite's write-ahead log.
    #[error("the file system of the journal cannot hold a write-ahead log")]
    NoWal,
    /// While it was in use, the file became another, or an older state of itself.
    #[error("the journal's file was replaced while in use; start again to use what is there now")]
    Replaced,
    /// The SQLite that this program was built with is too old.
    #[error("SQLite {0} may damage a journal")]
    Sqlite(String),
    /// The system has no randomness for an epoch.
    #[error("no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
}

/// A journal in a directory. Dropping it lets the writer finish what waits; [`SqliteJournal::close`] waits for
/// that.
pub struct SqliteJournal {
    epoch: Epoch,
    commands: mpsc::Sender<Command>,
    writer: JoinHandle<()>,
    readers: Readers,
    tail: broadcast::Sender<Tail>,
    _lock: Arc<File>,
}

impl SqliteJournal {
    /// Opens the journal in a directory, and makes both where they are missing.
    ///
    /// # Errors
    /// Where the directory cannot be used, another process uses it, or the file is damaged or of another version.
    pub fn open(directory: &Path, durability: Durability) -> Result<Self, OpenError> {
        let unusable = |source| OpenError::Directory {
            path: directory.to_owned(),
            source,
        };
        create(directory).map_err(unusable)?;
        let lock = Arc::new(lock(directory)?);
        let path = directory.join("journal.db");
        let (connection, epoch) = schema::open(&path, durability)?;
        let (commands, waiting) = mpsc::channel(WAITING);
        let tail = broadcast::Sender::new(TAIL);
        let writer = Writer::new(connection, epoch.clone(), path.clone(), durability, tail.clone())?;
        let held = lock.clone();
        let writer = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                writer.run(waiting);
                drop(held);
            })
            .map_err(unusable)?;
        Ok(Self {
            epoch,
            commands,
            writer,
            readers: Readers::new(path),
            tail,
            _lock: lock,
        })
    }

    /// Commits what waits, and lets go of the directory: it can be opened again then.
    pub async fn close(self) {
        let Self { commands, writer, .. } = self;
        drop(commands);
        // It fails where the writer panicked, and who waited for it was told.
        let _ = tokio::task::spawn_blocking(move || writer.join()).await;
    }

    async fn write<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, JournalError>>) -> Command,
    ) -> Result<T, JournalError> {
        let failed = |why: &str| JournalError::Unavailable(why.to_owned());
        let (reply, replied) = oneshot::channel();
        self.commands
            .send(command(reply))
            .await
            .map_err(|_| failed(ENDED))?;
        replied.await.map_err(|_| failed(NOT_COMMITTED))?
    }
}

/// Makes a directory that is still there after a power loss.
fn create(directory: &Path) -> io::Result<()> {
    let missing = directory.ancestors().take_while(|path| !path.exists()).count();
    fs::create_dir_all(directory)?;
    for holder in directory.ancestors().skip(1).take(missing) {
        // An empty path is the relative one's start.
        let holder = if holder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            holder
        };
        // Elsewhere a directory cannot be opened, and keeps its entries by itself.
        #[cfg(unix)]
        File::open(holder)?.sync_all()?;
    }
    Ok(())
}

/// A lock of our own, since SQLite lets a second writer in.
fn lock(directory: &Path) -> Result<File, OpenError> {
    let unusable = |source| OpenError::Directory {
        path: directory.to_owned(),
        source,
    };
    let file = File::create(directory.join("lock")).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

impl Journal for SqliteJournal {
    fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, JournalError>> {
        Box::pin(self.write(|reply| Command::Append(append, reply)))
    }

    fn recall(&self, key: &str) -> BoxFuture<'_, Result<Option<Recalled>, JournalError>> {
        let key = key.to_owned();
        Box::pin(
            self.readers
                .read(move |connection| reader::recall(connection, &key)),
        )
    }

    fn answer(&self, key: String, answer: String) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(self.write(|reply| Command::Answer { key, answer, reply }))
    }

    fn fence(&self, topic: &str) -> BoxFuture<'_, Result<Fence, JournalError>> {
        let topic = topic.to_owned();
        Box::pin(
            self.readers
                .read(move |connection| reader::fence(connection, &topic)),
        )
    }

    fn read(&self, topic: &str, cursor: Cursor) -> BoxFuture<'_, Result<Vec<Record>, JournalError>> {
        let topic = topic.to_owned();
        Box::pin(
            self.readers
                .read(move |connection| reader::all(connection, &topic, &cursor)),
        )
    }

    fn backlog(&self, topic: &str, cursor: Cursor) -> BoxFuture<'_, Result<Vec<Record>, JournalError>> {
        let topic = topic.to_owned();
        Box::pin(
            self.readers
                .read(move |connection| reader::backlog(connection, &topic, &cursor)),
        )
    }

    fn compact(&self, topic: &str, keep: Keep) -> BoxFuture<'_, Result<Removed, JournalError>> {
        let topic = topic.to_owned();
        Box::pin(async move {
            let mut removed = Removed::default();
            let mut plan = {
                let topic = topic.clone();
                self.readers
                    .read(move |connection| reader::plan(connection, &topic, &keep))
                    .await?
            };
            while let Some(from) = plan.next {
                let bounds = plan.bounds;
                let step = self
                    .readers
                    .read(move |connection| reader::victims(connection, &bounds, from))
                    .await?;
                plan.next = step.next;
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

    fn forget(&self, older_than: Duration) -> BoxFuture<'_, Result<usize, JournalError>> {
        Box::pin(self.write(move |reply| Command::Forget { older_than, reply }))
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<(String, Fence)>, JournalError>> {
        Box::pin(self.readers.read(reader::topics))
    }

    fn consumed(&self, topic: &str, consumer: &str) -> BoxFuture<'_, Result<u64, JournalError>> {
        let (topic, consumer) = (topic.to_owned(), consumer.to_owned());
        Box::pin(
            self.readers
                .read(move |connection| reader::consumed(connection, &topic, &consumer)),
        )
    }

    fn consume(&self, topic: &str, consumer: &str, seq: u64) -> BoxFuture<'_, Result<(), JournalError>> {
        let (topic, consumer) = (topic.to_owned(), consumer.to_owned());
        Box::pin(self.write(move |reply| Command::Consume {
            topic,
            consumer,
            seq,
            reply,
        }))
    }

    fn tail(&self) -> broadcast::Receiver<Tail> {
        self.tail.subscribe()
    }
}
