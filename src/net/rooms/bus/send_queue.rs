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
    /// Whether something found no room, which is logged once until all that waits is said.
    is_full: AtomicBool,
}

impl<T> SendQueue<T> {
    /// An empty one, and the end that the sender takes from.
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Command<T>>) {
        let (commands, waiting) = mpsc::unbounded_channel();
        let queue = Self {
            commands,
            room: Arc::new(Semaphore::new(MOST_UNITS)),
            is_away: AtomicBool::new(false),
            is_full: AtomicBool::new(false),
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
        let wanted = units(bytes);
        let room = self.room.clone().acquire_many_owned(wanted);
        let Ok(Ok(room)) = timeout(PATIENCE, room).await else {
            counts.lost.queue_full.inc();
            return self.begins_to_lose();
        };
        if self.room.available_permits() + wanted as usize == MOST_UNITS {
            self.loses_no_more();
        }
        // It fails when the bus has ended.
        let _ = self.commands.send(Command::Say(Queued {
            message,
            since: Instant::now(),
            room,
        }));
    }

    fn begins_to_lose(&self) {
        if !self.is_full.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "other nodes are not told of some emits to rooms: more is said than the bus carries"
            );
        }
    }

    /// Nothing waits any more: where room comes and goes, not each emit that finds some is a line of the log.
    fn loses_no_more(&self) {
        if self.is_full.swap(false, Ordering::Relaxed) {
            tracing::info!("other nodes are told of all emits to rooms again: the bus carries what is said");
        }
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

#[cfg(test)]
mod tests {
    use std::io;

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    /// What is logged, line by line.
    #[derive(Clone, Default)]
    struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

    impl Log {
        fn lines(&self) -> Vec<String> {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            text.lines().map(str::to_owned).collect()
        }
    }

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Log {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_message_that_finds_no_room_is_counted_and_the_first_is_logged_until_nothing_waits() {
        const FULL: &str = "other nodes are not told of some emits";
        const OVER: &str = "other nodes are told of all emits";
        let log = Log::default();
        let format = tracing_subscriber::fmt().with_writer(log.clone()).finish();
        let _logged = tracing::subscriber::set_default(format);
        let counts = BusCounts::default();
        let (queue, mut waiting) = SendQueue::new();
        let half = MOST_UNITS * UNIT / 2;
        let lost = || counts.lost.queue_full.get();
        for _ in 0..2 {
            queue.push((), half, &counts).await;
        }
        assert_eq!((lost(), log.lines().len()), (0, 0), "there was room");
        for _ in 0..3 {
            queue.push((), 1, &counts).await;
        }
        assert_eq!(lost(), 3);
        // Some room comes, and goes again.
        drop(waiting.recv().await);
        queue.push((), half, &counts).await;
        queue.push((), 1, &counts).await;
        assert_eq!(lost(), 4);
        let said = log.lines();
        assert!(said.len() == 1 && said[0].contains(FULL), "{said:?}");

        while waiting.try_recv().is_ok() {}
        for _ in 0..2 {
            queue.push((), 1, &counts).await;
        }
        let said = log.lines();
        assert!(said.len() == 2 && said[1].contains(OVER), "{said:?}");
        queue.push((), MOST_UNITS * UNIT, &counts).await;
        let said = log.lines();
        assert!(
            said.len() == 3 && said[2].contains(FULL),
            "it is another time: {said:?}"
        );
        assert_eq!((lost(), counts.lost.away.get()), (5, 0));
    }
}
