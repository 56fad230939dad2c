//! Frames of 64 KB, down and up, on some connections at once: a stream with a window of 16 on Updraft; on others what their users write,
//! an event each, and where they are to be slowed down by their client, an ack for each; on the floor a WebSocket message each.

use std::time::{Duration, Instant};

use crate::{
    client::{Client, Message},
    crowd,
    measure::{Done, Scenario},
    peers::{
        Peer,
        work::{DOWN, FRAME, UP, block},
    },
    process::ServerProcess,
};

/// Connections that stream at once.
const CONNECTIONS: usize = 4;

/// Frames of one stream: 4 MB.
const FRAMES: usize = 64;

/// Frames in what is counted, a MB.
const IN_ONE: usize = 16;

/// Frames that may be out on a stream.
const WINDOW: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Direction {
    Down,
    Up,
}

pub(crate) struct Streams {
    direction: Direction,
    /// Whether those without credit have each frame acked.
    acks_each: bool,
}

impl Streams {
    pub(crate) fn all() -> Vec<Self> {
        let of = |direction, acks_each| Self { direction, acks_each };
        vec![
            of(Direction::Down, false),
            of(Direction::Up, false),
            of(Direction::Down, true),
            of(Direction::Up, true),
        ]
    }
}

/// What a connection does for one stream.
#[derive(Clone, Copy)]
enum Way {
    /// A stream of Updraft's.
    Credit,
    /// An event for each frame.
    Events,
    /// The same, each acked before the next.
    Acked,
    /// A message for each frame.
    Messages,
}

pub(crate) struct Streamer {
    client: Client,
    direction: Direction,
    way: Way,
    streams: usize,
}

impl Scenario for Streams {
    type Load = Vec<Streamer>;

    fn name(&self) -> String {
        let direction = match self.direction {
            Direction::Down => "down",
            Direction::Up => "up",
        };
        match self.acks_each {
            true => format!("streams {direction}, 64 KB, an ack each"),
            false => format!("streams {direction}, 64 KB"),
        }
    }

    fn operation(&self) -> &'static str {
        "MB"
    }

    fn peers(&self) -> &'static [Peer] {
        match self.acks_each {
            true => super::ACKING,
            false => super::STREAMING,
        }
    }

    async fn connect(&self, peer: Peer, server: Option<&ServerProcess>) -> Vec<Streamer> {
        let way = match peer {
            Peer::Updraft => Way::Credit,
            Peer::Floor => Way::Messages,
            _ if self.acks_each => Way::Acked,
            _ => Way::Events,
        };
        let address = server.expect("a server").address;
        let mut streamers = Vec::new();
        for _ in 0..CONNECTIONS {
            streamers.push(Streamer {
                client: Client::connect(address, "").await,
                direction: self.direction,
                way,
                streams: 0,
            });
        }
        streamers
    }

    async fn run(&self, streamers: &mut Vec<Streamer>, time: Duration) -> Done {
        let start = Instant::now();
        let until = start + time;
        let latencies = crowd::each(streamers, |_, mut streamer| async move {
            let mut latencies = Vec::new();
            while Instant::now() < until {
                let begun = Instant::now();
                streamer.stream().await;
                latencies.push(begun.elapsed());
            }
            (streamer, latencies)
        })
        .await;
        let latencies = latencies.concat();
        Done {
            operations: latencies.len() * (FRAMES / IN_ONE),
            taken: start.elapsed(),
            latencies,
        }
    }
}

impl Streamer {
    /// One stream to its end.
    async fn stream(&mut self) {
        self.streams += 1;
        match (self.direction, self.way) {
            (Direction::Down, Way::Credit) => self.down_with_credit().await,
            (Direction::Down, Way::Acked) => self.down(&format!("{DOWN}.acked")).await,
            (Direction::Down, Way::Events | Way::Messages) => self.down(DOWN).await,
            (Direction::Up, Way::Credit) => self.up_with_credit().await,
            (Direction::Up, way) => self.up(way).await,
        }
    }

    /// Calls with a field beside the data.
    fn call(&mut self, event: &str, beside: &str) {
        let call = format!(r#"420["event",{{"event":"{event}","data":{FRAMES}{beside}}}]"#);
        self.client.feed(&call);
    }

    fn say(&mut self, packet: &str) {
        let name = self.streams;
        self.client.feed(&format!(
            r#"42["event",{{"event":"stream.{packet},"stream":"s{name}"}}]"#
        ));
    }

    async fn down(&mut self, event: &str) {
        self.call(event, "");
        let mut frames = 0;
        loop {
            let ack = match self.client.message().await {
                Message::Buffer(frame) => {
                    assert_eq!(frame.len(), block().len());
                    frames += 1;
                    continue;
                }
                Message::Text(text) if text.starts_with("43") => break,
                Message::Text(text) => asked(text),
            };
            // The Buffer comes behind it; nobody minds.
            if let Some(id) = ack {
                self.client.feed(&format!("43{id}[]"));
            }
        }
        assert_eq!(frames, FRAMES);
    }

    async fn down_with_credit(&mut self) {
        let beside = format!(r#","stream":"s{}","window":{WINDOW}"#, self.streams);
        self.call(DOWN, &beside);
        let mut frames = 0;
        loop {
            match self.client.message().await {
                Message::Buffer(frame) => {
                    assert_eq!(frame.len(), block().len());
                    frames += 1;
                }
                Message::Text(text) if text.contains("stream.end") => break,
                Message::Text(text) => {
                    assert!(!text.contains(r#""error""#), "{text}");
                    continue;
                }
            }
            if frames % (WINDOW / 2) == 0 {
                self.say(&format!(r#"credit","n":{frames}"#));
            }
        }
        assert_eq!(frames, FRAMES);
    }

    async fn up(&mut self, way: Way) {
        for id in 0..FRAMES {
            match way {
                Way::Messages => {}
                Way::Acked => self
                    .client
                    .feed(&format!(r#"451-{id}["{FRAME}",{{"_placeholder":true,"num":0}}]"#)),
                Way::Events | Way::Credit => self
                    .client
                    .feed(&format!(r#"451-["{FRAME}",{{"_placeholder":true,"num":0}}]"#)),
            }
            self.client.feed_binary(&block());
            match way {
                Way::Acked => assert!(self.client.text().await.starts_with("43"), "an ack"),
                _ => self.client.flush().await,
            }
        }
        self.call(UP, "");
        assert!(self.client.text().await.starts_with("430"), "an answer");
    }

    async fn up_with_credit(&mut self) {
        let beside = format!(r#","stream":"s{}""#, self.streams);
        self.call(UP, &beside);
        let mut credit = 0;
        for n in 0..FRAMES {
            while n >= credit {
                let text = self.client.text().await;
                credit = number(text, r#""n":"#) + number(text, r#""window":"#);
            }
            let name = self.streams;
            self.client.feed(&format!(
                r#"451-["event",{{"event":"stream.data","stream":"s{name}","n":{n},"data":{{"_placeholder":true,"num":0}}}}]"#
            ));
            self.client.feed_binary(&block());
            self.client.flush().await;
        }
        self.say(&format!(r#"end","n":{FRAMES}"#));
        loop {
            let text = self.client.text().await;
            if text.starts_with("430") {
                assert!(
                    text.contains(&format!(r#""data":{}"#, FRAMES * block().len())),
                    "{text}"
                );
                return;
            }
        }
    }
}

/// The number of the ack that an event with a Buffer asks for.
fn asked(text: &str) -> Option<usize> {
    let (id, _) = text.strip_prefix("451-")?.split_once('[')?;
    id.parse().ok()
}

/// The number behind this.
fn number(text: &str, behind: &str) -> usize {
    let (_, rest) = text.split_once(behind).expect("a credit");
    let end = rest.find(|letter: char| !letter.is_ascii_digit());
    rest[..end.unwrap_or(rest.len())].parse().expect("a number")
}
