//! Fan-out of broadcasts. Each core delivers to its own sockets, in the order of the emits; several emits in a row
//! are one write per socket.

use std::{
    slice::{Chunks, from_ref},
    sync::Arc,
    time::Duration,
};

use tokio::{
    runtime::{Handle, Id},
    sync::{
        OwnedSemaphorePermit, Semaphore,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
    task::yield_now,
};

use super::event::{EncodedEvent, EventBatch, EventSink};
use crate::{
    call::{
        payload::{Arguments, WrittenName},
        peer::{Ack, Outgoing},
    },
    net::{engineio::MANY, metrics::Missed},
};

/// Capacity for emits that are not delivered yet, in units of [`UNIT`] bytes, at least one per emit. Further emits
/// wait.
const MOST_UNITS: usize = 16 << 10;

/// Bytes of an emit that take one unit of room.
const UNIT: usize = 1024;

/// Events that a core takes from its queue at once.
const AT_ONCE: usize = 256;

/// Recipients that are served before other tasks of their core run.
const IN_A_ROW: usize = 64;

/// A socket in a room, and its core.
#[derive(Clone)]
pub(in crate::net) struct Recipient {
    pub(in crate::net) number: u64,
    pub(in crate::net) core: usize,
    pub(in crate::net) sink: Arc<dyn EventSink>,
}

impl Recipient {
    /// Asks it, and waits for its ack.
    pub(in crate::net) async fn ask(
        &self,
        event: WrittenName<&str>,
        data: Outgoing<'_>,
        wait: Duration,
    ) -> Ack<Arguments> {
        Ack {
            socket: self.sink.id().clone(),
            result: self.sink.clone().ask(event, data, wait).await,
        }
    }
}

/// Sockets of a namespace at one moment, by their cores.
pub(in crate::net) struct RoomSnapshot {
    namespace: Arc<str>,
    recipients: Vec<Vec<Recipient>>,
}

impl RoomSnapshot {
    pub(in crate::net) fn new<'a>(
        namespace: &Arc<str>,
        recipients: impl Iterator<Item = &'a Recipient>,
        cores: usize,
    ) -> Self {
        let mut snapshot = vec![Vec::new(); cores.max(1)];
        for recipient in recipients {
            if let Some(here) = snapshot.get_mut(recipient.core) {
                here.push(recipient.clone());
            }
        }
        Self {
            namespace: namespace.clone(),
            recipients: snapshot,
        }
    }

    pub(in crate::net) fn recipients(&self) -> impl Iterator<Item = &Recipient> {
        self.recipients.iter().flatten()
    }

    fn on(&self, core: usize) -> Chunks<'_, Recipient> {
        self.recipients
            .get(core)
            .map_or(&[][..], Vec::as_slice)
            .chunks(IN_A_ROW)
    }

    fn has_any_on(&self, core: usize) -> bool {
        self.recipients.get(core).is_some_and(|here| !here.is_empty())
    }
}

/// One emit to many sockets.
struct Broadcast {
    snapshot: Arc<RoomSnapshot>,
    emit: EncodedEvent,
    /// The socket whose function emits it, and which does not receive it.
    by: Option<u64>,
    /// Released when all cores have delivered it.
    _room: Option<OwnedSemaphorePermit>,
}

enum Delivery {
    Event(Arc<Broadcast>),
    /// All before it is delivered.
    Flush(oneshot::Sender<()>),
}

/// The queues from emitting sockets to the cores that deliver.
pub(in crate::net) struct Deliveries {
    cores: Vec<Core>,
    /// Where functions run that keep their thread for long.
    apart: Option<Id>,
    room: Arc<Semaphore>,
    missed: Missed,
}

struct Core {
    runtime: Handle,
    deliveries: UnboundedSender<Delivery>,
}

impl Deliveries {
    pub(in crate::net) fn new<'a>(
        cores: impl Iterator<Item = &'a Handle>,
        apart: Option<&Handle>,
        missed: Missed,
    ) -> Self {
        let begin = |(core, runtime): (usize, &Handle)| {
            let (deliveries, arriving) = unbounded_channel();
            runtime.spawn(deliver(core, arriving, missed.clone()));
            Core {
                runtime: runtime.clone(),
                deliveries,
            }
        };
        Self {
            cores: cores.enumerate().map(begin).collect(),
            apart: apart.map(Handle::id),
            room: Arc::new(Semaphore::new(MOST_UNITS)),
            missed,
        }
    }

    /// How many cores there are.
    pub(in crate::net) fn cores(&self) -> usize {
        self.cores.len()
    }

    /// The core that this is called on.
    pub(in crate::net) fn core(&self) -> usize {
        let here = Handle::try_current().map(|here| here.id()).ok();
        let is_here = |core: &Core| Some(core.runtime.id()) == here;
        self.cores.iter().position(is_here).unwrap_or_default()
    }

    /// Emits to all of a snapshot but the socket whose function emits. Waits where too much is on its way.
    pub(in crate::net) async fn publish(
        &self,
        snapshot: Arc<RoomSnapshot>,
        emit: EncodedEvent,
        by: Option<u64>,
    ) {
        let units = emit.size().div_ceil(UNIT).clamp(1, MOST_UNITS) as u32;
        let emits = Arc::new(Broadcast {
            _room: self.room.clone().acquire_many_owned(units).await.ok(),
            snapshot,
            emit,
            by,
        });
        if self.cores.is_empty() {
            return deliver_to(0, from_ref(&emits), &self.missed).await;
        }
        for (number, core) in self.cores.iter().enumerate() {
            if emits.snapshot.has_any_on(number) {
                // A closed queue: the runtime has ended.
                let _ = core.deliveries.send(Delivery::Event(emits.clone()));
            }
        }
    }

    /// Completes when all earlier emits are delivered.
    pub(in crate::net) async fn delivered(&self) {
        let cores: Vec<_> = self.cores.iter().map(Core::flush).collect();
        for done in cores {
            let _ = done.await;
        }
    }

    /// The same as far as a function could say something else to one of them: on the core where it runs, which is that of its
    /// caller; on all, where it runs apart.
    pub(in crate::net) async fn settled_here(&self) {
        let Ok(here) = Handle::try_current().map(|here| here.id()) else {
            return;
        };
        if let Some(core) = self.cores.iter().find(|core| core.runtime.id() == here) {
            let _ = core.flush().await;
        } else if self.apart == Some(here) {
            self.delivered().await;
        }
    }
}

impl Core {
    fn flush(&self) -> oneshot::Receiver<()> {
        let (delivered, done) = oneshot::channel();
        let _ = self.deliveries.send(Delivery::Flush(delivered));
        done
    }
}

/// Delivers what arrives at a core, until all senders are dropped.
async fn deliver(core: usize, mut arriving: UnboundedReceiver<Delivery>, missed: Missed) {
    let mut arrived = Vec::new();
    while arriving.recv_many(&mut arrived, AT_ONCE).await > 0 {
        let mut emits = Vec::new();
        for delivery in arrived.drain(..) {
            match delivery {
                Delivery::Event(one) => emits.push(one),
                Delivery::Flush(delivered) => {
                    deliver_batch(core, &mut emits, &missed).await;
                    let _ = delivered.send(());
                }
            }
        }
        deliver_batch(core, &mut emits, &missed).await;
    }
}

/// Delivers emits, consecutive ones to the same snapshot together.
async fn deliver_batch(core: usize, emits: &mut Vec<Arc<Broadcast>>, missed: &Missed) {
    while let Some(first) = emits.first() {
        let mut bytes = 0;
        let together = emits.iter().take_while(|one| {
            bytes += one.emit.size();
            Arc::ptr_eq(&one.snapshot, &first.snapshot) && (bytes < MANY || Arc::ptr_eq(one, first))
        });
        let together: Vec<_> = emits.drain(..together.count()).collect();
        deliver_to(core, &together, missed).await;
        yield_now().await;
    }
}

/// Delivers emits to one snapshot.
async fn deliver_to(core: usize, emits: &[Arc<Broadcast>], missed: &Missed) {
    let Some(first) = emits.first() else {
        return;
    };
    let all: Vec<_> = emits.iter().map(|one| &one.emit).collect();
    let namespace = &*first.snapshot.namespace;
    let all = EventBatch::new(namespace, &all);
    let mut rows = first.snapshot.on(core).peekable();
    while let Some(row) = rows.next() {
        for recipient in row {
            if emits.iter().any(|one| one.by == Some(recipient.number)) {
                let others: Vec<_> = emits
                    .iter()
                    .filter(|one| one.by != Some(recipient.number))
                    .map(|one| &one.emit)
                    .collect();
                offer(recipient, &EventBatch::new(namespace, &others), missed);
            } else {
                offer(recipient, &all, missed);
            }
        }
        if rows.peek().is_some() {
            yield_now().await;
        }
    }
}

fn offer(recipient: &Recipient, emits: &EventBatch<'_>, missed: &Missed) {
    let dropped = recipient.sink.clone().offer(emits);
    if dropped.volatile > 0 {
        missed.volatile.inc_by(dropped.volatile);
    }
    if dropped.queue_full > 0 {
        missed.queue_full.inc_by(dropped.queue_full);
        tracing::debug!(
            missed = dropped.queue_full,
            "a socket whose send queue is full missed broadcasts"
        );
    }
}
