//! The directory in the database that nodes share: each node keeps a row there for as long as it lives.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_postgres::{Client, Row, types::Type};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::node::{Directory, NAME, Node, authority};
use crate::{
    journal::migrate,
    postgres::{Database, Parameter, PostgresError, Said},
};

/// How long a node is known after it said that it lives, in milliseconds; and how often it says so.
const LEASE: i64 = 10_000;
const RENEW: Duration = Duration::from_secs(3);

/// From one look for a node that is not known to the next, whatever ids clients make up.
const LOOK: Duration = Duration::from_millis(50);

/// Longest that the database takes. After that, the connection is taken for dead.
const ANSWER: Duration = Duration::from_secs(5);

/// Longest for the directory to forget this node at its end.
const LAST: Duration = Duration::from_secs(2);

/// Longest to make or change its tables, where nodes that start together wait for one another.
const MIGRATION: Duration = Duration::from_secs(10 * 60);

/// How long no node is forgotten after the database was away: until each of them can have said again that it lives.
const RETURN: Duration = Duration::from_secs(30);

const RENEWAL: &str = "WITH gone AS (
        DELETE FROM updraft.nodes WHERE until < clock_timestamp() - interval '1 minute'
    )
    INSERT INTO updraft.nodes AS n (name, url, secret, until)
    VALUES ($1, $2, $3, clock_timestamp() + $4 * interval '1 millisecond')
    ON CONFLICT (name) DO UPDATE SET until = excluded.until";

/// Nodes that were at this address before.
const FORMER: &str = "DELETE FROM updraft.nodes WHERE url = $1";

const OTHERS: &str =
    "SELECT name, url, secret FROM updraft.nodes WHERE until > clock_timestamp() AND name <> $1";

/// The nodes of a database.
pub(crate) struct DatabaseDirectory {
    entries: Arc<Entries>,
    /// Ends what renews it.
    stop: CancellationToken,
    _stop_with_this: DropGuard,
}

struct Entries {
    database: Database,
    name: String,
    url: String,
    secret: String,
    /// The others, as far as this node knows. While the database is away, as it was.
    known: RwLock<HashMap<Box<str>, Arc<Node>>>,
    connection: Mutex<Connection>,
}

struct Connection {
    client: Option<Client>,
    /// When it was last looked for others.
    looked: Instant,
    /// Until when no node is forgotten.
    keeps: Instant,
}

impl DatabaseDirectory {
    /// Enters this node, which others reach at this URL, inside a tokio runtime; it stays as long as this lives.
    ///
    /// # Errors
    /// Where the database cannot be used.
    pub(crate) async fn join(database: &str, url: &str) -> Result<Arc<Self>, PostgresError> {
        let database = Database::new(database)?;
        let connected = timeout(ANSWER, database.connect(&Said::default())).await;
        let mut client = connected.map_err(|_| silent())??;
        let migrated = timeout(MIGRATION, migrate(&mut client)).await;
        migrated.map_err(|_| silent())??;
        let entries = Arc::new(Entries {
            name: random(NAME)?,
            url: url.to_owned(),
            secret: random(32)?,
            known: RwLock::default(),
            connection: Mutex::new(Connection {
                client: Some(client),
                looked: Instant::now(),
                keeps: Instant::now(),
            }),
            database,
        });
        let mut connection = entries.connection.lock().await;
        let former = [(&entries.url as _, Type::TEXT)];
        entries.ask(&mut connection, FORMER, &former).await?;
        entries.renew(&mut connection).await?;
        entries.look(&mut connection).await?;
        drop(connection);
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(keep(entries.clone())));
        Ok(Arc::new(Self {
            entries,
            stop: stop.clone(),
            _stop_with_this: stop.drop_guard(),
        }))
    }
}

impl Directory for DatabaseDirectory {
    fn name(&self) -> &str {
        &self.entries.name
    }

    fn secret(&self) -> &str {
        &self.entries.secret
    }

    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Option<Arc<Node>>> {
        self.entries.find(name).boxed()
    }

    fn leave(&self) -> BoxFuture<'_, ()> {
        self.stop.cancel();
        async {
            let left = timeout(LAST, async {
                let mut connection = self.entries.connection.lock().await;
                self.entries.leave(&mut connection).await
            });
            if let Err(error) = left.await.unwrap_or_else(|_| Err(silent())) {
                tracing::debug!("the directory forgets this node by itself: {error}");
            }
        }
        .boxed()
    }
}

/// So many letters of base64url by lot.
fn random(letters: usize) -> Result<String, getrandom::Error> {
    let mut bytes = vec![0; letters / 4 * 3];
    getrandom::fill(&mut bytes)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// Renews this node's entry, and the others'.
async fn keep(entries: Arc<Entries>) {
    loop {
        sleep(RENEW).await;
        let mut connection = entries.connection.lock().await;
        let kept = async {
            entries.renew(&mut connection).await?;
            entries.look(&mut connection).await
        };
        if let Err(error) = kept.await {
            tracing::debug!("the directory of nodes is away: {error}");
        }
    }
}

impl Entries {
    async fn find(self: &Arc<Self>, name: &str) -> Option<Arc<Node>> {
        if let Some(node) = self.known(name) {
            return Some(node);
        }
        // A task of its own: a client that goes away meanwhile takes the others' look with it otherwise.
        let looked = tokio::spawn(self.clone().look_again(Instant::now())).await;
        looked.ok().and_then(|()| self.known(name))
    }

    /// One look is for all that asked before it.
    async fn look_again(self: Arc<Self>, asked: Instant) {
        let mut connection = self.connection.lock().await;
        if connection.looked > asked {
            return;
        }
        sleep_until(connection.looked + LOOK).await;
        if let Err(error) = self.look(&mut connection).await {
            tracing::debug!("the directory of nodes is away: {error}");
        }
    }

    fn known(&self, name: &str) -> Option<Arc<Node>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(name).cloned()
    }

    async fn renew(&self, connection: &mut Connection) -> Result<(), PostgresError> {
        let entry: [Parameter<'_>; 4] = [
            (&self.name, Type::TEXT),
            (&self.url, Type::TEXT),
            (&self.secret, Type::TEXT),
            (&LEASE, Type::INT8),
        ];
        self.ask(connection, RENEWAL, &entry).await.map(drop)
    }

    async fn leave(&self, connection: &mut Connection) -> Result<(), PostgresError> {
        let leave = "DELETE FROM updraft.nodes WHERE name = $1";
        let left = self.ask(connection, leave, &[(&self.name, Type::TEXT)]).await;
        left.map(drop)
    }

    async fn look(&self, connection: &mut Connection) -> Result<(), PostgresError> {
        connection.looked = Instant::now();
        let rows = self.ask(connection, OTHERS, &[(&self.name, Type::TEXT)]).await?;
        let own = authority(&self.url);
        let others = rows.iter().filter_map(|row| {
            let node = Node {
                authority: authority(row.get(1)).filter(|other| Some(other) != own.as_ref())?,
                secret: row.get::<_, String>(2).into(),
            };
            Some((row.get::<_, String>(0).into(), Arc::new(node)))
        });
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if Instant::now() >= connection.keeps {
            known.clear();
        }
        known.extend(others);
        Ok(())
    }

    /// Asks by the connection that there is, or by another.
    async fn ask(
        &self,
        connection: &mut Connection,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, PostgresError> {
        let asked = self.database.ask(&mut connection.client, sql, parameters);
        let answered = timeout(ANSWER, asked).await.unwrap_or_else(|_| Err(silent()));
        if answered.is_err() {
            connection.keeps = Instant::now() + RETURN;
        }
        answered
    }
}

fn silent() -> PostgresError {
    PostgresError::Database("it does not answer".to_owned())
}
