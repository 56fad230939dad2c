//! The heads of topics, in memory: they are read before each look at a projection.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use bytestring::ByteString;

use crate::journal::record::Record;

/// The ends of the topics that were appended to, or asked for, since the journal was opened.
#[derive(Clone, Default)]
pub(super) struct Heads(Arc<RwLock<HashMap<ByteString, u64>>>);

impl Heads {
    /// These became durable. Their appends are answered after this.
    pub(super) fn advance(&self, records: &[Arc<Record>]) {
        let mut heads = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // The records of a topic are mostly neighbours, and the last of them counts.
        for neighbours in records.chunk_by(|one, next| one.topic == next.topic) {
            if let Some(last) = neighbours.last() {
                raise(&mut heads, &last.topic, last.seq);
            }
        }
    }

    /// A topic was found to end here.
    pub(super) fn learn(&self, topic: &ByteString, head: u64) {
        let mut heads = self.0.write().unwrap_or_else(PoisonError::into_inner);
        raise(&mut heads, topic, head);
    }

    /// Where a topic ends; `None` where that is in the file only.
    pub(super) fn of(&self, topic: &str) -> Option<u64> {
        let heads = self.0.read().unwrap_or_else(PoisonError::into_inner);
        heads.get(topic).copied()
    }
}

fn raise(heads: &mut HashMap<ByteString, u64>, topic: &ByteString, seq: u64) {
    match heads.get_mut(topic) {
        Some(head) => *head = seq.max(*head),
        None => drop(heads.insert(topic.clone(), seq)),
    }
}
