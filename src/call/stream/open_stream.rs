//! A stream from its opening to its end: the credit of both directions, and why it ends.

mod incoming;

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use bytestring::ByteString;
use tokio::{
    sync::{Notify, oneshot},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::task_tracker::TaskTrackerToken};

use super::{
    opening::Opening,
    packet::{self, Body, Form, Packet},
    receiving::{Receiving, invalid},
    streaming::Streaming,
    table::Table,
    window::SendWindow,
};
use crate::{
    call::{conduct::Conduct, peer::Peer, target::Target},
    error::{CallError, Code, Result},
};

/// Before a packet is tried again that found no room.
const AFTER_FAILURE: std::time::Duration = std::time::Duration::from_secs(1);

/// A stream that a call opened.
pub struct OpenStream {
    pub(in crate::call) name: ByteString,
    form: Form,
    after: Option<u64>,
    peer: Arc<dyn Peer>,
    streaming: Arc<Streaming>,
    /// Of the function that it is of.
    conduct: Arc<Conduct>,
    sending: Mutex<SendWindow>,
    /// A credit came.
    credited: Notify,
    /// While the function takes frames.
    receiving: Mutex<Option<Receiving>>,
    /// Completes with the first credit, where the function takes frames.
    granted: Mutex<Option<oneshot::Receiver<()>>>,
    ended: CancellationToken,
    /// Why, where it has not just ended.
    why: OnceLock<CallError>,
    /// Held until it is closed.
    open: Mutex<Option<TaskTrackerToken>>,
    /// Whether the function's frames outlive its call.
    feeds: AtomicBool,
}

/// Those of a socket.
pub(crate) type OpenStreams = Table<OpenStream>;

/// A stream that is closed when this is dropped.
pub(in crate::call) struct Closing(pub(in crate::call) Arc<OpenStream>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl OpenStream {
    /// Opens a stream of a socket.
    ///
    /// # Errors
    /// [`Code::Conflict`] where one of its name is open, [`Code::Overloaded`] where so many are, [`Code::Unavailable`] where the
    /// server stops.
    pub(in crate::call) fn open(
        peer: Arc<dyn Peer>,
        streaming: &Arc<Streaming>,
        conduct: &Arc<Conduct>,
        opening: Opening,
    ) -> Result<Arc<Self>> {
        if streaming.stopping.is_cancelled() {
            return Err(stopping());
        }
        let Opening {
            name,
            window,
            after,
            form,
        } = opening;
        let streams = peer.data().get_or_default::<OpenStreams>();
        let this = Arc::new(Self {
            name,
            form,
            after,
            peer,
            sending: Mutex::new(SendWindow::new(after.unwrap_or_default(), window)),
            credited: Notify::new(),
            receiving: Mutex::default(),
            granted: Mutex::default(),
            ended: CancellationToken::new(),
            why: OnceLock::new(),
            open: Mutex::default(),
            feeds: AtomicBool::new(false),
            streaming: streaming.clone(),
            conduct: conduct.clone(),
        });
        if let Err(refused) = streams.enter(&this.name, &this, streaming.most) {
            streaming.counts.refused_one();
            return Err(refused);
        }
        *lock(&this.open) = Some(streaming.open.token());
        streaming.counts.open.inc();
        Ok(this)
    }

    /// The first frame that the client lacks, where it had some.
    pub(in crate::call) fn after(&self) -> Option<u64> {
        self.after
    }

    /// What comes of the call that opened it, as long as it goes on. It is closed then, unless the function's frames go on.
    ///
    /// # Errors
    /// Those of the call; why the stream ended.
    pub(in crate::call) async fn opened_by<T>(
        self: Arc<Self>,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let unfed = Unfed(&self);
        let result = tokio::select! {
            biased;
            why = self.ended() => Err(why.unwrap_or_else(cancelled)),
            result = call => {
                if result.is_ok() {
                    self.first_credit().await;
                }
                result
            }
        };
        drop(unfed);
        result
    }

    /// The function's frames go on when its call has its answer, until what is returned is dropped.
    pub(in crate::call) fn feed(self: Arc<Self>) -> Closing {
        self.feeds.store(true, Ordering::Release);
        Closing(self)
    }

    /// How the function keeps its thread.
    pub(in crate::call) fn conduct(&self) -> &Arc<Conduct> {
        &self.conduct
    }

    /// Completes when it has ended: why, where the client is told.
    pub(in crate::call) async fn ended(&self) -> Option<CallError> {
        tokio::select! {
            biased;
            () = self.ended.cancelled() => self.why.get().cloned(),
            () = self.peer.cancellation().cancelled() => None,
            () = self.streaming.stopping.cancelled() => Some(stopping()),
        }
    }

    /// Completes when one more frame may leave.
    ///
    /// # Errors
    /// [`Code::Timeout`] where the client gives no credit for too long.
    pub(in crate::call) async fn has_room(&self) -> Result<()> {
        loop {
            if lock(&self.sending).has_room() {
                return Ok(());
            }
            let credited = timeout(self.streaming.idle, self.credited.notified());
            credited.await.map_err(|_| self.idle("no credit"))?;
        }
    }

    /// Sends a frame, as soon as the socket has room for it.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(in crate::call) async fn send(&self, data: Body<'_>) -> Result<()> {
        let n = lock(&self.sending).send();
        self.say(packet::DATA, n, data).await?;
        lock(&self.sending).sent();
        self.streaming.counts.sent.inc();
        Ok(())
    }

    /// Says how its frames end, to a client that is there.
    pub(in crate::call) async fn end(&self, result: Result<()>) {
        let n = lock(&self.sending).end();
        let said = match &result {
            Ok(()) => self.say(packet::END, n, Body::Nothing).await,
            Err(error) => self.say(packet::ERROR, n, Body::Error(error)).await,
        };
        if let Err(error) = said {
            tracing::debug!(%error, "the end of a stream did not reach its client");
        }
    }

    /// Says something of the stream. What finds no room in time is tried again, for as long as the socket lives.
    async fn say(&self, name: &'static str, n: u64, body: Body<'_>) -> Result<()> {
        let packet = Packet {
            form: self.form,
            name,
            stream: &self.name,
            n,
            body,
        };
        let cancellation = self.peer.cancellation();
        while !cancellation.is_cancelled() {
            let emit = async {
                self.peer.ready().await;
                self.peer
                    .emit(Target::caller(), self.form.event(name), &packet)
                    .await
            };
            let said = tokio::select! {
                biased;
                // Most have room at once.
                said = emit => said,
                () = cancellation.cancelled() => break,
            };
            match said {
                Err(error) if error.code() == Code::Unavailable => sleep(AFTER_FAILURE).await,
                said => return said,
            }
        }
        Err(gone())
    }

    /// How long a client may let the function wait.
    pub(in crate::call) fn time_limit(&self) -> std::time::Duration {
        self.streaming.idle
    }

    /// The client has let the function wait for too long.
    pub(in crate::call) fn idle(&self, what: &str) -> CallError {
        let limit = humantime::format_duration(self.streaming.idle);
        CallError::new(Code::Timeout, format!("{what} of the client within {limit}"))
    }

    /// A credit came. Whether it was news.
    pub(super) fn credit(&self, n: Option<u64>) -> bool {
        let Some(n) = n else {
            self.fail(invalid("n: missing"));
            return false;
        };
        let credited = lock(&self.sending).credit(n);
        match credited {
            Ok(true) => self.credited.notify_one(),
            Ok(false) => {}
            Err(_) => self.fail(invalid("n: no such frame was sent")),
        }
        credited == Ok(true)
    }

    /// The client wants no more of it, and may open another one in its place.
    pub(super) fn cancel(&self) {
        self.leave();
        self.ended.cancel();
    }

    /// It ends, and the client is told why.
    pub(in crate::call) fn fail(&self, why: CallError) {
        if !self.ended.is_cancelled() && self.why.set(why).is_ok() {
            self.streaming.counts.failed.inc();
            self.ended.cancel();
        }
    }

    fn close(&self) {
        let Some(_open) = lock(&self.open).take() else {
            return;
        };
        self.leave();
        let receiving = lock(&self.receiving).take();
        if let Some(receiving) = receiving {
            receiving.cut_off(self.why.get().cloned().unwrap_or_else(over));
        }
        self.ended.cancel();
        self.streaming.counts.open.dec();
    }

    /// No packet finds it any more.
    fn leave(&self) {
        self.peer
            .data()
            .get_or_default::<OpenStreams>()
            .leave(&self.name, self);
    }
}

/// A stream that is closed when this is dropped, unless its frames go on.
struct Unfed<'a>(&'a OpenStream);

impl Drop for Unfed<'_> {
    fn drop(&mut self) {
        if !self.0.feeds.load(Ordering::Acquire) {
            self.0.close();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn cancelled() -> CallError {
    CallError::new(Code::Unavailable, "the client cancelled the stream").for_good()
}

fn over() -> CallError {
    CallError::new(Code::Unavailable, "the stream ended before its frames did").for_good()
}

fn stopping() -> CallError {
    CallError::new(Code::Unavailable, "the server is stopping")
}

fn gone() -> CallError {
    CallError::new(Code::Unavailable, "the socket is gone")
}
