//! The queue of what a node says to others, bounded in bytes.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::timeout,
};

use crate::net::metrics::bus::BusCounts;

/// Capacity of a queue, in units of [`UNIT`] bytes, at least one a message.
pub(super) const MOST_UNITS: usize = 16 << 10;

/// Bytes of a message that take one unit of room.
const UNIT: usize = 1024;

/// How long a message waits for room.
const PATIENCE: Duration = Duration::from_secs(5);

/// What waits for longer for a server that is away is not said any more: sockets would hear it too late.
const STALE: Duration = Duration::from_secs(10);

/// The units of room that so many bytes take.
pub(super) fn units(bytes: usize) -> u32 {
    bytes.div_ceil(UNIT).clamp(1, MOST_UNITS) as u32
}

/// What the sender is to do.
pub(super) enum Command<T> {
    Say(Queued<T>),
    /// Tells when all before it is said, or lost.
    Flush(oneshot::Sender<()>),
    /// Connects, where there is no connection.
    #[cfg(feature = "redis")]
    Connect,
}

/// Something that is to be said.
pub(super) struct Queued<T> {
    message: T,
    since: Instant,
    room: OwnedSemaphorePermit,
}

/// The end of a queue that is filled.
pub(super) struct SendQueue<T> {
    commands: mpsc::UnboundedSender<Command<T>>,
    room: Arc<Semaphore>,
    /// Whether nothing is taken now.
    is_away: AtomicBool,
}

impl<T> SendQueue<T> {
    /// An empty one, and the end that the sender takes from.
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Command<T>>) {
        let (commands, waiting) = mpsc::unbounded_channel();
        let queue = Self {
            commands,
            room: Arc::new(Semaphore::new(MOST_UNITS)),
            is_away: AtomicBool::new(false),
        };
        (queue, waiting)
    }

    /// While the server is away, what is said is lost, and counted.
    pub(super) fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Release);
    }

    /// Queues a message of so many bytes, where it finds room in time.
    pub(super) async fn push(&self, message: T, bytes: usize, counts: &BusCounts) {
        if self.is_away.load(Ordering::Acquire) {
            counts.lost.away.inc();
            return;
        }
        let room = self.room.clone().acquire_many_owned(units(bytes));
        let Ok(Ok(room)) = timeout(PATIENCE, room).await else {
            counts.lost.queue_full.inc();
            return;
        };
        // It fails when the bus has ended.
        let _ = self.commands.send(Command::Say(Queued {
            message,
            since: Instant::now(),
            room,
        }));
    }

    /// Has the sender connect, before there is something to say.
    #[cfg(feature = "redis")]
    pub(super) fn connect(&self) {
        // It fails when the bus has ended.
        let _ = self.commands.send(Command::Connect);
    }

    /// Completes when all that was said before is sent, or lost.
    pub(super) async fn flushed(&self) {
        let (flush, flushed) = oneshot::channel();
        let _ = self.commands.send(Command::Flush(flush));
        let _ = flushed.await;
    }
}

/// The end of a queue that is emptied.
pub(super) trait Sender<T>: Send {
    /// Messages that it says at once, at most.
    const TOGETHER: usize;

    /// Completes when the server is there.
    fn ready(&mut self) -> impl Future<Output = ()> + Send;

    /// Says them, or loses them: said again, some might be heard twice.
    fn say(&mut self, messages: Vec<T>) -> impl Future<Output = ()> + Send;

    /// Begins anew.
    fn reconnect(&mut self) -> impl Future<Output = ()> + Send;
}

/// Says what waits, in its order, for as long as the bus is there.
pub(super) async fn drain<T: Send, S: Sender<T>>(
    mut waiting: mpsc::UnboundedReceiver<Command<T>>,
    mut sender: S,
    counts: BusCounts,
) {
    let mut commands = Vec::new();
    while waiting.recv_many(&mut commands, S::TOGETHER).await > 0 {
        let (mut queued, mut flushes) = (Vec::new(), Vec::new());
        for command in commands.drain(..) {
            match command {
                Command::Say(message) => queued.push(message),
                Command::Flush(flush) => flushes.push(flush),
                #[cfg(feature = "redis")]
                Command::Connect => sender.ready().await,
            }
        }
        if !queued.is_empty() {
            let saying = AssertUnwindSafe(say(&mut sender, queued, &counts));
            if saying.catch_unwind().await.is_err() {
                tracing::error!("what tells other nodes of emits panicked, and begins again");
                sender.reconnect().await;
            }
        }
        for flush in flushes {
            let _ = flush.send(());
        }
    }
}

async fn say<T: Send>(sender: &mut impl Sender<T>, mut queued: Vec<Queued<T>>, counts: &BusCounts) {
    sender.ready().await;
    let all = queued.len();
    queued.retain(|message| message.since.elapsed() < STALE);
    counts.lost.away.inc_by((all - queued.len()) as u64);
    // They have their room until they are said.
    let (messages, _rooms): (Vec<T>, Vec<_>) = queued
        .into_iter()
        .map(|queued| (queued.message, queued.room))
        .unzip();
    if !messages.is_empty() {
        sender.say(messages).await;
    }
}
