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
        if !self.open.load(Ordering::Acquire) {
            return Err(Untaken::Full);
        }
        self.taken.lock().unwrap().push(match kind {
            Kind::Ack(id) => id,
            Kind::Event(name) => name.parse().unwrap(),
        });
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

#[tokio::test]
async fn what_many_are_sent_comes_behind_what_was_said_before_as_far_as_there_is_room() {
    let tap = Arc::<Tap>::default();
    let link = Arc::<Link>::default();
    let outbox = Outbox::new(tap.clone(), link.clone(), CancellationToken::new(), Duration::MAX);
    outbox.answer(Kind::Ack(0), &"first").await.unwrap();
    let emits: Vec<_> = (1..=ROOM as i64)
        .map(|number| Emit::new(&number.to_string(), &"many").unwrap())
        .collect();
    let emits: Vec<_> = emits.iter().collect();
    assert_eq!(
        outbox.offer(&Emits::new(&emits)),
        ROOM - 1,
        "the last finds no room"
    );

    tap.open.store(true, Ordering::Release);
    let flushed = async |packets| {
        while tap.taken.lock().unwrap().len() < packets {
            link.flushed();
            tokio::task::yield_now().await;
        }
    };
    flushed(ROOM).await;
    let emit = Emit::new(&ROOM.to_string(), &"many").unwrap();
    assert_eq!(outbox.offer(&Emits::new(&[&emit])), 1);
    flushed(ROOM + 1).await;
    assert_eq!(*tap.taken.lock().unwrap(), (0..=ROOM as i64).collect::<Vec<_>>());
}
