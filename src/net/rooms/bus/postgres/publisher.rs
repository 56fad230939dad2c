//! The queue of what a node says, bounded.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};

use super::{
    channel,
    notification::{Command, Queued},
};
use crate::net::{
    metrics::bus::BusCounts,
    rooms::bus::cluster::{ClusterMessage, encode::encode, roster::Roster},
};

/// Capacity for what is said and not sent yet, in units of [`UNIT`] bytes, at least one a message.
const MOST_UNITS: usize = 16 << 10;

/// Bytes of a message that take one unit of room.
const UNIT: usize = 1024;

/// How long a message waits for room.
const PATIENCE: Duration = Duration::from_secs(5);

/// Queues what a node says: its app's emits, and heartbeats.
pub(super) struct Publisher {
    pub(super) uid: String,
    pub(super) roster: Roster,
    commands: mpsc::UnboundedSender<Command>,
    room: Arc<Semaphore>,
    /// Whether the database does not take anything now.
    pub(super) is_away: AtomicBool,
    pub(super) counts: BusCounts,
}

impl Publisher {
    /// One of a node whose name is new, and the queue that it fills.
    pub(super) fn new() -> Result<(Self, mpsc::UnboundedReceiver<Command>), getrandom::Error> {
        let (commands, waiting) = mpsc::unbounded_channel();
        let publisher = Self {
            uid: uid()?,
            roster: Roster::default(),
            commands,
            room: Arc::new(Semaphore::new(MOST_UNITS)),
            is_away: AtomicBool::new(false),
            counts: BusCounts::default(),
        };
        Ok((publisher, waiting))
    }

    /// Queues a message, where it finds room in time.
    pub(super) async fn publish(&self, namespace: &str, message: &ClusterMessage) {
        let lost = &self.counts.lost;
        let Some(channel) = channel::of(namespace) else {
            // Said once, where it is joined.
            lost.malformed.inc();
            return;
        };
        let queued = encode(&self.uid, namespace, message)
            .ok()
            .and_then(|encoded| Queued::new(channel, encoded, &self.uid));
        let Some(mut queued) = queued else {
            tracing::warn!(namespace, "a message to other nodes could not be written");
            lost.malformed.inc();
            return;
        };
        if self.is_away.load(Ordering::Acquire) {
            lost.away.inc();
            return;
        }
        let units = queued.size().div_ceil(UNIT).clamp(1, MOST_UNITS) as u32;
        let room = self.room.clone().acquire_many_owned(units);
        let Ok(Ok(room)) = timeout(PATIENCE, room).await else {
            lost.queue_full.inc();
            return;
        };
        queued.takes(room);
        // It fails when the bus has ended.
        let _ = self.commands.send(Command::Say(queued));
    }

    /// Completes when all that was said before is sent, or lost.
    pub(super) async fn flushed(&self) {
        let (flush, flushed) = oneshot::channel();
        let _ = self.commands.send(Command::Flush(flush));
        let _ = flushed.await;
    }
}

/// The name of a node: 16 hexadecimal digits.
fn uid() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}
