//! Half of the readers stop reading: how long the others wait for what is said, and what the server holds for those
//! who do not read.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use futures_util::future::join_all;

use super::{
    DURABLE, EPHEMERAL, card,
    room::{Room, Source, hear},
};
use crate::{
    client::Client,
    measure::{Done, Measured, Round, Size, Turn, Watch, anew},
    peers::Peer,
};

/// Those who read; as many do not.
const READERS: usize = 25;

/// Bytes of what is said, and how often.
const WORD: usize = 16 << 10;
const EVERY: Duration = Duration::from_millis(5);

/// How many rounds' time the readers that stall do so, until their kernels take no more.
const LONGER: u32 = 6;

pub(crate) async fn measure(source: Source, wanted: &[Peer], size: Size) -> Measured {
    let all = match source {
        Source::Room => EPHEMERAL,
        Source::Topic => DURABLE,
    };
    anew(all, wanted, size, async |peer, turn| {
        one(source, peer, turn, size.time).await.into()
    })
    .await
}

async fn one(source: Source, peer: Peer, turn: Turn, time: Duration) -> [Round; 2] {
    let server = match source {
        Source::Room => peer.start(),
        Source::Topic => peer.start_with(0, 1),
    };
    let mut room = Room::connect(&server, source, READERS).await;
    speak(&mut room, source, time).await;
    let name = |what| match source {
        Source::Room => format!("stall, {what}"),
        Source::Topic => format!("stall of a topic, {what}"),
    };
    let watch = Watch::start(Some(&server), turn);
    let all = speak(&mut room, source, time * LONGER / 2).await;
    let all = watch.stop(&name("all read"), "delivery", peer, all);
    let mut stalled = Vec::new();
    for _ in 0..READERS {
        let reader = Client::connect_small(server.address, source.auth()).await;
        stalled.push(source.enter(reader).await);
    }
    let watch = Watch::start(Some(&server), turn);
    let half = speak(&mut room, source, time * LONGER).await;
    let half = watch.stop(&name("half stalled"), "delivery", peer, half);
    drop(stalled);
    [all, half]
}

/// Says a word each few milliseconds, whoever hears it; how long each took to those who read.
async fn speak(room: &mut Room, source: Source, time: Duration) -> Done {
    let words = time.as_micros().div_ceil(EVERY.as_micros()) as usize;
    let data = "x".repeat(WORD);
    let start = Instant::now();
    let said = RefCell::new(Vec::with_capacity(words));
    let event = source.event();
    let speaker = async {
        for number in 0..words {
            tokio::time::sleep_until((start + EVERY * number as u32).into()).await;
            room.speaker.feed(&card(event, number, number, &data));
            said.borrow_mut().push(Instant::now());
            room.speaker.flush().await;
        }
        for _ in 0..words {
            room.speaker.text().await;
        }
    };
    let readers = room.readers.iter_mut().map(async |reader| {
        let mut latencies = Vec::with_capacity(words);
        for number in 0..words {
            hear(reader, number).await;
            latencies.push(said.borrow()[number].elapsed());
        }
        latencies
    });
    let (latencies, ()) = tokio::join!(join_all(readers), speaker);
    Done {
        operations: words * READERS,
        taken: start.elapsed(),
        latencies: latencies.concat(),
    }
}
