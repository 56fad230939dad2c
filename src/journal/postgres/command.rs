//! What the writer is asked to do.

use tokio::sync::oneshot;

use crate::{
    event::{Body, Event},
    journal::{
        contract::JournalError,
        record::{Append, Appended},
    },
};

pub(super) type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

/// One thing to commit, and its caller.
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

impl Command {
    /// Bytes that it counts as in a batch.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Append(append, _) => {
                let once = append.once.as_ref();
                let answer = once.and_then(|once| once.answer.as_deref());
                append.events.iter().map(size).sum::<usize>() + answer.map_or(0, str::len)
            }
            Self::Answer { answer, .. } => answer.len(),
            Self::CommitOffset { .. } => 0,
        }
    }
}

fn size(event: &Event) -> usize {
    let data = match &event.body {
        Body::Data(json) => json.len(),
        Body::Tombstone => 0,
    };
    event.name.len() + event.key.as_ref().map_or(0, |key| key.len()) + data
}
