//! The one connection by which a node says something: what waits is said in one statement.

use std::{sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};
use tokio_postgres::{
    Client, Error,
    error::{DbError, Severity},
    types::{ToSql, Type},
};

use super::{
    notification::{Outgoing, TOGETHER, tell_apart},
    outage::Side,
    publisher::Publisher,
};
use crate::{
    net::rooms::bus::send_queue,
    postgres::{Database, Said, said},
};

/// How long the database has for a statement.
const ANSWER: Duration = Duration::from_secs(5);

const NO_ANSWER: &str = "it does not answer";

/// Before a database that is away is tried again; twice as long after each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Says all, each row before its notification, in the order of their numbers.
const SAY: &str = "
    WITH said AS (
        SELECT n, channel, head, tail, payload,
            CASE WHEN payload IS NOT NULL THEN nextval(pg_get_serial_sequence('socket_io_attachments', 'id')) END AS id
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) WITH ORDINALITY AS s (channel, head, tail, payload, n)
    ), kept AS (
        INSERT INTO socket_io_attachments (id, payload) SELECT id, payload FROM said WHERE payload IS NOT NULL
    )
    SELECT pg_notify(channel, concat(head, id, tail))::text FROM (SELECT * FROM said ORDER BY n) AS s";

/// The same without rows.
const SAY_SHORT: &str = "
    SELECT pg_notify(channel, text)::text FROM unnest($1::text[], $2::text[]) AS s (channel, text)";

/// One alone: half the database's work, and most are where little is said.
const SAY_ONE: &str = "SELECT pg_notify($1, $2)::text";

pub(super) struct Sender {
    database: Database,
    client: Client,
    publisher: Arc<Publisher>,
    /// Whether the last statement was refused, which is logged once.
    is_refused: bool,
}

impl Sender {
    pub(super) fn new(database: Database, client: Client, publisher: Arc<Publisher>) -> Self {
        Self {
            database,
            client,
            publisher,
            is_refused: false,
        }
    }

    async fn say_all(&mut self, mut queued: Vec<Outgoing>) {
        tell_apart(&mut queued);
        let counts = self.publisher.counts.clone();
        let has_rows = queued.iter().any(|message| message.row.is_some());
        match timeout(ANSWER, execute(&self.client, &queued)).await {
            Ok(Ok(())) => {
                self.is_refused = false;
                counts.sent.inc_by(queued.len() as u64);
            }
            // Refused as a whole: without what is kept in rows it may do.
            Ok(Err(error)) if is_refusal(&error) && has_rows => {
                let all = queued.len();
                queued.retain(|message| message.row.is_none());
                let kept = all - queued.len();
                self.refused(kept, &said(&error));
                if !queued.is_empty() {
                    Box::pin(self.say_all(queued)).await;
                }
            }
            failed => {
                match failed {
                    Ok(Err(error)) if is_refusal(&error) => self.refused(queued.len(), &said(&error)),
                    Ok(Err(error)) => self.is_away(queued.len(), &said(&error)),
                    _ => self.is_away(queued.len(), NO_ANSWER),
                }
                send_queue::Sender::reconnect(self).await;
            }
        }
    }

    fn is_away(&self, lost: usize, why: &str) {
        self.publisher.counts.lost.away.inc_by(lost as u64);
        self.publisher.outage.begins(Side::Tells, why);
    }

    fn refused(&mut self, lost: usize, why: &str) {
        self.publisher.counts.lost.away.inc_by(lost as u64);
        if !std::mem::replace(&mut self.is_refused, true) {
            tracing::warn!("other nodes are not told of emits to rooms: {why}");
        }
    }
}

impl send_queue::Sender<Outgoing> for Sender {
    const TOGETHER: usize = TOGETHER;

    async fn ready(&mut self) {
        if self.client.is_closed() {
            self.reconnect().await;
        }
    }

    async fn say(&mut self, messages: Vec<Outgoing>) {
        self.say_all(messages).await;
    }

    /// Until the database is back, nothing more is queued.
    async fn reconnect(&mut self) {
        let queue = &self.publisher.queue;
        let mut pause = FIRST_PAUSE;
        loop {
            match timeout(ANSWER, self.database.connect(&Said::default())).await {
                Ok(Ok(client)) => {
                    self.client = client;
                    self.publisher.outage.ends(Side::Tells);
                    return queue.set_away(false);
                }
                Ok(Err(error)) => self.publisher.outage.begins(Side::Tells, &said(&error)),
                Err(_) => self.publisher.outage.begins(Side::Tells, NO_ANSWER),
            }
            queue.set_away(true);
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Whether the database took the statement and not what it says: one that is fatal ends the connection.
fn is_refusal(error: &Error) -> bool {
    let severity = error.as_db_error().and_then(DbError::parsed_severity);
    severity.is_some_and(|severity| matches!(severity, Severity::Error))
}

/// Says all of them, in one statement.
pub(super) async fn execute(client: &Client, queued: &[Outgoing]) -> Result<(), Error> {
    if let [message] = queued
        && message.row.is_none()
    {
        let parameters: [(&(dyn ToSql + Sync), Type); 2] =
            [(&message.channel, Type::TEXT), (&message.head, Type::TEXT)];
        return client.query_typed(SAY_ONE, &parameters).await.map(drop);
    }
    let channels: Vec<&str> = queued.iter().map(|message| &*message.channel).collect();
    let heads: Vec<&str> = queued.iter().map(|message| &*message.head).collect();
    if queued.iter().all(|message| message.row.is_none()) {
        let parameters: [(&(dyn ToSql + Sync), Type); 2] =
            [(&channels, Type::TEXT_ARRAY), (&heads, Type::TEXT_ARRAY)];
        return client.query_typed(SAY_SHORT, &parameters).await.map(drop);
    }
    let tails: Vec<&str> = queued.iter().map(|message| message.tail).collect();
    let rows: Vec<Option<&[u8]>> = queued.iter().map(|message| message.row.as_deref()).collect();
    let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
        (&channels, Type::TEXT_ARRAY),
        (&heads, Type::TEXT_ARRAY),
        (&tails, Type::TEXT_ARRAY),
        (&rows, Type::BYTEA_ARRAY),
    ];
    client.query_typed(SAY, &parameters).await.map(drop)
}
