//! Readers at all nodes, in one room or of one topic, and speakers among whom the nodes are shared out.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use crate::{
    client::Client,
    work::{EMIT, JOIN},
};

/// Those that speak, however many nodes there are.
const SPEAKERS: usize = 3;

/// Keys of a speaker: those of the next begin there.
const KEYS: usize = 10_000_000;

/// Bytes of data of a word.
const BYTES: usize = 200;

/// How long a word may take to be heard by all, until all nodes know each other.
const SOON: Duration = Duration::from_millis(500);

/// What readers read.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Source {
    /// What is emitted to their room.
    Room,
    /// What is published to a topic.
    Topic,
}

impl Source {
    /// What is counted.
    pub(crate) fn operation(self) -> &'static str {
        match self {
            Self::Room => "emit",
            Self::Topic => "publish",
        }
    }

    /// Many of them.
    pub(crate) fn operations(self) -> &'static str {
        match self {
            Self::Room => "emits",
            Self::Topic => "publishes",
        }
    }

    fn event(self) -> &'static str {
        match self {
            Self::Room => EMIT,
            Self::Topic => "bench.topic.publish",
        }
    }

    async fn reader(self, node: SocketAddr) -> Client {
        match self {
            Self::Room => {
                let mut reader = Client::connect(node, "").await;
                reader
                    .send(&format!(r#"420["event",{{"event":"{JOIN}","data":0}}]"#))
                    .await;
                acked(reader.text().await);
                reader
            }
            Self::Topic => {
                let mut reader = Client::connect(node, r#"{"topics":{"board":null}}"#).await;
                while !reader.text().await.contains("topic.live") {}
                reader
            }
        }
    }
}

/// What was done in a round.
pub(crate) struct Done {
    pub(crate) words: usize,
    pub(crate) taken: Duration,
    /// From when a word was said until a reader heard it.
    pub(crate) latencies: Vec<Duration>,
    /// Deliveries that did not follow the one before them.
    pub(crate) misordered: usize,
}

/// One that reads, and the number of the next word of each speaker.
struct Reader {
    client: Client,
    next: [usize; SPEAKERS],
}

pub(crate) struct Load {
    source: Source,
    speakers: Vec<Client>,
    readers: Vec<Reader>,
    /// Words that each has said.
    said: usize,
}

impl Load {
    /// Connects, and speaks until a word arrives at all: then the nodes know each other.
    pub(crate) async fn connect(nodes: &[SocketAddr], source: Source, readers: usize) -> Self {
        let mut load = Self {
            source,
            speakers: Vec::new(),
            readers: Vec::new(),
            said: 0,
        };
        for number in 0..SPEAKERS {
            load.speakers
                .push(Client::connect(nodes[number % nodes.len()], "").await);
        }
        for number in 0..readers {
            let client = source.reader(nodes[number % nodes.len()]).await;
            load.readers.push(Reader {
                client,
                next: [0; SPEAKERS],
            });
        }
        while !load.is_heard_by_all().await {
            sleep(SOON).await;
        }
        load
    }

    /// Whether all hear the next word of each speaker, those before it or not.
    async fn is_heard_by_all(&mut self) -> bool {
        self.speak(1).await;
        let said = self.said;
        let hearing = self.readers.iter_mut().map(async |reader| {
            while reader.next.iter().any(|next| *next < said) {
                let (speaker, word) = reader.hear().await;
                reader.next[speaker] = word + 1;
            }
        });
        timeout(SOON, join_all(hearing)).await.is_ok()
    }

    /// Bursts of so many words of each speaker, one after the other: each is heard by all before the next.
    pub(crate) async fn run(&mut self, words: usize, time: Duration) -> Done {
        let start = Instant::now();
        let (mut bursts, mut latencies, mut misordered) = (0, Vec::new(), 0);
        while bursts == 0 || start.elapsed() < time {
            let said = Instant::now();
            self.speak(words).await;
            let hearing = self.readers.iter_mut().map(async |reader| {
                let mut heard = Vec::with_capacity(words * SPEAKERS);
                let mut misordered = 0;
                for _ in 0..words * SPEAKERS {
                    let (speaker, word) = reader.hear().await;
                    misordered += usize::from(word != reader.next[speaker]);
                    reader.next[speaker] = word + 1;
                    heard.push(said.elapsed());
                }
                (heard, misordered)
            });
            for (heard, wrong) in join_all(hearing).await {
                latencies.extend(heard);
                misordered += wrong;
            }
            bursts += 1;
        }
        Done {
            words: bursts * words * SPEAKERS,
            taken: start.elapsed(),
            latencies,
            misordered,
        }
    }

    /// All speak at once, and wait for the acks.
    async fn speak(&mut self, words: usize) {
        let (event, first) = (self.source.event(), self.said);
        self.said += words;
        let speaking = self
            .speakers
            .iter_mut()
            .enumerate()
            .map(async |(number, speaker)| {
                for word in first..first + words {
                    let (key, data) = (number * KEYS + word, "x".repeat(BYTES));
                    speaker.feed(&format!(
                        r#"42{word}["event",{{"event":"{event}","data":{{"key":{key},"data":"{data}"}}}}]"#
                    ));
                }
                speaker.flush().await;
                for _ in 0..words {
                    acked(speaker.text().await);
                }
            });
        join_all(speaking).await;
    }
}

impl Reader {
    /// The next word: its speaker, and its number among theirs.
    async fn hear(&mut self) -> (usize, usize) {
        let text = self.client.text().await;
        let key = text
            .split_once(r#""key":"card-"#)
            .and_then(|(_, key)| key.split('"').next());
        let key: Option<usize> = key.and_then(|key| key.parse().ok());
        let key = key.unwrap_or_else(|| panic!("a word was expected: {text}"));
        (key / KEYS, key % KEYS)
    }
}

fn acked(text: &str) {
    assert!(text.starts_with("43") && !text.contains(r#""error""#), "{text}");
}
