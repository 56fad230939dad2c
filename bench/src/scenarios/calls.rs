//! Calls of several forms and sizes, as fast as they are answered: so many connections with so many calls outstanding
//! on each.

use std::time::{Duration, Instant};

use crate::{
    client::Client,
    crowd,
    measure::{Done, Scenario},
    peers::{
        Peer,
        work::{
            LENGTH, STATUS,
            fixture::{Board, EVENT, base64_of, gzip, object},
        },
    },
    process::ServerProcess,
};

/// How a call travels.
#[derive(Clone, Copy)]
enum Form {
    /// An object, which is answered with its data.
    Object,
    /// The same data with an event of the call's name.
    Named,
    /// The same as a Buffer of JSON.
    Buffer,
    /// The base64 of gzip as a call's data, which is unpacked; answered with its length.
    PackedData,
    /// The base64 of gzip of a whole call, which is read; answered with a word.
    PackedCall,
}

pub(crate) struct Calls {
    form: Form,
    /// Bytes of the call, unpacked.
    size: usize,
    connections: usize,
    outstanding: usize,
}

impl Calls {
    const fn new(form: Form, size: usize, connections: usize, outstanding: usize) -> Self {
        Self {
            form,
            size,
            connections,
            outstanding,
        }
    }

    pub(crate) fn ack(many: usize) -> Vec<Self> {
        vec![
            Self::new(Form::Object, 128, 32, 8),
            Self::new(Form::Object, 128, many, 1),
            Self::new(Form::Object, 128, 1, 1),
            Self::new(Form::Object, 16 << 10, 32, 8),
        ]
    }

    pub(crate) fn named() -> Vec<Self> {
        vec![Self::new(Form::Named, 128, 32, 8)]
    }

    pub(crate) fn buffer() -> Vec<Self> {
        vec![Self::new(Form::Buffer, 16 << 10, 32, 8)]
    }

    pub(crate) fn gzip() -> Vec<Self> {
        vec![
            Self::new(Form::PackedData, 16 << 10, 8, 4),
            Self::new(Form::PackedData, 256 << 10, 4, 2),
            Self::new(Form::PackedCall, 16 << 10, 8, 4),
            Self::new(Form::PackedCall, 256 << 10, 4, 2),
        ]
    }

    fn packet(&self, peer: Peer, id: usize) -> Packet {
        // The envelope of the 128 B counts.
        let json = Board::of_size(self.size - self.size.min(184) / 3).json();
        let call = match self.form {
            Form::Object => object(&json),
            Form::Named if peer == Peer::UpdraftByEvent => object(&json),
            Form::Named => {
                return Packet {
                    text: format!(r#"42{id}["{EVENT}",{json}]"#),
                    buffer: None,
                };
            }
            Form::Buffer => {
                return Packet {
                    text: format!(r#"451-{id}["event",{{"_placeholder":true,"num":0}}]"#),
                    buffer: Some(object(&json).into_bytes()),
                };
            }
            Form::PackedData => {
                object(&format!(r#""{}""#, base64_of(&gzip(json.as_bytes())))).replacen(EVENT, LENGTH, 1)
            }
            Form::PackedCall => {
                let call = object(&json).replacen(EVENT, STATUS, 1);
                format!(r#""{}""#, base64_of(&gzip(call.as_bytes())))
            }
        };
        Packet {
            text: format!(r#"42{id}["event",{call}]"#),
            buffer: None,
        }
    }
}

impl Scenario for Calls {
    type Load = Vec<Caller>;

    fn name(&self) -> String {
        let form = match self.form {
            Form::Object => "ack",
            Form::Named => "named",
            Form::Buffer => "buffer",
            Form::PackedData => "gzip, data",
            Form::PackedCall => "gzip, call",
        };
        let size = match self.size {
            small if small < 1024 => format!("{small} B"),
            large => format!("{} KB", large / 1024),
        };
        format!("{form} {size}, {} x {}", self.connections, self.outstanding)
    }

    fn operation(&self) -> &'static str {
        "call"
    }

    fn peers(&self) -> &'static [Peer] {
        match self.form {
            Form::Named => super::NAMED,
            _ => super::EPHEMERAL,
        }
    }

    fn start(&self, peer: Peer) -> Option<ServerProcess> {
        Some(match self.form {
            Form::Named => peer.start_with_namespace(),
            _ => peer.start(),
        })
    }

    async fn connect(&self, peer: Peer, server: Option<&ServerProcess>) -> Vec<Caller> {
        let address = server.expect("a server").address;
        let mut callers = Vec::new();
        for _ in 0..self.connections {
            callers.push(Caller {
                client: Client::connect(address, "").await,
                packets: (0..self.outstanding).map(|id| self.packet(peer, id)).collect(),
            });
        }
        callers
    }

    async fn run(&self, callers: &mut Vec<Caller>, time: Duration) -> Done {
        let start = Instant::now();
        let until = start + time;
        let latencies = crowd::each(callers, |_, mut caller| async move {
            let latencies = caller.run(until).await;
            (caller, latencies)
        })
        .await;
        let taken = start.elapsed();
        let latencies = latencies.concat();
        Done {
            operations: latencies.len(),
            taken,
            latencies,
        }
    }
}

struct Packet {
    text: String,
    buffer: Option<Vec<u8>>,
}

pub(crate) struct Caller {
    client: Client,
    /// By their ids: those that are outstanding at once.
    packets: Vec<Packet>,
}

impl Caller {
    /// Calls until then, and how long each answer took.
    async fn run(&mut self, until: Instant) -> Vec<Duration> {
        let mut asked = vec![Instant::now(); self.packets.len()];
        let mut latencies = Vec::new();
        (0..self.packets.len()).for_each(|id| self.call(id));
        let mut outstanding = self.packets.len();
        while outstanding > 0 {
            let id = answered(self.client.text().await);
            let now = Instant::now();
            latencies.push(now - asked[id]);
            match now < until {
                true => {
                    asked[id] = now;
                    self.call(id);
                }
                false => outstanding -= 1,
            }
        }
        latencies
    }

    fn call(&mut self, id: usize) {
        let packet = &self.packets[id];
        self.client.feed(&packet.text);
        if let Some(buffer) = &packet.buffer {
            self.client.feed_binary(buffer);
        }
    }
}

/// The id of the call that this answers.
fn answered(text: &str) -> usize {
    /// An error stands further ahead.
    const FRONT: usize = 100;
    let front = &text.as_bytes()[..text.len().min(FRONT)];
    let is_error = memchr::memmem::find(front, br#""error""#).is_some();
    let id = text.strip_prefix("43").and_then(|rest| rest.split_once('['));
    match id {
        Some((id, answer)) if !is_error && answer.starts_with('{') => id.parse().expect("an id"),
        _ => panic!(
            "an answer was expected, not {}",
            text.chars().take(FRONT).collect::<String>()
        ),
    }
}
