//! Reading what all nodes append, in order: woken by the database, and looking by itself from time to time, as a wake-up may
//! get lost on the way.

use std::{sync::Arc, time::Duration};

use prometheus_client::metrics::counter::Counter;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, Error, types::Type};

use super::{
    batch_id::NodeId,
    columns::bound,
    lineage::{Lineage, Task},
    log::Log,
    reader::{number, record},
    text::unescaped,
};
use crate::postgres::{Notifications, Parameter, Said, Subscription, said};

/// The channel on which an append is told.
const CHANNEL: &str = "updraft";

/// From one look to the next, where nothing wakes it.
const LOOK: Duration = Duration::from_millis(100);

/// Events that are read at a time.
const EVENTS: i64 = 1000;

/// Bytes of names and data after which no more events are read at a time. The tail holds many such pages.
const BYTES: i64 = 256 << 10;

/// Longest that a page takes, or a connection. After that, it is taken for dead.
const ANSWER: Duration = Duration::from_secs(10);

/// Notifications that wait to be looked at. Of those beyond, the next look finds what they tell of.
const HEARD: usize = 256;

/// Before a database that is away is tried again.
const PAUSE: Duration = Duration::from_millis(200);

/// Follows the journal by a connection of its own, and is woken by that which the node shares.
pub(super) struct Follower {
    pub(super) node: Arc<NodeId>,
    pub(super) notifications: Notifications,
    pub(super) lineage: Arc<Lineage>,
    pub(super) log: Arc<Log>,
}

/// What a wait for news ended with.
enum News {
    /// There may be something to read.
    Some,
    /// The connection that tells of it has ended.
    Ended,
}

/// How a look ended.
enum Look {
    Done,
    /// There may be more.
    Page,
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
                Ok(Look::Done | Look::Page | Look::Silent) => {
                    self.lineage.is_away(Task::Following, "it does not answer")
                }
                Err(error) => self.lineage.is_away(Task::Following, &said(&error)),
            }
            sleep(PAUSE).await;
        }
    }

    /// Until it cannot go on.
    async fn follow(&self) -> Result<Look, Error> {
        let (database, said) = (self.notifications.database(), Said::default());
        let Ok(client) = timeout(ANSWER, database.connect(&said)).await else {
            return Ok(Look::Silent);
        };
        let client = client?;
        loop {
            let Some(woken) = self.listen().await? else {
                return Ok(Look::Silent);
            };
            match self.look(&client, woken).await? {
                Look::Done => sleep(PAUSE).await,
                ended => return Ok(ended),
            }
        }
    }

    /// Until nothing wakes it any more, which is `Done`, or it cannot go on.
    async fn look(&self, client: &Client, mut woken: Subscription) -> Result<Look, Error> {
        loop {
            match timeout(ANSWER, self.read_page(client)).await {
                Ok(Ok(Look::Done)) => self.lineage.is_back(Task::Following),
                Ok(Ok(Look::Page)) => continue,
                Ok(ended) => return ended,
                Err(_) => return Ok(Look::Silent),
            }
            if let Ok(News::Ended) = timeout(LOOK, self.news(&mut woken)).await {
                return Ok(Look::Done);
            }
        }
    }

    /// Waits until there may be something to read. What its own node appends, that is told already, or is once the writer has its
    /// answer.
    async fn news(&self, woken: &mut Subscription) -> News {
        loop {
            tokio::select! {
                notification = woken.next() => match notification {
                    Some(notification) if !self.is_news(notification.payload()) => {}
                    Some(_) => break,
                    None => return News::Ended,
                },
                () = self.log.behind.notified() => break,
            }
        }
        // The next look finds what these tell of.
        woken.clear();
        News::Some
    }

    /// A batch's last event and its id; neither is to be relied on, as any role may notify.
    fn is_news(&self, payload: &str) -> bool {
        payload.split_once(' ').is_none_or(|(last, batch)| {
            !self.node.made(batch) && last.parse().map_or(true, |last: u64| last > self.log.told())
        })
    }

    /// None where the database does not answer in time.
    async fn listen(&self) -> Result<Option<Subscription>, Error> {
        let hears = |channel: &str| channel == CHANNEL;
        let subscribing = self.notifications.subscribe(hears, HEARD, Counter::default());
        let Ok(woken) = timeout(ANSWER, subscribing).await else {
            return Ok(None);
        };
        let (woken, listen) = (woken?, format!("LISTEN {CHANNEL}"));
        let listening = timeout(ANSWER, woken.client().batch_execute(&listen)).await;
        if !matches!(listening, Ok(Ok(()))) {
            woken.end();
        }
        listening.ok().transpose().map(|done| done.map(|()| woken))
    }

    /// Reads what comes next.
    async fn read_page(&self, client: &Client) -> Result<Look, Error> {
        let told = self.log.told();
        let sql = "SELECT history, coalesce(floor, 0), given, topic, seq, time, name, key, data, traceparent
            FROM updraft.look($1, $2, $3)";
        let parameters: &[Parameter<'_>] = &[
            (&bound(told), Type::INT8),
            (&EVENTS, Type::INT8),
            (&BYTES, Type::INT8),
        ];
        let rows = client.query_typed(sql, parameters).await?;
        if let Some(row) = rows.first() {
            // A crash or a restore may have shortened the history, and nothing else shows it.
            let is_shorter = number(row, 2) < told;
            let history = if is_shorter { "" } else { row.get(0) };
            if !self.lineage.is_same(client, history).await? {
                return Ok(Look::Replaced);
            }
            let floor = number(row, 1);
            if floor > told {
                self.log.skip_to(floor);
                return Ok(Look::Page);
            }
        }
        let events = rows.iter().filter(|row| row.get::<_, Option<i64>>(4).is_some());
        let records: Vec<_> = events
            .map(|row| Arc::new(record(row, 4, unescaped(row.get(3)))))
            .collect();
        let bytes: usize = records.iter().map(|record| record.size()).sum();
        let is_end = (records.len() as i64) < EVENTS && (bytes as i64) < BYTES;
        self.log.tell(told, records);
        Ok(if is_end { Look::Done } else { Look::Page })
    }
}
