//! Reading what all nodes append, in order: woken by the database, and looking by itself from time to time, as a wake-up may
//! get lost on the way.

use std::{sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, Error, types::Type};

use super::{columns::bound, lineage::Lineage, log::Log, reader::record, text::unescaped};
use crate::postgres::{Database, Said, said};

/// From one look to the next, where nothing wakes it.
const LOOK: Duration = Duration::from_millis(100);

/// Events that are read at a time.
const EVENTS: i64 = 1000;

/// Longest that a look takes. After that, the connection is taken for dead.
const ANSWER: Duration = Duration::from_secs(10);

/// Before a database that is away is tried again.
const PAUSE: Duration = Duration::from_millis(200);

/// Follows the journal by connections of its own.
pub(super) struct Follower {
    /// A direct connection, which can be woken.
    pub(super) database: Database,
    pub(super) lineage: Arc<Lineage>,
    pub(super) log: Arc<Log>,
}

/// How a look ended.
enum Look {
    Done,
    /// The database has another history: there is nothing to follow any more.
    Replaced,
    /// The database did not answer in time.
    Silent,
}

impl Follower {
    /// For as long as the history is the same.
    pub(super) async fn run(self) {
        loop {
            match self.follow().await {
                Ok(Look::Replaced) => return,
                Ok(Look::Done | Look::Silent) => self.lineage.away("it does not answer".to_owned()),
                Err(error) => self.lineage.away(said(&error)),
            }
            sleep(PAUSE).await;
        }
    }

    /// Until it cannot go on.
    async fn follow(&self) -> Result<Look, Error> {
        let heard = Said::default();
        let client = self.database.connect(&heard).await?;
        client.batch_execute("LISTEN updraft").await?;
        loop {
            match timeout(ANSWER, self.read_on(&client)).await {
                Ok(Ok(Look::Done)) => self.lineage.is_back(),
                Ok(ended) => return ended,
                Err(_) => return Ok(Look::Silent),
            }
            tokio::select! {
                () = heard.notified.notified() => {}
                () = self.log.behind.notified() => {}
                () = sleep(LOOK) => {}
            }
        }
    }

    /// Reads to the end.
    async fn read_on(&self, client: &Client) -> Result<Look, Error> {
        loop {
            let told = self.log.told();
            let sql = "SELECT i, t.topic, t.seq, t.time, t.name, t.key, t.data
                FROM updraft.identity() AS i LEFT JOIN updraft.tail($1, $2) AS t ON true ORDER BY t.seq";
            let rows = client
                .query_typed(sql, &[(&bound(told), Type::INT8), (&EVENTS, Type::INT8)])
                .await?;
            if let Some(row) = rows.first()
                && !self.lineage.is_same(client, row.get(0)).await?
            {
                return Ok(Look::Replaced);
            }
            let events = rows.iter().filter(|row| row.get::<_, Option<i64>>(2).is_some());
            let records: Vec<_> = events
                .map(|row| Arc::new(record(row, 2, unescaped(row.get(1)))))
                .collect();
            let is_end = (records.len() as i64) < EVENTS;
            self.log.tell(told, records);
            if is_end {
                return Ok(Look::Done);
            }
        }
    }
}
