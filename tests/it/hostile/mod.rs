//! Bad input over real sockets: each call gets exactly one answer that says what was wrong, the server goes
//! on, nothing of what was sent is found in its log, and what it took of memory and files it gives back.

mod bombs;
mod calls;
mod fields;
mod floods;
mod frames;
mod packets;
mod polling;
mod requests;
mod siege;
mod slow;
mod victim;
mod wire;

use std::io::Write;

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use self::victim::{Victim, is_served, keeps_it_to_itself};
use crate::support::{Program, RawClient};

/// Stands in all that is sent, and must not stand in the log.
const MARKER: &str = "s3cr3t-m4rk3r";

/// The echo, which looks at its data.
const ECHO: &str = "api.services.test.testFunc";

const STATUS: &str = r#"{"event":"api.services.status"}"#;

/// A call, and what its answer must say.
struct Case {
    about: &'static str,
    /// What follows `"event",` in the packet, as JSON text.
    arguments: String,
    buffers: Vec<Vec<u8>>,
    /// The code of the error, or [`FINE`].
    expected: &'static str,
}

const FINE: &str = "no error";

fn case(about: &'static str, arguments: impl Into<String>, expected: &'static str) -> Case {
    Case {
        about,
        arguments: arguments.into(),
        buffers: Vec::new(),
        expected,
    }
}

/// A call that is one JSON string.
fn text(about: &'static str, text: &str, expected: &'static str) -> Case {
    case(about, quoted(text), expected)
}

/// A call that is one Buffer.
fn buffer(about: &'static str, bytes: &[u8], expected: &'static str) -> Case {
    Case {
        buffers: vec![bytes.to_vec()],
        ..case(about, placeholder("0"), expected)
    }
}

fn with_buffers(
    about: &'static str,
    arguments: impl Into<String>,
    buffers: &[&[u8]],
    expected: &'static str,
) -> Case {
    Case {
        buffers: buffers.iter().map(|bytes| bytes.to_vec()).collect(),
        ..case(about, arguments, expected)
    }
}

fn placeholder(number: &str) -> String {
    format!(r#"{{"_placeholder":true,"num":{number}}}"#)
}

/// A call of the echo with this JSON text as its data.
fn echo(data: &str) -> String {
    format!(r#"{{"event":"{ECHO}","data":{data}}}"#)
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// A client that counts its acks, and reads all that it is sent, beside one that means well.
struct Attacker {
    client: RawClient,
    bystander: RawClient,
    acks: u32,
}

impl Attacker {
    async fn connect(server: &Program) -> Self {
        Self {
            client: RawClient::connect(&server.url).await,
            bystander: RawClient::connect(&server.url).await,
            acks: 0,
        }
    }

    /// Sends a case and, on its heels, a normal call. Each gets one answer, in this order, and nothing else
    /// comes. What the first says: a code, or [`FINE`].
    async fn try_out(&mut self, case: &Case) -> String {
        self.send(case).await;
        let first = self.acks;
        self.send(&self::case("a normal call", STATUS, FINE)).await;
        let about = case.about;
        let said = self.answer(first, about).await;
        let normal = self.answer(self.acks, about).await;
        assert_eq!(normal, FINE, "a normal call after: {about}");
        assert!(self.bystander.is_well().await, "another client after: {about}");
        said
    }

    async fn send(&mut self, case: &Case) {
        self.acks += 1;
        let ack = self.acks;
        let comma = if case.arguments.is_empty() { "" } else { "," };
        let kind = match case.buffers.len() {
            0 => "42".to_owned(),
            count => format!("45{count}-"),
        };
        let packet = format!(r#"{kind}{ack}["event"{comma}{}]"#, case.arguments);
        self.client.send(&packet).await;
        for buffer in &case.buffers {
            self.client.send_bytes(buffer).await;
        }
    }

    /// The next message is the answer to the call of this number.
    async fn answer(&mut self, ack: u32, about: &str) -> String {
        let text = self.client.text().await;
        let plain = format!("43{ack}[");
        if !text.starts_with(&plain) {
            // An answer with Buffers names their number, and they follow.
            let (count, rest) = text
                .strip_prefix("46")
                .and_then(|rest| rest.split_once('-'))
                .unwrap_or_else(|| panic!("{about}: no answer, but {text:.200}"));
            assert!(rest.starts_with(&format!("{ack}[")), "{about}: {text:.200}");
            for _ in 0..count.parse::<usize>().unwrap() {
                assert!(matches!(self.client.next().await, Some(Message::Binary(_))));
            }
            return FINE.to_owned();
        }
        if !text.contains(r#","error":{"#) {
            return FINE.to_owned();
        }
        let answer: Vec<Value> = serde_json::from_str(&text[plain.len() - 1..]).expect("JSON");
        let [answer] = answer.as_slice() else {
            panic!("{about}: not one argument, but {text:.200}");
        };
        assert!(text.len() < 2000, "{about}: a long answer to a bad call");
        let error = &answer["error"];
        assert_eq!(error["retry"], false, "{about}: {answer}");
        assert!(
            error["message"].as_str().is_some_and(|said| !said.is_empty()),
            "{about}"
        );
        error["code"].as_str().expect("a code").to_owned()
    }
}

/// Tries all cases on one socket.
async fn try_all(cases: &[Case]) {
    let server = Victim::start(&[]);
    let mut attacker = Attacker::connect(&server).await;
    let mut wrong = Vec::new();
    for case in cases {
        let said = attacker.try_out(case).await;
        if said != case.expected {
            wrong.push(format!("{}: {said}, not {}", case.about, case.expected));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    keeps_it_to_itself(server);
}
