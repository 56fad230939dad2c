//! Writing the embedded store: one thread with group commit. An event is visible, to its appender too, only after its
//! commit is durable.

use std::{path::PathBuf, sync::Arc, time::Duration};

use rusqlite::Connection;
use tokio::sync::{broadcast, mpsc};

use super::{
    apply::{Command, Committed, Known},
    condition::{Condition, is_damage},
    files::Files,
    heads::Heads,
    opening::{Durability, OpenError},
    reader, schema,
};
use crate::{
    event::Epoch,
    journal::{record::Record, tail::Batch},
};

/// Commands in one commit, so that the first does not wait for ever for the last.
const TOGETHER: usize = 1024;

/// Pages of the log that are worth being moved: 8 MB.
const MUCH: i64 = 1000;

/// Pages of the log for which readers are waited for: 32 MB.
const TOO_MUCH: i64 = 4000;

/// Longest that appends wait for readers to let go of the log.
const BUSY_TIMEOUT: Duration = Duration::from_millis(200);

pub(super) struct Writer {
    /// None after a failure: what the file holds is not known before it is opened and read again.
    connection: Option<Connection>,
    store: Store,
    /// The last sequence number that is known to be durable, and was reported.
    told: u64,
    /// How long the log was when its pages were last moved.
    moved: i64,
    known: Known,
}

/// The database, and the channels of what became durable.
pub(super) struct Store {
    pub(super) epoch: Epoch,
    pub(super) path: PathBuf,
    pub(super) durability: Durability,
    pub(super) tail: broadcast::Sender<Batch>,
    pub(super) heads: Heads,
    pub(super) files: Arc<Files>,
    pub(super) condition: Arc<Condition>,
    /// The system's clock, in milliseconds since 1970.
    pub(super) clock: Clock,
}

pub(super) type Clock = Box<dyn Fn() -> u64 + Send>;

impl Writer {
    pub(super) fn new(connection: Connection, known: Known, store: Store) -> Self {
        Self {
            connection: Some(connection),
            store,
            told: known.head,
            moved: 0,
            known,
        }
    }

    /// Commits what is queued, until all senders are dropped.
    pub(super) fn run(mut self, mut waiting: mpsc::Receiver<Command>) {
        let mut commands = Vec::new();
        while waiting.blocking_recv_many(&mut commands, TOGETHER) > 0 {
            let alone = self.suspects(&mut commands);
            if !commands.is_empty() {
                self.commit_and_tell(commands.drain(..));
            }
            for command in alone {
                self.commit_and_tell([command]);
            }
        }
    }

    /// What is about topics in which damage was met: it may fail, and all in its commit with it. So each is one of its
    /// own.
    fn suspects(&self, commands: &mut Vec<Command>) -> Vec<Command> {
        if !self.store.condition.any_damage() {
            return Vec::new();
        }
        let is_damaged = |command: &mut Command| {
            let topic = command.topic();
            topic.is_some_and(|topic| self.store.condition.is_damaged(topic))
        };
        commands.extract_if(.., is_damaged).collect()
    }

    fn commit_and_tell(&mut self, commands: impl IntoIterator<Item = Command>) {
        let mut commands = commands.into_iter();
        let mut committed = Committed::default();
        match self.commit(&mut commands, &mut committed) {
            Ok(()) => {
                self.store.condition.found();
                self.publish(committed);
                self.tidy();
            }
            // Before the replies are dropped, so that callers find the failure in the journal's health.
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: OpenError) {
        match error {
            OpenError::Store(error) if is_damage(&error) => {
                let topic = self.known.at.take();
                self.store.condition.damaged(topic.as_deref(), &error.to_string());
            }
            lost @ (OpenError::Lost { .. } | OpenError::Replaced) => {
                self.store.condition.lost(lost.to_string());
            }
            error => tracing::error!("the journal did not commit: {error}"),
        }
    }

    fn publish(&self, mut committed: Committed) {
        self.tell_all(std::mem::take(&mut committed.records));
        committed.publish();
    }

    /// Publishes what became durable to readers.
    fn tell_all(&self, records: Vec<Arc<Record>>) {
        if records.is_empty() {
            return;
        }
        self.store.heads.advance(&records);
        // It fails without receivers.
        let _ = self.store.tail.send(records.into());
    }

    /// Checkpoints the WAL while no command waits. A WAL that readers pin for long is waited for, since it would only
    /// grow.
    fn tidy(&mut self) {
        let Some(connection) = &self.connection else {
            return;
        };
        let outcome = checkpoint(connection, "NOOP").and_then(|pages| {
            if pages < self.moved {
                // It began anew since.
                self.moved = 0;
            }
            if pages - self.moved < MUCH {
                return Ok(());
            }
            self.moved = pages;
            if pages < TOO_MUCH {
                return checkpoint(connection, "PASSIVE").map(drop);
            }
            connection.busy_timeout(BUSY_TIMEOUT)?;
            let restarted = checkpoint(connection, "RESTART").map(drop);
            connection.busy_timeout(schema::BUSY)?;
            restarted
        });
        if let Err(error) = outcome {
            tracing::warn!("the journal's log stays as it is: {error}");
        }
    }

    fn commit(
        &mut self,
        commands: &mut impl Iterator<Item = Command>,
        committed: &mut Committed,
    ) -> Result<(), OpenError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.reopen()?,
        };
        // Before, as what is another's by now is not written to.
        self.store.files.check_database()?;
        run(&connection, "BEGIN IMMEDIATE")?;
        self.known.begin(&connection, (self.store.clock)())?;
        for command in commands {
            self.known.apply(&connection, command, committed)?;
        }
        self.known.keep_heads(&connection)?;
        run(&connection, "COMMIT")?;
        self.known.is_durable();
        // And after: files removed meanwhile are not durable.
        self.store.files.check()?;
        self.connection = Some(connection);
        self.told = self.known.head;
        Ok(())
    }

    /// Opens the file again after a failure. What the failed commit held is in it or not, and callers got that error.
    /// If it is, readers get it now.
    fn reopen(&mut self) -> Result<Connection, OpenError> {
        self.known.at = None;
        self.store.files.check_database()?;
        let (connection, epoch) = schema::reopen(&self.store.path, self.store.durability)?;
        let head = schema::head(&connection)?;
        if epoch != self.store.epoch || head < self.told {
            return Err(OpenError::Replaced);
        }
        self.store.files.opened_anew()?;
        self.known.anew(head);
        self.tell_all(reader::since(&connection, self.told)?);
        self.told = self.known.head;
        Ok(connection)
    }
}

/// Each commit runs these: they are prepared once.
fn run(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(drop)
}

/// The pages of the log, all in all.
fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<i64> {
    connection
        .prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?
        .query_row([], |row| row.get(1))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use tokio::sync::oneshot;

    use super::*;
    use crate::{
        event::Event,
        journal::{
            Append,
            clock::now,
            sqlite::{ages, directory},
        },
    };

    fn writer(path: &Path) -> (Writer, broadcast::Receiver<Batch>) {
        let durability = Durability::ProcessCrash;
        let (mut connection, epoch) = schema::open(path, durability).unwrap();
        let (clock, stamps) = ages::open(&mut connection, now()).unwrap();
        let known = Known::new(schema::head(&connection).unwrap(), stamps, clock);
        let (tail, listener) = broadcast::channel(10);
        let directory = path.parent().unwrap();
        let store = Store {
            epoch,
            path: path.to_owned(),
            durability,
            tail,
            heads: Heads::default(),
            files: Arc::new(Files::of(directory, &directory::lock(directory).unwrap()).unwrap()),
            condition: Arc::default(),
            clock: Box::new(now),
        };
        (Writer::new(connection, known, store), listener)
    }

    fn append(writer: &mut Writer, name: &'static str) -> Result<(), OpenError> {
        let append = Append {
            topic: "board".to_owned(),
            events: vec![Event::new(name)],
            ..Append::default()
        };
        let (reply, _) = oneshot::channel();
        let mut committed = Committed::default();
        writer.commit(&mut [Command::Append(append, reply)].into_iter(), &mut committed)?;
        writer.publish(committed);
        Ok(())
    }

    fn told(listener: &mut broadcast::Receiver<Batch>) -> Vec<(u64, String)> {
        let mut told = Vec::new();
        while let Ok(batch) = listener.try_recv() {
            told.extend(batch.iter().map(|record| (record.seq, record.name.to_string())));
        }
        told
    }

    #[test]
    fn what_a_failed_commit_left_in_the_file_is_told_after_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.db");
        let (mut writer, mut listener) = writer(&path);
        append(&mut writer, "before").unwrap();
        // The commit happened, and its outcome did not arrive.
        let other = Connection::open(&path).unwrap();
        let behind = "INSERT INTO events VALUES (1, 2, 0, 'behind', NULL, '1', NULL);
            UPDATE topics SET head = 2; UPDATE meta SET value = 2 WHERE name = 'head';";
        other.execute_batch(behind).unwrap();
        writer.connection = None;
        append(&mut writer, "after").unwrap();
        let all = [(1, "before"), (2, "behind"), (3, "after")].map(|(seq, name)| (seq, name.to_owned()));
        assert_eq!(told(&mut listener), all);
    }

    #[test]
    fn a_failed_commit_leaves_neither_events_nor_their_numbers() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.db");
        let (mut writer, mut listener) = writer(&path);
        append(&mut writer, "before").unwrap();
        let other = Connection::open(&path).unwrap();
        let trap = "CREATE TRIGGER trap BEFORE UPDATE ON meta BEGIN SELECT RAISE(ABORT, 'full'); END;";
        other.execute_batch(trap).unwrap();
        append(&mut writer, "lost").unwrap_err();
        append(&mut writer, "lost too").unwrap_err();
        other.execute_batch("DROP TRIGGER trap").unwrap();
        append(&mut writer, "after").unwrap();
        let all = [(1, "before"), (2, "after")].map(|(seq, name)| (seq, name.to_owned()));
        assert_eq!(told(&mut listener), all);
    }

    #[test]
    fn a_file_that_was_replaced_is_not_written_to() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.db");
        let (mut first, _) = writer(&path);
        append(&mut first, "one").unwrap();
        let older = directory.path().join("older.db");
        first.connection = None;
        fs::copy(&path, &older).unwrap();
        append(&mut first, "two").unwrap();
        // By an older state of itself, by another, by none.
        first.connection = None;
        fs::copy(&older, &path).unwrap();
        assert!(matches!(append(&mut first, "three"), Err(OpenError::Replaced)));
        fs::remove_file(&path).unwrap();
        drop(writer(&path));
        assert!(matches!(append(&mut first, "three"), Err(OpenError::Lost { .. })));
        fs::remove_file(&path).unwrap();
        assert!(matches!(append(&mut first, "three"), Err(OpenError::Lost { .. })));
        assert!(!path.exists(), "no file is made where one was lost");
    }
}
