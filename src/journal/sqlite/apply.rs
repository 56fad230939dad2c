//! What becomes of the tables in a commit: one command after the other, on the writer's connection.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytestring::ByteString;
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::oneshot;

use super::{
    ages,
    compaction::{self, Victim},
    expectation,
    reader::{self, bound},
};
use crate::{
    event::{Body, Event},
    journal::{
        clock::{ClockSet, Counted, Stamp, Stamps, before},
        contract::JournalError,
        record::{Append, Appended, Once, Record, Removed},
    },
};

/// Idempotency keys that are forgotten in one commit.
const FORGOTTEN: usize = 1000;

type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

/// What the writer is asked to do. A reply that is dropped says that the commit failed.
pub(super) enum Command {
    Append(Append, Reply<Appended>),
    Answer {
        key: String,
        answer: String,
        reply: Reply<()>,
    },
    Remove {
        topic: String,
        victims: Vec<Victim>,
        reply: Reply<Removed>,
    },
    ExpireKeys {
        older_than: Duration,
        reply: Reply<usize>,
    },
    CommitOffset {
        topic: String,
        consumer: String,
        seq: u64,
        reply: Reply<()>,
    },
}

/// What the writer knows of the tables, so that it need not ask.
pub(super) struct Known {
    /// The last sequence number that was given.
    pub(super) head: u64,
    stamps: Stamps,
    clock: Arc<Counted>,
    /// Of this commit.
    stamp: Stamp,
    /// The clock was set, and no commit says so yet.
    set: Option<ClockSet>,
    /// The topic that was being written last.
    pub(super) at: Option<ByteString>,
    topics: HashMap<String, Topic>,
    /// The heads of those that this commit appended to, by their ids: each is written once, however many appends.
    moved: HashMap<i64, u64>,
}

#[derive(Clone)]
struct Topic {
    id: i64,
    head: u64,
    /// As its records have it, without a copy for each.
    name: ByteString,
}

/// What is reported once the commit is durable.
#[derive(Default)]
pub(super) struct Committed {
    pub(super) records: Vec<Arc<Record>>,
    replies: Vec<Told>,
}

/// The reply to a caller.
enum Told {
    /// Most are: in place, as many wait for one commit.
    Appended(Reply<Appended>, Result<Appended, JournalError>),
    Other(Box<dyn FnOnce()>),
}

impl Committed {
    fn reply<T: 'static>(&mut self, reply: Reply<T>, outcome: Result<T, JournalError>) {
        // The caller may have given up.
        let tell = Box::new(move || drop(reply.send(outcome)));
        self.replies.push(Told::Other(tell));
    }

    /// What a command came to. The reply of one that failed is dropped with all others of its commit, and not before the
    /// journal's health says why.
    fn settle<T: 'static>(&mut self, reply: Reply<T>, outcome: rusqlite::Result<T>) -> rusqlite::Result<()> {
        match outcome {
            Ok(outcome) => self.reply(reply, Ok(outcome)),
            Err(error) => {
                self.replies.push(Told::Other(Box::new(move || drop(reply))));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Sends the replies.
    pub(super) fn publish(self) {
        for told in self.replies {
            match told {
                Told::Appended(reply, outcome) => drop(reply.send(outcome)),
                Told::Other(tell) => tell(),
            }
        }
    }
}

impl Command {
    /// The topic that it is about.
    pub(super) fn topic(&self) -> Option<&str> {
        match self {
            Self::Append(append, _) => Some(&append.topic),
            Self::Remove { topic, .. } => Some(topic),
            Self::Answer { .. } | Self::ExpireKeys { .. } | Self::CommitOffset { .. } => None,
        }
    }
}

impl Known {
    /// The head, which was just read; and the clock.
    pub(super) fn new(head: u64, stamps: Stamps, clock: Arc<Counted>) -> Self {
        Self {
            head,
            stamps,
            clock,
            stamp: Stamp::default(),
            set: None,
            at: None,
            topics: HashMap::new(),
            moved: HashMap::new(),
        }
    }

    /// Begins a commit: all in it has one time.
    pub(super) fn begin(&mut self, connection: &Connection, clock: u64) -> rusqlite::Result<()> {
        let (stamp, set) = self.stamps.next(clock);
        self.stamp = stamp;
        self.set = set.or(self.set);
        if let Some(set) = self.set {
            ages::keep_set(connection, self.head, set)?;
            ages::keep(connection, stamp)?;
        }
        Ok(())
    }

    /// The commit is durable.
    pub(super) fn is_durable(&mut self) {
        self.set = None;
    }

    /// Nothing but the head, which was just read again.
    pub(super) fn anew(&mut self, head: u64) {
        self.head = head;
        self.topics.clear();
        self.moved.clear();
    }

    /// Sets down how far the topics reach now; the last thing in a commit.
    pub(super) fn keep_heads(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.moved.is_empty() {
            return Ok(());
        }
        self.at = None;
        ages::keep(connection, self.stamp)?;
        let mut topic = connection.prepare_cached("UPDATE topics SET head = ? WHERE id = ?")?;
        for (id, head) in self.moved.drain() {
            topic.execute(params![head, id])?;
        }
        connection
            .prepare_cached("UPDATE meta SET value = ? WHERE name = 'head'")?
            .execute([self.head])?;
        Ok(())
    }

    pub(super) fn apply(
        &mut self,
        connection: &Connection,
        command: Command,
        committed: &mut Committed,
    ) -> rusqlite::Result<()> {
        self.at = None;
        match command {
            Command::Append(append, reply) => {
                match self.append(connection, append, committed) {
                    Ok(outcome) => committed.replies.push(Told::Appended(reply, outcome)),
                    Err(error) => return committed.settle(reply, Err(error)),
                }
                Ok(())
            }
            Command::Answer { key, answer, reply } => {
                let stored = connection
                    .prepare_cached("UPDATE once SET answer = ? WHERE key = ?")
                    .and_then(|mut statement| statement.execute([answer, key]));
                committed.settle(reply, stored.map(drop))
            }
            Command::Remove {
                topic,
                victims,
                reply,
            } => {
                let removed = self.topic(connection, &topic).and_then(|topic| match topic {
                    Some(topic) => compaction::remove(connection, topic.id, &victims),
                    None => Ok(Removed::default()),
                });
                committed.settle(reply, removed)
            }
            Command::ExpireKeys { older_than, reply } => {
                let oldest = before(self.clock.now(), older_than);
                let forgotten = connection
                    .prepare_cached(
                        "DELETE FROM once WHERE rowid IN (SELECT rowid FROM once ORDER BY rowid LIMIT ?) AND time <= ?",
                    )
                    .and_then(|mut statement| statement.execute(params![FORGOTTEN, oldest]));
                committed.settle(reply, forgotten)
            }
            Command::CommitOffset {
                topic,
                consumer,
                seq,
                reply,
            } => {
                let stands = connection
                    .prepare_cached(
                        "INSERT INTO consumers (topic, name, seq) VALUES (?, ?, ?)
                         ON CONFLICT (topic, name) DO UPDATE SET seq = max(seq, excluded.seq)",
                    )
                    .and_then(|mut statement| statement.execute(params![topic, consumer, bound(seq)]));
                committed.settle(reply, stands.map(drop))
            }
        }
    }

    fn append(
        &mut self,
        connection: &Connection,
        append: Append,
        committed: &mut Committed,
    ) -> rusqlite::Result<Result<Appended, JournalError>> {
        if let Some(once) = &append.once
            && let Some(earlier) = reader::stored_outcome(connection, &once.key)?
        {
            return Ok(match earlier.digest == once.digest {
                true => Ok(earlier.appended),
                false => Err(JournalError::OtherBody),
            });
        }
        let topic = self.topic(connection, &append.topic)?;
        let head = topic.as_ref().map_or(0, |topic| topic.head);
        let id = topic.as_ref().map(|topic| topic.id);
        if let Some(refusal) = expectation::refusal(connection, &append, id, head)? {
            return Ok(Err(refusal));
        }
        let (first, last) = match append.events.is_empty() {
            true => (head, head),
            false => {
                let topic = match topic {
                    Some(topic) => topic,
                    None => create(connection, append.topic)?,
                };
                self.insert(connection, topic, append.events, committed)?
            }
        };
        let appended = Appended {
            first,
            last,
            time: self.stamp.time,
            repeated: false,
        };
        if let Some(once) = append.once {
            remember(connection, &once, &appended, self.stamp.counted)?;
        }
        Ok(Ok(appended))
    }

    /// Where the events stand: the first and the last of them.
    fn insert(
        &mut self,
        connection: &Connection,
        mut topic: Topic,
        events: Vec<Event>,
        committed: &mut Committed,
    ) -> rusqlite::Result<(u64, u64)> {
        let mut event = connection.prepare_cached(
            "INSERT INTO events (topic, seq, time, name, key, data, traceparent) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?;
        let mut latest = connection.prepare_cached(
            "INSERT INTO latest (topic, key, seq) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq",
        )?;
        let first = self.head + 1;
        for published in events {
            self.head += 1;
            let data = match &published.body {
                Body::Data(json) => Some(&**json),
                Body::Tombstone => None,
            };
            event.execute(params![
                topic.id,
                self.head,
                self.stamp.time,
                &*published.name,
                published.key.as_deref(),
                data,
                published.traceparent.as_deref()
            ])?;
            if let Some(key) = published.key.as_deref() {
                latest.execute(params![topic.id, key, self.head])?;
            }
            committed.records.push(Arc::new(Record {
                seq: self.head,
                time: self.stamp.time,
                topic: topic.name.clone(),
                name: published.name,
                key: published.key,
                body: published.body,
                traceparent: published.traceparent,
            }));
        }
        topic.head = self.head;
        self.moved.insert(topic.id, topic.head);
        match self.topics.get_mut(&*topic.name) {
            Some(known) => known.head = topic.head,
            None => drop(self.topics.insert(topic.name.to_string(), topic)),
        }
        Ok((first, self.head))
    }

    fn topic(&mut self, connection: &Connection, name: &str) -> rusqlite::Result<Option<Topic>> {
        if let Some(topic) = self.topics.get(name) {
            self.at = Some(topic.name.clone());
            return Ok(Some(topic.clone()));
        }
        let topic = connection
            .prepare_cached("SELECT id, head FROM topics WHERE name = ?")?
            .query_row([name], |row| {
                Ok(Topic {
                    id: row.get(0)?,
                    head: row.get(1)?,
                    name: name.into(),
                })
            })
            .optional()?;
        if let Some(topic) = &topic {
            self.at = Some(topic.name.clone());
            self.topics.insert(name.to_owned(), topic.clone());
        }
        Ok(topic)
    }
}

/// A topic that was never appended to.
fn create(connection: &Connection, name: String) -> rusqlite::Result<Topic> {
    let id = connection
        .prepare_cached("INSERT INTO topics (name, head) VALUES (?, 0)")?
        .insert([&name])?;
    Ok(Topic {
        id,
        head: 0,
        name: name.into(),
    })
}

/// Its time is counted, so that it is known for as long as it is to be, whatever becomes of the clock.
fn remember(connection: &Connection, once: &Once, appended: &Appended, counted: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO once (key, time, digest, first, last, answer) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            once.key,
            counted,
            once.digest.cast_signed(),
            appended.first,
            appended.last,
            once.answer
        ])?;
    Ok(())
}

#[cfg(test)]
mod tests;
