//! All topics of an app, and the one task that tells their readers what became durable.

use std::{collections::HashMap, fmt, future::Future, sync::Arc};

use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{frame::Frame, live::Live, topic::Topic};
use crate::{
    error::{CallError, Code, Result},
    journal::{Fence, Journal, JournalError, Tail},
};

/// The topics of an app over their journal.
pub struct Feed {
    journal: Arc<dyn Journal>,
    channels: Arc<Channels>,
    stop: CancellationToken,
    _stop_with_this: DropGuard,
}

type Channels = HashMap<Arc<str>, Arc<Channel>>;

/// A topic and its live end.
pub(super) struct Channel {
    pub(super) topic: Topic,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) live: Live,
}

impl Channel {
    pub(super) async fn fence(&self) -> Result<Fence> {
        self.journal
            .fence(&self.topic.name)
            .await
            .map_err(JournalError::refusal)
    }
}

impl Feed {
    /// Follows a journal from where it ends now, inside a tokio runtime.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub async fn start(journal: Arc<dyn Journal>, topics: Vec<Topic>) -> Result<Arc<Self>, JournalError> {
        // Before the fences are read, so that nothing falls in between.
        let tail = journal.tail();
        let mut channels = Channels::new();
        for topic in topics {
            let fence = journal.fence(&topic.name).await?;
            let channel = Channel {
                journal: journal.clone(),
                live: Live::new(fence.head),
                topic,
            };
            channels.insert(channel.topic.name.clone(), Arc::new(channel));
        }
        let channels = Arc::new(channels);
        let stop = CancellationToken::new();
        let this = Self {
            journal,
            channels: channels.clone(),
            stop: stop.clone(),
            _stop_with_this: stop.drop_guard(),
        };
        this.spawn(follow(tail, channels));
        Ok(Arc::new(this))
    }

    /// Runs a task for as long as the feed lives. What outlived it would hold the journal, and whoever opens the
    /// same one next would find it taken.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(self.stop.clone().run_until_cancelled_owned(task));
    }

    pub(super) fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.channels.values().map(|channel| &channel.topic)
    }

    pub(crate) fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }

    pub(super) fn channel(&self, topic: &str) -> Result<&Arc<Channel>> {
        self.channels.get(topic).ok_or_else(no_such_topic)
    }

    pub(super) fn is_declared(&self, topic: &str) -> bool {
        self.channels.contains_key(topic)
    }
}

/// What who asks is told of a topic that is not declared. Which ones are there is not told by it.
pub(super) fn no_such_topic() -> CallError {
    CallError::new(Code::Forbidden, "there is no such topic, or no right to it")
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.channels.keys()).finish()
    }
}

/// Puts what became durable at the live ends of its topics, and wakes their readers once a batch.
async fn follow(mut tail: Receiver<Tail>, channels: Arc<Channels>) {
    loop {
        match tail.recv().await {
            Ok(batch) => tell(&channels, &batch),
            Err(RecvError::Lagged(_)) => skip(&channels).await,
            Err(RecvError::Closed) => return,
        }
    }
}

fn tell(channels: &Channels, batch: &Tail) {
    let mut grown: Vec<&Channel> = Vec::new();
    for record in batch.iter() {
        let Some(channel) = channels.get(&*record.topic) else {
            continue;
        };
        match Frame::published(record) {
            Ok(frame) => channel.live.push(record.seq, frame),
            Err(error) => tracing::error!("an event in the journal is no JSON: {error}"),
        }
        if !grown.iter().any(|known| std::ptr::eq(*known, &**channel)) {
            grown.push(channel);
        }
    }
    grown.iter().for_each(|channel| channel.live.announce());
}

/// So much was appended that some was missed: readers find it in the journal.
async fn skip(channels: &Channels) {
    for channel in channels.values() {
        match channel.journal.fence(&channel.topic.name).await {
            Ok(fence) => channel.live.skip_to(fence.head),
            Err(error) => tracing::warn!("the journal is unavailable: {error}"),
        }
        channel.live.announce();
    }
}
