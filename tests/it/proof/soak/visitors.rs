//! Clients that come, do some of everything, and leave or drop; and those that stay in a room.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::line::{Line, Packet, nothing};
use crate::support::Lots;

/// Between two visits, at most, in milliseconds.
const AWAY: usize = 600;

const FRAMES: u64 = 60;
const WINDOW: u64 = 16;

/// Visits until it is over; how many.
pub(super) async fn visit(number: usize, url: Arc<str>, over: CancellationToken) -> usize {
    let _failed = over.clone().drop_guard();
    let mut lots = Lots::new(100 + number as u64);
    let mut visits = 0;
    while !over.is_cancelled() {
        // It subscribes, and reads what it gets only beside what it waits for.
        let mut line = Line::open(&url, &json!({"topics": {"cards": null}})).await;
        let said = [number as u64, visits as u64];
        let done = play(&mut line, &mut lots, said).await;
        if done.is_some() && lots.below(2) == 0 {
            line.leave().await;
        }
        visits += 1;
        tokio::time::sleep(Duration::from_millis(lots.below(AWAY) as u64)).await;
    }
    visits
}

/// `None` where the server went.
async fn play(line: &mut Line, lots: &mut Lots, said: [u64; 2]) -> Option<()> {
    assert!(line.call(&json!({"event": "soak.join"})).await?["error"].is_null());
    let answer = line.call(&json!({"event": "soak.say", "data": said})).await?;
    assert!(answer["error"].is_null(), "{answer}");
    match lots.below(4) {
        0 => stream(line, FRAMES).await,
        1 => stream(line, FRAMES / 3).await,
        2 => upload(line).await,
        _ => Some(()),
    }
}

/// Takes in so many frames, and cancels what is more.
async fn stream(line: &mut Line, frames: u64) -> Option<()> {
    let call = json!({"event": "soak.count", "data": FRAMES, "stream": "down", "window": WINDOW});
    let answer = line.call(&call).await?;
    assert_eq!(answer["data"]["stream"], "down", "{answer}");
    let mut next = 0;
    while next < frames {
        let Some(packet) = of_stream(line)
            .await?
            .filter(|packet| packet["event"] == "stream.data")
        else {
            continue;
        };
        assert_eq!((&packet["n"], &packet["data"]), (&json!(next), &json!(next)));
        next += 1;
        if next % (WINDOW / 2) == 0 {
            line.emit(&json!({"event": "stream.credit", "stream": "down", "n": next}))
                .await?;
        }
    }
    match frames == FRAMES {
        true => Some(()),
        false => {
            line.emit(&json!({"event": "stream.cancel", "stream": "down"}))
                .await
        }
    }
}

async fn upload(line: &mut Line) -> Option<()> {
    let call = line.begin(&json!({"event": "soak.sum", "stream": "up"})).await?;
    let mut credit = 0;
    for n in 0..FRAMES {
        while n >= credit {
            if let Some(packet) = of_stream(line).await? {
                assert_eq!(packet["event"], "stream.credit", "{packet}");
                credit = packet["n"].as_u64()? + WINDOW;
            }
        }
        line.emit(&json!({"event": "stream.data", "stream": "up", "n": n, "data": n}))
            .await?;
    }
    line.emit(&json!({"event": "stream.end", "stream": "up", "n": FRAMES}))
        .await?;
    loop {
        if let Packet::Ack(number, answer) = line.next().await?
            && number == call
        {
            assert_eq!(answer["data"], FRAMES * (FRAMES - 1) / 2, "{answer}");
            return Some(());
        }
    }
}

/// The next packet, where it is about a stream.
async fn of_stream(line: &mut Line) -> Option<Option<Value>> {
    let Packet::Event(_, mut arguments) = line.next().await? else {
        return Some(None);
    };
    let packet = arguments.pop()?;
    Some(packet.get("stream").is_some().then_some(packet))
}

/// Stays in the room.
#[derive(Default)]
pub(super) struct Member {
    /// The last number of each visitor.
    last: HashMap<u64, u64>,
    heard: usize,
}

impl Member {
    /// How many emits it heard: each at most once, in the order of its visitor.
    pub(super) async fn hear(mut self, url: Arc<str>, over: CancellationToken) -> usize {
        let _failed = over.clone().drop_guard();
        while !over.is_cancelled() {
            let mut line = Line::open(&url, &nothing()).await;
            if line.call(&json!({"event": "soak.join"})).await.is_none() {
                continue;
            }
            while !over.is_cancelled() {
                match timeout(Duration::from_secs(1), line.next()).await {
                    Ok(Some(packet)) => self.take(packet),
                    Ok(None) => break,
                    Err(_) => {}
                }
            }
        }
        self.heard
    }

    fn take(&mut self, packet: Packet) {
        let Packet::Event(name, arguments) = packet else {
            return;
        };
        if name != "said" {
            return;
        }
        let [from, number] = [0, 1].map(|at| arguments[at].as_u64().expect("a number"));
        let last = self.last.insert(from, number);
        assert!(
            last.is_none_or(|last| last < number),
            "{from}: {number} after {last:?}"
        );
        self.heard += 1;
    }
}
