//! A batch as the function of the database takes it: column by column.

use std::{borrow::Cow, collections::HashMap};

use tokio_postgres::types::{ToSql, Type};

use super::text::escaped;
use crate::{
    event::{Body, Event},
    journal::record::Append,
};

/// The same or the most that the database can say.
pub(super) fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A batch of events alone, each with the number of its topic.
#[derive(Default)]
pub(super) struct EventColumns<'a> {
    topics: Vec<Cow<'a, str>>,
    numbers: HashMap<&'a str, i32>,
    of: Vec<i32>,
    names: Vec<&'a str>,
    keys: Vec<Option<Cow<'a, str>>>,
    data: Vec<Option<&'a str>>,
    traceparents: Traceparents<'a>,
}

/// Of the events up to the last that has one. Where no event is traced there is no array, which costs the database nothing.
#[derive(Default)]
struct Traceparents<'a>(Option<Vec<Option<&'a str>>>);

impl<'a> Traceparents<'a> {
    /// Of the event behind so many.
    fn push(&mut self, events: usize, event: &'a Event) {
        if let Some(traceparent) = &event.traceparent {
            let traceparents = self.0.get_or_insert_default();
            traceparents.resize(events, None);
            traceparents.push(Some(traceparent));
        }
    }
}

impl<'a> EventColumns<'a> {
    pub(super) fn append(&mut self, append: &'a Append) {
        let number = *self.numbers.entry(&append.topic).or_insert_with(|| {
            self.topics.push(escaped(&append.topic));
            self.topics.len() as i32
        });
        for event in &append.events {
            self.traceparents.push(self.of.len(), event);
            self.of.push(number);
            self.names.push(&event.name);
            self.keys.push(event.key.as_deref().map(escaped));
            self.data.push(data(&event.body));
        }
    }

    /// All of them, in the order of `updraft.append_events`.
    pub(super) fn parameters<'b>(
        &'b self,
        id: &'b String,
        is_retry: &'b bool,
        history: &'b &str,
    ) -> [(&'b (dyn ToSql + Sync), Type); 9] {
        [
            (id, Type::TEXT),
            (is_retry, Type::BOOL),
            (history, Type::TEXT),
            (&self.topics, Type::TEXT_ARRAY),
            (&self.of, Type::INT4_ARRAY),
            (&self.names, Type::TEXT_ARRAY),
            (&self.keys, Type::TEXT_ARRAY),
            (&self.data, Type::TEXT_ARRAY),
            (&self.traceparents.0, Type::TEXT_ARRAY),
        ]
    }
}

/// None is a tombstone's.
fn data(body: &Body) -> Option<&str> {
    match body {
        Body::Data(json) => Some(json),
        Body::Tombstone => None,
    }
}

/// A batch as the function takes it, column by column.
#[derive(Default)]
pub(super) struct Columns<'a> {
    topics: Vec<Cow<'a, str>>,
    counts: Vec<i32>,
    expects: Vec<Option<i64>>,
    once: Vec<Option<Cow<'a, str>>>,
    digests: Vec<Option<i64>>,
    answers: Vec<Option<&'a str>>,
    appends: Vec<i32>,
    names: Vec<&'a str>,
    keys: Vec<Option<Cow<'a, str>>>,
    data: Vec<Option<&'a str>>,
    traceparents: Traceparents<'a>,
    seen_by: Vec<i32>,
    seen_number: Vec<i32>,
    seen: Vec<Cow<'a, str>>,
    seen_up_to: Vec<i64>,
    answered: Vec<Cow<'a, str>>,
    replies: Vec<&'a str>,
    consumed: Vec<Cow<'a, str>>,
    consumers: Vec<Cow<'a, str>>,
    offsets: Vec<i64>,
}

impl<'a> Columns<'a> {
    /// The append of this number, from 1 on.
    pub(super) fn append(&mut self, number: i32, append: &'a Append) {
        self.topics.push(escaped(&append.topic));
        self.counts.push(append.events.len() as i32);
        self.expects.push(append.expect.map(bound));
        let once = append.once.as_ref();
        self.once.push(once.map(|once| escaped(&once.key)));
        self.digests.push(once.map(|once| once.digest.cast_signed()));
        self.answers.push(once.and_then(|once| once.answer.as_deref()));
        for event in &append.events {
            self.traceparents.push(self.appends.len(), event);
            self.appends.push(number);
            self.names.push(&event.name);
            self.keys.push(event.key.as_deref().map(escaped));
            self.data.push(data(&event.body));
        }
        for (nth, seen) in (1..).zip(&append.expect_keys) {
            self.seen_by.push(number);
            self.seen_number.push(nth);
            self.seen.push(escaped(&seen.key));
            self.seen_up_to.push(bound(seen.up_to));
        }
    }

    /// A reply to store.
    pub(super) fn answer(&mut self, key: &'a str, answer: &'a str) {
        self.answered.push(escaped(key));
        self.replies.push(answer);
    }

    /// The offset of a consumer.
    pub(super) fn offset(&mut self, topic: &'a str, consumer: &'a str, seq: u64) {
        self.consumed.push(escaped(topic));
        self.consumers.push(escaped(consumer));
        self.offsets.push(bound(seq));
    }

    /// All of them, in the function's order.
    pub(super) fn parameters<'b>(
        &'b self,
        id: &'b String,
        history: &'b &str,
    ) -> Vec<(&'b (dyn ToSql + Sync), Type)> {
        vec![
            (id, Type::TEXT),
            (history, Type::TEXT),
            (&self.topics, Type::TEXT_ARRAY),
            (&self.counts, Type::INT4_ARRAY),
            (&self.expects, Type::INT8_ARRAY),
            (&self.once, Type::TEXT_ARRAY),
            (&self.digests, Type::INT8_ARRAY),
            (&self.answers, Type::TEXT_ARRAY),
            (&self.appends, Type::INT4_ARRAY),
            (&self.names, Type::TEXT_ARRAY),
            (&self.keys, Type::TEXT_ARRAY),
            (&self.data, Type::TEXT_ARRAY),
            (&self.seen_by, Type::INT4_ARRAY),
            (&self.seen_number, Type::INT4_ARRAY),
            (&self.seen, Type::TEXT_ARRAY),
            (&self.seen_up_to, Type::INT8_ARRAY),
            (&self.answered, Type::TEXT_ARRAY),
            (&self.replies, Type::TEXT_ARRAY),
            (&self.consumed, Type::TEXT_ARRAY),
            (&self.consumers, Type::TEXT_ARRAY),
            (&self.offsets, Type::INT8_ARRAY),
            (&self.traceparents.0, Type::TEXT_ARRAY),
        ]
    }
}
