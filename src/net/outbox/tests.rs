//! What the outbox does with an engine that the test opens and shuts.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::net::{control::OnFlush, framing::Carrier};

/// An engine that takes nothing until it is opened.
#[derive(Default)]
struct Tap {
    open: AtomicBool,
    taken: Mutex<Vec<i64>>,
}

impl Engine for Arc<Tap> {
    fn try_send(&self, kind: Kind<'_>, _: Outgoing<'_>) -> std::result::Result<(), Untaken> {
        match kind {
            Kind::Ack(id) if self.open.load(Ordering::Acquire) => self.taken.lock().unwrap().push(id),
            _ => return Err(Untaken::Full),
        }
        Ok(())
    }

    fn carrier(&self) -> Carrier {
        Carrier::Polling
    }
}

#[tokio::test]
async fn large_packets_do_not_pile_up_in_the_engines_queue() {
    let tap = Arc::<Tap>::default();
    tap.open.store(true, Ordering::Release);
    let link = Arc::<Link>::default();
    let outbox = Outbox::new(tap.clone(), link.clone(), CancellationToken::new(), Duration::MAX);
    let outbox = Arc::new(outbox);
    let large = "x".repeat(CREDIT_BYTES / 4);
    for id in 0..12 {
        outbox.refuse(Kind::Ack(id), &large).unwrap();
    }
    assert_eq!(tap.taken.lock().unwrap().len(), DIRECT + 4);
    outbox.refuse(Kind::Ack(12), &large).unwrap();
    assert_eq!(tap.taken.lock().unwrap().len(), DIRECT + 4, "the next one waits");
    while tap.taken.lock().unwrap().len() < 13 {
        link.flushed();
        tokio::task::yield_now().await;
    }
    assert_eq!(*tap.taken.lock().unwrap(), (0..=12).collect::<Vec<_>>());
}

#[tokio::test]
async fn answers_wait_for_one_who_polls_however_long_that_takes() {
    let tap = Arc::<Tap>::default();
    let link = Arc::<Link>::default();
    let patience = Duration::from_millis(1);
    let outbox = Outbox::new(tap.clone(), link.clone(), CancellationToken::new(), patience);
    let outbox = Arc::new(outbox);
    let last = ROOM as i64;
    for id in 0..last {
        outbox.answer(Kind::Ack(id), &"late").await.unwrap();
    }
    let waiting = outbox.clone();
    let waiting = tokio::spawn(async move { waiting.answer(Kind::Ack(last), &"later").await });
    let emitted = outbox.send(Kind::Event("news"), &"too late").await;
    assert_eq!(emitted.unwrap_err().code(), Code::Unavailable);

    tap.open.store(true, Ordering::Release);
    while tap.taken.lock().unwrap().len() <= ROOM {
        link.flushed();
        tokio::task::yield_now().await;
    }
    waiting.await.unwrap().unwrap();
    assert_eq!(*tap.taken.lock().unwrap(), (0..=last).collect::<Vec<_>>());
}
