//! What becomes of the tables in a commit: one command after the other, on the writer's connection.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytestring::ByteString;
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::oneshot;

use super::{
    compaction::Victim,
    expectation,
    reader::{self, bound},
};
use crate::{
    event::{Body, Event},
    journal::{
        clock::{before, now},
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
    Forget {
        older_than: Duration,
        reply: Reply<usize>,
    },
    Consume {
        topic: String,
        consumer: String,
        seq: u64,
        reply: Reply<()>,
    },
}

/// What the writer knows of the tables, so that it need not ask.
#[derive(Default)]
pub(super) struct Known {
    /// The last sequence number that was given.
    pub(super) head: u64,
    time: u64,
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

/// What is told once the commit is durable.
#[derive(Default)]
pub(super) struct Committed {
    pub(super) records: Vec<Arc<Record>>,
    replies: Vec<Told>,
}

/// What one who waits is told.
enum Told {
    /// Most are: in place, as many wait for one commit.
    Appended(Reply<Appended>, Result<Appended, JournalError>),
    Other(Box<dyn FnOnce()>),
}

impl Committed {
    fn reply<T: 'static>(&mut self, reply: Reply<T>, outcome: Result<T, JournalError>) {
        // Who does not wait any more need not be told.
        let tell = Box::new(move || drop(reply.send(outcome)));
        self.replies.push(Told::Other(tell));
    }

    /// Tells those who wait.
    pub(super) fn tell(self) {
        for told in self.replies {
            match told {
                Told::Appended(reply, outcome) => drop(reply.send(outcome)),
                Told::Other(tell) => tell(),
            }
        }
    }
}

impl Known {
    /// Nothing but the head, which was just read.
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
        match command {
            Command::Append(append, reply) => {
                let outcome = self.append(connection, append, committed)?;
                committed.replies.push(Told::Appended(reply, outcome));
            }
            Command::Answer { key, answer, reply } => {
                connection
                    .prepare_cached("UPDATE once SET answer = ? WHERE key = ?")?
                    .execute([answer, key])?;
                committed.reply(reply, Ok(()));
            }
            Command::Remove {
                topic,
                victims,
                reply,
            } => {
                let removed = self.remove(connection, &topic, &victims)?;
                committed.reply(reply, Ok(removed));
            }
            Command::Forget { older_than, reply } => {
                let oldest = before(now(), older_than);
                let forgotten = connection
                    .prepare_cached(
                        "DELETE FROM once WHERE rowid IN (SELECT rowid FROM once ORDER BY rowid LIMIT ?) AND time <= ?",
                    )?
                    .execute(params![FORGOTTEN, oldest])?;
                committed.reply(reply, Ok(forgotten));
            }
            Command::Consume {
                topic,
                consumer,
                seq,
                reply,
            } => {
                connection
                    .prepare_cached("INSERT OR REPLACE INTO consumers (topic, name, seq) VALUES (?, ?, ?)")?
                    .execute(params![topic, consumer, bound(seq)])?;
                committed.reply(reply, Ok(()));
            }
        }
        Ok(())
    }

    fn append(
        &mut self,
        connection: &Connection,
        append: Append,
        committed: &mut Committed,
    ) -> rusqlite::Result<Result<Appended, JournalError>> {
        if let Some(once) = &append.once
            && let Some(earlier) = reader::recall(connection, &once.key)?
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
        // A clock that is set back does not set the journal back.
        self.time = self.time.max(now());
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
            time: self.time,
            repeated: false,
        };
        if let Some(once) = append.once {
            remember(connection, &once, &appended)?;
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
            "INSERT INTO events (topic, seq, time, name, key, data) VALUES (?, ?, ?, ?, ?, ?)",
        )?;
        let mut latest = connection.prepare_cached(
            "INSERT INTO latest (topic, key, seq) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq",
        )?;
        let first = self.head + 1;
        for Event { name, key, body } in events {
            self.head += 1;
            let data = match &body {
                Body::Data(json) => Some(&**json),
                Body::Tombstone => None,
            };
            event.execute(params![
                topic.id,
                self.head,
                self.time,
                &*name,
                key.as_deref(),
                data
            ])?;
            if let Some(key) = key.as_deref() {
                latest.execute(params![topic.id, key, self.head])?;
            }
            committed.records.push(Arc::new(Record {
                seq: self.head,
                time: self.time,
                topic: topic.name.clone(),
                name,
                key,
                body,
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
            self.topics.insert(name.to_owned(), topic.clone());
        }
        Ok(topic)
    }

    fn remove(
        &mut self,
        connection: &Connection,
        topic: &str,
        victims: &[Victim],
    ) -> rusqlite::Result<Removed> {
        let Some(Topic { id, .. }) = self.topic(connection, topic)? else {
            return Ok(Removed::default());
        };
        let mut event = connection.prepare_cached("DELETE FROM events WHERE topic = ? AND seq = ?")?;
        // Where another event of the key came meanwhile, that one is its latest.
        let mut end =
            connection.prepare_cached("DELETE FROM latest WHERE topic = ? AND key = ? AND seq = ?")?;
        let mut removed = Removed::default();
        for victim in victims {
            if event.execute(params![id, victim.seq])? == 0 {
                continue;
            }
            removed.events += 1;
            removed.bytes += victim.bytes;
            if let Some(key) = &victim.ended {
                end.execute(params![id, key, victim.seq])?;
            }
        }
        let floor = victims.iter().map(|victim| victim.seq).max().unwrap_or_default();
        connection
            .prepare_cached("UPDATE topics SET floor = max(floor, ?) WHERE id = ?")?
            .execute(params![floor, id])?;
        Ok(removed)
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

fn remember(connection: &Connection, once: &Once, appended: &Appended) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO once (key, time, digest, first, last, answer) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            once.key,
            appended.time,
            once.digest.cast_signed(),
            appended.first,
            appended.last,
            once.answer
        ])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::Event,
        journal::{
            record::Cursor,
            sqlite::{opening::Durability, schema},
        },
    };

    #[test]
    fn a_key_that_comes_back_while_its_end_is_removed_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.db");
        let (connection, _) = schema::open(&path, Durability::ProcessCrash).unwrap();
        let mut known = Known::default();
        let mut apply = |command| known.apply(&connection, command, &mut Committed::default());
        let append = |event| {
            let append = Append {
                topic: "board".to_owned(),
                events: vec![event],
                ..Append::default()
            };
            Command::Append(append, oneshot::channel().0)
        };
        apply(append(Event::tombstone("card.removed", "card-1"))).unwrap();
        // A compaction has seen the end by now, and asks for its removal after this.
        apply(append(Event::new("card.added").key("card-1"))).unwrap();
        let end = Victim {
            seq: 1,
            bytes: 0,
            ended: Some("card-1".to_owned()),
        };
        let remove = Command::Remove {
            topic: "board".to_owned(),
            victims: vec![end],
            reply: oneshot::channel().0,
        };
        apply(remove).unwrap();
        let whole = Cursor {
            after: 0,
            up_to: 2,
            events: 10,
            bytes: 1000,
        };
        let backlog = reader::backlog(&connection, "board", &whole).unwrap();
        assert_eq!(backlog.len(), 1);
        assert_eq!(backlog[0].name, "card.added");
    }
}
