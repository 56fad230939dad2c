//! The bare store, beside which journals are measured: SQLite with the journal's tables and settings, without a journal around it.

use rusqlite::{Connection, params};
use tempfile::TempDir;
use updraft::{
    Event,
    journal::{Append, Durability, Journal, SqliteJournal},
};

/// Keys that events are about.
pub(crate) const KEYS: usize = 10_000;

/// Bytes of an event's data, as JSON.
pub(crate) const SIZE: usize = 200;

/// What an event carries.
pub(crate) fn data() -> String {
    "x".repeat(SIZE - 2)
}

pub(crate) struct Store {
    connection: Connection,
    head: u64,
    _directory: TempDir,
}

impl Store {
    pub(crate) async fn open(directory: TempDir) -> Self {
        let journal = SqliteJournal::open(directory.path(), Durability::PowerLoss).expect("a directory");
        let append = Append {
            topic: "board".to_owned(),
            events: vec![Event::new("first")],
            ..Append::default()
        };
        journal.append(append).await.expect("a journal");
        journal.close().await;
        let connection = Connection::open(directory.path().join("journal.db")).expect("a journal");
        connection
            .pragma_update(None, "synchronous", "FULL")
            .expect("a setting");
        connection.set_prepared_statement_cache_capacity(32);
        Self {
            connection,
            head: 1,
            _directory: directory,
        }
    }

    /// One durable transaction for so many events.
    pub(crate) fn commit(&mut self, events: usize) {
        self.connection
            .execute_batch("BEGIN IMMEDIATE")
            .expect("a transaction");
        for _ in 0..events {
            self.head += 1;
            let key = format!("card-{}", self.head as usize * 7919 % KEYS);
            self.run(
                "INSERT INTO events (topic, seq, time, name, key, data) VALUES (1, ?, ?, 'card.changed', ?, ?)",
                params![self.head, 1_700_000_000_000_u64, key, data()],
            );
            self.run(
                "INSERT INTO latest (topic, key, seq) VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq",
                params![key, self.head],
            );
        }
        self.run("UPDATE topics SET head = ? WHERE id = 1", params![self.head]);
        self.run(
            "UPDATE meta SET value = ? WHERE name = 'head'",
            params![self.head],
        );
        self.connection.execute_batch("COMMIT").expect("a transaction");
    }

    fn run(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) {
        let mut statement = self.connection.prepare_cached(sql).expect("the journal's tables");
        statement.execute(values).expect("the journal's tables");
    }
}
