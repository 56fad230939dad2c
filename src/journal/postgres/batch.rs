//! What waits to be committed together: one call of a function in the database, which may be tried again under its own id.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use bytestring::ByteString;
use tokio::sync::oneshot;
use tokio_postgres::Client;

use super::{
    batch_id::NodeId,
    columns::{Columns, EventColumns},
    command::{Command, Reply},
    committed::Committed,
};
use crate::journal::{
    contract::JournalError,
    record::{Append, Appended, Record, SeenKey},
};

/// Commands in one batch, so that the first does not wait for ever for the last.
pub(super) const TOGETHER: usize = 1024;

/// Bytes after which no more commands go into a batch.
const BYTES: usize = 16 << 20;

/// Commands that are committed together. None of its appends expects anything of what another of them may change, and no
/// idempotency key comes twice: so all are decided at once, by what was there before.
pub(super) struct Batch {
    /// Begins with that of its node.
    id: String,
    appends: Vec<(Append, Reply<Appended>)>,
    answers: Vec<(String, String, Reply<()>)>,
    offsets: Vec<(String, String, u64, Reply<()>)>,
}

/// Whether it may be that a batch was committed already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    First,
    Again,
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

impl Batch {
    fn new(node: &NodeId) -> Result<Self, getrandom::Error> {
        Ok(Self {
            id: node.batch()?,
            appends: Vec::new(),
            answers: Vec::new(),
            offsets: Vec::new(),
        })
    }

    /// One that leaves no trace but what is kept for retries: it shows whether any can be committed.
    pub(super) fn probe(node: &NodeId) -> Result<Self, getrandom::Error> {
        let append = Append {
            topic: "probe".to_owned(),
            ..Append::default()
        };
        let mut this = Self::new(node)?;
        this.appends.push((append, oneshot::channel().0));
        Ok(this)
    }

    /// The first of those that wait, as many as go together; in their order.
    pub(super) fn of(waiting: &mut VecDeque<Command>, node: &NodeId) -> Result<Self, getrandom::Error> {
        let mut this = Self::new(node)?;
        let mut touched = Touched::default();
        let mut bytes = 0;
        for _ in 0..TOGETHER {
            let Some(command) = waiting.pop_front() else {
                break;
            };
            bytes += command.size();
            match command {
                _ if bytes > BYTES && this.len() > 0 => {
                    waiting.push_front(command);
                    break;
                }
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

    pub(super) fn len(&self) -> usize {
        self.appends.len() + self.answers.len() + self.offsets.len()
    }

    /// Two of the same commands under ids of their own, one after the other; none where it is of one command.
    pub(super) fn halves(mut self, node: &NodeId) -> Result<[Self; 2], Self> {
        let (Ok(mut first), Ok(mut second)) = (Self::new(node), Self::new(node)) else {
            return Err(self);
        };
        if self.len() < 2 {
            return Err(self);
        }
        let mut left = self.len() / 2;
        second.appends = self.appends.split_off(left.min(self.appends.len()));
        left -= self.appends.len();
        second.answers = self.answers.split_off(left.min(self.answers.len()));
        left -= self.answers.len();
        second.offsets = self.offsets.split_off(left.min(self.offsets.len()));
        first.appends = self.appends;
        first.answers = self.answers;
        first.offsets = self.offsets;
        Ok([first, second])
    }

    /// Commits it; once, however often it is tried.
    pub(super) async fn commit(
        &self,
        client: &Client,
        history: &str,
        attempt: Attempt,
    ) -> Result<Committed, tokio_postgres::Error> {
        if self.has_events_alone() {
            return self.commit_events(client, history, attempt).await;
        }
        let columns = self.columns();
        let sql = "SELECT before, outcome, first, last, at FROM updraft.append($1::text::uuid, $2,
            $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)";
        let rows = client
            .query_typed(sql, &columns.parameters(&self.id, &history))
            .await?;
        Ok(rows.first().map(Committed::of).unwrap_or_default())
    }

    /// Whether whatever is in the journal, its events are appended, and nothing else happens.
    fn has_events_alone(&self) -> bool {
        let has_events_alone = |append: &Append| {
            append.once.is_none()
                && append.expect.is_none()
                && append.expect_keys.is_empty()
                && !append.events.is_empty()
        };
        let mut appends = self.appends.iter();
        self.answers.is_empty()
            && self.offsets.is_empty()
            && appends.all(|(append, _)| has_events_alone(append))
    }

    async fn commit_events(
        &self,
        client: &Client,
        history: &str,
        attempt: Attempt,
    ) -> Result<Committed, tokio_postgres::Error> {
        let mut columns = EventColumns::default();
        self.appends.iter().for_each(|(append, _)| columns.append(append));
        let sql =
            "SELECT before, at FROM updraft.append_events($1::text::uuid, $2, $3, $4, $5, $6, $7, $8, $9)";
        let is_retry = attempt == Attempt::Again;
        let rows = client
            .query_typed(sql, &columns.parameters(&self.id, &is_retry, &history))
            .await?;
        let lengths = self.appends.iter().map(|(append, _)| append.events.len());
        Ok(rows
            .first()
            .map_or_else(Committed::default, |row| Committed::of_events(row, lengths)))
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
                    traceparent: event.traceparent.clone(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    fn append(topic: &str, bytes: usize) -> Command {
        let append = Append {
            topic: topic.to_owned(),
            events: vec![Event::new("said").data(&"x".repeat(bytes)).unwrap()],
            ..Append::default()
        };
        Command::Append(append, oneshot::channel().0)
    }

    fn answer(key: &str) -> Command {
        let (key, answer) = (key.to_owned(), "1".to_owned());
        let reply = oneshot::channel().0;
        Command::Answer { key, answer, reply }
    }

    fn topics(batch: &Batch) -> Vec<&str> {
        batch.appends.iter().map(|(append, _)| &*append.topic).collect()
    }

    #[test]
    fn a_batch_ends_before_it_has_too_many_bytes_but_has_one_command() {
        let node = NodeId::random().unwrap();
        let sizes = [BYTES / 2, BYTES / 3, BYTES / 3, 2 * BYTES, 1];
        let mut waiting = sizes.map(|bytes| append("board", bytes)).into();
        let mut lengths = Vec::new();
        while !VecDeque::is_empty(&waiting) {
            lengths.push(Batch::of(&mut waiting, &node).unwrap().len());
        }
        assert_eq!(lengths, [2, 1, 1, 1]);
    }

    #[test]
    fn halves_have_all_commands_in_their_order_under_ids_of_their_own() {
        let mut waiting = ["a", "b", "c"].map(|topic| append(topic, 1)).into();
        VecDeque::extend(&mut waiting, [answer("d"), answer("e")]);
        let node = NodeId::random().unwrap();
        let whole = Batch::of(&mut waiting, &node).unwrap();
        let id = whole.id.clone();
        let Ok([first, second]) = whole.halves(&node) else {
            panic!("it has five");
        };
        assert_eq!((topics(&first), first.answers.len()), (vec!["a", "b"], 0));
        assert_eq!((topics(&second), second.answers.len()), (vec!["c"], 2));
        assert!(first.id != id && second.id != id && first.id != second.id);
        assert!([&id, &first.id, &second.id].into_iter().all(|id| node.made(id)));
        assert!(!NodeId::random().unwrap().made(&id));
        let Ok([third, fourth]) = second.halves(&node) else {
            panic!("it has three");
        };
        assert_eq!((topics(&third), third.answers.len()), (vec!["c"], 0));
        assert_eq!(
            fourth.answers.iter().map(|(key, ..)| &**key).collect::<Vec<_>>(),
            ["d", "e"]
        );
        assert!(third.halves(&node).is_err_and(|one| topics(&one) == ["c"]));
    }
}
