//! Filling a database that has no journal, in one commit.

use std::collections::{HashMap, HashSet};

use tokio_postgres::{
    Error,
    types::{ToSql, Type},
};

use super::{blocking::Connection, columns::bound, reader::number, text::escaped, verification};
use crate::{
    event::{Body, Epoch},
    journal::{
        archive::{Call, Consumer, Header},
        contract::CANARY,
        import::{Destination, ImportError},
        record::Record,
        verification::violation,
    },
    postgres::{PostgresError, said},
};

/// Most that is held before it is written, in events or keys, and in bytes.
const ROWS: usize = 1000;
const BYTES: usize = 8 << 20;

/// Longest key, in bytes: an index of PostgreSQL takes no longer ones.
const KEY: usize = 2000;

/// A database that becomes a journal. What was not committed goes when it is dropped.
pub(crate) struct PostgresDestination {
    connection: Connection,
    events: Vec<Record>,
    bytes: usize,
    calls: Vec<Call>,
    /// Of the topics that there are to be.
    heads: HashMap<String, u64>,
    /// Topics and names of those that are there by now.
    consumers: HashSet<(String, String)>,
}

const NODES: &str = "
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'updraft' AND pid <> pg_backend_pid()";

const IS_EMPTY: &str = "SELECT NOT EXISTS (SELECT FROM updraft.topics WHERE name <> $1) AND NOT EXISTS (SELECT FROM updraft.once)";

const FORGET: [&str; 2] = [
    "DELETE FROM updraft.events WHERE topic IN (SELECT id FROM updraft.topics WHERE name = $1)",
    "DELETE FROM updraft.topics WHERE name = $1",
];

const TOPIC: &str = "INSERT INTO updraft.topics (name, floor) VALUES ($1, $2)";

const EVENTS: &str = "
INSERT INTO updraft.events (topic, seq, time, name, key, data, traceparent)
SELECT t.id, e.seq, e.time, e.name, e.key, e.data, e.traceparent
FROM unnest($1, $2, $3, $4, $5, $6, $7) AS e(topic, seq, time, name, key, data, traceparent)
JOIN updraft.topics AS t ON t.name = e.topic";

/// What is stamped later than now counts as of now.
const CALLS: &str = "
INSERT INTO updraft.once (key, time, digest, first, last, answer)
SELECT key, least(time, updraft.now()), digest, first, last, answer
FROM unnest($1, $2, $3, $4, $5, $6) AS c(key, time, digest, first, last, answer)";

const CONSUMER: &str = "INSERT INTO updraft.consumers (topic, name, seq) VALUES ($1, $2, $3)";

const LATEST: &str = "
WITH settled AS (UPDATE updraft.settled SET seq = (SELECT coalesce(max(seq), 0) FROM updraft.events))
INSERT INTO updraft.latest (topic, key, seq)
SELECT topic, key, seq FROM (
    SELECT DISTINCT ON (topic, key) topic, key, seq, data IS NULL AS ended FROM updraft.events
    WHERE key IS NOT NULL ORDER BY topic, key, seq DESC
) AS last WHERE NOT ended";

const META: &str = "
INSERT INTO updraft.meta (name, value) VALUES ('epoch', $1), ('identity', updraft.identity())
ON CONFLICT (name) DO UPDATE SET value = excluded.value";

impl PostgresDestination {
    /// Makes the schema where it is missing.
    ///
    /// # Errors
    /// Where the database cannot be reached or used.
    pub(crate) fn open(url: &str) -> Result<Self, PostgresError> {
        let mut connection = Connection::open(url)?;
        connection.migrate()?;
        Ok(Self {
            connection,
            events: Vec::new(),
            bytes: 0,
            calls: Vec::new(),
            heads: HashMap::new(),
            consumers: HashSet::new(),
        })
    }

    fn insert(&self, sql: &str, parameters: &[(&(dyn ToSql + Sync), Type)]) -> Result<(), ImportError> {
        self.connection.query(sql, parameters).map(drop).map_err(refused)
    }

    fn write_events(&mut self) -> Result<(), ImportError> {
        let events = std::mem::take(&mut self.events);
        self.bytes = 0;
        let topics: Vec<_> = events.iter().map(|event| escaped(&event.topic)).collect();
        let seqs: Vec<_> = events.iter().map(|event| bound(event.seq)).collect();
        let times: Vec<_> = events.iter().map(|event| bound(event.time)).collect();
        let names: Vec<&str> = events.iter().map(|event| &*event.name).collect();
        let keys: Vec<_> = events
            .iter()
            .map(|event| event.key.as_deref().map(escaped))
            .collect();
        let data: Vec<Option<&str>> = events.iter().map(|event| data(&event.body)).collect();
        let traceparents: Vec<Option<&str>> =
            events.iter().map(|event| event.traceparent.as_deref()).collect();
        let parameters: [(&(dyn ToSql + Sync), Type); 7] = [
            (&topics, Type::TEXT_ARRAY),
            (&seqs, Type::INT8_ARRAY),
            (&times, Type::INT8_ARRAY),
            (&names, Type::TEXT_ARRAY),
            (&keys, Type::TEXT_ARRAY),
            (&data, Type::TEXT_ARRAY),
            (&traceparents, Type::TEXT_ARRAY),
        ];
        self.insert(EVENTS, &parameters)
    }

    fn write_calls(&mut self) -> Result<(), ImportError> {
        let calls = std::mem::take(&mut self.calls);
        let keys: Vec<_> = calls.iter().map(|call| escaped(&call.once)).collect();
        let times: Vec<_> = calls.iter().map(|call| bound(call.time)).collect();
        let digests: Vec<_> = calls.iter().map(|call| call.digest.cast_signed()).collect();
        let firsts: Vec<_> = calls.iter().map(|call| bound(call.first)).collect();
        let lasts: Vec<_> = calls.iter().map(|call| bound(call.last)).collect();
        let answers: Vec<Option<&str>> = calls.iter().map(|call| call.answer.as_deref()).collect();
        let parameters: [(&(dyn ToSql + Sync), Type); 6] = [
            (&keys, Type::TEXT_ARRAY),
            (&times, Type::INT8_ARRAY),
            (&digests, Type::INT8_ARRAY),
            (&firsts, Type::INT8_ARRAY),
            (&lasts, Type::INT8_ARRAY),
            (&answers, Type::TEXT_ARRAY),
        ];
        self.insert(CALLS, &parameters)
    }

    /// A topic's head is not kept: it is that of its last event, or its floor.
    fn check_heads(&self) -> Result<(), ImportError> {
        let sql = "SELECT name, coalesce(updraft.head(id, floor), 0), floor FROM updraft.topics";
        for row in self.connection.query(sql, &[]).map_err(refused)? {
            let name: String = row.get(0);
            let (last, floor) = (number(&row, 1), number(&row, 2));
            let head = self.heads.get(&name).copied().unwrap_or_default();
            let name = name.replace('\'', "''");
            if last > head {
                return inconsistent(format!(
                    "topic '{name}': its last event is {last}, beyond its head {head}"
                ));
            }
            if last < head {
                return inconsistent(format!(
                    "topic '{name}': its head is {head}, but its last event is {last} and nothing beyond {floor} was removed"
                ));
            }
        }
        Ok(())
    }
}

impl Destination for PostgresDestination {
    fn begin(&mut self, header: &Header, epoch: &Epoch) -> Result<(), ImportError> {
        self.connection
            .run("BEGIN; SELECT FROM updraft.lock FOR UPDATE")?;
        let nodes = number(&self.connection.row(NODES, &[])?, 0);
        if nodes > 0 {
            return Err(ImportError::NotEmpty(
                "a node is connected to the database: stop all of them first".to_owned(),
            ));
        }
        let canary = [(&CANARY as _, Type::TEXT)];
        if !self.connection.row(IS_EMPTY, &canary)?.get::<_, bool>(0) {
            return Err(ImportError::NotEmpty(
                "the journal in the database is not empty: import into one without".to_owned(),
            ));
        }
        for sql in FORGET {
            self.insert(sql, &canary)?;
        }
        for topic in &header.topics {
            let (name, head) = (&topic.topic, topic.head);
            if head > header.head {
                let of_all = header.head;
                return inconsistent(format!(
                    "topic '{name}': its head {head} is beyond the journal's, {of_all}"
                ));
            }
            let (escaped, floor) = (escaped(name), bound(topic.floor));
            self.heads.insert(escaped.to_string(), head);
            self.insert(TOPIC, &[(&escaped, Type::TEXT), (&floor, Type::INT8)])?;
        }
        if header.head > 0 {
            self.insert(
                "SELECT setval('updraft.seq', $1)",
                &[(&bound(header.head), Type::INT8)],
            )?;
        }
        self.insert(META, &[(&epoch.as_str(), Type::TEXT)])
    }

    fn event(&mut self, record: Record) -> Result<(), ImportError> {
        if record.key.as_ref().is_some_and(|key| key.len() > KEY) {
            return Err(ImportError::Row(format!(
                "its key is longer than {KEY} bytes, the most in a database"
            )));
        }
        self.bytes += record.size();
        self.events.push(record);
        match self.events.len() >= ROWS || self.bytes >= BYTES {
            true => self.write_events(),
            false => Ok(()),
        }
    }

    fn call(&mut self, call: Call) -> Result<(), ImportError> {
        self.calls.push(call);
        match self.calls.len() >= ROWS {
            true => self.write_calls(),
            false => Ok(()),
        }
    }

    fn consumer(&mut self, consumer: Consumer) -> Result<(), ImportError> {
        let named = (consumer.topic.clone(), consumer.consumer.clone());
        if !self.consumers.insert(named) {
            let Consumer { consumer, topic, .. } = consumer;
            return inconsistent(format!("duplicate key: consumer '{consumer}' of topic '{topic}'"));
        }
        let (topic, name) = (escaped(&consumer.topic), escaped(&consumer.consumer));
        let seq = bound(consumer.seq);
        self.insert(
            CONSUMER,
            &[(&topic, Type::TEXT), (&name, Type::TEXT), (&seq, Type::INT8)],
        )
    }

    fn commit(&mut self) -> Result<(), ImportError> {
        self.write_events()?;
        self.write_calls()?;
        self.insert(LATEST, &[])?;
        self.check_heads()?;
        // For the plans of the first queries.
        self.connection
            .run("ANALYZE updraft.events, updraft.latest, updraft.once")?;
        match violation(&verification::ALL, |check| {
            verification::look(&self.connection, check)
        }) {
            Some(first) => inconsistent(first),
            None => Ok(self.connection.run("COMMIT")?),
        }
    }
}

fn data(body: &Body) -> Option<&str> {
    match body {
        Body::Data(json) => Some(json),
        Body::Tombstone => None,
    }
}

fn inconsistent<T>(why: String) -> Result<T, ImportError> {
    Err(ImportError::Inconsistent(why))
}

/// What is wrong with rows is told from what is wrong with the database.
fn refused(error: Error) -> ImportError {
    let code = error.code().map_or("", |code| code.code());
    match ["22", "23", "54"].iter().any(|class| code.starts_with(class)) {
        true => ImportError::Inconsistent(said(&error)),
        false => ImportError::Database(error.into()),
    }
}
