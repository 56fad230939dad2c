//! A topic as a stream, for a function that streams it to its caller.

use std::{sync::Arc, vec};

use futures_util::{Stream, stream};

use super::{
    subscribe::{admit, wait_after},
    subscription::Subscription,
};
use crate::{
    call::{context::Context, extract::Json, identity::Identity, written::Written},
    error::Result,
    event::Position,
    feed::{
        channels::{Feed, no_such_topic},
        topic::frame::Frame,
    },
    journal::JournalError,
};

impl Context {
    /// A topic as a subscriber gets it, packet by packet: `topic.start`, the backlog, `topic.live`, and then each event as soon as it
    /// is durable, without an end. After `since` where all beyond it is still there, else from the beginning, compacted. It
    /// is read as it is polled: a slow reader falls behind, and costs no memory.
    ///
    /// The topic's guard is asked now, and again before the next packet where the caller's identity has changed; an error is
    /// the last item.
    ///
    /// ```
    /// use futures_util::Stream;
    /// use updraft::{Context, Frames, Json, Module, Result, payload::Written};
    ///
    /// async fn follow(Json(topic): Json<String>, cx: Context) -> Result<Frames<impl Stream<Item = Result<Json<Written>>>>> {
    ///     cx.topic_stream(&topic, None).await.map(Frames)
    /// }
    /// let module = Module::new("api.topics").on("follow", follow);
    /// ```
    ///
    /// # Errors
    /// What the guard answers; [`Code::Forbidden`](crate::Code::Forbidden) where no such topic is declared,
    /// [`Code::Unavailable`](crate::Code::Unavailable) where the journal cannot be read.
    ///
    /// # Cancellation
    /// To drop the stream ends the reading, and frees what it holds. An item that was waited for and did not come is the next one; a new stream
    /// `since` the last position goes on without a gap.
    pub async fn topic_stream(
        &self,
        topic: &str,
        since: Option<&Position>,
    ) -> Result<impl Stream<Item = Result<Json<Written>>> + Send + use<>> {
        let feed = self.state::<Feed>().ok_or_else(no_such_topic)?;
        // Before the guard is asked: one that changes meanwhile is asked about again.
        let identity = self.identity();
        let channel = admit(&feed, self, topic).await?;
        let (subscription, start) = Subscription::begin(channel, since)
            .await
            .map_err(JournalError::refusal)?;
        let reading = Reading {
            feed,
            cx: self.clone(),
            topic: topic.to_owned(),
            identity,
            subscription,
            read: vec![start.frame()?].into_iter(),
        };
        Ok(stream::try_unfold(reading, |mut reading| async move {
            let frame = reading.next().await?;
            Ok(Some((Json(frame), reading)))
        }))
    }
}

/// A function's place in a topic.
struct Reading {
    feed: Arc<Feed>,
    cx: Context,
    topic: String,
    /// Of whom the guard was asked.
    identity: Identity,
    subscription: Subscription,
    /// What was read, and not given yet.
    read: vec::IntoIter<Frame>,
}

impl Reading {
    async fn next(&mut self) -> Result<Frame> {
        loop {
            if let Some(frame) = self.read.next() {
                self.ask_again().await?;
                return Ok(frame);
            }
            match self.subscription.pull().await {
                Ok(frames) => self.read = frames.into_iter(),
                Err(failure) => {
                    if let Some(broken) = wait_after(failure).await {
                        return Err(broken.refusal());
                    }
                }
            }
        }
    }

    /// Asks the guard about an identity that is new.
    async fn ask_again(&mut self) -> Result<()> {
        let identity = self.cx.identity();
        if identity != self.identity {
            admit(&self.feed, &self.cx, &self.topic).await?;
            self.identity = identity;
        }
        Ok(())
    }
}
