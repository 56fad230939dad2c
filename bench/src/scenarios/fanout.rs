//! What one says to many, single and in bursts: none lost, in its order.

use std::time::{Duration, Instant};

use super::{
    DURABLE, EPHEMERAL,
    room::{Room, Source},
};
use crate::{
    measure::{Done, Scenario},
    peers::{
        Peer,
        store::{KEYS, data},
    },
    process::ServerProcess,
};

/// Words that are said at once in a burst.
const BURST: usize = 32;

pub(crate) struct FanOut {
    source: Source,
    readers: usize,
    words: usize,
}

impl FanOut {
    pub(crate) fn rooms(many: usize) -> Vec<Self> {
        let of = |readers, words| Self {
            source: Source::Room,
            readers,
            words,
        };
        vec![
            of(many / 10, 1),
            of(many / 10, BURST),
            of(many, 1),
            of(many, BURST),
        ]
    }

    pub(crate) fn topics(many: usize) -> Vec<Self> {
        let of = |words| Self {
            source: Source::Topic,
            readers: many,
            words,
        };
        vec![of(1), of(BURST)]
    }
}

/// Beside a durable publish, what a room emit costs that keeps nothing.
const BESIDE_TOPICS: &[Peer] = &[DURABLE[0], DURABLE[1], DURABLE[2], Peer::Bare];

impl Scenario for FanOut {
    type Load = Room;

    fn name(&self) -> String {
        let name = match self.source {
            Source::Room => "fanout",
            Source::Topic => "topic-fanout",
        };
        format!("{name} to {}, {} at once", self.readers, self.words)
    }

    fn operation(&self) -> &'static str {
        "delivery"
    }

    fn peers(&self) -> &'static [Peer] {
        match self.source {
            Source::Room => EPHEMERAL,
            Source::Topic => BESIDE_TOPICS,
        }
    }

    fn start(&self, peer: Peer) -> Option<ServerProcess> {
        Some(match self.source {
            Source::Room => peer.start(),
            Source::Topic => peer.start_with(0, KEYS),
        })
    }

    async fn connect(&self, peer: Peer, server: Option<&ServerProcess>) -> Room {
        let source = match DURABLE.contains(&peer) {
            true => self.source,
            false => Source::Room,
        };
        Room::connect(server.expect("a server"), source, self.readers).await
    }

    async fn run(&self, room: &mut Room, time: Duration) -> Done {
        let data = data();
        let start = Instant::now();
        let mut latencies = Vec::new();
        while latencies.is_empty() || start.elapsed() < time {
            let said = Instant::now();
            let heard = room.burst(self.words, &data).await;
            latencies.extend(heard.into_iter().map(|heard| heard - said));
        }
        Done {
            operations: latencies.len(),
            taken: start.elapsed(),
            latencies,
        }
    }
}
