//! What a node says, written and queued.

use tokio::sync::mpsc;

use super::{channel, notification::Outgoing, outage::Outage};
use crate::net::{
    metrics::bus::BusCounts,
    rooms::bus::{
        cluster::{ClusterMessage, encode::encode, roster::Roster},
        send_queue::{Command, SendQueue},
    },
};

/// Queues what a node says: its app's emits, and heartbeats.
pub(super) struct Publisher {
    pub(super) uid: String,
    pub(super) roster: Roster,
    pub(super) queue: SendQueue<Outgoing>,
    pub(super) counts: BusCounts,
    pub(super) outage: Outage,
}

impl Publisher {
    /// One of a node whose name is new, and the queue that it fills.
    pub(super) fn new() -> Result<(Self, mpsc::UnboundedReceiver<Command<Outgoing>>), getrandom::Error> {
        let (queue, waiting) = SendQueue::new();
        let publisher = Self {
            uid: uid()?,
            roster: Roster::default(),
            queue,
            counts: BusCounts::default(),
            outage: Outage::default(),
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
        let said = encode(&self.uid, namespace, message)
            .ok()
            .and_then(|encoded| Outgoing::new(channel, encoded, &self.uid));
        let Some(said) = said else {
            tracing::warn!(namespace, "a message to other nodes could not be written");
            lost.malformed.inc();
            return;
        };
        let size = said.size();
        self.queue.push(said, size, &self.counts).await;
    }
}

/// The name of a node: 16 hexadecimal digits.
fn uid() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}
