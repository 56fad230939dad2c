//! The journal that a database holds, as the house sees it.

use std::{
    future,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_postgres::types::Type;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    batch_id::{NodeId, random_uuid},
    columns::bound,
    command::Command,
    compaction::{self, Clocks},
    error::unavailable,
    follower::Follower,
    lineage::Lineage,
    log::Log,
    reader::{Readers, number},
    schema, settling,
    text::escaped,
    writer::Writer,
};
use crate::{
    event::Epoch,
    journal::{
        contract::{Health, Journal, JournalError, Lease},
        record::{Append, Appended, Cursor, Page, Removed, Retention, StoredOutcome, TopicBounds},
        tail::Tail,
    },
    postgres::{Database, Notifications, PostgresError, Said, within},
};

/// Capacity of the writer's command queue.
const WAITING: usize = 4096;

/// Idempotency keys that are forgotten in one commit.
const FORGOTTEN: i64 = 1000;

/// Longest that the database takes to answer one thing while the journal is opened, and to make or change its tables, where
/// nodes that start together wait for one another.
const ANSWER: Duration = Duration::from_secs(15);
const MIGRATION: Duration = Duration::from_secs(10 * 60);

/// Longest key of an event, in bytes as the database has it: its indexes take no longer ones.
const LONGEST_KEY: usize = 2000;

/// Longest that the database takes for a lease.
const LEASE: Duration = Duration::from_millis(1500);

/// Longest time of a lease, in milliseconds: a century.
const LONGEST_LEASE: i64 = 100 * 365 * 24 * 60 * 60 * 1000;

/// A journal in a PostgreSQL database, which several nodes share. Dropping it lets the writer finish what waits;
/// [`Journal::close`] waits for that. It is there with the feature `postgres`.
///
/// ```no_run
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use updraft::journal::{Journal, PostgresJournal};
///
/// let journal = PostgresJournal::open("postgres://shop:secret@db/shop", None).await?;
/// for (topic, bounds) in journal.topics().await? {
///     println!("{topic} ends at {}", bounds.head);
/// }
/// journal.close().await;
/// # Ok(()) }
/// ```
pub struct PostgresJournal {
    node: String,
    lineage: Arc<Lineage>,
    log: Arc<Log>,
    readers: Arc<Readers>,
    /// A connection of their own: a lease that waits behind readers would end.
    leases: Readers,
    clocks: Clocks,
    /// None once it is closed.
    writing: Mutex<Option<Writing>>,
    following: CancellationToken,
    _stop_following: DropGuard,
}

/// The writing end of a journal.
struct Writing {
    commands: mpsc::Sender<Command>,
    writer: JoinHandle<()>,
}

impl PostgresJournal {
    /// Opens the journal in a database, inside a tokio runtime, which its connections live on. What is missing of the schema
    /// `updraft` is made. `listen` is another URL of the same database where the first is that of a pooler: a direct one, on
    /// which the database tells what was appended. Without it that is looked for ten times a second.
    ///
    /// # Errors
    /// Where the URL is none, the database cannot be reached or used, or a newer program made its schema.
    pub async fn open(database: &str, listen: Option<&str>) -> Result<Self, PostgresError> {
        let direct = Database::new(listen.unwrap_or(database))?;
        Self::open_notified(database, Notifications::new(direct)).await
    }

    /// The same, with notifications that other parts of the node share.
    pub(crate) async fn open_notified(
        database: &str,
        notifications: Notifications,
    ) -> Result<Self, PostgresError> {
        let database = Database::new(database)?;
        let mut client = within(ANSWER, database.connect(&Said::default())).await?;
        within(MIGRATION, schema::migrate(&mut client)).await?;
        // Of the newest events some may be gone: these were, too.
        let last = "SELECT greatest((SELECT max(seq + 0) FROM updraft.events), (SELECT max(floor) FROM updraft.topics), 0)";
        let last = within(ANSWER, client.query_typed(last, &[])).await?;
        let log = Arc::new(Log::new(last.first().map_or(0, |row| number(row, 0))));
        let lineage = within(ANSWER, Lineage::begin(&client, log.clone())).await?;
        let lineage = Arc::new(lineage);
        let readers = Arc::new(Readers::new(database.clone(), lineage.clone())?);
        let leases = Readers::of(1, database.clone(), lineage.clone())?;
        let clocks = Clocks::compare(&readers).await;
        let clocks = clocks.map_err(|error| PostgresError::Database(error.to_string()))?;

        let runtime = database.runtime().clone();
        let (commands, waiting) = mpsc::channel(WAITING);
        let node = Arc::new(NodeId::random()?);
        let writer = Writer::new(node.clone(), database, lineage.clone(), log.clone());
        let writer = runtime.spawn(writer.run(waiting));
        let following = CancellationToken::new();
        let follower = Follower {
            node,
            notifications,
            lineage: lineage.clone(),
            log: log.clone(),
        };
        runtime.spawn(following.clone().run_until_cancelled_owned(follower.run()));
        let settling = settling::run(readers.clone(), log.clone());
        runtime.spawn(following.clone().run_until_cancelled_owned(settling));
        Ok(Self {
            node: random_uuid()?,
            lineage,
            log,
            readers,
            leases,
            clocks,
            writing: Mutex::new(Some(Writing { commands, writer })),
            _stop_following: following.clone().drop_guard(),
            following,
        })
    }

    async fn write<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, JournalError>>) -> Command,
    ) -> Result<T, JournalError> {
        let (reply, replied) = oneshot::channel();
        let commands = {
            let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            writing.as_ref().map(|writing| writing.commands.clone())
        };
        let commands = commands.ok_or_else(|| unavailable("the journal is closed"))?;
        let ended = || unavailable("the journal's writer ended");
        commands.send(command(reply)).await.map_err(|_| ended())?;
        replied.await.map_err(|_| ended())?
    }

    async fn take_lease(&self, name: &str, ttl: Duration) -> Result<Option<Lease>, JournalError> {
        if self.lineage.is_replaced() {
            // It is for a node that can work.
            return Err(JournalError::Broken(Lineage::replaced()));
        }
        let asked = Instant::now();
        let ms = i64::try_from(ttl.as_millis()).map_or(LONGEST_LEASE, |ms| ms.min(LONGEST_LEASE));
        let sql = "SELECT updraft.lease($1, $2::text::uuid, $3)";
        let (name, node) = (escaped(name), &self.node);
        let rows = self
            .leases
            .query_within(
                LEASE,
                sql,
                &[(&name, Type::TEXT), (node, Type::TEXT), (&ms, Type::INT8)],
            )
            .await?;
        let token = rows.first().and_then(|row| row.get::<_, Option<i64>>(0));
        let until = asked.checked_add(Duration::from_millis(ms.cast_unsigned()));
        Ok(token.zip(until).map(|(token, until)| Lease {
            token: token.cast_unsigned(),
            until,
        }))
    }

    async fn end(&self) {
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Writing { commands, writer }) = writing {
            drop(commands);
            // It fails if the runtime has ended.
            let _ = writer.await;
        }
        self.following.cancel();
        let leave = "UPDATE updraft.leases SET until = clock_timestamp() WHERE node = $1::text::uuid";
        if let Err(error) = self.leases.query(leave, &[(&self.node, Type::TEXT)]).await {
            tracing::debug!("leases end by themselves: {error}");
        }
        self.leases.close();
        self.readers.close();
    }
}

/// Whether the database's indexes take the keys of an append.
fn check_keys(append: &Append) -> Result<(), JournalError> {
    let keys = append.events.iter().filter_map(|event| event.key.as_deref());
    let once = append.once.iter().map(|once| once.key.as_str());
    match keys.chain(once).map(|key| escaped(key).len()).max() {
        Some(bytes) if bytes > LONGEST_KEY => Err(JournalError::LongKey {
            bytes,
            most: LONGEST_KEY,
        }),
        _ => Ok(()),
    }
}

impl Journal for PostgresJournal {
    fn epoch(&self) -> &Epoch {
        self.lineage.epoch()
    }

    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, JournalError>> {
        if let Err(refusal) = JournalError::check(&append).and_then(|()| check_keys(&append)) {
            return Box::pin(future::ready(Err(refusal)));
        }
        Box::pin(self.write(|reply| Command::Append(append, reply)))
    }

    fn stored_outcome(&self, key: &str) -> BoxFuture<'_, Result<Option<StoredOutcome>, JournalError>> {
        let key = key.to_owned();
        Box::pin(async move { self.readers.stored_outcome(&key).await })
    }

    fn answer(&self, key: String, answer: String) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(self.write(|reply| Command::Answer { key, answer, reply }))
    }

    fn bounds(&self, topic: &str) -> BoxFuture<'_, Result<TopicBounds, JournalError>> {
        let topic = topic.to_owned();
        Box::pin(async move { self.readers.bounds(&topic).await })
    }

    fn read(&self, topic: &str, cursor: Cursor) -> BoxFuture<'_, Result<Page, JournalError>> {
        let topic = topic.to_owned();
        Box::pin(async move { self.readers.all(&topic, &cursor).await })
    }

    fn backlog(&self, topic: &str, cursor: Cursor) -> BoxFuture<'_, Result<Page, JournalError>> {
        let topic = topic.to_owned();
        Box::pin(async move { self.readers.backlog(&topic, &cursor).await })
    }

    fn compact(&self, topic: &str, keep: Retention) -> BoxFuture<'_, Result<Removed, JournalError>> {
        let topic = topic.to_owned();
        Box::pin(async move { compaction::compact(&self.readers, &self.clocks, &topic, &keep).await })
    }

    fn expire_keys(&self, older_than: Duration) -> BoxFuture<'_, Result<usize, JournalError>> {
        Box::pin(async move {
            let older = bound(u64::try_from(older_than.as_millis()).unwrap_or(u64::MAX));
            let sql = "SELECT updraft.expire($1, $2)";
            let rows = self
                .readers
                .query(sql, &[(&older, Type::INT8), (&FORGOTTEN, Type::INT8)])
                .await?;
            Ok(rows.first().map_or(0, |row| number(row, 0) as usize))
        })
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<(String, TopicBounds)>, JournalError>> {
        Box::pin(self.readers.topics())
    }

    fn committed_offset(&self, topic: &str, consumer: &str) -> BoxFuture<'_, Result<u64, JournalError>> {
        let (topic, consumer) = (topic.to_owned(), consumer.to_owned());
        Box::pin(async move { self.readers.committed_offset(&topic, &consumer).await })
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

    fn is_shared(&self) -> bool {
        true
    }

    fn health(&self) -> Health {
        self.lineage.health()
    }

    fn tail(&self) -> Tail {
        self.log.tail()
    }

    fn lease(&self, name: &str, ttl: Duration) -> BoxFuture<'_, Result<Option<Lease>, JournalError>> {
        let name = name.to_owned();
        Box::pin(async move { self.take_lease(&name, ttl).await })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.end())
    }
}

#[cfg(test)]
mod tests {
    use tokio::{net::TcpListener, time::timeout};

    use super::*;

    /// The clock goes on by itself while all wait.
    #[tokio::test(start_paused = true)]
    async fn a_server_that_takes_connections_and_says_nothing_is_not_waited_for() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "postgres://ada@{}/shop?sslmode=disable",
            silent.local_addr().unwrap()
        );
        let hour = Duration::from_secs(60 * 60);
        let opened = timeout(hour, PostgresJournal::open(&url, None)).await;
        let Ok(Err(refusal)) = opened else {
            panic!("it waits for ever");
        };
        assert_eq!(
            refusal.to_string(),
            "the database cannot be used: it does not answer"
        );
    }
}
