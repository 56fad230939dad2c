//! What all streams of a server share: their limits, their counts, and that the server stops.

use std::{num::NonZeroU32, sync::OnceLock, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What all streams of a server share.
#[derive(Debug)]
pub(crate) struct Streaming {
    /// Open streams of one socket.
    pub(super) most: usize,
    /// Frames of a client that may be out on one stream.
    pub(super) window: NonZeroU32,
    /// Longest time for a client to do what the stream waits for.
    pub(super) idle: Duration,
    pub(crate) counts: StreamCounts,
    /// The server stops.
    pub(super) stopping: CancellationToken,
    /// Those that are open.
    pub(super) open: TaskTracker,
}

/// What is counted of streams.
#[derive(Debug)]
pub(crate) struct StreamCounts {
    /// Open streams.
    pub(crate) open: Gauge,
    /// Frames, by direction.
    pub(crate) frames: Family<Direction, Counter>,
    pub(super) sent: Counter,
    pub(super) received: Counter,
    /// Packets of clients for streams that are not open, and those that say nothing new.
    pub(crate) ignored: Counter,
    /// Streams that ended by a client's fault or its time-out.
    pub(crate) failed: Counter,
    /// Streams that a socket was not given as it has as many as it may.
    refused: OnceLock<Counter>,
}

/// Which way a frame goes.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(crate) struct Direction {
    direction: &'static str,
}

impl Default for StreamCounts {
    fn default() -> Self {
        let frames = Family::<Direction, Counter>::default();
        let of = |direction| frames.get_or_create_owned(&Direction { direction });
        Self {
            sent: of("sent"),
            received: of("received"),
            frames,
            open: Gauge::default(),
            ignored: Counter::default(),
            failed: Counter::default(),
            refused: OnceLock::new(),
        }
    }
}

impl StreamCounts {
    /// Counts there what is over the limit of a socket.
    pub(crate) fn count_refusals(&self, counter: Counter) {
        // Streams are those of one server.
        let _ = self.refused.set(counter);
    }

    pub(super) fn refused_one(&self) {
        if let Some(counter) = self.refused.get() {
            counter.inc();
        }
    }
}

impl Streaming {
    /// No streams.
    pub(in crate::call) fn none() -> Self {
        Self::new(0, NonZeroU32::MIN, Duration::ZERO)
    }

    /// Limits of streams, of which none was counted yet.
    pub(crate) fn new(most: usize, window: NonZeroU32, idle: Duration) -> Self {
        Self {
            most,
            window,
            idle,
            counts: StreamCounts::default(),
            stopping: CancellationToken::new(),
            open: TaskTracker::new(),
        }
    }

    /// Ends all streams; completes when each has ended.
    pub(crate) async fn stop(&self) {
        self.stopping.cancel();
        self.open.close();
        self.open.wait().await;
    }
}
