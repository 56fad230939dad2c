//! The table in the database that nodes share, in which they count the sockets of subjects.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::{sync::Mutex, time::timeout};
use tokio_postgres::{Client, Row, types::Type};

use super::{
    over_nodes::{Heard, SubjectTable, TTL, TableAway, Told},
    per_subject::SubjectKey,
};
use crate::{
    journal::migrate,
    postgres::{Database, Parameter, PostgresError, Said},
};

/// Longest for the table to forget this node at its end.
const LAST: Duration = Duration::from_secs(2);

const COUNT: &str = "SELECT is_known, a_granted, t_subject, t_nodes
    FROM updraft.count_subjects($1, $2, $3, $4, $5, $6, $7, $8)";

/// Its shares are free at once, and what it had is removed by others.
const LEAVE: &str = "UPDATE updraft.counting SET until = '-infinity' WHERE node = $1";

/// The table of a database, as one node has it.
pub(crate) struct DatabaseSubjects {
    database: Database,
    /// Of this run of this node.
    node: String,
    client: Mutex<Option<Client>>,
    /// Whether the table may know of this node: the connection by which it was told may have ended.
    is_known: AtomicBool,
}

impl DatabaseSubjects {
    /// The table of this database, inside a tokio runtime. It is connected when a subject has a socket.
    ///
    /// # Errors
    /// A malformed URL, or no randomness for the node's name.
    pub(crate) fn new(database: &str) -> Result<Arc<Self>, PostgresError> {
        let mut name = [0; 15];
        getrandom::fill(&mut name)?;
        Ok(Arc::new(Self {
            database: Database::new(database)?,
            node: BASE64_URL_SAFE_NO_PAD.encode(name),
            client: Mutex::default(),
            is_known: AtomicBool::new(false),
        }))
    }

    async fn ask(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Option<Row>, PostgresError> {
        let mut client = self.client.lock().await;
        if client.as_ref().is_none_or(Client::is_closed) {
            let mut connected = self.database.connect(&Said::default()).await?;
            migrate(&mut connected).await?;
            *client = Some(connected);
        }
        Ok(self.database.ask(&mut client, sql, parameters).await?.pop())
    }

    async fn count(&self, told: &Told) -> Result<Heard, PostgresError> {
        self.is_known.store(true, Ordering::Release);
        let (subjects, sockets) = columns(&told.sockets);
        let (asking, asks) = columns(&told.asks);
        let ttl = TTL.as_millis() as i64;
        let most = int(told.most);
        let row = self
            .ask(
                COUNT,
                &[
                    (&self.node, Type::TEXT),
                    (&ttl, Type::INT8),
                    (&told.is_anew, Type::BOOL),
                    (&most, Type::INT4),
                    (&subjects, Type::BYTEA_ARRAY),
                    (&sockets, Type::INT4_ARRAY),
                    (&asking, Type::BYTEA_ARRAY),
                    (&asks, Type::INT4_ARRAY),
                ],
            )
            .await?;
        let Some(row) = row.filter(|row| row.get(0)) else {
            return Ok(Heard::Unknown);
        };
        let granted = row.get::<_, Option<Vec<i32>>>(1).unwrap_or_default();
        let subjects = row.get::<_, Option<Vec<&[u8]>>>(2).unwrap_or_default();
        let nodes = row.get::<_, Option<Vec<i32>>>(3).unwrap_or_default();
        let nodes = subjects.into_iter().zip(nodes).filter_map(|(subject, nodes)| {
            Some((SubjectKey(subject.try_into().ok()?), u32::try_from(nodes).ok()?))
        });
        Ok(Heard::Counted {
            granted: granted
                .into_iter()
                .map(|granted| usize::try_from(granted).unwrap_or_default())
                .collect(),
            nodes: nodes.collect(),
        })
    }
}

impl SubjectTable for DatabaseSubjects {
    fn exchange<'a>(&'a self, told: &'a Told) -> BoxFuture<'a, Result<Heard, TableAway>> {
        async {
            let counted = self.count(told).await;
            counted.map_err(|error| TableAway(error.to_string()))
        }
        .boxed()
    }

    fn leave(&self) -> BoxFuture<'_, ()> {
        async {
            // One that never counted is not known there.
            if !self.is_known.load(Ordering::Acquire) {
                return;
            }
            if !matches!(
                timeout(LAST, self.ask(LEAVE, &[(&self.node, Type::TEXT)])).await,
                Ok(Ok(_))
            ) {
                tracing::debug!("what subjects had at this node is free when its lease ends");
            }
        }
        .boxed()
    }
}

fn columns(counts: &[(SubjectKey, usize)]) -> (Vec<&[u8]>, Vec<i32>) {
    counts
        .iter()
        .map(|(subject, count)| (&subject.0[..], int(*count)))
        .unzip()
}

fn int(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
