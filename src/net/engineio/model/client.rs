//! The client of the model: one at a time, by whatever carries its session. It does what a step says where that can be
//! done, in the order that clients keep, and beside it whatever breaks that.

use std::{mem::take, sync::Arc};

use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use super::{
    server::Record,
    wire::{Ear, Network, WebSocket, lock, written},
};
use crate::net::engineio::{
    packet::{Packet, Protocol},
    payload::{self, Content},
};

/// How far a WebSocket is, as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Opened,
    Tried,
    Carries,
}

/// A session, as its client has it.
pub(crate) struct Client {
    network: Network,
    pub(crate) protocol: Protocol,
    target: String,
    pub(crate) record: Arc<Record>,
    pub(crate) ear: Ear,
    poll: Option<JoinHandle<u16>>,
    post: Option<JoinHandle<u16>>,
    websocket: Option<(WebSocket, Stage)>,
    /// Messages that were sent.
    sent: Vec<u32>,
    numbered: u32,
    /// Whether it answers heartbeats.
    pub(crate) beats: bool,
    /// It keeps the order that clients keep, and no connection with something on it was lost.
    pub(crate) is_orderly: bool,
    /// Something happened for which its session may be over.
    pub(crate) may_be_over: bool,
}

impl Client {
    pub(crate) fn new(
        network: &Network,
        (protocol, target): (Protocol, String),
        record: Arc<Record>,
        ear: Ear,
        websocket: Option<WebSocket>,
    ) -> Self {
        Self {
            network: network.clone(),
            protocol,
            target,
            record,
            ear,
            poll: None,
            post: None,
            websocket: websocket.map(|websocket| (websocket, Stage::Carries)),
            sent: Vec::new(),
            numbered: 0,
            beats: true,
            is_orderly: true,
            may_be_over: false,
        }
    }

    /// Messages that must have been received, where the session lives.
    pub(crate) fn sent(&self) -> &[u32] {
        &self.sent
    }

    fn polls(&self) -> bool {
        !matches!(self.websocket, Some((_, Stage::Carries)))
    }

    /// Whether nothing more can come of it.
    pub(crate) fn is_over(&self) -> bool {
        match &self.websocket {
            Some((websocket, Stage::Carries)) => websocket.has_ended(),
            _ => lock(&self.ear).is_over,
        }
    }

    /// Whether nothing that it began is under way but a poll.
    pub(crate) fn is_idle(&self) -> bool {
        self.post.is_none()
    }

    /// Sees what has come to its end.
    pub(crate) fn look(&mut self) {
        if self.poll.as_ref().is_some_and(JoinHandle::is_finished) {
            self.poll = None;
        }
        if self.post.as_ref().is_some_and(JoinHandle::is_finished) {
            self.post = None;
        }
        if let Some((websocket, stage)) = &self.websocket
            && websocket.has_ended()
            && *stage != Stage::Carries
        {
            self.websocket = None;
            lock(&self.ear).is_probed = false;
        }
    }

    /// Answers pings where there are any, or beats by itself, as its protocol has it.
    pub(crate) fn beat(&mut self) {
        if !self.beats {
            return;
        }
        match self.protocol {
            Protocol::V3 => self.packet("2"),
            Protocol::V4 if lock(&self.ear).pings > 0 => {
                if self.polls() && self.post.is_some() {
                    return;
                }
                lock(&self.ear).pings = 0;
                self.packet("3");
            }
            Protocol::V4 => {}
        }
    }

    pub(crate) fn poll(&mut self) {
        if self.polls() && self.poll.is_none() {
            self.poll = Some(self.get());
        }
    }

    fn get(&self) -> JoinHandle<u16> {
        let request = self.request("GET", Content::Text, 0);
        self.network.ask(request, self.protocol, &self.ear)
    }

    /// A second poll: the session is over.
    pub(crate) fn poll_twice(&mut self) {
        if self.polls() && self.poll.is_some() {
            self.is_orderly = false;
            drop(self.get());
        }
    }

    pub(crate) fn lose_poll(&mut self) {
        if let Some(poll) = self.poll.take() {
            self.is_orderly = false;
            poll.abort();
        }
    }

    pub(crate) fn lose_post(&mut self) {
        if let Some(post) = self.post.take() {
            self.is_orderly = false;
            post.abort();
        }
    }

    fn request(&self, method: &str, content: Content, length: usize) -> Vec<u8> {
        let media = match content {
            Content::Text => "text/plain;charset=UTF-8",
            Content::Binary => "application/octet-stream",
        };
        format!(
            "{method} {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {media}\r\n\
             content-length: {length}\r\n\r\n",
            self.target
        )
        .into_bytes()
    }

    fn begin_post(&mut self, content: Content, body: &[u8], announced: usize) {
        let mut request = self.request("POST", content, announced);
        request.extend_from_slice(body);
        self.post = Some(self.network.ask(request, self.protocol, &self.ear));
    }

    fn numbered(&mut self, count: u32) -> Vec<u32> {
        let first = self.numbered + 1;
        self.numbered += count;
        (first..=self.numbered).collect()
    }

    pub(crate) fn post(&mut self, count: u32) {
        if !self.polls() || self.post.is_some() {
            return;
        }
        let numbers = self.numbered(count);
        let messages: Vec<Vec<u8>> = numbers.iter().map(|number| written(*number, 20)).collect();
        let packets = numbers.iter().zip(&messages).map(|(number, message)| {
            match (number.is_multiple_of(4), std::str::from_utf8(message)) {
                (false, Ok(text)) => Packet::Text(text),
                _ => Packet::Binary(message.as_slice().into()),
            }
        });
        let payload = match self.protocol == Protocol::V3 && count.is_multiple_of(2) {
            true => payload::binary(packets, usize::MAX),
            false => payload::text(self.protocol, packets, usize::MAX),
        };
        self.begin_post(payload.content, &payload.body, payload.body.len());
        self.sent.extend(numbers);
    }

    /// A POST whose rest does not come.
    pub(crate) fn post_part(&mut self) {
        if self.polls() && self.post.is_none() {
            self.is_orderly = false;
            self.begin_post(Content::Text, b"4m", 1000);
        }
    }

    /// Sends over what carries the session.
    pub(crate) fn packet(&mut self, packet: &str) {
        match &self.websocket {
            Some((websocket, Stage::Carries)) => websocket.send(Message::text(packet)),
            _ if self.post.is_some() => {}
            _ => {
                let body = match self.protocol {
                    Protocol::V3 => format!("{}:{packet}", packet.encode_utf16().count()),
                    Protocol::V4 => packet.to_owned(),
                };
                self.begin_post(Content::Text, body.as_bytes(), body.len());
            }
        }
    }

    pub(crate) fn junk(&mut self, junk: &[u8]) {
        self.is_orderly = false;
        match &self.websocket {
            Some((websocket, Stage::Carries)) => websocket.send(junk_message(junk)),
            _ if self.post.is_some() => {}
            _ => self.begin_post(Content::Text, junk, junk.len()),
        }
    }

    pub(crate) fn junk_on_websocket(&mut self, junk: &[u8]) {
        if let Some((websocket, stage)) = &self.websocket {
            // One that is not carrying the session yet is dropped alone.
            self.is_orderly &= *stage != Stage::Carries && junk != b"5";
            websocket.send(junk_message(junk));
        }
    }

    pub(crate) fn send(&mut self, count: u32) {
        if self.polls() {
            return;
        }
        for number in self.numbered(count) {
            let message = written(number, 20);
            let text = [b"4", &*message].concat();
            let is_binary = number.is_multiple_of(4);
            let bytes = match self.protocol {
                Protocol::V3 => [b"\x04", &*message].concat(),
                Protocol::V4 => message,
            };
            if let Some((websocket, _)) = &self.websocket {
                websocket.send(match (is_binary, String::from_utf8(text)) {
                    (false, Ok(text)) => Message::text(text),
                    _ => Message::binary(bytes),
                });
            }
            self.sent.push(number);
        }
    }

    pub(crate) fn open_websocket(&mut self) {
        if self.websocket.is_none() {
            let target = self.target.replace("polling", "websocket");
            let websocket = self.network.websocket(&target, self.protocol, &self.ear);
            self.websocket = Some((websocket, Stage::Opened));
        }
    }

    pub(crate) fn probe(&mut self) {
        self.open_websocket();
        if let Some((websocket, stage @ Stage::Opened)) = &mut self.websocket {
            websocket.send(Message::text("2probe"));
            *stage = Stage::Tried;
        }
    }

    /// Comes over the WebSocket that was tried, once all else is over.
    pub(crate) fn upgrade(&mut self) {
        if self.poll.is_none() && self.post.is_none() && lock(&self.ear).is_probed {
            self.come();
        }
    }

    pub(crate) fn upgrade_in_haste(&mut self) {
        if matches!(self.websocket, Some((_, Stage::Opened | Stage::Tried))) {
            self.is_orderly = false;
            self.come();
        }
    }

    fn come(&mut self) {
        if let Some((websocket, stage @ (Stage::Opened | Stage::Tried))) = &mut self.websocket {
            websocket.send(Message::text("5"));
            *stage = Stage::Carries;
        }
    }

    pub(crate) fn lose_websocket(&mut self) {
        let Some((_, stage)) = self.websocket.take() else {
            return;
        };
        self.may_be_over |= stage == Stage::Carries;
        let mut heard = lock(&self.ear);
        heard.is_probed = false;
        heard.is_over |= stage == Stage::Carries;
    }

    pub(crate) fn read_websocket(&self, reads: bool) {
        if let Some((websocket, _)) = &self.websocket {
            websocket.read(reads);
        }
    }

    pub(crate) fn close_frame(&self) {
        if let Some((websocket, Stage::Carries)) = &self.websocket {
            websocket.send(Message::Close(None));
        }
    }

    /// Leaves without a word.
    pub(crate) fn abandon(&mut self) {
        if let Some(poll) = self.poll.take() {
            poll.abort();
        }
        if let Some(post) = self.post.take() {
            post.abort();
        }
        drop(take(&mut self.websocket));
    }
}

fn junk_message(junk: &[u8]) -> Message {
    match std::str::from_utf8(junk) {
        Ok(text) => Message::text(text),
        Err(_) => Message::binary(junk.to_vec()),
    }
}
