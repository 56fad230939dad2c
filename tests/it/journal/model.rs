//! What a journal should hold, kept as plainly as can be: every event that ever was, and a mark on those that a
//! compaction took.

use std::collections::{BTreeMap, BTreeSet};

use updraft::{
    Body,
    journal::{Appended, Cursor, JournalError, Record, Retention, SeenKey, StoredOutcome, TopicBounds},
};

use super::steps::Batch;

#[derive(Default)]
pub(super) struct Model {
    /// In the order of `seq`, without a gap: nothing ever leaves this.
    history: Vec<Record>,
    gone: BTreeSet<u64>,
    once: BTreeMap<String, StoredOutcome>,
    consumers: BTreeMap<(String, String), u64>,
}

/// What a reader shows who follows a topic: of each key the latest data.
pub(super) type Shown = BTreeMap<String, String>;

/// Shows one more event.
pub(super) fn show(shown: &mut Shown, record: &Record) {
    if let Some(key) = &record.key {
        match &record.body {
            Body::Data(data) => shown.insert(key.to_string(), data.to_string()),
            Body::Tombstone => shown.remove(&**key),
        };
    }
}

impl Model {
    pub(super) fn head(&self) -> u64 {
        self.history.len() as u64
    }

    /// What an append does, and what its caller is told; `time` is the store's to choose.
    pub(super) fn append(&mut self, batch: &Batch, time: u64) -> Result<Appended, JournalError> {
        if let Some(once) = &batch.once
            && let Some(before) = self.once.get(&once.key)
        {
            return match before.digest == once.digest {
                true => Ok(before.appended.clone()),
                false => Err(JournalError::OtherBody),
            };
        }
        let head = self.bounds(batch.topic).head;
        match batch.expect {
            Some(expected) if expected != head => {
                return Err(JournalError::Expectation { expected, head });
            }
            _ => {}
        }
        if let Some(seen) = batch
            .expect_keys
            .iter()
            .find(|seen| !self.is_as_seen(batch.topic, seen))
        {
            let SeenKey { key, up_to } = seen.clone();
            return Err(JournalError::Key { key, up_to });
        }
        let before = self.head();
        for (seq, planned) in (before + 1..).zip(&batch.events) {
            self.history.push(planned.record(batch.topic, seq, time));
        }
        let appended = Appended {
            first: if batch.events.is_empty() { head } else { before + 1 },
            last: if batch.events.is_empty() {
                head
            } else {
                self.head()
            },
            time,
            repeated: false,
        };
        if let Some(once) = batch.once.clone() {
            let stored = StoredOutcome {
                digest: once.digest,
                appended: Appended {
                    repeated: true,
                    ..appended.clone()
                },
                answer: once.answer,
            };
            self.once.insert(once.key, stored);
        }
        Ok(appended)
    }

    /// Whether a key has no event that its appender did not see. One that ended is as one that never was, and where its
    /// end may be among what is gone, it may have been that.
    fn is_as_seen(&self, topic: &str, seen: &SeenKey) -> bool {
        let of_key = self
            .ever(topic)
            .filter(|record| record.key.as_ref() == Some(&seen.key));
        let latest = of_key.last();
        match latest {
            _ if seen.up_to == 0 => latest.is_none_or(Record::is_tombstone),
            Some(latest) if !self.gone.contains(&latest.seq) => latest.seq <= seen.up_to,
            _ => self.bounds(topic).floor <= seen.up_to,
        }
    }

    pub(super) fn answer(&mut self, key: &str, answer: &str) {
        if let Some(stored) = self.once.get_mut(key) {
            stored.answer = Some(answer.to_owned());
        }
    }

    pub(super) fn stored_outcome(&self, key: &str) -> Option<StoredOutcome> {
        self.once.get(key).cloned()
    }

    pub(super) fn forget_all(&mut self) -> usize {
        std::mem::take(&mut self.once).len()
    }

    pub(super) fn commit_offset(&mut self, topic: &str, consumer: &str, seq: u64) {
        let stands = self
            .consumers
            .entry((topic.to_owned(), consumer.to_owned()))
            .or_default();
        *stands = seq.max(*stands);
    }

    pub(super) fn committed_offset(&self, topic: &str, consumer: &str) -> u64 {
        let consumer = (topic.to_owned(), consumer.to_owned());
        self.consumers.get(&consumer).copied().unwrap_or(0)
    }

    /// Every event that a topic ever had, those that went included.
    fn ever(&self, topic: &str) -> impl DoubleEndedIterator<Item = &Record> {
        self.history.iter().filter(move |record| &*record.topic == topic)
    }

    fn present(&self, topic: &str) -> impl DoubleEndedIterator<Item = &Record> {
        self.ever(topic).filter(|record| !self.gone.contains(&record.seq))
    }

    fn is_latest(&self, record: &Record) -> bool {
        self.ever(&record.topic)
            .all(|other| other.key != record.key || other.seq <= record.seq)
    }

    pub(super) fn bounds(&self, topic: &str) -> TopicBounds {
        let gone = self.ever(topic).filter(|record| self.gone.contains(&record.seq));
        TopicBounds {
            head: self.ever(topic).next_back().map_or(0, |record| record.seq),
            floor: gone.map(|record| record.seq).max().unwrap_or(0),
        }
    }

    pub(super) fn topics(&self) -> Vec<(String, TopicBounds)> {
        let names: BTreeSet<_> = self
            .history
            .iter()
            .map(|record| record.topic.to_string())
            .collect();
        names
            .into_iter()
            .map(|name| (name.clone(), self.bounds(&name)))
            .collect()
    }

    pub(super) fn read(&self, topic: &str, cursor: Cursor) -> Vec<Record> {
        page(self.present(topic), cursor)
    }

    pub(super) fn backlog(&self, topic: &str, cursor: Cursor) -> Vec<Record> {
        let is_wanted = |record: &&Record| match &record.key {
            None => true,
            Some(_) => self.is_latest(record) && !record.is_tombstone(),
        };
        page(self.present(topic).filter(is_wanted), cursor)
    }

    /// The events that go, and their bytes. Of a `Retention` whose durations are either nothing or for ever.
    pub(super) fn compact(&mut self, topic: &str, keep: &Retention) -> (u64, u64) {
        if !keep.least.is_zero() {
            return (0, 0);
        }
        let (mut loose, mut loose_bytes) = (0, 0);
        let mut victims = Vec::new();
        for record in self.present(topic).rev() {
            let goes = if record.key.is_none() {
                loose += 1;
                loose_bytes += record.size() as u64;
                keep.age.is_some_and(|age| age.is_zero())
                    || keep.events.is_some_and(|most| loose > most)
                    || keep.bytes.is_some_and(|most| loose_bytes > most)
            } else {
                !self.is_latest(record) || (record.is_tombstone() && keep.tombstones.is_zero())
            };
            if goes {
                victims.push((record.seq, record.size() as u64));
            }
        }
        self.gone.extend(victims.iter().map(|(seq, _)| seq));
        (victims.len() as u64, victims.iter().map(|(_, bytes)| bytes).sum())
    }

    /// What the whole history of a topic shows.
    pub(super) fn shown(&self, topic: &str) -> Shown {
        let mut shown = Shown::new();
        self.ever(topic).for_each(|record| show(&mut shown, record));
        shown
    }

    /// Every event above a sequence number, over all topics.
    pub(super) fn above(&self, seq: u64) -> &[Record] {
        &self.history[seq as usize..]
    }
}

fn page<'a>(records: impl Iterator<Item = &'a Record>, cursor: Cursor) -> Vec<Record> {
    let mut page: Vec<Record> = Vec::new();
    for record in records {
        let bytes: usize = page.iter().map(Record::size).sum();
        let is_full = page.len() >= cursor.events || (!page.is_empty() && bytes >= cursor.bytes);
        if !is_full && record.seq > cursor.after && record.seq <= cursor.up_to {
            page.push(record.clone());
        }
    }
    page
}
