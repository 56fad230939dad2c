//! What waits to be committed together: one call of a function in the database, which may be tried again under its own id.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use bytestring::ByteString;
use tokio::sync::oneshot;
use tokio_postgres::{Client, Row};

use super::columns::Columns;
use crate::journal::{
    contract::JournalError,
    record::{Append, Appended, Record, SeenKey},
};

/// Commands in one batch, so that the first does not wait for ever for the last.
pub(super) const TOGETHER: usize = 1024;

pub(super) type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

/// What the writer is asked to do.
pub(super) enum Command {
    Append(Append, Reply<Appended>),
    Answer {
        key: String,
        answer: String,
        reply: Reply<()>,
    },
    CommitOffset {
        topic: String,
        consumer: String,
        seq: u64,
        reply: Reply<()>,
    },
}

/// Commands that are committed together. None of its appends expects anything of what another of them may change, and no
/// idempotency key comes twice: so all are decided at once, by what was there before.
pub(super) struct Batch {
    id: String,
    appends: Vec<(Append, Reply<Appended>)>,
    answers: Vec<(String, String, Reply<()>)>,
    offsets: Vec<(String, String, u64, Reply<()>)>,
}

/// What a batch's appends are about, which later ones of the same batch may not rely on.
#[derive(Default)]
struct Touched {
    once: HashSet<String>,
    topics: HashSet<String>,
    keys: HashSet<(String, ByteString)>,
}

impl Touched {
    fn admits(&self, append: &Append) -> bool {
        let relies_on_head = append.expect.is_some() || append.events.is_empty();
        let is_known = |seen: &SeenKey| self.keys.contains(&(append.topic.clone(), seen.key.clone()));
        !(append
            .once
            .as_ref()
            .is_some_and(|once| self.once.contains(&once.key))
            || relies_on_head && self.topics.contains(&append.topic)
            || append.expect_keys.iter().any(is_known))
    }

    fn add(&mut self, append: &Append) {
        if let Some(once) = &append.once {
            self.once.insert(once.key.clone());
        }
        if append.events.is_empty() {
            return;
        }
        if !self.topics.contains(&append.topic) {
            self.topics.insert(append.topic.clone());
        }
        let keys = append.events.iter().filter_map(|event| event.key.clone());
        self.keys.extend(keys.map(|key| (append.topic.clone(), key)));
    }
}

/// What became of a batch.
pub(super) struct Committed {
    /// The last event before it.
    pub(super) before: u64,
    outcomes: Vec<i32>,
    first: Vec<i64>,
    last: Vec<i64>,
    times: Vec<i64>,
}

impl Batch {
    /// The first of those that wait, as many as go together; in their order.
    pub(super) fn of(waiting: &mut VecDeque<Command>) -> Result<Self, getrandom::Error> {
        let mut this = Self {
            id: random_uuid()?,
            appends: Vec::new(),
            answers: Vec::new(),
            offsets: Vec::new(),
        };
        let mut touched = Touched::default();
        for _ in 0..TOGETHER {
            let Some(command) = waiting.pop_front() else {
                break;
            };
            match command {
                Command::Append(append, reply) if touched.admits(&append) => {
                    touched.add(&append);
                    this.appends.push((append, reply));
                }
                Command::Append(..) => {
                    waiting.push_front(command);
                    break;
                }
                Command::Answer { key, answer, reply } => this.answers.push((key, answer, reply)),
                Command::CommitOffset {
                    topic,
                    consumer,
                    seq,
                    reply,
                } => this.offsets.push((topic, consumer, seq, reply)),
            }
        }
        Ok(this)
    }

    /// Commits it; once, however often it is tried.
    pub(super) async fn commit(
        &self,
        client: &Client,
        identity: &str,
    ) -> Result<Committed, tokio_postgres::Error> {
        let columns = self.columns();
        let sql = "SELECT before, outcome, first, last, at FROM updraft.append($1::text::uuid, $2,
            $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)";
        let rows = client
            .query_typed(sql, &columns.parameters(&self.id, &identity))
            .await?;
        Ok(rows.first().map(Committed::of).unwrap_or_else(Committed::nothing))
    }

    fn columns(&self) -> Columns<'_> {
        let mut columns = Columns::default();
        for (number, (append, _)) in (1..).zip(&self.appends) {
            columns.append(number, append);
        }
        for (key, answer, _) in &self.answers {
            columns.answer(key, answer);
        }
        for (topic, consumer, seq, _) in &self.offsets {
            columns.offset(topic, consumer, *seq);
        }
        columns
    }

    /// What readers get: the events that were applied now, in their places.
    pub(super) fn records(&self, committed: &Committed) -> Vec<Arc<Record>> {
        let mut records = Vec::new();
        for (number, (append, _)) in self.appends.iter().enumerate() {
            let Some(Ok(appended)) = committed.outcome(number, append) else {
                continue;
            };
            if appended.repeated || append.events.is_empty() {
                continue;
            }
            let topic = ByteString::from(append.topic.as_str());
            records.extend((appended.first..).zip(&append.events).map(|(seq, event)| {
                Arc::new(Record {
                    seq,
                    time: appended.time,
                    topic: topic.clone(),
                    name: event.name.clone(),
                    key: event.key.clone(),
                    body: event.body.clone(),
                })
            }));
        }
        records
    }

    /// Tells the callers.
    pub(super) fn reply(self, committed: &Committed) {
        for (number, (append, reply)) in self.appends.into_iter().enumerate() {
            let outcome = committed.outcome(number, &append);
            let none = || {
                Err(JournalError::Unavailable(
                    "the database did not say what became of it".to_owned(),
                ))
            };
            // The caller may have given up.
            let _ = reply.send(outcome.unwrap_or_else(none));
        }
        let others = self.answers.into_iter().map(|(.., reply)| reply);
        for reply in others.chain(self.offsets.into_iter().map(|(.., reply)| reply)) {
            let _ = reply.send(Ok(()));
        }
    }

    /// Tells the callers why it is not known whether it happened, or that it did not.
    pub(super) fn refuse(self, error: &JournalError) {
        for (_, reply) in self.appends {
            let _ = reply.send(Err(error.clone()));
        }
        let others = self.answers.into_iter().map(|(.., reply)| reply);
        for reply in others.chain(self.offsets.into_iter().map(|(.., reply)| reply)) {
            let _ = reply.send(Err(error.clone()));
        }
    }
}

impl Committed {
    fn of(row: &Row) -> Self {
        Self {
            before: row.get::<_, i64>(0).cast_unsigned(),
            outcomes: row.get(1),
            first: row.get(2),
            last: row.get(3),
            times: row.get(4),
        }
    }

    fn nothing() -> Self {
        Self {
            before: 0,
            outcomes: Vec::new(),
            first: Vec::new(),
            last: Vec::new(),
            times: Vec::new(),
        }
    }

    /// What became of the append of this number.
    fn outcome(&self, number: usize, append: &Append) -> Option<Result<Appended, JournalError>> {
        let at = |numbers: &[i64]| numbers.get(number).map(|number| number.cast_unsigned());
        let (first, last, time) = (at(&self.first)?, at(&self.last)?, at(&self.times)?);
        let applied = |repeated| Appended {
            first,
            last,
            time,
            repeated,
        };
        Some(match self.outcomes.get(number)? {
            0 => Ok(applied(false)),
            1 => Ok(applied(true)),
            2 => Err(JournalError::OtherBody),
            3 => Err(JournalError::Expectation {
                expected: append.expect?,
                head: last,
            }),
            _ => {
                let nth = usize::try_from(first.checked_sub(1)?).ok()?;
                let SeenKey { key, up_to } = append.expect_keys.get(nth)?.clone();
                Err(JournalError::Key { key, up_to })
            }
        })
    }
}

/// A random UUID, version 4.
pub(super) fn random_uuid() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    let number = u128::from_be_bytes(bytes) & !(0xf << 76) | (4 << 76);
    let number = number & !(0b11 << 62) | (0b10 << 62);
    let hex = format!("{number:032x}");
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}
