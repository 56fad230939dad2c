//! Readers in a room or of a topic, and one who speaks to them.

use std::time::Instant;

use futures_util::future::join_all;

use super::{PUBLISH, SUBSCRIBE, card};
use crate::{
    client::Client,
    peers::work::{EMIT, JOIN},
    process::ServerProcess,
};

/// What readers read.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Source {
    /// What is emitted to their room, and kept nowhere.
    Room,
    /// What is published to a topic, durably.
    Topic,
}

pub(crate) struct Room {
    event: &'static str,
    pub(crate) speaker: Client,
    pub(crate) readers: Vec<Client>,
}

impl Room {
    pub(crate) async fn connect(server: &ServerProcess, source: Source, readers: usize) -> Self {
        let mut room = Self {
            event: source.event(),
            speaker: Client::connect(server.address, "").await,
            readers: Vec::new(),
        };
        for _ in 0..readers {
            let reader = Client::connect(server.address, source.auth()).await;
            room.readers.push(source.enter(reader).await);
        }
        room
    }

    /// Speaks, in this order, and waits for the acks.
    pub(crate) async fn speak(&mut self, words: usize, data: &str) {
        for number in 0..words {
            self.speaker.feed(&card(self.event, number, number, data));
        }
        self.speaker.flush().await;
        for _ in 0..words {
            let text = self.speaker.text().await;
            assert!(text.starts_with("43") && !text.contains(r#""error""#), "{text}");
        }
    }

    /// Speaks, and waits until everybody has heard all of it in its order; when each word was heard.
    pub(crate) async fn burst(&mut self, words: usize, data: &str) -> Vec<Instant> {
        self.speak(words, data).await;
        let heard = self.readers.iter_mut().map(async |reader| {
            let mut times = Vec::with_capacity(words);
            for number in 0..words {
                hear(reader, number).await;
                times.push(Instant::now());
            }
            times
        });
        join_all(heard).await.concat()
    }
}

/// Waits for the word of this number, which is the next.
pub(crate) async fn hear(reader: &mut Client, number: usize) {
    /// Where an event's key stands.
    const FRONT: usize = 120;
    let text = reader.text().await;
    let front = &text[..text.len().min(FRONT)];
    let key = front
        .split_once(r#""key":"card-"#)
        .and_then(|(_, key)| key.split('"').next());
    assert!(
        key.and_then(|key| key.parse().ok()) == Some(number),
        "lost or out of order: {number} was expected, not {front}"
    );
}

impl Source {
    /// What speaks to its readers.
    pub(crate) fn event(self) -> &'static str {
        match self {
            Self::Room => EMIT,
            Self::Topic => PUBLISH,
        }
    }

    /// What a reader says as it connects.
    pub(crate) fn auth(self) -> &'static str {
        match self {
            Self::Room => "",
            Self::Topic => SUBSCRIBE,
        }
    }

    /// A reader who has heard the backlog, or is in the room.
    pub(crate) async fn enter(self, mut reader: Client) -> Client {
        match self {
            Self::Room => {
                reader
                    .send(&format!(r#"420["event",{{"event":"{JOIN}","data":0}}]"#))
                    .await;
                let text = reader.text().await;
                assert!(text.starts_with("43") && !text.contains(r#""error""#), "{text}");
            }
            Self::Topic => while !reader.text().await.contains("topic.live") {},
        }
        reader
    }
}
