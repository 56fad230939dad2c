//! The server of the model: what its sessions hear and say is written down.

use std::sync::{
    Arc, Mutex, OnceLock, Weak,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::wire::{lock, number, written};
use crate::{
    call::memory::Account,
    net::engineio::{
        close_reason::CloseReason,
        frames::Frames,
        message::{Encoder, Message, Outgoing, Queued},
        packet::Malformed,
        server::Server,
        session::{Handler, Session},
        settings::Settings,
    },
};

/// One session, as the server had it.
#[derive(Default)]
pub(crate) struct Record {
    session: OnceLock<Weak<Session>>,
    /// The client's messages by their numbers.
    received: Mutex<Vec<u32>>,
    /// Packets of messages that were said.
    said: AtomicU32,
    closed: Mutex<Vec<CloseReason>>,
    /// What is still to be said, and how large it is.
    to_say: OnceLock<mpsc::UnboundedSender<usize>>,
    /// How many of these are not said yet.
    waiting: AtomicU32,
    is_closed: AtomicBool,
}

impl Record {
    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        self.session.get()?.upgrade()
    }

    pub(crate) fn received(&self) -> Vec<u32> {
        lock(&self.received).clone()
    }

    pub(crate) fn said(&self) -> u32 {
        self.said.load(Ordering::Relaxed)
    }

    pub(crate) fn closed(&self) -> Vec<CloseReason> {
        lock(&self.closed).clone()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    pub(crate) fn has_said_all(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0
    }

    /// Says messages, each as soon as there is room.
    pub(crate) fn say(&self, count: u32, size: usize) {
        for _ in 0..count {
            let sent = self.to_say.get().map(|to_say| to_say.send(size));
            if matches!(sent, Some(Ok(()))) {
                self.waiting.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Says a message as it is written out for many, where there is room.
    pub(crate) fn publish(&self) {
        let Some(session) = self.session() else {
            return;
        };
        if !self.has_said_all() || session.is_closed() {
            return;
        }
        let number = self.said() + 1;
        let message = Said::new(number, 50);
        let mut frames = Frames::default();
        let taken = session.send_queue.offer_frames(|protocol| {
            message
                .write(&mut Encoder::Frames(&mut frames, protocol))
                .expect("frames");
            &frames
        });
        if taken || session.send_queue.offer(&message) {
            self.said.store(Said::last(number), Ordering::Relaxed);
        }
    }

    fn receive(&self, session: &Session, bytes: &[u8]) {
        assert!(!session.is_closed(), "a session that is over receives nothing");
        let Some(received) = number(bytes) else {
            return;
        };
        lock(&self.received).push(received);
        // Some are answered at once, while they are read.
        let number = self.said() + 1;
        if received.is_multiple_of(3)
            && self.has_said_all()
            && matches!(session.send_queue.try_send(&Said::new(number, 10)), Ok(true))
        {
            self.said.store(Said::last(number), Ordering::Relaxed);
        }
    }
}

/// All sessions that there were, in the order in which they began.
pub(crate) type Records = Arc<Mutex<Vec<Arc<Record>>>>;

/// A message of the server's: some are bytes, and some a text with bytes behind it.
#[derive(Clone)]
struct Said(Vec<Outgoing>);

/// How many packets the message has whose first has this number.
fn packets(number: u32) -> u32 {
    match number.is_multiple_of(4) {
        true => 9,
        false => 1,
    }
}

impl Said {
    fn new(first: u32, size: usize) -> Self {
        let packets = (first..first + packets(first)).map(|number| {
            let written = written(number, size / packets(first) as usize);
            match number > first || number.is_multiple_of(5) {
                true => Outgoing::Binary(written.into()),
                false => Outgoing::Text([b"4", &*written].concat()),
            }
        });
        Self(packets.collect())
    }

    /// The number of its last packet.
    fn last(first: u32) -> u32 {
        first + packets(first) - 1
    }
}

impl Message for Said {
    fn write(&self, to: &mut Encoder<'_>) -> serde_json::Result<()> {
        self.0.iter().for_each(|packet| to.packet(packet.clone()));
        Ok(())
    }

    fn queued(&self) -> serde_json::Result<Queued> {
        Ok(Queued {
            size: self.0.iter().map(Outgoing::size).sum(),
            message: Box::new(self.clone()),
        })
    }
}

/// What a session of the model speaks to.
struct Recorder(Arc<Record>);

impl Handler for Recorder {
    fn disconnect(&self) {}

    fn drain(&self) -> bool {
        true
    }

    fn opened(&self, session: &Arc<Session>) {
        assert!(
            self.0.session.set(Arc::downgrade(session)).is_ok(),
            "it opens once"
        );
        let (sender, receiver) = mpsc::unbounded_channel();
        assert!(self.0.to_say.set(sender).is_ok());
        tokio::spawn(say_all(self.0.clone(), session.clone(), receiver));
    }

    fn text(&self, session: &Arc<Session>, text: &str) -> Result<(), Malformed> {
        self.0.receive(session, text.as_bytes());
        Ok(())
    }

    fn binary(&self, session: &Arc<Session>, bytes: Bytes) -> Result<(), Malformed> {
        self.0.receive(session, &bytes);
        Ok(())
    }

    fn idle(&self, _: &Arc<Session>) {}

    fn short_of_memory(&self, _: &Arc<Session>) -> Result<(), Malformed> {
        Ok(())
    }

    fn closed(&self, _: &Arc<Session>, reason: CloseReason) {
        lock(&self.0.closed).push(reason);
        self.0.is_closed.store(true, Ordering::Relaxed);
    }
}

/// Says what is to be said, one after the other, while the session is there.
async fn say_all(record: Arc<Record>, session: Arc<Session>, mut to_say: mpsc::UnboundedReceiver<usize>) {
    let say = async {
        while let Some(size) = to_say.recv().await {
            let number = record.said() + 1;
            let message = Said::new(number, size);
            if session
                .send_queue
                .send_patiently(&message, &Account::default())
                .await
                .is_err()
            {
                return;
            }
            record.said.store(Said::last(number), Ordering::Relaxed);
            record.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    };
    tokio::select! {
        () = say => {}
        () = session.over() => {}
    }
}

/// A server whose sessions are recorded.
pub(crate) fn server(settings: Settings) -> (Arc<Server>, Records) {
    let records = Records::default();
    let all = records.clone();
    let welcome = Box::new(move |_: &Arc<Session>| -> Arc<dyn Handler> {
        let record = Arc::<Record>::default();
        lock(&all).push(record.clone());
        Arc::new(Recorder(record))
    });
    (Server::new(settings, welcome), records)
}
