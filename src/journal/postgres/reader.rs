//! Reading the journal: each query is one round trip on a connection of the pool, without a prepared statement, so that any
//! pooler may stand between.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytestring::ByteString;
use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use tokio::time::{sleep, timeout};
use tokio_postgres::{Row, types::Type};

use super::{
    columns::bound,
    error::{Failure, unavailable},
    lineage::Lineage,
    text::{escaped, unescaped},
};
use crate::{
    event::Body,
    journal::{
        contract::JournalError,
        record::{Appended, Cursor, Page, Record, StoredOutcome, TopicBounds},
    },
    postgres::{Database, Parameter, PostgresError, said},
};

/// Connections that read at once; other readers wait their turn.
const READING: usize = 8;

/// Longest that a reader waits for one.
const TURN: Duration = Duration::from_secs(5);

/// Longest that a query takes.
const ANSWER: Duration = Duration::from_secs(10);

/// How long a database may be away before readers are told so. One that restarts, or fails over, is back by then.
const PATIENCE: Duration = Duration::from_secs(5);

/// From one try to the next.
const PAUSE: Duration = Duration::from_millis(100);

/// Connections that read, but for compaction; those of leases.
pub(super) struct Readers {
    database: Database,
    lineage: Arc<Lineage>,
    pool: Pool,
    /// Since when none could be made. Once that is long, nobody waits for more than one try.
    away_since: Mutex<Option<Instant>>,
}

impl Readers {
    pub(super) fn new(database: Database, lineage: Arc<Lineage>) -> Result<Self, PostgresError> {
        Self::of(READING, database, lineage)
    }

    /// So many connections.
    pub(super) fn of(most: usize, database: Database, lineage: Arc<Lineage>) -> Result<Self, PostgresError> {
        let config = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_connect(database.config().clone(), database.clone(), config);
        let known = lineage.clone();
        let pool = Pool::builder(manager)
            .max_size(most)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(TURN))
            .create_timeout(Some(TURN))
            .post_create(Hook::async_fn(move |client: &mut ClientWrapper, _| {
                let known = known.clone();
                Box::pin(async move { recognize(client, &known).await })
            }))
            .build()
            .map_err(|error| PostgresError::Database(error.to_string()))?;
        Ok(Self {
            database,
            lineage,
            pool,
            away_since: Mutex::default(),
        })
    }

    /// What a query finds. It waits for a database that restarts, and is asked again where its connection has ended: it must do
    /// no more when it is asked twice.
    pub(super) async fn query(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, JournalError> {
        self.query_within(ANSWER, sql, parameters).await
    }

    /// The same of what may take another time.
    pub(super) async fn query_within(
        &self,
        time: Duration,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, JournalError> {
        let mut tries = 0;
        loop {
            let client = self.connection_within(time.min(PATIENCE)).await?;
            match timeout(time, client.query_typed(sql, parameters)).await {
                Ok(Ok(rows)) => return Ok(rows),
                // Where the database restarted, others of the pool have ended too.
                Ok(Err(error)) if Failure::of(&error) == Failure::Passing => {
                    let most = if client.is_closed() { READING } else { 1 };
                    if tries >= most {
                        return Err(unavailable(said(&error)));
                    }
                    tries += 1;
                }
                Ok(Err(error)) => return Err(unavailable(said(&error))),
                Err(_) => {
                    self.database.cancel(client.cancel_token());
                    // Its answer may still come: it is of no use to another.
                    drop(Object::take(client));
                    return Err(unavailable("the database does not answer"));
                }
            }
        }
    }

    /// The same, from a database that may be away for a while.
    async fn connection_within(&self, patience: Duration) -> Result<Object, JournalError> {
        loop {
            let asked = Instant::now();
            let connected = self.connection().await;
            let away = self.away(asked, matches!(connected, Err(JournalError::Unavailable(_))));
            match away {
                Some(away) if away < patience => sleep(PAUSE).await,
                _ => return connected,
            }
        }
    }

    /// For how long no connection could be made, where none could be now.
    fn away(&self, asked: Instant, is_away: bool) -> Option<Duration> {
        let mut since = self.away_since.lock().unwrap_or_else(PoisonError::into_inner);
        match is_away {
            true => Some(since.get_or_insert(asked).elapsed()),
            false => {
                *since = None;
                None
            }
        }
    }

    /// To the history that this node's readers know, and to no other.
    async fn connection(&self) -> Result<Object, JournalError> {
        let connection = self.pool.get().await;
        if self.lineage.is_replaced() {
            return Err(JournalError::Broken(Lineage::replaced()));
        }
        connection.map_err(|error| match error {
            PoolError::Backend(error) => unavailable(said(&error)),
            error => unavailable(error.to_string()),
        })
    }

    pub(super) fn close(&self) {
        self.pool.close();
    }

    pub(super) async fn bounds(&self, topic: &str) -> Result<TopicBounds, JournalError> {
        let sql = "SELECT coalesce(head, 0), coalesce(floor, 0) FROM updraft.bounds($1)";
        let rows = self.query(sql, &[(&escaped(topic), Type::TEXT)]).await?;
        Ok(rows
            .first()
            .map_or_else(TopicBounds::default, |row| row_bounds(row, 0)))
    }

    pub(super) async fn topics(&self) -> Result<Vec<(String, TopicBounds)>, JournalError> {
        let sql = "SELECT updraft.head(id, floor), floor, name FROM updraft.topics ORDER BY name";
        let rows = self.query(sql, &[]).await?;
        let topics = rows
            .iter()
            .map(|row| (unescaped(row.get(2)).to_string(), row_bounds(row, 0)));
        Ok(topics.collect())
    }

    /// Every event of a page.
    pub(super) async fn all(&self, topic: &str, cursor: &Cursor) -> Result<Page, JournalError> {
        const ALL: &str = "SELECT coalesce(b.head, 0), coalesce(b.floor, 0), p.seq, p.time, p.name, p.key, p.data, p.traceparent
            FROM updraft.bounds($1) AS b LEFT JOIN updraft.page($1, $2, $3, $4, $5) AS p ON true ORDER BY p.seq";
        self.page(ALL, topic, cursor).await
    }

    /// Of a key its latest event only, and none of those that end in a tombstone.
    pub(super) async fn backlog(&self, topic: &str, cursor: &Cursor) -> Result<Page, JournalError> {
        const BACKLOG: &str = "SELECT coalesce(b.head, 0), coalesce(b.floor, 0), p.seq, p.time, p.name, p.key, p.data, p.traceparent
            FROM updraft.bounds($1) AS b LEFT JOIN updraft.backlog($1, $2, $3, $4, $5) AS p ON true ORDER BY p.seq";
        self.page(BACKLOG, topic, cursor).await
    }

    /// Both functions see what the statement sees: one moment.
    async fn page(&self, sql: &str, topic: &str, cursor: &Cursor) -> Result<Page, JournalError> {
        let parameters: &[Parameter<'_>] = &[
            (&escaped(topic), Type::TEXT),
            (&bound(cursor.after), Type::INT8),
            (&bound(cursor.up_to), Type::INT8),
            (&bound(cursor.events as u64), Type::INT8),
            (&bound(cursor.bytes as u64), Type::INT8),
        ];
        let rows = self.query(sql, parameters).await?;
        let topic = ByteString::from(topic);
        let mut page = Page {
            bounds: rows
                .first()
                .map_or_else(TopicBounds::default, |row| row_bounds(row, 0)),
            records: Vec::new(),
        };
        let mut bytes = 0;
        for row in rows.iter().filter(|row| row.get::<_, Option<i64>>(2).is_some()) {
            // The database counts without the keys.
            if !page.records.is_empty() && bytes >= cursor.bytes {
                break;
            }
            let record = record(row, 2, topic.clone());
            bytes += record.size();
            page.records.push(record);
        }
        Ok(page)
    }

    pub(super) async fn stored_outcome(&self, key: &str) -> Result<Option<StoredOutcome>, JournalError> {
        let sql = "SELECT digest, first, last, time, answer FROM updraft.once WHERE key = $1";
        let rows = self.query(sql, &[(&escaped(key), Type::TEXT)]).await?;
        Ok(rows.first().map(|row| StoredOutcome {
            digest: row.get::<_, i64>(0).cast_unsigned(),
            appended: Appended {
                first: number(row, 1),
                last: number(row, 2),
                time: number(row, 3),
                repeated: true,
            },
            answer: row.get(4),
        }))
    }

    pub(super) async fn committed_offset(&self, topic: &str, consumer: &str) -> Result<u64, JournalError> {
        let sql = "SELECT coalesce(max(seq), 0) FROM updraft.consumers WHERE topic = $1 AND name = $2";
        let (topic, consumer) = (escaped(topic), escaped(consumer));
        let rows = self
            .query(sql, &[(&topic, Type::TEXT), (&consumer, Type::TEXT)])
            .await?;
        Ok(rows.first().map_or(0, |row| number(row, 0)))
    }
}

/// Whether a new connection leads to the database that it should: after a failover it may not.
async fn recognize(client: &ClientWrapper, lineage: &Lineage) -> Result<(), HookError> {
    let recognized = timeout(TURN, async {
        let rows = client.query_typed("SELECT updraft.history()", &[]).await?;
        match rows.first() {
            Some(row) => lineage.is_same(client, row.get(0)).await,
            None => Ok(false),
        }
    });
    match recognized.await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(HookError::message(Lineage::replaced())),
        Ok(Err(error)) => Err(HookError::Backend(error)),
        Err(_) => Err(HookError::message("the database does not answer")),
    }
}

/// A number of the database; none of those that it has is negative.
pub(super) fn number(row: &Row, column: usize) -> u64 {
    row.get::<_, i64>(column).cast_unsigned()
}

fn row_bounds(row: &Row, column: usize) -> TopicBounds {
    TopicBounds {
        head: number(row, column),
        floor: number(row, column + 1),
    }
}

/// A row with `seq, time, name, key, data, traceparent` from this column on.
pub(super) fn record(row: &Row, column: usize, topic: ByteString) -> Record {
    let data: Option<String> = row.get(column + 4);
    Record {
        seq: number(row, column),
        time: number(row, column + 1),
        topic,
        name: row.get::<_, String>(column + 2).into(),
        key: row.get::<_, Option<String>>(column + 3).map(unescaped),
        body: data.map_or(Body::Tombstone, |data| Body::Data(data.into())),
        traceparent: row.get::<_, Option<String>>(column + 5).map(Into::into),
    }
}
